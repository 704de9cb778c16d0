/* SPDX-License-Identifier: Apache-2.0 */
/* printf of templates: Go's verbs over JSON values, a mismatch told in the output as Go does. */
#include "cli/template_tree.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

/* One verb of printf with its flags, width and precision. */
struct verb {
	bool left, plus, zero, alternate, space;
	int width, precision; /* -1 = not given */
	char letter;
};

static const char *read_number(const char *p, int *ret)
{
	int number = 0;

	for (; isdigit((unsigned char)*p); p++)
		if (number < 10000)
			number = number * 10 + (*p - '0');
	*ret = number < 1000 ? number : 1000;
	return p;
}

static const char *read_verb(const char *p, struct verb *verb)
{
	*verb = (struct verb){.width = -1, .precision = -1};
	for (;; p++) {
		if (*p == '-')
			verb->left = true;
		else if (*p == '+')
			verb->plus = true;
		else if (*p == '0')
			verb->zero = true;
		else if (*p == '#')
			verb->alternate = true;
		else if (*p == ' ')
			verb->space = true;
		else
			break;
	}
	if (isdigit((unsigned char)*p))
		p = read_number(p, &verb->width);
	if (*p == '.')
		p = read_number(p + 1, &verb->precision);
	verb->letter = *p;
	return *p ? p + 1 : p;
}

void template_print_real(struct buf *out, double number)
{
	char text[32];
	int digits = 1, exponent = 0;

	do
		snprintf(text, sizeof(text), "%.*e", digits - 1, number);
	while (strtod(text, NULL) != number && ++digits < 18);
	const char *e = strchr(text, 'e');

	if (e)
		exponent = (int)strtol(e + 1, NULL, 10);
	if (!e || exponent < -4 || exponent >= 6)
		buf_puts(out, text);
	else
		buf_printf(out, "%.*f", digits - 1 > exponent ? digits - 1 - exponent : 0, number);
}

static void put_binary(struct buf *out, uint64_t number)
{
	int bit = 63;

	while (bit > 0 && !(number >> bit & 1))
		bit--;
	for (; bit >= 0; bit--)
		buf_putc(out, number >> bit & 1 ? '1' : '0');
}

/* %c, %q and %U take a number as a character. */
static void put_character(struct buf *out, char letter, uint64_t c)
{
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	if (letter == 'U') {
		buf_printf(out, "U+%04" PRIX64, c);
		return;
	}
	if (letter == 'q')
		buf_puts(out, c == '\'' || c == '\\' ? "'\\" : "'");
	template_put_code_point(out, c);
	if (letter == 'q')
		buf_putc(out, '\'');
}

static bool format_integer(const struct verb *verb, const struct json_value *value, struct buf *out)
{
	int64_t number;

	if (!json_value_i64(value, &number))
		return false;
	uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	if (strchr("cqU", verb->letter)) {
		put_character(out, verb->letter, number < 0 ? UINT64_MAX : size);
		return true;
	}
	if (number < 0)
		buf_putc(out, '-');
	else if (verb->plus)
		buf_putc(out, '+');
	else if (verb->space)
		buf_putc(out, ' ');
	if (verb->letter == 'x')
		buf_printf(out, verb->alternate ? "0x%" PRIx64 : "%" PRIx64, size);
	else if (verb->letter == 'X')
		buf_printf(out, verb->alternate ? "0X%" PRIX64 : "%" PRIX64, size);
	else if (verb->letter == 'o')
		buf_printf(out, "%" PRIo64, size);
	else if (verb->letter == 'b')
		put_binary(out, size);
	else
		buf_printf(out, "%" PRIu64, size);
	return true;
}

static bool format_real(const struct verb *verb, const struct json_value *value, struct buf *out)
{
	int precision = verb->precision >= 0 ? verb->precision : 6;
	double number;

	if (!json_value_double(value, &number))
		return false;
	if (verb->plus && number >= 0)
		buf_putc(out, '+');
	if (verb->letter == 'e')
		buf_printf(out, "%.*e", precision, number);
	else if (verb->letter == 'g' && verb->precision < 0)
		buf_append(out, value->text, value->len);
	else if (verb->letter == 'g')
		buf_printf(out, "%.*g", precision, number);
	else
		buf_printf(out, "%.*f", precision, number);
	return true;
}

