/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of D-Bus against a bus that is made of one thread and a socket pair: what it sends is
 * compared byte by byte with what the specification asks for, and what the bus says may be late,
 * wrong or in the other byte order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "sys/dbus.h"

#include <endian.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SHORT_MS 50
#define LONG_MS	 10000

/* ---- messages ---- */

/* A message as a server would send it: what dbus_call_format() writes, with another type. */
struct sent {
	enum dbus_type type;
	uint32_t reply_serial;
	const char *member, *error_name, *sender, *signature;
	const struct buf *body;
};

static void put_text_field(struct buf *out, uint8_t field, const char *type, const char *text)
{
	if (!text)
		return;
	dbus_put_struct(out);
	dbus_put_byte(out, field);
	dbus_put_signature(out, type);
	if (*type == 'g')
		dbus_put_signature(out, text);
	else
		dbus_put_string(out, text);
}

static void format(const struct sent *m, struct buf *out)
{
	dbus_put_byte(out, 'l');
	dbus_put_byte(out, (uint8_t)m->type);
	dbus_put_byte(out, 0);
	dbus_put_byte(out, 1);
	dbus_put_u32(out, m->body ? (uint32_t)m->body->len : 0);
	dbus_put_u32(out, 99);
	struct dbus_array fields = dbus_begin_array(out, 8);
	if (m->type == DBUS_SIGNAL) {
		put_text_field(out, 1, "o", "/object");
		put_text_field(out, 2, "s", "test.Interface");
	}
	put_text_field(out, 3, "s", m->member);
	put_text_field(out, 4, "s", m->error_name);
	put_text_field(out, 7, "s", m->sender);
	put_text_field(out, 8, "g", m->signature);
	if (m->reply_serial) {
		dbus_put_struct(out);
		dbus_put_byte(out, 5);
		dbus_put_signature(out, "u");
		dbus_put_u32(out, m->reply_serial);
	}
	dbus_end_array(out, fields);
	dbus_put_struct(out);
	if (m->body)
		buf_append(out, m->body->data, m->body->len);
	assert_int_equal(buf_error(out), 0);
}

static void test_values(void **state)
{
	static const char expected[] = "\7\0\0\0"	   /* byte, padding */
				       "\4\3\2\1"	   /* u */
				       "\2\0\0\0hi\0\0"	   /* s, padding */
				       "\1\0\0\0\0\0\0\0"  /* t */
				       "\30\0\0\0\0\0\0\0" /* a(st): length, padding */
				       "\1\0\0\0x\0\0\0"   /* s, padding */
				       "\2\0\0\0\0\0\0\0"  /* t */
				       "\3\0\0\0abc\0"	   /* s, of a struct without its t */
				       "\2as\0\0\0\0\0";   /* g, empty array */
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	dbus_put_byte(&b, 7);
	dbus_put_u32(&b, 0x01020304);
	dbus_put_string(&b, "hi");
	dbus_put_u64(&b, 1);
	struct dbus_array a = dbus_begin_array(&b, 8);
	dbus_put_struct(&b);
	dbus_put_string(&b, "x");
	dbus_put_u64(&b, 2);
	dbus_put_struct(&b);
	dbus_put_string(&b, "abc");
	dbus_end_array(&b, a);
	dbus_put_signature(&b, "as");
	dbus_end_array(&b, dbus_begin_array(&b, 4));
	assert_int_equal(buf_error(&b), 0);
	assert_int_equal(b.len, sizeof(expected) - 1);
	assert_memory_equal(b.data, expected, b.len);
}

