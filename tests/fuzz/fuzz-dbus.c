/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of D-Bus: one that is taken lies in its bytes, and its values can be walked. */
#include "sys/dbus_message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inside of the message, or the constant "". */
static void check_text(const char *text, const uint8_t *data, size_t size)
{
	const uint8_t *p = (const uint8_t *)text;

	if (*text && (p < data || p + strlen(text) >= data + size))
		abort();
}

static void walk(const struct dbus_message *m, const uint8_t *data, size_t size)
{
	struct dbus_reader r;
	const char *text;
	uint32_t number;
	int result = 0;

	dbus_reader_init(&r, m);
	while (result == 0 && *r.signature) {
		if (*r.signature == 'u') {
			result = dbus_read_u32(&r, &number);
		} else if (*r.signature == 'v') {
			result = dbus_read_variant(&r);
		} else {
			result = dbus_read_string(&r, &text);
			if (result == 0)
				check_text(text, data, size);
		}
		if (r.at > r.n)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dbus_message m;
	int r = dbus_message_parse(data, size, &m);

	if (r != 0 && r != -EBADMSG && r != -E2BIG)
		abort();
	if (r < 0)
		return 0;
	check_text(m.path, data, size);
	check_text(m.interface, data, size);
	check_text(m.member, data, size);
	check_text(m.error_name, data, size);
	check_text(m.sender, data, size);
	check_text(m.signature, data, size);
	if (m.body + m.body_length != data + size)
		abort();
	walk(&m, data, size);
	return 0;
}
