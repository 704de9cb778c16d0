/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dockerfile instructions that change an image's config: what import and commit take with -c. Each
 * instruction has one row and one function; words, quotes and JSON arrays are read as in a
 * Dockerfile.
 */
#include "image/image.h"

#include "base/str.h"
#include "json/value.h"

#include <strings.h>

#define SHELL_DEFAULT "/bin/sh"
#define SPACE	      " \t\r\n\v\f"
#define PORTS_MAX     4096

struct change {
	struct arena *arena;
	struct oci_image_config *config;
	const char *name; /* "ENV" */
	const char *rest; /* what follows, without spaces around */
};

static int invalid(const struct change *c, const char *why, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_INVALID, "%s %s: %s", c->name, c->rest, why);
}

/* 1 and the elements if text is a JSON array of strings, else 0. */
static int json_words(struct arena *arena, const char *text, char ***ret)
{
	struct json_value value;

	if (*text != '[' ||
		json_value_parse(arena, &value, text, strlen(text), NULL, "", NULL) < 0 ||
		value.type != JSON_TYPE_ARRAY)
		return 0;
	*ret = arena_strv_new(arena, value.count);
	if (!*ret)
		return -ENOMEM;
	for (size_t i = 0; i < value.count; i++) {
		const char *s = json_value_string(&value.items[i]);
		if (!s)
			return 0;
		(*ret)[i] = (char *)s;
	}
	return 1;
}

/* The next word of *s: quotes of both kinds group, a backslash takes the next character as it is. */
static char *next_word(struct arena *arena, const char **s)
{
	const char *p = *s + strspn(*s, SPACE);
	char *out = arena_alloc(arena, strlen(p) + 1);
	char quote = 0;
	size_t n = 0;

	for (; out && *p && (quote || !strchr(SPACE, *p)); p++) {
		if (quote ? *p == quote : (*p == '"' || *p == '\''))
			quote = quote ? 0 : *p;
		else if (*p == '\\' && p[1] && quote != '\'')
			out[n++] = *++p;
		else
			out[n++] = *p;
	}
	*s = p + strspn(p, SPACE);
	return out;
}

