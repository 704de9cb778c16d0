/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule applies to the names below its prefix; the longest prefix wins, and among equal ones the
 * file that is read last, as drop-in files are meant to. Short names and their aliases are not
 * read: a short name here is Docker's, always.
 */
#include "registry/registries_conf.h"

#include "base/fd.h"
#include "base/str.h"
#include "registry/toml.h"

#include <dirent.h>

#define FILE_MAX    ((size_t)1 << 20)
#define MAX_MIRRORS 32
#define MAX_FILES   256

struct reader {
	struct arena *arena;
	const char *what;
	const char *name;
	struct registries_rule *rule;
	size_t matched; /* length of the prefix of the rule that counts so far */
	struct hull_error *err;
};

/*
 * Length of the name's part that a prefix covers, 0 if it does not apply: "*.example.com" covers a
 * host, anything else ends where a component ends.
 */
static size_t match_prefix(const char *prefix, const char *name)
{
	size_t host = strcspn(name, "/");

	if (str_after(prefix, "*.")) {
		size_t n = strlen(prefix + 1);
		size_t without_port = strcspn(name, ":/");

		if (strchr(prefix, ':'))
			without_port = host;
		return without_port > n && strncmp(name + without_port - n, prefix + 1, n) == 0
			       ? without_port
			       : 0;
	}
	size_t n = strlen(prefix);
	if (strncmp(name, prefix, n) != 0)
		return 0;
	return name[n] == '/' || name[n] == '\0' ? n : 0;
}

/* The name with its covered part replaced by a location; an empty one replaces nothing. */
static char *relocate(struct reader *r, const char *location, size_t covered)
{
	if (str_empty(location))
		return arena_strdup(r->arena, r->name);
	return arena_printf(r->arena, "%s%s", location, r->name + covered);
}

static int read_place(struct reader *r, const struct toml_value *table, size_t covered,
	struct registries_place *ret)
{
	const char *location = NULL;
	int result = toml_get_string(table, "location", r->what, &location, r->err);

	if (result == 0)
		result = toml_get_bool(table, "insecure", r->what, &ret->insecure, r->err);
	if (result < 0)
		return result;
	ret->by_digest = ret->by_tag = true;
	ret->name = relocate(r, location, covered);
	return ret->name ? 0 : error_no_memory(r->err);
}

static int read_restriction(
	struct reader *r, const struct toml_value *table, struct registries_place *place)
{
	const char *from = "all";
	int result = toml_get_string(table, "pull-from-mirror", r->what, &from, r->err);

	if (result < 0)
		return result;
	if (str_eq(from, "digest-only"))
		place->by_tag = false;
	else if (str_eq(from, "tag-only"))
		place->by_digest = false;
	else if (!str_eq(from, "all") && *from)
		return error_set(r->err, HULL_ERROR_INVALID,
			"%s: line %u: pull-from-mirror must be all, digest-only or tag-only",
			r->what, toml_get(table, "pull-from-mirror")->line);
	return 0;
}

static int read_mirrors(struct reader *r, const struct toml_value *table, size_t covered,
	struct registries_rule *rule)
{
	const struct toml_value *list = toml_get(table, "mirror");
	bool digest_only = false;
	int result = toml_get_bool(table, "mirror-by-digest-only", r->what, &digest_only, r->err);

	if (result < 0 || !list)
		return result;
	rule->mirrors = arena_array(r->arena, MAX_MIRRORS, sizeof(*rule->mirrors));
	if (!rule->mirrors)
		return error_no_memory(r->err);
	for (const struct toml_value *v = list->first; v; v = v->next) {
		if (v->type != TOML_TABLE ||
			str_empty(v->type == TOML_TABLE && toml_get(v, "location")
					  ? toml_get(v, "location")->text
					  : NULL))
			return error_set(r->err, HULL_ERROR_INVALID,
				"%s: line %u: a mirror needs a location", r->what, v->line);
		if (rule->n_mirrors == MAX_MIRRORS)
			return error_set(r->err, HULL_ERROR_LIMIT,
				"%s: line %u: more than %d mirrors", r->what, v->line, MAX_MIRRORS);
		struct registries_place *place = &rule->mirrors[rule->n_mirrors++];
		result = read_place(r, v, covered, place);
		if (result == 0)
			result = read_restriction(r, v, place);
		if (result < 0)
			return result;
		if (digest_only)
			place->by_tag = false;
	}
	return 0;
}

