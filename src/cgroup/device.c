/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device rules, and v1's way to say them: a default (set by writing "a" to devices.allow or
 * devices.deny, which also forgets all exceptions) and exceptions from it.
 *
 * A list that is in force is not written anew, since between "deny a" and the first "allow" a running
 * process could not open /dev/null; only the difference is written.
 */
#include "cgroup/device.h"
#include "cgroup/file.h"
#include "cgroup/resource.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

#define RULES_MAX 4096

int device_rule_check(const struct hull_cgroup_device *device, struct hull_error *err)
{
	const char *type = device->type ? device->type : "a";

	if (strlen(type) != 1 || !strchr("abcu", *type))
		return error_set(
			err, HULL_ERROR_INVALID, "devices: %s: not a type (a, b, c)", type);
	if (device->access && device->access[strspn(device->access, "rwm")])
		return error_set(
			err, HULL_ERROR_INVALID, "devices: %s: not of r, w and m", device->access);
	if ((device->major.set && device->major.value > UINT32_MAX) ||
		(device->minor.set && device->minor.value > UINT32_MAX))
		return error_set(err, HULL_ERROR_INVALID,
			"devices: %" PRId64 ":%" PRId64 ": not a device number",
			device->major.value, device->minor.value);
	return 0;
}

static unsigned int access_parse(const char *text)
{
	unsigned int access = 0;

	if (str_empty(text))
		return DEVICE_ALL;
	for (; *text; text++)
		access |= *text == 'r' ? DEVICE_READ : *text == 'w' ? DEVICE_WRITE : DEVICE_MAKE;
	return access;
}

struct device_rule device_rule_parse(const struct hull_cgroup_device *device)
{
	struct device_rule rule = {
		.allow = device->allow,
		.type = str_empty(device->type) ? 'a'
			: *device->type == 'u'	? 'c'
						: *device->type,
		.major = device->major.set && device->major.value >= 0 ? device->major.value
								       : DEVICE_ANY,
		.minor = device->minor.set && device->minor.value >= 0 ? device->minor.value
								       : DEVICE_ANY,
		.access = access_parse(device->access),
	};
	return rule;
}

static void number_format(int64_t number, char text[24])
{
	if (number == DEVICE_ANY)
		memcpy(text, "*", sizeof("*"));
	else
		snprintf(text, 24, "%" PRId64, number);
}

void device_rule_format(const struct device_rule *rule, char text[DEVICE_TEXT_SIZE])
{
	char major[24], minor[24];

	number_format(rule->major, major);
	number_format(rule->minor, minor);
	snprintf(text, DEVICE_TEXT_SIZE, "%c %s:%s %s%s%s", rule->type, major, minor,
		rule->access & DEVICE_READ ? "r" : "", rule->access & DEVICE_WRITE ? "w" : "",
		rule->access & DEVICE_MAKE ? "m" : "");
}

/* ---- Default and exceptions ---- */

void device_list_done(struct device_list *list)
{
	free(list->exceptions);
	*list = (struct device_list){0};
}

