/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -v, --tmpfs and --mount. All three end as a mount_request; mount_request_format() writes it as
 * the text of -v or --tmpfs, which is the only form that is kept, so a container's configuration
 * stays readable and there is one reader of it.
 */
#include "base/path.h"
#include "base/str.h"
#include "engine/parse.h"

#include <ctype.h>
#include <strings.h>

/* The text an error is about. */
struct source_text {
	const char *option; /* "--volume" */
	const char *text;
};

#define bad(err, at, format, ...)                                                      \
	error_set(err, HULL_ERROR_INVALID, "%s %s: " format, (at)->option, (at)->text, \
		##__VA_ARGS__)

/* Options that exclude each other are of one class; a class may be given once. */
enum bind_class {
	CLASS_ACCESS,
	CLASS_LABEL,
	CLASS_PROPAGATION,
	CLASS_COPY,
	CLASS_CONSISTENCY,
	CLASS_RECURSION,
	CLASS_BELOW,
	CLASS_CREATE,
};

struct bind_option {
	const char *name;
	enum bind_class class;
};

static const struct bind_option bind_options[] = {
	{"ro", CLASS_ACCESS},
	{"rw", CLASS_ACCESS},
	{"z", CLASS_LABEL}, /* SELinux labels: accepted, without effect */
	{"Z", CLASS_LABEL},
	{"private", CLASS_PROPAGATION},
	{"rprivate", CLASS_PROPAGATION},
	{"shared", CLASS_PROPAGATION},
	{"rshared", CLASS_PROPAGATION},
	{"slave", CLASS_PROPAGATION},
	{"rslave", CLASS_PROPAGATION},
	{"nocopy", CLASS_COPY}, /* of named volumes: without effect */
	{"consistent", CLASS_CONSISTENCY},
	{"cached", CLASS_CONSISTENCY},
	{"delegated", CLASS_CONSISTENCY},
	{"bind", CLASS_RECURSION},
	{"rbind", CLASS_RECURSION},
	{"below-rw", CLASS_BELOW},
	{"nocreate", CLASS_CREATE},
};

/* What the options of a bind say before they are written as OCI options. */
struct bind_settings {
	bool read_only;
	bool flat;	     /* not the mounts below the source */
	bool below_writable; /* read_only is for the source itself, not for the mounts below it */
	bool create;
	const char *propagation;
};

static const struct bind_option *find_bind_option(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(bind_options); i++) {
		const struct bind_option *o = &bind_options[i];
		if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
			return o;
	}
	return NULL;
}

static void apply_bind_option(struct bind_settings *s, const struct bind_option *o)
{
	switch (o->class) {
	case CLASS_ACCESS:
		s->read_only = str_eq(o->name, "ro");
		break;
	case CLASS_PROPAGATION:
		s->propagation = o->name;
		break;
	case CLASS_RECURSION:
		s->flat = str_eq(o->name, "bind");
		break;
	case CLASS_BELOW:
		s->below_writable = true;
		break;
	case CLASS_CREATE:
		s->create = false;
		break;
	case CLASS_LABEL:
	case CLASS_COPY:
	case CLASS_CONSISTENCY:
		break;
	}
}

static int parse_bind_options(const struct source_text *at, const char *list,
	struct bind_settings *s, struct hull_error *err)
{
	unsigned int seen = 0;

	for (;;) {
		size_t n = strcspn(list, ",");
		const struct bind_option *o = find_bind_option(list, n);
		if (!o)
			return bad(err, at, "invalid mode: %.*s", (int)n, list);
		if (seen & (1U << o->class))
			return bad(err, at, "option %s contradicts or repeats another", o->name);
		seen |= 1U << o->class;
		apply_bind_option(s, o);
		if (!list[n])
			return 0;
		list += n + 1;
	}
}

static int set_destination(struct arena *arena, const struct source_text *at, const char *text,
	struct mount_request *r, struct hull_error *err)
{
	if (*text != '/')
		return bad(err, at, "invalid mount path: '%s' mount path must be absolute", text);
	_cleanup_free_ char *clean = path_clean(text);
	if (!clean)
		return error_no_memory(err);
	if (str_eq(clean, "/"))
		return bad(err, at, "invalid specification: destination can't be '/'");
	r->destination = arena_strdup(arena, clean);
	return r->destination ? 0 : error_no_memory(err);
}

static bool is_volume_name(const char *text)
{
	if (!isalnum((unsigned char)text[0]))
		return false;
	for (const char *p = text; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			return false;
	}
	return true;
}

