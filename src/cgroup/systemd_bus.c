/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/systemd_bus.h"
#include "cgroup/wait.h"

#include "base/str.h"
#include "sys/dbus.h"

#include <errno.h>
#include <stdlib.h>

#define SERVICE	   "org.freedesktop.systemd1"
#define OBJECT	   "/org/freedesktop/systemd1"
#define MANAGER	   SERVICE ".Manager"
#define CALL_MS	   30000
#define NO_UNIT	   SERVICE ".NoSuchUnit"
#define UNIT_THERE SERVICE ".UnitExists"

struct systemd_bus {
	struct dbus *dbus;
};

/* A call that is being made, with what an error of it is called. */
struct request {
	struct systemd_bus *bus;
	const char *what, *unit; /* "start", "x.scope" */
	const char *path, *interface, *member, *signature;
	struct buf body;
	struct dbus_reply reply;
};

static void request_done(struct request *q)
{
	buf_done(&q->body);
	dbus_reply_done(&q->reply);
}

#define _cleanup_request_ _cleanup_(request_done)

static struct request request_of_manager(struct systemd_bus *bus, const char *what,
	const char *unit, const char *member, const char *signature)
{
	return (struct request){.bus = bus,
		.what = what,
		.unit = unit,
		.path = OBJECT,
		.interface = MANAGER,
		.member = member,
		.signature = signature,
		.body = BUF_INIT_MAX(DBUS_MESSAGE_MAX)};
}

static int request_failed(const struct request *q, int errnum, struct hull_error *err)
{
	return error_errno(err, errnum, "systemd: %s %s", q->what, q->unit);
}

/* What an error's name means for the kind of ours. */
static int error_name_to_errno(const char *name)
{
	static const struct {
		const char *name;
		int errnum;
	} rows[] = {
		{"org.freedesktop.DBus.Error.AccessDenied", EACCES},
		{"org.freedesktop.DBus.Error.AuthFailed", EACCES},
		{"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", EACCES},
		{"org.freedesktop.DBus.Error.InvalidArgs", EINVAL},
		{"org.freedesktop.DBus.Error.NoMemory", ENOMEM},
		{"org.freedesktop.DBus.Error.NoReply", ETIMEDOUT},
		{"org.freedesktop.DBus.Error.PropertyReadOnly", EROFS},
		{"org.freedesktop.DBus.Error.ServiceUnknown", EHOSTUNREACH},
		{"org.freedesktop.DBus.Error.Timeout", ETIMEDOUT},
		{"org.freedesktop.DBus.Error.UnknownProperty", EBADR},
		{NO_UNIT, ENOENT},
		{UNIT_THERE, EEXIST},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (str_eq(name, rows[i].name))
			return rows[i].errnum;
	}
	return EIO;
}

static bool request_has_error(const struct request *q, const char *name)
{
	return q->reply.data && q->reply.message.type == DBUS_ERROR &&
	       str_eq(q->reply.message.error_name, name);
}

/* Sends it and has the answer in q->reply; an answer that says no is an error of ours too. */
static int request_call(struct request *q, struct hull_error *err)
{
	struct dbus_call call = {.destination = SERVICE,
		.path = q->path,
		.interface = q->interface,
		.member = q->member,
		.signature = q->signature,
		.body = &q->body};
	int r = dbus_call(q->bus->dbus, &call, CALL_MS, &q->reply);

	if (r < 0)
		return request_failed(q, r, err);
	if (q->reply.message.type != DBUS_ERROR)
		return 0;
	const char *name = q->reply.message.error_name;
	const char *text = dbus_reply_text(&q->reply);
	return error_errno_kind(err, error_kind_from_errno(error_name_to_errno(name)),
		error_name_to_errno(name), "systemd: %s %s: %s", q->what, q->unit,
		*text ? text : name);
}

void systemd_bus_close(struct systemd_bus *bus)
{
	if (!bus)
		return;
	dbus_close(bus->dbus);
	free(bus);
}

DEFINE_CLEANUP(struct systemd_bus *, systemd_bus_closep, systemd_bus_close)

