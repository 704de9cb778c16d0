/* SPDX-License-Identifier: Apache-2.0 */
#include "network/address.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <stdio.h>

int network_address_parse(const char *text, struct network_address *ret)
{
	struct network_address a = {0};
	char inner[NETWORK_ADDRESS_TEXT];
	size_t n = strlen(text);

	if (text[0] == '[') {
		if (n < 2 || n - 2 >= sizeof(inner) || text[n - 1] != ']')
			return -EINVAL;
		memcpy(inner, text + 1, n - 2);
		inner[n - 2] = '\0';
		if (inet_pton(AF_INET6, inner, a.bytes) != 1)
			return -EINVAL;
		a.family = AF_INET6;
	} else if (inet_pton(AF_INET, text, a.bytes) == 1) {
		a.family = AF_INET;
	} else if (inet_pton(AF_INET6, text, a.bytes) == 1) {
		a.family = AF_INET6;
	} else {
		return -EINVAL;
	}
	*ret = a;
	return 0;
}

int network_prefix_parse(const char *text, struct network_prefix *ret)
{
	char address[NETWORK_ADDRESS_TEXT];
	const char *slash = strchr(text, '/');
	struct network_prefix p = {0};
	uint32_t length;

	if (!slash || (size_t)(slash - text) >= sizeof(address) || text[0] == '[')
		return -EINVAL;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (network_address_parse(address, &p.address) < 0 || str_to_u32(slash + 1, &length) < 0 ||
		length > 8 * network_address_size(&p.address))
		return -EINVAL;
	p.length = (uint8_t)length;
	*ret = p;
	return 0;
}

void network_address_format(const struct network_address *a, char text[NETWORK_ADDRESS_TEXT])
{
	text[0] = '\0';
	if (network_address_is_set(a))
		inet_ntop(a->family, a->bytes, text, NETWORK_ADDRESS_TEXT);
}

void network_prefix_format(const struct network_prefix *p, char text[NETWORK_PREFIX_TEXT])
{
	network_address_format(&p->address, text);
	if (text[0])
		snprintf(text + strlen(text), 5, "/%u", p->length);
}

int network_address_compare(const struct network_address *a, const struct network_address *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, network_address_size(a));
}

bool network_address_is_any(const struct network_address *a)
{
	static const uint8_t zero[16];

	return network_address_is_set(a) && memcmp(a->bytes, zero, sizeof(zero)) == 0;
}

bool network_address_is_loopback(const struct network_address *a)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	return a->family == AF_INET ? a->bytes[0] == 127
				    : a->family == AF_INET6 && memcmp(a->bytes, loopback6, 16) == 0;
}

/* The byte of the mask of a prefix at index i. */
static uint8_t mask_byte(uint8_t length, size_t i)
{
	if (length >= 8 * (i + 1))
		return 0xff;
	return length <= 8 * i ? 0 : (uint8_t)(0xff << (8 * (i + 1) - length));
}

struct network_address network_prefix_first(const struct network_prefix *p)
{
	struct network_address a = p->address;

	for (size_t i = 0; i < network_address_size(&a); i++)
		a.bytes[i] &= mask_byte(p->length, i);
	return a;
}

struct network_address network_prefix_last(const struct network_prefix *p)
{
	struct network_address a = p->address;

	for (size_t i = 0; i < network_address_size(&a); i++)
		a.bytes[i] |= (uint8_t)~mask_byte(p->length, i);
	return a;
}

bool network_prefix_contains(const struct network_prefix *p, const struct network_address *a)
{
	struct network_prefix other = {*a, p->length};
	struct network_address mine = network_prefix_first(p), its = network_prefix_first(&other);

	return network_address_compare(&mine, &its) == 0;
}

bool network_prefix_overlaps(const struct network_prefix *a, const struct network_prefix *b)
{
	return a->length <= b->length ? network_prefix_contains(a, &b->address)
				      : network_prefix_contains(b, &a->address);
}

bool network_address_add(struct network_address *a, uint64_t n)
{
	for (size_t i = network_address_size(a); n && i-- > 0;) {
		uint64_t sum = a->bytes[i] + (n & 0xff);
		a->bytes[i] = (uint8_t)sum;
		n = (n >> 8) + (sum >> 8);
	}
	return n == 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

int network_mac_parse(const char *text, uint8_t ret[NETWORK_MAC_SIZE])
{
	uint8_t mac[NETWORK_MAC_SIZE], any = 0;

	if (strlen(text) != NETWORK_MAC_TEXT - 1)
		return -EINVAL;
	for (size_t i = 0; i < NETWORK_MAC_SIZE; i++) {
		int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);
		char separator = text[3 * i + 2];
		if (high < 0 || low < 0 ||
			(i + 1 < NETWORK_MAC_SIZE && separator != ':' && separator != '-'))
			return -EINVAL;
		mac[i] = (uint8_t)(high << 4 | low);
		any |= mac[i];
	}
	/* The lowest bit of the first byte marks a group. */
	if (!any || (mac[0] & 1))
		return -EINVAL;
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

void network_mac_format(const uint8_t mac[NETWORK_MAC_SIZE], char text[NETWORK_MAC_TEXT])
{
	snprintf(text, NETWORK_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
}
