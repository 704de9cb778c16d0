/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From resources to writes: the table. A row is a number or a text with a file in each version; what
 * two fields or a list make together (cpu.max, swap, block I/O, huge pages, ...) follows as code.
 */
#include "cgroup/device.h"
#include "cgroup/file.h"
#include "cgroup/resource.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum form {
	FORM_NUMBER, /* decimal, -1 as it is */
	FORM_MAX,    /* -1 as "max" */
	FORM_WEIGHT, /* cpu shares as a weight */
	FORM_TEXT,
};

enum {
	ROW_ZERO_LEAVES = 1 << 0,    /* 0 is "not set", as in all runtimes */
	ROW_MINUS_ONE = 1 << 1,	     /* -1 is allowed: no limit */
	ROW_OPTIONAL = 1 << 2,	     /* obsolete: a kernel without the file is fine */
	ROW_FALSE_ANYWHERE = 1 << 3, /* false is what the other version does anyway */
	ROW_V2_ALWAYS = 1 << 4,	     /* v2 has no file because it is always so */
};

enum kind {
	KIND_I64,
	KIND_U64,
	KIND_U32,
	KIND_BOOL,
	KIND_TEXT,
};

struct row {
	const char *field; /* as in config.json below linux.resources */
	enum hull_cgroup_controller controller;
	enum kind kind;
	size_t offset;
	const char *v1, *v2; /* NULL: this version has none, or it is made by code below */
	enum form v2_form;
	enum write_set set;
	unsigned int flags;
	uint64_t min, max; /* of the value; max 0 = any */
};

#define AT(member) offsetof(struct hull_cgroup_resources, member)
#define MADE_BELOW "" /* v2 has it, but not as a plain number */

