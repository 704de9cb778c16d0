/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar is ambiguous to the eye: after a comma stands either one more parameter of the same
 * challenge or the scheme of the next one. A token followed by '=' is a parameter, anything else is
 * a scheme.
 */
#include "registry/challenge.h"

#include "base/str.h"

#include <ctype.h>
#include <strings.h>

enum { MAX_CHALLENGES = 16, MAX_PARAMETERS = 32 };

static bool is_token(char c)
{
	return c && (isalnum((unsigned char)c) || strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip_space(const char *s)
{
	return s + strspn(s, " \t");
}

static const char *skip_token(const char *s)
{
	while (is_token(*s))
		s++;
	return s;
}

/* s is at the opening quote. Returns what follows the closing one, NULL if there is none. */
static const char *take_quoted(struct arena *arena, const char *s, char **ret)
{
	char *out = arena_alloc(arena, strlen(s) + 1);
	size_t n = 0;

	if (!out)
		return NULL;
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		out[n++] = *s;
	}
	*ret = out;
	return *s == '"' ? s + 1 : NULL;
}

/* One name=value at s. Returns what follows, NULL if malformed. */
static const char *take_parameter(struct arena *arena, const char *s, struct json_pair *ret)
{
	const char *end = skip_token(s);

	ret->key = arena_strndup(arena, s, (size_t)(end - s));
	if (!ret->key)
		return NULL;
	for (char *c = ret->key; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	s = skip_space(end);
	if (*s != '=')
		return NULL;
	s = skip_space(s + 1);
	if (*s == '"')
		return take_quoted(arena, s, &ret->value);
	end = skip_token(s);
	/* Bare values are often not tokens (URLs): take all up to a comma or space. */
	end += strcspn(end, ", \t");
	ret->value = arena_strndup(arena, s, (size_t)(end - s));
	return ret->value ? end : NULL;
}

static bool at_parameter(const char *s)
{
	const char *end = skip_token(s);
	const char *next = skip_space(end);

	return end > s && *next == '=' && next[1] != '=' && next[1] != '\0';
}

/* A single token68 credential ("NTLM abc==") may stand in the place of parameters. */
static const char *skip_token68(const char *s)
{
	const char *end = s;

	while (isalnum((unsigned char)*end) || (*end && strchr("-._~+/", *end)))
		end++;
	end += strspn(end, "=");
	const char *next = skip_space(end);
	return end > s && (*next == ',' || *next == '\0') ? end : s;
}

static int take_parameters(struct arena *arena, const char **s, struct auth_challenge *c)
{
	while (at_parameter(*s)) {
		if (c->n_parameters == MAX_PARAMETERS)
			return -E2BIG;
		*s = take_parameter(arena, *s, &c->parameters[c->n_parameters]);
		if (!*s)
			return -EINVAL;
		c->n_parameters++;
		*s = skip_space(*s);
		if (**s != ',')
			break;
		const char *next = skip_space(*s + strspn(*s, ", \t"));
		if (!at_parameter(next))
			break;
		*s = next;
	}
	return 0;
}

static int append(
	struct auth_challenge **v, size_t *n, struct arena *arena, struct auth_challenge **ret)
{
	if (*n == MAX_CHALLENGES)
		return -E2BIG;
	if (!*v)
		*v = arena_array(arena, MAX_CHALLENGES, sizeof(**v));
	if (!*v)
		return -ENOMEM;
	*ret = &(*v)[*n];
	(*ret)->parameters = arena_array(arena, MAX_PARAMETERS, sizeof(struct json_pair));
	return (*ret)->parameters ? 0 : -ENOMEM;
}

int auth_challenge_parse(
	struct arena *arena, const char *s, struct auth_challenge **challenges, size_t *n)
{
	for (;;) {
		struct auth_challenge *c;

		s += strspn(s, ", \t");
		if (!*s)
			return 0;
		const char *end = skip_token(s);
		if (end == s)
			return -EINVAL;
		int r = append(challenges, n, arena, &c);
		if (r < 0)
			return r;
		c->scheme = arena_strndup(arena, s, (size_t)(end - s));
		if (!c->scheme)
			return -ENOMEM;
		s = skip_space(end);
		(*n)++;
		r = take_parameters(arena, &s, c);
		if (r < 0)
			return r;
		if (c->n_parameters == 0)
			s = skip_token68(s);
		s = skip_space(s);
		if (*s && *s != ',')
			return -EINVAL;
	}
}

const struct auth_challenge *auth_challenge_find(
	const struct auth_challenge *challenges, size_t n, const char *scheme)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(challenges[i].scheme, scheme) == 0)
			return &challenges[i];
	return NULL;
}

const char *auth_challenge_get(const struct auth_challenge *challenge, const char *name)
{
	for (size_t i = 0; i < challenge->n_parameters; i++)
		if (str_eq(challenge->parameters[i].key, name))
			return challenge->parameters[i].value;
	return NULL;
}
