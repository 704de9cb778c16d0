/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/reference.h"

#include "base/str.h"

#include <arpa/inet.h>

#define PATH_MAX_LENGTH 255
#define TAG_MAX_LENGTH	128

void reference_done(struct reference *ref)
{
	free(ref->domain);
	free(ref->path);
	free(ref->tag);
	*ref = (struct reference)REFERENCE_INIT;
}

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* [a-z0-9]+ ((\. | _ | __ | -+) [a-z0-9]+)*; returns the end, NULL if s does not start so. */
static const char *skip_path_component(const char *s)
{
	for (;;) {
		if (!is_lower_alnum(*s))
			return NULL;
		while (is_lower_alnum(*s))
			s++;
		const char *next = s;
		if (*next == '.')
			next++;
		else if (*next == '_')
			next += next[1] == '_' ? 2 : 1;
		else
			next += strspn(next, "-");
		if (next == s || !is_lower_alnum(*next))
			return s;
		s = next;
	}
}

static bool is_path(const char *s)
{
	for (;;) {
		s = skip_path_component(s);
		if (!s || !*s)
			return s != NULL;
		if (*s++ != '/')
			return false;
	}
}

bool reference_tag_is_valid(const char *tag)
{
	size_t n = strlen(tag);

	if (n == 0 || n > TAG_MAX_LENGTH || !(is_alnum(*tag) || *tag == '_'))
		return false;
	for (; *tag; tag++)
		if (!is_alnum(*tag) && !strchr("_.-", *tag))
			return false;
	return true;
}

/* Labels of letters, digits and inner dashes, joined by dots. */
static const char *skip_host_name(const char *s)
{
	for (;;) {
		if (!is_alnum(*s))
			return NULL;
		while (is_alnum(*s) || *s == '-')
			s++;
		if (s[-1] == '-')
			return NULL;
		if (*s != '.')
			return s;
		s++;
	}
}

