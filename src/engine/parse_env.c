/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that are names with texts: environment, labels, sysctls, hosts. Files of them are read
 * line by line, every line as if it had been typed after the option.
 */
#include "base/fd.h"
#include "base/str.h"
#include "base/utf8.h"
#include "engine/parse.h"

#include <arpa/inet.h>
#include <ctype.h>

#define FILE_MAX      ((size_t)1 << 20)
#define NODE_NAME_MAX 64 /* __NEW_UTS_LEN of the kernel */

/* A name alone takes the value it has in the environment; without one it is left out. */
static int env_put_inherited(
	struct arena *arena, char ***env, const char *name, char *const *environment)
{
	const char *value = env_get(environment, name);

	if (!value)
		return 0;
	char *assignment = arena_printf(arena, "%s=%s", name, value);
	return assignment ? arena_strv_append(arena, env, assignment) : -ENOMEM;
}

int env_option_parse(struct arena *arena, const char *text, char *const *environment, char ***env,
	struct hull_error *err)
{
	if (!*text || *text == '=')
		return error_set(
			err, HULL_ERROR_INVALID, "--env: invalid environment variable: %s", text);
	int r = strchr(text, '=') ? arena_strv_append(arena, env, text)
				  : env_put_inherited(arena, env, text, environment);
	return r < 0 ? error_no_memory(err) : 0;
}

/* One line of a file of names and values. */
struct line {
	const char *path;
	unsigned int number;
	char *name;
	char *value; /* NULL = a name alone */
};

typedef int line_fn(
	struct arena *arena, const struct line *line, void *data, struct hull_error *err);

static int check_line(
	const char *path, unsigned int number, const char *text, size_t len, struct hull_error *err)
{
	const char *end = text + len;

	for (const char *p = text; p < end;) {
		size_t n = utf8_length(p, end);
		if (n == 0 || *p == '\0')
			return error_set(err, HULL_ERROR_INVALID, "%s: invalid %s at line %u", path,
				n ? "NUL byte" : "utf8 bytes", number);
		p += n;
	}
	return 0;
}

static int parse_line(struct arena *arena, struct line *line, const char *text, size_t len,
	line_fn *fn, void *data, struct hull_error *err)
{
	int r = check_line(line->path, line->number, text, len, err);

	if (r < 0)
		return r;
	while (len > 0 && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	if (len == 0 || *text == '#')
		return 0;
	line->name = arena_strndup(arena, text, len);
	if (!line->name)
		return error_no_memory(err);
	line->value = strchr(line->name, '=');
	if (line->value)
		*line->value++ = '\0';
	if (!*line->name)
		return error_set(err, HULL_ERROR_INVALID,
			"%s: no variable name on line %u '=%.100s'", line->path, line->number,
			line->value);
	if (line->name[strcspn(line->name, " \t\v\f\r")])
		return error_set(err, HULL_ERROR_INVALID,
			"%s: variable '%.100s' contains whitespaces on line %u", line->path,
			line->name, line->number);
	return fn(arena, line, data, err);
}

static int parse_lines(struct arena *arena, const char *text, size_t len, const char *path,
	line_fn *fn, void *data, struct hull_error *err)
{
	struct line line = {.path = path};
	const char *end = text + len;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = newline ? (size_t)(newline - text) : (size_t)(end - text);
		size_t used = n + (newline != NULL);
		line.number++;
		if (n > 0 && text[n - 1] == '\r')
			n--;
		int r = parse_line(arena, &line, text, n, fn, data, err);
		if (r < 0)
			return r;
		text += used;
	}
	return 0;
}

static int load_lines(struct arena *arena, const char *option, const char *path, line_fn *fn,
	void *data, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	int r = file_read_at(AT_FDCWD, path, &text, FILE_MAX);
	if (r == -E2BIG)
		return error_set(err, HULL_ERROR_INVALID, "%s %s: larger than %zu bytes", option,
			path, FILE_MAX);
	if (r < 0)
		return error_errno_kind(err, HULL_ERROR_INVALID, r, "%s %s", option, path);
	r = parse_lines(arena, buf_str(&text), text.len, path, fn, data, err);
	return r < 0 ? error_wrap(err, r, "%s", option) : 0;
}

struct env_target {
	char *const *environment;
	char ***env;
};

static int env_line(
	struct arena *arena, const struct line *line, void *data, struct hull_error *err)
{
	const struct env_target *target = data;
	int r;

	if (line->value) {
		/* The name is the line with its "=" cut: put it back. */
		line->value[-1] = '=';
		r = arena_strv_append(arena, target->env, line->name);
	} else {
		r = env_put_inherited(arena, target->env, line->name, target->environment);
	}
	return r < 0 ? error_no_memory(err) : 0;
}

int env_file_parse(struct arena *arena, const char *text, size_t len, const char *path,
	char *const *environment, char ***env, struct hull_error *err)
{
	struct env_target target = {environment, env};

	return parse_lines(arena, text, len, path, env_line, &target, err);
}

int env_file_load(struct arena *arena, const char *path, char *const *environment, char ***env,
	struct hull_error *err)
{
	struct env_target target = {environment, env};

