/* SPDX-License-Identifier: Apache-2.0 */
#include "layer/spool.h"

#include "base/cleanup.h"
#include "layer/tar-header.h"

#include <fcntl.h>
#include <sys/param.h>
#include <sys/statvfs.h>

#define HOLE_UNIT	((size_t)64 << 10)
#define WRITE_BACK_STEP ((uint64_t)8 << 20)
#define SPACE_STEP	((uint64_t)64 << 20)
#define SPACE_RESERVE	((uint64_t)256 << 20) /* left to the rest of the system, */
#define SPACE_SHARE	50u		      /* but no more than such a part of the disk */

void spool_init(struct spool *s, int fd)
{
	*s = (struct spool){.fd = fd};
}

static int check_space(struct spool *s, struct hull_error *err)
{
	struct statvfs fs;

	if (s->written < s->space_check)
		return 0;
	s->space_check = s->written + SPACE_STEP;
	if (fstatvfs(s->fd, &fs) < 0)
		return error_errno(err, errno, "look at the free disk space");
	uint64_t reserve = MIN(SPACE_RESERVE, (uint64_t)fs.f_blocks / SPACE_SHARE * fs.f_frsize);
	if ((uint64_t)fs.f_bavail * fs.f_frsize < reserve)
		return error_set(err, HULL_ERROR_LIMIT,
			"layer: less than %llu MiB of disk space left after %llu bytes",
			(unsigned long long)(reserve >> 20), (unsigned long long)s->bytes);
	return 0;
}

static int write_run(struct spool *s, const unsigned char *data, size_t n, struct hull_error *err)
{
	uint64_t at = s->bytes;

	while (n > 0) {
		ssize_t w = pwrite(s->fd, data, n, (off_t)at);
		if (w < 0) {
			if (errno == EINTR)
				continue;
			return error_errno(err, errno, "write the layer's tar");
		}
		data += w;
		n -= (size_t)w;
		at += (uint64_t)w;
		s->written += (uint64_t)w;
	}
	s->bytes = at;
	return check_space(s, err);
}

int spool_write(struct spool *s, const unsigned char *data, size_t n, struct hull_error *err)
{
	while (n > 0) {
		size_t run = 0, unit = 0;
		int r = 0;
		while (run < n) {
			unit = n - run < HOLE_UNIT ? n - run : HOLE_UNIT;
			if (tar_is_zero(data + run, unit))
				break;
			run += unit;
			unit = 0;
		}
		if (run > 0)
			r = write_run(s, data, run, err);
		if (r < 0)
			return r;
		s->bytes += unit;
		data += run + unit;
		n -= run + unit;
	}
	if (s->bytes - s->started >= WRITE_BACK_STEP) {
		/* Advice only. */
		sync_file_range(s->fd, (off_t)s->started, (off_t)(s->bytes - s->started),
			SYNC_FILE_RANGE_WRITE);
		s->started = s->bytes;
	}
	return 0;
}

int spool_finish(struct spool *s, struct hull_error *err)
{
	if (ftruncate(s->fd, (off_t)s->bytes) < 0)
		return error_errno(err, errno, "write the layer's tar");
	return 0;
}
