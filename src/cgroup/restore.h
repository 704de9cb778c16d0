/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking back what was written when a later write is refused: the value that a file had is kept
 * before it is overwritten, and put back, last one first. Every state on that way is one that the
 * kernel had accepted on the way there.
 */
#pragma once

#include "base/arena.h"
#include "cgroup/group.h"

#include <sys/types.h>

struct old_value {
	struct old_value *before;
	const struct group_place *place;
	const char *file, *value;
};

struct old_values {
	struct arena *arena; /* owns them; NULL: nothing is to be kept */
	struct old_value *last;
};

/*
 * The text that brings a file whose content is `content` back, when it is about to be overwritten
 * by `written`: the line of the same device or interface, or "no limit" if that has none; else the
 * only line there is. NULL if it cannot be brought back. content is cut up; the result is it, text
 * or a constant.
 */
const char *old_value_text(const char *file, const char *written, char *content, char text[128]);

/* Keeps what the open file has now. 0 or -ENOMEM. What cannot be read is not kept. */
int old_values_keep(struct old_values *old, const struct group_place *place, int fd,
	const char *file, const char *written);

/* The write did not happen: forgets the last that was kept after `before`. */
void old_values_forget(struct old_values *old, struct old_value *before);

void old_values_restore(const struct old_values *old);
