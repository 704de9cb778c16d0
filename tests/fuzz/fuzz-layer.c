/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tar archives, from their bytes to the EROFS metadata: whatever the reader accepts must read the
 * same in one piece and in small ones, and give an image in which an independent checker finds
 * nothing wrong. Checksums are put right first, or no change of a header would get past them.
 */
#include "../unit/layer/erofs-check.h"
#include "../unit/layer/tar-builder.h"
#include "base/fd.h"
#include "layer/erofs.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ENTRIES_MAX 2000 /* an archive of a few KB may well name more directories than that */
#define INPUT_MAX   ((size_t)256 << 10)
#define IMAGE_MAX   ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void repair_checksums(char *tar, size_t size)
{
	for (size_t at = 0; at + TAR_BLOCK <= size; at += TAR_BLOCK)
		if (memcmp(tar + at + offsetof(struct tar_raw_header, magic), "ustar", 5) == 0)
			tar_set_checksum((struct tar_raw_header *)(void *)(tar + at));
}

static struct tree *read_tree(const char *tar, size_t size, size_t step)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_tree_ struct tree *tree = NULL;
	_cleanup_tar_reader_ struct tar_reader *r = NULL;

	if (tree_new(ENTRIES_MAX, &tree, NULL) < 0 ||
		tar_reader_new(&tree_tar_handler, tree, ENTRIES_MAX, &r, NULL) < 0)
		return NULL;
	int e = 0;
	for (size_t at = 0; e == 0 && at < size; at += step)
		e = tar_reader_feed(r, tar + at, size - at < step ? size - at : step, &err);
	if (e == 0)
		e = tar_reader_finish(r, &err);
	if (e == 0)
		e = tree_finish(tree, &err);
	if (e == 0)
		return TAKE_PTR(tree);
	if (!err.message)
		abort(); /* a failure without a reason */
	return NULL;
}

static void check_erofs(struct tree *tree, const char *tar, size_t size)
{
	_cleanup_close_ int tar_fd = memfd_create("tar", MFD_CLOEXEC);
	_cleanup_close_ int fd = memfd_create("erofs", MFD_CLOEXEC);
	_cleanup_buf_ struct buf image = BUF_INIT_MAX(2 * IMAGE_MAX);
	struct erofs_source source = {.tar_fd = tar_fd, .tar_bytes = size};
	struct erofs_check_result result;
	uint64_t bytes;

	if (tar_fd < 0 || fd < 0 || fd_write_all(tar_fd, tar, size) < 0)
		return;
	if (erofs_write(tree, &source, fd, &bytes, NULL) < 0 || bytes > IMAGE_MAX)
		return;
	lseek(fd, 0, SEEK_SET);
	if (fd_read_to_buf(fd, &image, IMAGE_MAX) < 0)
		return;
	const char *bad = erofs_check((const unsigned char *)image.data, image.len, size, &result);
	if (bad) {
		fprintf(stderr, "image: %s\n", bad);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *tar = NULL;
	_cleanup_tree_ struct tree *whole = NULL, *pieces = NULL;

	if (size > INPUT_MAX)
		return 0;
	tar = malloc(size + 1);
	if (!tar)
		return 0;
	memcpy(tar, data, size);
	repair_checksums(tar, size);
	whole = read_tree(tar, size, size ? size : 1);
	pieces = read_tree(tar, size, 301);
	if (!whole != !pieces)
		abort();
	if (!whole)
		return 0;
	if (memcmp(tree_get_totals(whole), tree_get_totals(pieces), sizeof(struct tree_totals)) !=
		0)
		abort();
	check_erofs(whole, tar, size);
	return 0;
}