static int no_volumes(struct hull_error *err, const struct source_text *at, const char *name)
{
	if (!is_volume_name(name))
		return bad(err, at, "%s is neither an absolute path nor a valid name of a volume",
			name);
	return error_set(err, HULL_ERROR_UNSUPPORTED,
		"%s %s: named volumes are not supported yet (use a path instead of the name %s)",
		at->option, at->text, name);
}

static int set_source(struct arena *arena, const struct source_text *at, const char *text,
	const char *cwd, struct mount_request *r, struct hull_error *err)
{
	_cleanup_free_ char *here = NULL;
	_cleanup_free_ char *joined = NULL;

	if (*text == '.') {
		if (!cwd) {
			here = getcwd(NULL, 0);
			if (!here)
				return error_errno(err, errno, "%s %s: current directory",
					at->option, at->text);
			cwd = here;
		}
		joined = path_join(cwd, text);
		if (!joined)
			return error_no_memory(err);
		text = joined;
	}
	if (*text != '/')
		return no_volumes(err, at, text);
	_cleanup_free_ char *clean = path_clean(text);
	r->source = clean ? arena_strdup(arena, clean) : NULL;
	return r->source ? 0 : error_no_memory(err);
}

static int append_option(struct arena *arena, char ***options, const char *text)
{
	return arena_strv_append(arena, options, text);
}

/* rro: with the mounts below the source read-only too (Linux 5.12), as Docker does. */
static int set_bind_options(struct arena *arena, const struct bind_settings *s,
	struct mount_request *r, struct hull_error *err)
{
	int result = append_option(arena, &r->options, s->flat ? "bind" : "rbind");

	if (result == 0)
		result = append_option(arena, &r->options, s->propagation);
	if (result == 0)
		result = append_option(arena, &r->options, s->read_only ? "ro" : "rw");
	if (result == 0 && s->read_only && !s->flat && !s->below_writable)
		result = append_option(arena, &r->options, "rro");
	r->kind = MOUNT_KIND_BIND;
	r->read_only = s->read_only;
	r->create_source = s->create;
	return result < 0 ? error_no_memory(err) : 0;
}

int volume_parse(struct arena *arena, const char *text, const char *cwd, struct mount_request *ret,
	struct hull_error *err)
{
	const struct source_text at = {"--volume", text};
	struct bind_settings settings = {.create = true, .propagation = "rprivate"};
	struct mount_request request = {0};
	char *source = arena_strdup(arena, text);

	if (!source)
		return error_no_memory(err);
	char *destination = strchr(source, ':');
	if (!destination)
		return error_set(err, *text == '/' ? HULL_ERROR_UNSUPPORTED : HULL_ERROR_INVALID,
			*text == '/' ? "--volume %s: volumes without a source are not supported yet"
				     : "invalid volume specification: '%s'",
			text);
	*destination++ = '\0';
	char *options = strchr(destination, ':');
	if (options)
		*options++ = '\0';
	if (!*source || !*destination || (options && (!*options || strchr(options, ':'))))
		return error_set(
			err, HULL_ERROR_INVALID, "invalid volume specification: '%s'", text);
	int r = options ? parse_bind_options(&at, options, &settings, err) : 0;
	if (r == 0)
		r = set_destination(arena, &at, destination, &request, err);
	if (r == 0)
		r = set_source(arena, &at, source, cwd, &request, err);
	if (r == 0)
		r = set_bind_options(arena, &settings, &request, err);
	if (r == 0)
		*ret = request;
	return r;
}

enum tmpfs_value {
	VALUE_NONE,
	VALUE_SIZE,
	VALUE_MODE,
	VALUE_NUMBER,
	VALUE_TEXT,
};

/* Options of one group replace each other; the last one given counts. */
struct tmpfs_option {
	const char *name;
	const char *group;
	enum tmpfs_value value;
};

static const struct tmpfs_option tmpfs_options[] = {
	{"noexec", "exec", VALUE_NONE},
	{"exec", "exec", VALUE_NONE},
	{"nosuid", "suid", VALUE_NONE},
	{"suid", "suid", VALUE_NONE},
	{"nodev", "dev", VALUE_NONE},
	{"dev", "dev", VALUE_NONE},
	{"ro", "access", VALUE_NONE},
	{"rw", "access", VALUE_NONE},
	{"atime", "atime", VALUE_NONE},
	{"noatime", "atime", VALUE_NONE},
	{"relatime", "atime", VALUE_NONE},
	{"strictatime", "atime", VALUE_NONE},
	{"diratime", "diratime", VALUE_NONE},
	{"nodiratime", "diratime", VALUE_NONE},
	{"noswap", "swap", VALUE_NONE},
	{"size", "size", VALUE_SIZE},
	{"mode", "mode", VALUE_MODE},
	{"uid", "uid", VALUE_NUMBER},
	{"gid", "gid", VALUE_NUMBER},
	{"nr_inodes", "nr_inodes", VALUE_SIZE},
	{"nr_blocks", "nr_blocks", VALUE_SIZE},
	{"mpol", "mpol", VALUE_TEXT},
	{"huge", "huge", VALUE_TEXT},
};

