/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Performing the writes. Values that restrict each other are tried in turn: memory must not exceed
 * memory+swap, so a limit that rises is refused (EINVAL) until the sum has been raised, and one
 * that falls must fall before the sum. Whatever was there before, one of the orders is accepted,
 * and nothing has to be read to know which.
 *
 * What was there before is read nevertheless, by the same open, if more than one thing is to be set
 * in a group that others may be using: a refusal takes back what was written before it.
 */
#include "cgroup/device.h"
#include "cgroup/file.h"
#include "cgroup/resource.h"
#include "cgroup/restore.h"
#include "cgroup/systemd.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

/* Consecutive writes to one file share an open. */
struct writer {
	int fd;
	bool readable;
	const struct group_place *place;
	const char *file;
	struct old_values old;
};

static void writer_done(struct writer *w)
{
	cleanup_closep(&w->fd);
}

/* Write-only files (memory.reclaim) have nothing to put back. */
static int writer_open(struct writer *w, const struct group_place *place, const char *file)
{
	cleanup_closep(&w->fd);
	int fd = w->old.arena ? place_open(place, file, O_RDWR) : -EACCES;
	w->readable = fd >= 0;
	if (fd == -EACCES)
		fd = place_open(place, file, O_WRONLY);
	if (fd < 0)
		return fd;
	w->fd = fd;
	w->place = place;
	w->file = file;
	return 0;
}

static int writer_put(
	struct writer *w, const struct group_place *place, const char *file, const char *value)
{
	struct old_value *before = w->old.last;
	int r = 0;

	if (w->fd < 0 || w->place != place || !str_eq(w->file, file))
		r = writer_open(w, place, file);
	if (r == 0 && w->readable)
		r = old_values_keep(&w->old, place, w->fd, file, value);
	if (r < 0)
		return r;
	ssize_t n;
	do
		n = write(w->fd, value, strlen(value));
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		r = -errno;
		old_values_forget(&w->old, before);
	}
	return r;
}

static const struct group_place *write_place(
	const struct hull_cgroup *cgroup, const struct resource_write *write)
{
	return write->controller == HULL_CGROUP_CONTROLLER_MAX
		       ? group_place_v2(cgroup)
		       : group_place_of(cgroup, write->controller);
}

/* The plain attempt; *ret_file and *ret_value tell what was written in the end. */
static int try_write(struct writer *w, const struct hull_cgroup *cgroup,
	const struct resource_write *write, const char **ret_file, const char **ret_value)
{
	const struct group_place *place = write_place(cgroup, write);

	*ret_file = write->file;
	*ret_value = write->value;
	int r = writer_put(w, place, write->file, write->value);
	if (r == -ENOENT && write->other_file) {
		*ret_file = write->other_file;
		*ret_value = write->other_value;
		r = writer_put(w, place, write->other_file, write->other_value);
	}
	if ((r == -ENOENT || r == -EOPNOTSUPP) && (write->flags & WRITE_OPTIONAL)) {
		_cleanup_close_ int dir = place_open(place, "", O_PATH | O_DIRECTORY);
		if (dir >= 0)
			return 0;
	}
	return r;
}

/* Tells a file that is missing because its controller is not enabled, the usual reason on v2. */
static int write_error(struct hull_cgroup *cgroup, const struct resource_write *write,
	const char *file, const char *value, int r, struct hull_error *err)
{
	const struct group_place *place = write_place(cgroup, write);
	enum hull_cgroup_controller c = cgroup_file_controller(file);

	if (r == -ENOENT && place->hierarchy->version == 2 && c != HULL_CGROUP_CONTROLLER_MAX) {
		_cleanup_close_ int dir = place_open(place, "", O_PATH | O_DIRECTORY);

		if (dir >= 0 && !(group_enabled_v2(cgroup) & HULL_CGROUP_BIT(c)))
			return error_errno_kind(err, HULL_ERROR_UNSUPPORTED, EOPNOTSUPP,
				"%s: %s: controller %s is not enabled for %s", file, value,
				hull_cgroup_controller_name(c), place->full_path);
	}
	return place_error(place, file, value, r, err);
}

static bool may_be_left_out(int r, unsigned int flags)
{
	return (flags & HULL_CGROUP_APPLY_TOLERANT) &&
	       (r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOENT || r == -EOPNOTSUPP);
}

