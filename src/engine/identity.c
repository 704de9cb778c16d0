/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two files belong to the image, so to anybody. They are opened below the container's root
 * only, must be regular (looked at through an O_PATH fd first: opening a device or a FIFO can have
 * effects or block), and are read up to a limit. A line that is too long or whose numbers are not
 * numbers is no entry: taking such a number for 0 would hand out root.
 *
 * What looks like a number is one, even if the file has a login name of just these digits: else an
 * image could decide who "--user 1000" is.
 */
#include "engine/identity.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/resolve.h"

#include <stdbool.h>
#include <sys/stat.h>

#define FILE_MAX   ((size_t)1 << 20)
#define LINE_MAX   ((size_t)64 << 10)
#define FIELDS_MAX 7
#define ID_MAX	   2147483647
#define GIDS_MAX   4096

struct text {
	const char *start;
	size_t len;
};

struct database {
	struct text passwd;
	struct text group;
};

static bool text_is(struct text t, const char *s)
{
	return strlen(s) == t.len && memcmp(t.start, s, t.len) == 0;
}

/* Cuts the next line off *rest. Lines past the limit are left out. */
static bool next_line(struct text *rest, struct text *ret)
{
	while (rest->len > 0) {
		const char *newline = memchr(rest->start, '\n', rest->len);
		struct text line = {
			rest->start, newline ? (size_t)(newline - rest->start) : rest->len};
		size_t used = newline ? line.len + 1 : line.len;

		rest->start += used;
		rest->len -= used;
		if (line.len > 0 && line.len <= LINE_MAX) {
			*ret = line;
			return true;
		}
	}
	return false;
}

/* Splits at colons; missing fields are empty. The last one keeps what is left. */
static void split_fields(struct text line, struct text *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *colon = memchr(line.start, ':', line.len);
		size_t n = colon && i + 1 < count ? (size_t)(colon - line.start) : line.len;

		fields[i] = (struct text){line.start, n};
		line.start += n;
		line.len -= n;
		if (line.len > 0 && i + 1 < count) {
			line.start++;
			line.len--;
		}
	}
}

/* Digits with an optional sign: what is taken as a number and never as a name. */
static bool looks_numeric(struct text t)
{
	size_t i = t.len > 0 && (t.start[0] == '-' || t.start[0] == '+');

	if (i == t.len)
		return false;
	for (; i < t.len; i++) {
		if (t.start[i] < '0' || t.start[i] > '9')
			return false;
	}
	return true;
}