/* The value by the verb, without padding; false if they do not go together. */
static bool format_value(const struct verb *verb, const struct json_value *value, struct buf *out)
{
	const char *text = json_value_string(value);

	switch (verb->letter) {
	case 'v':
		template_print(out, value);
		return true;
	case 's':
		if (value && (value->type == JSON_TYPE_NUMBER || value->type == JSON_TYPE_BOOL))
			return false;
		if (value && text && verb->precision >= 0 && (size_t)verb->precision < value->len)
			buf_append(out, text, (size_t)verb->precision);
		else
			template_print(out, value);
		return true;
	case 'q':
		if (text)
			json_quote(out, text, value->len);
		return text || format_integer(verb, value, out);
	case 't':
		if (!value || value->type != JSON_TYPE_BOOL)
			return false;
		template_print(out, value);
		return true;
	case 'x':
	case 'X':
		for (size_t i = 0; text && i < value->len; i++)
			buf_printf(
				out, verb->letter == 'x' ? "%02x" : "%02X", (unsigned char)text[i]);
		return text || format_integer(verb, value, out);
	case 'b':
	case 'c':
	case 'd':
	case 'o':
	case 'U':
		return format_integer(verb, value, out);
	case 'e':
	case 'f':
	case 'g':
		return format_real(verb, value, out);
	default:
		return false;
	}
}

static void pad(const struct verb *verb, const struct buf *text, bool number, struct buf *out)
{
	size_t characters = 0, sign = 0;

	for (size_t i = 0; i < text->len; i++)
		characters += ((unsigned char)text->data[i] & 0xc0) != 0x80;
	int missing = verb->width > 0 && (size_t)verb->width > characters
			      ? verb->width - (int)characters
			      : 0;

	if (!verb->left && verb->zero && number) {
		sign = text->len && (text->data[0] == '-' || text->data[0] == '+');
		buf_append(out, buf_str(text), sign);
		for (int i = 0; i < missing; i++)
			buf_putc(out, '0');
	} else if (!verb->left) {
		buf_printf(out, "%*s", missing, "");
	}
	buf_append(out, buf_str(text) + sign, text->len - sign);
	if (verb->left)
		buf_printf(out, "%*s", missing, "");
}

/* "string=web": how Go tells of an argument that does not fit. */
static void put_typed(const struct json_value *value, struct buf *out)
{
	static const char *const types[] = {[JSON_TYPE_BOOL] = "bool",
		[JSON_TYPE_NUMBER] = "int",
		[JSON_TYPE_STRING] = "string",
		[JSON_TYPE_ARRAY] = "[]interface {}",
		[JSON_TYPE_OBJECT] = "map[string]interface {}"};

	if (!value || value->type == JSON_TYPE_NULL) {
		buf_puts(out, "<nil>");
		return;
	}
	buf_printf(out, "%s=", types[value->type]);
	template_print(out, value);
}

void template_printf(
	struct buf *out, const char *format, const struct json_value *const *args, size_t count)
{
	size_t next = 0;

	for (const char *p = format; *p;) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		size_t plain = strcspn(p, "%");
		struct verb verb;

		buf_append(out, p, plain);
		p += plain;
		if (!*p)
			break;
		p = read_verb(p + 1, &verb);
		if (!verb.letter) {
			buf_puts(out, "%!(NOVERB)");
		} else if (verb.letter == '%') {
			buf_putc(out, '%');
		} else if (next >= count) {
			buf_printf(out, "%%!%c(MISSING)", verb.letter);
		} else {
			const struct json_value *value = args[next++];

			if (!format_value(&verb, value, &text)) {
				buf_printf(&text, "%%!%c(", verb.letter);
				put_typed(value, &text);
				buf_putc(&text, ')');
			}
			pad(&verb, &text, value && value->type == JSON_TYPE_NUMBER, out);
		}
	}
	for (size_t i = next; i < count; i++) {
		buf_puts(out, i == next ? "%!(EXTRA " : ", ");
		put_typed(args[i], out);
	}
	if (next < count)
		buf_putc(out, ')');
}