int systemd_bus_open(bool user, struct systemd_bus **ret, struct hull_error *err)
{
	_cleanup_(systemd_bus_closep) struct systemd_bus *bus = calloc(1, sizeof(*bus));

	if (!bus)
		return error_no_memory(err);
	int r = user ? dbus_open_user(CALL_MS, &bus->dbus) : dbus_open_system(CALL_MS, &bus->dbus);
	if (r < 0)
		return error_errno(err, r, "connect to the %s bus", user ? "user's" : "system");
	r = dbus_subscribe(bus->dbus, MANAGER, "JobRemoved", CALL_MS);
	if (r < 0)
		return error_errno(err, r, "systemd: subscribe");
	/* systemd sends signals only to those who asked for them. */
	_cleanup_request_ struct request q =
		request_of_manager(bus, "subscribe", "to jobs", "Subscribe", NULL);
	r = request_call(&q, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(bus);
	return 0;
}

/* JobRemoved(id, job, unit, result): the result if it is about this job, else NULL. */
static const char *job_result(const struct dbus_message *m, const char *sender, const char *job)
{
	const char *path, *unit, *result;
	struct dbus_reader r;
	uint32_t id;

	/* On a bus everybody can send signals to us. */
	if (!str_eq(m->sender, sender))
		return NULL;
	dbus_reader_init(&r, m);
	if (dbus_read_u32(&r, &id) < 0 || dbus_read_string(&r, &path) < 0 ||
		dbus_read_string(&r, &unit) < 0 || dbus_read_string(&r, &result) < 0)
		return NULL;
	return str_eq(path, job) ? result : NULL;
}

/* Makes a call whose answer names a job, and waits for that. */
static int request_job(struct request *q, int timeout_ms, struct hull_error *err)
{
	struct deadline deadline = deadline_in(timeout_ms);
	struct dbus_reader reader;
	const char *job;
	int r = request_call(q, err);

	if (r < 0)
		return r;
	dbus_reader_init(&reader, &q->reply.message);
	r = dbus_read_string(&reader, &job);
	while (r == 0) {
		_cleanup_dbus_reply_ struct dbus_reply signal = DBUS_REPLY_INIT;
		r = dbus_wait_signal(q->bus->dbus, deadline_left_ms(&deadline), &signal);
		if (r < 0)
			break;
		const char *result = job_result(&signal.message, q->reply.message.sender, job);
		if (str_eq(result, "done"))
			return 0;
		if (result)
			return error_set(err, HULL_ERROR_IO, "systemd: %s %s: job %s", q->what,
				q->unit, result);
	}
	return request_failed(q, r, err);
}

/* What cannot be forgotten was not there. */
static void reset_failed(struct systemd_bus *bus, const char *unit)
{
	_cleanup_request_ struct request q =
		request_of_manager(bus, "reset", unit, "ResetFailedUnit", "s");

	dbus_put_string(&q.body, unit);
	request_call(&q, NULL);
}

static int start_once(struct systemd_bus *bus, const char *unit,
	const struct unit_properties *properties, int timeout_ms, bool *ret_exists,
	struct hull_error *err)
{
	_cleanup_request_ struct request q =
		request_of_manager(bus, "start", unit, "StartTransientUnit", "ssa(sv)a(sa(sv))");

	dbus_put_string(&q.body, unit);
	dbus_put_string(&q.body, "fail");
	unit_properties_put(&q.body, properties);
	dbus_end_array(&q.body, dbus_begin_array(&q.body, 8));
	int r = request_job(&q, timeout_ms, err);
	*ret_exists = r < 0 && request_has_error(&q, UNIT_THERE);
	return r;
}

int systemd_bus_start(struct systemd_bus *bus, const char *unit,
	const struct unit_properties *properties, int timeout_ms, struct hull_error *err)
{
	bool exists;
	int r = start_once(bus, unit, properties, timeout_ms, &exists, err);

	if (exists) {
		/* A failed unit stays loaded until somebody has looked at it. */
		reset_failed(bus, unit);
		hull_error_done(err);
		r = start_once(bus, unit, properties, timeout_ms, &exists, err);
		if (exists) {
			hull_error_done(err);
			return error_errno(err, EEXIST, "systemd: start %s", unit);
		}
	}
	return r;
}

int systemd_bus_stop(
	struct systemd_bus *bus, const char *unit, int timeout_ms, struct hull_error *err)
{
	_cleanup_request_ struct request q =
		request_of_manager(bus, "stop", unit, "StopUnit", "ss");

	dbus_put_string(&q.body, unit);
	dbus_put_string(&q.body, "replace");
	int r = request_job(&q, timeout_ms, err);
	if (r < 0 && request_has_error(&q, NO_UNIT)) {
		hull_error_done(err);
		r = 0;
	}
	reset_failed(bus, unit);
	return r;
}

int systemd_bus_set(struct systemd_bus *bus, const char *unit,
	const struct unit_properties *properties, struct hull_error *err)
{
	_cleanup_request_ struct request q =
		request_of_manager(bus, "set properties of", unit, "SetUnitProperties", "sba(sv)");

	dbus_put_string(&q.body, unit);
	dbus_put_u32(&q.body, true);
	unit_properties_put(&q.body, properties);
	return request_call(&q, err);
}

/* Property of an object: s. */
static int read_property(struct request *q, const char *interface, const char *property, char **ret,
	struct hull_error *err)
{
	struct dbus_reader reader;
	const char *text;

	dbus_put_string(&q->body, interface);
	dbus_put_string(&q->body, property);
	int r = request_call(q, err);
	if (r < 0)
		return r;
	dbus_reader_init(&reader, &q->reply.message);
	if (dbus_read_variant(&reader) < 0 || dbus_read_string(&reader, &text) < 0)
		return request_failed(q, EBADMSG, err);
	*ret = strdup(text);
	return *ret ? 0 : error_no_memory(err);
}

int systemd_bus_group(struct systemd_bus *bus, const char *unit, char **ret, struct hull_error *err)
{
	const char *interface = str_ends_with(unit, ".slice") ? SERVICE ".Slice" : SERVICE ".Scope";
	_cleanup_request_ struct request find =
		request_of_manager(bus, "group of", unit, "GetUnit", "s");
	struct dbus_reader reader;
	const char *object;

	dbus_put_string(&find.body, unit);
	int r = request_call(&find, err);
	if (r < 0)
		return r;
	dbus_reader_init(&reader, &find.reply.message);
	if (dbus_read_string(&reader, &object) < 0)
		return request_failed(&find, EBADMSG, err);
	_cleanup_request_ struct request get =
		request_of_manager(bus, "group of", unit, "Get", "ss");
	get.path = object;
	get.interface = "org.freedesktop.DBus.Properties";
	return read_property(&get, interface, "ControlGroup", ret, err);
}