static const struct row rows[] = {
	{"memory.limit", HULL_CGROUP_MEMORY, KIND_I64, AT(memory.limit), "memory.limit_in_bytes",
		"memory.max", FORM_MAX, WRITE_SET_MEMORY, ROW_ZERO_LEAVES | ROW_MINUS_ONE, 0, 0},
	{"memory.swap", HULL_CGROUP_MEMORY, KIND_I64, AT(memory.swap),
		"memory.memsw.limit_in_bytes", MADE_BELOW, FORM_MAX, WRITE_SET_MEMORY,
		ROW_ZERO_LEAVES | ROW_MINUS_ONE, 0, 0},
	{"memory.reservation", HULL_CGROUP_MEMORY, KIND_I64, AT(memory.reservation),
		"memory.soft_limit_in_bytes", "memory.low", FORM_MAX, WRITE_SET_NONE,
		ROW_ZERO_LEAVES | ROW_MINUS_ONE, 0, 0},
	{"memory.kernel", HULL_CGROUP_MEMORY, KIND_I64, AT(memory.kernel),
		"memory.kmem.limit_in_bytes", NULL, FORM_NUMBER, WRITE_SET_NONE,
		ROW_ZERO_LEAVES | ROW_MINUS_ONE | ROW_OPTIONAL, 0, 0},
	{"memory.kernelTCP", HULL_CGROUP_MEMORY, KIND_I64, AT(memory.kernel_tcp),
		"memory.kmem.tcp.limit_in_bytes", NULL, FORM_NUMBER, WRITE_SET_NONE,
		ROW_ZERO_LEAVES | ROW_MINUS_ONE, 0, 0},
	{"memory.swappiness", HULL_CGROUP_MEMORY, KIND_U64, AT(memory.swappiness),
		"memory.swappiness", NULL, FORM_NUMBER, WRITE_SET_NONE, 0, 0, 200},
	{"memory.disableOOMKiller", HULL_CGROUP_MEMORY, KIND_BOOL, AT(memory.disable_oom_killer),
		"memory.oom_control", NULL, FORM_NUMBER, WRITE_SET_NONE, ROW_FALSE_ANYWHERE, 0, 1},
	{"memory.useHierarchy", HULL_CGROUP_MEMORY, KIND_BOOL, AT(memory.use_hierarchy),
		"memory.use_hierarchy", NULL, FORM_NUMBER, WRITE_SET_NONE, ROW_V2_ALWAYS, 0, 1},
	{"cpu.shares", HULL_CGROUP_CPU, KIND_U64, AT(cpu.shares), "cpu.shares", "cpu.weight",
		FORM_WEIGHT, WRITE_SET_WEIGHT, ROW_ZERO_LEAVES, 2, 262144},
	{"cpu.idle", HULL_CGROUP_CPU, KIND_I64, AT(cpu.idle), "cpu.idle", "cpu.idle", FORM_NUMBER,
		WRITE_SET_WEIGHT, 0, 0, 1},
	{"cpu.period", HULL_CGROUP_CPU, KIND_U64, AT(cpu.period), "cpu.cfs_period_us", MADE_BELOW,
		FORM_NUMBER, WRITE_SET_BANDWIDTH, ROW_ZERO_LEAVES, 0, 0},
	{"cpu.quota", HULL_CGROUP_CPU, KIND_I64, AT(cpu.quota), "cpu.cfs_quota_us", MADE_BELOW,
		FORM_MAX, WRITE_SET_BANDWIDTH, ROW_ZERO_LEAVES | ROW_MINUS_ONE, 0, 0},
	{"cpu.burst", HULL_CGROUP_CPU, KIND_U64, AT(cpu.burst), "cpu.cfs_burst_us", "cpu.max.burst",
		FORM_NUMBER, WRITE_SET_BANDWIDTH, 0, 0, 0},
	{"cpu.realtimePeriod", HULL_CGROUP_CPU, KIND_U64, AT(cpu.realtime_period),
		"cpu.rt_period_us", NULL, FORM_NUMBER, WRITE_SET_REALTIME, ROW_ZERO_LEAVES, 0, 0},
	{"cpu.realtimeRuntime", HULL_CGROUP_CPU, KIND_I64, AT(cpu.realtime_runtime),
		"cpu.rt_runtime_us", NULL, FORM_NUMBER, WRITE_SET_REALTIME,
		ROW_ZERO_LEAVES | ROW_MINUS_ONE, 0, 0},
	{"cpu.cpus", HULL_CGROUP_CPUSET, KIND_TEXT, AT(cpu.cpus), "cpuset.cpus", "cpuset.cpus",
		FORM_TEXT, WRITE_SET_NONE, 0, 0, 0},
	{"cpu.mems", HULL_CGROUP_CPUSET, KIND_TEXT, AT(cpu.mems), "cpuset.mems", "cpuset.mems",
		FORM_TEXT, WRITE_SET_NONE, 0, 0, 0},
	{"pids.limit", HULL_CGROUP_PIDS, KIND_I64, AT(pids.limit), "pids.max", "pids.max", FORM_MAX,
		WRITE_SET_NONE, ROW_MINUS_ONE, 0, 0},
	{"network.classID", HULL_CGROUP_NET_CLS, KIND_U32, AT(network.class_id), "net_cls.classid",
		NULL, FORM_NUMBER, WRITE_SET_NONE, 0, 0, 0},
};

/* ---- The plan ---- */

void resource_plan_done(struct resource_plan *plan)
{
	arena_done(&plan->arena);
}

struct resource_write *resource_plan_add(struct resource_plan *plan,
	enum hull_cgroup_controller controller, const char *file, struct hull_error *err,
	const char *format, ...)
{
	char text[4096]; /* what the kernel takes at once: a page */
	va_list ap;

	if (plan->n == plan->size) {
		size_t size = plan->size ? 2 * plan->size : 16;
		struct resource_write *writes = arena_array(&plan->arena, size, sizeof(*writes));
		if (!writes) {
			error_no_memory(err);
			return NULL;
		}
		if (plan->n)
			memcpy(writes, plan->writes, plan->n * sizeof(*writes));
		plan->writes = writes;
		plan->size = size;
	}
	va_start(ap, format);
	int n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text)) {
		error_set(err, HULL_ERROR_LIMIT, "%s: value too long", file);
		return NULL;
	}
	struct resource_write *write = &plan->writes[plan->n];
	*write = (struct resource_write){.controller = controller,
		.file = arena_strdup(&plan->arena, file),
		.value = arena_strndup(&plan->arena, text, (size_t)n)};
	if (!write->file || !write->value) {
		error_no_memory(err);
		return NULL;
	}
	plan->n++;
	return write;
}

