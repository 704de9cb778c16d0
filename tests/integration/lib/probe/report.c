/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Length of the well-formed UTF-8 sequence at s, 0 if there is none. */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 4;

	if (n == 1)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	/* overlong forms, surrogates, and past U+10FFFF */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void quote(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	fputc('"', out);
	while (*s) {
		size_t n = utf8_length(s);

		if (n == 0 || *s < 0x20 || *s == 0x7f) {
			fprintf(out, "\\u%04x", *s);
			s++;
			continue;
		}
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		fwrite(s, 1, n, out);
		s += n;
	}
	fputc('"', out);
}

static void open_member(struct report *r, const char *key)
{
	if (!r->first)
		fputc(',', r->out);
	r->first = false;
	if (key) {
		quote(r->out, key);
		fputc(':', r->out);
	}
}

void report_begin(struct report *r, const char *key, char bracket)
{
	open_member(r, key);
	fputc(bracket, r->out);
	r->first = true;
}

void report_end(struct report *r, char bracket)
{
	fputc(bracket, r->out);
	r->first = false;
}

void report_string(struct report *r, const char *key, const char *value)
{
	open_member(r, key);
	if (value)
		quote(r->out, value);
	else
		fputs("null", r->out);
}

void report_number(struct report *r, const char *key, int64_t value)
{
	open_member(r, key);
	fprintf(r->out, "%lld", (long long)value);
}

void report_u64(struct report *r, const char *key, uint64_t value)
{
	open_member(r, key);
	fprintf(r->out, "%llu", (unsigned long long)value);
}

void report_bool(struct report *r, const char *key, bool value)
{
	open_member(r, key);
	fputs(value ? "true" : "false", r->out);
}

void report_format(struct report *r, const char *key, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	report_string(r, key, text);
	free(text);
}

void report_file_line(struct report *r, const char *key, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (f && getline(&line, &size, f) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		report_string(r, key, line);
	} else {
		report_string(r, key, NULL);
	}
	free(line);
	if (f)
		fclose(f);
}

void report_file_lines(struct report *r, const char *key, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	report_begin(r, key, '[');
	while (f && getline(&line, &size, f) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		report_string(r, NULL, line);
	}
	report_end(r, ']');
	free(line);
	if (f)
		fclose(f);
}
