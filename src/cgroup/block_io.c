/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block I/O. A weight is BFQ's (io.bfq.weight, blkio.bfq.weight), or else that of what the kernel
 * has in its place: on v1 CFQ's until Linux 5.0 (blkio.weight), on v2 the io.cost controller's
 * (io.weight, with a range of its own). Which of them exists is seen when it is written.
 */
#include "cgroup/resource.h"

#include <inttypes.h>
#include <stdio.h>

#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000

/* The four kinds of throttle: their list, their file in v1, their key in io.max of v2. */
static const struct {
	size_t list, count;
	const char *v1, *key;
} throttles[] = {
#define LIST(member)                                   \
	offsetof(struct hull_cgroup_block_io, member), \
		offsetof(struct hull_cgroup_block_io, n_##member)
	{LIST(throttle_read_bps), "blkio.throttle.read_bps_device", "rbps"},
	{LIST(throttle_write_bps), "blkio.throttle.write_bps_device", "wbps"},
	{LIST(throttle_read_iops), "blkio.throttle.read_iops_device", "riops"},
	{LIST(throttle_write_iops), "blkio.throttle.write_iops_device", "wiops"},
#undef LIST
};

static const struct hull_cgroup_throttle_device *throttle_list(
	const struct hull_cgroup_block_io *io, size_t kind, size_t *ret_n)
{
	*ret_n = *(const size_t *)((const char *)io + throttles[kind].count);
	return *(struct hull_cgroup_throttle_device *const *)((const char *)io +
							      throttles[kind].list);
}

static int check_weight(
	const char *field, const struct hull_opt_u32 *weight, struct hull_error *err)
{
	if (weight->set && weight->value != 0 &&
		(weight->value < WEIGHT_MIN || weight->value > WEIGHT_MAX))
		return error_set(err, HULL_ERROR_INVALID,
			"blockIO.%s: %" PRIu32 ": not from %d to %d", field, weight->value,
			WEIGHT_MIN, WEIGHT_MAX);
	return 0;
}

static int check_device(int64_t major, int64_t minor, struct hull_error *err)
{
	if (major < 0 || minor < 0 || major > UINT32_MAX || minor > UINT32_MAX)
		return error_set(err, HULL_ERROR_INVALID,
			"blockIO: %" PRId64 ":%" PRId64 ": not a device", major, minor);
	return 0;
}

int check_block_io(const struct hull_cgroup_block_io *io, struct hull_error *err)
{
	int r = check_weight("weight", &io->weight, err);

	if (r == 0)
		r = check_weight("leafWeight", &io->leaf_weight, err);
	for (size_t i = 0; r == 0 && i < io->n_weight_devices; i++) {
		const struct hull_cgroup_weight_device *d = &io->weight_devices[i];

		r = check_device(d->major, d->minor, err);
		if (r == 0)
			r = check_weight("weightDevice.weight", &d->weight, err);
		if (r == 0)
			r = check_weight("weightDevice.leafWeight", &d->leaf_weight, err);
	}
	for (size_t kind = 0; r == 0 && kind < ARRAY_SIZE(throttles); kind++) {
		size_t n;
		const struct hull_cgroup_throttle_device *list = throttle_list(io, kind, &n);

		for (size_t i = 0; r == 0 && i < n; i++)
			r = check_device(list[i].major, list[i].minor, err);
	}
	return r;
}

/* A write with another file to fall back to. */
static int add_either(struct resource_plan *plan, const char *file, const char *value,
	const char *other_file, const char *other_value, struct hull_error *err)
{
	struct resource_write *write =
		resource_plan_add(plan, HULL_CGROUP_IO, file, err, "%s", value);

	if (!write)
		return -1;
	write->other_file = arena_strdup(&plan->arena, other_file);
	write->other_value = arena_strdup(&plan->arena, other_value);
	return write->other_file && write->other_value ? 0 : error_no_memory(err);
}

/* device is "MAJ:MIN " or "" for the default. */
static int plan_weight(unsigned int version, const char *device, uint32_t weight,
	struct resource_plan *plan, struct hull_error *err)
{
	char value[64], other[64];

	snprintf(value, sizeof(value), "%s%" PRIu32, device, weight);
	if (version == 2) {
		snprintf(other, sizeof(other), "%s%" PRIu64, *device ? device : "default ",
			hull_cgroup_blkio_to_io_weight(weight));
		return add_either(plan, "io.bfq.weight", value, "io.weight", other, err);
	}
	if (*device)
		return add_either(
			plan, "blkio.bfq.weight_device", value, "blkio.weight_device", value, err);
	return add_either(plan, "blkio.bfq.weight", value, "blkio.weight", value, err);
}

static int plan_leaf_weight(unsigned int version, const char *device, uint32_t weight,
	struct resource_plan *plan, struct hull_error *err)
{
	if (version == 2)
		return resource_unsupported(version, "blockIO.leafWeight", err);
	const char *file = *device ? "blkio.leaf_weight_device" : "blkio.leaf_weight";
	return resource_plan_add(plan, HULL_CGROUP_IO, file, err, "%s%" PRIu32, device, weight)
		       ? 0
		       : -1;
}

static int plan_weights(unsigned int version, const struct hull_cgroup_block_io *io,
	struct resource_plan *plan, struct hull_error *err)
{
	int r = 0;

	if (io->weight.set && io->weight.value)
		r = plan_weight(version, "", io->weight.value, plan, err);
	if (r == 0 && io->leaf_weight.set && io->leaf_weight.value)
		r = plan_leaf_weight(version, "", io->leaf_weight.value, plan, err);
	for (size_t i = 0; r == 0 && i < io->n_weight_devices; i++) {
		const struct hull_cgroup_weight_device *d = &io->weight_devices[i];
		char device[48];

		snprintf(device, sizeof(device), "%" PRId64 ":%" PRId64 " ", d->major, d->minor);
		if (d->weight.set && d->weight.value)
			r = plan_weight(version, device, d->weight.value, plan, err);
		if (r == 0 && d->leaf_weight.set && d->leaf_weight.value)
			r = plan_leaf_weight(version, device, d->leaf_weight.value, plan, err);
	}
	return r;
}

static int plan_throttle(unsigned int version, size_t kind,
	const struct hull_cgroup_throttle_device *d, struct resource_plan *plan,
	struct hull_error *err)
{
	char rate[32] = "max";

	if (version == 1)
		return resource_plan_add(plan, HULL_CGROUP_IO, throttles[kind].v1, err,
			       "%" PRId64 ":%" PRId64 " %" PRIu64, d->major, d->minor, d->rate)
			       ? 0
			       : -1;
	if (d->rate)
		snprintf(rate, sizeof(rate), "%" PRIu64, d->rate);
	return resource_plan_add(plan, HULL_CGROUP_IO, "io.max", err,
		       "%" PRId64 ":%" PRId64 " %s=%s", d->major, d->minor, throttles[kind].key,
		       rate)
		       ? 0
		       : -1;
}

int plan_block_io(const struct hull_cgroup *cgroup, const struct hull_cgroup_block_io *io,
	struct resource_plan *plan, struct hull_error *err)
{
	unsigned int version = resource_version(cgroup, HULL_CGROUP_IO);
	bool any = (io->weight.set && io->weight.value) ||
		   (io->leaf_weight.set && io->leaf_weight.value) || io->n_weight_devices ||
		   io->n_throttle_read_bps || io->n_throttle_write_bps ||
		   io->n_throttle_read_iops || io->n_throttle_write_iops;

	if (!any)
		return 0;
	if (!version)
		return resource_unsupported(version, "blockIO", err);
	int r = plan_weights(version, io, plan, err);
	for (size_t kind = 0; r == 0 && kind < ARRAY_SIZE(throttles); kind++) {
		size_t n;
		const struct hull_cgroup_throttle_device *list = throttle_list(io, kind, &n);

		for (size_t i = 0; r == 0 && i < n; i++)
			r = plan_throttle(version, kind, &list[i], plan, err);
	}
	return r;
}