unsigned int resource_version(
	const struct hull_cgroup *cgroup, enum hull_cgroup_controller controller)
{
	const struct group_place *place = group_place_of(cgroup, controller);

	return place ? place->hierarchy->version : 0;
}

int resource_unsupported(unsigned int version, const char *field, struct hull_error *err)
{
	if (version == 2)
		return error_errno(err, EOPNOTSUPP, "%s: cgroup v2 has no such limit", field);
	return error_errno(err, EOPNOTSUPP, "%s: the cgroup has no hierarchy for it", field);
}

/* ---- Rows ---- */

struct value {
	bool set;
	int64_t number; /* KIND_U64 beyond INT64_MAX is kept in u */
	uint64_t u;
	const char *text;
};

static struct value row_value(const struct row *row, const struct hull_cgroup_resources *resources)
{
	const void *p = (const char *)resources + row->offset;
	struct value v = {0};

	switch (row->kind) {
	case KIND_I64:
		v.set = ((const struct hull_opt_i64 *)p)->set;
		v.number = ((const struct hull_opt_i64 *)p)->value;
		v.u = (uint64_t)v.number;
		break;
	case KIND_U64:
		v.set = ((const struct hull_opt_u64 *)p)->set;
		v.u = ((const struct hull_opt_u64 *)p)->value;
		v.number = v.u > INT64_MAX ? INT64_MAX : (int64_t)v.u;
		break;
	case KIND_U32:
		v.set = ((const struct hull_opt_u32 *)p)->set;
		v.u = ((const struct hull_opt_u32 *)p)->value;
		v.number = (int64_t)v.u;
		break;
	case KIND_BOOL:
		v.set = ((const struct hull_opt_bool *)p)->set;
		v.u = ((const struct hull_opt_bool *)p)->value;
		v.number = (int64_t)v.u;
		break;
	case KIND_TEXT:
		v.text = *(char *const *)p;
		v.set = !str_empty(v.text);
		break;
	}
	if (v.set && (row->flags & ROW_ZERO_LEAVES) && v.u == 0)
		v.set = false;
	return v;
}

static int row_check(const struct row *row, const struct value *v, struct hull_error *err)
{
	if (row->kind == KIND_TEXT) {
		if (v->text[strspn(v->text, "0123456789,- ")])
			return error_set(err, HULL_ERROR_INVALID, "%s: %s: not a list of numbers",
				row->field, v->text);
		return 0;
	}
	if (row->kind == KIND_I64 && v->number < 0 &&
		!(v->number == -1 && (row->flags & ROW_MINUS_ONE)))
		return error_set(err, HULL_ERROR_INVALID, "%s: %" PRId64 ": negative", row->field,
			v->number);
	if (row->max && (v->u < row->min || v->u > row->max))
		return error_set(err, HULL_ERROR_INVALID,
			"%s: %" PRIu64 ": not from %" PRIu64 " to %" PRIu64, row->field, v->u,
			row->min, row->max);
	return 0;
}

static int row_plan(const struct hull_cgroup *cgroup, const struct row *row, const struct value *v,
	struct resource_plan *plan, struct hull_error *err)
{
	unsigned int version = resource_version(cgroup, row->controller);
	const char *file = version == 1 ? row->v1 : version == 2 ? row->v2 : NULL;
	enum form form = version == 2 ? row->v2_form : FORM_NUMBER;
	struct resource_write *write;

	if (!file) {
		if (((row->flags & ROW_FALSE_ANYWHERE) && v->u == 0) ||
			(version == 2 && (row->flags & ROW_V2_ALWAYS)))
			return 0;
		return resource_unsupported(version, row->field, err);
	}
	if (str_eq(file, MADE_BELOW))
		return 0;
	/* pids.max of v1 knows "max" and refuses -1. */
	if (row->controller == HULL_CGROUP_PIDS)
		form = row->v2_form;
	if (row->kind == KIND_TEXT)
		write = resource_plan_add(plan, row->controller, file, err, "%s", v->text);
	else if (form == FORM_MAX && row->kind == KIND_I64 && v->number == -1)
		write = resource_plan_add(plan, row->controller, file, err, "max");
	else if (form == FORM_WEIGHT)
		write = resource_plan_add(plan, row->controller, file, err, "%" PRIu64,
			hull_cgroup_shares_to_weight(v->u));
	else if (row->kind == KIND_I64)
		write = resource_plan_add(plan, row->controller, file, err, "%" PRId64, v->number);
	else
		write = resource_plan_add(plan, row->controller, file, err, "%" PRIu64, v->u);
	if (!write)
		return -1;
	write->set = row->set;
	if (row->flags & ROW_OPTIONAL)
		write->flags |= WRITE_OPTIONAL;
	return 0;
}

