/* SPDX-License-Identifier: Apache-2.0 */
/* Time as nanoseconds, and RFC 3339 texts as Go prints and reads them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define NS_PER_SECOND 1000000000LL
#define NS_PER_MS     1000000LL

int64_t clock_realtime_ns(void);
int64_t clock_monotonic_ns(void);

#define CLOCK_TEXT_SIZE 40

/* "2026-11-22T02:50:40.123456789Z"; trailing zeros of the fraction are cut as Go's RFC3339Nano does. */
void clock_format_rfc3339(int64_t realtime_ns, char text[CLOCK_TEXT_SIZE]);

/* As above with all nine digits, as log lines have them. */
void clock_format_rfc3339_padded(int64_t realtime_ns, char text[CLOCK_TEXT_SIZE]);

/* Reads RFC 3339 with any offset and fraction; 0 or -EINVAL. */
int clock_parse_rfc3339(const char *text, int64_t *ret_ns);

/*
 * A moment as people type it for --since, --until and until=: how long before now_ns ("10m",
 * "1h30m", "-10m" for later), seconds since 1970 with or without a fraction, or a date with as much
 * of a time and a zone as they care to give: 2020-01-01, 2020-01-01T10, 2020-01-01T10:30:00.5,
 * 2020-01-01T10:30Z, 2020-01-01+02:00. Without a zone it is the time of this place. 0 or -EINVAL.
 */
int clock_parse_moment(const char *text, int64_t now_ns, int64_t *ret_ns);

/* "About a minute", "3 hours": the age texts of Docker's tables. */
void clock_format_age(int64_t seconds, char *text, size_t size);