static const char *skip_ipv6(const char *s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	size_t n = strcspn(s + 1, "]");

	if (n >= sizeof(text) || s[1 + n] != ']')
		return NULL;
	memcpy(text, s + 1, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1 ? s + n + 2 : NULL;
}

static bool is_domain(const char *s)
{
	s = *s == '[' ? skip_ipv6(s) : skip_host_name(s);
	if (!s || !*s)
		return s != NULL;
	size_t n = strspn(s + 1, "0123456789");
	return *s == ':' && n > 0 && n <= 5 && !s[1 + n];
}

static bool looks_like_domain(const char *s, size_t n)
{
	if (n == strlen("localhost") && strncmp(s, "localhost", n) == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '.' || s[i] == ':' || (s[i] >= 'A' && s[i] <= 'Z'))
			return true;
	return false;
}

static bool is_hex_id(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static int invalid(struct hull_error *err, const char *text)
{
	return error_set(err, HULL_ERROR_INVALID, "invalid reference format: \"%.300s\"", text);
}

/* Takes "@DIGEST" and ":TAG" off the end of rest. */
static int cut_suffixes(const char *text, char *rest, struct reference *ref, struct hull_error *err)
{
	char *at = strchr(rest, '@');

	if (at) {
		if (digest_parse(at + 1, &ref->digest, NULL) < 0)
			return digest_parse(at + 1, &ref->digest, err);
		ref->has_digest = true;
		*at = '\0';
	}
	char *slash = strrchr(rest, '/');
	char *colon = strrchr(slash ? slash : rest, ':');
	if (!colon)
		return 0;
	if (!reference_tag_is_valid(colon + 1))
		return invalid(err, text);
	ref->tag = strdup(colon + 1);
	if (!ref->tag)
		return error_no_memory(err);
	*colon = '\0';
	return 0;
}

/* Splits what is left into domain and path, with Docker's defaults. */
static int set_domain_and_path(char *rest, struct reference *ref)
{
	char *slash = strchr(rest, '/');

	if (slash && looks_like_domain(rest, (size_t)(slash - rest))) {
		*slash = '\0';
		ref->domain = strdup(str_eq(rest, "index.docker.io") ? "docker.io" : rest);
		rest = slash + 1;
	} else {
		ref->domain = strdup("docker.io");
	}
	if (ref->domain && str_eq(ref->domain, "docker.io") && !strchr(rest, '/'))
		ref->path = str_printf("library/%s", rest);
	else
		ref->path = strdup(rest);
	return ref->domain && ref->path ? 0 : -ENOMEM;
}

static int check(const char *text, const struct reference *ref, struct hull_error *err)
{
	if (!is_domain(ref->domain))
		return invalid(err, text);
	if (!is_path(ref->path)) {
		for (const char *s = ref->path; *s; s++)
			if (*s >= 'A' && *s <= 'Z')
				return error_set(err, HULL_ERROR_INVALID,
					"invalid reference format: repository name (%.300s) must be lowercase",
					reference_familiar(ref->path));
		return invalid(err, text);
	}
	if (strlen(ref->path) > PATH_MAX_LENGTH)
		return error_set(err, HULL_ERROR_INVALID,
			"invalid reference format: repository name must not be longer than %d characters",
			PATH_MAX_LENGTH);
	return 0;
}

int reference_parse(const char *text, struct reference *ret, struct hull_error *err)
{
	_cleanup_reference_ struct reference ref = REFERENCE_INIT;

	if (is_hex_id(text))
		return error_set(err, HULL_ERROR_INVALID,
			"invalid repository name (%s), cannot specify 64-byte hexadecimal strings",
			text);
	if (str_empty(text) || strlen(text) > 1024)
		return invalid(err, text);
	_cleanup_free_ char *rest = strdup(text);
	if (!rest)
		return error_no_memory(err);
	int r = cut_suffixes(text, rest, &ref, err);
	if (r < 0)
		return r;
	if (set_domain_and_path(rest, &ref) < 0)
		return error_no_memory(err);
	r = check(text, &ref, err);
	if (r < 0)
		return r;
	*ret = ref;
	ref = (struct reference)REFERENCE_INIT;
	return 0;
}

int reference_set_default_tag(struct reference *ref)
{
	if (ref->tag || ref->has_digest)
		return 0;
	ref->tag = strdup("latest");
	return ref->tag ? 0 : -ENOMEM;
}

char *reference_name(const struct reference *ref)
{
	return str_printf("%s/%s", ref->domain, ref->path);
}

static char *format(const struct reference *ref, bool tag, bool digest)
{
	char text[DIGEST_TEXT_SIZE];

	return str_printf("%s/%s%s%s%s%s", ref->domain, ref->path, tag ? ":" : "",
		tag ? ref->tag : "", digest ? "@" : "",
		digest ? digest_format(&ref->digest, text) : "");
}

char *reference_format(const struct reference *ref)
{
	return format(ref, ref->tag != NULL, ref->has_digest);
}

char *reference_tagged(const struct reference *ref)
{
	return ref->tag ? format(ref, true, false) : NULL;
}

char *reference_digested(const struct reference *ref)
{
	return ref->has_digest ? format(ref, false, true) : NULL;
}

const char *reference_familiar(const char *canonical)
{
	const char *rest = str_after(canonical, "docker.io/");

	if (!rest)
		return canonical;
	/* "docker.io/quay.io/x" must not become "quay.io/x", which is on another host. */
	const char *slash = strchr(rest, '/');
	if (slash && looks_like_domain(rest, (size_t)(slash - rest)))
		return canonical;
	const char *name = str_after(rest, "library/");
	/* "library/a/b" must not become "a/b", another repository, nor 64 hex digits an id. */
	return name && !strchr(name, '/') && !is_hex_id(name) ? name : rest;
}

const char *reference_api_host(const struct reference *ref)
{
	return str_eq(ref->domain, "docker.io") ? "registry-1.docker.io" : ref->domain;
}
