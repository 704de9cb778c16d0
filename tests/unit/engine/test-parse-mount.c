/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "engine/parse.h"

enum form {
	VOLUME,
	TMPFS,
	MOUNT,
};

struct expect {
	enum form form;
	const char *text;
	const char *kept; /* what mount_request_format() makes of it; NULL = an error */
	const char *options;
	const char *error;
};

#define BIND_RW	  "rbind rprivate rw"
#define BIND_RO	  "rbind rprivate ro rro"
#define TMPFS_RW  "noexec nosuid nodev rprivate"
#define DUPLICATE "contradicts or repeats"

static const struct expect table[] = {
	{VOLUME, "/a:/b", "/a:/b", BIND_RW, NULL},
	{VOLUME, "/a:/b:rw", "/a:/b", BIND_RW, NULL},
	{VOLUME, "/a:/b:ro", "/a:/b:ro", BIND_RO, NULL},
	{VOLUME, "/a:/b:z,ro", "/a:/b:ro", BIND_RO, NULL},
	{VOLUME, "/a:/b:Z", "/a:/b", BIND_RW, NULL},
	{VOLUME, "/a:/b:nocopy,cached", "/a:/b", BIND_RW, NULL},
	{VOLUME, "/a:/b:rslave", "/a:/b:rslave", "rbind rslave rw", NULL},
	{VOLUME, "/a:/b:shared,ro", "/a:/b:shared,ro", "rbind shared ro rro", NULL},
	{VOLUME, "/a:/b:bind,ro", "/a:/b:bind,ro", "bind rprivate ro", NULL},
	{VOLUME, "/a:/b:nocreate", "/a:/b:nocreate", BIND_RW, NULL},
	{VOLUME, "/a//x/../y/:/b/./c/", "/a/y:/b/c", BIND_RW, NULL},
	{VOLUME, ".:/b", "/here/dir:/b", BIND_RW, NULL},
	{VOLUME, "./x:/b", "/here/dir/x:/b", BIND_RW, NULL},
	{VOLUME, "../x:/b:ro", "/here/x:/b:ro", BIND_RO, NULL},
	{VOLUME, "/:/host:ro", "/:/host:ro", BIND_RO, NULL},
	{VOLUME, "", NULL, NULL, "invalid volume specification: ''"},
	{VOLUME, ":", NULL, NULL, "invalid volume specification: ':'"},
	{VOLUME, "/a:", NULL, NULL, "invalid volume specification: '/a:'"},
	{VOLUME, ":/a", NULL, NULL, "invalid volume specification: ':/a'"},
	{VOLUME, "/a:/b:", NULL, NULL, "invalid volume specification: '/a:/b:'"},
	{VOLUME, "/a:/b:ro:rw", NULL, NULL, "invalid volume specification: '/a:/b:ro:rw'"},
	{VOLUME, "/a:b", NULL, NULL, "'b' mount path must be absolute"},
	{VOLUME, "/a:/", NULL, NULL, "destination can't be '/'"},
	{VOLUME, "/a:/x/..", NULL, NULL, "destination can't be '/'"},
	{VOLUME, "/a:/b:wo", NULL, NULL, "invalid mode: wo"},
	{VOLUME, "/a:/b:ro,", NULL, NULL, "invalid mode: "},
	{VOLUME, "/a:/b:ro,rw", NULL, NULL, DUPLICATE},
	{VOLUME, "/a:/b:ro,ro", NULL, NULL, DUPLICATE},
	{VOLUME, "/a:/b:shared,slave", NULL, NULL, DUPLICATE},
	{VOLUME, "data:/b", NULL, NULL,
		"named volumes are not supported yet (use a path instead of "
		"the name data)"},
	{VOLUME, "/data", NULL, NULL, "volumes without a source are not supported yet"},
	{VOLUME, "a/b:/c", NULL, NULL, "a/b is neither an absolute path nor a valid name"},
	{VOLUME, "~/b:/c", NULL, NULL, "~/b is neither an absolute path nor a valid name"},

	{TMPFS, "/t", "/t:noexec,nosuid,nodev", TMPFS_RW, NULL},
	{TMPFS, "/t:", "/t:noexec,nosuid,nodev", TMPFS_RW, NULL},
	{TMPFS, "/t:rw", "/t:noexec,nosuid,nodev,rw", "noexec nosuid nodev rw rprivate", NULL},
	{TMPFS, "/t:ro,size=64m,mode=1777", "/t:noexec,nosuid,nodev,ro,size=64m,mode=1777",
		"noexec nosuid nodev ro size=64m mode=1777 rprivate", NULL},
	{TMPFS, "/t:exec,suid,dev", "/t:exec,suid,dev", "exec suid dev rprivate", NULL},
	{TMPFS, "/t:exec,noexec,size=1,size=50%", "/t:noexec,nosuid,nodev,size=50%",
		"noexec nosuid nodev size=50% rprivate", NULL},
	{TMPFS, "/t:uid=1000,gid=4294967295", "/t:noexec,nosuid,nodev,uid=1000,gid=4294967295",
		"noexec nosuid nodev uid=1000 gid=4294967295 rprivate", NULL},
	{TMPFS, "t", NULL, NULL, "'t' mount path must be absolute"},
	{TMPFS, "", NULL, NULL, "'' mount path must be absolute"},
	{TMPFS, "/", NULL, NULL, "destination can't be '/'"},
	{TMPFS, "/t:foo", NULL, NULL, "invalid tmpfs option \"foo\""},
	{TMPFS, "/t:size", NULL, NULL, "invalid value of tmpfs option \"size\""},
	{TMPFS, "/t:size=", NULL, NULL, "invalid value of tmpfs option \"size=\""},
	{TMPFS, "/t:size=1q", NULL, NULL, "invalid value of tmpfs option \"size=1q\""},
	{TMPFS, "/t:size=1kk", NULL, NULL, "invalid value of tmpfs option \"size=1kk\""},
	{TMPFS, "/t:mode=999", NULL, NULL, "invalid value of tmpfs option \"mode=999\""},
	{TMPFS, "/t:ro=1", NULL, NULL, "invalid value of tmpfs option \"ro=1\""},
	{TMPFS, "/t:uid=-1", NULL, NULL, "invalid value of tmpfs option \"uid=-1\""},

	{MOUNT, "type=bind,source=/a,target=/b", "/a:/b:nocreate", BIND_RW, NULL},
	{MOUNT, "type=bind,src=/a,dst=/b,readonly", "/a:/b:ro,nocreate", BIND_RO, NULL},
	{MOUNT, "Type=Bind,Src=/a,destination=/b,ro=true", "/a:/b:ro,nocreate", BIND_RO, NULL},
	{MOUNT, "type=bind,src=/a,dst=/b,ro=0", "/a:/b:nocreate", BIND_RW, NULL},
	{MOUNT, "type=bind,src=./a,dst=/b", "/here/dir/a:/b:nocreate", BIND_RW, NULL},
	{MOUNT, "type=bind,src=/a,dst=/b,bind-propagation=rshared", "/a:/b:rshared,nocreate",
		"rbind rshared rw", NULL},
	{MOUNT, "type=bind,src=/a,dst=/b,bind-nonrecursive,ro", "/a:/b:bind,ro,nocreate",
		"bind rprivate ro", NULL},
	{MOUNT, "type=bind,src=/a,dst=/b,bind-recursive=disabled", "/a:/b:bind,nocreate",
		"bind rprivate rw", NULL},
	{MOUNT, "type=bind,src=/a,dst=/b,ro,bind-recursive=writable", "/a:/b:ro,below-rw,nocreate",
		"rbind rprivate ro", NULL},
	{MOUNT, "type=bind,src=/a,dst=/b,ro,bind-recursive=readonly", "/a:/b:ro,nocreate", BIND_RO,
		NULL},
	{MOUNT, "type=bind,src=/a,dst=/b,bind-recursive=yes", NULL, NULL,
		"invalid value for bind-recursive: yes"},
	{MOUNT, "type=bind,src=/a,dst=/b,consistency=cached", "/a:/b:nocreate", BIND_RW, NULL},
	{MOUNT, "type=bind,\"src=/a,b\",\"dst=/q\"\"q\"", "/a,b:/q\"q:nocreate", BIND_RW, NULL},
	{MOUNT, "type=tmpfs,dst=/t", "/t:noexec,nosuid,nodev", TMPFS_RW, NULL},
	{MOUNT, "type=tmpfs,dst=/t,tmpfs-size=64m,tmpfs-mode=700,ro",
		"/t:noexec,nosuid,nodev,ro,size=67108864,mode=700",
		"noexec nosuid nodev ro size=67108864 mode=700 rprivate", NULL},
	{MOUNT, "", NULL, NULL, "must be a key=value pair"},
	{MOUNT, "type=bind,src=/a", NULL, NULL, "target is required"},
	{MOUNT, "type=bind,dst=/a", NULL, NULL, "source is required"},
	{MOUNT, "type=bind,src=a,dst=/a", NULL, NULL, "source must be an absolute path: a"},
	{MOUNT, "type=bind,src=/a,dst=a", NULL, NULL, "'a' mount path must be absolute"},
	{MOUNT, "type=bind,src=/a,dst=/a,foo=bar", NULL, NULL, "unexpected key 'foo' in 'foo=bar'"},
	{MOUNT, "type=bind,src=/a,dst=/a,foo", NULL, NULL, "'foo' must be a key=value pair"},
	{MOUNT, "type=bind,src=/a,dst=/a,ro=maybe", NULL, NULL, "invalid value for ro: maybe"},
	{MOUNT, "type=bind,src=/a,dst=/a,bind-propagation=ro", NULL, NULL, "propagation \"ro\""},
	{MOUNT, "type=bind,src=/a,dst=/a,tmpfs-size=1", NULL, NULL, "is for mounts of type tmpfs"},
	{MOUNT, "type=tmpfs,dst=/a,bind-propagation=shared", NULL, NULL,
		"is for mounts of type bind"},
	{MOUNT, "type=tmpfs,src=/a,dst=/a", NULL, NULL, "has no source"},
	{MOUNT, "type=tmpfs,dst=/a,tmpfs-mode=9", NULL, NULL, "\"mode=9\""},
	{MOUNT, "type=tmpfs,dst=/a,tmpfs-size=x", NULL, NULL, "tmpfs-size: x"},
	{MOUNT, "type=bind,src=/a:b,dst=/a", NULL, NULL, "paths with a colon"},
	{MOUNT, "type=bind,src=/a,\"dst=/a", NULL, NULL, "quote that does not end"},
	{MOUNT, "src=data,dst=/a", NULL, NULL, "mounts of type volume are not supported yet"},
	{MOUNT, "type=image,src=x,dst=/a", NULL, NULL,
		"mounts of type image are not supported yet"},
};