/* ---- What rows cannot say ---- */

/* v2: swap is limited apart from memory; the specification's number is their sum. */
static int plan_swap_v2(const struct hull_cgroup *cgroup, const struct hull_cgroup_memory *memory,
	struct resource_plan *plan, struct hull_error *err)
{
	const struct group_place *place = group_place_of(cgroup, HULL_CGROUP_MEMORY);
	bool given = memory->limit.set && memory->limit.value != 0;
	int64_t sum = memory->swap.value;
	uint64_t limit = given ? (uint64_t)memory->limit.value : 0;

	if (sum == -1)
		return resource_plan_add(plan, HULL_CGROUP_MEMORY, "memory.swap.max", err, "max")
			       ? 0
			       : -1;
	if (!given && place_get_u64(place, "memory.max", &limit) < 0)
		limit = UINT64_MAX;
	if ((given && memory->limit.value == -1) || limit == UINT64_MAX)
		return error_set(err, HULL_ERROR_INVALID,
			"memory.swap: %" PRId64 ": needs a memory limit", sum);
	if ((uint64_t)sum < limit)
		return error_set(err, HULL_ERROR_INVALID,
			"memory.swap: %" PRId64 ": below the memory limit of %" PRIu64, sum, limit);
	return resource_plan_add(plan, HULL_CGROUP_MEMORY, "memory.swap.max", err, "%" PRIu64,
		       (uint64_t)sum - limit)
		       ? 0
		       : -1;
}

static int plan_swap(const struct hull_cgroup *cgroup, const struct hull_cgroup_memory *memory,
	struct resource_plan *plan, struct hull_error *err)
{
	unsigned int version = resource_version(cgroup, HULL_CGROUP_MEMORY);
	bool given = memory->swap.set && memory->swap.value != 0;
	size_t before = plan->n;

	if (given && version == 2) {
		int r = plan_swap_v2(cgroup, memory, plan, err);
		if (r < 0)
			return r;
		/* Without swap in the kernel, none and no limit are the same. */
		const char *value = plan->writes[before].value;
		if (str_eq(value, "0") || str_eq(value, "max"))
			plan->writes[before].flags |= WRITE_OPTIONAL;
	}
	/* Memory without limit takes the limit off memory and swap too; v1 would refuse it otherwise. */
	if (!given && memory->limit.set && memory->limit.value == -1 && version) {
		struct resource_write *write = resource_plan_add(plan, HULL_CGROUP_MEMORY,
			version == 2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes", err, "%s",
			version == 2 ? "max" : "-1");
		if (!write)
			return -1;
		write->set = WRITE_SET_MEMORY;
		write->flags |= WRITE_OPTIONAL;
	}
	return 0;
}

/* v2: quota and period are the two words of one file; a quota alone leaves the period. */
static int plan_cpu_max(const struct hull_cgroup *cgroup, const struct hull_cgroup_cpu *cpu,
	struct resource_plan *plan, struct hull_error *err)
{
	bool quota = cpu->quota.set && cpu->quota.value != 0;
	bool period = cpu->period.set && cpu->period.value != 0;
	char word[64] = "max", text[64];
	const struct group_place *place = group_place_of(cgroup, HULL_CGROUP_CPU);
	struct resource_write *write;

	if ((!quota && !period) || resource_version(cgroup, HULL_CGROUP_CPU) != 2)
		return 0;
	if (quota && cpu->quota.value != -1) {
		snprintf(word, sizeof(word), "%" PRId64, cpu->quota.value);
	} else if (!quota && place_get(place, "cpu.max", text, sizeof(text)) > 0) {
		text[strcspn(text, " ")] = '\0';
		memcpy(word, text, sizeof(word));
	}
	if (period)
		write = resource_plan_add(plan, HULL_CGROUP_CPU, "cpu.max", err, "%s %" PRIu64,
			word, cpu->period.value);
	else
		write = resource_plan_add(plan, HULL_CGROUP_CPU, "cpu.max", err, "%s", word);
	if (!write)
		return -1;
	write->set = WRITE_SET_BANDWIDTH;
	return 0;
}

