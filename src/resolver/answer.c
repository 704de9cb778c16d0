/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver/internal.h"

#include "base/str.h"

#include <arpa/inet.h>

#define CLASS_INTERNET 1
#define ADDRESSES_MAX  256 /* of one name in one reply */

static bool is_reverse(const char *name)
{
	return str_ends_with(name, ".in-addr.arpa") || str_ends_with(name, ".ip6.arpa");
}

static bool wanted(const struct dns_question *question, enum dns_type type)
{
	return question->type == type || question->type == DNS_TYPE_ANY;
}

static void add_record(struct dns_reply *reply, const struct zone_record *record)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t bytes[16];

	if (record->type == DNS_TYPE_PTR) {
		dns_reply_name(reply, DNS_TYPE_PTR, record->value, record->length);
		return;
	}
	if (record->length >= sizeof(text))
		return;
	memcpy(text, record->value, record->length);
	text[record->length] = '\0';
	if (inet_pton(record->type == DNS_TYPE_A ? AF_INET : AF_INET6, text, bytes) == 1)
		dns_reply_address(reply, record->type, bytes, record->type == DNS_TYPE_A ? 4 : 16);
}

/* The records of the type, beginning with another one each time: who takes the first shares out. */
static void add_records(struct resolver *r, const struct dns_question *question,
	const struct zone *zone, const char *name, struct zone_record record,
	struct dns_reply *reply)
{
	struct zone_record found[ADDRESSES_MAX];
	size_t n = 0;

	do {
		if (wanted(question, record.type))
			found[n++] = record;
	} while (n < ADDRESSES_MAX && zone_next(zone, name, &record));
	unsigned int first = r->turn++;
	for (size_t i = 0; i < n; i++)
		add_record(reply, &found[(first + i) % n]);
}

int answer(struct resolver *r, const uint8_t *query, size_t n, size_t limit,
	struct dns_question *question)
{
	struct zone_record record;
	struct dns_reply reply;
	int rcode = dns_question_parse(query, n, question);

	if (rcode < 0)
		return 0;
	if (limit == 0)
		limit = question->udp_size < DNS_UDP_MAX ? question->udp_size : DNS_UDP_MAX;
	if (rcode != DNS_RCODE_OK) {
		dns_reply_begin(&reply, r->scratch, limit, query, question, (enum dns_rcode)rcode);
		return (int)dns_reply_end(&reply);
	}
	config_follow(&r->config);
	const char *name = config_target(&r->config, question->name);
	for (size_t i = 0; i < r->config.n_zones && question->class == CLASS_INTERNET; i++) {
		const struct zone *zone = &r->config.zones[i];

		if (!zone_first(zone, name, &record))
			continue;
		/* A name that is known is answered here, if only with "nothing of that kind". */
		dns_reply_begin(&reply, r->scratch, limit, query, question, DNS_RCODE_OK);
		add_records(r, question, zone, name, record, &reply);
		return (int)dns_reply_end(&reply);
	}
	if (!r->config.refuse && r->config.n_servers > 0)
		return -EAGAIN;
	return (int)answer_failure(r, query, n,
		is_reverse(question->name) || r->config.refuse ? DNS_RCODE_NO_NAME
							       : DNS_RCODE_FAILURE);
}

size_t answer_failure(struct resolver *r, const uint8_t *query, size_t n, enum dns_rcode rcode)
{
	struct dns_question question;
	struct dns_reply reply;

	if (dns_question_parse(query, n, &question) < 0)
		return 0;
	dns_reply_begin(&reply, r->scratch, DNS_UDP_DEFAULT, query, &question, rcode);
	return dns_reply_end(&reply);
}
