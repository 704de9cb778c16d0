/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries that only some commands need are loaded at first use, so that the others do not pay
 * for them: a table of symbols is filled from a shared object, once per process, under a lock.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

struct library_symbol {
	const char *name;
	void **pointer; /* filled by library_load() */
};

struct library {
	const char *soname;  /* "libcurl.so.4" */
	const char *package; /* what to install, named in the error: "libcurl4" */
	const struct library_symbol *symbols;
	size_t n_symbols;
	void *handle; /* NULL until loaded; never unloaded */
};

/* False in a program that is linked statically: it has no dynamic loader. */
bool library_can_load(void);

/* Loads the library unless it is loaded. Thread-safe. 0, or negative with an error that names it. */
int library_load(struct library *library, struct hull_error *err);
