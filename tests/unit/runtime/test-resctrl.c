/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resctrl on a tree of plain files. The kernel fills a new directory and a plain one stays empty: a
 * new class is tested by its name, its failure and its removal, and writing by classes that exist.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "runtime/resctrl.h"

#include <sys/stat.h>

static char root[64];

static void put(const char *path, const char *text)
{
	_cleanup_free_ char *full = str_printf("%s/%s", root, path);
	_cleanup_free_ char *parent = strndup(full, (size_t)(strrchr(full, '/') - full));

	assert_int_equal(dir_make_parents_at(AT_FDCWD, parent, 0700), 0);
	assert_int_equal(file_replace_at(AT_FDCWD, full, text, strlen(text), 0600, false), 0);
}

static char *get(const char *path)
{
	_cleanup_free_ char *full = str_printf("%s/%s", root, path);
	_cleanup_buf_ struct buf text = BUF_INIT;

	assert_int_equal(file_read_at(AT_FDCWD, full, &text, 65536), 0);
	return strdup(buf_str(&text));
}

static int setup(void **state)
{
	snprintf(root, sizeof(root), "/tmp/resctrl-XXXXXX");
	assert_non_null(mkdtemp(root));
	put("info/L3/cbm_mask", "fff\n");
	put("info/last_cmd_status", "ok\n");
	put("existing/schemata", "    MB:0=50;1=100\n    L3:0=ff;1=00f\n");
	put("existing/tasks", "");
	return 0;
}

static int teardown(void **state)
{
	return dir_remove_tree_at(AT_FDCWD, root);
}

static int make(const struct oci_intel_rdt *rdt, struct resctrl *r, struct hull_error *err)
{
	assert_int_equal(resctrl_name(root, "c1", rdt, r, err), 0);
	return resctrl_make(root, rdt, r, err);
}

static void assert_refused(const struct oci_intel_rdt *rdt, const char *message)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_(resctrl_done) struct resctrl r = {0};

	if (make(rdt, &r, &err) >= 0)
		fail_msg("accepted, not: %s", message);
	if (!strstr(hull_error_message(&err), message))
		fail_msg("%s", hull_error_message(&err));
	resctrl_remove(r.made);
}

