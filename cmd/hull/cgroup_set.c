/* SPDX-License-Identifier: Apache-2.0 */
/* set and get: control files by name, of either version. */
#include "cgroup.h"

#include "base/str.h"
#include "json/json.h"

#include <stdio.h>

struct set_options {
	char **groups, **settings, **devices;
};

static const struct cli_option set_rows[] = {
	{"group", 'g', CLI_STRV, offsetof(struct set_options, groups), "[controllers:]path",
		"Group to change"},
	{"set", 'r', CLI_STRV, offsetof(struct set_options, settings), "file=value",
		"What to set (FILE=VALUE as an argument does the same)"},
	{"allow-device", 0, CLI_STRV, offsetof(struct set_options, devices), "rule",
		"Allow this device (\"c 1:3 rwm\", \"b 8:* r\", \"a\") and those of further rules only"},
};

struct changes {
	char **settings;
	struct hull_cgroup_device *devices;
	size_t n_devices;
};

/* "c 1:3 rwm"; the text is cut up, and the device points into it. */
static int device_parse(char *text, struct hull_cgroup_device *ret, struct hull_error *err)
{
	char *type = strtok_r(text, " ", &text), *numbers = strtok_r(NULL, " ", &text);
	char *access = strtok_r(NULL, " ", &text), *minor = numbers ? strchr(numbers, ':') : NULL;

	*ret = (struct hull_cgroup_device){.allow = true, .type = type, .access = access};
	if (!type || (numbers && !minor) || strtok_r(NULL, " ", &text))
		return error_set(err, HULL_ERROR_INVALID, "%s: expected TYPE MAJOR:MINOR ACCESS",
			type ? type : "");
	if (!numbers)
		return 0;
	*minor++ = '\0';
	ret->major.set = !str_eq(numbers, "*");
	ret->minor.set = !str_eq(minor, "*");
	if ((ret->major.set && str_to_i64(numbers, &ret->major.value) < 0) ||
		(ret->minor.set && str_to_i64(minor, &ret->minor.value) < 0))
		return error_set(
			err, HULL_ERROR_INVALID, "%s:%s: not a device number", numbers, minor);
	return 0;
}

static int set_one(struct group_ref *ref, const char *text, void *data, struct hull_error *err)
{
	const struct changes *changes = data;
	const struct hull_cgroup_resources resources = {
		.devices = changes->devices, .n_devices = changes->n_devices};
	int r = 0;

	strv_foreach (setting, changes->settings) {
		if (r == 0)
			r = group_set(ref->group, *setting, err);
	}
	if (r == 0 && changes->n_devices)
		r = hull_cgroup_apply(ref->group, &resources, 0, err);
	return r < 0 ? error_wrap(err, r, "%s", text) : 0;
}

static int set_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct set_options *o = data;
	_cleanup_strv_ char **settings = NULL;
	_cleanup_free_ struct hull_cgroup_device *devices = NULL;
	size_t n_devices = strv_length(o->devices);
	int groups = 0;

	if (strv_extend(&settings, o->settings) < 0)
		return error_no_memory(err);
	/* A name of a group has no "=". */
	for (int i = 0; i < argc; i++) {
		if (!strchr(argv[i], '='))
			argv[groups++] = argv[i];
		else if (strv_append(&settings, argv[i]) < 0)
			return error_no_memory(err);
	}
	if (!settings && !n_devices)
		return error_set(err, HULL_ERROR_INVALID, "nothing to set: expected FILE=VALUE");
	devices = calloc(n_devices + 1, sizeof(*devices));
	if (!devices)
		return error_no_memory(err);
	for (size_t i = 0; i < n_devices; i++) {
		int r = device_parse(o->devices[i], &devices[i], err);
		if (r < 0)
			return r;
	}
	struct changes changes = {settings, devices, n_devices};
	return each_group(context, o->groups, groups, argv, set_one, &changes, err);
}

const struct cli_command hull_cgroup_set_command = {
	.name = "set",
	.arguments = "[OPTIONS] GROUP... FILE=VALUE...",
	.summary = "Set limits of control groups",
	CLI_OPTIONS(set_rows),
	.options_size = sizeof(struct set_options),
	.min_args = 0,
	.max_args = -1,
	.run = set_run,
};

/* ---- get ---- */

struct get_options {
	char *group;
	char **files;
	bool json;
};

static const struct cli_option get_rows[] = {
	{"group", 'g', CLI_STRING, offsetof(struct get_options, group), "[controllers:]path",
		"Group to read"},
	{"file", 'r', CLI_STRV, offsetof(struct get_options, files), "file",
		"What to read (FILE as an argument does the same)"},
	{"json", 0, CLI_FLAG, offsetof(struct get_options, json), NULL, "Print JSON"},
};

static int get_files(const struct hull_cgroup *group, char **files, bool json, struct buf *out,
	struct hull_error *err)
{
	struct json_writer w = JSON_WRITER_INIT(out, 2);
	bool many = strv_length(files) > 1;

	if (json)
		json_begin_object(&w);
	strv_foreach (file, files) {
		_cleanup_free_ char *value = NULL;
		int r = hull_cgroup_get(group, *file, &value, err);
		if (r < 0)
			return r;
		if (!json) {
			/* Several lines start on one of their own. */
			const char *newline = strchr(value, '\n');
			if (many)
				buf_printf(out, "%s:%s", *file, newline && newline[1] ? "\n" : " ");
			buf_puts(out, value);
			continue;
		}
		size_t n = strlen(value);
		json_key(&w, *file);
		json_string_n(&w, value, n && value[n - 1] == '\n' ? n - 1 : n);
	}
	if (json) {
		json_end_object(&w);
		buf_putc(out, '\n');
	}
	return 0;
}

static int get_run(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct get_options *o = data;
	_cleanup_(group_ref_done) struct group_ref ref = {0};
	_cleanup_strv_ char **files = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *group = o->group ? o->group : argc > 0 ? argv[0] : NULL;

	if (!group)
		return error_set(err, HULL_ERROR_INVALID, "no group given");
	if (strv_extend(&files, o->files) < 0)
		return error_no_memory(err);
	for (int i = o->group ? 0 : 1; i < argc; i++)
		if (strv_append(&files, argv[i]) < 0)
			return error_no_memory(err);
	if (!files)
		return error_set(err, HULL_ERROR_INVALID, "no file given");
	int r = group_ref_open(&ref, group, err);
	if (r == 0)
		r = get_files(ref.group, files, o->json, &out, err);
	if (r < 0)
		return r;
	if (buf_error(&out) < 0)
		return error_no_memory(err);
	fputs(buf_str(&out), stdout);
	return 0;
}

const struct cli_command hull_cgroup_get_command = {
	.name = "get",
	.arguments = "[OPTIONS] [GROUP] FILE...",
	.summary = "Show control files of a group",
	CLI_OPTIONS(get_rows),
	.options_size = sizeof(struct get_options),
	.min_args = 0,
	.max_args = -1,
	.run = get_run,
};
