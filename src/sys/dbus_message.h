/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the D-Bus protocol as bytes (D-Bus specification, "Type system" and "Message
 * protocol"). What we write is little-endian; both byte orders are read. What comes in is trusted in
 * nothing: sizes, padding, terminators, UTF-8 and types are checked, and nothing is copied: the
 * strings of a parsed message lie in its bytes.
 */
#pragma once

#include "base/buf.h"

#include <stdint.h>

#define DBUS_MESSAGE_MAX  ((size_t)1 << 20) /* what we take; the protocol allows 128 MiB */
#define DBUS_MESSAGE_HEAD 16		    /* bytes that tell a message's size */

enum dbus_type {
	DBUS_METHOD_CALL = 1,
	DBUS_METHOD_RETURN = 2,
	DBUS_ERROR = 3,
	DBUS_SIGNAL = 4,
};

/* ---- writing ---- */

/* Values are appended to a body, aligned in relation to its beginning. Failure sticks in the buf. */
void dbus_put_byte(struct buf *body, uint8_t value);
void dbus_put_u32(struct buf *body, uint32_t value);		  /* b, i, u */
void dbus_put_u64(struct buf *body, uint64_t value);		  /* x, t */
void dbus_put_string(struct buf *body, const char *text);	  /* s, o */
void dbus_put_signature(struct buf *body, const char *signature); /* g; a variant begins with it */
void dbus_put_struct(struct buf *body); /* the beginning of one; it has no end */

struct dbus_array {
	size_t length_at, begin;
};

/* alignment: of the elements: 8 for structs, x and t, 4 for s, u and arrays, 1 for y and g. */
struct dbus_array dbus_begin_array(struct buf *body, size_t alignment);
void dbus_end_array(struct buf *body, struct dbus_array array);

struct dbus_call {
	const char *destination; /* NULL where there is no bus in between */
	const char *path, *interface, *member;
	const char *signature; /* of the body, "" or NULL if that is empty */
	const struct buf *body;
};

/* The whole message; serial is not 0. 0, -ENOMEM or -E2BIG. */
int dbus_call_format(const struct dbus_call *call, uint32_t serial, struct buf *out);

/* ---- reading ---- */

/* From the first DBUS_MESSAGE_HEAD bytes: the size of the whole. 0, -EBADMSG or -E2BIG. */
int dbus_message_size(const void *head, size_t *ret);

struct dbus_message {
	enum dbus_type type;
	bool big_endian;
	uint32_t serial;
	uint32_t reply_serial; /* 0: none */
	/* "" if the message does not say */
	const char *path, *interface, *member, *error_name, *sender, *signature;
	const unsigned char *body;
	size_t body_length;
};

/* Of n bytes that are exactly one message, and outlive *ret. 0, -EBADMSG or -E2BIG. */
int dbus_message_parse(const void *data, size_t n, struct dbus_message *ret);

/* A walk through the values of a body. A read fails with -EBADMSG if the next value is of another
 * type or damaged; the reader is of no use then. */
struct dbus_reader {
	const unsigned char *data;
	size_t n, at;
	bool big_endian;
	const char *signature; /* of what is left */
};

void dbus_reader_init(struct dbus_reader *r, const struct dbus_message *m);
int dbus_read_u32(struct dbus_reader *r, uint32_t *ret);
int dbus_read_string(struct dbus_reader *r, const char **ret); /* s or o */

/* Goes into a variant: what is read next is its value, and what follows it cannot be read. */
int dbus_read_variant(struct dbus_reader *r);
