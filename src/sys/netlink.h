/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink(7): messages are built in a buffer, sent as they are, and answered at once (the kernel
 * works while send(2) runs, so all answers are there when it returns). Building and performing are
 * apart: what is built now may be performed later, by another process, in another namespace.
 */
#pragma once

#include "base/buf.h"

#include <linux/netlink.h>
#include <stdint.h>

/*
 * Building. header is the family's own (struct ifinfomsg, ...). seq tells messages of one buffer
 * apart in netlink_perform()'s verdict. Failures stick in the buf. NLM_F_REQUEST is added.
 */
size_t netlink_begin(struct buf *b, uint16_t type, uint16_t flags, uint32_t seq, const void *header,
	size_t header_size);
void netlink_end(struct buf *b, size_t begun);

void netlink_attr(struct buf *b, uint16_t type, const void *data, size_t n);
void netlink_attr_u8(struct buf *b, uint16_t type, uint8_t value);
void netlink_attr_u16(struct buf *b, uint16_t type, uint16_t value);
void netlink_attr_u32(struct buf *b, uint16_t type, uint32_t value);
void netlink_attr_text(struct buf *b, uint16_t type, const char *text); /* with its NUL */
size_t netlink_nest(struct buf *b, uint16_t type);
void netlink_nest_end(struct buf *b, size_t begun);

/*
 * Sends all messages over a socket of its own; 0, or -errno of the first that failed, whose nlmsg_seq
 * goes to *ret_failed (may be NULL; untouched otherwise). The others of the buffer may have
 * been carried out. Allocates nothing, safe between clone and exec.
 */
int netlink_perform(int protocol, const void *data, size_t n, uint32_t *ret_failed);

/* As above over an open socket. */
int netlink_open(int protocol); /* fd or -errno */
int netlink_send(int fd, const void *data, size_t n, uint32_t *ret_failed);

/*
 * Sends one request and calls back for each message of the answer (a dump's, with NLM_F_DUMP in the
 * request's flags). A callback's negative value ends it and is returned. 0 or -errno.
 */
typedef int netlink_answer_fn(void *userdata, const struct nlmsghdr *message);
int netlink_query(int fd, const struct buf *request, netlink_answer_fn *answer, void *userdata);

/* The attribute of that type after the family's header, NULL if there is none; *ret_size its bytes. */
const void *netlink_find(
	const struct nlmsghdr *message, size_t header_size, uint16_t type, size_t *ret_size);