#define TMPFS_OPTIONS ARRAY_SIZE(tmpfs_options)

/* What was given last of each row's group, in the order of the table: NULL or "name[=value]". */
struct tmpfs_settings {
	const char *text[TMPFS_OPTIONS];
};

static const struct tmpfs_option *find_tmpfs_option(const char *text, size_t n)
{
	for (size_t i = 0; i < TMPFS_OPTIONS; i++) {
		if (strlen(tmpfs_options[i].name) == n && !memcmp(tmpfs_options[i].name, text, n))
			return &tmpfs_options[i];
	}
	return NULL;
}

static bool tmpfs_value_is_valid(enum tmpfs_value kind, const char *value)
{
	size_t digits = strspn(value, kind == VALUE_MODE ? "01234567" : "0123456789");
	const char *rest = value + digits;

	switch (kind) {
	case VALUE_NONE:
		return false;
	case VALUE_SIZE:
		return digits > 0 && (!*rest || (strchr("kKmMgGtT%", *rest) && !rest[1]));
	case VALUE_MODE:
		return digits > 0 && digits <= 5 && !*rest;
	case VALUE_NUMBER:
		return digits > 0 && digits <= 10 && !*rest;
	case VALUE_TEXT:
		return *value != '\0';
	}
	return false;
}

static int set_tmpfs_option(const struct source_text *at, const char *text,
	struct tmpfs_settings *s, struct hull_error *err)
{
	const char *equals = strchr(text, '=');
	const struct tmpfs_option *o =
		find_tmpfs_option(text, equals ? (size_t)(equals - text) : strlen(text));

	if (!o)
		return bad(err, at, "invalid tmpfs option \"%s\"", text);
	if (equals ? !tmpfs_value_is_valid(o->value, equals + 1) : o->value != VALUE_NONE)
		return bad(err, at, "invalid value of tmpfs option \"%s\"", text);
	for (size_t i = 0; i < TMPFS_OPTIONS; i++) {
		if (str_eq(tmpfs_options[i].group, o->group))
			s->text[i] = &tmpfs_options[i] == o ? text : NULL;
	}
	return 0;
}

static int set_tmpfs_options(struct arena *arena, const struct tmpfs_settings *s,
	struct mount_request *r, struct hull_error *err)
{
	r->kind = MOUNT_KIND_TMPFS;
	for (size_t i = 0; i < TMPFS_OPTIONS; i++) {
		if (!s->text[i])
			continue;
		if (append_option(arena, &r->options, s->text[i]) < 0)
			return error_no_memory(err);
		r->read_only |= str_eq(s->text[i], "ro");
	}
	if (append_option(arena, &r->options, "rprivate") < 0)
		return error_no_memory(err);
	return 0;
}

static struct tmpfs_settings tmpfs_defaults(void)
{
	struct tmpfs_settings s = {{NULL}};

	for (size_t i = 0; i < TMPFS_OPTIONS; i++) {
		const char *name = tmpfs_options[i].name;
		if (str_eq(name, "noexec") || str_eq(name, "nosuid") || str_eq(name, "nodev"))
			s.text[i] = name;
	}
	return s;
}

int tmpfs_parse(
	struct arena *arena, const char *text, struct mount_request *ret, struct hull_error *err)
{
	const struct source_text at = {"--tmpfs", text};
	struct tmpfs_settings settings = tmpfs_defaults();
	struct mount_request request = {0};
	char *copy = arena_strdup(arena, text);
	int r = 0;

	if (!copy)
		return error_no_memory(err);
	char *options = strchr(copy, ':');
	if (options)
		*options++ = '\0';
	/* mpol has commas and colons of its own only in forms that nobody can write here. */
	for (char *o; r == 0 && (o = strsep(&options, ",")) != NULL;)
		r = *o ? set_tmpfs_option(&at, o, &settings, err) : 0;
	if (r == 0)
		r = set_destination(arena, &at, copy, &request, err);
	if (r == 0)
		r = set_tmpfs_options(arena, &settings, &request, err);
	if (r == 0)
		*ret = request;
	return r;
}

