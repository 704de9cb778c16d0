/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS messages (RFC 1035, RFC 6891): reading one question, writing one reply. Whatever arrives is
 * hostile: nothing here allocates, recurses or reads beyond the message.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_HEADER_SIZE	 12
#define DNS_NAME_MAX	 254 /* of a name as text, without the last dot and the NUL */
#define DNS_MESSAGE_MAX	 65535
#define DNS_UDP_DEFAULT	 512  /* of a client without EDNS */
#define DNS_UDP_MAX	 1232 /* fits into every IPv6 packet: RFC 9715 */
#define DNS_QUESTION_MAX (DNS_HEADER_SIZE + 256 + 4)

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_ANY = 255,
};

enum dns_rcode {
	DNS_RCODE_OK = 0,
	DNS_RCODE_FORMAT = 1,
	DNS_RCODE_FAILURE = 2,
	DNS_RCODE_NO_NAME = 3,
	DNS_RCODE_NOT_IMPLEMENTED = 4,
	DNS_RCODE_REFUSED = 5,
};

struct dns_question {
	uint16_t id, flags; /* as they came, in the host's byte order */
	uint16_t type, class;
	char name[DNS_NAME_MAX + 1]; /* in lower case; "" for a name that text cannot show */
	size_t end;		     /* where the question section ends; 0 = there is none */
	bool edns;
	uint16_t udp_size; /* the client's, at least DNS_UDP_DEFAULT */
};

/*
 * Reads a query. DNS_RCODE_OK, another code to answer with (end is 0 if the question cannot be
 * repeated), or -EBADMSG for what gets no answer at all: too short, or not a query.
 */
int dns_question_parse(const uint8_t *data, size_t n, struct dns_question *ret);

/* True if the message is a reply to the query (of n_query bytes, up to end its question): same id. */
bool dns_reply_matches(const uint8_t *query, size_t end, const uint8_t *reply, size_t n);

static inline unsigned int dns_rcode(const uint8_t *message)
{
	return message[3] & 15;
}

struct dns_reply {
	uint8_t *data;
	size_t size, length;
	uint16_t answers;
	bool truncated, edns;
};

/* Begins a reply in data (size bytes, at least DNS_QUESTION_MAX + 11) that repeats the question. */
void dns_reply_begin(struct dns_reply *reply, void *data, size_t size, const uint8_t *query,
	const struct dns_question *question, enum dns_rcode rcode);

/* Answers about the name that was asked for. What does not fit is left out, and the reply says so. */
void dns_reply_address(struct dns_reply *reply, enum dns_type type, const void *address, size_t n);
void dns_reply_name(struct dns_reply *reply, enum dns_type type, const char *name, size_t n);

/* The length of the whole. */
size_t dns_reply_end(struct dns_reply *reply);
