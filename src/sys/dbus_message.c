/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/dbus_message.h"
#include "base/str.h"
#include "base/utf8.h"

#include <endian.h>

#define VERSION		   1
#define FIELDS_MAX	   (64 << 10) /* bytes of header fields that we take */
#define SIGNATURE_MAX	   255
#define LITTLE_ENDIAN_MARK 'l'
#define BIG_ENDIAN_MARK	   'B'

enum field {
	FIELD_PATH = 1,
	FIELD_INTERFACE = 2,
	FIELD_MEMBER = 3,
	FIELD_ERROR_NAME = 4,
	FIELD_REPLY_SERIAL = 5,
	FIELD_DESTINATION = 6,
	FIELD_SENDER = 7,
	FIELD_SIGNATURE = 8,
};

static size_t align_up(size_t n, size_t alignment)
{
	return (n + alignment - 1) & ~(alignment - 1);
}

/* ---- writing ---- */

static void put_padding(struct buf *body, size_t alignment)
{
	static const char zeros[8];

	buf_append(body, zeros, align_up(body->len, alignment) - body->len);
}

void dbus_put_byte(struct buf *body, uint8_t value)
{
	buf_append(body, &value, 1);
}

void dbus_put_u32(struct buf *body, uint32_t value)
{
	value = htole32(value);
	put_padding(body, sizeof(value));
	buf_append(body, &value, sizeof(value));
}

void dbus_put_u64(struct buf *body, uint64_t value)
{
	value = htole64(value);
	put_padding(body, sizeof(value));
	buf_append(body, &value, sizeof(value));
}

void dbus_put_string(struct buf *body, const char *text)
{
	size_t n = strlen(text);

	dbus_put_u32(body, (uint32_t)n);
	buf_append(body, text, n + 1);
}

void dbus_put_signature(struct buf *body, const char *signature)
{
	size_t n = strlen(signature);

	dbus_put_byte(body, (uint8_t)n);
	buf_append(body, signature, n + 1);
}

void dbus_put_struct(struct buf *body)
{
	put_padding(body, 8);
}

struct dbus_array dbus_begin_array(struct buf *body, size_t alignment)
{
	struct dbus_array array;

	dbus_put_u32(body, 0);
	array.length_at = body->len - sizeof(uint32_t);
	put_padding(body, alignment);
	array.begin = body->len;
	return array;
}

void dbus_end_array(struct buf *body, struct dbus_array array)
{
	uint32_t length = htole32((uint32_t)(body->len - array.begin));

	if (buf_error(body) == 0)
		memcpy(body->data + array.length_at, &length, sizeof(length));
}

static void put_field(struct buf *out, enum field field, const char *type, const char *text)
{
	if (str_empty(text))
		return;
	dbus_put_struct(out);
	dbus_put_byte(out, (uint8_t)field);
	dbus_put_signature(out, type);
	if (*type == 'g')
		dbus_put_signature(out, text);
	else
		dbus_put_string(out, text);
}

int dbus_call_format(const struct dbus_call *call, uint32_t serial, struct buf *out)
{
	const size_t body_length = call->body ? call->body->len : 0;

	if (call->body && buf_error(call->body))
		return buf_error(call->body);
	if (body_length > DBUS_MESSAGE_MAX)
		return -E2BIG;
	dbus_put_byte(out, LITTLE_ENDIAN_MARK);
	dbus_put_byte(out, DBUS_METHOD_CALL);
	dbus_put_byte(out, 0);
	dbus_put_byte(out, VERSION);
	dbus_put_u32(out, (uint32_t)body_length);
	dbus_put_u32(out, serial);
	struct dbus_array fields = dbus_begin_array(out, 8);
	put_field(out, FIELD_PATH, "o", call->path);
	put_field(out, FIELD_INTERFACE, "s", call->interface);
	put_field(out, FIELD_MEMBER, "s", call->member);
	put_field(out, FIELD_DESTINATION, "s", call->destination);
	put_field(out, FIELD_SIGNATURE, "g", call->signature);
	dbus_end_array(out, fields);
	put_padding(out, 8);
	if (body_length)
		buf_append(out, call->body->data, body_length);
	return buf_error(out);
}

