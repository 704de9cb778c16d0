/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

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

int clock_parse_rfc3339(const char *text, int64_t *ret_ns)
{
	int y, m, d, hour, minute, second, used = 0;

	if (sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &y, &m, &d, &hour, &minute, &second,
		    &used) != 6 ||
		used == 0)
		return -EINVAL;
	if (m < 1 || m > 12 || d < 1 || d > 31 || hour > 23 || minute > 59 || second > 60)
		return -EINVAL;
	text += used;
	int64_t fraction = 0;
	if (*text == '.') {
		int64_t scale = 100000000;
		text++;
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		for (; isdigit((unsigned char)*text); text++, scale /= 10)
			fraction += (*text - '0') * scale;
	}
	int64_t offset = 0;
	if (*text == 'Z' || *text == 'z') {
		text++;
	} else {
		char sign;
		int oh, om;
		used = 0;
		if (sscanf(text, "%c%2d:%2d%n", &sign, &oh, &om, &used) != 3 || used == 0 ||
			(sign != '+' && sign != '-'))
			return -EINVAL;
		offset = (oh * 3600LL + om * 60LL) * (sign == '-' ? -1 : 1);
		text += used;
	}
	if (*text)
		return -EINVAL;
	int64_t seconds =
		days_from_civil(y, m, d) * 86400 + hour * 3600LL + minute * 60LL + second - offset;
	if (__builtin_mul_overflow(seconds, NS_PER_SECOND, &seconds))
		return -EINVAL;
	*ret_ns = seconds + fraction;
	return 0;
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