	return load_lines(arena, "--env-file", path, env_line, &target, err);
}

static int pair_add(struct arena *arena, struct pair_list *list, const char *key, size_t key_len,
	const char *value)
{
	char *key_copy = arena_strndup(arena, key, key_len);
	char *value_copy = arena_strdup(arena, value);
	size_t n = list->count;

	if (!key_copy || !value_copy)
		return -ENOMEM;
	if ((n & (n - 1)) == 0) { /* full at 0, 1, 2, 4, 8, ... */
		struct json_pair *more = arena_array(arena, n ? 2 * n : 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		if (n)
			memcpy(more, list->items, n * sizeof(*more));
		list->items = more;
	}
	list->items[list->count++] = (struct json_pair){key_copy, value_copy};
	return 0;
}

int pair_list_settle(struct pair_list *list, struct hull_error *err)
{
	return json_pairs_settle(list->items, &list->count) < 0 ? error_no_memory(err) : 0;
}

int label_parse(
	struct arena *arena, const char *text, struct pair_list *labels, struct hull_error *err)
{
	size_t n = strcspn(text, "=");

	if (n == 0)
		return error_set(
			err, HULL_ERROR_INVALID, "--label: invalid label '%s': empty name", text);
	const char *value = text[n] ? text + n + 1 : "";
	return pair_add(arena, labels, text, n, value) < 0 ? error_no_memory(err) : 0;
}

static int label_line(
	struct arena *arena, const struct line *line, void *data, struct hull_error *err)
{
	int r = pair_add(
		arena, data, line->name, strlen(line->name), line->value ? line->value : "");

	return r < 0 ? error_no_memory(err) : 0;
}

int label_file_load(
	struct arena *arena, const char *path, struct pair_list *labels, struct hull_error *err)
{
	return load_lines(arena, "--label-file", path, label_line, labels, err);
}

/* What belongs to a namespace of the container: the IPC and the network one. */
static bool sysctl_is_allowed(const char *name, size_t n)
{
	static const char *const names[] = {"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni",
		"kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
		"kernel.shm_rmid_forced"};
	static const char *const prefixes[] = {"net.", "fs.mqueue."};

	if (memmem(name, n, "..", 2) || memchr(name, '/', n))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strlen(names[i]) == n && memcmp(name, names[i], n) == 0)
			return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t prefix = strlen(prefixes[i]);
		if (n > prefix && memcmp(name, prefixes[i], prefix) == 0)
			return true;
	}
	return false;
}

int sysctl_parse(
	struct arena *arena, const char *text, struct pair_list *sysctls, struct hull_error *err)
{
	size_t n = strcspn(text, "=");

	if (!text[n])
		return error_set(err, HULL_ERROR_INVALID,
			"--sysctl %s: must be of the form NAME=VALUE", text);
	if (!sysctl_is_allowed(text, n))
		return error_set(err, HULL_ERROR_INVALID,
			"sysctl '%s' is not allowed: it is not namespaced", text);
	return pair_add(arena, sysctls, text, n, text + n + 1) < 0 ? error_no_memory(err) : 0;
}

static bool is_address(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* A word that can stand in hosts and resolv.conf. */
static bool is_word(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f || text[i] == '#')
			return false;
	}
	return n > 0;
}

int host_name_check(const char *option, const char *text, struct hull_error *err)
{
	if (str_empty(text))
		return 0;
	if (strlen(text) > NODE_NAME_MAX)
		return error_set(err, HULL_ERROR_INVALID, "invalid %s \"%s\": longer than %d bytes",
			option, text, NODE_NAME_MAX);
	if (!is_word(text, strlen(text)))
		return error_set(err, HULL_ERROR_INVALID,
			"invalid %s \"%s\": blanks, control characters and # cannot be in it",
			option, text);
	return 0;
}

int extra_host_parse(struct arena *arena, const char *text, char **ret, struct hull_error *err)
{
	size_t n = strcspn(text, "=");

	if (!text[n])
		n = strcspn(text, ":");
	if (!text[n] || !is_word(text, n))
		return error_set(err, HULL_ERROR_INVALID, "bad format for add-host: \"%s\"", text);
	const char *address = text + n + 1;
	size_t len = strlen(address);
	if (len > 2 && address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	char *host = arena_printf(arena, "%.*s:%.*s", (int)n, text, (int)len, address);
	if (!host)
		return error_no_memory(err);
	if (!str_eq(host + n + 1, "host-gateway") && !is_address(host + n + 1))
		return error_set(err, HULL_ERROR_INVALID, "invalid IP address in add-host: \"%s\"",
			text + n + 1);
	*ret = host;
	return 0;
}

int dns_check(const char *text, struct hull_error *err)
{
	if (is_address(text))
		return 0;
	return error_set(
		err, HULL_ERROR_INVALID, "--dns: IP address is not correctly formatted: %s", text);
}

int dns_word_check(const char *option, const char *text, struct hull_error *err)
{
	if (is_word(text, strlen(text)))
		return 0;
	return error_set(err, HULL_ERROR_INVALID, "%s: \"%s\" is not a valid value", option, text);
}
