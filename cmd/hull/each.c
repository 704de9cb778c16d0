/* SPDX-License-Identifier: Apache-2.0 */
#include "each.h"

static int one(struct engine *engine, const char *name, each_container_fn *fn, void *data,
	struct hull_error *err)
{
	_cleanup_container_ struct container *c = NULL;
	int r = container_load(engine, name, &c, err);

	return r < 0 ? r : fn(engine, c, data, err);
}

int each_container(struct cli_context *context, int argc, char **argv, bool quiet,
	each_container_fn *fn, void *data, struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	int failed = 0;

	int r = hull_engine_open(context, &engine, err);
	if (r < 0)
		return r;
	for (int i = 0; i < argc; i++) {
		_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;
		r = one(engine, argv[i], fn, data, &why);
		if (r == 0) {
			if (!quiet) {
				puts(argv[i]);
				fflush(stdout);
			}
			continue;
		}
		if (failed)
			fprintf(stderr, "%s: %s\n", context->program, hull_error_message(err));
		failed = r;
		error_move(err, &why);
	}
	return failed;
}
