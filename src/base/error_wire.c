/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error_wire.h"
#include "base/fd.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

struct wire {
	int32_t kind;
	int32_t errnum;
	char text[ERROR_WIRE_TEXT];
};

int error_wire_send(int sock, const struct hull_error *err)
{
	struct wire w = {.kind = HULL_ERROR_NONE};

	if (err) {
		w.kind = err->kind == HULL_ERROR_NONE ? HULL_ERROR_INTERNAL : (int32_t)err->kind;
		w.errnum = err->errnum;
		strncpy(w.text, hull_error_message(err), sizeof(w.text) - 1);
	}
	return fd_send(sock, &w, sizeof(w), NULL, 0);
}

int error_wire_receive(int sock, const char *what, struct hull_error *err)
{
	struct wire w;
	ssize_t n = fd_receive(sock, &w, sizeof(w), NULL, NULL);

	if (n != sizeof(w) || w.kind < 0 || w.kind >= HULL_ERROR_KIND_MAX)
		return error_set(err, HULL_ERROR_INTERNAL, "%s ended unexpectedly", what);
	if (w.kind == HULL_ERROR_NONE)
		return 0;
	w.text[sizeof(w.text) - 1] = '\0';
	error_set(err, (enum hull_error_kind)w.kind, "%s", w.text);
	if (err)
		err->errnum = w.errnum;
	return w.errnum ? -w.errnum : -1;
}
