/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change reads the file, replaces one entry and writes it all again. So that of two at a time
 * none is lost, both do it with the directory locked (flock(2)): a lock without a file of its own,
 * which nobody can leave behind. Readers need none: a file comes by rename, whole. Where directories
 * cannot be locked (NFS), and against programs that do not lock, it is as it is with docker, which
 * does not: the last one wins.
 */
#include "registry/login_file.h"

#include "base/base64.h"
#include "base/fd.h"
#include "base/str.h"
#include "registry/credentials.h"

#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>

#define CONFIG_MAX ((size_t)1 << 20)
#define LINKS_MAX  40

/* The name that file_replace_at() gives a file in the making: "NAME.tmp-" and hexadecimal digits. */
#define TEMPORARY_MARK	 ".tmp-"
#define TEMPORARY_DIGITS 16

/* ---- Reading ---- */

void login_file_done(struct login_file *f)
{
	arena_done(&f->arena);
}

int login_file_read(const char *path, bool podman, struct login_file *ret, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(CONFIG_MAX);
	const struct json_limits limits = {CONFIG_MAX, 32};

	*ret = (struct login_file){.podman = podman};
	ret->path = arena_strdup(&ret->arena, path);
	int r = ret->path ? file_read_at(AT_FDCWD, path, &text, CONFIG_MAX) : -ENOMEM;
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return error_errno(err, r, "%s", path);
	/* An empty file is what `touch` and /dev/null leave. */
	if (strspn(buf_str(&text), " \t\r\n") == text.len)
		return 0;
	r = json_value_parse(&ret->arena, &ret->root, buf_str(&text), text.len, &limits, path, err);
	explicit_bzero(text.data, text.len);
	if (r == 0 && ret->root.type != JSON_TYPE_OBJECT)
		return error_set(err, HULL_ERROR_INVALID, "%s: expected an object", path);
	return r < 0 ? r : 1;
}

/* "https://host:5000/v1/" and "host:5000" are the login of one host. */
static bool is_key_of_host(const char *key, const char *host)
{
	const char *rest = strstr(key, "://");

	if (!str_eq(credentials_key(host), host))
		return str_eq(key, credentials_key(host)) || str_eq(key, "docker.io") ||
		       str_eq(key, "index.docker.io");
	rest = rest ? rest + 3 : key;
	size_t n = strcspn(rest, "/");
	return n == strlen(host) && strncmp(rest, host, n) == 0;
}

/* How much of "host/repository" a key of podman's names, 0 if it is another. */
static size_t match_scoped_key(const char *key, const char *host, const char *repository)
{
	size_t n = strlen(key), h = strlen(host);

	if (is_key_of_host(key, host) && !(strchr(key, '/') && !strstr(key, "://")))
		return h;
	if (n <= h || strncmp(key, host, h) != 0 || key[h] != '/')
		return 0;
	const char *path = key + h + 1;
	size_t p = strlen(path);
	if (strncmp(repository, path, p) != 0 || (repository[p] && repository[p] != '/'))
		return 0;
	return n;
}

const struct json_value *login_file_find(
	const struct login_file *f, const char *host, const char *repository)
{
	const struct json_value *auths = json_value_get(&f->root, "auths"), *best = NULL;
	size_t longest = 0;

	if (!auths || auths->type != JSON_TYPE_OBJECT)
		return NULL;
	for (size_t i = 0; i < auths->count; i++) {
		const struct json_value *login = &auths->items[i];
		size_t n = f->podman ? match_scoped_key(login->key, host, repository)
			   : is_key_of_host(login->key, host) ? 1
							      : 0;
		if (n > longest) {
			longest = n;
			best = login;
		}
	}
	return best;
}

const char *login_file_helper(const struct login_file *f, const char *host)
{
	const struct json_value *helpers = json_value_get(&f->root, "credHelpers");
	const char *all = json_value_string(json_value_get(&f->root, "credsStore"));

	if (helpers && helpers->type == JSON_TYPE_OBJECT)
		for (size_t i = 0; i < helpers->count; i++)
			if (is_key_of_host(helpers->items[i].key, host))
				return json_value_string(&helpers->items[i]);
	return str_empty(all) ? NULL : all;
}

/* ---- Writing ---- */

static int write_entry(struct json_writer *w, const struct login_entry *entry)
{
	const struct auth_credentials *c = entry->credentials;

	json_key(w, credentials_key(entry->host));
	json_begin_object(w);
	if (!entry->empty && str_eq(c->user, LOGIN_IDENTITY_USER)) {
		json_key(w, "identitytoken");
		json_string(w, c->secret);
	} else if (!entry->empty) {
		_cleanup_free_ char *pair = str_printf("%s:%s", c->user, c->secret);
		_cleanup_free_ char *encoded = pair ? base64_encode(pair, strlen(pair)) : NULL;
		if (!encoded)
			return -ENOMEM;
		json_key(w, "auth");
		json_string(w, encoded);
		explicit_bzero(pair, strlen(pair));
		explicit_bzero(encoded, strlen(encoded));
	}
	json_end_object(w);
	return 0;
}

