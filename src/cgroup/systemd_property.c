/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/systemd_property.h"
#include "sys/dbus_message.h"

#include <errno.h>
#include <string.h>

void unit_properties_done(struct unit_properties *list)
{
	arena_done(&list->arena);
}

struct unit_property *unit_property_add(
	struct unit_properties *list, const char *name, enum property_type type)
{
	if (list->n == list->size) {
		size_t size = list->size ? 2 * list->size : 16;
		struct unit_property *items = arena_array(&list->arena, size, sizeof(*items));

		if (!items)
			return NULL;
		if (list->n)
			memcpy(items, list->items, list->n * sizeof(*items));
		list->items = items;
		list->size = size;
	}
	struct unit_property *p = &list->items[list->n];
	*p = (struct unit_property){.name = arena_strdup(&list->arena, name), .type = type};
	if (!p->name)
		return NULL;
	list->n++;
	return p;
}

int unit_property_number(struct unit_properties *list, const char *name, enum property_type type,
	uint64_t number, struct hull_error *err)
{
	struct unit_property *p = unit_property_add(list, name, type);

	if (!p)
		return error_no_memory(err);
	p->number = number;
	return 0;
}

int unit_property_string(
	struct unit_properties *list, const char *name, const char *text, struct hull_error *err)
{
	struct unit_property *p = unit_property_add(list, name, PROPERTY_STRING);

	if (!p || !(p->text = arena_strdup(&list->arena, text)))
		return error_no_memory(err);
	return 0;
}

/* ---- As systemd reads them: a(sv) ---- */

static const char *const signatures[] = {
	[PROPERTY_BOOL] = "b",
	[PROPERTY_I32] = "i",
	[PROPERTY_U32] = "u",
	[PROPERTY_I64] = "x",
	[PROPERTY_U64] = "t",
	[PROPERTY_STRING] = "s",
	[PROPERTY_STRINGS] = "as",
	[PROPERTY_PIDS] = "au",
	[PROPERTY_BYTES] = "ay",
	[PROPERTY_PAIRS] = "a(ss)",
	[PROPERTY_RATES] = "a(st)",
};

static void put_strings(struct buf *body, char *const *texts)
{
	struct dbus_array array = dbus_begin_array(body, 4);

	for (; texts && *texts; texts++)
		dbus_put_string(body, *texts);
	dbus_end_array(body, array);
}

static void put_bytes(struct buf *body, const void *bytes, size_t n)
{
	struct dbus_array array = dbus_begin_array(body, 1);

	buf_append(body, bytes, n);
	dbus_end_array(body, array);
}

static void put_list(struct buf *body, const struct unit_property *p)
{
	struct dbus_array array = dbus_begin_array(body, 8);
	bool pairs = p->type == PROPERTY_PAIRS;

	for (size_t i = 0; p->texts && p->texts[i]; i += pairs ? 2 : 1) {
		dbus_put_struct(body);
		dbus_put_string(body, p->texts[i]);
		if (pairs)
			dbus_put_string(body, p->texts[i + 1]);
		else
			dbus_put_u64(body, p->numbers[i]);
	}
	dbus_end_array(body, array);
}

static void put_value(struct buf *body, const struct unit_property *p)
{
	struct dbus_array array;

	dbus_put_signature(body, signatures[p->type]);
	switch (p->type) {
	case PROPERTY_BOOL:
	case PROPERTY_I32:
	case PROPERTY_U32:
		dbus_put_u32(body, (uint32_t)p->number);
		break;
	case PROPERTY_I64:
	case PROPERTY_U64:
		dbus_put_u64(body, p->number);
		break;
	case PROPERTY_STRING:
		dbus_put_string(body, p->text);
		break;
	case PROPERTY_PIDS:
		array = dbus_begin_array(body, 4);
		dbus_put_u32(body, (uint32_t)p->number);
		dbus_end_array(body, array);
		break;
	case PROPERTY_STRINGS:
		put_strings(body, p->texts);
		break;
	case PROPERTY_BYTES:
		put_bytes(body, p->bytes, p->n_bytes);
		break;
	case PROPERTY_PAIRS:
	case PROPERTY_RATES:
		put_list(body, p);
		break;
	}
}

void unit_properties_put(struct buf *body, const struct unit_properties *list)
{
	struct dbus_array array = dbus_begin_array(body, 8);

	for (size_t i = 0; i < list->n; i++) {
		dbus_put_struct(body);
		dbus_put_string(body, list->items[i].name);
		put_value(body, &list->items[i]);
	}
	dbus_end_array(body, array);
}
