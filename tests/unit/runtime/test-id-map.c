/* SPDX-License-Identifier: Apache-2.0 */
/* Id maps before they are written, and the order of a plan that needs no privilege. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "runtime/id_map.h"
#include "sys/mount_api.h"

#define RANGES(...) ((const struct oci_id_mapping[]){__VA_ARGS__})

static void assert_refused(const struct oci_id_mapping *map, size_t n, const char *message)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct op_id_map both = {.gid = map, .n_gid = n};

	if (id_map_check(&both, "linux", &err) >= 0)
		fail_msg("accepted, not: %s", message);
	assert_int_equal(err.kind, HULL_ERROR_INVALID);
	assert_string_equal(hull_error_message(&err), message);
}

static void test_overlaps(void **state)
{
	assert_refused(RANGES({0, 1000, 10}, {9, 2000, 1}), 2,
		"linux.gidMappings: the container ids of [1] overlap those of [0]");
	assert_refused(RANGES({0, 1000, 10}, {20, 5000, 1}, {30, 991, 10}), 3,
		"linux.gidMappings: the host ids of [2] overlap those of [0]");
	/* Neighbours, and the last ids that there are. */
	struct op_id_map fine = {.uid = RANGES({0, 1000, 10}, {10, 1010, 1}, {11, 0, 1000},
					 {4294967290, 4294967290, 5}),
		.n_uid = 4};
	assert_int_equal(id_map_check(&fine, "linux", NULL), 0);
}

static void test_sizes(void **state)
{
	struct oci_id_mapping many[ID_MAP_RANGES_MAX + 1];
	struct op_id_map map = {.uid = many, .n_uid = ID_MAP_RANGES_MAX};

	for (uint32_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct oci_id_mapping){i, i, 1};
	assert_int_equal(id_map_check(&map, "linux", NULL), 0);
	assert_refused(many, ARRAY_SIZE(many),
		"linux.gidMappings: 341 ranges, the kernel takes 340 at most");
	/* As many as there may be, and yet too long for one write. */
	for (uint32_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct oci_id_mapping){1000000000 + i, 2000000000 + i, 1};
	assert_refused(many, ID_MAP_RANGES_MAX,
		"linux.gidMappings: 340 ranges are 8160 bytes, the kernel takes less than a page");
}

static void test_has(void **state)
{
	const struct oci_id_mapping *map = RANGES({0, 1000, 1}, {5, 2000, 2});

	assert_true(id_map_has(map, 2, 0));
	assert_false(id_map_has(map, 2, 1));
	assert_false(id_map_has(map, 2, 4));
	assert_true(id_map_has(map, 2, 5));
	assert_true(id_map_has(map, 2, 6));
	assert_false(id_map_has(map, 2, 7));
	assert_false(id_map_has(map, 2, UINT32_MAX));
	assert_false(id_map_has(NULL, 0, 0));
}

/* ---- plans ---- */

#define SPEC(namespaces, mounts)                                                               \
	"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"cwd\":\"/\"," \
	"\"args\":[\"cmd\"],\"oomScoreAdj\":1},\"mounts\":[" mounts "],\"linux\":{"            \
	"\"namespaces\":[{\"type\":\"mount\"}" namespaces "]}}"
#define USER                                                                                   \
	",{\"type\":\"user\"}],\"uidMappings\":[{\"containerID\":0,\"hostID\":7,\"size\":1}]," \
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":7,\"size\":1}"

static int compile(struct arena *arena, const char *text, struct plan **ret, struct hull_error *err)
{
	struct plan_options o = PLAN_OPTIONS_INIT;
	struct oci_spec *spec;

	o.id = "c";
	o.bundle = "/b";
	o.unprivileged = true;
	assert_int_equal(oci_spec_parse(arena, text, strlen(text), "test", &spec, NULL), 0);
	return plan_compile(spec, &o, ret, err);
}

/* Each in a line of its own, somewhere after the one before. */
static void assert_order(const char *text, const char *const *lines)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_plan_ struct plan *plan = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;

	assert_int_equal(compile(&arena, text, &plan, NULL), 0);
	plan_print(plan, PLAN_FORMAT_SHORT, &out);
	const char *at = buf_str(&out);
	for (; *lines; lines++) {
		const char *found = strstr(at, *lines);
		if (!found)
			fail_msg("not after what it should follow: %s\nin:\n%s", *lines,
				buf_str(&out));
		at = found + strlen(*lines);
	}
}

/* The caller's cgroup and files while the child is the caller's user, and only then root. */
static void test_order(void **state)
{
	assert_order(SPEC(USER, "{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"/s\"}"),
		(const char *const[]){"r create-cgroup: create cgroup c\n", "r oom-score: ",
			"r clone: ", "c join-cgroup: ", "r write-id-maps: write the id map 0:7:1",
			"c unshare: make mount", "c open-root: open root file system /b/rootfs\n",
			"c open-bind: open bind source /s",
			"c become-root: ", "c session: ", "c attach-root: ", "c bind: ", NULL});
}

static void test_needs_user_namespace(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_plan_ struct plan *plan = NULL;

	assert_true(compile(&arena, SPEC("", ""), &plan, &err) < 0);
	assert_string_equal(
		hull_error_message(&err), "rootless container requires user namespaces");
}

/* A group of terminals only where the map has it; a read-only /sys with all that is below it. */
static void test_mounts(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_plan_ struct plan *plan = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;

	assert_int_equal(
		compile(&arena,
			SPEC(USER, "{\"destination\":\"/p\",\"type\":\"devpts\",\"options\":"
				   "[\"gid=5\",\"mode=620\"]},{\"destination\":\"/q\",\"type\":"
				   "\"devpts\",\"options\":[\"gid=0\"]},{\"destination\":\"/sys\","
				   "\"type\":\"bind\",\"source\":\"/sys\",\"options\":[\"rbind\","
				   "\"ro\"]}"),
			&plan, NULL),
		0);
	plan_print(plan, PLAN_FORMAT_SHORT, &out);
	assert_null(strstr(buf_str(&out), "gid=5"));
	assert_non_null(strstr(buf_str(&out), "mode=620"));
	assert_non_null(strstr(buf_str(&out), "gid=0"));
	for (size_t i = 0; i < plan->n_ops; i++) {
		if (plan->ops[i].kind == OP_OPEN_BIND)
			assert_true(plan->ops[i].bind->set_recursive & MOUNT_ATTR_RDONLY);
	}
}

static void test_default(void **state)
{
	static const char text[] = SPEC("", "");
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct oci_spec *spec;

	assert_int_equal(oci_spec_parse(&arena, text, strlen(text), "test", &spec, NULL), 0);
	assert_int_equal(id_map_add_default(&arena, spec, NULL), 0);
	const struct oci_namespace *user = oci_spec_namespace(spec, OCI_NAMESPACE_USER);
	assert_non_null(user);
	assert_true(str_empty(user->path));
	assert_true(spec->linux->n_uid_mappings >= 1 && spec->linux->n_gid_mappings >= 1);
	assert_int_equal(spec->linux->uid_mappings[0].container_id, 0);
	assert_int_equal(spec->linux->uid_mappings[0].host_id, geteuid());
	assert_int_equal(spec->linux->uid_mappings[0].size, 1);
	assert_int_equal(oci_spec_check(spec, NULL), 0);
	/* Once is enough. */
	size_t n = spec->linux->n_namespaces;
	assert_int_equal(id_map_add_default(&arena, spec, NULL), 0);
	assert_int_equal(spec->linux->n_namespaces, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_has),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_needs_user_namespace),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
