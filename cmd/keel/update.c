/* SPDX-License-Identifier: Apache-2.0 */
/* New limits for a container: a resources document, or one option per limit. */
#include "keel.h"
#include "base/fd.h"
#include "runtime/resctrl.h"

struct update_options {
	char *resources;
	char *memory, *memory_reservation, *memory_swap;
	struct hull_opt_i64 pids_limit, cpu_quota, cpu_idle, cpu_rt_runtime;
	struct hull_opt_u64 cpu_shares, cpu_period, cpu_burst, cpu_rt_period, blkio_weight;
	char *cpus, *mems;
	char *l3_cache_schema;
	char *mem_bw_schema;
	char *ignored;
};

#define O(member) offsetof(struct update_options, member)

static const struct cli_option options[] = {
	{"resources", 'r', CLI_STRING, O(resources), "file",
		"Document with the limits as in linux.resources; - is stdin", "@file", 0},
	{"blkio-weight", 0, CLI_U64, O(blkio_weight), "weight", "Weight of I/O, 10 to 1000", NULL,
		0},
	{"cpu-period", 0, CLI_U64, O(cpu_period), "us", "Period of the CPU quota", NULL, 0},
	{"cpu-quota", 0, CLI_I64, O(cpu_quota), "us", "CPU time per period", NULL, 0},
	{"cpu-burst", 0, CLI_U64, O(cpu_burst), "us", "CPU time that may be saved up", NULL, 0},
	{"cpu-share", 0, CLI_U64, O(cpu_shares), "shares", "Weight of CPU time", NULL, 0},
	{"cpu-rt-period", 0, CLI_U64, O(cpu_rt_period), "us", "Period of real-time scheduling",
		NULL, 0},
	{"cpu-rt-runtime", 0, CLI_I64, O(cpu_rt_runtime), "us", "Real-time CPU time per period",
		NULL, 0},
	{"cpu-idle", 0, CLI_I64, O(cpu_idle), "0|1", "Run only when nothing else does", NULL, 0},
	{"cpuset-cpus", 0, CLI_STRING, O(cpus), "list", "CPUs to run on", NULL, 0},
	{"cpuset-mems", 0, CLI_STRING, O(mems), "list", "Memory nodes to use", NULL, 0},
	{"memory", 0, CLI_STRING, O(memory), "bytes", "Limit of memory", NULL, 0},
	{"memory-reservation", 0, CLI_STRING, O(memory_reservation), "bytes",
		"Soft limit of memory", NULL, 0},
	{"memory-swap", 0, CLI_STRING, O(memory_swap), "bytes", "Limit of memory and swap together",
		NULL, 0},
	{"kernel-memory", 0, CLI_STRING, O(ignored), "bytes", "", NULL, CLI_HIDDEN | CLI_IGNORED},
	{"kernel-memory-tcp", 0, CLI_STRING, O(ignored), "bytes", "", NULL,
		CLI_HIDDEN | CLI_IGNORED},
	{"pids-limit", 0, CLI_I64, O(pids_limit), "number", "Limit of processes", NULL, 0},
	{"l3-cache-schema", 0, CLI_STRING, O(l3_cache_schema), "schema",
		"What the container may use of L3 caches, as resctrl writes it", NULL, 0},
	{"mem-bw-schema", 0, CLI_STRING, O(mem_bw_schema), "schema",
		"The same for memory bandwidth", NULL, 0},
};

/* Bytes with a unit, or -1 for no limit. */
static int parse_bytes(
	const char *text, const char *name, struct hull_opt_i64 *ret, struct hull_error *err)
{
	uint64_t value;

	if (!text)
		return 0;
	if (str_eq(text, "-1")) {
		*ret = (struct hull_opt_i64){true, -1};
		return 0;
	}
	if (str_to_size(text, &value) < 0 || value > INT64_MAX)
		return error_set(
			err, HULL_ERROR_INVALID, "invalid value \"%s\" for --%s", text, name);
	*ret = (struct hull_opt_i64){true, (int64_t)value};
	return 0;
}

static int from_options(
	const struct update_options *o, struct hull_cgroup_resources *r, struct hull_error *err)
{
	int e = parse_bytes(o->memory, "memory", &r->memory.limit, err);

	if (e == 0)
		e = parse_bytes(
			o->memory_reservation, "memory-reservation", &r->memory.reservation, err);
	if (e == 0)
		e = parse_bytes(o->memory_swap, "memory-swap", &r->memory.swap, err);
	if (e < 0)
		return e;
	r->cpu = (struct hull_cgroup_cpu){.shares = o->cpu_shares,
		.quota = o->cpu_quota,
		.burst = o->cpu_burst,
		.period = o->cpu_period,
		.realtime_runtime = o->cpu_rt_runtime,
		.realtime_period = o->cpu_rt_period,
		.cpus = o->cpus,
		.mems = o->mems,
		.idle = o->cpu_idle};
	r->pids.limit = o->pids_limit;
	if (o->blkio_weight.set)
		r->block_io.weight = (struct hull_opt_u32){true, (uint32_t)o->blkio_weight.value};
	return 0;
}

static int from_document(struct arena *arena, const char *path, struct hull_cgroup_resources *r,
	struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	bool from_stdin = str_eq(path, "-");
	int e = from_stdin ? fd_read_to_buf(STDIN_FILENO, &text, (size_t)1 << 20)
			   : file_read_at(AT_FDCWD, path, &text, (size_t)1 << 20);

	if (e < 0)
		return error_errno(err, e, "%s", from_stdin ? "stdin" : path);
	return json_parse(arena, &oci_resources_table, r, buf_str(&text), text.len, NULL,
		from_stdin ? "stdin" : path, err);
}

/* Caches and memory bandwidth are shared out by another file system than cgroups. */
static int update_rdt(
	struct container_record *c, const struct update_options *o, struct hull_error *err)
{
	_cleanup_free_ char *root = NULL;
	struct oci_spec *spec;
	int r = resctrl_find(&root, err);

	if (r == 0)
		r = container_record_spec(c, &spec, err);
	return r < 0 ? r
		     : resctrl_update(root, c->state->id,
			       spec->linux ? spec->linux->intel_rdt : NULL, o->l3_cache_schema,
			       o->mem_bw_schema, err);
}

static int update(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct update_options *o = data;
	_cleanup_container_record_ struct container_record c;
	struct hull_cgroup_resources resources = {0};
	enum container_status status;
	int r = keel_container_open(&c, context->globals, argv[0], err);

	if (r == 0)
		r = container_record_status(&c, &status, err);
	if (r == 0 && status == CONTAINER_STOPPED)
		r = error_set(err, HULL_ERROR_CONFLICT, "container not running");
	if (r == 0)
		r = o->resources ? from_document(&c.arena, o->resources, &resources, err)
				 : from_options(o, &resources, err);
	if (r == 0)
		r = hull_cgroup_resources_check(&resources, err);
	if (r == 0 && (o->l3_cache_schema || o->mem_bw_schema))
		r = update_rdt(&c, o, err);
	return r < 0 ? r : container_update(&c.ref, &resources, err);
}

const struct cli_command keel_update_command = {
	.name = "update",
	.arguments = "[OPTIONS] CONTAINER",
	.summary = "Change the limits of a container",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct update_options),
	.min_args = 1,
	.max_args = 1,
	.run = update,
};
