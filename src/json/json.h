/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON in and out, by tables. A struct that has a JSON form is described once, one row per field;
 * the row serves parsing, printing and validation. Nobody outside src/json sees the JSON library.
 *
 * Reading is strict (RFC 8259, UTF-8, nothing after the value) and refuses duplicate keys and
 * documents past the limits before anything is built. Unknown fields are ignored, as the OCI
 * specifications demand; `null` counts as absent. Everything parsed lives in the caller's arena.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include <hull/option.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_limits {
	size_t bytes;	    /* longest text */
	unsigned int depth; /* deepest nesting */
};

#define JSON_DEPTH_DEFAULT 64

enum json_kind {
	JSON_STRING,	 /* char * */
	JSON_BOOL,	 /* bool */
	JSON_OPT_BOOL,	 /* struct hull_opt_bool */
	JSON_INT,	 /* int */
	JSON_I64,	 /* int64_t */
	JSON_U64,	 /* uint64_t */
	JSON_U32,	 /* uint32_t */
	JSON_OPT_I64,	 /* struct hull_opt_i64 */
	JSON_OPT_U64,	 /* struct hull_opt_u64 */
	JSON_OPT_U32,	 /* struct hull_opt_u32 */
	JSON_STRV,	 /* char **: array of strings, NULL-terminated; NULL = absent */
	JSON_U32_ARRAY,	 /* uint32_t * with a size_t count at count_offset: array of numbers */
	JSON_STRUCT,	 /* the struct itself, embedded; table */
	JSON_STRUCT_PTR, /* struct X *: NULL = absent; table */
	JSON_ARRAY,	 /* struct X * with a size_t count at count_offset; table */
	JSON_MAP,	 /* struct json_pair *, sorted as in the document, count at count_offset:
			    object of strings */
	JSON_STRUCT_MAP, /* struct X * with count: object whose values are structs; the key goes to the
			    char * at offset 0 of X, the rows of the table start after it */
	JSON_KEYS, /* char **: the keys of an object, values ignored (ExposedPorts, Volumes) */
	JSON_ENUM, /* int, through a NULL-terminated name table in `names`; index is the value */
	JSON_RAW,  /* char *: the JSON text of the value, compact, whatever its type */
};

struct json_table;

struct json_field {
	const char *name;
	enum json_kind kind;
	size_t offset;
	size_t count_offset;		/* JSON_ARRAY, JSON_U32_ARRAY, JSON_MAP, JSON_STRUCT_MAP */
	const struct json_table *table; /* struct kinds */
	const char *const *names;	/* JSON_ENUM */
	unsigned int flags;
};

enum {
	JSON_REQUIRED = 1 << 0, /* absence is an error when parsing */
	JSON_EMIT = 1 << 1, /* printed even when zero, empty or absent (strings "", arrays []) */
	JSON_EMIT_NULL = 1 << 2, /* printed as null when absent */
	JSON_OR_STRING = 1 << 3, /* JSON_STRV: a string is read as a list of one */
};

struct json_table {
	const char *name; /* for error messages: "process", "image config" */
	size_t size;	  /* sizeof the struct */
	const struct json_field *fields;
	size_t n_fields;
	bool closed; /* a member without a row is an error when parsing, not ignored */
};

struct json_pair {
	char *key;
	char *value;
};

/* True if there is a pair as wanted: "KEY" with whatever value, or "KEY=VALUE". */
bool json_pairs_have(const struct json_pair *pairs, size_t n, const char *wanted);

/* True if all of the one list are there, as json_pairs_have() says, and none of the other. */
bool json_pairs_match(const struct json_pair *pairs, size_t n, char *const *all, char *const *none);

/* Of pairs with the same key the last counts, in the place of the first. 0 or -ENOMEM. */
int json_pairs_settle(struct json_pair *pairs, size_t *n);

/* Appends "KEY=VALUE,KEY=VALUE". */
void json_pairs_join(struct buf *out, const struct json_pair *pairs, size_t n);

