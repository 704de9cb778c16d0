/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/systemd_bus.h"
#include "cgroup/wait.h"

#include "base/str.h"
#include "sys/library.h"

#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>

#define SERVICE	  "org.freedesktop.systemd1"
#define OBJECT	  "/org/freedesktop/systemd1"
#define MANAGER	  "org.freedesktop.systemd1.Manager"
#define CALL_USEC (30 * (uint64_t)1000000)

/* What we use of libsystemd, by pointer: filled once by library_load(). */
/* clang-format off */
#define SYMBOLS(X) \
	X(sd_bus_open_system) \
	X(sd_bus_open_user) \
	X(sd_bus_flush_close_unref) \
	X(sd_bus_message_new_method_call) \
	X(sd_bus_message_unref) \
	X(sd_bus_message_append) \
	X(sd_bus_message_append_array) \
	X(sd_bus_message_append_strv) \
	X(sd_bus_message_open_container) \
	X(sd_bus_message_close_container) \
	X(sd_bus_message_read) \
	X(sd_bus_call) \
	X(sd_bus_call_method) \
	X(sd_bus_match_signal) \
	X(sd_bus_process) \
	X(sd_bus_wait) \
	X(sd_bus_error_free) \
	X(sd_bus_error_has_name) \
	X(sd_bus_get_property_string)
/* clang-format on */

#define DECLARE(name) static __typeof__(&(name)) p_##name;
SYMBOLS(DECLARE)
#undef DECLARE

#define ROW(name) {#name, (void **)&p_##name},
static const struct library_symbol symbols[] = {SYMBOLS(ROW)};
#undef ROW

static struct library libsystemd = {
	.soname = "libsystemd.so.0",
	.package = "libsystemd0",
	.symbols = symbols,
	.n_symbols = ARRAY_SIZE(symbols),
};

struct systemd_bus {
	sd_bus *bus;
	char *job;    /* the job that is waited for */
	char *result; /* what became of it: "done", "failed", ... */
};

static void message_unrefp(sd_bus_message **m)
{
	if (*m)
		p_sd_bus_message_unref(*m);
}

static void bus_error_donep(sd_bus_error *e)
{
	p_sd_bus_error_free(e);
}

#define _cleanup_message_   _cleanup_(message_unrefp)
#define _cleanup_bus_error_ _cleanup_(bus_error_donep)

/* ---- Properties ---- */

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

static int append_list(sd_bus_message *m, const struct unit_property *p)
{
	bool pairs = p->type == PROPERTY_PAIRS;
	int r = p_sd_bus_message_open_container(m, 'v', pairs ? "a(ss)" : "a(st)");

	if (r >= 0)
		r = p_sd_bus_message_open_container(m, 'a', pairs ? "(ss)" : "(st)");
	for (size_t i = 0; r >= 0 && p->texts && p->texts[i]; i += pairs ? 2 : 1) {
		if (pairs)
			r = p_sd_bus_message_append(m, "(ss)", p->texts[i], p->texts[i + 1]);
		else
			r = p_sd_bus_message_append(m, "(st)", p->texts[i], p->numbers[i]);
	}
	if (r >= 0)
		r = p_sd_bus_message_close_container(m);
	return r < 0 ? r : p_sd_bus_message_close_container(m);
}

static int append_array(sd_bus_message *m, const struct unit_property *p)
{
	bool bytes = p->type == PROPERTY_BYTES;
	int r = p_sd_bus_message_open_container(m, 'v', bytes ? "ay" : "as");

	if (r >= 0)
		r = bytes ? p_sd_bus_message_append_array(m, 'y', p->bytes, p->n_bytes)
			  : p_sd_bus_message_append_strv(m, p->texts);
	return r < 0 ? r : p_sd_bus_message_close_container(m);
}

static int append_value(sd_bus_message *m, const struct unit_property *p)
{
	switch (p->type) {
	case PROPERTY_BOOL:
		return p_sd_bus_message_append(m, "v", "b", (int)p->number);
	case PROPERTY_I32:
		return p_sd_bus_message_append(m, "v", "i", (int32_t)p->number);
	case PROPERTY_U32:
		return p_sd_bus_message_append(m, "v", "u", (uint32_t)p->number);
	case PROPERTY_I64:
		return p_sd_bus_message_append(m, "v", "x", (int64_t)p->number);
	case PROPERTY_U64:
		return p_sd_bus_message_append(m, "v", "t", p->number);
	case PROPERTY_STRING:
		return p_sd_bus_message_append(m, "v", "s", p->text);
	case PROPERTY_PIDS:
		return p_sd_bus_message_append(m, "v", "au", 1, (uint32_t)p->number);
	case PROPERTY_STRINGS:
	case PROPERTY_BYTES:
		return append_array(m, p);
	case PROPERTY_PAIRS:
	case PROPERTY_RATES:
		return append_list(m, p);
	}
	return -EINVAL;
}