/* "auths" with one entry replaced, added or taken out. */
static int write_auths(
	struct json_writer *w, const struct json_value *auths, const struct login_entry *entry)
{
	int r = 0;

	json_key(w, "auths");
	json_begin_object(w);
	for (size_t i = 0; auths && auths->type == JSON_TYPE_OBJECT && i < auths->count; i++) {
		if (is_key_of_host(auths->items[i].key, entry->host))
			continue;
		json_key(w, auths->items[i].key);
		json_value_write(w, &auths->items[i]);
	}
	if (entry->credentials)
		r = write_entry(w, entry);
	json_end_object(w);
	return r;
}

static int format_file(
	const struct login_file *f, const struct login_entry *entry, struct buf *text)
{
	struct json_writer w = JSON_WRITER_INIT(text, 8);
	bool written = false;
	int r = 0;

	json_begin_object(&w);
	for (size_t i = 0; i < f->root.count && r == 0; i++) {
		const struct json_value *member = &f->root.items[i];

		if (str_eq(member->key, "auths")) {
			r = write_auths(&w, member, entry);
			written = true;
			continue;
		}
		json_key(&w, member->key);
		json_value_write(&w, member);
	}
	if (!written && r == 0)
		r = write_auths(&w, NULL, entry);
	json_end_object(&w);
	buf_putc(text, '\n');
	return r < 0 ? r : buf_error(text);
}

/* Whose file it was stays its owner: root may log in with the home of somebody else. */
static int replace_file(int dir, const char *name, const struct buf *text)
{
	struct stat before;
	bool existed = fstatat(dir, name, &before, AT_SYMLINK_NOFOLLOW) == 0;
	int r = file_replace_at(dir, name, text->data, text->len, 0600, true);

	if (r == 0 && existed && before.st_uid != geteuid())
		r = fchownat(dir, name, before.st_uid, before.st_gid, AT_SYMLINK_NOFOLLOW) < 0
			    ? -errno
			    : 0;
	return r == -EPERM ? 0 : r;
}

static int login_file_write(const struct login_file *f, int dir, const char *name,
	const struct login_entry *entry, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(2 * CONFIG_MAX);

	if (format_file(f, entry, &text) < 0)
		return error_no_memory(err);
	int r = replace_file(dir, name, &text);
	explicit_bzero(text.data, text.len);
	return r < 0 ? error_errno(err, r, "%s", f->path) : 0;
}

/* ---- One at a time ---- */

/* Where the file is that is to be replaced, past links to it, even to one that is not there yet. */
static char *resolve_links(const char *path)
{
	_cleanup_free_ char *at = strdup(path);

	for (int i = 0; at && i < LINKS_MAX; i++) {
		char target[PATH_MAX];
		ssize_t n = readlink(at, target, sizeof(target) - 1);

		if (n < 0)
			return TAKE_PTR(at);
		target[n] = '\0';
		char *slash = *target == '/' ? NULL : strrchr(at, '/');
		if (slash)
			slash[1] = '\0';
		char *next = str_printf("%s%s", slash ? at : "", target);
		free(at);
		at = next;
	}
	if (at)
		errno = ELOOP;
	return NULL;
}

/* The directory of a file, made if it is not there, and locked until the descriptor is closed. */
static int lock_directory(const char *file, bool *ret_locked)
{
	const char *slash = strrchr(file, '/');
	_cleanup_free_ char *path = slash == file ? strdup("/")
				    : slash	  ? strndup(file, (size_t)(slash - file))
						  : strdup(".");
	int r = path ? dir_make_parents_at(AT_FDCWD, path, 0700) : -ENOMEM;

	if (r < 0)
		return r;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_locked = flock(fd, LOCK_EX) == 0;
	if (!*ret_locked && errno == EINTR)
		return -EINTR;
	return TAKE_FD(fd);
}

static bool is_temporary(const char *name, const char *of)
{
	const char *rest = str_after(name, of);
	const char *digits = rest ? str_after(rest, TEMPORARY_MARK) : NULL;

	return digits && strspn(digits, "0123456789abcdef") == TEMPORARY_DIGITS &&
	       strlen(digits) == TEMPORARY_DIGITS;
}

/* What somebody who was killed has left: there are logins in it. With the lock, all is old. */
static void remove_leftovers(int dir, const char *name)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *entries = fd < 0 ? NULL : fdopendir(fd);

	if (!entries) {
		cleanup_closep(&fd);
		return;
	}
	for (struct dirent *e; (e = readdir(entries));)
		if (is_temporary(e->d_name, name))
			unlinkat(dir, e->d_name, 0);
}

int login_file_change(const char *path, const struct login_entry *entry, struct hull_error *err)
{
	_cleanup_login_file_ struct login_file f = {0};
	_cleanup_free_ char *file = resolve_links(path);
	bool locked = false;

	if (!file)
		return error_errno(err, errno, "%s", path);
	_cleanup_close_ int dir = lock_directory(file, &locked);
	if (dir < 0)
		return error_errno(err, dir, "%s", path);
	int r = login_file_read(file, false, &f, err);
	if (r < 0)
		return r;
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	if (locked)
		remove_leftovers(dir, name);
	return login_file_write(&f, dir, name, entry, err);
}
