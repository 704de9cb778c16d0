/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/systemd_unit.h"
#include "cgroup/device.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/str.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#define UNIT_NAME_MAX 255
#define CPU_MAX	      8192 /* highest number taken in a list of cpus or nodes */

/* ---- Names ---- */

void unit_name_done(struct unit_name *name)
{
	free(name->unit);
	free(name->slice);
	*name = (struct unit_name){0};
}

static int unit_check(const char *unit, struct hull_error *err)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789:-_.\\@";

	if (!*unit || strlen(unit) > UNIT_NAME_MAX || unit[strspn(unit, allowed)] || *unit == '.')
		return error_set(err, HULL_ERROR_INVALID, "%s: not a name of a systemd unit", unit);
	return 0;
}

static int slice_check(const char *slice, struct hull_error *err)
{
	int r = unit_check(slice, err);

	if (r < 0 || str_eq(slice, "-.slice"))
		return r;
	if (!str_ends_with(slice, ".slice") || *slice == '-' || str_ends_with(slice, "-.slice") ||
		strstr(slice, "--") || str_eq(slice, ".slice"))
		return error_set(err, HULL_ERROR_INVALID, "%s: not a name of a slice", slice);
	return 0;
}

int unit_name_parse(const char *path, bool user, struct unit_name *ret, struct hull_error *err)
{
	_cleanup_free_ char *unit = NULL;
	_cleanup_free_ char *slice = NULL;
	const char *first = strchr(path, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	int r;

	if (first && !second)
		return error_set(err, HULL_ERROR_INVALID, "%s: expected SLICE:PREFIX:NAME", path);
	const char *name = second ? second + 1 : path;
	if (strchr(path, '/') || !*name)
		return error_set(err, HULL_ERROR_INVALID,
			"%s: expected SLICE:PREFIX:NAME, NAME.slice or NAME.scope", path);
	if (str_ends_with(name, ".slice")) {
		unit = strdup(name);
	} else if (!second) {
		unit = str_ends_with(name, ".scope") ? strdup(name) : str_printf("%s.scope", name);
		slice = strdup(user ? "user.slice" : "system.slice");
	} else {
		int prefix = (int)(second - first - 1), above = (int)(first - path);

		unit = prefix ? str_printf("%.*s-%s.scope", prefix, first + 1, name)
			      : str_printf("%s.scope", name);
		slice = above ? strndup(path, (size_t)above)
			      : strdup(user ? "user.slice" : "system.slice");
	}
	if (!unit || (!slice && !str_ends_with(unit, ".slice")))
		return error_no_memory(err);
	r = slice ? unit_check(unit, err) : slice_check(unit, err);
	if (r == 0 && slice)
		r = slice_check(slice, err);
	if (r < 0)
		return r;
	ret->unit = TAKE_PTR(unit);
	ret->slice = TAKE_PTR(slice);
	return 0;
}

int unit_slice_path(const char *slice, char **ret, struct hull_error *err)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	int r = slice_check(slice, err);

	if (r < 0)
		return r;
	if (str_eq(slice, "-.slice")) {
		buf_puts(&path, "/");
	} else {
		size_t stem = strlen(slice) - strlen(".slice");

		for (size_t i = 1; i <= stem; i++)
			if (i == stem || slice[i] == '-')
				buf_printf(&path, "/%.*s.slice", (int)i, slice);
	}
	*ret = buf_take(&path);
	return *ret ? 0 : error_no_memory(err);
}

/* ---- Resources ---- */

/* Limits that are plain numbers, with their names for v2 and v1. */
static const struct {
	size_t offset; /* of a hull_opt_i64 */
	const char *v2, *v1;
} limits[] = {
	{offsetof(struct hull_cgroup_resources, memory.limit), "MemoryMax", "MemoryLimit"},
	{offsetof(struct hull_cgroup_resources, memory.reservation), "MemoryLow", NULL},
	{offsetof(struct hull_cgroup_resources, pids.limit), "TasksMax", "TasksMax"},
};

