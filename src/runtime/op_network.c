/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepared steps of the container's network (plan_options.network). What they mean is known to
 * whoever prepared them; here they are sent, and taken back if the start fails.
 */
#include "runtime/perform.h"
#include "base/str.h"
#include "sys/netlink.h"

#include <linux/netlink.h>

/* "veth of network web: File exists": what failed in a buffer of several messages. */
static const char *subject(const struct plan_network_step *step, uint32_t seq)
{
	for (size_t i = 0; step->subjects && step->subjects[i]; i++) {
		if (i == seq)
			return step->subjects[i];
	}
	return NULL;
}

int perform_network(struct performance *p, const struct op *op)
{
	const struct plan_network_step *step = op->network->step;
	char *data = op->network->data;
	uint32_t failed = UINT32_MAX;

	if (step->sysctl)
		return perform_sysctl(p, op);
	if (step->pid_offset)
		memcpy(data + step->pid_offset, &(uint32_t){(uint32_t)p->pid}, sizeof(uint32_t));
	/* Counted before: of several messages some may have been carried out. */
	if (!op->child)
		p->network_begun = op;
	int r = netlink_perform(step->protocol, data, step->length, &failed);
	const char *text = subject(step, failed);
	return r < 0 && text ? op_step(p, r, "%s", text) : r;
}

void undo_network(struct performance *p)
{
	if (!p->network_begun)
		return;
	for (const struct op *op = p->network_begun; op >= p->plan->ops; op--) {
		if (op->kind == OP_NETWORK && !op->child && op->network->step->undo)
			netlink_perform(op->network->step->protocol, op->network->step->undo,
				op->network->step->undo_length, NULL);
	}
}
