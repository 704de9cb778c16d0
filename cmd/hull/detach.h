/* SPDX-License-Identifier: Apache-2.0 */
/* Detach keys: a sequence in the user's input that lets go of a container instead of reaching it. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define DETACH_KEYS_MAX 16

struct detach_filter {
	unsigned char keys[DETACH_KEYS_MAX];
	size_t n_keys;	/* 0 = no detaching */
	size_t matched; /* keys seen so far, held back */
};

/* "ctrl-p,ctrl-q", "a,b", "ctrl-\\": single characters and ctrl-<a-z@[\]^_>. "" = none. */
int detach_parse(const char *text, struct detach_filter *ret, struct hull_error *err);

/*
 * Takes n bytes of input; out (room for n + DETACH_KEYS_MAX) gets what goes to the container. True
 * if the sequence is complete: the rest of the input is dropped.
 */
bool detach_feed(struct detach_filter *f, const char *in, size_t n, char *out, size_t *ret_n);