static bool same_devices(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

/* True if some device is meant by both. */
static bool overlap(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type &&
	       (a->major == b->major || a->major == DEVICE_ANY || b->major == DEVICE_ANY) &&
	       (a->minor == b->minor || a->minor == DEVICE_ANY || b->minor == DEVICE_ANY) &&
	       (a->access & b->access);
}

static bool covers(const struct device_rule *wide, const struct device_rule *narrow)
{
	return wide->type == narrow->type &&
	       (wide->major == DEVICE_ANY || wide->major == narrow->major) &&
	       (wide->minor == DEVICE_ANY || wide->minor == narrow->minor);
}

static struct device_rule *list_find(const struct device_list *list, const struct device_rule *rule)
{
	for (size_t i = 0; i < list->n; i++)
		if (same_devices(&list->exceptions[i], rule))
			return &list->exceptions[i];
	return NULL;
}

static int list_append(
	struct device_list *list, const struct device_rule *rule, struct hull_error *err)
{
	if (list->n == RULES_MAX)
		return error_set(
			err, HULL_ERROR_LIMIT, "devices: more than %d exceptions", RULES_MAX);
	if (list->n == list->size) {
		size_t size = list->size ? 2 * list->size : 16;
		struct device_rule *rules = reallocarray(list->exceptions, size, sizeof(*rules));
		if (!rules)
			return error_no_memory(err);
		list->exceptions = rules;
		list->size = size;
	}
	list->exceptions[list->n++] = *rule;
	return 0;
}

/* Takes a rule that agrees with the default: what it covers is no exception any more. */
static int list_remove(
	struct device_list *list, const struct device_rule *rule, struct hull_error *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct device_rule *e = &list->exceptions[i];

		if (covers(rule, e)) {
			e->access &= ~rule->access;
		} else if (overlap(rule, e)) {
			char inner[DEVICE_TEXT_SIZE], outer[DEVICE_TEXT_SIZE];

			device_rule_format(rule, inner);
			device_rule_format(e, outer);
			return error_errno(err, EOPNOTSUPP,
				"devices: %s %s: cgroup v1 cannot except it from %s",
				rule->allow ? "allow" : "deny", inner, outer);
		}
		if (e->access)
			list->exceptions[kept++] = *e;
	}
	list->n = kept;
	return 0;
}

int device_list_add(
	struct device_list *list, const struct device_rule *rule, struct hull_error *err)
{
	if (rule->type == 'a' && rule->major == DEVICE_ANY && rule->minor == DEVICE_ANY &&
		rule->access == DEVICE_ALL) {
		list->allow = rule->allow;
		list->n = 0;
		return 0;
	}
	if (rule->type == 'a') {
		/* Both types, one by one: v1 takes "a" for everything, whatever follows it. */
		struct device_rule one = *rule;

		one.type = 'b';
		int r = device_list_add(list, &one, err);
		one.type = 'c';
		return r < 0 ? r : device_list_add(list, &one, err);
	}
	if (rule->allow == list->allow)
		return list_remove(list, rule, err);
	struct device_rule *known = list_find(list, rule);
	if (known) {
		known->access |= rule->access;
		return 0;
	}
	return list_append(list, rule, err);
}

static bool number_parse(const char *text, int64_t *ret)
{
	uint32_t n;

	if (str_eq(text, "*")) {
		*ret = DEVICE_ANY;
		return true;
	}
	if (str_to_u32(text, &n) < 0)
		return false;
	*ret = n;
	return true;
}

