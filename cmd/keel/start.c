/* SPDX-License-Identifier: Apache-2.0 */
#include "activation.h"
#include "keel.h"
#include "base/fd.h"

static int start(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_container_record_ struct container_record c;
	int r = keel_container_open(&c, context->globals, argv[0], err);

	if (r < 0)
		return r;
	_cleanup_close_ int notify_socket = -1;
	r = notify_listen(c.dir_fd, &notify_socket, err);
	if (r < 0)
		return r;
	_cleanup_close_ int pidfd = notify_socket >= 0 ? container_open_pidfd(&c.ref, err) : -1;
	r = container_record_start(&c, err);
	if (r == 0 && pidfd >= 0)
		notify_wait(notify_socket, c.ref.pid, pidfd);
	return r;
}

const struct cli_command keel_start_command = {
	.name = "start",
	.arguments = "CONTAINER",
	.summary = "Start a created container",
	.min_args = 1,
	.max_args = 1,
	.run = start,
};
