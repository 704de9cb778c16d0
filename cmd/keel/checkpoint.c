/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"
#include "base/fd.h"

#include <fcntl.h>

#define O(member) offsetof(struct checkpoint_command_options, member)

static const struct cli_option options[] = {
	CHECKPOINT_OPTION_ROWS(struct checkpoint_command_options, images){"parent-path", 0,
		CLI_STRING, O(parent_path), "path",
		"Images of an earlier --pre-dump, relative to --image-path", "@file", 0},
	{"leave-running", 0, CLI_FLAG, O(leave_running), NULL,
		"Let the container run on, and keep it", NULL, 0},
	{"pre-dump", 0, CLI_FLAG, O(pre_dump), NULL,
		"Write the memory alone, while the container runs on", NULL, 0},
	{"tcp-skip-in-flight", 0, CLI_FLAG, O(tcp_skip_in_flight), NULL,
		"Leave out TCP connections that are being made", NULL, 0},
	{"link-remap", 0, CLI_FLAG, O(link_remap), NULL,
		"Give deleted files that are still open a name for the time", NULL, 0},
	{"lazy-pages", 0, CLI_FLAG, O(images.lazy_pages), NULL,
		"Leave memory here, to be fetched over the page server", NULL, 0},
	{"status-fd", 0, CLI_INT, O(status_fd), "number",
		"Write a byte there when lazy pages can be fetched", NULL, 0, "-1"},
	{"page-server", 0, CLI_STRING, O(page_server), "address:port",
		"Send the memory to a criu page server", NULL, 0},
};

static int fill(const struct keel_globals *globals, const struct checkpoint_command_options *o,
	struct checkpoint_options *c, struct hull_error *err)
{
	int r = checkpoint_fill(globals, &o->images, c, err);

	if (r < 0)
		return r;
	c->parent_path = o->parent_path;
	c->leave_running = o->leave_running || o->pre_dump;
	c->pre_dump = o->pre_dump;
	c->tcp_skip_in_flight = o->tcp_skip_in_flight;
	c->link_remap = o->link_remap;
	c->status_fd = o->status_fd;
	c->page_server = o->page_server;
	if (c->status_fd >= 0 && fcntl(c->status_fd, F_GETFD) < 0)
		return error_errno(err, errno, "--status-fd %d", c->status_fd);
	return 0;
}

static int checkpoint(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	struct checkpoint_options c = CHECKPOINT_OPTIONS_INIT;
	_cleanup_container_record_ struct container_record container;
	enum container_status status;
	struct oci_spec *spec;
	int r = keel_container_open(&container, context->globals, argv[0], err);

	if (r == 0)
		r = container_record_status(&container, &status, err);
	if (r == 0 && (status == CONTAINER_CREATED || status == CONTAINER_STOPPED))
		r = error_set(err, HULL_ERROR_CONFLICT,
			"Container cannot be checkpointed in %s state",
			container_status_names[status]);
	if (r == 0)
		r = fill(context->globals, data, &c, err);
	if (r == 0)
		r = container_record_spec(&container, &spec, err);
	if (r == 0)
		r = container_checkpoint(&container.ref, spec, container.state->rootfs, &c, err);
	if (r < 0 || c.leave_running)
		return r;
	return keel_container_remove(&container, err);
}

int checkpoint_fill(const struct keel_globals *globals, const struct image_options *o,
	struct checkpoint_options *c, struct hull_error *err)
{
	c->criu = globals->criu;
	c->image_path = str_empty(o->image_path) ? "checkpoint" : o->image_path;
	c->work_path = o->work_path;
	c->auto_dedup = o->auto_dedup;
	c->lazy_pages = o->lazy_pages;
	c->tcp_established = o->tcp_established;
	c->tcp_close = o->tcp_close;
	c->ext_unix_sk = o->ext_unix_sk;
	c->shell_job = o->shell_job;
	c->file_locks = o->file_locks;
	int r = checkpoint_parse_cgroups(o->cgroups_mode, &c->cgroups, err);
	if (r == 0)
		r = checkpoint_parse_lock(o->network_lock, &c->lock, err);
	return r == 0 ? checkpoint_parse_empty_ns(o->empty_ns, &c->empty_ns, err) : r;
}

const struct cli_command keel_checkpoint_command = {
	.name = "checkpoint",
	.arguments = "[OPTIONS] CONTAINER",
	.summary = "Write the state of a running container to files, with criu",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct checkpoint_command_options),
	.min_args = 1,
	.max_args = 1,
	.run = checkpoint,
};
