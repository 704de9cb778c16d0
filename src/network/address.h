/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses of either family, subnets, and arithmetic on them. Pure: no system call. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct network_address {
	uint8_t family; /* AF_INET, AF_INET6; 0 = none */
	uint8_t bytes[16];
};

/* A subnet, or an address with the length of its subnet. */
struct network_prefix {
	struct network_address address;
	uint8_t length;
};

#define NETWORK_ADDRESS_TEXT 46
#define NETWORK_PREFIX_TEXT  (NETWORK_ADDRESS_TEXT + 4)

/* "10.1.2.3", "fd00::1" or "[fd00::1]". 0 or -EINVAL. */
int network_address_parse(const char *text, struct network_address *ret);
/* "10.1.0.0/16"; host bits are kept. 0 or -EINVAL. */
int network_prefix_parse(const char *text, struct network_prefix *ret);

/* "" for none. */
void network_address_format(const struct network_address *a, char text[NETWORK_ADDRESS_TEXT]);
void network_prefix_format(const struct network_prefix *p, char text[NETWORK_PREFIX_TEXT]);

static inline bool network_address_is_set(const struct network_address *a)
{
	return a->family != 0;
}

static inline size_t network_address_size(const struct network_address *a)
{
	return a->family == AF_INET ? 4 : a->family == AF_INET6 ? 16 : 0;
}

/* As memcmp(3); families are ordered too. */
int network_address_compare(const struct network_address *a, const struct network_address *b);
bool network_address_is_any(const struct network_address *a);
bool network_address_is_loopback(const struct network_address *a);

/* Host bits cleared; set. */
struct network_address network_prefix_first(const struct network_prefix *p);
struct network_address network_prefix_last(const struct network_prefix *p);
bool network_prefix_contains(const struct network_prefix *p, const struct network_address *a);
bool network_prefix_overlaps(const struct network_prefix *a, const struct network_prefix *b);

/* a + n; false if it wraps around. */
bool network_address_add(struct network_address *a, uint64_t n);

#define NETWORK_MAC_SIZE 6
#define NETWORK_MAC_TEXT 18

/* "02:42:ac:11:00:02" (or with dashes), unicast and not zero. 0 or -EINVAL. */
int network_mac_parse(const char *text, uint8_t ret[NETWORK_MAC_SIZE]);
void network_mac_format(const uint8_t mac[NETWORK_MAC_SIZE], char text[NETWORK_MAC_TEXT]);