/*
 * Cuts the next field off a line of comma-separated values: "" in quotes is one quote. NULL at the
 * end. *text becomes NULL after the last field; false in *ret_ok for a quote that does not end.
 */
static char *next_field(char **text, bool *ret_ok)
{
	char *start = *text, *from = start, *to = start;

	*ret_ok = true;
	if (!start)
		return NULL;
	if (*from != '"')
		return strsep(text, ",");
	for (from++;;) {
		if (!*from) {
			*ret_ok = false;
			return start;
		}
		if (*from == '"' && *++from != '"')
			break;
		*to++ = *from++;
	}
	*ret_ok = *from == '\0' || *from == ',';
	*text = *from ? from + 1 : NULL;
	*to = '\0';
	return start;
}

/* --mount as it is read, before its parts are put together. */
struct mount_fields {
	const char *type, *source, *destination;
	struct bind_settings bind;
	struct tmpfs_settings tmpfs;
	bool read_only;
	const char *bind_only;	/* a key that only binds may have */
	const char *tmpfs_only; /* the same for tmpfs */
};

static int set_bind_key(const struct source_text *at, const char *key, const char *value,
	struct mount_fields *f, struct hull_error *err)
{
	f->bind_only = key;
	if (str_eq(key, "bind-propagation")) {
		const struct bind_option *o = find_bind_option(value, strlen(value));
		if (!o || o->class != CLASS_PROPAGATION)
			return bad(err, at, "invalid propagation \"%s\"", value);
		f->bind.propagation = o->name;
		return 0;
	}
	if (str_eq(key, "bind-nonrecursive")) {
		if (str_to_bool(value, &f->bind.flat) < 0)
			return bad(err, at, "invalid value for %s: %s", key, value);
		return 0;
	}
	f->bind.flat = str_eq(value, "disabled");
	f->bind.below_writable = str_eq(value, "writable");
	if (!f->bind.flat && !f->bind.below_writable && !str_eq(value, "enabled") &&
		!str_eq(value, "readonly"))
		return bad(err, at,
			"invalid value for %s: %s (enabled, disabled, writable or readonly)", key,
			value);
	return 0;
}

static int set_tmpfs_key(struct arena *arena, const struct source_text *at, const char *key,
	const char *value, struct mount_fields *f, struct hull_error *err)
{
	bool is_size = str_eq(key, "tmpfs-size");
	uint64_t size = 0;

	f->tmpfs_only = key;
	if (is_size && str_to_size(value, &size) < 0)
		return bad(err, at, "invalid value for %s: %s", key, value);
	const char *text = is_size ? arena_printf(arena, "size=%llu", (unsigned long long)size)
				   : arena_printf(arena, "mode=%s", value);
	if (!text)
		return error_no_memory(err);
	return set_tmpfs_option(at, text, &f->tmpfs, err);
}

static bool key_is(const char *key, const char *a, const char *b)
{
	return str_eq(key, a) || str_eq(key, b);
}

static int set_field(struct arena *arena, const struct source_text *at, char *field,
	struct mount_fields *f, struct hull_error *err)
{
	char *value = strchr(field, '=');

	if (value)
		*value++ = '\0';
	for (char *p = field; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	bool flag = key_is(field, "readonly", "ro") || str_eq(field, "bind-nonrecursive");
	if (!value && flag)
		value = arena_strdup(arena, "true");
	if (!value)
		return flag ? error_no_memory(err)
			    : bad(err, at, "invalid field '%s' must be a key=value pair", field);
	if (str_eq(field, "type"))
		f->type = value;
	else if (key_is(field, "source", "src"))
		f->source = value;
	else if (key_is(field, "destination", "dst") || str_eq(field, "target"))
		f->destination = value;
	else if (key_is(field, "readonly", "ro"))
		return str_to_bool(value, &f->read_only) < 0
			       ? bad(err, at, "invalid value for %s: %s", field, value)
			       : 0;
	else if (str_eq(field, "bind-propagation") || str_eq(field, "bind-nonrecursive") ||
		 str_eq(field, "bind-recursive"))
		return set_bind_key(at, field, value, f, err);
	else if (key_is(field, "tmpfs-size", "tmpfs-mode"))
		return set_tmpfs_key(arena, at, field, value, f, err);
	else if (!str_eq(field, "consistency"))
		return bad(err, at, "unexpected key '%s' in '%s=%s'", field, field, value);
	return 0;
}

static int finish_bind(struct arena *arena, const struct source_text *at, const char *cwd,
	struct mount_fields *f, struct mount_request *request, struct hull_error *err)
{
	if (f->tmpfs_only)
		return bad(err, at, "%s is for mounts of type tmpfs", f->tmpfs_only);
	if (str_empty(f->source))
		return bad(err, at, "source is required");
	if (*f->source != '/' && *f->source != '.')
		return bad(err, at, "source must be an absolute path: %s", f->source);
	f->bind.read_only = f->read_only;
	int r = set_source(arena, at, f->source, cwd, request, err);
	if (r < 0)
		return r;
	/* What is kept is SOURCE:DESTINATION. */
	if (strchr(request->source, ':') || strchr(request->destination, ':'))
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"%s %s: paths with a colon are not supported", at->option, at->text);
	return set_bind_options(arena, &f->bind, request, err);
}