int device_list_parse(struct device_list *list, const char *text, struct hull_error *err)
{
	_cleanup_strv_ char **lines = strv_split(text, "\n");

	if (!lines)
		return *text ? error_no_memory(err) : 0;
	strv_foreach (line, lines) {
		char type, major[16], minor[16], access[8];
		struct device_rule rule = {.allow = true};

		if (sscanf(*line, "%c %15[0-9*]:%15[0-9*] %7[rwm]", &type, major, minor, access) !=
				4 ||
			!number_parse(major, &rule.major) || !number_parse(minor, &rule.minor))
			return error_set(err, HULL_ERROR_INVALID, "devices.list: %s", *line);
		rule.type = type;
		rule.access = access_parse(access);
		int r = device_list_add(list, &rule, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void add_line(struct buf *lines, const char *verb, const struct device_rule *rule)
{
	char text[DEVICE_TEXT_SIZE];

	device_rule_format(rule, text);
	buf_printf(lines, "%s %s\n", verb, text);
}

/* For each exception of a: the access that b does not have for it. */
static void add_missing(const struct device_list *a, const struct device_list *b, const char *verb,
	struct buf *lines)
{
	for (size_t i = 0; i < a->n; i++) {
		struct device_rule rule = a->exceptions[i];
		const struct device_rule *there = b ? list_find(b, &rule) : NULL;

		if (there)
			rule.access &= ~there->access;
		if (rule.access)
			add_line(lines, verb, &rule);
	}
}

void device_list_transition(
	const struct device_list *from, const struct device_list *to, struct buf *lines)
{
	const char *except = to->allow ? "deny" : "allow", *restore = to->allow ? "allow" : "deny";

	/* Under a default of "allow" devices.list does not tell the exceptions. */
	if (!from || from->allow != to->allow || from->allow) {
		buf_puts(lines, to->allow ? "allow a\n" : "deny a\n");
		add_missing(to, NULL, except, lines);
		return;
	}
	add_missing(to, from, except, lines);
	add_missing(from, to, restore, lines);
}

/* ---- Applying ---- */

static int write_lines(const struct group_place *place, char *lines, struct hull_error *err)
{
	_cleanup_close_ int allow = -1;
	_cleanup_close_ int deny = -1;
	char *next;

	for (char *line = lines; *line; line = next) {
		next = line + strcspn(line, "\n");
		*next++ = '\0';
		char *rule = strchr(line, ' ') + 1;
		bool allowing = *line == 'a';
		const char *file = allowing ? "devices.allow" : "devices.deny";
		int *fd = allowing ? &allow : &deny;

		if (*fd < 0)
			*fd = place_open(place, file, O_WRONLY);
		if (*fd < 0)
			return place_error(place, file, rule, *fd, err);
		if (write(*fd, rule, strlen(rule)) < 0)
			return place_error(place, file, rule, errno, err);
	}
	return 0;
}

static int apply_v1(const struct group_place *place, const struct device_rule *rules, size_t n,
	unsigned int flags, struct hull_error *err)
{
	_cleanup_(device_list_done) struct device_list wanted = {0};
	_cleanup_(device_list_done) struct device_list present = {0};
	_cleanup_buf_ struct buf lines = BUF_INIT;
	_cleanup_buf_ struct buf back = BUF_INIT;
	char text[CGROUP_FILE_MAX];

	for (size_t i = 0; i < n; i++) {
		int r = device_list_add(&wanted, &rules[i], err);
		if (r < 0)
			return r;
	}
	if (!(flags & APPLY_FRESH)) {
		ssize_t got = place_get(place, "devices.list", text, sizeof(text));
		if (got < 0)
			return place_error(place, "devices.list", NULL, (int)got, err);
		int r = device_list_parse(&present, text, err);
		if (r < 0)
			return r;
	}
	device_list_transition(flags & APPLY_FRESH ? NULL : &present, &wanted, &lines);
	if (!(flags & APPLY_FRESH))
		device_list_transition(NULL, &present, &back);
	if (buf_error(&lines) < 0 || buf_error(&back) < 0)
		return error_no_memory(err);
	int r = lines.data ? write_lines(place, lines.data, err) : 0;
	/* A group above may not have what is to be allowed; then what was there stays. */
	if (r < 0 && back.data)
		write_lines(place, back.data, NULL);
	return r;
}

int devices_apply(struct hull_cgroup *cgroup, const struct hull_cgroup_device *devices, size_t n,
	unsigned int flags, struct hull_error *err)
{
	const struct group_place *place = group_place_of(cgroup, HULL_CGROUP_DEVICES);
	bool tolerant = flags & HULL_CGROUP_APPLY_TOLERANT;

	if (!place)
		return tolerant ? 0 : resource_unsupported(0, "devices", err);
	if (n > RULES_MAX)
		return error_set(err, HULL_ERROR_LIMIT, "devices: more than %d rules", RULES_MAX);
	_cleanup_free_ struct device_rule *rules = calloc(n, sizeof(*rules));
	if (!rules)
		return error_no_memory(err);
	for (size_t i = 0; i < n; i++)
		rules[i] = device_rule_parse(&devices[i]);

	int r = place->hierarchy->version == 1 ? apply_v1(place, rules, n, flags, err)
					       : devices_apply_bpf(cgroup, rules, n, flags, err);
	if (tolerant && (r == -EPERM || r == -EACCES || r == -EROFS)) {
		hull_error_done(err);
		return 0;
	}
	return r;
}