static int append_properties(sd_bus_message *m, const struct unit_properties *list)
{
	int r = p_sd_bus_message_open_container(m, 'a', "(sv)");

	for (size_t i = 0; r >= 0 && i < list->n; i++) {
		r = p_sd_bus_message_open_container(m, 'r', "sv");
		if (r >= 0)
			r = p_sd_bus_message_append(m, "s", list->items[i].name);
		if (r >= 0)
			r = append_value(m, &list->items[i]);
		if (r >= 0)
			r = p_sd_bus_message_close_container(m);
	}
	return r < 0 ? r : p_sd_bus_message_close_container(m);
}

/* ---- The connection ---- */

static int bus_failed(
	int r, const sd_bus_error *e, const char *what, const char *unit, struct hull_error *err)
{
	if (e && e->message)
		return error_errno(err, r, "systemd: %s %s: %s", what, unit, e->message);
	return error_errno(err, r, "systemd: %s %s", what, unit);
}

/* JobRemoved(id, job, unit, result). */
static int on_job_removed(sd_bus_message *m, void *data, sd_bus_error *e)
{
	struct systemd_bus *bus = data;
	const char *job, *unit, *result;
	uint32_t id;

	(void)e;
	if (p_sd_bus_message_read(m, "uoss", &id, &job, &unit, &result) >= 0 && bus->job &&
		str_eq(job, bus->job))
		str_set(&bus->result, result);
	return 0;
}

void systemd_bus_close(struct systemd_bus *bus)
{
	if (!bus)
		return;
	if (bus->bus)
		p_sd_bus_flush_close_unref(bus->bus);
	free(bus->job);
	free(bus->result);
	free(bus);
}

DEFINE_CLEANUP(struct systemd_bus *, systemd_bus_closep, systemd_bus_close)

int systemd_bus_open(bool user, struct systemd_bus **ret, struct hull_error *err)
{
	int r = library_load(&libsystemd, err);
	if (r < 0)
		return r;
	_cleanup_(systemd_bus_closep) struct systemd_bus *bus = calloc(1, sizeof(*bus));
	if (!bus)
		return error_no_memory(err);
	r = user ? p_sd_bus_open_user(&bus->bus) : p_sd_bus_open_system(&bus->bus);
	if (r < 0)
		return error_errno(err, r, "connect to the %s bus", user ? "user's" : "system");
	/* systemd sends signals only to those who asked for them. */
	r = p_sd_bus_match_signal(
		bus->bus, NULL, SERVICE, OBJECT, MANAGER, "JobRemoved", on_job_removed, bus);
	if (r >= 0)
		r = p_sd_bus_call_method(
			bus->bus, SERVICE, OBJECT, MANAGER, "Subscribe", NULL, NULL, "");
	if (r < 0)
		return error_errno(err, r, "systemd: subscribe");
	*ret = TAKE_PTR(bus);
	return 0;
}

/* Processes messages until the job of the last call is done. */
static int wait_job(struct systemd_bus *bus, const char *what, const char *unit, int timeout_ms,
	struct hull_error *err)
{
	struct deadline deadline = deadline_in(timeout_ms);

	while (!bus->result) {
		int r = p_sd_bus_process(bus->bus, NULL);
		if (r > 0)
			continue;
		int left = deadline_left_ms(&deadline);
		if (r == 0 && left == 0)
			return error_errno(err, ETIMEDOUT, "systemd: %s %s", what, unit);
		if (r == 0)
			r = p_sd_bus_wait(bus->bus, left < 0 ? UINT64_MAX : (uint64_t)left * 1000);
		if (r < 0 && r != -EINTR)
			return bus_failed(r, NULL, what, unit, err);
	}
	if (!str_eq(bus->result, "done"))
		return error_set(
			err, HULL_ERROR_IO, "systemd: %s %s: job %s", what, unit, bus->result);
	return 0;
}