/* ---- reading ---- */

static int skip_padding(struct dbus_reader *r, size_t alignment)
{
	size_t to = align_up(r->at, alignment);

	if (to > r->n)
		return -EBADMSG;
	for (; r->at < to; r->at++) {
		if (r->data[r->at] != 0)
			return -EBADMSG;
	}
	return 0;
}

static int take_type(struct dbus_reader *r, char type)
{
	if (*r->signature != type)
		return -EBADMSG;
	r->signature++;
	return 0;
}

static int take_byte(struct dbus_reader *r, uint8_t *ret)
{
	if (r->at == r->n)
		return -EBADMSG;
	*ret = r->data[r->at++];
	return 0;
}

static int take_u32(struct dbus_reader *r, uint32_t *ret)
{
	uint32_t value;

	if (skip_padding(r, sizeof(value)) < 0 || r->n - r->at < sizeof(value))
		return -EBADMSG;
	memcpy(&value, r->data + r->at, sizeof(value));
	r->at += sizeof(value);
	*ret = r->big_endian ? be32toh(value) : le32toh(value);
	return 0;
}

/* length bytes of text and a NUL, with no other NUL among them. */
static int take_text(struct dbus_reader *r, size_t length, const char **ret)
{
	const char *text = (const char *)r->data + r->at;

	if (r->n - r->at <= length || text[length] != '\0' || strlen(text) != length)
		return -EBADMSG;
	for (const char *p = text, *end = text + length; p < end;) {
		size_t n = utf8_length(p, end);
		if (n == 0)
			return -EBADMSG;
		p += n;
	}
	r->at += length + 1;
	*ret = text;
	return 0;
}

static int take_string(struct dbus_reader *r, const char **ret)
{
	uint32_t length;

	return take_u32(r, &length) < 0 ? -EBADMSG : take_text(r, length, ret);
}

static int take_signature(struct dbus_reader *r, const char **ret)
{
	uint8_t length;

	return take_byte(r, &length) < 0 ? -EBADMSG : take_text(r, length, ret);
}

void dbus_reader_init(struct dbus_reader *r, const struct dbus_message *m)
{
	*r = (struct dbus_reader){.data = m->body,
		.n = m->body_length,
		.big_endian = m->big_endian,
		.signature = m->signature};
}

int dbus_read_u32(struct dbus_reader *r, uint32_t *ret)
{
	return take_type(r, 'u') < 0 ? -EBADMSG : take_u32(r, ret);
}

int dbus_read_string(struct dbus_reader *r, const char **ret)
{
	if (take_type(r, 's') < 0 && take_type(r, 'o') < 0)
		return -EBADMSG;
	return take_string(r, ret);
}

int dbus_read_variant(struct dbus_reader *r)
{
	return take_type(r, 'v') < 0 ? -EBADMSG : take_signature(r, &r->signature);
}

struct head {
	bool big_endian;
	uint8_t type;
	uint32_t body_length, serial, fields_length;
	size_t body_at;
};

static int parse_head(const void *data, struct head *ret)
{
	struct dbus_reader r = {.data = data, .n = DBUS_MESSAGE_HEAD, .at = 4};

	if (r.data[0] != LITTLE_ENDIAN_MARK && r.data[0] != BIG_ENDIAN_MARK)
		return -EBADMSG;
	r.big_endian = ret->big_endian = r.data[0] == BIG_ENDIAN_MARK;
	ret->type = r.data[1];
	if (ret->type == 0 || r.data[3] != VERSION)
		return -EBADMSG;
	if (take_u32(&r, &ret->body_length) < 0 || take_u32(&r, &ret->serial) < 0 ||
		take_u32(&r, &ret->fields_length) < 0 || ret->serial == 0)
		return -EBADMSG;
	if (ret->body_length > DBUS_MESSAGE_MAX || ret->fields_length > FIELDS_MAX)
		return -E2BIG;
	ret->body_at = align_up(DBUS_MESSAGE_HEAD + (size_t)ret->fields_length, 8);
	return 0;
}

