/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver/message.h"

#include <errno.h>
#include <string.h>

#define FLAG_REPLY	   0x8000
#define FLAG_OPCODE	   0x7800
#define FLAG_AUTHORITATIVE 0x0400
#define FLAG_TRUNCATED	   0x0200
#define FLAG_RECURSION	   0x0100
#define FLAG_AVAILABLE	   0x0080
#define FLAG_UNCHECKED	   0x0010
#define CLASS_INTERNET	   1
#define OPT_SIZE	   11
#define RECORD_SIZE	   12 /* a record's fixed part, with a pointer as its name */

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* ---- questions ---- */

static char lower(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/*
 * A name at offset, as text without the last dot. Returns the offset behind it, 0 if it is broken.
 * Compression has nothing to point at in a question: it is refused. Text is left empty if a label
 * has bytes that would make it ambiguous.
 */
static size_t read_name(const uint8_t *data, size_t n, size_t offset, char text[DNS_NAME_MAX + 1])
{
	size_t length = 0, wire = 0;
	bool plain = true;

	for (;;) {
		if (offset >= n || data[offset] > 63)
			return 0;
		size_t label = data[offset++];
		wire += label + 1;
		if (wire > 255 || label > n - offset)
			return 0;
		if (label == 0)
			break;
		if (length > 0)
			text[length++] = '.';
		for (size_t i = 0; i < label; i++) {
			uint8_t c = data[offset + i];

			plain &= c > ' ' && c < 127 && c != '.' && c != '\\';
			text[length++] = lower(c);
		}
		offset += label;
	}
	text[plain ? length : 0] = '\0';
	return offset;
}

/* The OPT pseudo-record, if it is the only thing behind the question: its owner is the root. */
static void read_edns(const uint8_t *data, size_t n, size_t offset, struct dns_question *q)
{
	if (n - offset < OPT_SIZE || data[offset] != 0 || get16(data + offset + 1) != DNS_TYPE_OPT)
		return;
	q->edns = true;
	if (get16(data + offset + 3) > DNS_UDP_DEFAULT)
		q->udp_size = (uint16_t)get16(data + offset + 3);
}

int dns_question_parse(const uint8_t *data, size_t n, struct dns_question *ret)
{
	*ret = (struct dns_question){.udp_size = DNS_UDP_DEFAULT};
	if (n < DNS_HEADER_SIZE || n > DNS_MESSAGE_MAX)
		return -EBADMSG;
	ret->id = (uint16_t)get16(data);
	ret->flags = (uint16_t)get16(data + 2);
	if (ret->flags & FLAG_REPLY)
		return -EBADMSG;
	if (ret->flags & FLAG_OPCODE)
		return DNS_RCODE_NOT_IMPLEMENTED;
	if (get16(data + 4) != 1 || get16(data + 6) != 0 || get16(data + 8) != 0)
		return DNS_RCODE_FORMAT;
	size_t end = read_name(data, n, DNS_HEADER_SIZE, ret->name);
	if (!end || n - end < 4)
		return DNS_RCODE_FORMAT;
	ret->type = (uint16_t)get16(data + end);
	ret->class = (uint16_t)get16(data + end + 2);
	ret->end = end + 4;
	if (get16(data + 10) > 0)
		read_edns(data, n, ret->end, ret);
	return DNS_RCODE_OK;
}

bool dns_reply_matches(const uint8_t *query, size_t end, const uint8_t *reply, size_t n)
{
	if (n < DNS_HEADER_SIZE || !(get16(reply + 2) & FLAG_REPLY) || get16(reply) != get16(query))
		return false;
	/* A server that refuses to read on may leave the question out. */
	if (get16(reply + 4) == 0)
		return dns_rcode(reply) != DNS_RCODE_OK;
	if (get16(reply + 4) != 1 || n < end)
		return false;
	for (size_t i = DNS_HEADER_SIZE; i < end; i++)
		if (lower(query[i]) != lower(reply[i]))
			return false;
	return true;
}

/* ---- replies ---- */

void dns_reply_begin(struct dns_reply *reply, void *data, size_t size, const uint8_t *query,
	const struct dns_question *question, enum dns_rcode rcode)
{
	*reply = (struct dns_reply){.data = data, .size = size, .edns = question->edns};
	memset(reply->data, 0, DNS_HEADER_SIZE);
	put16(reply->data, question->id);
	put16(reply->data + 2,
		FLAG_REPLY | FLAG_AVAILABLE | (rcode == DNS_RCODE_OK ? FLAG_AUTHORITATIVE : 0) |
			(question->flags & (FLAG_OPCODE | FLAG_RECURSION | FLAG_UNCHECKED)) |
			rcode);
	reply->length = DNS_HEADER_SIZE;
	if (question->end) {
		put16(reply->data + 4, 1);
		memcpy(reply->data + DNS_HEADER_SIZE, query + DNS_HEADER_SIZE,
			question->end - DNS_HEADER_SIZE);
		reply->length = question->end;
	}
}

/* The fixed part of a record about the question's name. NULL if n more bytes do not fit. */
static uint8_t *add_record(struct dns_reply *reply, unsigned int type, size_t n)
{
	size_t reserved = reply->edns ? OPT_SIZE : 0;

	if (reply->truncated || reply->length + RECORD_SIZE + n + reserved > reply->size) {
		reply->truncated = true;
		return NULL;
	}
	uint8_t *p = reply->data + reply->length;
	put16(p, 0xc000 | DNS_HEADER_SIZE);
	put16(p + 2, type);
	put16(p + 4, CLASS_INTERNET);
	/* Not to be kept: asking again costs nothing, and the next container may have another one. */
	memset(p + 6, 0, 4);
	put16(p + 10, (unsigned int)n);
	reply->length += RECORD_SIZE + n;
	reply->answers++;
	return p + RECORD_SIZE;
}

void dns_reply_address(struct dns_reply *reply, enum dns_type type, const void *address, size_t n)
{
	uint8_t *p = add_record(reply, type, n);

	if (p)
		memcpy(p, address, n);
}

/* Labels longer than the protocol allows do not come from our own tables; they are left out. */
void dns_reply_name(struct dns_reply *reply, enum dns_type type, const char *name, size_t n)
{
	uint8_t wire[256];
	size_t used = 0;

	while (n > 0) {
		const char *dot = memchr(name, '.', n);
		size_t label = dot ? (size_t)(dot - name) : n;

		if (label == 0 || label > 63 || used + label + 2 > sizeof(wire))
			return;
		wire[used++] = (uint8_t)label;
		memcpy(wire + used, name, label);
		used += label;
		name += dot ? label + 1 : label;
		n -= dot ? label + 1 : label;
	}
	wire[used++] = 0;
	dns_reply_address(reply, type, wire, used);
}

size_t dns_reply_end(struct dns_reply *reply)
{
	put16(reply->data + 6, reply->answers);
	if (reply->truncated)
		reply->data[2] |= FLAG_TRUNCATED >> 8;
	if (reply->edns && reply->length + OPT_SIZE <= reply->size) {
		uint8_t *p = reply->data + reply->length;

		memset(p, 0, OPT_SIZE);
		put16(p + 1, DNS_TYPE_OPT);
		put16(p + 3, DNS_UDP_MAX);
		put16(reply->data + 10, 1);
		reply->length += OPT_SIZE;
	}
	return reply->length;
}
