/* SPDX-License-Identifier: Apache-2.0 */
/* libhull-runtime: the calling program, runtimes, bundles and plans. */
#include "runtime/library.h"
#include "runtime/feature.h"
#include "runtime/id_map.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/seal.h"

#include <sys/stat.h>
#include <unistd.h>

#define COMMAND_LINE_MAX ((size_t)8 << 20)

/* ---- the calling program ---- */

/* The words of /proc/self/cmdline; they point into text. */
static char **split_words(struct buf *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == '\0';
	char **words = calloc(n + 1, sizeof(*words));
	if (!words)
		return NULL;
	char *p = text->data;
	for (size_t i = 0; i < n; i++) {
		words[i] = p;
		p += strlen(p) + 1;
	}
	return words;
}

int hull_program_seal(char *const argv[], char *const envp[], struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char **words = NULL;
	int r = 0;

	if (!argv) {
		r = file_read_at(AT_FDCWD, "/proc/self/cmdline", &text, COMMAND_LINE_MAX);
		words = r == 0 ? split_words(&text) : NULL;
		if (r == 0 && !words)
			return error_no_memory(err);
	}
	if (r == 0)
		r = program_seal(argv ? argv : words, envp ? envp : environ);
	return r < 0 ? error_errno(err, r, "protect the program's own file") : 0;
}

/* True if some id of the container is the file's owner's, or may write to it as others may. */
static bool can_write(const struct stat *st, const struct oci_linux *l)
{
	bool owner = false, group = false;

	for (size_t i = 0; i < l->n_uid_mappings; i++) {
		const struct oci_id_mapping *m = &l->uid_mappings[i];
		owner |= st->st_uid >= m->host_id && st->st_uid - m->host_id < m->size;
	}
	for (size_t i = 0; i < l->n_gid_mappings; i++) {
		const struct oci_id_mapping *m = &l->gid_mappings[i];
		group |= st->st_gid >= m->host_id && st->st_gid - m->host_id < m->size;
	}
	return owner || (st->st_mode & S_IWOTH) || (group && (st->st_mode & S_IWGRP));
}

int library_check_sealed(
	const struct hull_runtime *runtime, const struct oci_spec *spec, struct hull_error *err)
{
	char path[PATH_MAX];
	struct stat st;
	const struct oci_namespace *user =
		spec->linux ? oci_spec_namespace(spec, OCI_NAMESPACE_USER) : NULL;

	if (runtime->unsealed || program_is_sealed())
		return 0;
	if (stat("/proc/self/exe", &st) < 0)
		return error_errno(err, errno, "/proc/self/exe");
	/* In a namespace that exists already anybody may be anybody. */
	if (user && str_empty(user->path) && !can_write(&st, spec->linux))
		return 0;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	return error_set(err, HULL_ERROR_DENIED,
		"processes of the container could write to this program's file %s: it must be "
		"protected by hull_program_seal() first",
		path);
}

/* ---- runtimes ---- */

int hull_runtime_open(const struct hull_runtime_options *options, struct hull_runtime **ret,
	struct hull_error *err)
{
	static const struct hull_runtime_options defaults = {0};
	static const enum creation_rootless rootless[] = {
		[HULL_ROOTLESS_AUTO] = CREATION_ROOTLESS_AUTO,
		[HULL_ROOTLESS_TRUE] = CREATION_ROOTLESS_TRUE,
		[HULL_ROOTLESS_FALSE] = CREATION_ROOTLESS_FALSE,
	};
	const struct hull_runtime_options *o = options ? options : &defaults;

	if ((unsigned int)o->rootless >= ARRAY_SIZE(rootless))
		return error_set(err, HULL_ERROR_INVALID, "rootless: no such value");
	struct hull_runtime *runtime = calloc(1, sizeof(*runtime));
	if (!runtime)
		return error_no_memory(err);
	runtime->cgroup_manager = o->cgroup_manager;
	runtime->rootless = rootless[o->rootless];
	runtime->unsealed = o->unsealed;
	runtime->warn = o->warn;
	runtime->userdata = o->userdata;
	int r = state_root_path(o->root, &runtime->root, err);
	if (r < 0) {
		free(runtime);
		return r;
	}
	*ret = runtime;
	return 0;
}

void hull_runtime_close(struct hull_runtime *runtime)
{
	if (runtime)
		free(runtime->root);
	free(runtime);
}

const char *hull_runtime_root(const struct hull_runtime *runtime)
{
	return runtime->root;
}

