/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <ctype.h>
#include <stdarg.h>

bool str_ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

char *str_printf(const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	return n < 0 ? NULL : text;
}

int str_copy(char *dest, size_t size, const char *src)
{
	size_t n = strlen(src);

	if (n >= size)
		return -ENAMETOOLONG;
	memcpy(dest, src, n + 1);
	return 0;
}

int str_set(char **p, const char *value)
{
	char *copy = NULL;

	if (value) {
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
	}
	free(*p);
	*p = copy;
	return 0;
}

int str_to_u64(const char *s, uint64_t *ret)
{
	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(s, &end, 10);
	if (errno)
		return -errno;
	if (*end)
		return -EINVAL;
	*ret = value;
	return 0;
}

int str_to_i64(const char *s, int64_t *ret)
{
	if (!isdigit((unsigned char)s[*s == '-' || *s == '+']))
		return -EINVAL;
	char *end;
	errno = 0;
	long long value = strtoll(s, &end, 10);
	if (errno)
		return -errno;
	if (*end)
		return -EINVAL;
	*ret = value;
	return 0;
}

int str_to_u32(const char *s, uint32_t *ret)
{
	uint64_t value;
	int r = str_to_u64(s, &value);

	if (r < 0)
		return r;
	if (value > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)value;
	return 0;
}

/* The exponent of 1024 that a size suffix stands for, -EINVAL if it is none. */
static int size_suffix_power(const char *s)
{
	static const char units[] = "bkmgtp";
	if (!*s)
		return 0;
	const char *unit = strchr(units, tolower((unsigned char)*s));
	if (!unit)
		return -EINVAL;
	s++;
	if (unit != units) {
		if (*s == 'i')
			s++;
		if (*s == 'b' || *s == 'B')
			s++;
	}
	return *s ? -EINVAL : (int)(unit - units);
}

int str_to_size(const char *s, uint64_t *ret)
{
	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	char *end;
	errno = 0;
	unsigned long long whole = strtoull(s, &end, 10);
	if (errno)
		return -errno;
	double fraction = 0;
	if (*end == '.') {
		double scale = 0.1;
		for (end++; isdigit((unsigned char)*end); end++, scale /= 10)
			fraction += (*end - '0') * scale;
	}
	while (*end == ' ')
		end++;
	int power = size_suffix_power(end);
	if (power < 0)
		return power;
	unsigned int shift = 10 * (unsigned int)power;
	if (shift && whole > (UINT64_MAX >> shift))
		return -ERANGE;
	uint64_t value = whole << shift;
	uint64_t part = (uint64_t)(fraction * (double)(1ULL << shift));
	if (value > UINT64_MAX - part)
		return -ERANGE;
	*ret = value + part;
	return 0;
}

int str_to_bool(const char *s, bool *ret)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True", "yes"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False", "no"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (str_eq(s, yes[i])) {
			*ret = true;
			return 0;
		}
		if (str_eq(s, no[i])) {
			*ret = false;
			return 0;
		}
	}
	return -EINVAL;
}

int str_to_duration(const char *s, int64_t *ret_ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
	double total = 0;
	bool any = false;

	if (!*s)
		return -EINVAL;
	while (*s) {
		char *end;
		if (!isdigit((unsigned char)*s) && *s != '.')
			return -EINVAL;
		double value = strtod(s, &end);
		size_t n = strspn(end, "nusmh");
		if (n == 0 && !any && !*end) {
			total = value * 1e9;
			break;
		}
		/* "1h30m": a unit ends where the next number starts; try the longest name first. */
		bool found = false;
		for (size_t i = 0; i < ARRAY_SIZE(units) && !found; i++) {
			if (strlen(units[i].name) == n && strncmp(end, units[i].name, n) == 0) {
				total += value * units[i].ns;
				found = true;
			}
		}
		if (!found)
			return -EINVAL;
		any = true;
		s = end + n;
	}
	if (total < 0 || total > 9.2e18)
		return -ERANGE;
	*ret_ns = (int64_t)total;
	return 0;
}

size_t strv_length(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

void strv_free(char **v)
{
	for (char **p = v; p && *p; p++)
		free(*p);
	free(v);
}

bool strv_contains(char *const *v, const char *s)
{
	strv_foreach (p, v)
		if (str_eq(*p, s))
			return true;
	return false;
}

int strv_append_take(char ***v, char *s)
{
	_cleanup_free_ char *owned = s;

	if (!owned)
		return -ENOMEM;
	size_t n = strv_length(*v);
	char **larger = reallocarray(*v, n + 2, sizeof(char *));
	if (!larger)
		return -ENOMEM;
	larger[n] = TAKE_PTR(owned);
	larger[n + 1] = NULL;
	*v = larger;
	return 0;
}

int strv_append(char ***v, const char *s)
{
	return strv_append_take(v, strdup(s));
}

int strv_append_printf(char ***v, const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	return n < 0 ? -ENOMEM : strv_append_take(v, text);
}

int strv_extend(char ***v, char *const *more)
{
	strv_foreach (s, more) {
		int r = strv_append(v, *s);
		if (r < 0)
			return r;
	}
	return 0;
}

char **strv_split(const char *s, const char *separators)
{
	_cleanup_strv_ char **v = calloc(1, sizeof(char *));

	if (!v)
		return NULL;
	for (s += strspn(s, separators); *s; s += strspn(s, separators)) {
		size_t n = strcspn(s, separators);
		if (strv_append_take(&v, strndup(s, n)) < 0)
			return NULL;
		s += n;
	}
	return TAKE_PTR(v);
}

char *strv_join(char *const *v, const char *separator)
{
	size_t total = 1, gap = strlen(separator);

	strv_foreach (s, v)
		total += strlen(*s) + gap;
	char *joined = malloc(total), *p = joined;
	if (!joined)
		return NULL;
	strv_foreach (s, v) {
		if (p != joined)
			p = mempcpy(p, separator, gap);
		p = mempcpy(p, *s, strlen(*s));
	}
	*p = '\0';
	return joined;
}

const char *env_get(char *const *env, const char *name)
{
	size_t n = strlen(name);

	strv_foreach (e, env)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

int env_set(char ***env, const char *assignment)
{
	size_t n = strcspn(assignment, "=");

	for (char **e = *env; e && *e; e++) {
		if (strncmp(*e, assignment, n) == 0 && (*e)[n] == '=')
			return str_set(e, assignment);
	}
	return strv_append(env, assignment);
}
