/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver of fuzzing targets in ordinary builds: hands every file of the folders it is given to
 * the target once, so that `meson test` repeats what fuzzing has found. Ends with failure if there
 * was nothing to replay. What breaks is named before it is tried.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(int dir, const char *folder, const char *name)
{
	_cleanup_buf_ struct buf content = BUF_INIT;
	int r = file_read_at(dir, name, &content, 0);

	if (r < 0) {
		fprintf(stderr, "%s/%s: %s\n", folder, name, strerror(-r));
		return r;
	}
	printf("%s/%s\n", folder, name);
	fflush(stdout);

	/* An exact copy on the heap, so that reading one byte too far is seen. */
	_cleanup_free_ uint8_t *exact = malloc(content.len ? content.len : 1);
	if (!exact)
		return -ENOMEM;
	if (content.len)
		memcpy(exact, content.data, content.len);
	return LLVMFuzzerTestOneInput(exact, content.len);
}

static int replay_folder(const char *folder, unsigned int *count)
{
	_cleanup_closedir_ DIR *dir = opendir(folder);

	if (!dir) {
		perror(folder);
		return -errno;
	}
	for (const struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		int r = replay_file(dirfd(dir), folder, entry->d_name);

		if (r < 0)
			return r;
		++*count;
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int count = 0;

	for (int i = 1; i < argc; i++)
		if (replay_folder(argv[i], &count) < 0)
			return 1;
	if (!count) {
		fprintf(stderr, "nothing to replay\n");
		return 1;
	}
	printf("%u inputs\n", count);
	return 0;
}
