/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "query.h"
#include "base/cleanup.h"

static void question(void **state)
{
	uint8_t data[512];
	struct dns_question q;
	size_t n = make_query(data, 0x1234, "Web.Example.COM", DNS_TYPE_AAAA);

	assert_int_equal(dns_question_parse(data, n, &q), DNS_RCODE_OK);
	assert_string_equal(q.name, "web.example.com");
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.type, DNS_TYPE_AAAA);
	assert_int_equal(q.class, 1);
	assert_int_equal(q.end, n);
	assert_false(q.edns);
	assert_int_equal(q.udp_size, 512);
	n = add_edns(data, n, 4096);
	assert_int_equal(dns_question_parse(data, n, &q), DNS_RCODE_OK);
	assert_true(q.edns);
	assert_int_equal(q.udp_size, 4096);
	/* Smaller than everybody must take. */
	data[n - 8] = 0;
	data[n - 7] = 10;
	assert_int_equal(dns_question_parse(data, n, &q), DNS_RCODE_OK);
	assert_int_equal(q.udp_size, 512);
}

static void every_cut_is_refused(void **state)
{
	uint8_t data[512];
	struct dns_question q;
	size_t n = make_query(data, 1, "web.example.com", DNS_TYPE_A);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ uint8_t *copy = malloc(i ? i : 1);

		assert_non_null(copy);
		memcpy(copy, data, i);
		assert_int_equal(dns_question_parse(copy, i, &q),
			i < DNS_HEADER_SIZE ? -EBADMSG : DNS_RCODE_FORMAT);
	}
}

static void what_is_no_question(void **state)
{
	uint8_t data[512];
	struct dns_question q;
	size_t n = make_query(data, 1, "web", DNS_TYPE_A);

	data[2] |= 0x80; /* a reply */
	assert_int_equal(dns_question_parse(data, n, &q), -EBADMSG);
	data[2] = 0x28; /* an update */
	assert_int_equal(dns_question_parse(data, n, &q), DNS_RCODE_NOT_IMPLEMENTED);
	data[2] = 1;
	data[5] = 2; /* two questions */
	assert_int_equal(dns_question_parse(data, n, &q), DNS_RCODE_FORMAT);
	data[5] = 0;
	assert_int_equal(dns_question_parse(data, n, &q), DNS_RCODE_FORMAT);
	data[5] = 1;
	data[DNS_HEADER_SIZE] = 0xc0; /* a pointer, to itself */
	data[DNS_HEADER_SIZE + 1] = DNS_HEADER_SIZE;
	assert_int_equal(dns_question_parse(data, n, &q), DNS_RCODE_FORMAT);
}

static void names_at_their_limits(void **state)
{
	uint8_t data[512] = {0, 1, 1, 0, 0, 1};
	struct dns_question q;
	size_t n = DNS_HEADER_SIZE;

	/* Three labels of 63 and one of 61: 255 bytes with the root, the most there can be. */
	for (int i = 0; i < 4; i++) {
		uint8_t label = i < 3 ? 63 : 61;

		data[n++] = label;
		memset(data + n, 'a', label);
		n += label;
	}
	memcpy(data + n, "\0\0\1\0\1", 5);
	assert_int_equal(dns_question_parse(data, n + 5, &q), DNS_RCODE_OK);
	assert_int_equal(strlen(q.name), 253);
	memcpy(data + n, "\1a\0\0\1\0\1", 7);
	assert_int_equal(dns_question_parse(data, n + 7, &q), DNS_RCODE_FORMAT);
	/* Bytes that text cannot tell apart from others: no name of ours. */
	n = make_query(data, 1, "a", DNS_TYPE_A);
	data[DNS_HEADER_SIZE + 1] = '.';
	assert_int_equal(dns_question_parse(data, n, &q), DNS_RCODE_OK);
	assert_string_equal(q.name, "");
}

static void replies(void **state)
{
	uint8_t data[512], out[512];
	struct dns_question q;
	struct dns_reply reply;
	size_t n = make_query(data, 7, "WEB", DNS_TYPE_A);

	assert_int_equal(dns_question_parse(data, n, &q), DNS_RCODE_OK);
	dns_reply_begin(&reply, out, sizeof(out), data, &q, DNS_RCODE_OK);
	dns_reply_address(&reply, DNS_TYPE_A, "\254\22\0\2", 4);
	dns_reply_name(&reply, DNS_TYPE_PTR, "web.shop", 8);
	assert_int_equal(dns_reply_end(&reply), n + 16 + 12 + 10);
	assert_int_equal(reply_count(out), 2);
	/* The question is repeated as it was written; that is how clients know the reply. */
	assert_memory_equal(out + DNS_HEADER_SIZE, data + DNS_HEADER_SIZE, n - DNS_HEADER_SIZE);
	assert_memory_equal(out + n, "\300\14\0\1\0\1\0\0\0\0\0\4\254\22\0\2", 16);
	assert_memory_equal(out + n + 16 + 12, "\3web\4shop\0", 10);
	assert_true(dns_reply_matches(data, n, out, reply.length));
	out[0] ^= 1;
	assert_false(dns_reply_matches(data, n, out, reply.length));
	out[0] ^= 1;
	out[DNS_HEADER_SIZE + 1] = 'x';
	assert_false(dns_reply_matches(data, n, out, reply.length));
}

static void what_does_not_fit_is_told(void **state)
{
	uint8_t data[512], out[512];
	struct dns_question q;
	struct dns_reply reply;
	size_t n = add_edns(data, make_query(data, 7, "web", DNS_TYPE_A), 1232);

	assert_int_equal(dns_question_parse(data, n, &q), DNS_RCODE_OK);
	dns_reply_begin(&reply, out, sizeof(out), data, &q, DNS_RCODE_OK);
	for (int i = 0; i < 100; i++)
		dns_reply_address(&reply, DNS_TYPE_A, "\12\0\0\1", 4);
	n = dns_reply_end(&reply);
	assert_in_range(n, 480, 512);
	assert_int_equal(out[2] & 2, 2);
	assert_int_equal(out[11], 1); /* the OPT record has its place all the same */
	assert_int_equal(reply_count(out), reply.answers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(question),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(what_is_no_question),
		cmocka_unit_test(names_at_their_limits),
		cmocka_unit_test(replies),
		cmocka_unit_test(what_does_not_fit_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
