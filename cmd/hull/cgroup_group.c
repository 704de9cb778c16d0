/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

void group_name_done(struct group_name *name)
{
	free(name->path);
	name->path = NULL;
}

static int controllers_parse(const char *list, uint32_t *ret, struct hull_error *err)
{
	_cleanup_strv_ char **names = strv_split(list, ",");

	if (!names)
		return *list ? error_no_memory(err) : 0;
	*ret = 0;
	strv_foreach (name, names) {
		enum hull_cgroup_controller c;

		if (str_eq(*name, "*")) {
			*ret = 0;
			return 0;
		}
		if (hull_cgroup_controller_parse(*name, &c) < 0)
			return error_set(
				err, HULL_ERROR_INVALID, "unknown controller \"%s\"", *name);
		*ret |= HULL_CGROUP_BIT(c);
	}
	return 0;
}

int group_name_parse(const char *text, struct group_name *ret, struct hull_error *err)
{
	_cleanup_free_ char *list = NULL;
	const char *colon = strchr(text, ':'), *path = text;

	ret->controllers = 0;
	/* A colon may also be part of a name, behind a slash. */
	if (colon && !memchr(text, '/', (size_t)(colon - text))) {
		list = strndup(text, (size_t)(colon - text));
		if (!list)
			return error_no_memory(err);
		int r = controllers_parse(list, &ret->controllers, err);
		if (r < 0)
			return r;
		path = colon + 1;
	}
	if (!*path)
		return error_set(err, HULL_ERROR_INVALID, "\"%s\": no name of a group", text);
	const char *own = str_after(path, "./");
	ret->path = own ? strdup(own) : *path == '/' ? strdup(path) : str_printf("/%s", path);
	return ret->path ? 0 : error_no_memory(err);
}

void group_ref_done(struct group_ref *ref)
{
	hull_cgroup_free(ref->group);
	hull_cgroup_host_close(ref->host);
	*ref = (struct group_ref){0};
}

int group_ref_open(struct group_ref *ref, const char *text, struct hull_error *err)
{
	_cleanup_(group_name_done) struct group_name name = {0};
	int r = group_name_parse(text, &name, err);

	if (r == 0)
		r = hull_cgroup_host_open(&ref->host, err);
	if (r == 0)
		r = hull_cgroup_load(ref->host, name.path, name.controllers, &ref->group, err);
	return r;
}

/* Byte counts may be written as people do; the kernel knows only whole K, M and G. */
static bool takes_bytes(const char *file)
{
	return (str_after(file, "memory.") && !str_eq(file, "memory.swappiness") &&
		       !str_ends_with(file, ".group")) ||
	       str_after(file, "hugetlb.");
}

int group_set(struct hull_cgroup *group, const char *setting, struct hull_error *err)
{
	const char *equal = strchr(setting, '=');
	char number[24];
	uint64_t bytes;

	if (!equal || equal == setting)
		return error_set(err, HULL_ERROR_INVALID, "%s: expected FILE=VALUE", setting);
	_cleanup_free_ char *file = strndup(setting, (size_t)(equal - setting));
	const char *value = equal + 1;
	if (!file)
		return error_no_memory(err);
	if (takes_bytes(file) && strpbrk(value, "kKmMgGtT") && str_to_size(value, &bytes) == 0) {
		snprintf(number, sizeof(number), "%" PRIu64, bytes);
		value = number;
	}
	return hull_cgroup_set(group, file, value, err);
}

int each_group(struct cli_context *context, char **names, int argc, char **argv,
	int (*fn)(struct group_ref *ref, const char *text, void *data, struct hull_error *err),
	void *data, struct hull_error *err)
{
	_cleanup_strv_ char **all = NULL;
	int result = 0;

	if (strv_extend(&all, names) < 0)
		return error_no_memory(err);
	for (int i = 0; i < argc; i++)
		if (strv_append(&all, argv[i]) < 0)
			return error_no_memory(err);
	if (!all)
		return error_set(err, HULL_ERROR_INVALID, "no group given");
	strv_foreach (name, all) {
		_cleanup_(group_ref_done) struct group_ref ref = {0};

		if (result < 0) {
			fprintf(stderr, "%s: %s\n", context->program, hull_error_message(err));
			hull_error_done(err);
		}
		int r = group_ref_open(&ref, *name, err);
		if (r == 0)
			r = fn(&ref, *name, data, err);
		result = r < 0 ? r : result < 0 ? -1 : 0;
	}
	/* The last one may have gone well after another has not. */
	if (result < 0 && err && err->kind == HULL_ERROR_NONE)
		return error_set(err, HULL_ERROR_IO, "not all groups could be handled");
	return result;
}
