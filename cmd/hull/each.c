/* SPDX-License-Identifier: Apache-2.0 */
#include "each.h"

int each_name(struct cli_context *context, int argc, char **argv, each_name_fn *fn, void *data,
	struct hull_error *err)
{
	_cleanup_engine_ struct engine *engine = NULL;
	int failed = 0;

	int r = hull_engine_open(context, &engine, err);
	if (r < 0)
		return r;
	for (int i = 0; i < argc; i++) {
		_cleanup_error_ struct hull_error why = HULL_ERROR_INIT;

		r = fn(engine, argv[i], data, &why);
		if (r == 0) {
			puts(argv[i]);
			fflush(stdout);
		}
		if (r >= 0)
			continue;
		if (failed)
			fprintf(stderr, "%s: %s\n", context->program, hull_error_message(err));
		failed = r;
		error_move(err, &why);
	}
	return failed;
}

struct each_container {
	each_container_fn *fn;
	void *data;
};

static int load_and_call(
	struct engine *engine, const char *name, void *data, struct hull_error *err)
{
	_cleanup_container_ struct container *c = NULL;
	const struct each_container *each = data;
	int r = container_load(engine, name, &c, err);

	return r < 0 ? r : each->fn(engine, c, each->data, err);
}

int each_container(struct cli_context *context, int argc, char **argv, each_container_fn *fn,
	void *data, struct hull_error *err)
{
	struct each_container each = {fn, data};

	return each_name(context, argc, argv, load_and_call, &each, err);
}

int each_forgive_missing(int r, struct hull_error *err)
{
	if (r >= 0 || err->kind != HULL_ERROR_NOT_FOUND)
		return r;
	fprintf(stderr, "Error: %s\n", hull_error_message(err));
	hull_error_done(err);
	return 1;
}
