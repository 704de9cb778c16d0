/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of -v, --tmpfs and --mount; the first byte chooses. What is accepted must name clean
 * absolute paths, and the text that is kept of it must give the same again.
 */
#include "base/path.h"
#include "base/str.h"
#include "engine/parse.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse(struct arena *arena, char form, const char *text, struct mount_request *ret,
	struct hull_error *err)
{
	switch (form) {
	case 't':
		return tmpfs_parse(arena, text, ret, err);
	case 'm':
		return mount_parse(arena, text, "/here", ret, err);
	default:
		return volume_parse(arena, text, "/here", ret, err);
	}
}

static void check_path(const char *path)
{
	if (*path != '/' || path_has_dotdot(path))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct mount_request request = {0}, again = {0};

	if (size == 0 || size > 1 << 15)
		return 0;
	char *text = arena_strndup(&arena, (const char *)data + 1, size - 1);
	if (!text)
		return 0;
	if (parse(&arena, (char)data[0], text, &request, &err) < 0)
		return err.message ? 0 : (abort(), 0);
	check_path(request.destination);
	if (request.kind == MOUNT_KIND_BIND)
		check_path(request.source);
	char *kept = mount_request_format(&arena, &request);
	if (!kept)
		return 0;
	if (parse(&arena, request.kind == MOUNT_KIND_TMPFS ? 't' : 'v', kept, &again, &err) < 0)
		abort();
	if (!str_eq(kept, mount_request_format(&arena, &again)) ||
		request.read_only != again.read_only ||
		request.create_source != again.create_source)
		abort();
	return 0;
}