static int add_limits(struct unit_properties *list, bool v2,
	const struct hull_cgroup_resources *resources, struct hull_error *err)
{
	const struct hull_cgroup_memory *memory = &resources->memory;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(limits); i++) {
		const struct hull_opt_i64 *limit =
			(const void *)((const char *)resources + limits[i].offset);
		const char *name = v2 ? limits[i].v2 : limits[i].v1;

		/* systemd takes TasksMax=0 for an error; the file takes it. */
		if (name && limit->set && limit->value != 0)
			r = unit_property_number(list, name, PROPERTY_U64,
				limit->value < 0 ? UINT64_MAX : (uint64_t)limit->value, err);
	}
	if (r == 0 && v2 && memory->swap.set && memory->swap.value == -1)
		r = unit_property_number(list, "MemorySwapMax", PROPERTY_U64, UINT64_MAX, err);
	else if (r == 0 && v2 && memory->swap.set && memory->limit.set && memory->limit.value > 0 &&
		 memory->swap.value >= memory->limit.value)
		r = unit_property_number(list, "MemorySwapMax", PROPERTY_U64,
			(uint64_t)(memory->swap.value - memory->limit.value), err);
	return r;
}

/* "0-3,7" as a bit mask, least significant byte first. */
static int add_mask(
	struct unit_properties *list, const char *name, const char *cpus, struct hull_error *err)
{
	uint8_t mask[CPU_MAX / 8] = {0};
	size_t n = 0;

	for (const char *p = cpus; *p;) {
		char *end;
		unsigned long from = strtoul(p, &end, 10), to = from;

		if (end == p)
			return error_set(err, HULL_ERROR_INVALID, "%s: %s", name, cpus);
		if (*end == '-') {
			p = end + 1;
			to = strtoul(p, &end, 10);
		}
		if (from > to || to >= CPU_MAX)
			return error_set(err, HULL_ERROR_INVALID, "%s: %s", name, cpus);
		for (; from <= to; from++)
			mask[from / 8] |= (uint8_t)(1 << from % 8);
		if (to / 8 + 1 > n)
			n = to / 8 + 1;
		p = end + strspn(end, ", \n");
	}
	struct unit_property *property = unit_property_add(list, name, PROPERTY_BYTES);
	if (!property || !(property->bytes = arena_memdup(&list->arena, mask, n)))
		return error_no_memory(err);
	property->n_bytes = n;
	return 0;
}

static int add_cpu(struct unit_properties *list, bool v2, const struct hull_cgroup_cpu *cpu,
	struct hull_error *err)
{
	uint64_t period = cpu->period.set && cpu->period.value ? cpu->period.value : 100000;
	int r = 0;

	if (cpu->shares.set && cpu->shares.value)
		r = v2 ? unit_property_number(list, "CPUWeight", PROPERTY_U64,
				 hull_cgroup_shares_to_weight(cpu->shares.value), err)
		       : unit_property_number(
				 list, "CPUShares", PROPERTY_U64, cpu->shares.value, err);
	if (r == 0 && cpu->period.set && cpu->period.value)
		r = unit_property_number(list, "CPUQuotaPeriodUSec", PROPERTY_U64, period, err);
	if (r == 0 && cpu->quota.set && cpu->quota.value) {
		uint64_t per_second = UINT64_MAX;

		/* systemd knows only hundredths: rounded up, the file gets the exact value. */
		if (cpu->quota.value > 0) {
			per_second = (uint64_t)cpu->quota.value * 1000000 / period;
			per_second = (per_second + 9999) / 10000 * 10000;
		}
		r = unit_property_number(list, "CPUQuotaPerSecUSec", PROPERTY_U64, per_second, err);
	}
	if (r == 0 && v2 && !str_empty(cpu->cpus))
		r = add_mask(list, "AllowedCPUs", cpu->cpus, err);
	if (r == 0 && v2 && !str_empty(cpu->mems))
		r = add_mask(list, "AllowedMemoryNodes", cpu->mems, err);
	return r;
}

