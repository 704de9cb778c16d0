/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"
#include "launch.h"

struct restore_options {
	struct launch_options launch; /* first: the rows of launch.h count from here */
	struct image_options images;
	char *lsm_profile;
	char *lsm_mount_context;
};

#define O(member) offsetof(struct restore_options, member)

static const struct cli_option options[] = {
	LAUNCH_OPTION_ROWS CHECKPOINT_OPTION_ROWS(struct restore_options, images){"lazy-pages", 0,
		CLI_FLAG, O(images.lazy_pages), NULL,
		"Fetch memory when it is needed, from criu's lazy-pages daemon", NULL, 0},
	{"lsm-profile", 0, CLI_STRING, O(lsm_profile), "type:name",
		"AppArmor profile or SELinux label of the restored processes", NULL, 0},
	{"lsm-mount-context", 0, CLI_STRING, O(lsm_mount_context), "context",
		"SELinux context of the restored mounts", NULL, 0},
	{"detach", 'd', CLI_FLAG, O(launch.detach), NULL, "Do not wait for the container", NULL, 0},
	{"keep", 0, CLI_FLAG, O(launch.keep), NULL, "Do not delete the container when it has ended",
		NULL, 0},
	{"no-subreaper", 0, CLI_FLAG, O(launch.no_subreaper), NULL,
		"Do not adopt orphans of the container", NULL, 0},
};

static int restore(
	struct cli_context *context, void *data, int argc, char **argv, struct hull_error *err)
{
	const struct restore_options *o = data;
	struct checkpoint_options c = CHECKPOINT_OPTIONS_INIT;
	_cleanup_launch_ struct launch l = LAUNCH_INIT;
	int r = checkpoint_fill(context->globals, &o->images, &c, err);

	if (r < 0)
		return r;
	c.lsm_profile = o->lsm_profile;
	c.lsm_mount_context = o->lsm_mount_context;
	l.globals = context->globals;
	l.options = &o->launch;
	l.id = argv[0];
	l.restore = &c;
	return launch_run(&l, err);
}

const struct cli_command keel_restore_command = {
	.name = "restore",
	.arguments = "[OPTIONS] CONTAINER",
	.summary = "Make a container from the files of a checkpoint, with criu",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct restore_options),
	.min_args = 1,
	.max_args = 1,
	.run = restore,
};