static int plan_hugepages(const struct hull_cgroup *cgroup,
	const struct hull_cgroup_resources *resources, struct resource_plan *plan,
	struct hull_error *err)
{
	unsigned int version = resource_version(cgroup, HULL_CGROUP_HUGETLB);
	const char *end = version == 2 ? "max" : "limit_in_bytes";

	for (size_t i = 0; i < resources->n_hugepages; i++) {
		const struct hull_cgroup_hugepage *page = &resources->hugepages[i];
		char file[64];

		if (!version)
			return resource_unsupported(version, "hugepageLimits", err);
		snprintf(file, sizeof(file), "hugetlb.%s.%s", page->page_size, end);
		if (!resource_plan_add(
			    plan, HULL_CGROUP_HUGETLB, file, err, "%" PRIu64, page->limit))
			return -1;
		/* Reservations: a fault past the limit is a SIGBUS, a reservation past it ENOMEM. */
		snprintf(file, sizeof(file), "hugetlb.%s.rsvd.%s", page->page_size, end);
		struct resource_write *write = resource_plan_add(
			plan, HULL_CGROUP_HUGETLB, file, err, "%" PRIu64, page->limit);
		if (!write)
			return -1;
		write->flags |= WRITE_OPTIONAL;
	}
	return 0;
}

static int plan_network(const struct hull_cgroup *cgroup, const struct hull_cgroup_network *network,
	struct resource_plan *plan, struct hull_error *err)
{
	unsigned int version = resource_version(cgroup, HULL_CGROUP_NET_PRIO);

	for (size_t i = 0; i < network->n_priorities; i++) {
		if (version != 1)
			return resource_unsupported(version, "network.priorities", err);
		if (!resource_plan_add(plan, HULL_CGROUP_NET_PRIO, "net_prio.ifpriomap", err,
			    "%s %" PRIu32, network->priorities[i].name,
			    network->priorities[i].priority))
			return -1;
	}
	return 0;
}

static int plan_rdma(const struct hull_cgroup *cgroup,
	const struct hull_cgroup_resources *resources, struct resource_plan *plan,
	struct hull_error *err)
{
	for (size_t i = 0; i < resources->n_rdma; i++) {
		const struct hull_cgroup_rdma *rdma = &resources->rdma[i];
		char handles[32] = "", objects[32] = "";

		if (!resource_version(cgroup, HULL_CGROUP_RDMA))
			return resource_unsupported(0, "rdma", err);
		if (rdma->hca_handles.set)
			snprintf(handles, sizeof(handles), " hca_handle=%" PRIu32,
				rdma->hca_handles.value);
		if (rdma->hca_objects.set)
			snprintf(objects, sizeof(objects), " hca_object=%" PRIu32,
				rdma->hca_objects.value);
		if ((*handles || *objects) &&
			!resource_plan_add(plan, HULL_CGROUP_RDMA, "rdma.max", err, "%s%s%s",
				rdma->device, handles, objects))
			return -1;
	}
	return 0;
}

static int plan_unified(const struct hull_cgroup *cgroup,
	const struct hull_cgroup_resources *resources, struct resource_plan *plan,
	struct hull_error *err)
{
	for (size_t i = 0; i < resources->n_unified; i++) {
		const struct hull_cgroup_setting *setting = &resources->unified[i];

		if (!group_place_v2(cgroup))
			return error_errno(err, EOPNOTSUPP,
				"unified: %s: the cgroup is not in a v2 tree", setting->file);
		if (!resource_plan_add(plan, HULL_CGROUP_CONTROLLER_MAX, setting->file, err, "%s",
			    setting->value))
			return -1;
	}
	return 0;
}

/* ---- All of it ---- */

static int tolerated(int r, unsigned int flags, struct hull_error *err)
{
	if (r != -EOPNOTSUPP || !(flags & HULL_CGROUP_APPLY_TOLERANT))
		return r;
	hull_error_done(err);
	return 0;
}

