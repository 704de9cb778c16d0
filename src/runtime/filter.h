/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles as BPF filters. (libseccomp owns the names that begin with seccomp_.) */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct filter_name {
	const char *name;
	uint32_t value;
};

/* What profiles may say, ended by a NULL name: for reading them and for `features`. */
extern const struct filter_name filter_actions[], filter_operators[], filter_flags[];
extern const char *const filter_architectures[];

/* True if the running kernel knows the SECCOMP_FILTER_FLAG_*. */
bool filter_flag_supported(uint32_t flag);

/* "2.5.4" */
void filter_library_version(char *text, size_t size);

/* SCMP_ARCH_* of a name of linux.seccomp.architectures, 0 if this libseccomp does not know it. */
uint32_t filter_architecture(const char *name);

/* A system call of the profile that libseccomp does not know; a negative value refuses it. */
typedef int filter_unknown_fn(void *userdata, const char *name, struct hull_error *err);

struct filter {
	struct sock_filter *code; /* the caller's, room for max instructions */
	size_t max;
	uint32_t length;
	uint32_t flags;		    /* SECCOMP_FILTER_FLAG_* */
	filter_unknown_fn *unknown; /* NULL = passed over; not called for a filter of the cache */
	void *userdata;
};

struct oci_seccomp;

/* The parsed profile if it notifies a listener, else NULL. Refuses what cannot be notified. */
int filter_listener(
	struct arena *arena, const char *profile, struct oci_seccomp **ret, struct hull_error *err);

/*
 * Makes a filter shorter that says the same; for those that the kernel would take: they end on every
 * way, and jump within themselves. Without memory for it, it stays as it is.
 */
void filter_shrink(struct filter *filter);

/* Compiles a profile (raw JSON). */
int filter_compile(const char *profile, struct filter *filter, struct hull_error *err);

/*
 * The same through a directory of compiled filters (-1: none). Keyed on the raw bytes of the
 * profile, the architecture, and the build of the running program.
 */
int filter_load(const char *profile, int cache_fd, struct filter *filter, struct hull_error *err);
