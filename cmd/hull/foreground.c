/* SPDX-License-Identifier: Apache-2.0 */
#include "foreground.h"
#include "streams.h"

#include "engine/attach.h"
#include "engine/process.h"

struct target {
	struct engine *engine;
	const struct container *c;
};

static void pass_signal(void *data, int signal)
{
	const struct target *t = data;

	container_signal(t->engine, t->c, signal, NULL);
}

int foreground_attach(struct engine *engine, struct container *c,
	const struct foreground_options *options, int sock, struct hull_error *err)
{
	struct target target = {engine, c};
	struct monitor_exit end = {.exit_code = 125};
	int lost = 0;
	const struct streams_options streams = {
		.input = options->input && c->config->open_stdin,
		.tty = c->config->tty,
		.hide_stdout = options->hide_stdout,
		.hide_stderr = options->hide_stderr,
		.detach_keys = options->detach_keys,
		.signal = options->sig_proxy ? pass_signal : NULL,
		.data = &target,
		.lost = &lost,
	};
	int64_t code = 0;

	int r = streams_attach(&streams, sock, &end, err);
	switch (r) {
	case STREAMS_ENDED:
		r = options->owner ? attach_settle(engine, c, sock, &end, err)
				   : container_wait_settled(engine, c, err);
		return r < 0 ? r : streams_status(end.exit_code, lost);
	case STREAMS_DETACHED:
		return streams_status(0, lost);
	case STREAMS_LOST:
		/* Whoever looks settles; that is us. */
		r = attach_wait(engine, c, &code, err);
		if (r == 0)
			r = error_set(err, HULL_ERROR_INTERNAL,
				"container %s: its monitor was killed, and the container with it",
				c->name);
		return r;
	default:
		return r;
	}
}

int foreground_join(struct engine *engine, struct container *c,
	const struct foreground_options *options, struct hull_error *err)
{
	_cleanup_close_ int sock = -1;

	int r = streams_check_terminal(
		c->config->tty, options->input && c->config->open_stdin, err);
	if (r < 0)
		return r;
	streams_block_signals();
	r = attach_connect(engine, c, true, &sock, err);
	return r < 0 ? r : foreground_attach(engine, c, options, sock, err);
}
