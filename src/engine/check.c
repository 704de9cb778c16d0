/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/check.h"

#include "base/str.h"
#include "engine/rootfs.h"

static int remove_lost(struct engine *engine, struct container *c, struct container_check *check,
	struct hull_error *err)
{
	_cleanup_close_ int lock = -1;
	int r = container_lock_idle(engine, c, &lock, err);

	if (r <= 0)
		return r;
	r = container_delete(engine, c, err);
	if (r == 0)
		check->repaired++;
	return r;
}

static int check_one(struct engine *engine, struct container *c, struct container_check *check,
	struct hull_error *err)
{
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int upper = -1;

	/* Somebody is at it: it is being made, or runs and so has what it needs. */
	if (rootfs_open_upper(engine, c, &upper, &why) == 0 || container_is_locked(engine, c->id))
		return 0;
	text = str_printf("container %s (%.12s): %s", c->name, c->id, hull_error_message(&why));
	if (!text)
		return error_no_memory(err);
	check->problems++;
	check->problem(check->problem_data, text);
	return check->repair ? remove_lost(engine, c, check, err) : 0;
}

int containers_check(struct engine *engine, struct container_check *check, struct hull_error *err)
{
	struct container **list = NULL;
	size_t n = 0;
	int r = container_list(engine, true, &list, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = check_one(engine, list[i], check, err);
	container_list_free(list, n);
	return r < 0 ? r : 0;
}