static bool parse_id(struct text t, uint32_t *ret)
{
	uint64_t value = 0;
	size_t i = t.len > 0 && t.start[0] == '+';

	if (i == t.len)
		return false;
	for (; i < t.len; i++) {
		if (t.start[i] < '0' || t.start[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(t.start[i] - '0');
		if (value > ID_MAX)
			return false;
	}
	*ret = (uint32_t)value;
	return true;
}

struct passwd_entry {
	struct text name;
	uint32_t uid, gid;
	struct text home;
};

/* The first entry with that name, or (name.start NULL) with that uid. */
static bool find_user(struct text passwd, struct text name, uint32_t uid, struct passwd_entry *ret)
{
	struct text line, fields[FIELDS_MAX];

	while (next_line(&passwd, &line)) {
		split_fields(line, fields, FIELDS_MAX);
		struct passwd_entry entry = {.name = fields[0], .home = fields[5]};
		if (!parse_id(fields[2], &entry.uid) || !parse_id(fields[3], &entry.gid))
			continue;
		bool match = name.start
				     ? name.len == entry.name.len &&
					       memcmp(name.start, entry.name.start, name.len) == 0
				     : uid == entry.uid;
		if (match) {
			*ret = entry;
			return true;
		}
	}
	return false;
}

static bool find_group(struct text group, const char *name, uint32_t *ret)
{
	struct text line, fields[4];

	while (next_line(&group, &line)) {
		split_fields(line, fields, ARRAY_SIZE(fields));
		if (text_is(fields[0], name) && parse_id(fields[2], ret))
			return true;
	}
	return false;
}

static bool list_has(struct text list, struct text name)
{
	while (list.len > 0) {
		const char *comma = memchr(list.start, ',', list.len);
		size_t n = comma ? (size_t)(comma - list.start) : list.len;

		if (n == name.len && memcmp(list.start, name.start, n) == 0)
			return true;
		n += comma != NULL;
		list.start += n;
		list.len -= n;
	}
	return false;
}

static int range_error(struct hull_error *err)
{
	return error_set(err, HULL_ERROR_INVALID, "uids and gids must be in range 0-%d", ID_MAX);
}

/* Appends without duplicates; the array has room for *count powers of two. */
static int gids_append(
	struct arena *arena, struct identity *id, uint32_t gid, struct hull_error *err)
{
	size_t n = id->n_additional_gids;

	for (size_t i = 0; i < n; i++) {
		if (id->additional_gids[i] == gid)
			return 0;
	}
	if (n >= GIDS_MAX)
		return error_set(err, HULL_ERROR_INVALID,
			"the user is in more than %d groups of the container", GIDS_MAX);
	if ((n & (n - 1)) == 0) { /* full at 0, 1, 2, 4, 8, ... */
		uint32_t *more = arena_array(arena, n ? 2 * n : 1, sizeof(*more));
		if (!more)
			return error_no_memory(err);
		if (n)
			memcpy(more, id->additional_gids, n * sizeof(*more));
		id->additional_gids = more;
	}
	id->additional_gids[id->n_additional_gids++] = gid;
	return 0;
}

/* The groups whose member lists have the user. */
static int add_member_groups(struct arena *arena, struct text group, struct text name,
	struct identity *id, struct hull_error *err)
{
	struct text line, fields[4];
	uint32_t gid;

	while (next_line(&group, &line)) {
		split_fields(line, fields, ARRAY_SIZE(fields));
		if (!list_has(fields[3], name) || !parse_id(fields[2], &gid))
			continue;
		int r = gids_append(arena, id, gid, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int resolve_group(struct text group, const char *text, uint32_t *ret, struct hull_error *err)
{
	struct text t = {text, strlen(text)};

	if (looks_numeric(t))
		return parse_id(t, ret) ? 0 : range_error(err);
	if (!find_group(group, text, ret))
		return error_set(err, HULL_ERROR_INVALID,
			"unable to find group %s: no matching entries in group file", text);
	return 0;
}

/* uid, gid, name and home from the part of the text before the colon. */
static int resolve_user(struct arena *arena, struct text passwd, struct text user,
	struct identity *id, struct text *ret_name, struct hull_error *err)
{
	struct passwd_entry entry;
	bool numeric = user.len == 0 || looks_numeric(user);

	if (user.len > 0 && numeric && !parse_id(user, &id->uid))
		return range_error(err);
	struct text name = numeric ? (struct text){NULL, 0} : user;
	if (find_user(passwd, name, id->uid, &entry)) {
		id->uid = entry.uid;
		id->gid = entry.gid;
		*ret_name = entry.name;
		id->name = arena_strndup(arena, entry.name.start, entry.name.len);
		if (!id->name)
			return error_no_memory(err);
		if (entry.home.len > 0)
			id->home = arena_strndup(arena, entry.home.start, entry.home.len);
	} else if (!numeric) {
		return error_set(err, HULL_ERROR_INVALID,
			"unable to find user %.*s: no matching entries in passwd file",
			(int)user.len, user.start);
	}
	if (!id->home)
		id->home = arena_strdup(arena, "/");
	return id->home ? 0 : error_no_memory(err);
}

static int resolve(struct arena *arena, const struct database *db, const char *user,
	char *const *group_add, struct identity *ret, struct hull_error *err)
{
	const char *text = user ? user : "";
	const char *colon = strchr(text, ':');
	struct text name = {NULL, 0};
	struct text user_part = {text, colon ? (size_t)(colon - text) : strlen(text)};
	const char *group_part = colon ? colon + 1 : "";
	struct identity id = {0};

	int r = resolve_user(arena, db->passwd, user_part, &id, &name, err);
	if (r < 0)
		return r;
	if (*group_part) {
		r = resolve_group(db->group, group_part, &id.gid, err);
		if (r < 0)
			return r;
	}
	/*
	 * The primary group is among the supplementary ones, so that a program which gives up its
	 * gid keeps being judged as a member (a set-group-id file must not take that away).
	 */
	r = gids_append(arena, &id, id.gid, err);
	if (r == 0 && !*group_part && name.len > 0)
		r = add_member_groups(arena, db->group, name, &id, err);
	if (r < 0)
		return r;
	strv_foreach (g, group_add) {
		uint32_t gid;
		r = resolve_group(db->group, *g, &gid, err);
		if (r == 0)
			r = gids_append(arena, &id, gid, err);
		if (r < 0)
			return r;
	}
	*ret = id;
	return 0;
}

int identity_resolve_texts(struct arena *arena, const char *passwd, size_t passwd_len,
	const char *group, size_t group_len, const char *user, char *const *group_add,
	struct identity *ret, struct hull_error *err)
{
	struct database db = {{passwd, passwd_len}, {group, group_len}};

	return resolve(arena, &db, user, group_add, ret, err);
}

/* Reads a regular file below the root; a missing one is empty. */
static int read_database(int root_fd, const char *path, struct buf *out, struct hull_error *err)
{
	char link[64];
	struct stat st;
	_cleanup_close_ int path_fd = resolve_in_root(root_fd, path, O_PATH);

	if (path_fd == -ENOENT || path_fd == -ENOTDIR || path_fd == -ELOOP)
		return 0;
	if (path_fd < 0)
		return error_errno_kind(
			err, HULL_ERROR_INVALID, path_fd, "%s in the container", path);
	if (fstat(path_fd, &st) < 0)
		return error_errno_kind(
			err, HULL_ERROR_INVALID, errno, "%s in the container", path);
	if (!S_ISREG(st.st_mode))
		return error_set(
			err, HULL_ERROR_INVALID, "%s in the container: not a regular file", path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
	_cleanup_close_ int fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_read_to_buf(fd, out, FILE_MAX);
	if (r == -E2BIG)
		return error_set(err, HULL_ERROR_INVALID,
			"%s in the container: larger than %zu bytes", path, FILE_MAX);
	if (r < 0)
		return error_errno_kind(err, HULL_ERROR_INVALID, r, "%s in the container", path);
	return 0;
}

/* Numbers need no /etc/group; the members of the user's groups and names do. */
static bool needs_group_file(const char *user, char *const *group_add)
{
	const char *colon = user ? strchr(user, ':') : NULL;
	struct text explicit = {colon ? colon + 1 : NULL, colon ? strlen(colon + 1) : 0};

	if (explicit.len == 0 || !looks_numeric(explicit))
		return true;
	strv_foreach (g, group_add) {
		if (!looks_numeric((struct text){*g, strlen(*g)}))
			return true;
	}
	return false;
}

int identity_resolve(struct arena *arena, int root_fd, const char *user, char *const *group_add,
	struct identity *ret, struct hull_error *err)
{
	_cleanup_buf_ struct buf passwd = BUF_INIT;
	_cleanup_buf_ struct buf group = BUF_INIT;

	int r = read_database(root_fd, "/etc/passwd", &passwd, err);
	if (r == 0 && needs_group_file(user, group_add))
		r = read_database(root_fd, "/etc/group", &group, err);
	if (r < 0)
		return r;
	struct database db = {{buf_str(&passwd), passwd.len}, {buf_str(&group), group.len}};
	return resolve(arena, &db, user, group_add, ret, err);
}