int resources_plan(const struct hull_cgroup *cgroup, const struct hull_cgroup_resources *resources,
	unsigned int flags, struct resource_plan *plan, struct hull_error *err)
{
	int r = hull_cgroup_resources_check(resources, err);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++) {
		struct value v = row_value(&rows[i], resources);

		if (v.set)
			r = tolerated(row_plan(cgroup, &rows[i], &v, plan, err), flags, err);
	}
	if (r == 0)
		r = tolerated(plan_swap(cgroup, &resources->memory, plan, err), flags, err);
	if (r == 0)
		r = plan_cpu_max(cgroup, &resources->cpu, plan, err);
	if (r == 0)
		r = tolerated(plan_block_io(cgroup, &resources->block_io, plan, err), flags, err);
	if (r == 0)
		r = tolerated(plan_hugepages(cgroup, resources, plan, err), flags, err);
	if (r == 0)
		r = tolerated(plan_network(cgroup, &resources->network, plan, err), flags, err);
	if (r == 0)
		r = tolerated(plan_rdma(cgroup, resources, plan, err), flags, err);
	if (r == 0)
		r = tolerated(plan_unified(cgroup, resources, plan, err), flags, err);
	return r;
}

/* A name that goes into a file's name or into a line of it. */
static int check_word(const char *field, const char *word, size_t max, struct hull_error *err)
{
	if (str_empty(word) || strlen(word) > max || word[strcspn(word, "/ \t\n")])
		return error_set(err, HULL_ERROR_INVALID, "%s: %s: not a valid name", field,
			word ? word : "");
	return 0;
}

static int check_lists(const struct hull_cgroup_resources *resources, struct hull_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < resources->n_hugepages; i++) {
		const char *size = resources->hugepages[i].page_size;
		const char *unit = size ? size + strspn(size, "0123456789") : "";

		r = check_word("hugepageLimits", size, 15, err);
		if (r == 0 && (unit == size || (!str_eq(unit, "KB") && !str_eq(unit, "MB") &&
						       !str_eq(unit, "GB"))))
			r = error_set(err, HULL_ERROR_INVALID,
				"hugepageLimits: %s: not a page size", size);
	}
	for (size_t i = 0; r == 0 && i < resources->network.n_priorities; i++)
		r = check_word(
			"network.priorities", resources->network.priorities[i].name, 15, err);
	for (size_t i = 0; r == 0 && i < resources->n_rdma; i++)
		r = check_word("rdma", resources->rdma[i].device, 63, err);
	for (size_t i = 0; r == 0 && i < resources->n_unified; i++) {
		r = cgroup_file_check(
			resources->unified[i].file ? resources->unified[i].file : "", err);
		if (r == 0 && !resources->unified[i].value)
			r = error_set(err, HULL_ERROR_INVALID, "unified: %s: no value",
				resources->unified[i].file);
	}
	return r;
}

int hull_cgroup_resources_check(
	const struct hull_cgroup_resources *resources, struct hull_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++) {
		struct value v = row_value(&rows[i], resources);

		if (v.set)
			r = row_check(&rows[i], &v, err);
	}
	const struct hull_cgroup_memory *memory = &resources->memory;
	if (r == 0 && memory->limit.set && memory->swap.set && memory->limit.value > 0 &&
		memory->swap.value > 0 && memory->swap.value < memory->limit.value)
		r = error_set(err, HULL_ERROR_INVALID,
			"memory.swap: %" PRId64 ": below the memory limit of %" PRId64,
			memory->swap.value, memory->limit.value);
	if (r == 0)
		r = check_block_io(&resources->block_io, err);
	if (r == 0)
		r = check_lists(resources, err);
	for (size_t i = 0; r == 0 && i < resources->n_devices; i++)
		r = device_rule_check(&resources->devices[i], err);
	return r;
}

bool hull_cgroup_resources_empty(const struct hull_cgroup_resources *resources)
{
	const struct hull_cgroup_block_io *io = &resources->block_io;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (row_value(&rows[i], resources).set)
			return false;
	return !resources->n_devices && !io->weight.set && !io->leaf_weight.set &&
	       !io->n_weight_devices && !io->n_throttle_read_bps && !io->n_throttle_write_bps &&
	       !io->n_throttle_read_iops && !io->n_throttle_write_iops && !resources->n_hugepages &&
	       !resources->network.n_priorities && !resources->n_rdma && !resources->n_unified;
}
