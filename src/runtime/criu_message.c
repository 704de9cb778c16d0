/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf's wire format: a message is a sequence of fields, each a number with a type (0: a number in
 * groups of 7 bits, the lowest first; 2: a length and that many bytes), then the value. Fields that
 * are not known are skipped.
 */
#include "runtime/criu_message.h"

#include <limits.h>

enum { WIRE_NUMBER = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* Fields of criu_req, criu_resp and what is in them. */
enum {
	REQ_TYPE = 1,
	REQ_OPTS = 2,
	REQ_NOTIFY_SUCCESS = 3,
	RESP_TYPE = 1,
	RESP_SUCCESS = 2,
	RESP_RESTORE = 4,
	RESP_NOTIFY = 5,
	RESP_ERRNO = 7,
	RESP_MESSAGE = 9,
	RESP_VERSION = 10,
};

static void put_varint(struct buf *out, uint64_t value)
{
	while (value >= 0x80) {
		buf_putc(out, (char)(value | 0x80));
		value >>= 7;
	}
	buf_putc(out, (char)value);
}

static void put_bytes(struct buf *out, unsigned int field, const void *data, size_t n)
{
	put_varint(out, field << 3 | WIRE_BYTES);
	put_varint(out, n);
	buf_append(out, data, n);
}

static void put_number(struct buf *out, unsigned int field, uint64_t value)
{
	put_varint(out, field << 3 | WIRE_NUMBER);
	put_varint(out, value);
}

void criu_put_number(struct buf *opts, enum criu_field field, uint64_t value)
{
	put_number(opts, field, value);
}

void criu_put_bool(struct buf *opts, enum criu_field field, bool value)
{
	if (value)
		put_number(opts, field, 1);
}

void criu_put_string(struct buf *opts, enum criu_field field, const char *value)
{
	if (value)
		put_bytes(opts, field, value, strlen(value));
}

void criu_put_pair(struct buf *opts, enum criu_field field, const char *first, const char *second)
{
	_cleanup_buf_ struct buf inner = BUF_INIT;

	put_bytes(&inner, 1, first, strlen(first));
	put_bytes(&inner, 2, second, strlen(second));
	put_bytes(opts, field, inner.data, inner.len);
}

void criu_put_named(struct buf *opts, enum criu_field field, const char *name, uint64_t value)
{
	_cleanup_buf_ struct buf inner = BUF_INIT;

	put_bytes(&inner, 1, name, strlen(name));
	put_number(&inner, 2, value);
	put_bytes(opts, field, inner.data, inner.len);
}

void criu_format_request(struct buf *out, enum criu_type type, const struct buf *opts)
{
	put_number(out, REQ_TYPE, type);
	if (opts)
		put_bytes(out, REQ_OPTS, buf_str(opts), opts->len);
}

void criu_format_notified(struct buf *out, bool success)
{
	put_number(out, REQ_TYPE, CRIU_NOTIFY);
	put_number(out, REQ_NOTIFY_SUCCESS, success);
}

/* ---- reading ---- */

struct reader {
	const unsigned char *at, *end;
};

struct field {
	unsigned int number;
	uint64_t value;	      /* of a number */
	struct reader inside; /* of bytes */
};

static int get_varint(struct reader *r, uint64_t *ret)
{
	*ret = 0;
	for (unsigned int shift = 0; shift < 64; shift += 7) {
		if (r->at == r->end)
			return -EBADMSG;
		unsigned char byte = *r->at++;
		*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return 0;
	}
	return -EBADMSG;
}

/* 1 with a field, 0 at the end. */
static int get_field(struct reader *r, struct field *ret)
{
	uint64_t tag, n;

	*ret = (struct field){0};
	if (r->at == r->end)
		return 0;
	if (get_varint(r, &tag) < 0 || tag >> 3 > UINT_MAX)
		return -EBADMSG;
	ret->number = (unsigned int)(tag >> 3);
	switch (tag & 7) {
	case WIRE_NUMBER:
		return get_varint(r, &ret->value) < 0 ? -EBADMSG : 1;
	case WIRE_BYTES:
		if (get_varint(r, &n) < 0)
			return -EBADMSG;
		break;
	case WIRE_FIXED64:
		n = 8;
		break;
	case WIRE_FIXED32:
		n = 4;
		break;
	default:
		return -EBADMSG;
	}
	if (n > (size_t)(r->end - r->at))
		return -EBADMSG;
	ret->inside = (struct reader){r->at, r->at + n};
	r->at += n;
	return 1;
}

static void copy_text(const struct reader *r, char *text, size_t size)
{
	size_t n = (size_t)(r->end - r->at);

	n = n < size ? n : size - 1;
	if (n)
		memcpy(text, r->at, n);
	text[n] = '\0';
	/* One line. */
	for (char *p = text; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
}

static int parse_inside(struct reader inside, int number, struct criu_answer *a)
{
	struct field f;
	int r;

	while ((r = get_field(&inside, &f)) > 0) {
		if (number == RESP_RESTORE && f.number == 1)
			a->pid = (pid_t)f.value;
		else if (number == RESP_NOTIFY && f.number == 1)
			copy_text(&f.inside, a->script, sizeof(a->script));
		else if (number == RESP_NOTIFY && f.number == 2)
			a->pid = (pid_t)f.value;
		else if (number == RESP_VERSION && f.number == 1)
			a->version += (unsigned int)f.value * 10000;
		else if (number == RESP_VERSION && f.number == 2)
			a->version += (unsigned int)f.value * 100;
		else if (number == RESP_VERSION && f.number == 4)
			a->version += (unsigned int)f.value;
	}
	return r;
}

int criu_parse_answer(const void *data, size_t n, struct criu_answer *ret)
{
	struct reader reader = {data, (const unsigned char *)data + n};
	struct field f;
	int r;

	*ret = (struct criu_answer){.type = -1};
	while ((r = get_field(&reader, &f)) > 0) {
		switch (f.number) {
		case RESP_TYPE:
			ret->type = (int)f.value;
			break;
		case RESP_SUCCESS:
			ret->success = f.value != 0;
			break;
		case RESP_ERRNO:
			ret->error = (int)f.value;
			break;
		case RESP_MESSAGE:
			copy_text(&f.inside, ret->message, sizeof(ret->message));
			break;
		case RESP_RESTORE:
		case RESP_NOTIFY:
		case RESP_VERSION:
			r = parse_inside(f.inside, (int)f.number, ret);
			break;
		}
		if (r < 0)
			return r;
	}
	return r < 0 || ret->type < 0 ? -EBADMSG : 0;
}