static void test_parse(void **state)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct dbus_message m;
	struct dbus_reader r;
	const char *text;
	uint32_t number;
	size_t size;

	(void)state;
	dbus_put_u32(&body, 42);
	dbus_put_string(&body, "/job/42");
	dbus_put_signature(&body, "s");
	dbus_put_string(&body, "done");
	format(&(struct sent){.type = DBUS_SIGNAL,
		       .member = "Gone",
		       .sender = ":1.7",
		       .signature = "uov",
		       .body = &body},
		&bytes);
	assert_int_equal(dbus_message_size(bytes.data, &size), 0);
	assert_int_equal(size, bytes.len);
	assert_int_equal(dbus_message_parse(bytes.data, bytes.len, &m), 0);
	assert_int_equal(m.type, DBUS_SIGNAL);
	assert_string_equal(m.member, "Gone");
	assert_string_equal(m.sender, ":1.7");
	assert_string_equal(m.error_name, "");
	dbus_reader_init(&r, &m);
	assert_int_equal(dbus_read_string(&r, &text), -EBADMSG);
	dbus_reader_init(&r, &m);
	assert_int_equal(dbus_read_u32(&r, &number), 0);
	assert_int_equal(number, 42);
	assert_int_equal(dbus_read_string(&r, &text), 0);
	assert_string_equal(text, "/job/42");
	assert_int_equal(dbus_read_variant(&r), 0);
	assert_int_equal(dbus_read_string(&r, &text), 0);
	assert_string_equal(text, "done");
	assert_int_equal(dbus_read_string(&r, &text), -EBADMSG);
	/* No byte may be missing, and none too many. */
	for (size_t n = 0; n < bytes.len; n++)
		assert_int_equal(dbus_message_parse(bytes.data, n, &m), -EBADMSG);
	dbus_put_byte(&bytes, 0);
	assert_int_equal(dbus_message_parse(bytes.data, bytes.len, &m), -EBADMSG);
}

static void check_damaged(const struct buf *good, size_t at, char value, int expected)
{
	_cleanup_free_ char *copy = malloc(good->len);
	struct dbus_message m;

	assert_non_null(copy);
	memcpy(copy, good->data, good->len);
	copy[at] = value;
	if (dbus_message_parse(copy, good->len, &m) != expected)
		fail_msg("byte %zu = %d: not refused", at, value);
}

static void test_damaged(void **state)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct dbus_message m;

	(void)state;
	format(&(struct sent){.type = DBUS_ERROR, .reply_serial = 3, .error_name = "a.b"}, &bytes);
	assert_int_equal(dbus_message_parse(bytes.data, bytes.len, &m), 0);
	assert_int_equal(m.reply_serial, 3);
	check_damaged(&bytes, 0, 'x', -EBADMSG);     /* byte order */
	check_damaged(&bytes, 1, 0, -EBADMSG);	     /* type */
	check_damaged(&bytes, 3, 2, -EBADMSG);	     /* version */
	check_damaged(&bytes, 4, 1, -EBADMSG);	     /* a body that is not there */
	check_damaged(&bytes, 7, 127, -E2BIG);	     /* its length */
	check_damaged(&bytes, 8, 0, -EBADMSG);	     /* serial */
	check_damaged(&bytes, 12, 127, -EBADMSG);    /* length of the fields */
	check_damaged(&bytes, 15, 127, -E2BIG);	     /* the same */
	check_damaged(&bytes, 16, 3, -EBADMSG);	     /* an error without a name */
	check_damaged(&bytes, 18, 'a', -EBADMSG);    /* a field of a type that fields have not */
	check_damaged(&bytes, 20, 2, -EBADMSG);	     /* length of a string */
	check_damaged(&bytes, 20, 127, -EBADMSG);    /* the same */
	check_damaged(&bytes, 24, '\xff', -EBADMSG); /* no UTF-8 */
	check_damaged(&bytes, 25, 0, -EBADMSG);	     /* NUL in a string */
	check_damaged(&bytes, 29, 1, -EBADMSG);	     /* padding */
}

