/* SPDX-License-Identifier: Apache-2.0 */
/* Questions, and replies to them: whatever is answered is within its limit and matches. */
#include "base/cleanup.h"
#include "resolver/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_question question;
	struct dns_reply reply;
	uint8_t out[DNS_UDP_MAX];
	int rcode = dns_question_parse(data, size, &question);

	if (rcode < 0)
		return 0;
	if (question.end > size || strlen(question.name) > DNS_NAME_MAX ||
		question.udp_size < DNS_UDP_DEFAULT ||
		(rcode == DNS_RCODE_OK) != (question.end != 0))
		abort();
	dns_reply_begin(&reply, out, sizeof(out), data, &question, (enum dns_rcode)rcode);
	for (int i = 0; i < 100; i++)
		dns_reply_address(&reply, DNS_TYPE_AAAA, "0123456789abcdef", 16);
	dns_reply_name(&reply, DNS_TYPE_PTR, question.name, strlen(question.name));
	size_t n = dns_reply_end(&reply);
	if (n > sizeof(out))
		abort();
	if (question.end && !dns_reply_matches(data, question.end, out, n))
		abort();
	/* The input as somebody's reply to itself. */
	if (question.end)
		dns_reply_matches(data, question.end, data, size);
	return 0;
}