static int finish_tmpfs(struct arena *arena, const struct source_text *at, struct mount_fields *f,
	struct mount_request *request, struct hull_error *err)
{
	if (f->bind_only)
		return bad(err, at, "%s is for mounts of type bind", f->bind_only);
	if (f->source)
		return bad(err, at, "a mount of type tmpfs has no source");
	if (strchr(request->destination, ':'))
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"%s %s: paths with a colon are not supported", at->option, at->text);
	int r = f->read_only ? set_tmpfs_option(at, "ro", &f->tmpfs, err) : 0;
	return r < 0 ? r : set_tmpfs_options(arena, &f->tmpfs, request, err);
}

int mount_parse(struct arena *arena, const char *text, const char *cwd, struct mount_request *ret,
	struct hull_error *err)
{
	const struct source_text at = {"--mount", text};
	struct mount_fields f = {
		.type = "volume", .bind = {.propagation = "rprivate"}, .tmpfs = tmpfs_defaults()};
	struct mount_request request = {0};
	char *rest = arena_strdup(arena, text), *field;
	bool ok;
	int r = 0;

	if (!rest)
		return error_no_memory(err);
	while (r == 0 && (field = next_field(&rest, &ok)) != NULL)
		r = ok ? set_field(arena, &at, field, &f, err)
		       : bad(err, &at, "a quote that does not end");
	if (r < 0)
		return r;
	if (str_empty(f.destination))
		return bad(err, &at, "target is required");
	r = set_destination(arena, &at, f.destination, &request, err);
	if (r < 0)
		return r;
	if (strcasecmp(f.type, "bind") == 0)
		r = finish_bind(arena, &at, cwd, &f, &request, err);
	else if (strcasecmp(f.type, "tmpfs") == 0)
		r = finish_tmpfs(arena, &at, &f, &request, err);
	else
		r = error_set(err, HULL_ERROR_UNSUPPORTED,
			"--mount %s: mounts of type %s are not supported yet (bind and tmpfs are)",
			text, f.type);
	if (r == 0)
		*ret = request;
	return r;
}

/* Whether an option goes into the text: what volume_parse() would add anyway does not. */
static bool is_written(const struct mount_request *request, const char *option)
{
	if (request->kind == MOUNT_KIND_TMPFS)
		return !str_eq(option, "rprivate");
	return !str_eq(option, "rbind") && !str_eq(option, "rprivate") && !str_eq(option, "rw") &&
	       !str_eq(option, "rro");
}

char *mount_request_format(struct arena *arena, const struct mount_request *request)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const char *separator = ":";

	if (request->kind == MOUNT_KIND_BIND)
		buf_printf(&b, "%s:", request->source);
	buf_puts(&b, request->destination);
	strv_foreach (option, request->options) {
		if (!is_written(request, *option))
			continue;
		buf_printf(&b, "%s%s", separator, *option);
		separator = ",";
	}
	if (request->kind == MOUNT_KIND_BIND && request->read_only &&
		!strv_contains(request->options, "rro") &&
		strv_contains(request->options, "rbind")) {
		buf_printf(&b, "%sbelow-rw", separator);
		separator = ",";
	}
	if (request->kind == MOUNT_KIND_BIND && !request->create_source)
		buf_printf(&b, "%snocreate", separator);
	return buf_error(&b) < 0 ? NULL : arena_strndup(arena, b.data, b.len);
}

int mount_requests_check(const struct mount_request *requests, size_t count, struct hull_error *err)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (str_eq(requests[i].destination, requests[k].destination))
				return error_set(err, HULL_ERROR_INVALID,
					"Duplicate mount point: %s", requests[i].destination);
		}
	}
	return 0;
}