/* The same message in the other byte order. */
static void test_big_endian(void **state)
{
	static const unsigned char bytes[] = {'B', DBUS_METHOD_RETURN, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9,
		0, 0, 0, 15, 5, 1, 'u', 0, 0, 0, 0, 3, 8, 1, 'g', 0, 1, 'u', 0, 0, 0, 0, 1, 2};
	struct dbus_message m;
	struct dbus_reader r;
	uint32_t number;

	(void)state;
	assert_int_equal(dbus_message_parse(bytes, sizeof(bytes), &m), 0);
	assert_int_equal(m.serial, 9);
	assert_int_equal(m.reply_serial, 3);
	dbus_reader_init(&r, &m);
	assert_int_equal(dbus_read_u32(&r, &number), 0);
	assert_int_equal(number, 0x102);
}

/* ---- the fake bus ---- */

struct bus {
	int fd;
	pthread_t thread;
	const char *scenario;
	char failure[256]; /* what the bus did not like */
};

static bool expect_text(struct bus *bus, const char *expected)
{
	char text[64] = "";
	size_t n = strlen(expected);

	if (fd_read_exact(bus->fd, text, n) == 0 && memcmp(text, expected, n) == 0)
		return true;
	snprintf(bus->failure, sizeof(bus->failure), "expected %s, got %s", expected, text);
	return false;
}

static bool say(struct bus *bus, const char *text)
{
	return fd_write_all(bus->fd, text, strlen(text)) == 0;
}

static bool authenticate(struct bus *bus)
{
	char zero;

	return fd_read_exact(bus->fd, &zero, 1) == 0 && zero == 0 &&
	       expect_text(bus, "AUTH EXTERNAL\r\n") && say(bus, "DATA\r\n") &&
	       expect_text(bus, "DATA\r\n") && say(bus, "OK 0123456789abcdef\r\n") &&
	       expect_text(bus, "BEGIN\r\n");
}

static bool expect_call(struct bus *bus, const char *member, const char *destination,
	struct dbus_message *ret, char *data, size_t room)
{
	size_t size;

	if (fd_read_exact(bus->fd, data, DBUS_MESSAGE_HEAD) < 0 ||
		dbus_message_size(data, &size) < 0 || size > room ||
		fd_read_exact(bus->fd, data + DBUS_MESSAGE_HEAD, size - DBUS_MESSAGE_HEAD) < 0 ||
		dbus_message_parse(data, size, ret) < 0) {
		snprintf(bus->failure, sizeof(bus->failure), "%s: no message", member);
		return false;
	}
	bool addressed = memmem(data, size, "test.Service", 12) != NULL;
	if (ret->type != DBUS_METHOD_CALL || !str_eq(ret->member, member) ||
		addressed != str_eq(destination, "test.Service")) {
		snprintf(bus->failure, sizeof(bus->failure), "%s: got %s", member, ret->member);
		return false;
	}
	return true;
}

static bool send_message(struct bus *bus, const struct sent *m)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;

	format(m, &bytes);
	return fd_write_all(bus->fd, bytes.data, bytes.len) == 0;
}

static bool send_signal(struct bus *bus, const char *member, uint32_t number)
{
	_cleanup_buf_ struct buf body = BUF_INIT;

	dbus_put_u32(&body, number);
	return send_message(bus, &(struct sent){.type = DBUS_SIGNAL,
					 .member = member,
					 .sender = ":1.1",
					 .signature = "u",
					 .body = &body});
}

/* One call of Method(s), answered in the way that the scenario names. */
static bool answer(struct bus *bus, const struct dbus_message *call)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct sent reply = {.type = DBUS_METHOD_RETURN,
		.reply_serial = call->serial,
		.signature = "s",
		.body = &body};

	if (str_eq(bus->scenario, "silence"))
		return true;
	if (str_eq(bus->scenario, "garbage"))
		return say(bus, "GARBAGE GARBAGE GARBAGE");
	if (str_eq(bus->scenario, "signals")) {
		if (!send_signal(bus, "Wanted", 1) || !send_signal(bus, "Other", 2))
			return false;
		/* Neither is this what was asked for. */
		dbus_put_string(&body, "late");
		reply.reply_serial = call->serial + 1000;
		if (!send_message(bus, &reply))
			return false;
		buf_reset(&body);
		reply.reply_serial = call->serial;
	}
	if (str_eq(bus->scenario, "error")) {
		reply.type = DBUS_ERROR;
		reply.error_name = "test.Error.Broken";
	}
	dbus_put_string(&body, "answer");
	if (!send_message(bus, &reply))
		return false;
	return !str_eq(bus->scenario, "signals") || send_signal(bus, "Wanted", 3);
}