int dbus_message_size(const void *head, size_t *ret)
{
	struct head h;
	int r = parse_head(head, &h);

	if (r < 0)
		return r;
	*ret = h.body_at + h.body_length;
	return *ret > DBUS_MESSAGE_MAX ? -E2BIG : 0;
}

/* One field's value. Every field that the specification knows is of a plain type, and so is
 * everyone that we skip. */
static int take_field(struct dbus_reader *r, struct dbus_message *m)
{
	const char *type, *text = "";
	uint32_t number = 0;
	uint8_t field;

	if (skip_padding(r, 8) < 0 || take_byte(r, &field) < 0 || take_signature(r, &type) < 0 ||
		strlen(type) != 1)
		return -EBADMSG;
	const bool is_text = *type == 's' || *type == 'o';
	int result = is_text	    ? take_string(r, &text)
		     : *type == 'g' ? take_signature(r, &text)
		     : *type == 'u' ? take_u32(r, &number)
				    : -EBADMSG;
	if (result < 0)
		return result;
	const char **const texts[] = {[FIELD_PATH] = &m->path,
		[FIELD_INTERFACE] = &m->interface,
		[FIELD_MEMBER] = &m->member,
		[FIELD_ERROR_NAME] = &m->error_name,
		[FIELD_SENDER] = &m->sender,
		[FIELD_SIGNATURE] = &m->signature};
	if (field == FIELD_REPLY_SERIAL) {
		if (*type != 'u' || number == 0)
			return -EBADMSG;
		m->reply_serial = number;
	} else if (field < ARRAY_SIZE(texts) && texts[field]) {
		if (field == FIELD_SIGNATURE ? *type != 'g' : !is_text)
			return -EBADMSG;
		*texts[field] = text;
	}
	return 0;
}

/* What each type of message must say. */
static int check_fields(const struct dbus_message *m)
{
	bool ok = *m->signature ? m->body_length > 0 : m->body_length == 0;

	if (m->type == DBUS_METHOD_CALL)
		ok = ok && *m->path && *m->member;
	else if (m->type == DBUS_METHOD_RETURN)
		ok = ok && m->reply_serial;
	else if (m->type == DBUS_ERROR)
		ok = ok && m->reply_serial && *m->error_name;
	else if (m->type == DBUS_SIGNAL)
		ok = ok && *m->path && *m->interface && *m->member;
	return ok ? 0 : -EBADMSG;
}

int dbus_message_parse(const void *data, size_t n, struct dbus_message *ret)
{
	struct head h;
	size_t size;

	if (n < DBUS_MESSAGE_HEAD)
		return -EBADMSG;
	int r = dbus_message_size(data, &size);
	if (r < 0)
		return r;
	if (size != n || parse_head(data, &h) < 0)
		return -EBADMSG;
	*ret = (struct dbus_message){.type = (enum dbus_type)h.type,
		.big_endian = h.big_endian,
		.serial = h.serial,
		.path = "",
		.interface = "",
		.member = "",
		.error_name = "",
		.sender = "",
		.signature = "",
		.body = (const unsigned char *)data + h.body_at,
		.body_length = h.body_length};
	struct dbus_reader fields = {.data = data,
		.n = DBUS_MESSAGE_HEAD + h.fields_length,
		.at = DBUS_MESSAGE_HEAD,
		.big_endian = h.big_endian};
	while (fields.at < fields.n) {
		r = take_field(&fields, ret);
		if (r < 0)
			return r;
	}
	/* The padding behind the fields. */
	fields.n = h.body_at;
	r = skip_padding(&fields, 8);
	return r < 0 ? r : check_fields(ret);
}
