/* SPDX-License-Identifier: Apache-2.0 */
#include "keel.h"

/* The specification's document with runc's additions. */
static void print_state(const struct container_record *c, enum container_status status)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&out, 2);
	const struct runtime_state *s = c->state;

	json_begin_object(&w);
	json_key(&w, "ociVersion");
	json_string(&w, s->oci_version);
	json_key(&w, "id");
	json_string(&w, s->id);
	json_key(&w, "pid");
	json_i64(&w, status == CONTAINER_STOPPED ? 0 : s->pid);
	json_key(&w, "status");
	json_string(&w, container_status_names[status]);
	json_key(&w, "bundle");
	json_string(&w, s->bundle);
	json_key(&w, "rootfs");
	json_string(&w, s->rootfs);
	json_key(&w, "created");
	json_string(&w, s->created);
	if (s->n_annotations) {
		json_key(&w, "annotations");
		json_begin_object(&w);
		for (size_t i = 0; i < s->n_annotations; i++) {
			json_key(&w, s->annotations[i].key);
			json_string(&w, s->annotations[i].value);
		}
		json_end_object(&w);
	}
	json_key(&w, "owner");
	json_string(&w, str_eq(s->owner, "root") ? "" : s->owner);
	json_end_object(&w);
	puts(buf_str(&out));
}

static int state(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	_cleanup_container_record_ struct container_record c;
	enum container_status status;
	int r = keel_container_open(&c, context->globals, argv[0], err);

	if (r == 0)
		r = container_record_status(&c, &status, err);
	if (r == 0)
		print_state(&c, status);
	return r;
}

const struct cli_command keel_state_command = {
	.name = "state",
	.arguments = "CONTAINER",
	.summary = "Print the state of a container",
	.min_args = 1,
	.max_args = 1,
	.run = state,
};