static bool serve(struct bus *bus, bool is_bus)
{
	char data[4096];
	struct dbus_message m;

	if (!authenticate(bus))
		return false;
	if (is_bus) {
		if (!expect_call(bus, "Hello", NULL, &m, data, sizeof(data)) ||
			!send_message(bus, &(struct sent){.type = DBUS_METHOD_RETURN,
						   .reply_serial = m.serial}))
			return false;
		if (!expect_call(bus, "AddMatch", NULL, &m, data, sizeof(data)) ||
			!send_message(bus, &(struct sent){.type = DBUS_METHOD_RETURN,
						   .reply_serial = m.serial}))
			return false;
	}
	return expect_call(bus, "Method", is_bus ? "test.Service" : NULL, &m, data, sizeof(data)) &&
	       answer(bus, &m);
}

static void *run_bus(void *data)
{
	struct bus *bus = data;
	char rest;

	if (str_eq(bus->scenario, "rejected")) {
		fd_read_exact(bus->fd, &rest, 1);
		expect_text(bus, "AUTH EXTERNAL\r\n");
		say(bus, "REJECTED COOKIE\r\n");
	} else if (str_eq(bus->scenario, "gone")) {
		authenticate(bus);
		shutdown(bus->fd, SHUT_RDWR);
	} else if (!serve(bus, !str_eq(bus->scenario, "direct")) && !bus->failure[0]) {
		snprintf(bus->failure, sizeof(bus->failure), "%s: not served", bus->scenario);
	}
	/* Until the client has gone. */
	while (read(bus->fd, &rest, 1) > 0)
		;
	return NULL;
}

static int bus_begin(struct bus *bus, const char *scenario, struct dbus **ret)
{
	int pair[2];

	*bus = (struct bus){.scenario = scenario};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	bus->fd = pair[0];
	assert_int_equal(pthread_create(&bus->thread, NULL, run_bus, bus), 0);
	return dbus_open_fd(pair[1], !str_eq(scenario, "direct"), LONG_MS, ret);
}

static void bus_end(struct bus *bus, struct dbus *dbus)
{
	dbus_close(dbus);
	pthread_join(bus->thread, NULL);
	close(bus->fd);
	assert_string_equal(bus->failure, "");
}

static int call_method(struct dbus *dbus, int timeout_ms, struct dbus_reply *reply)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct dbus_call call = {.destination = "test.Service",
		.path = "/object",
		.interface = "test.Interface",
		.member = "Method",
		.signature = "s",
		.body = &body};

	dbus_put_string(&body, "question");
	return dbus_call(dbus, &call, timeout_ms, reply);
}

static void check_signal(struct dbus *dbus, uint32_t expected)
{
	_cleanup_dbus_reply_ struct dbus_reply signal = DBUS_REPLY_INIT;
	struct dbus_reader r;
	uint32_t number;

	assert_int_equal(dbus_wait_signal(dbus, LONG_MS, &signal), 0);
	dbus_reader_init(&r, &signal.message);
	assert_int_equal(dbus_read_u32(&r, &number), 0);
	assert_int_equal(number, expected);
}

static void check_answer(const char *scenario, enum dbus_type type)
{
	_cleanup_dbus_reply_ struct dbus_reply reply = DBUS_REPLY_INIT;
	struct dbus *dbus = NULL;
	struct bus bus;

	assert_int_equal(bus_begin(&bus, scenario, &dbus), 0);
	assert_int_equal(dbus_subscribe(dbus, "test.Interface", "Wanted", LONG_MS), 0);
	assert_int_equal(call_method(dbus, LONG_MS, &reply), 0);
	assert_int_equal(reply.message.type, type);
	assert_string_equal(dbus_reply_text(&reply), "answer");
	if (str_eq(scenario, "signals")) {
		check_signal(dbus, 1);
		check_signal(dbus, 3);
	}
	if (type == DBUS_ERROR)
		assert_string_equal(reply.message.error_name, "test.Error.Broken");
	bus_end(&bus, dbus);
}

