/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/attach.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/process.h"
#include "engine/settle.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int attach_send(int sock, enum monitor_message type, const void *payload, size_t n, int flags)
{
	char packet[1 + MONITOR_PAYLOAD_MAX];

	if (n > MONITOR_PAYLOAD_MAX)
		return -E2BIG;
	packet[0] = (char)type;
	if (n)
		memcpy(packet + 1, payload, n);
	for (;;) {
		if (send(sock, packet, n + 1, flags | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

int attach_connect(struct engine *engine, const struct container *c, bool output, int *ret_socket,
	struct hull_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_free_ char *path = container_run_dir(engine, c->id);

	if (!path)
		return error_no_memory(err);
	int r = container_check_running(c, err);
	if (r < 0)
		return r;
	_cleanup_close_ int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return error_errno(err, errno, "socket");
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" MONITOR_SOCKET,
		dir);
	if (dir < 0 || connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_errno_kind(
			err, HULL_ERROR_CONFLICT, errno, "monitor of container %s", c->name);
	r = attach_send(sock, output ? MONITOR_ATTACH : MONITOR_WATCH, NULL, 0, 0);
	if (r < 0)
		return error_errno_kind(
			err, HULL_ERROR_CONFLICT, r, "monitor of container %s", c->name);
	*ret_socket = TAKE_FD(sock);
	return 0;
}

int attach_settle(struct engine *engine, struct container *c, int sock,
	const struct monitor_exit *end, struct hull_error *err)
{
	if (attach_send(sock, MONITOR_CLAIM, NULL, 0, 0) < 0)
		return container_wait_settled(engine, c, err);
	int r = settle(engine, c, end, err);
	/* Without this message the monitor settles again, which is what a failure calls for. */
	if (r == 0)
		attach_send(sock, MONITOR_SETTLED, NULL, 0, 0);
	return r;
}

/* 1 and *ret filled if the monitor told the end, 0 if it went without. */
static int receive_end(int sock, struct monitor_exit *ret)
{
	char packet[1 + MONITOR_PAYLOAD_MAX];

	for (;;) {
		ssize_t n = fd_receive(sock, packet, sizeof(packet), NULL, NULL);
		if (n <= 0)
			return 0;
		if (packet[0] == MONITOR_EXIT && n == 1 + sizeof(*ret)) {
			memcpy(ret, packet + 1, sizeof(*ret));
			return 1;
		}
	}
}

int attach_wait(
	struct engine *engine, const struct container *c, int64_t *ret_code, struct hull_error *err)
{
	_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
	_cleanup_container_ struct container *now = NULL;
	struct monitor_exit end = {0};
	bool told = false;

	if (container_is_running(c)) {
		_cleanup_close_ int sock = -1;
		if (attach_connect(engine, c, false, &sock, NULL) == 0)
			told = receive_end(sock, &end) > 0;
		int r = container_wait_settled(engine, c, err);
		if (r < 0)
			return r;
	}
	if (told) {
		*ret_code = end.exit_code;
		return 0;
	}
	int r = container_load(engine, c->id, &now, err);
	if (r == 0)
		*ret_code = now->exit_code;
	return r;
}
