/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into trees of values, and printing them. */
#include "json/value.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdlib.h>

const struct json_value *json_value_get(const struct json_value *object, const char *key)
{
	if (!object || object->type != JSON_TYPE_OBJECT)
		return NULL;
	for (size_t i = 0; i < object->count; i++)
		if (strcmp(object->items[i].key, key) == 0)
			return &object->items[i];
	return NULL;
}

const struct json_value *json_value_path(const struct json_value *object, ...)
{
	va_list keys;
	const char *key;

	va_start(keys, object);
	while (object && (key = va_arg(keys, const char *)))
		object = json_value_get(object, key);
	va_end(keys);
	return object;
}

const char *json_value_string(const struct json_value *value)
{
	return value && value->type == JSON_TYPE_STRING ? value->text : NULL;
}

bool json_value_i64(const struct json_value *value, int64_t *ret)
{
	return value && value->type == JSON_TYPE_NUMBER && str_to_i64(value->text, ret) == 0;
}

bool json_value_double(const struct json_value *value, double *ret)
{
	if (!value || value->type != JSON_TYPE_NUMBER)
		return false;
	*ret = strtod(value->text, NULL);
	return true;
}

static bool equal_numbers(const struct json_value *a, const struct json_value *b)
{
	double x = 0, y = 0;

	if (strcmp(a->text, b->text) == 0)
		return true;
	/* Two different whole numbers may have the same nearest double. */
	if (!strpbrk(a->text, ".eE") && !strpbrk(b->text, ".eE"))
		return false;
	json_value_double(a, &x);
	json_value_double(b, &y);
	return x == y;
}

bool json_value_equal(const struct json_value *a, const struct json_value *b)
{
	if (!a || !b)
		return a == b;
	if (a->type != b->type || a->count != b->count)
		return false;
	switch (a->type) {
	case JSON_TYPE_NULL:
		return true;
	case JSON_TYPE_BOOL:
		return a->boolean == b->boolean;
	case JSON_TYPE_NUMBER:
		return equal_numbers(a, b);
	case JSON_TYPE_STRING:
		return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
	default:
		break;
	}
	for (size_t i = 0; i < a->count; i++) {
		const struct json_value *other = a->type == JSON_TYPE_ARRAY
							 ? &b->items[i]
							 : json_value_get(b, a->items[i].key);

		if (!other || !json_value_equal(&a->items[i], other))
			return false;
	}
	return true;
}

void json_value_write(struct json_writer *w, const struct json_value *value)
{
	switch (value ? value->type : JSON_TYPE_NULL) {
	case JSON_TYPE_NULL:
		json_null(w);
		break;
	case JSON_TYPE_BOOL:
		json_boolean(w, value->boolean);
		break;
	case JSON_TYPE_NUMBER:
		json_raw(w, value->text);
		break;
	case JSON_TYPE_STRING:
		json_string_n(w, value->text, value->len);
		break;
	case JSON_TYPE_ARRAY:
		json_begin_array(w);
		for (size_t i = 0; i < value->count; i++)
			json_value_write(w, &value->items[i]);
		json_end_array(w);
		break;
	case JSON_TYPE_OBJECT:
		json_begin_object(w);
		for (size_t i = 0; i < value->count; i++) {
			json_key(w, value->items[i].key);
			json_value_write(w, &value->items[i]);
		}
		json_end_object(w);
		break;
	}
}