static int read_registry(struct reader *r, const struct toml_value *table)
{
	const char *prefix = NULL;
	int result = toml_get_string(table, "prefix", r->what, &prefix, r->err);

	if (result == 0 && str_empty(prefix))
		result = toml_get_string(table, "location", r->what, &prefix, r->err);
	if (result < 0)
		return result;
	if (str_empty(prefix))
		return error_set(r->err, HULL_ERROR_INVALID,
			"%s: line %u: a registry needs a prefix or a location", r->what,
			table->line);
	size_t covered = match_prefix(prefix, r->name);
	if (covered == 0 || strlen(prefix) < r->matched)
		return 0;
	struct registries_rule rule = {.found = true};
	result = toml_get_bool(table, "blocked", r->what, &rule.blocked, r->err);
	if (result == 0)
		result = read_place(r, table, covered, &rule.itself);
	if (result == 0)
		result = read_mirrors(r, table, covered, &rule);
	if (result < 0)
		return result;
	r->matched = strlen(prefix);
	*r->rule = rule;
	return 0;
}

static int read_text(struct reader *r, const char *text, size_t len)
{
	struct toml_value *root;
	int result = toml_parse(r->arena, text, len, r->what, &root, r->err);

	if (result < 0)
		return result;
	const struct toml_value *list = toml_get(root, "registry");
	for (const struct toml_value *v = list ? list->first : NULL; v; v = v->next) {
		if (list->type != TOML_ARRAY || v->type != TOML_TABLE)
			return error_set(r->err, HULL_ERROR_INVALID,
				"%s: line %u: registry must be written [[registry]]", r->what,
				v->line);
		result = read_registry(r, v);
		if (result < 0)
			return result;
	}
	return 0;
}

int registries_conf_read(struct arena *arena, const char *text, size_t len, const char *what,
	const char *name, struct registries_rule *ret, struct hull_error *err)
{
	struct reader r = {.arena = arena, .what = what, .name = name, .rule = ret, .err = err};

	return read_text(&r, text, len);
}

/* 1: read; 0: not there. */
static int read_file(struct reader *r, const char *path)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(FILE_MAX + 1);
	int result = file_read_at(AT_FDCWD, path, &text, FILE_MAX);

	if (result == -ENOENT || result == -ENOTDIR)
		return 0;
	if (result < 0)
		return error_errno(r->err, result, "%s", path);
	r->what = path;
	result = read_text(r, buf_str(&text), text.len);
	return result < 0 ? result : 1;
}

static int is_drop_in(const struct dirent *e)
{
	return str_ends_with(e->d_name, ".conf");
}

static int read_directory(struct reader *r, const char *path)
{
	struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_drop_in, alphasort), result = 0;

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *file = str_printf("%s/%s", path, entries[i]->d_name);

		if (result >= 0 && !file)
			result = error_no_memory(r->err);
		if (result >= 0 && i < MAX_FILES)
			result = read_file(r, file);
		free(entries[i]);
	}
	free(entries);
	return result;
}

int registries_conf_find(
	struct arena *arena, const char *name, struct registries_rule *ret, struct hull_error *err)
{
	static const char system[] = "/etc/containers/registries.conf";
	struct reader r = {.arena = arena, .name = name, .rule = ret, .err = err};
	const char *one = secure_getenv("CONTAINERS_REGISTRIES_CONF");
	const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	_cleanup_free_ char *user =
		config ? str_printf("%s/containers/registries.conf", config)
		       : str_printf("%s/.config/containers/registries.conf", home ? home : "");
	_cleanup_free_ char *user_directory = user ? str_printf("%s.d", user) : NULL;
	int result;

	if (!user_directory)
		return error_no_memory(err);
	if (!str_empty(one)) {
		result = read_file(&r, one);
		return result < 0 ? result : 0;
	}
	result = config || home ? read_file(&r, user) : 0;
	if (result == 0)
		result = read_file(&r, system);
	if (result >= 0)
		result = read_directory(&r, "/etc/containers/registries.conf.d");
	if (result >= 0 && (config || home))
		result = read_directory(&r, user_directory);
	return result < 0 ? result : 0;
}
