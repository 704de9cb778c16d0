/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepared steps of the container's network (plan_options.network). What they mean is known to
 * whoever prepared them; here they are sent, and taken back if the start fails.
 */
#include "runtime/perform.h"
#include "base/str.h"
#include "sys/link.h"
#include "sys/netlink.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>

/* "veth of network web: File exists": what failed in a buffer of several messages. */
static const char *subject(const struct plan_network_step *step, uint32_t seq)
{
	for (size_t i = 0; step->subjects && step->subjects[i]; i++) {
		if (i == seq)
			return step->subjects[i];
	}
	return NULL;
}

static int make_socket(const struct sockaddr_in *address, int type, int *ret)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	*ret = fd;
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
		(type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0))
		return -errno;
	return 0;
}

/* A socket belongs to the network namespace that its maker is in, whoever holds it later. */
static int make_sockets(struct performance *p, const struct plan_network_step *step)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", p->pid);
	_cleanup_close_ int inside = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int outside = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (inside < 0 || outside < 0 || setns(inside, CLONE_NEWNET) < 0)
		return -errno;
	/* While a namespace has no route at all, the kernel binds to any address, and means none. */
	int r = loopback_up();
	if (r == 0)
		r = make_socket(step->listen, SOCK_DGRAM, step->ret_udp);
	if (r == 0)
		r = make_socket(step->listen, SOCK_STREAM, step->ret_tcp);
	/* In there this process could do nothing that it is for. */
	if (setns(outside, CLONE_NEWNET) < 0)
		abort();
	return r;
}

int perform_network(struct performance *p, const struct op *op)
{
	const struct plan_network_step *step = op->network->step;
	char *data = op->network->data;
	uint32_t failed = UINT32_MAX;

	if (step->sysctl)
		return perform_sysctl(p, op);
	if (step->listen)
		return make_sockets(p, step);
	if (step->pid_offset)
		memcpy(data + step->pid_offset, &(uint32_t){(uint32_t)p->pid}, sizeof(uint32_t));
	if (step->link) {
		int index = link_number(step->link);
		if (index < 0)
			return op_step(p, index, "%s", step->link);
		for (size_t i = 0; i < step->n_link_offsets; i++)
			memcpy(data + step->link_offsets[i], &index, sizeof(index));
	}
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