/* Sends a call that makes a job, and waits for that. */
static int call_job(struct systemd_bus *bus, sd_bus_message *m, sd_bus_error *e, const char *what,
	const char *unit, int timeout_ms, struct hull_error *err)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *job;

	str_set(&bus->job, NULL);
	str_set(&bus->result, NULL);
	int r = p_sd_bus_call(bus->bus, m, CALL_USEC, e, &reply);
	if (r >= 0)
		r = p_sd_bus_message_read(reply, "o", &job);
	if (r < 0)
		return bus_failed(r, e, what, unit, err);
	if (str_set(&bus->job, job) < 0)
		return error_no_memory(err);
	return wait_job(bus, what, unit, timeout_ms, err);
}

static int start_once(struct systemd_bus *bus, const char *unit,
	const struct unit_properties *properties, int timeout_ms, sd_bus_error *e,
	struct hull_error *err)
{
	_cleanup_message_ sd_bus_message *m = NULL;
	int r = p_sd_bus_message_new_method_call(
		bus->bus, &m, SERVICE, OBJECT, MANAGER, "StartTransientUnit");

	if (r >= 0)
		r = p_sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = append_properties(m, properties);
	if (r >= 0)
		r = p_sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r < 0)
		return bus_failed(r, NULL, "start", unit, err);
	return call_job(bus, m, e, "start", unit, timeout_ms, err);
}

static void reset_failed(struct systemd_bus *bus, const char *unit)
{
	p_sd_bus_call_method(
		bus->bus, SERVICE, OBJECT, MANAGER, "ResetFailedUnit", NULL, NULL, "s", unit);
}

int systemd_bus_start(struct systemd_bus *bus, const char *unit,
	const struct unit_properties *properties, int timeout_ms, struct hull_error *err)
{
	_cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
	int r = start_once(bus, unit, properties, timeout_ms, &e, err);

	if (r < 0 && p_sd_bus_error_has_name(&e, "org.freedesktop.systemd1.UnitExists")) {
		/* A failed unit stays loaded until somebody has looked at it. */
		reset_failed(bus, unit);
		p_sd_bus_error_free(&e);
		e = SD_BUS_ERROR_NULL;
		hull_error_done(err);
		r = start_once(bus, unit, properties, timeout_ms, &e, err);
		if (r < 0 && p_sd_bus_error_has_name(&e, "org.freedesktop.systemd1.UnitExists"))
			return error_errno(err, EEXIST, "systemd: start %s", unit);
	}
	return r;
}

int systemd_bus_stop(
	struct systemd_bus *bus, const char *unit, int timeout_ms, struct hull_error *err)
{
	_cleanup_message_ sd_bus_message *m = NULL;
	_cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
	int r = p_sd_bus_message_new_method_call(
		bus->bus, &m, SERVICE, OBJECT, MANAGER, "StopUnit");

	if (r >= 0)
		r = p_sd_bus_message_append(m, "ss", unit, "replace");
	if (r < 0)
		return bus_failed(r, NULL, "stop", unit, err);
	r = call_job(bus, m, &e, "stop", unit, timeout_ms, err);
	if (r < 0 && p_sd_bus_error_has_name(&e, "org.freedesktop.systemd1.NoSuchUnit")) {
		hull_error_done(err);
		r = 0;
	}
	reset_failed(bus, unit);
	return r;
}

int systemd_bus_set(struct systemd_bus *bus, const char *unit,
	const struct unit_properties *properties, struct hull_error *err)
{
	_cleanup_message_ sd_bus_message *m = NULL;
	_cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
	int r = p_sd_bus_message_new_method_call(
		bus->bus, &m, SERVICE, OBJECT, MANAGER, "SetUnitProperties");

	if (r >= 0)
		r = p_sd_bus_message_append(m, "sb", unit, 1);
	if (r >= 0)
		r = append_properties(m, properties);
	if (r >= 0)
		r = p_sd_bus_call(bus->bus, m, CALL_USEC, &e, NULL);
	return r < 0 ? bus_failed(r, &e, "set properties of", unit, err) : 0;
}

int systemd_bus_group(struct systemd_bus *bus, const char *unit, char **ret, struct hull_error *err)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
	const char *object;
	const char *interface = str_ends_with(unit, ".slice") ? SERVICE ".Slice" : SERVICE ".Scope";

	int r = p_sd_bus_call_method(
		bus->bus, SERVICE, OBJECT, MANAGER, "GetUnit", &e, &reply, "s", unit);
	if (r >= 0)
		r = p_sd_bus_message_read(reply, "o", &object);
	if (r >= 0)
		r = p_sd_bus_get_property_string(
			bus->bus, SERVICE, object, interface, "ControlGroup", &e, ret);
	return r < 0 ? bus_failed(r, &e, "group of", unit, err) : 0;
}
