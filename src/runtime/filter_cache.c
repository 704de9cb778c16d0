/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of compiled filters. The name of an entry is a hash of the profile's bytes, and the
 * entry holds those bytes, which are compared: two profiles never share a filter, whatever the hash
 * does. An entry belongs to the build of the program that made it, since both we and the libseccomp
 * in it decide what a profile means. It is written to a temporary name and renamed, so readers see
 * all of it or nothing; one that is damaged, or of another build, is compiled anew.
 */
#include "runtime/filter.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/build_id.h"

#include <seccomp.h>

#define CACHE_MAGIC   "hullbpf2" /* the layout of an entry */
#define CACHE_ENTRIES 256	 /* more than that, and the cache is emptied */

struct cache_header {
	char magic[8];
	unsigned char build[BUILD_ID_SIZE];
	uint32_t arch;
	uint32_t filter_flags;
	uint32_t key_length;
	uint32_t filter_length; /* instructions */
};

static uint64_t hash(const char *key, size_t n)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)key[i]) * UINT64_C(1099511628211);
	return h;
}

static void cache_name(const char *profile, size_t n, char name[32])
{
	snprintf(name, 32, "%016llx", (unsigned long long)hash(profile, n));
}

static bool cache_load(int cache_fd, const char *profile, size_t n,
	const unsigned char build[BUILD_ID_SIZE], struct filter *filter)
{
	struct cache_header h;
	char name[32];

	cache_name(profile, n, name);
	_cleanup_close_ int fd = openat(cache_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fd_read_exact(fd, &h, sizeof(h)) < 0)
		return false;
	if (memcmp(h.magic, CACHE_MAGIC, sizeof(h.magic)) != 0 ||
		memcmp(h.build, build, sizeof(h.build)) != 0 || h.key_length != n ||
		h.arch != seccomp_arch_native() || h.filter_length == 0 ||
		h.filter_length > filter->max)
		return false;
	size_t size = n + h.filter_length * sizeof(*filter->code);
	_cleanup_free_ char *content = malloc(size);
	if (!content || fd_read_exact(fd, content, size) < 0 || memcmp(content, profile, n) != 0)
		return false;
	memcpy(filter->code, content + n, h.filter_length * sizeof(*filter->code));
	filter->length = h.filter_length;
	filter->flags = h.filter_flags;
	return true;
}

/* Profiles are few. If something makes them by the thousand, all are dropped and begin again. */
static void cache_trim(int cache_fd)
{
	_cleanup_close_ int fd = openat(cache_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t n = 0;

	if (!dir)
		return;
	TAKE_FD(fd);
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	if (n < CACHE_ENTRIES)
		return;
	rewinddir(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] != '.')
			unlinkat(cache_fd, e->d_name, 0);
	}
}

/* Not being able to keep a filter is no reason not to use it. */
static void cache_store(int cache_fd, const char *profile, size_t n,
	const unsigned char build[BUILD_ID_SIZE], const struct filter *filter)
{
	struct cache_header h = {.arch = seccomp_arch_native(),
		.filter_flags = filter->flags,
		.key_length = (uint32_t)n,
		.filter_length = filter->length};
	_cleanup_buf_ struct buf content = BUF_INIT;
	char name[32];

	memcpy(h.magic, CACHE_MAGIC, sizeof(h.magic));
	memcpy(h.build, build, sizeof(h.build));
	cache_name(profile, n, name);
	buf_append(&content, &h, sizeof(h));
	buf_append(&content, profile, n);
	buf_append(&content, filter->code, filter->length * sizeof(*filter->code));
	if (buf_error(&content))
		return;
	cache_trim(cache_fd);
	file_replace_at(cache_fd, name, content.data, content.len, 0600, false);
}

int filter_load(const char *profile, int cache_fd, struct filter *filter, struct hull_error *err)
{
	unsigned char build[BUILD_ID_SIZE];
	bool cached = cache_fd >= 0 && program_build_id(build);
	size_t n = strlen(profile);

	if (cached && cache_load(cache_fd, profile, n, build, filter))
		return 0;
	int r = filter_compile(profile, filter, err);
	if (r == 0 && cached)
		cache_store(cache_fd, profile, n, build, filter);
	return r;
}
