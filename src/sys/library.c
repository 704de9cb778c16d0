/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/library.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

/* What a dynamic loader reads; the linker leaves it out of a static program. */
extern ElfW(Dyn) _DYNAMIC[] __attribute__((weak, visibility("hidden")));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int load_locked(struct library *library, struct hull_error *err)
{
	if (library->handle)
		return 0;
	void *handle = dlopen(library->soname, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"%s: cannot be loaded (install %s): %s", library->soname, library->package,
			dlerror());
	for (size_t i = 0; i < library->n_symbols; i++) {
		void *symbol = dlsym(handle, library->symbols[i].name);
		if (!symbol) {
			dlclose(handle);
			return error_set(err, HULL_ERROR_UNSUPPORTED, "%s: has no symbol %s",
				library->soname, library->symbols[i].name);
		}
		*library->symbols[i].pointer = symbol;
	}
	library->handle = handle;
	return 0;
}

bool library_can_load(void)
{
	return _DYNAMIC != NULL;
}

int library_load(struct library *library, struct hull_error *err)
{
	pthread_mutex_lock(&lock);
	int r = load_locked(library, err);
	pthread_mutex_unlock(&lock);
	return r;
}