static int add_rates(struct unit_properties *list, const char *name,
	const struct hull_cgroup_throttle_device *devices, size_t n, struct hull_error *err)
{
	if (n == 0)
		return 0;
	struct unit_property *p = unit_property_add(list, name, PROPERTY_RATES);
	if (!p || !(p->numbers = arena_array(&list->arena, n, sizeof(*p->numbers))))
		return error_no_memory(err);
	for (size_t i = 0; i < n; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/dev/block/%" PRId64 ":%" PRId64, devices[i].major,
			devices[i].minor);
		p->numbers[i] = devices[i].rate ? devices[i].rate : UINT64_MAX;
		if (arena_strv_append(&list->arena, &p->texts, path) < 0)
			return error_no_memory(err);
	}
	return 0;
}

static int add_block_io(struct unit_properties *list, bool v2,
	const struct hull_cgroup_block_io *io, struct hull_error *err)
{
	int r = 0;

	if (io->weight.set && io->weight.value)
		r = v2 ? unit_property_number(list, "IOWeight", PROPERTY_U64,
				 hull_cgroup_blkio_to_io_weight(io->weight.value), err)
		       : unit_property_number(
				 list, "BlockIOWeight", PROPERTY_U64, io->weight.value, err);
	if (!v2)
		return r; /* the throttles of v1 are written as files */
	if (r == 0)
		r = add_rates(list, "IOReadBandwidthMax", io->throttle_read_bps,
			io->n_throttle_read_bps, err);
	if (r == 0)
		r = add_rates(list, "IOWriteBandwidthMax", io->throttle_write_bps,
			io->n_throttle_write_bps, err);
	if (r == 0)
		r = add_rates(list, "IOReadIOPSMax", io->throttle_read_iops,
			io->n_throttle_read_iops, err);
	if (r == 0)
		r = add_rates(list, "IOWriteIOPSMax", io->throttle_write_iops,
			io->n_throttle_write_iops, err);
	return r;
}

/* The driver's name of a major number, as DeviceAllow wants it for a range ("char-pts"). */
static char *driver_name(char type, int64_t major)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	bool block = false;

	if (file_read_at(AT_FDCWD, "/proc/devices", &text, 65536) < 0)
		return NULL;
	for (const char *line = buf_str(&text); *line;) {
		size_t n = strcspn(line, "\n");
		char *end;

		if (str_after(line, "Block devices"))
			block = true;
		long number = strtol(line, &end, 10);
		if (end != line && number == major && block == (type == 'b'))
			return str_printf("%s-%.*s", block ? "block" : "char",
				(int)(n - (size_t)(end + 1 - line)), end + 1);
		line += n + (line[n] == '\n');
	}
	return NULL;
}

/* A rule as a pattern of DeviceAllow; NULL if systemd cannot say it. */
static char *device_pattern(const struct device_rule *rule)
{
	const char *kind = rule->type == 'b' ? "block" : "char";

	if (rule->major == DEVICE_ANY)
		return rule->minor == DEVICE_ANY ? str_printf("%s-*", kind) : NULL;
	if (rule->minor == DEVICE_ANY)
		return driver_name(rule->type, rule->major);
	return str_printf("/dev/%s/%" PRId64 ":%" PRId64, kind, rule->major, rule->minor);
}

/*
 * systemd writes the device rules of its units again when it reloads, and would undo ours; on v2 its
 * program stands beside ours, and both have to agree. So it is told the same; a rule that it cannot
 * say makes its policy one of allowing everything, and ours alone decides.
 */
static int add_devices(struct unit_properties *list, const struct hull_cgroup_resources *resources,
	struct hull_error *err)
{
	_cleanup_(device_list_done) struct device_list wanted = {0};

