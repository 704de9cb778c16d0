/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/netlink.h"
#include "base/cleanup.h"

#include <stdalign.h>
#include <sys/socket.h>

#define SEND_SIZE   65536 /* always fits into a socket's buffer */
#define ANSWER_SIZE 32768 /* what the kernel puts into one packet of a dump, at most */
#define TYPE_MASK   (~(NLA_F_NESTED | NLA_F_NET_BYTEORDER))

/* ---- Building ---- */

static void pad(struct buf *b)
{
	static const char zeros[NLMSG_ALIGNTO];

	buf_append(b, zeros, NLMSG_ALIGN(b->len) - b->len);
}

/* Lengths are known at the end; a failed buffer has nothing to write to. */
static void set_length(struct buf *b, size_t at, size_t size)
{
	size_t length = b->len - at;

	if (b->error)
		return;
	if (size == sizeof(uint16_t) && length > UINT16_MAX) {
		b->error = E2BIG;
		return;
	}
	if (size == sizeof(uint16_t))
		memcpy(b->data + at, &(uint16_t){(uint16_t)length}, size);
	else
		memcpy(b->data + at, &(uint32_t){(uint32_t)length}, size);
}

size_t netlink_begin(struct buf *b, uint16_t type, uint16_t flags, uint32_t seq, const void *header,
	size_t header_size)
{
	const struct nlmsghdr h = {
		.nlmsg_type = type, .nlmsg_flags = flags | NLM_F_REQUEST, .nlmsg_seq = seq};
	size_t begun = b->len;

	buf_append(b, &h, sizeof(h));
	buf_append(b, header, header_size);
	pad(b);
	return begun;
}

void netlink_end(struct buf *b, size_t begun)
{
	set_length(b, begun, sizeof(uint32_t));
}

void netlink_attr(struct buf *b, uint16_t type, const void *data, size_t n)
{
	size_t begun = netlink_nest(b, type);

	buf_append(b, data, n);
	set_length(b, begun, sizeof(uint16_t));
	pad(b);
}

void netlink_attr_u8(struct buf *b, uint16_t type, uint8_t value)
{
	netlink_attr(b, type, &value, sizeof(value));
}

void netlink_attr_u16(struct buf *b, uint16_t type, uint16_t value)
{
	netlink_attr(b, type, &value, sizeof(value));
}

void netlink_attr_u32(struct buf *b, uint16_t type, uint32_t value)
{
	netlink_attr(b, type, &value, sizeof(value));
}

void netlink_attr_text(struct buf *b, uint16_t type, const char *text)
{
	netlink_attr(b, type, text, strlen(text) + 1);
}

size_t netlink_nest(struct buf *b, uint16_t type)
{
	const struct nlattr a = {.nla_type = type};
	size_t begun = b->len;

	buf_append(b, &a, sizeof(a));
	return begun;
}

void netlink_nest_end(struct buf *b, size_t begun)
{
	set_length(b, begun, sizeof(uint16_t));
}

/* ---- Talking ---- */

int netlink_open(int protocol)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	return fd < 0 ? -errno : fd;
}

/* The verdict in one packet of answers: 0, or the first failure. */
static int packet_verdict(const char *packet, size_t n, uint32_t *ret_failed)
{
	for (const struct nlmsghdr *h = (const void *)packet; NLMSG_OK(h, n);
		h = NLMSG_NEXT(h, n)) {
		if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_len < NLMSG_LENGTH(sizeof(int)))
			continue;
		const struct nlmsgerr *e = NLMSG_DATA(h);
		if (e->error == 0)
			continue;
		if (ret_failed)
			*ret_failed = h->nlmsg_seq;
		return e->error;
	}
	return 0;
}

int netlink_send(int fd, const void *data, size_t n, uint32_t *ret_failed)
{
	alignas(struct nlmsghdr) char packet[1024]; /* an error quotes what it is about: cut it */
	int verdict = 0;

	if (n > SEND_SIZE)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){(int)n}, sizeof(int));
	if (send(fd, data, n, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t got = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? verdict : -errno;
		if (verdict == 0)
			verdict = packet_verdict(packet, (size_t)got, ret_failed);
	}
}

int netlink_perform(int protocol, const void *data, size_t n, uint32_t *ret_failed)
{
	_cleanup_close_ int fd = netlink_open(protocol);

	/* Errors need not quote the message that they are about (Linux 4.3). */
	if (fd >= 0)
		setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &(int){1}, sizeof(int));
	return fd < 0 ? fd : netlink_send(fd, data, n, ret_failed);
}

/* 1 = the answer is complete. */
static int take_answers(char *packet, size_t n, netlink_answer_fn *answer, void *userdata)
{
	for (const struct nlmsghdr *h = (const void *)packet; NLMSG_OK(h, n);
		h = NLMSG_NEXT(h, n)) {
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			return -EAGAIN;
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR) {
			if (h->nlmsg_len < NLMSG_LENGTH(sizeof(int)))
				return -EBADMSG;
			int error = ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
			return error ? error : 1;
		}
		int r = answer(userdata, h);
		if (r < 0)
			return r;
		if (!(h->nlmsg_flags & NLM_F_MULTI))
			return 1;
	}
	return 0;
}

int netlink_query(int fd, const struct buf *request, netlink_answer_fn *answer, void *userdata)
{
	_cleanup_free_ char *packet = malloc(ANSWER_SIZE);

	if (!packet)
		return -ENOMEM;
	if (buf_error(request))
		return buf_error(request);
	if (send(fd, request->data, request->len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t got = recv(fd, packet, ANSWER_SIZE, MSG_TRUNC);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got > ANSWER_SIZE)
			return -EMSGSIZE;
		int r = take_answers(packet, (size_t)got, answer, userdata);
		if (r)
			return r < 0 ? r : 0;
	}
}

const void *netlink_find(
	const struct nlmsghdr *message, size_t header_size, uint16_t type, size_t *ret_size)
{
	size_t at = NLMSG_LENGTH(NLMSG_ALIGN(header_size)), end = message->nlmsg_len;

	while (at + sizeof(struct nlattr) <= end) {
		const struct nlattr *a = (const void *)((const char *)message + at);
		if (a->nla_len < sizeof(*a) || a->nla_len > end - at)
			return NULL;
		if ((a->nla_type & TYPE_MASK) == type) {
			*ret_size = a->nla_len - sizeof(*a);
			return a + 1;
		}
		at += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}