/* Writes all of one set: rounds over those that the kernel has not taken yet. */
static int perform_set(struct hull_cgroup *cgroup, struct writer *w,
	const struct resource_plan *plan, size_t first, unsigned int flags, struct hull_error *err)
{
	enum write_set set = plan->writes[first].set;
	uint64_t done = 0; /* a set is a handful of neighbours in a short list */

	for (;;) {
		bool progress = false;
		size_t refused = plan->n;
		const char *file = NULL, *value = NULL;

		for (size_t i = first; i < plan->n && i - first < 64; i++) {
			uint64_t bit = UINT64_C(1) << (i - first);
			const char *this_file, *this_value;

			if (plan->writes[i].set != set || (done & bit))
				continue;
			int r = try_write(w, cgroup, &plan->writes[i], &this_file, &this_value);
			if (r == 0 || may_be_left_out(r, flags)) {
				done |= bit;
				progress = true;
			} else if (r != -EINVAL) {
				return write_error(
					cgroup, &plan->writes[i], this_file, this_value, r, err);
			} else if (refused == plan->n) {
				refused = i;
				file = this_file;
				value = this_value;
			}
		}
		if (refused == plan->n)
			return 0;
		if (!progress)
			return write_error(
				cgroup, &plan->writes[refused], file, value, -EINVAL, err);
	}
}

static bool set_seen_before(const struct resource_plan *plan, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (plan->writes[k].set == plan->writes[i].set)
			return true;
	return false;
}

static int perform(struct hull_cgroup *cgroup, struct writer *w, const struct resource_plan *plan,
	unsigned int flags, struct hull_error *err)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct resource_write *write = &plan->writes[i];
		const char *file, *value;
		int r;

		if (write->set != WRITE_SET_NONE) {
			if (set_seen_before(plan, i))
				continue;
			r = perform_set(cgroup, w, plan, i, flags, err);
			if (r < 0)
				return r;
			continue;
		}
		r = try_write(w, cgroup, write, &file, &value);
		if (r < 0 && !may_be_left_out(r, flags))
			return write_error(cgroup, write, file, value, r, err);
	}
	return 0;
}

/* checkBeforeUpdate: a limit below what is in use would have the kernel kill at once. */
static int check_usage(const struct hull_cgroup *cgroup, const struct hull_cgroup_memory *memory,
	struct hull_error *err)
{
	const struct group_place *place = group_place_of(cgroup, HULL_CGROUP_MEMORY);
	uint64_t used, swapped = 0;

	if (!place || !memory->check_before_update.set || !memory->check_before_update.value)
		return 0;
	bool v2 = place->hierarchy->version == 2;
	if (memory->limit.set && memory->limit.value > 0 &&
		place_get_u64(place, v2 ? "memory.current" : "memory.usage_in_bytes", &used) == 0 &&
		(uint64_t)memory->limit.value < used)
		return error_set(err, HULL_ERROR_CONFLICT,
			"rejecting memory limit %" PRId64 ": %" PRIu64 " bytes are in use",
			memory->limit.value, used);
	if (!memory->swap.set || memory->swap.value <= 0)
		return 0;
	if (place_get_u64(place, v2 ? "memory.current" : "memory.memsw.usage_in_bytes", &used) < 0)
		return 0;
	if (v2 && place_get_u64(place, "memory.swap.current", &swapped) == 0)
		used += swapped;
	if ((uint64_t)memory->swap.value < used)
		return error_set(err, HULL_ERROR_CONFLICT,
			"rejecting memory+swap limit %" PRId64 ": %" PRIu64 " bytes are in use",
			memory->swap.value, used);
	return 0;
}

int resources_apply(struct hull_cgroup *cgroup, const struct hull_cgroup_resources *resources,
	unsigned int flags, struct hull_error *err)
{
	_cleanup_(resource_plan_done) struct resource_plan plan = RESOURCE_PLAN_INIT;
	_cleanup_(writer_done) struct writer w = {.fd = -1};
	int r = resources_plan(cgroup, resources, flags, &plan, err);

	if (r < 0)
		return r;
	if (!(flags & APPLY_FRESH)) {
		r = check_usage(cgroup, &resources->memory, err);
		if (r < 0)
			return r;
		if (plan.n + (resources->n_devices != 0) > 1)
			w.old.arena = &plan.arena;
	}
	r = perform(cgroup, &w, &plan, flags, err);
	if (r == 0 && resources->n_devices)
		r = devices_apply(cgroup, resources->devices, resources->n_devices, flags, err);
	if (r < 0)
		old_values_restore(&w.old);
	return r;
}

int hull_cgroup_apply(struct hull_cgroup *cgroup, const struct hull_cgroup_resources *resources,
	unsigned int flags, struct hull_error *err)
{
	if (cgroup->manager == HULL_CGROUP_MANAGER_DISABLED)
		return 0;
	if (cgroup->unit) {
		int r = systemd_set(cgroup, resources, err);
		if (r < 0)
			return r;
	}
	return resources_apply(cgroup, resources, flags & ~APPLY_FRESH, err);
}
