/* SPDX-License-Identifier: Apache-2.0 */
/* From text to trees of values: json-c's tree is copied into the caller's arena and freed. */
#include "json/tree.h"
#include "json/value.h"

#include <errno.h>

static int copy_value(struct arena *arena, struct json_object *from, struct json_value *to);

static int copy_array(struct arena *arena, struct json_object *from, struct json_value *to)
{
	size_t n = json_object_array_length(from);
	struct json_value *items = arena_array(arena, n ? n : 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = copy_value(arena, json_object_array_get_idx(from, i), &items[i]);

		if (r < 0)
			return r;
	}
	to->type = JSON_TYPE_ARRAY;
	to->items = items;
	to->count = n;
	return 0;
}

static int copy_object(struct arena *arena, struct json_object *from, struct json_value *to)
{
	size_t n = (size_t)json_object_object_length(from), i = 0;
	struct json_value *items = arena_array(arena, n ? n : 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	json_object_object_foreach(from, key, member)
	{
		int r = copy_value(arena, member, &items[i]);

		if (r < 0)
			return r;
		items[i].key = arena_strdup(arena, key);
		if (!items[i++].key)
			return -ENOMEM;
	}
	to->type = JSON_TYPE_OBJECT;
	to->items = items;
	to->count = n;
	return 0;
}

static int copy_text(struct arena *arena, enum json_value_type type, const char *text, size_t n,
	struct json_value *to)
{
	to->type = type;
	to->len = n;
	to->text = arena_strndup(arena, text, n);
	return to->text ? 0 : -ENOMEM;
}

static int copy_value(struct arena *arena, struct json_object *from, struct json_value *to)
{
	const char *text;

	switch (json_object_get_type(from)) {
	case json_type_null:
		to->type = JSON_TYPE_NULL;
		return 0;
	case json_type_boolean:
		to->type = JSON_TYPE_BOOL;
		to->boolean = json_object_get_boolean(from);
		return 0;
	case json_type_int:
	case json_type_double:
		text = json_object_to_json_string_ext(from, JSON_C_TO_STRING_PLAIN);
		if (!text)
			return -ENOMEM;
		return copy_text(arena, JSON_TYPE_NUMBER, text, strlen(text), to);
	case json_type_string:
		return copy_text(arena, JSON_TYPE_STRING, json_object_get_string(from),
			(size_t)json_object_get_string_len(from), to);
	case json_type_array:
		return copy_array(arena, from, to);
	default:
		return copy_object(arena, from, to);
	}
}

int json_value_parse(struct arena *arena, struct json_value *dest, const char *text, size_t len,
	const struct json_limits *limits, const char *what, struct hull_error *err)
{
	_cleanup_(json_putp) struct json_object *tree = NULL;
	int r = json_tree_parse(text, len, limits, what, &tree, err);

	if (r < 0)
		return r;
	*dest = (struct json_value){0};
	r = copy_value(arena, tree, dest);
	return r < 0 ? error_no_memory(err) : 0;
}
