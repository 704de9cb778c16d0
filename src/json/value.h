/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON documents whose shape is not known beforehand, as a tree of plain values to read: what
 * output templates walk over, and what other people's files are looked into with. Documents of a
 * known shape are read by the tables of json.h instead.
 *
 * A tree lives in the caller's arena and is never changed. Members of an object keep the order of
 * the text.
 */
#pragma once

#include "json/json.h"

enum json_value_type {
	JSON_TYPE_NULL,
	JSON_TYPE_BOOL,
	JSON_TYPE_NUMBER,
	JSON_TYPE_STRING,
	JSON_TYPE_ARRAY,
	JSON_TYPE_OBJECT,
};

struct json_value {
	enum json_value_type type;
	bool boolean;			/* JSON_TYPE_BOOL */
	const char *text;		/* of a string (NUL-terminated) or a number as written */
	size_t len;			/* of text */
	size_t count;			/* elements or members */
	const struct json_value *items; /* count of them */
	const char *key;		/* of this value in the object that holds it, else NULL */
};

/* Reads a text into a tree. Strict as json_parse(); `what` names the document in errors. */
int json_value_parse(struct arena *arena, struct json_value *dest, const char *text, size_t len,
	const struct json_limits *limits, const char *what, struct hull_error *err);

/* The member of that name; NULL if there is none or the value (NULL allowed) is no object. */
const struct json_value *json_value_get(const struct json_value *object, const char *key);

/* The same along several keys: json_value_path(v, "State", "Health", NULL). */
const struct json_value *json_value_path(const struct json_value *object, ...)
	__attribute__((sentinel));

/* The text of a string, NULL for anything else. */
const char *json_value_string(const struct json_value *value);

/* A whole number; false if the value is none or does not fit. */
bool json_value_i64(const struct json_value *value, int64_t *ret);

/* Any number. */
bool json_value_double(const struct json_value *value, double *ret);

/* Whether two values are the same: numbers by value, objects whatever the order of members. */
bool json_value_equal(const struct json_value *a, const struct json_value *b);

/* Writes a value (NULL writes null). */
void json_value_write(struct json_writer *w, const struct json_value *value);