int hull_runtime_features(char **ret, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 2);

	runtime_features(&w);
	*ret = buf_take(&text);
	return *ret ? 0 : error_no_memory(err);
}

/* ---- bundles ---- */

static int keep_bundle(struct creation *c, struct hull_bundle **ret, struct hull_error *err)
{
	int r = oci_spec_check(c->spec, err);

	if (r < 0)
		return r;
	struct hull_bundle *bundle = calloc(1, sizeof(*bundle));
	if (!bundle)
		return error_no_memory(err);
	bundle->path = TAKE_PTR(c->bundle);
	bundle->config = c->config;
	c->config = (struct buf)BUF_INIT;
	*ret = bundle;
	return 0;
}

int hull_bundle_load(
	const char *directory, const char *config, struct hull_bundle **ret, struct hull_error *err)
{
	_cleanup_creation_ struct creation c = CREATION_INIT;
	int r = creation_load(&c, directory, config, err);

	return r < 0 ? r : keep_bundle(&c, ret, err);
}

int hull_bundle_parse(const char *directory, const char *json, size_t length,
	struct hull_bundle **ret, struct hull_error *err)
{
	_cleanup_creation_ struct creation c = CREATION_INIT;
	int r = creation_parse(&c, directory, json, length, err);

	return r < 0 ? r : keep_bundle(&c, ret, err);
}

void hull_bundle_free(struct hull_bundle *bundle)
{
	if (!bundle)
		return;
	buf_done(&bundle->config);
	free(bundle->path);
	free(bundle);
}

const char *hull_bundle_path(const struct hull_bundle *bundle)
{
	return bundle->path;
}

/* ---- plans ---- */

int library_begin(
	struct creation *creation, const struct hull_bundle *bundle, struct hull_error *err)
{
	return creation_parse(
		creation, bundle->path, buf_str(&bundle->config), bundle->config.len, err);
}

int library_compile(struct creation *creation, const struct hull_runtime *runtime, const char *id,
	const struct hull_container_options *options, struct hull_error *err)
{
	static const struct hull_container_options defaults = HULL_CONTAINER_OPTIONS_INIT;
	const struct hull_container_options *chosen = options ? options : &defaults;
	struct plan_options o = PLAN_OPTIONS_INIT;

	if (chosen->preserve_fds < 0)
		return error_set(err, HULL_ERROR_INVALID, "preserve_fds: must not be negative");
	o.id = id;
	memcpy(o.stdio, chosen->stdio, sizeof(o.stdio));
	o.preserve_fds = chosen->preserve_fds;
	o.cgroup_manager = runtime->cgroup_manager;
	o.no_pivot = chosen->no_pivot;
	o.no_new_keyring = chosen->no_new_keyring;
	o.warn = runtime->warn;
	o.userdata = runtime->userdata;
	return creation_compile(creation, &o, runtime->rootless, err);
}

int hull_plan_new(const struct hull_runtime *runtime, const struct hull_bundle *bundle,
	const char *id, const struct hull_container_options *options, struct hull_plan **ret,
	struct hull_error *err)
{
	int r = container_id_check(id, err);

	if (r < 0)
		return r;
	struct hull_plan *plan = calloc(1, sizeof(*plan));
	if (!plan)
		return error_no_memory(err);
	plan->creation = (struct creation)CREATION_INIT;
	r = library_begin(&plan->creation, bundle, err);
	if (r == 0)
		r = library_compile(&plan->creation, runtime, id, options, err);
	if (r < 0) {
		hull_plan_free(plan);
		return r;
	}
	*ret = plan;
	return 0;
}

void hull_plan_free(struct hull_plan *plan)
{
	if (plan)
		creation_done(&plan->creation);
	free(plan);
}

int hull_plan_print(const struct hull_plan *plan, enum hull_plan_format format, char **ret,
	struct hull_error *err)
{
	static const enum plan_format formats[] = {
		[HULL_PLAN_TEXT] = PLAN_FORMAT_TEXT,
		[HULL_PLAN_SHORT] = PLAN_FORMAT_SHORT,
		[HULL_PLAN_JSON] = PLAN_FORMAT_JSON,
	};
	_cleanup_buf_ struct buf text = BUF_INIT;

	if ((unsigned int)format >= ARRAY_SIZE(formats))
		return error_set(err, HULL_ERROR_INVALID, "format: no such value");
	plan_print(plan->creation.plan, formats[format], &text);
	*ret = buf_take(&text);
	return *ret ? 0 : error_no_memory(err);
}