/* Rows. JSON_FIELD(struct oci_process, cwd, "cwd", JSON_STRING, .flags = JSON_REQUIRED) */
#define JSON_FIELD(type, member, json_name, json_kind, ...)                                 \
	{                                                                                   \
		.name = (json_name), .kind = (json_kind), .offset = offsetof(type, member), \
		__VA_ARGS__                                                                 \
	}

#define JSON_TABLE(table_name, type, rows, ...)                               \
	{                                                                     \
		.name = (table_name), .size = sizeof(type), .fields = (rows), \
		.n_fields = sizeof(rows) / sizeof((rows)[0]), __VA_ARGS__     \
	}

/*
 * Parses text into *dest (which the caller zeroed, or filled with defaults) by the table.
 * Errors name the place: "config.json: process.args[2]: expected a string". `what` names the
 * document. limits may be NULL (BUF_MAX_DEFAULT bytes, JSON_DEPTH_DEFAULT levels).
 */
int json_parse(struct arena *arena, const struct json_table *table, void *dest, const char *text,
	size_t len, const struct json_limits *limits, const char *what, struct hull_error *err);

/* As json_parse() from a file relative to dirfd. */
int json_parse_file_at(struct arena *arena, const struct json_table *table, void *dest, int dirfd,
	const char *path, const struct json_limits *limits, struct hull_error *err);

/* As json_parse() for a text whose top is an array of such structs. */
int json_parse_array(struct arena *arena, const struct json_table *table, void **ret_items,
	size_t *ret_count, const char *text, size_t len, const struct json_limits *limits,
	const char *what, struct hull_error *err);

/*
 * Checks a text without building anything: RFC 8259 grammar, limits, no duplicate keys.
 * json_parse() does this first.
 */
int json_check(const char *text, size_t len, const struct json_limits *limits, const char *what,
	struct hull_error *err);

/* True if the text is an object with that key at the top. */
bool json_has_key(const char *text, size_t len, const char *key);

/*
 * Writing. A writer appends to a buf and puts commas and quotes itself; errors stick in the buf.
 * indent 0 writes compact text.
 */
struct json_writer {
	struct buf *out;
	unsigned int indent;
	unsigned int depth;
	bool comma;	/* the next value or key needs a comma before it */
	bool after_key; /* the next value belongs to a key just written */
};

#define JSON_WRITER_INIT(buffer, indent_width)            \
	{                                                 \
		.out = (buffer), .indent = (indent_width) \
	}

void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_string(struct json_writer *w, const char *value); /* NULL writes null */
void json_string_n(struct json_writer *w, const char *value, size_t n);
void json_boolean(struct json_writer *w, bool value);
void json_i64(struct json_writer *w, int64_t value);
void json_u64(struct json_writer *w, uint64_t value);
void json_double(struct json_writer *w, double value);
void json_null(struct json_writer *w);
void json_raw(struct json_writer *w, const char *text); /* text is trusted JSON */

/* Members of the object that is open: a key and its value. */
void json_member_string(struct json_writer *w, const char *key, const char *value);
void json_member_text(struct json_writer *w, const char *key, const char *value); /* NULL: "" */
void json_member_boolean(struct json_writer *w, const char *key, bool value);
void json_member_i64(struct json_writer *w, const char *key, int64_t value);
void json_member_u64(struct json_writer *w, const char *key, uint64_t value);
void json_member_strings(struct json_writer *w, const char *key, char *const *values);
void json_member_pairs(
	struct json_writer *w, const char *key, const struct json_pair *pairs, size_t n);

/* The struct as an object, absent fields left out unless flagged. */
void json_struct(struct json_writer *w, const struct json_table *table, const void *src);

/* The rows of the struct into an object that is already open. */
void json_struct_fields(struct json_writer *w, const struct json_table *table, const void *src);

/* Appends s quoted and escaped; invalid UTF-8 becomes U+FFFD. */
void json_quote(struct buf *out, const char *s, size_t n);
