/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table behind the default seccomp profile: one row for each group of system calls that share
 * a condition. Whatever no row allows fails with EPERM.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SECCOMP_RULE_ALWAYS (-1)

enum seccomp_rule_test {
	SECCOMP_TEST_NONE,
	SECCOMP_TEST_EQUAL,	 /* one rule for each value */
	SECCOMP_TEST_BELOW,	 /* less than values[0] */
	SECCOMP_TEST_NO_BITS_OF, /* no bit of values[0] set */
};

struct seccomp_rule {
	const char *names;  /* separated by blanks */
	const char *arches; /* names as in "arches" of a profile, blanks around each; NULL = all */
	const char *not_arches; /* the others */
	int capability;		/* SECCOMP_RULE_ALWAYS, or the one that must be there */
	int without_capability; /* SECCOMP_RULE_ALWAYS, or the one that must not be there */
	int errno_ret;		/* 0 = allow, else fail with it */
	enum seccomp_rule_test test;
	unsigned int argument; /* the one that is tested */
	const uint64_t *values;
	size_t n_values;
};

extern const struct seccomp_rule seccomp_rules[];
extern const size_t seccomp_rules_count;

/* The processor families: which system call tables a process may use. */
struct seccomp_arch {
	const char *machines; /* of uname(2), blanks around each */
	const char *name;     /* as in "arches" of a profile */
	const char *native;   /* as in "archMap" of a profile */
	const char *all;      /* native and those it can run, separated by blanks */
};

/* The row of this machine; one without architectures for a machine that has none. */
const struct seccomp_arch *seccomp_rules_arch_native(void);