static void test_answers(void **state)
{
	(void)state;
	check_answer("bus", DBUS_METHOD_RETURN);
	check_answer("direct", DBUS_METHOD_RETURN);
	check_answer("signals", DBUS_METHOD_RETURN);
	check_answer("error", DBUS_ERROR);
}

static void check_failure(const char *scenario, int timeout_ms, int expected)
{
	_cleanup_dbus_reply_ struct dbus_reply reply = DBUS_REPLY_INIT;
	struct dbus *dbus = NULL;
	struct bus bus;

	assert_int_equal(bus_begin(&bus, scenario, &dbus), 0);
	assert_int_equal(dbus_subscribe(dbus, "test.Interface", "Wanted", LONG_MS), 0);
	assert_int_equal(call_method(dbus, timeout_ms, &reply), expected);
	/* What comes now could be the answer to the first call. */
	assert_int_equal(call_method(dbus, timeout_ms, &reply), -ENOTCONN);
	assert_int_equal(dbus_wait_signal(dbus, timeout_ms, &reply), -ENOTCONN);
	bus_end(&bus, dbus);
}

static void test_failures(void **state)
{
	struct dbus *dbus = NULL;
	struct bus bus;

	(void)state;
	check_failure("silence", SHORT_MS, -ETIMEDOUT);
	check_failure("garbage", LONG_MS, -EBADMSG);
	assert_int_equal(bus_begin(&bus, "rejected", &dbus), -EACCES);
	bus_end(&bus, NULL);
	int r = bus_begin(&bus, "gone", &dbus);
	assert_true(r == -ECONNRESET || r == -EPIPE);
	bus_end(&bus, NULL);
}

/* ---- addresses ---- */

static void check_address(int listener, const char *address)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};
	struct dbus *dbus = NULL;

	/* Nobody answers: it is enough that somebody came. */
	assert_int_equal(dbus_open(address, true, SHORT_MS, &dbus), -ETIMEDOUT);
	assert_int_equal(poll(&p, 1, 0), 1);
	close(accept(listener, NULL, NULL));
}

static void test_addresses(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct dbus *dbus = NULL;
	char text[256], directory[] = "/tmp/hull-dbus.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/a b", directory);
	_cleanup_close_ int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 4), 0);
	snprintf(text, sizeof(text), "tcp:host=x;unix:path=%s/none;unix:guid=1,path=%s/a%%20b",
		directory, directory);
	check_address(listener, text);
	unlink(address.sun_path);
	assert_int_equal(dbus_open(text, true, SHORT_MS, &dbus), -ENOENT);
	rmdir(directory);
	assert_int_equal(dbus_open("", true, SHORT_MS, &dbus), -ENOENT);
	assert_int_equal(dbus_open("unix:", true, SHORT_MS, &dbus), -ENOENT);
	assert_int_equal(dbus_open("unix:path=", true, SHORT_MS, &dbus), -EINVAL);
	assert_int_equal(dbus_open("unix:path=%4", true, SHORT_MS, &dbus), -EINVAL);
	assert_int_equal(dbus_open("unixx:path=/a", true, SHORT_MS, &dbus), -ENOENT);

	_cleanup_close_ int hidden = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(
		address.sun_path + 1, sizeof(address.sun_path) - 1, "hull-dbus-%d", getpid());
	address.sun_path[0] = '\0';
	assert_int_equal(
		bind(hidden, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)),
		0);
	assert_int_equal(listen(hidden, 4), 0);
	snprintf(text, sizeof(text), "unix:abstract=hull-dbus-%d", getpid());
	check_address(hidden, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_big_endian),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
