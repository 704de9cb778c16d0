/* SPDX-License-Identifier: Apache-2.0 */
/* Questions as a client writes them. */
#pragma once

#include "resolver/message.h"

#include <string.h>

/* A query for name (labels of letters) in data, at least 300 bytes. Its length. */
static inline size_t make_query(uint8_t *data, uint16_t id, const char *name, unsigned int type)
{
	size_t n = DNS_HEADER_SIZE;

	memset(data, 0, DNS_HEADER_SIZE);
	data[0] = (uint8_t)(id >> 8);
	data[1] = (uint8_t)id;
	data[2] = 1; /* recursion desired */
	data[5] = 1;
	while (*name) {
		size_t label = strcspn(name, ".");

		data[n++] = (uint8_t)label;
		memcpy(data + n, name, label);
		n += label;
		name += label + (name[label] == '.');
	}
	data[n++] = 0;
	data[n++] = 0;
	data[n++] = (uint8_t)type;
	data[n++] = 0;
	data[n++] = 1;
	return n;
}

/* Appends an OPT record that offers size bytes. The new length. */
static inline size_t add_edns(uint8_t *data, size_t n, uint16_t size)
{
	const uint8_t opt[11] = {0, 0, DNS_TYPE_OPT, (uint8_t)(size >> 8), (uint8_t)size};

	data[11]++;
	memcpy(data + n, opt, sizeof(opt));
	return n + sizeof(opt);
}

static inline unsigned int reply_count(const uint8_t *reply)
{
	return (unsigned int)reply[6] << 8 | reply[7];
}
