/* SPDX-License-Identifier: Apache-2.0 */
#include "filter.h"

#include "base/str.h"

#include <regex.h>

/* What is asked of the filter by a text "NAME=VALUE", or NULL if that is for another one. */
static const char *value_for(const char *name, const char *text)
{
	const char *rest = str_after(text, name);

	return rest && *rest == '=' ? rest + 1 : NULL;
}

static bool can_match(const struct filters *f, const char *text)
{
	for (size_t i = 0; i < f->n_known; i++) {
		const char *value = value_for(f->known[i].name, text);

		if (value)
			return !f->known[i].check || f->known[i].check(value) == 0;
	}
	return false;
}

int filters_check(const struct filters *f, struct hull_error *err)
{
	strv_foreach (text, f->wanted)
		if (!can_match(f, *text))
			return error_set(err, HULL_ERROR_INVALID, "invalid filter '%s'", *text);
	return 0;
}

static int match_one(const struct filters *f, const struct filter *filter, const void *thing,
	struct hull_error *err)
{
	bool asked = false;

	strv_foreach (text, f->wanted) {
		const char *value = value_for(filter->name, *text);

		if (!value)
			continue;
		int r = filter->match(thing, value, err);
		if (r < 0 || (r > 0) != filter->every)
			return r;
		asked = true;
	}
	return !asked || filter->every;
}

int filters_match(const struct filters *f, const void *thing, struct hull_error *err)
{
	int r = 1;

	for (size_t i = 0; r > 0 && f->wanted && i < f->n_known; i++)
		r = match_one(f, &f->known[i], thing, err);
	return r;
}

const char *filters_value(const struct filters *f, const char *name)
{
	const char *found = NULL;

	strv_foreach (text, f->wanted) {
		const char *value = value_for(name, *text);

		found = value ? value : found;
	}
	return found;
}

bool filter_match_pattern(const char *text, const char *pattern)
{
	regex_t regex;

	if (str_eq(text, pattern))
		return true;
	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	bool found = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

int filter_check_boolean(const char *value)
{
	bool ignored;

	return str_to_bool(value, &ignored);
}