	if (resources->n_devices == 0)
		return 0;
	for (size_t i = 0; i < resources->n_devices; i++) {
		struct device_rule rule = device_rule_parse(&resources->devices[i]);
		int r = device_list_add(&wanted, &rule, NULL);

		if (r < 0 && r != -EOPNOTSUPP)
			return error_no_memory(err);
		if (r < 0)
			wanted.allow = true;
	}
	if (wanted.allow)
		return unit_property_string(list, "DevicePolicy", "auto", err);
	struct unit_property *p = unit_property_add(list, "DeviceAllow", PROPERTY_PAIRS);
	if (!p)
		return error_no_memory(err);
	for (size_t i = 0; i < wanted.n; i++) {
		const struct device_rule *rule = &wanted.exceptions[i];
		_cleanup_free_ char *pattern = device_pattern(rule);
		char text[DEVICE_TEXT_SIZE];

		if (!pattern)
			continue; /* no such driver: nothing to allow */
		device_rule_format(rule, text);
		if (arena_strv_append(&list->arena, &p->texts, pattern) < 0 ||
			arena_strv_append(&list->arena, &p->texts, strrchr(text, ' ') + 1) < 0)
			return error_no_memory(err);
	}
	return unit_property_string(list, "DevicePolicy", "strict", err);
}

int unit_add_resources(struct unit_properties *list, bool v2,
	const struct hull_cgroup_resources *resources, struct hull_error *err)
{
	int r = add_limits(list, v2, resources, err);

	if (r == 0)
		r = add_cpu(list, v2, &resources->cpu, err);
	if (r == 0)
		r = add_block_io(list, v2, &resources->block_io, err);
	return r < 0 ? r : add_devices(list, resources, err);
}

/* ---- Properties as text ---- */

/* 'text' or "text" at *p, without escapes; moves *p behind it. */
static char *take_quoted(struct arena *arena, const char **p)
{
	char quote = **p;
	const char *end = quote == '\'' || quote == '"' ? strchr(*p + 1, quote) : NULL;

	if (!end)
		return NULL;
	char *text = arena_strndup(arena, *p + 1, (size_t)(end - *p - 1));
	*p = end + 1;
	return text;
}

static int add_text_list(struct unit_properties *list, const char *name, const char *p)
{
	struct unit_property *property = unit_property_add(list, name, PROPERTY_STRINGS);

	if (!property)
		return -ENOMEM;
	for (p++, p += strspn(p, " "); *p != ']'; p += strspn(p, ", ")) {
		char *text = take_quoted(&list->arena, &p);

		if (!text || arena_strv_append(&list->arena, &property->texts, text) < 0)
			return -EINVAL;
	}
	return p[1] ? -EINVAL : 0;
}

static int add_number(struct unit_properties *list, const char *name, const char *text)
{
	static const struct {
		const char *word;
		enum property_type type;
	} types[] = {{"int32 ", PROPERTY_I32}, {"uint32 ", PROPERTY_U32}, {"int64 ", PROPERTY_I64},
		{"uint64 ", PROPERTY_U64}};
	enum property_type type = PROPERTY_I32;
	uint64_t u;
	int64_t i;

	for (size_t k = 0; k < ARRAY_SIZE(types); k++) {
		const char *rest = str_after(text, types[k].word);
		if (!rest)
			continue;
		type = types[k].type;
		text = rest;
	}
	if (str_to_i64(text, &i) == 0)
		u = (uint64_t)i;
	else if (type != PROPERTY_U64 || str_to_u64(text, &u) < 0)
		return -EINVAL;
	struct unit_property *property = unit_property_add(list, name, type);
	if (!property)
		return -ENOMEM;
	property->number = u;
	return 0;
}

int unit_add_text(struct unit_properties *list, const struct hull_cgroup_property *property,
	struct hull_error *err)
{
	const char *value = property->value + strspn(property->value, " ");
	bool truth = str_eq(value, "true");
	int r;

	if (truth || str_eq(value, "false")) {
		r = unit_property_number(list, property->name, PROPERTY_BOOL, truth, NULL);
	} else if (*value == '\'' || *value == '"') {
		char *text = take_quoted(&list->arena, &value);
		r = text && !*value ? unit_property_string(list, property->name, text, NULL)
				    : -EINVAL;
	} else if (*value == '[') {
		r = add_text_list(list, property->name, value);
	} else {
		r = add_number(list, property->name, value);
	}
	if (r < 0)
		return error_errno(
			err, r, "systemd property %s: %s", property->name, property->value);
	return 0;
}
