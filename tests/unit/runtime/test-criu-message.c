/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint.h"
#include "runtime/criu_message.h"
#include "oci/runtime_spec.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_bytes(const struct buf *b, const char *bytes, size_t n)
{
	assert_int_equal(buf_error(b), 0);
	assert_int_equal(b->len, n);
	assert_memory_equal(b->data, bytes, n);
}

/* Against the wire format, worked out by hand. */
static void test_request(void **state)
{
	_cleanup_buf_ struct buf opts = BUF_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	static const char expected[] = "\x08\x01\x12\x26"
				       "\x08\x05\x10\xac\x02\x18\x01\x52\x04"
				       "dump\xba\x01\x08\x0a\x02/b\x12\x02/s"
				       "\xda\x01\x08\x0a\x04key1\x10\x07"
				       "\x98\x02\x03";

	criu_put_number(&opts, CRIU_IMAGES_DIR_FD, 5);
	criu_put_number(&opts, CRIU_PID, 300);
	criu_put_bool(&opts, CRIU_LEAVE_RUNNING, true);
	criu_put_bool(&opts, CRIU_SHELL_JOB, false);
	criu_put_string(&opts, CRIU_LOG_FILE, "dump");
	criu_put_string(&opts, CRIU_ROOT, NULL);
	criu_put_pair(&opts, CRIU_EXT_MNT, "/b", "/s");
	criu_put_named(&opts, CRIU_INHERIT_FD, "key1", 7);
	criu_put_number(&opts, 35, 3);
	criu_format_request(&out, CRIU_DUMP, &opts);
	assert_bytes(&out, expected, sizeof(expected) - 1);
	buf_reset(&out);
	criu_format_notified(&out, true);
	assert_bytes(&out, "\x08\x06\x18\x01", 4);
}

static void test_answer(void **state)
{
	struct criu_answer a;
	static const char restored[] = "\x08\x02\x10\x01\x22\x03\x08\xd2\x09";
	static const char notified[] = "\x08\x06\x10\x01\x2a\x0f\x0a\x0bpost-restor\x10\x07";
	static const char failed[] = "\x08\x01\x10\x00\x38\x11\x4a\x05"
				     "no\nno";
	static const char version[] = "\x08\x0a\x10\x01\x52\x06\x08\x03\x10\x11\x20\x01";

	assert_int_equal(criu_parse_answer(restored, sizeof(restored) - 1, &a), 0);
	assert_int_equal(a.type, CRIU_RESTORE);
	assert_true(a.success);
	assert_int_equal(a.pid, 1234);
	assert_int_equal(criu_parse_answer(notified, sizeof(notified) - 1, &a), 0);
	assert_int_equal(a.type, CRIU_NOTIFY);
	assert_string_equal(a.script, "post-restor");
	assert_int_equal(a.pid, 7);
	assert_int_equal(criu_parse_answer(failed, sizeof(failed) - 1, &a), 0);
	assert_false(a.success);
	assert_int_equal(a.error, 17);
	assert_string_equal(a.message, "no no");
	assert_int_equal(criu_parse_answer(version, sizeof(version) - 1, &a), 0);
	assert_int_equal(a.version, 31701);
}

/* Every beginning of a message is either complete or refused, and nothing past it is read. */
static void test_malformed(void **state)
{
	static const char whole[] = "\x08\x06\x10\x01\x2a\x0f\x0a\x0bpost-restor\x10\x07"
				    "\x39\x01\x02\x03\x04\x05\x06\x07\x08\x65\x01\x02\x03\x04";
	static const char endless[] = "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
	static const char bad_type[] = "\x08\x06\x0b";
	static const char no_type[] = "\x10\x01";
	static const char too_long[] = "\x08\x06\x2a\xff\xff\xff\xff\x0f";
	struct criu_answer a;

	for (size_t n = 0; n < sizeof(whole); n++) {
		char *copy = malloc(n ? n : 1);
		memcpy(copy, whole, n);
		int r = criu_parse_answer(copy, n, &a);
		assert_true(r == 0 || r == -EBADMSG);
		free(copy);
	}
	assert_int_equal(criu_parse_answer(whole, sizeof(whole) - 1, &a), 0);
	assert_int_equal(criu_parse_answer(endless, sizeof(endless) - 1, &a), -EBADMSG);
	assert_int_equal(criu_parse_answer(bad_type, sizeof(bad_type) - 1, &a), -EBADMSG);
	assert_int_equal(criu_parse_answer(no_type, sizeof(no_type) - 1, &a), -EBADMSG);
	assert_int_equal(criu_parse_answer(too_long, sizeof(too_long) - 1, &a), -EBADMSG);
	assert_int_equal(criu_parse_answer("", 0, &a), -EBADMSG);
}

static bool has(const struct buf *b, const char *bytes, size_t n)
{
	return memmem(b->data, b->len, bytes, n) != NULL;
}

