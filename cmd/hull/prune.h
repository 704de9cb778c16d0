/* SPDX-License-Identifier: Apache-2.0 */
/* What the prune commands share: the question, the filters, the things that are pruned. */
#pragma once

#include "hull.h"

#include "image/image.h"
#include "json/json.h"

/* What --filter asks for. */
struct prune_filter {
	int64_t until_ns; /* 0 = any time */
	char **labels, **not_labels;
	struct hull_opt_bool dangling; /* images only */
};

/* The value of until=: see clock_parse_moment(). Never 0. */
int prune_parse_until(const char *text, int64_t *ret, struct hull_error *err);

/* Reads until=, label=, label!= and, if allowed, dangling=. */
int prune_filter_parse(
	struct prune_filter *ret, char *const *filters, bool dangling, struct hull_error *err);
void prune_filter_done(struct prune_filter *filter);

/* True if what was created then and has those labels is meant. */
bool prune_filter_matches(const struct prune_filter *filter, int64_t created,
	const struct json_pair *labels, size_t n_labels);

#define _cleanup_prune_filter_ _cleanup_(prune_filter_done)

/*
 * Prints the warning and asks. 0 if the answer is yes (or force), else HULL_ERROR_CANCELED with
 * "WHAT has been cancelled".
 */
int prune_confirm(const char *warning, const char *what, bool force, struct hull_error *err);

/* Prune, and print what went. *bytes grows by what was freed. */
int prune_containers(struct engine *engine, const struct prune_filter *filter, int64_t *bytes,
	struct hull_error *err);
int prune_networks(
	struct engine *engine, const struct prune_filter *filter, struct hull_error *err);
int prune_images(struct engine *engine, const struct prune_filter *filter, bool all, int64_t *bytes,
	struct hull_error *err);

/* "Total reclaimed space: 1.2MB" */
void prune_print_total(int64_t bytes);
