/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer store on a command line, for tests:
 *   layer-tool ROOT RUN KIND COMMAND [ARGUMENT...]
 *     ingest FILE [BLOB-DIGEST|- [DIFF-ID|-]]   prints the diff id, then sizes
 *     has|info|tar|remove|mount DIFF-ID         tar copies to stdout; mount prints nothing
 *     stack TARGET UPPER|- WORK|- DIFF-ID...    lowest layer first; attaches the mount to TARGET
 *     upper DIRECTORY DIFF-ID...                prepares an upper directory
 *     list, release, clean, kind
 * A failure prints the error's kind and message.
 */
#include "base/fd.h"
#include "base/str.h"
#include "layer/store.h"
#include "sys/mount_api.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <sys/sendfile.h>

#define LAYERS_MAX 600

struct tool {
	struct layer_store *store;
	char **args;
	int n_args;
	struct hull_error *err;
};

static int parse_ids(struct tool *t, int from, struct digest *ids)
{
	for (int i = from; i < t->n_args; i++) {
		int r = digest_parse(t->args[i], &ids[i - from], t->err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_optional(struct tool *t, int i, struct digest *to, const struct digest **ret)
{
	if (i >= t->n_args || str_eq(t->args[i], "-"))
		return 0;
	*ret = to;
	return digest_parse(t->args[i], to, t->err);
}

static int run_ingest(struct tool *t)
{
	struct layer_ingest_options options = {0};
	struct layer_ingest_result result;
	struct digest blob, diff;
	struct rusage usage;
	char text[DIGEST_TEXT_SIZE];
	_cleanup_close_ int fd =
		str_eq(t->args[0], "-") ? dup(0) : open(t->args[0], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(t->err, errno, "%s", t->args[0]);
	int r = parse_optional(t, 1, &blob, &options.blob_digest);
	if (r == 0)
		r = parse_optional(t, 2, &diff, &options.diff_id);
	if (r == 0)
		r = layer_ingest_fd(t->store, fd, &options, &result, t->err);
	if (r < 0)
		return r;
	getrusage(RUSAGE_SELF, &usage);
	printf("%s\n", digest_format(&result.diff_id, text));
	printf("blob %s %" PRIu64 " tar %" PRIu64 " content %" PRIu64 " entries %" PRIu64
	       " existed %d rss-kib %ld\n",
		digest_format(&result.blob_digest, text), result.blob_bytes, result.tar_bytes,
		result.content_bytes, result.entries, result.existed, usage.ru_maxrss);
	return 0;
}

static int copy_tar(struct tool *t, const struct digest *id)
{
	_cleanup_close_ int fd = -1;
	int r = layer_open_tar(t->store, id, &fd, t->err);

	while (r == 0) {
		ssize_t n = sendfile(1, fd, NULL, 1 << 20);
		if (n < 0)
			return error_errno(t->err, errno, "copy");
		if (n == 0)
			break;
	}
	return r;
}

static int run_one(struct tool *t, const char *command)
{
	struct layer_info info;
	struct digest id;
	int fd = -1, r = digest_parse(t->args[0], &id, t->err);

	if (r < 0)
		return r;
	if (str_eq(command, "has"))
		return printf("%s\n", layer_store_has(t->store, &id) ? "yes" : "no") < 0;
	if (str_eq(command, "tar"))
		return copy_tar(t, &id);
	if (str_eq(command, "remove"))
		return layer_store_remove(t->store, &id, t->err);
	if (str_eq(command, "mount")) {
		r = layer_mount(t->store, &id, &fd, t->err);
		cleanup_closep(&fd);
		return r;
	}
	r = layer_store_info(t->store, &id, &info, t->err);
	if (r == 0)
		printf("tar %" PRIu64 " content %" PRIu64 " disk %" PRIu64 " entries %" PRIu64 "\n",
			info.tar_bytes, info.content_bytes, info.disk_bytes, info.entries);
	return r;
}

static int open_dir(const char *path)
{
	return str_eq(path, "-") ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int run_stack(struct tool *t)
{
	static struct digest ids[LAYERS_MAX];
	_cleanup_close_ int upper = open_dir(t->args[1]), work = open_dir(t->args[2]);
	_cleanup_close_ int target = open(t->args[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int mount_fd = -1;
	int r = parse_ids(t, 3, ids);

	if (r == 0)
		r = layer_stack_mount(
			t->store, ids, (size_t)(t->n_args - 3), upper, work, 0, &mount_fd, t->err);
	if (r < 0)
		return r;
	r = mount_attach(mount_fd, target);
	return r < 0 ? error_errno(t->err, r, "attach to %s", t->args[0]) : 0;
}

static int run_upper(struct tool *t)
{
	static struct digest ids[LAYERS_MAX];
	_cleanup_close_ int upper = open_dir(t->args[0]);
	int r = parse_ids(t, 1, ids);

	return r < 0 ? r
		     : layer_stack_prepare_upper(
			       t->store, ids, (size_t)(t->n_args - 1), upper, t->err);
}

static int print_id(const struct digest *id, void *arg)
{
	char text[DIGEST_TEXT_SIZE];

	printf("%s\n", digest_format(id, text));
	return 0;
}

static bool in_use(const struct digest *id, void *arg)
{
	return false;
}

static int run(struct tool *t, const char *command)
{
	if (str_eq(command, "kind"))
		return printf("%s\n", layer_store_kind_name(layer_store_get_kind(t->store))) < 0;
	if (str_eq(command, "list"))
		return layer_store_list(t->store, print_id, NULL, t->err);
	if (str_eq(command, "release"))
		return layer_release_unused(t->store, in_use, NULL, t->err);
	if (str_eq(command, "clean"))
		return layer_store_clean(t->store, t->err);
	if (str_eq(command, "ingest") && t->n_args >= 1)
		return run_ingest(t);
	if (str_eq(command, "stack") && t->n_args >= 3 && t->n_args < LAYERS_MAX)
		return run_stack(t);
	if (str_eq(command, "upper") && t->n_args >= 1)
		return run_upper(t);
	if (t->n_args == 1)
		return run_one(t, command);
	return error_set(t->err, HULL_ERROR_INVALID, "unknown command %s", command);
}

int main(int argc, char **argv)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_layer_store_ struct layer_store *store = NULL;
	struct layer_store_options options = {0};

	if (argc < 5)
		return 2;
	options.discard_tar = getenv("DISCARD_TAR") != NULL;
	struct tool t = {.args = argv + 5, .n_args = argc - 5, .err = &err};
	int r = layer_store_kind_parse(argv[3], &options.kind, &err);
	if (r == 0)
		r = layer_store_open(argv[1], argv[2], &options, &store, &err);
	t.store = store;
	if (r == 0)
		r = run(&t, argv[4]);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", hull_error_kind_name(err.kind),
			hull_error_message(&err));
		return 1;
	}
	return 0;
}