#define assert_has(b, bytes)   assert_true(has((b), (bytes), sizeof(bytes) - 1))
#define assert_lacks(b, bytes) assert_false(has((b), (bytes), sizeof(bytes) - 1))

/* What a dump tells of the container: its options, mounts from outside, and the freezer. */
static void test_format(void **state)
{
	char *bind[] = {(char *)"rbind", NULL};
	struct oci_mount mounts[] = {
		{.destination = (char *)"/data", .source = (char *)"/src", .options = bind},
		{.destination = (char *)"/proc", .type = (char *)"proc"},
	};
	struct oci_spec spec = {.mounts = mounts, .n_mounts = 2};
	struct container_ref ref = {.id = "c",
		.pid = getpid(),
		.cgroup = "{\"path\":\"/c\",\"manager\":\"cgroupfs\",\"places\":[{\"version\":1,"
			  "\"hierarchy\":\"freezer\",\"path\":\"/c\",\"directory\":\"/f/c\"}]}"};
	struct checkpoint_options o = CHECKPOINT_OPTIONS_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;

	o.leave_running = o.file_locks = o.link_remap = true;
	o.page_server = "10.0.0.1:80";
	o.status_fd = 9;
	o.empty_ns = CLONE_NEWNET;
	o.lock = 2;
	assert_int_equal(checkpoint_format(&ref, &spec, "/root", &o, 7, 8, &out, NULL), 0);
	assert_has(&out, "\x08\x07");	    /* images_dir_fd */
	assert_has(&out, "\x88\x01\x08");   /* work_dir_fd */
	assert_has(&out, "\x18\x01");	    /* leave_running */
	assert_has(&out, "\x40\x01");	    /* file_locks */
	assert_has(&out, "\x90\x01\x01");   /* link_remap */
	assert_has(&out, "\x5a\x0c\x0a\x08" /* ps */
			 "10.0.0.1\x10\x50");
	assert_has(&out, "\xba\x01\x0e\x0a\x05/data\x12\x05/data"); /* ext_mnt */
	assert_lacks(&out, "/proc");
	assert_has(&out, "\xe2\x02\x04/f/c");		  /* freeze_cgroup */
	assert_has(&out, "\x88\x03\x09");		  /* status_fd */
	assert_has(&out, "\xb0\x02\x80\x80\x80\x80\x04"); /* empty_ns */
	assert_has(&out, "\x80\x04\x02");		  /* network_lock */
	assert_has(&out, "\xc0\x01\x01\x90\x02\x03");	  /* manage_cgroups, soft */

	/* A pre-dump is of memory: it has no mounts, and is tracked. */
	buf_reset(&out);
	o = (struct checkpoint_options)CHECKPOINT_OPTIONS_INIT;
	o.pre_dump = true;
	o.cgroups = CHECKPOINT_CGROUPS_IGNORE;
	assert_int_equal(checkpoint_format(&ref, &spec, "/root", &o, 7, 8, &out, NULL), 0);
	assert_lacks(&out, "/data");
	assert_has(&out, "\x78\x01"); /* track_mem */
	assert_lacks(&out, "\xc0\x01\x01");
}

static void test_names(void **state)
{
	char *network[] = {(char *)"network", NULL}, *pid[] = {(char *)"pid", NULL};
	_cleanup_free_ char *address = NULL;
	uint64_t namespaces;
	unsigned int lock = 0;
	uint32_t port;
	int mode = -1;

	assert_int_equal(checkpoint_parse_cgroups("full", &mode, NULL), 0);
	assert_int_equal(mode, CHECKPOINT_CGROUPS_FULL);
	assert_int_equal(checkpoint_parse_cgroups(NULL, &mode, NULL), 0);
	assert_int_equal(mode, CHECKPOINT_CGROUPS_FULL);
	assert_true(checkpoint_parse_cgroups("all", &mode, NULL) < 0);
	assert_int_equal(checkpoint_parse_lock("nftables", &lock, NULL), 0);
	assert_int_equal(lock, 2);
	assert_true(checkpoint_parse_lock("none", &lock, NULL) < 0);
	assert_int_equal(checkpoint_parse_empty_ns(network, &namespaces, NULL), 0);
	assert_int_equal(namespaces, CLONE_NEWNET);
	assert_true(checkpoint_parse_empty_ns(pid, &namespaces, NULL) < 0);
	assert_int_equal(checkpoint_parse_server("::1:65535", &address, &port, NULL), 0);
	assert_string_equal(address, "::1");
	assert_int_equal(port, 65535);
	assert_true(checkpoint_parse_server("host", &address, &port, NULL) < 0);
	assert_true(checkpoint_parse_server(":1", &address, &port, NULL) < 0);
	assert_true(checkpoint_parse_server("host:65536", &address, &port, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
