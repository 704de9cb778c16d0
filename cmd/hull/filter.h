/* SPDX-License-Identifier: Apache-2.0 */
/* `--filter NAME=VALUE` of the commands that list things: a table of names and what they look at. */
#pragma once

#include "hull.h"

struct filter {
	const char *name;
	/* 1 if the thing is as the value says, 0 if not, or an error. */
	int (*match)(const void *thing, const char *value, struct hull_error *err);
	int (*check)(const char *value); /* 0 if the value can be asked for; NULL = any can */
	bool every; /* several values must all match; without it one of them must */
};

struct filters {
	const struct filter *known;
	size_t n_known;
	char *const *wanted; /* "NAME=VALUE"; NULL = everything matches */
};

/* HULL_ERROR_INVALID names the first that is unknown or has a value that nothing can have. */
int filters_check(const struct filters *filters, struct hull_error *err);

/* 1 if the thing matches every name that was asked for, 0 if not, or an error. */
int filters_match(const struct filters *filters, const void *thing, struct hull_error *err);

/* The last value asked for under that name, or NULL. */
const char *filters_value(const struct filters *filters, const char *name);

/* True if the text is the pattern, or has what the pattern, an extended regular expression, says. */
bool filter_match_pattern(const char *text, const char *pattern);

/* A check: true, false, 1, 0, ... */
int filter_check_boolean(const char *value);