static void test_schemata(void **state)
{
	static char *const lines[] = {(char *)"L2:0=3", (char *)"MB:1=70\n", NULL};
	const struct {
		struct oci_intel_rdt rdt;
		const char *text;
	} cases[] = {
		{{0}, ""},
		{{.l3_cache_schema = (char *)"L3:0=f"}, "L3:0=f\n"},
		{{.l3_cache_schema = (char *)"L3:0=f\nMB:0=10", .mem_bw_schema = (char *)"MB:0=20"},
			"L3:0=f\nMB:0=20\n"},
		{{.l3_cache_schema = (char *)"L3:0=f\nMB:0=10"}, "L3:0=f\nMB:0=10\n"},
		{{.mem_bw_schema = (char *)"MB:0=20", .schemata = (char **)lines},
			"MB:0=20\nL2:0=3\nMB:1=70\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = resctrl_schemata(&cases[i].rdt);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_match(void **state)
{
	static const char existing[] = "    MB:0=50;1=100\n    L3:0=ff;1=00f\n";
	static const struct {
		const char *wanted;
		bool match;
	} cases[] = {{"", true}, {"L3:0=ff\n", true}, {"L3:1=f;0=0ff\n", true},
		{"L3:0=fe\n", false}, {"L3:2=ff\n", false}, {"MB:0=50\nL3:1=f\n", true},
		{"MB:0=50\nL3:1=e\n", false}, {"MB:0=0x32\n", false}, {"MB:1=100", true},
		{"L2:0=1\n", false}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (resctrl_schemata_match(existing, cases[i].wanted) != cases[i].match)
			fail_msg("%s", cases[i].wanted);
	}
}

static void test_existing(void **state)
{
	const struct oci_intel_rdt rdt = {
		.clos_id = (char *)"existing", .l3_cache_schema = (char *)"L3:0=ff"};
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_(resctrl_done) struct resctrl r = {0};

	if (make(&rdt, &r, &err) < 0 || resctrl_add(&r, 4711, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	/* It was there: it is not ours to write to or to remove. */
	assert_null(r.made);
	_cleanup_free_ char *tasks = get("existing/tasks");
	assert_string_equal(tasks, "4711");
	_cleanup_free_ char *schemata = get("existing/schemata");
	assert_non_null(strstr(schemata, "MB:0=50"));
}

static void test_monitor(void **state)
{
	const struct oci_intel_rdt rdt = {.clos_id = (char *)"existing", .enable_monitoring = true};
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_(resctrl_done) struct resctrl r = {0};

	put("info/L3_MON/num_rmids", "8\n");
	put("existing/mon_groups/.keep", "");
	if (make(&rdt, &r, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	assert_int_equal(strv_length(r.made), 1);
	assert_true(str_ends_with(r.made[0], "/existing/mon_groups/c1"));
	assert_int_equal(access(r.made[0], F_OK), 0);
	resctrl_remove(r.made);
	assert_true(access(r.made[0], F_OK) < 0);
}

static void test_update(void **state)
{
	const struct oci_intel_rdt rdt = {.clos_id = (char *)"existing"};
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	assert_int_equal(resctrl_update(root, "c1", &rdt, (char *)"L3:0=1", NULL, &err), 0);
	_cleanup_free_ char *schemata = get("existing/schemata");
	assert_non_null(strstr(schemata, "L3:0=1\n"));
	assert_true(resctrl_update(root, "c1", &rdt, NULL, (char *)"MB:0=1", &err) < 0);
	assert_non_null(strstr(hull_error_message(&err), "Intel RDT/MBA is not enabled"));
	hull_error_done(&err);
	assert_true(resctrl_update(root, "c1", NULL, (char *)"L3:0=1", NULL, &err) < 0);
	assert_non_null(strstr(hull_error_message(&err), "no class of service"));
}

static void test_refused(void **state)
{
	assert_refused(&(struct oci_intel_rdt){.clos_id = (char *)"none"},
		"linux.intelRdt.closID: no class \"none\"");
	assert_refused(&(struct oci_intel_rdt){.clos_id = (char *)"existing",
			       .l3_cache_schema = (char *)"L3:0=f0"},
		"existing schemata of the class existing do not match");
	assert_refused(&(struct oci_intel_rdt){.mem_bw_schema = (char *)"MB:0=10"},
		"Intel RDT/MBA is not enabled");
	assert_refused(
		&(struct oci_intel_rdt){.enable_monitoring = true}, "monitoring is not enabled");
	/* A new directory has no schemata here: the failure leaves the directory to be removed. */
	assert_refused(
		&(struct oci_intel_rdt){.l3_cache_schema = (char *)"L3:0=f"}, "c1/schemata: ok");
	_cleanup_free_ char *left = str_printf("%s/c1", root);
	assert_true(access(left, F_OK) < 0);
}

static void assert_stats(const char *name, const char *wanted)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);

	json_begin_object(&w);
	resctrl_stats(&w, root, name);
	json_end_object(&w);
	assert_string_equal(buf_str(&text), wanted);
}

static void test_stats(void **state)
{
	put("info/L3/min_cbm_bits", "1\n");
	put("info/L3/num_closids", "16\n");
	put("schemata", "    MB:0=100;1=100\n    L3:0=fff;1=fff\n");
	assert_stats("existing", "{\"l3_cache_info\":{\"cbm_mask\":\"fff\",\"min_cbm_bits\":1,"
				 "\"num_closids\":16},\"l3_cache_schema_root\":\"L3:0=fff;1=fff\","
				 "\"l3_cache_schema\":\"L3:0=ff;1=00f\"}");
	put("info/MB/bandwidth_gran", "10\n");
	put("info/MB/delay_linear", "0\n");
	/* Of a class that is gone, what is left is the machine's. */
	assert_stats("gone", "{\"l3_cache_info\":{\"cbm_mask\":\"fff\",\"min_cbm_bits\":1,"
			     "\"num_closids\":16},\"l3_cache_schema_root\":\"L3:0=fff;1=fff\","
			     "\"mem_bw_info\":{\"bandwidth_gran\":10},"
			     "\"mem_bw_schema_root\":\"MB:0=100;1=100\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schemata),
		cmocka_unit_test(test_match),
		cmocka_unit_test_setup_teardown(test_existing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_monitor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_update, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stats, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