static int parse(struct arena *arena, enum form form, const char *text, struct mount_request *ret,
	struct hull_error *err)
{
	if (form == VOLUME)
		return volume_parse(arena, text, "/here/dir", ret, err);
	if (form == TMPFS)
		return tmpfs_parse(arena, text, ret, err);
	return mount_parse(arena, text, "/here/dir", ret, err);
}

static void check_request(
	struct arena *arena, const struct expect *e, const struct mount_request *request)
{
	_cleanup_free_ char *options = strv_join(request->options, " ");

	assert_string_equal(options, e->options);
	assert_int_equal(request->read_only, strv_contains(request->options, "ro"));
	assert_string_equal(mount_request_format(arena, request), e->kept);
	assert_int_equal(request->kind == MOUNT_KIND_BIND, request->source != NULL);
	if (e->form != TMPFS)
		assert_int_equal(
			request->create_source, e->form == VOLUME && !strstr(e->text, "nocreate"));
}

static void test_table(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct expect *e = &table[i];
		_cleanup_arena_ struct arena arena = ARENA_INIT;
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
		struct mount_request request = {0}, again = {0};

		int r = parse(&arena, e->form, e->text, &request, &err);
		if (!e->kept) {
			if (r == 0 || !strstr(hull_error_message(&err), e->error))
				fail_msg("%s: %s", e->text,
					r ? hull_error_message(&err) : "no error");
			assert_true(err.kind == HULL_ERROR_INVALID ||
				    err.kind == HULL_ERROR_UNSUPPORTED);
			continue;
		}
		if (r < 0)
			fail_msg("%s: %s", e->text, hull_error_message(&err));
		check_request(&arena, e, &request);

		/* What is kept gives the same request again. */
		enum form form = request.kind == MOUNT_KIND_BIND ? VOLUME : TMPFS;
		assert_int_equal(parse(&arena, form, e->kept, &again, &err), 0);
		_cleanup_free_ char *options = strv_join(again.options, " ");
		assert_string_equal(options, e->options);
		assert_int_equal(again.create_source, request.create_source);
		assert_string_equal(again.destination, request.destination);
	}
}

static void test_cwd(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	struct mount_request request;

	assert_int_equal(volume_parse(&arena, ".:/x", NULL, &request, NULL), 0);
	assert_string_equal(request.source, cwd);
}

static void test_duplicates(void **state)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct mount_request requests[3];

	assert_int_equal(volume_parse(&arena, "/a:/x", NULL, &requests[0], NULL), 0);
	assert_int_equal(tmpfs_parse(&arena, "/y", &requests[1], NULL), 0);
	assert_int_equal(mount_parse(&arena, "type=tmpfs,dst=/x/.", NULL, &requests[2], NULL), 0);
	assert_int_equal(mount_requests_check(requests, 2, &err), 0);
	assert_true(mount_requests_check(requests, 3, &err) < 0);
	assert_string_equal(hull_error_message(&err), "Duplicate mount point: /x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_cwd),
		cmocka_unit_test(test_duplicates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
