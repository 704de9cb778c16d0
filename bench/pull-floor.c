/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pull-floor: what a pull cannot do without, once the bytes are here.
 *
 *	pull-floor DIR BLOB...
 *
 * Each blob (a gzip'd layer, as a registry stores it) is read once, hashed, inflated with ISA-L,
 * hashed again and written to one file in DIR, which is synced: both digests of a layer and its
 * content on disk. One process per CPU takes blobs from a common counter, the largest work of one
 * layer being what no parallelism divides. There is no network, no tar parser and no metadata.
 */
#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define IN_SIZE	 (256 * 1024)
#define OUT_SIZE (1024 * 1024)

struct layer {
	struct inflate_state state;
	EVP_MD_CTX *blob_hash;
	EVP_MD_CTX *content_hash;
	int in;
	int out;
	uint8_t in_data[IN_SIZE];
	uint8_t out_data[OUT_SIZE];
};

static int write_all(int fd, const uint8_t *data, size_t n)
{
	while (n > 0) {
		ssize_t r = write(fd, data, n);

		if (r < 0)
			return -1;
		data += r;
		n -= (size_t)r;
	}
	return 0;
}

/* Inflates and writes all of the input at hand. */
static int inflate_input(struct layer *l)
{
	do {
		size_t n;

		l->state.next_out = l->out_data;
		l->state.avail_out = OUT_SIZE;
		if (isal_inflate(&l->state) != ISAL_DECOMP_OK) {
			errno = EBADMSG;
			return -1;
		}
		n = OUT_SIZE - l->state.avail_out;
		if (!EVP_DigestUpdate(l->content_hash, l->out_data, n) ||
			write_all(l->out, l->out_data, n) < 0)
			return -1;
		/* a gzip file may have several members */
		if (l->state.block_state == ISAL_BLOCK_FINISH && l->state.avail_in > 0) {
			isal_inflate_reset(&l->state);
			l->state.crc_flag = ISAL_GZIP;
		}
	} while (l->state.avail_in > 0 || l->state.avail_out == 0);
	return 0;
}

static int unpack(struct layer *l)
{
	ssize_t n;

	isal_inflate_init(&l->state);
	l->state.crc_flag = ISAL_GZIP;
	if (!EVP_DigestInit_ex(l->blob_hash, EVP_sha256(), NULL) ||
		!EVP_DigestInit_ex(l->content_hash, EVP_sha256(), NULL))
		return -1;
	while ((n = read(l->in, l->in_data, IN_SIZE)) > 0) {
		if (!EVP_DigestUpdate(l->blob_hash, l->in_data, (size_t)n))
			return -1;
		l->state.next_in = l->in_data;
		l->state.avail_in = (uint32_t)n;
		if (inflate_input(l) < 0)
			return -1;
	}
	return n < 0 ? -1 : fdatasync(l->out);
}

static int unpack_blob(struct layer *l, const char *dir, const char *blob, unsigned number)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s/layer-%u.tar", dir, number);
	l->in = open(blob, O_RDONLY | O_CLOEXEC);
	l->out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	r = l->in < 0 || l->out < 0 ? -1 : unpack(l);
	if (r == 0 && (!EVP_DigestFinal_ex(l->blob_hash, digest, NULL) ||
			      !EVP_DigestFinal_ex(l->content_hash, digest, NULL)))
		r = -1;
	if (r < 0)
		fprintf(stderr, "pull-floor: %s: %s\n", blob, strerror(errno));
	close(l->in);
	close(l->out);
	return r;
}

static int work(const char *dir, char *const *blobs, unsigned n, unsigned *next)
{
	struct layer *l = calloc(1, sizeof(*l));
	unsigned i;

	if (!l)
		return 1;
	l->blob_hash = EVP_MD_CTX_new();
	l->content_hash = EVP_MD_CTX_new();
	while ((i = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < n) {
		if (unpack_blob(l, dir, blobs[i], i) < 0)
			return 1;
	}
	return 0;
}

int main(int argc, char *argv[])
{
	long workers = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned *next;
	int status, failed = 0;

	if (argc < 3) {
		fprintf(stderr, "Usage: pull-floor DIR BLOB...\n");
		return 2;
	}
	next = mmap(NULL, sizeof(*next), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (next == MAP_FAILED)
		return 1;
	for (long i = 0; i < workers; i++) {
		if (fork() == 0)
			_exit(work(argv[1], argv + 2, (unsigned)argc - 2, next));
	}
	while (wait(&status) > 0)
		failed |= status != 0;
	return failed;
}
