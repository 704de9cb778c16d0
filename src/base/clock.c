/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t now(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NS_PER_SECOND + ts.tv_nsec;
}

int64_t clock_realtime_ns(void)
{
	return now(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

/* Proleptic Gregorian days since 1970-01-01 and back; no time zone, no libc tables, no locks. */
static int64_t days_from_civil(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t z, int *y, int *m, int *d)
{
	z += 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400 + (*m <= 2));
}

static void format(int64_t ns, char *text, bool padded)
{
	int64_t seconds = ns / NS_PER_SECOND, fraction = ns % NS_PER_SECOND;
	if (fraction < 0) {
		fraction += NS_PER_SECOND;
		seconds--;
	}
	int64_t days = seconds / 86400, rest = seconds % 86400;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	int y, m, d;
	civil_from_days(days, &y, &m, &d);
	int n = snprintf(text, CLOCK_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%09lld", y, m, d,
		(int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60), (long long)fraction);
	if (n > CLOCK_TEXT_SIZE - 2)
		n = CLOCK_TEXT_SIZE - 2;
	if (!padded) {
		while (text[n - 1] == '0')
			n--;
		if (text[n - 1] == '.')
			n--;
	}
	text[n] = 'Z';
	text[n + 1] = '\0';
}

void clock_format_rfc3339(int64_t realtime_ns, char text[CLOCK_TEXT_SIZE])
{
	format(realtime_ns, text, false);
}

void clock_format_rfc3339_padded(int64_t realtime_ns, char text[CLOCK_TEXT_SIZE])
{
	format(realtime_ns, text, true);
}

/* ---- Reading ---- */

/* A point in time as written; what was left out is 0. */
struct written {
	int year, month, day, hour, minute, second;
	int64_t fraction; /* ns */
	bool has_seconds;
	bool has_zone;
	int64_t offset; /* seconds east of UTC */
};

/* Exactly n digits. */
static bool take_number(const char **p, int n, int *ret)
{
	int value = 0;

	for (; n > 0; n--, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return false;
		value = value * 10 + (**p - '0');
	}
	*ret = value;
	return true;
}

static bool take(const char **p, const char *any_of)
{
	if (!**p || !strchr(any_of, **p))
		return false;
	(*p)++;
	return true;
}

/* Digits behind a point; what is finer than a nanosecond counts for nothing. */
static bool take_fraction(const char **p, int64_t *ret_ns)
{
	int64_t scale = NS_PER_SECOND / 10;

	if (!isdigit((unsigned char)**p))
		return false;
	for (*ret_ns = 0; isdigit((unsigned char)**p); (*p)++, scale /= 10)
		*ret_ns += (**p - '0') * scale;
	return true;
}

static bool take_date(const char **p, struct written *w)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (!take_number(p, 4, &w->year) || !take(p, "-") || !take_number(p, 2, &w->month) ||
		!take(p, "-") || !take_number(p, 2, &w->day))
		return false;
	if (w->month < 1 || w->month > 12 || w->day < 1 || w->day > days[w->month - 1])
		return false;
	bool leap = (w->year % 4 == 0 && w->year % 100 != 0) || w->year % 400 == 0;
	return leap || w->month != 2 || w->day < 29;
}

/* HH[:MM[:SS[.fraction]]] */
static bool take_time(const char **p, struct written *w)
{
	if (!take_number(p, 2, &w->hour) || w->hour > 23)
		return false;
	if (!take(p, ":"))
		return true;
	if (!take_number(p, 2, &w->minute) || w->minute > 59)
		return false;
	if (!take(p, ":"))
		return true;
	w->has_seconds = true;
	if (!take_number(p, 2, &w->second) || w->second > 60)
		return false;
	return !take(p, ".") || take_fraction(p, &w->fraction);
}

static bool take_zone(const char **p, struct written *w)
{
	int hours, minutes;

	w->has_zone = true;
	if (take(p, "Zz"))
		return true;
	bool west = **p == '-';
	if (!take(p, "+-") || !take_number(p, 2, &hours) || !take(p, ":") ||
		!take_number(p, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	w->offset = (hours * 3600LL + minutes * 60LL) * (west ? -1 : 1);
	return true;
}

static int from_written(const struct written *w, int64_t *ret_ns)
{
	int64_t seconds = days_from_civil(w->year, w->month, w->day) * 86400 + w->hour * 3600LL +
			  w->minute * 60LL + w->second - w->offset;

	if (__builtin_mul_overflow(seconds, NS_PER_SECOND, &seconds) ||
		__builtin_add_overflow(seconds, w->fraction, ret_ns))
		return -EINVAL;
	return 0;
}

int clock_parse_rfc3339(const char *text, int64_t *ret_ns)
{
	struct written w = {0};
	const char *p = text;

	if (!take_date(&p, &w) || !take(&p, "Tt ") || !take_time(&p, &w) || !w.has_seconds ||
		!take_zone(&p, &w) || *p)
		return -EINVAL;
	return from_written(&w, ret_ns);
}

/* N or N.fraction */
static bool parse_epoch(const char *text, int64_t *ret_ns)
{
	int64_t seconds = 0, fraction = 0;
	const char *p = text;

	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(seconds, 10, &seconds) ||
			__builtin_add_overflow(seconds, *p - '0', &seconds))
			return false;
	if (take(&p, ".") && !take_fraction(&p, &fraction))
		return false;
	return !*p && !__builtin_mul_overflow(seconds, NS_PER_SECOND, &seconds) &&
	       !__builtin_add_overflow(seconds, fraction, ret_ns);
}

/* What the zone of this process (TZ, /etc/localtime) is ahead of UTC now, as Docker takes it. */
static int64_t local_offset(int64_t now_ns)
{
	time_t seconds = (time_t)(now_ns / NS_PER_SECOND);
	struct tm local;

	return localtime_r(&seconds, &local) ? local.tm_gmtoff : 0;
}

int clock_parse_moment(const char *text, int64_t now_ns, int64_t *ret_ns)
{
	struct written w = {0};
	const char *p = text;
	bool future = *text == '-';
	bool unit = *text && isalpha((unsigned char)text[strlen(text) - 1]);
	int64_t ago;

	if (parse_epoch(text, ret_ns))
		return 0;
	if (unit && str_to_duration(text + future, &ago) == 0)
		return __builtin_sub_overflow(now_ns, future ? -ago : ago, ret_ns) ? -EINVAL : 0;
	if (!take_date(&p, &w) || (take(&p, "Tt") && !take_time(&p, &w)) ||
		(*p && (!take_zone(&p, &w) || *p)))
		return -EINVAL;
	if (!w.has_zone)
		w.offset = local_offset(now_ns);
	return from_written(&w, ret_ns);
}

void clock_format_age(int64_t s, char *text, size_t size)
{
	static const struct {
		int64_t below, unit;
		const char *format;
	} steps[] = {
		{1, 1, "Less than a second"},
		{2, 1, "1 second"},
		{60, 1, "%lld seconds"},
		{120, 60, "About a minute"},
		{46 * 60, 60, "%lld minutes"},
		{90 * 60, 3600, "About an hour"},
		{48 * 3600, 3600, "%lld hours"},
		{14 * 86400, 86400, "%lld days"},
		{60 * 86400, 7 * 86400, "%lld weeks"},
		{730LL * 86400, 30 * 86400, "%lld months"},
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (s < steps[i].below) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(text, size, steps[i].format, (long long)(s / steps[i].unit));
#pragma GCC diagnostic pop
			return;
		}
	}
	snprintf(text, size, "%lld years", (long long)(s / (365 * 86400)));
}
