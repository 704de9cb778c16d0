/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for the kernel with a deadline. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct deadline {
	int64_t end_ns; /* monotonic; -1 = never */
	unsigned int pause_us;
};

/* timeout_ms: -1 = for ever, 0 = at once. */
struct deadline deadline_in(int timeout_ms);

/* Milliseconds left for poll(2): -1 = for ever, 0 = it has passed. */
int deadline_left_ms(const struct deadline *deadline);

/* Sleeps for a moment, longer each time up to 20 ms; false if the time is up instead. */
bool deadline_pause(struct deadline *deadline);
