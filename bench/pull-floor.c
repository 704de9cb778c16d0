/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pull-floor: what a pull cannot do without, once the bytes are here.
 *
 *	pull-floor DIR BLOB...
 *
 * Each blob (a gzip'd layer, as a registry stores it) is read once, hashed, inflated with ISA-L,
 * hashed again and written to one file in DIR, which is synced: both digests of a layer and its
 * content on disk. A layer is a pipeline of two threads, the second one hashing and writing what
 * the first one has inflated, and several layers are under way at a time, so that a single layer
 * and three equal ones keep two CPUs busy to the end. There is no network, no tar parser and no
 * metadata.
 */
#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define IN_SIZE	 (256 * 1024)
#define OUT_SIZE (512 * 1024)
#define BUFFERS	 8

struct layer {
	struct inflate_state state;
	EVP_MD_CTX *blob_hash;
	EVP_MD_CTX *content_hash;
	int in;
	int out;
	uint8_t in_data[IN_SIZE];
	/* between the threads: a ring of buffers; a filled one of length 0 is the end */
	uint8_t out_data[BUFFERS][OUT_SIZE];
	size_t out_length[BUFFERS];
	unsigned filled; /* by the first thread, ever */
	sem_t empty, full;
	int out_error;
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

/* The second thread. After a failure it goes on taking buffers, so that the first one can end. */
static void *write_content(void *arg)
{
	struct layer *l = arg;

	for (unsigned i = 0;; i = (i + 1) % BUFFERS) {
		sem_wait(&l->full);
		if (l->out_length[i] == 0)
			return NULL;
		if (!l->out_error &&
			(!EVP_DigestUpdate(l->content_hash, l->out_data[i], l->out_length[i]) ||
				write_all(l->out, l->out_data[i], l->out_length[i]) < 0))
			l->out_error = errno ? errno : EIO;
		sem_post(&l->empty);
	}
}

static void hand_over(struct layer *l, size_t n)
{
	l->out_length[l->filled++ % BUFFERS] = n;
	sem_post(&l->full);
}

/* Inflates all of the input at hand. */
static int inflate_input(struct layer *l)
{
	do {
		sem_wait(&l->empty);
		l->state.next_out = l->out_data[l->filled % BUFFERS];
		l->state.avail_out = OUT_SIZE;
		if (isal_inflate(&l->state) != ISAL_DECOMP_OK) {
			errno = EBADMSG;
			return -1;
		}
		if (l->state.avail_out < OUT_SIZE)
			hand_over(l, OUT_SIZE - l->state.avail_out);
		else
			sem_post(&l->empty);
		/* a gzip file may have several members */
		if (l->state.block_state == ISAL_BLOCK_FINISH && l->state.avail_in > 0) {
			isal_inflate_reset(&l->state);
			l->state.crc_flag = ISAL_GZIP;
		}
	} while (l->state.avail_in > 0 || l->state.avail_out == 0);
	return 0;
}

/* The first thread. */
static int read_content(struct layer *l)
{
	ssize_t n;

	while ((n = read(l->in, l->in_data, IN_SIZE)) > 0) {
		if (!EVP_DigestUpdate(l->blob_hash, l->in_data, (size_t)n))
			return -1;
		l->state.next_in = l->in_data;
		l->state.avail_in = (uint32_t)n;
		if (inflate_input(l) < 0)
			return -1;
	}
	return (int)n;
}

static int unpack(struct layer *l)
{
	pthread_t writer;
	int r;

	isal_inflate_init(&l->state);
	l->state.crc_flag = ISAL_GZIP;
	l->filled = 0;
	l->out_error = 0;
	if (!EVP_DigestInit_ex(l->blob_hash, EVP_sha256(), NULL) ||
		!EVP_DigestInit_ex(l->content_hash, EVP_sha256(), NULL) ||
		sem_init(&l->empty, 0, BUFFERS) < 0 || sem_init(&l->full, 0, 0) < 0 ||
		pthread_create(&writer, NULL, write_content, l) != 0)
		return -1;
	r = read_content(l);
	sem_wait(&l->empty);
	hand_over(l, 0);
	pthread_join(writer, NULL);
	if (r < 0)
		return -1;
	errno = l->out_error;
	return l->out_error ? -1 : fdatasync(l->out);
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
	long workers = sysconf(_SC_NPROCESSORS_ONLN) * 4;
	unsigned *next;
	int status, failed = 0;

	if (argc < 3) {
		fprintf(stderr, "Usage: pull-floor DIR BLOB...\n");
		return 2;
	}
	next = mmap(NULL, sizeof(*next), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (next == MAP_FAILED)
		return 1;
	for (long i = 0; i < workers && i < argc - 2; i++) {
		if (fork() == 0)
			_exit(work(argv[1], argv + 2, (unsigned)argc - 2, next));
	}
	while (wait(&status) > 0)
		failed |= status != 0;
	return failed;
}
