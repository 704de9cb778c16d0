/* SPDX-License-Identifier: Apache-2.0 */
/* The plan as a thing: memory, operations, slots. What goes into it is decided in compile*.c. */
#include "runtime/op.h"
#include "base/str.h"

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	free(plan->ops);
	free(plan->times);
	arena_done(&plan->arena);
	free(plan);
}

struct op *plan_add(struct plan *plan, enum op_kind kind, bool child, struct hull_error *err)
{
	if (plan->n_ops == plan->ops_size) {
		size_t size = plan->ops_size ? 2 * plan->ops_size : 128;
		struct op *larger = reallocarray(plan->ops, size, sizeof(*larger));
		if (!larger) {
			error_no_memory(err);
			return NULL;
		}
		plan->ops = larger;
		plan->ops_size = size;
	}
	struct op *op = &plan->ops[plan->n_ops++];
	*op = (struct op){.kind = kind, .child = child, .slot = -1};
	return op;
}

int plan_slot(struct plan *plan)
{
	return (int)plan->n_slots++;
}

void runtime_process_done(struct runtime_process *process)
{
	cleanup_closep(&process->pidfd);
	cleanup_closep(&process->console_fd);
	free(process->cgroup);
	process->cgroup = NULL;
	strv_free(process->resctrl);
	process->resctrl = NULL;
}