static int plain_words(struct arena *arena, const char *text, char ***ret)
{
	while (*text) {
		char *word = next_word(arena, &text);
		if (!word || arena_strv_append(arena, ret, word) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* A JSON array, or words. */
static int words(const struct change *c, char ***ret, struct hull_error *err)
{
	int r = json_words(c->arena, c->rest, ret);

	*ret = r > 0 ? *ret : NULL;
	if (r == 0)
		r = plain_words(c->arena, c->rest, ret);
	if (r < 0)
		return error_no_memory(err);
	return *ret && **ret ? 0 : invalid(c, "needs an argument", err);
}

/* A JSON array as it is, anything else as a command line for the shell. */
static int command(const struct change *c, const char *text, char ***ret, struct hull_error *err)
{
	char *const fallback[] = {(char *)SHELL_DEFAULT, (char *)"-c", NULL};
	char *const *shell = c->config->shell ? c->config->shell : fallback;
	int r = json_words(c->arena, text, ret);

	if (r > 0)
		return 0;
	*ret = NULL;
	strv_foreach (word, shell)
		if (r == 0)
			r = arena_strv_append(c->arena, ret, *word);
	if (r == 0)
		r = arena_strv_append(c->arena, ret, text);
	return r < 0 ? error_no_memory(err) : 0;
}

static int change_cmd(const struct change *c, struct hull_error *err)
{
	return command(c, c->rest, &c->config->cmd, err);
}

static int change_entrypoint(const struct change *c, struct hull_error *err)
{
	return command(c, c->rest, &c->config->entrypoint, err);
}

/* Replaces the value of the same name in place. */
static int set_env(const struct change *c, char *assignment, struct hull_error *err)
{
	size_t n = (size_t)(strchr(assignment, '=') - assignment) + 1;

	for (char **s = c->config->env; s && *s; s++) {
		if (strncmp(*s, assignment, n) == 0) {
			*s = assignment;
			return 0;
		}
	}
	return arena_strv_append(c->arena, &c->config->env, assignment) < 0 ? error_no_memory(err)
									    : 0;
}

static int set_label(const struct change *c, char *assignment, struct hull_error *err)
{
	struct oci_image_config *config = c->config;
	char *value = strchr(assignment, '=');

	*value++ = '\0';
	for (size_t i = 0; i < config->n_labels; i++) {
		if (str_eq(config->labels[i].key, assignment)) {
			config->labels[i].value = value;
			return 0;
		}
	}
	struct json_pair *v = arena_array(c->arena, config->n_labels + 1, sizeof(*v));
	if (!v)
		return error_no_memory(err);
	if (config->n_labels)
		memcpy(v, config->labels, config->n_labels * sizeof(*v));
	v[config->n_labels++] = (struct json_pair){assignment, value};
	config->labels = v;
	return 0;
}

/* "A=1 B=2", or the old form "A the rest". */
static int assignments(const struct change *c,
	int (*set)(const struct change *c, char *assignment, struct hull_error *err),
	struct hull_error *err)
{
	const char *rest = c->rest;
	char *first = next_word(c->arena, &rest);

	if (!first)
		return error_no_memory(err);
	if (!strchr(first, '=')) {
		if (!*rest)
			return invalid(c, "needs NAME=VALUE", err);
		first = arena_printf(c->arena, "%s=%s", first, rest);
		return first ? set(c, first, err) : error_no_memory(err);
	}
	for (char *word = first;; word = next_word(c->arena, &rest)) {
		if (!word)
			return error_no_memory(err);
		if (!strchr(word, '=') || *word == '=')
			return invalid(c, "needs NAME=VALUE", err);
		int r = set(c, word, err);
		if (r < 0 || !*rest)
			return r;
	}
}

static int change_env(const struct change *c, struct hull_error *err)
{
	return assignments(c, set_env, err);
}

static int change_label(const struct change *c, struct hull_error *err)
{
	return assignments(c, set_label, err);
}

/* Digits at *s as a port number, 0 if there are none or it is none. */
static unsigned int take_port(const char **s)
{
	unsigned int port = 0;

	while (**s >= '0' && **s <= '9' && port <= 65535)
		port = port * 10 + (unsigned int)(*(*s)++ - '0');
	return port <= 65535 ? port : 0;
}

static int expose_one(const struct change *c, const char *word, struct hull_error *err)
{
	const char *protocol = word;
	unsigned int first = take_port(&protocol), last = first;

	if (*protocol == '-') {
		protocol++;
		last = take_port(&protocol);
	}
	bool known = !*protocol || str_eq(protocol, "/tcp") || str_eq(protocol, "/udp") ||
		     str_eq(protocol, "/sctp");
	if (!known || first == 0 || last < first)
		return invalid(c, "needs PORT[-PORT][/tcp|/udp|/sctp]", err);
	if (strv_length(c->config->exposed_ports) + last - first >= PORTS_MAX)
		return invalid(c, "more than 4096 ports", err);
	for (unsigned int port = first; port <= last; port++) {
		char text[32];

		snprintf(text, sizeof(text), "%u%s", port, *protocol ? protocol : "/tcp");
		if (!strv_contains(c->config->exposed_ports, text) &&
			arena_strv_append(c->arena, &c->config->exposed_ports, text) < 0)
			return error_no_memory(err);
	}
	return 0;
}

static int change_expose(const struct change *c, struct hull_error *err)
{
	char **ports = NULL;
	int r = words(c, &ports, err);

	strv_foreach (port, ports)
		if (r == 0)
			r = expose_one(c, *port, err);
	return r;
}

static int change_volume(const struct change *c, struct hull_error *err)
{
	char **volumes = NULL;
	int r = words(c, &volumes, err);

	strv_foreach (volume, r == 0 ? volumes : NULL) {
		if (strv_contains(c->config->volumes, *volume))
			continue;
		if (arena_strv_append(c->arena, &c->config->volumes, *volume) < 0)
			return error_no_memory(err);
	}
	return r;
}

/* Instructions whose argument is one text. */
static int set_text(const struct change *c, char **field, struct hull_error *err)
{
	const char *rest = c->rest;

	*field = next_word(c->arena, &rest);
	if (!*field)
		return error_no_memory(err);
	return *rest ? invalid(c, "takes one argument", err) : 0;
}

static int change_user(const struct change *c, struct hull_error *err)
{
	return set_text(c, &c->config->user, err);
}

static int change_stop_signal(const struct change *c, struct hull_error *err)
{
	return set_text(c, &c->config->stop_signal, err);
}

/* A relative directory continues the one before. */
static int change_working_dir(const struct change *c, struct hull_error *err)
{
	char *before = c->config->working_dir;
	int r = set_text(c, &c->config->working_dir, err);

	if (r < 0 || c->config->working_dir[0] == '/')
		return r;
	c->config->working_dir = arena_printf(c->arena, "%s%s%s", before ? before : "",
		str_ends_with(before ? before : "", "/") ? "" : "/", c->config->working_dir);
	return c->config->working_dir ? 0 : error_no_memory(err);
}

static int change_on_build(const struct change *c, struct hull_error *err)
{
	return arena_strv_append(c->arena, &c->config->on_build, c->rest) < 0 ? error_no_memory(err)
									      : 0;
}

static int change_shell(const struct change *c, struct hull_error *err)
{
	if (json_words(c->arena, c->rest, &c->config->shell) <= 0)
		return invalid(c, "needs a JSON array", err);
	return 0;
}

/* --interval=30s and its like; 1 if the word was one. */
static int healthcheck_option(
	const struct change *c, const char *word, struct oci_healthcheck *h, struct hull_error *err)
{
	const struct {
		const char *name;
		int64_t *value;
	} durations[] = {
		{"--interval=", &h->interval},
		{"--timeout=", &h->timeout},
		{"--start-period=", &h->start_period},
		{"--start-interval=", &h->start_interval},
	};
	const char *value = str_after(word, "--retries=");

	if (value)
		return str_to_i64(value, &h->retries) < 0 || h->retries < 0
			       ? invalid(c, "--retries needs a number", err)
			       : 1;
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		value = str_after(word, durations[i].name);
		if (value)
			return str_to_duration(value, durations[i].value) < 0
				       ? invalid(c, "malformed duration", err)
				       : 1;
	}
	return invalid(c, "unknown option", err);
}

static int healthcheck_test(
	const struct change *c, const char *text, struct oci_healthcheck *h, struct hull_error *err)
{
	char **argv = NULL;
	int r = json_words(c->arena, text, &argv);

	if (r < 0)
		return error_no_memory(err);
	if (!*text)
		return invalid(c, "needs a command", err);
	r = arena_strv_append(c->arena, &h->test, r > 0 ? "CMD" : "CMD-SHELL");
	if (!argv && r == 0)
		r = arena_strv_append(c->arena, &h->test, text);
	strv_foreach (word, argv)
		if (r == 0)
			r = arena_strv_append(c->arena, &h->test, *word);
	return r < 0 ? error_no_memory(err) : 0;
}

static int change_healthcheck(const struct change *c, struct hull_error *err)
{
	struct oci_healthcheck *h = arena_new(c->arena, struct oci_healthcheck);
	const char *rest = c->rest;
	int r = 0;

	if (!h)
		return error_no_memory(err);
	while (str_after(rest, "--")) {
		char *word = next_word(c->arena, &rest);
		r = word ? healthcheck_option(c, word, h, err) : error_no_memory(err);
		if (r < 0)
			return r;
	}
	char *kind = next_word(c->arena, &rest);
	if (!kind)
		return error_no_memory(err);
	if (strcasecmp(kind, "NONE") == 0 && !*rest)
		r = arena_strv_append(c->arena, &h->test, "NONE") < 0 ? error_no_memory(err) : 0;
	else if (strcasecmp(kind, "CMD") == 0)
		r = healthcheck_test(c, rest, h, err);
	else
		return invalid(c, "needs CMD or NONE", err);
	c->config->healthcheck = h;
	return r;
}

static const struct {
	const char *name;
	int (*apply)(const struct change *c, struct hull_error *err);
} instructions[] = {
	{"CMD", change_cmd},
	{"ENTRYPOINT", change_entrypoint},
	{"ENV", change_env},
	{"EXPOSE", change_expose},
	{"HEALTHCHECK", change_healthcheck},
	{"LABEL", change_label},
	{"ONBUILD", change_on_build},
	{"SHELL", change_shell},
	{"STOPSIGNAL", change_stop_signal},
	{"USER", change_user},
	{"VOLUME", change_volume},
	{"WORKDIR", change_working_dir},
};

int image_config_change(struct arena *arena, struct oci_image_config *config,
	const char *instruction, struct hull_error *err)
{
	const char *name = instruction + strspn(instruction, SPACE);
	size_t n = strcspn(name, SPACE "=");
	const char *rest = name + n + strspn(name + n, SPACE "=");
	size_t len = strlen(rest);

	while (len > 0 && strchr(SPACE, rest[len - 1]))
		len--;
	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
		if (strlen(instructions[i].name) != n ||
			strncasecmp(name, instructions[i].name, n) != 0)
			continue;
		struct change c = {
			arena, config, instructions[i].name, arena_strndup(arena, rest, len)};
		if (!c.rest)
			return error_no_memory(err);
		if (!*c.rest)
			return invalid(&c, "needs an argument", err);
		return instructions[i].apply(&c, err);
	}
	return error_set(
		err, HULL_ERROR_INVALID, "%.*s is not a valid change command", (int)n, name);
}
