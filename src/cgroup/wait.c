/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/wait.h"

#include "base/clock.h"

#include <limits.h>
#include <time.h>

#define PAUSE_FIRST_US 100
#define PAUSE_LAST_US  20000

struct deadline deadline_in(int timeout_ms)
{
	struct deadline d = {-1, PAUSE_FIRST_US};

	if (timeout_ms >= 0)
		d.end_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;
	return d;
}

int deadline_left_ms(const struct deadline *deadline)
{
	if (deadline->end_ns < 0)
		return -1;
	int64_t left = deadline->end_ns - clock_monotonic_ns();
	if (left <= 0)
		return 0;
	left = (left + NS_PER_MS - 1) / NS_PER_MS;
	return left > INT_MAX ? INT_MAX : (int)left;
}

bool deadline_pause(struct deadline *deadline)
{
	if (deadline_left_ms(deadline) == 0)
		return false;
	struct timespec pause = {.tv_nsec = (long)deadline->pause_us * 1000};
	nanosleep(&pause, NULL);
	deadline->pause_us *= 2;
	if (deadline->pause_us > PAUSE_LAST_US)
		deadline->pause_us = PAUSE_LAST_US;
	return true;
}
