/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the layer store costs by itself, without registry and network:
 *   layer ROOT BLOB [erofs|dir]
 * takes BLOB (a layer: plain, gzip or zstd tar) into a new store below ROOT, then mounts, stacks,
 * unmounts and removes it. Prints a line per step. ROOT must not exist and is left empty of layers.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "layer/store.h"

#include <sys/resource.h>

#define ROUNDS 200

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static bool nobody(const struct digest *id, void *arg)
{
	return false;
}

static int time_ingest(struct layer_store *store, const char *blob,
	struct layer_ingest_result *result, struct hull_error *err)
{
	_cleanup_close_ int fd = open(blob, O_RDONLY | O_CLOEXEC);
	int64_t start = clock_monotonic_ns();
	double cpu = cpu_seconds();
	struct rusage usage;

	if (fd < 0)
		return error_errno(err, errno, "%s", blob);
	int r = layer_ingest_fd(store, fd, NULL, result, err);
	if (r < 0)
		return r;
	double seconds = (double)(clock_monotonic_ns() - start) / 1e9;
	getrusage(RUSAGE_SELF, &usage);
	printf("ingest     %8.3f s   %6.0f MB/s unpacked, %llu names, cpu %.2f s (%.2f cores), peak RSS %.1f MB\n",
		seconds, (double)result->tar_bytes / 1e6 / seconds,
		(unsigned long long)result->entries, cpu_seconds() - cpu,
		(cpu_seconds() - cpu) / seconds, (double)usage.ru_maxrss / 1024);
	return 0;
}

/* Steps that a container start or a clean-up takes, in microseconds each. */
static int time_mounts(struct layer_store *store, const struct digest *id, struct hull_error *err)
{
	int64_t mount = 0, again = 0, stack = 0, release = 0, t;
	int r = 0;

	for (int i = 0; r == 0 && i < ROUNDS; i++) {
		int fd = -1;
		t = clock_monotonic_ns();
		r = layer_mount(store, id, &fd, err);
		mount += clock_monotonic_ns() - t;
		cleanup_closep(&fd);
		t = clock_monotonic_ns();
		if (r == 0)
			r = layer_mount(store, id, &fd, err);
		again += clock_monotonic_ns() - t;
		cleanup_closep(&fd);
		t = clock_monotonic_ns();
		if (r == 0)
			r = layer_stack_mount(store, id, 1, -1, -1, 0, &fd, err);
		cleanup_closep(&fd);
		stack += clock_monotonic_ns() - t;
		t = clock_monotonic_ns();
		if (r == 0)
			r = layer_release_unused(store, nobody, NULL, err);
		release += clock_monotonic_ns() - t;
	}
	printf("mount      %8.1f us\n", (double)mount / ROUNDS / 1e3);
	printf("look       %8.1f us  (mounted already)\n", (double)again / ROUNDS / 1e3);
	printf("stack      %8.1f us  (one layer, mounted and closed)\n",
		(double)stack / ROUNDS / 1e3);
	printf("release    %8.1f us  (unmounted)\n", (double)release / ROUNDS / 1e3);
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_layer_store_ struct layer_store *store = NULL;
	struct layer_store_options options = {.kind = LAYER_STORE_AUTO};
	struct layer_ingest_result result;

	if (argc < 3) {
		fprintf(stderr, "usage: layer ROOT BLOB [erofs|dir]\n");
		return 2;
	}
	_cleanup_free_ char *run = str_printf("%s/run", argv[1]);
	int r = argc > 3 ? layer_store_kind_parse(argv[3], &options.kind, &err) : 0;
	if (r == 0)
		r = layer_store_open(argv[1], run, &options, &store, &err);
	if (r == 0)
		r = time_ingest(store, argv[2], &result, &err);
	if (r == 0)
		r = time_mounts(store, &result.diff_id, &err);
	int64_t t = clock_monotonic_ns();
	if (r == 0)
		r = layer_store_remove(store, &result.diff_id, &err);
	if (r == 0)
		printf("remove     %8.3f s\n", (double)(clock_monotonic_ns() - t) / 1e9);
	if (r < 0)
		fprintf(stderr, "layer: %s\n", hull_error_message(&err));
	return r < 0;
}
