/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ENOSYS for what is newer than the profile. A C library tries a new system call first and falls
 * back when the kernel says ENOSYS. A profile that was written before the call existed refuses it
 * with its default errno instead, EPERM as a rule, which programs take for the answer. So, before
 * libseccomp's part, each architecture of the filter compares the number with the largest one that
 * the profile names, and what lies beyond does not exist. A call that is not named but older keeps
 * the default action: leaving it out was a decision.
 *
 * Only where the default is an errno: whoever wants a process killed for any unlisted call, gets it.
 *
 * Numbers that are no plain count: x32 shares its architecture's code with x86_64, has a bit of its
 * own, and beside the common calls a closed block of older ones from 512 to 547; ARM has private calls
 * far above the others; MIPS begins each ABI at its own thousand,
 * which needs no care. A number of -1 is a call that a tracer has skipped.
 *
 * Classic BPF jumps forward by at most 255 on a condition, and without limit otherwise: each
 * architecture's block is entered or skipped by a short jump and left by a long one.
 */
#include "runtime/filter_stub.h"
#include "base/str.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>

#define X32_BIT	    UINT32_C(0x40000000)
#define X32_FIRST   (X32_BIT | 512)
#define X32_LAST    (X32_BIT | 547)
#define ARM_PRIVATE UINT32_C(0x000f0000)
#define SKIPPED	    UINT32_MAX

#define ARCHITECTURES_MAX 32

struct last_call {
	uint32_t architecture; /* SCMP_ARCH_*, which is the kernel's AUDIT_ARCH_* but for x32 */
	uint32_t number;
};

struct stub {
	struct sock_filter *code;
	size_t max, n;
	size_t leaves[2 * ARCHITECTURES_MAX]; /* jumps to the end, which is known last */
	size_t n_leaves;
};

static void put(struct stub *s, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (s->n < s->max)
		s->code[s->n] = (struct sock_filter){.code = code, .jt = yes, .jf = no, .k = k};
	s->n++;
}

static void put_leave(struct stub *s)
{
	s->leaves[s->n_leaves++] = s->n;
	put(s, BPF_JMP | BPF_JA, 0, 0, 0);
}

/* A number outside of the count: how large it is says nothing. */
static bool is_apart(uint32_t architecture, int number)
{
	uint32_t n = (uint32_t)number;

	return architecture == SCMP_ARCH_ARM   ? n >= ARM_PRIVATE
	       : architecture == SCMP_ARCH_X32 ? n >= X32_FIRST && n <= X32_LAST
					       : false;
}

/* The largest number that the profile names on that architecture; false if it names none. */
static bool find_last(
	const struct oci_seccomp *profile, uint32_t architecture, struct last_call *ret)
{
	int last = -1;

	for (size_t i = 0; i < profile->n_syscalls; i++) {
		strv_foreach (name, profile->syscalls[i].names) {
			int number = seccomp_syscall_resolve_name_arch(architecture, *name);
			if (number > last && !is_apart(architecture, number))
				last = number;
		}
	}
	*ret = (struct last_call){architecture, (uint32_t)last};
	return last >= 0;
}

static size_t find_all(const struct oci_seccomp *profile, struct last_call list[ARCHITECTURES_MAX])
{
	/* libseccomp filters the machine's own whether it is named or not. */
	uint32_t native = seccomp_arch_native();
	size_t n = find_last(profile, native, &list[0]);

	strv_foreach (name, profile->architectures) {
		uint32_t architecture = filter_architecture(*name);
		bool known = architecture == 0 || architecture == native;
		for (size_t i = 0; i < n; i++)
			known |= list[i].architecture == architecture;
		if (!known && n < ARCHITECTURES_MAX)
			n += find_last(profile, architecture, &list[n]);
	}
	return n;
}

/* "number > last: ENOSYS", with the number in the accumulator; what is not, goes on behind. */
static void put_compare(struct stub *s, uint32_t last)
{
	put(s, BPF_JMP | BPF_JGT | BPF_K, last, 0, 1);
	put(s, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
}

static void put_x86_64(struct stub *s, const struct last_call *plain, const struct last_call *x32)
{
	/* Over what is about plain numbers; without x32 in the filter, to its jump to the end. */
	put(s, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, (plain ? 2 : 0) + (x32 ? 1 : 0), 0);
	if (plain)
		put_compare(s, plain->number);
	put_leave(s);
	if (!x32)
		return;
	put(s, BPF_JMP | BPF_JEQ | BPF_K, SKIPPED, 4, 0);
	put(s, BPF_JMP | BPF_JGT | BPF_K, X32_LAST, 1, 0);
	put(s, BPF_JMP | BPF_JGE | BPF_K, X32_FIRST, 2, 0);
	put_compare(s, x32->number);
	put_leave(s);
}

static void put_plain(struct stub *s, const struct last_call *last)
{
	/* A skipped call, and ARM's private ones, are left to libseccomp. */
	put(s, BPF_JMP | BPF_JGE | BPF_K,
		last->architecture == SCMP_ARCH_ARM ? ARM_PRIVATE : SKIPPED, 2, 0);
	put_compare(s, last->number);
	put_leave(s);
}

static const struct last_call *find_call(
	const struct last_call *list, size_t n, uint32_t architecture)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].architecture == architecture)
			return &list[i];
	}
	return NULL;
}

/* The block of one AUDIT_ARCH_*: entered with the architecture in the accumulator, left at the end. */
static void put_block(struct stub *s, const struct last_call *list, size_t n, size_t i)
{
	const struct last_call *plain = find_call(list, n, SCMP_ARCH_X86_64);
	const struct last_call *x32 = find_call(list, n, SCMP_ARCH_X32);
	bool x86_64 = &list[i] == plain || &list[i] == x32;
	size_t begin = s->n;

	/* One block for both. */
	if (&list[i] == x32 && plain)
		return;
	put(s, BPF_JMP | BPF_JEQ | BPF_K, x86_64 ? SCMP_ARCH_X86_64 : list[i].architecture, 0, 0);
	put(s, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	if (x86_64)
		put_x86_64(s, plain, x32);
	else
		put_plain(s, &list[i]);
	if (begin < s->max)
		s->code[begin].jf = (uint8_t)(s->n - begin - 1);
}

size_t filter_stub(const struct oci_seccomp *profile, uint32_t default_action,
	struct sock_filter *code, size_t max)
{
	struct last_call list[ARCHITECTURES_MAX];
	struct stub s = {.code = code, .max = max};

	if ((default_action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO ||
		default_action == SCMP_ACT_ERRNO(ENOSYS))
		return 0;
	size_t n = find_all(profile, list);
	if (n == 0)
		return 0;
	put(&s, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	for (size_t i = 0; i < n; i++)
		put_block(&s, list, n, i);
	if (s.n > max)
		return 0;
	for (size_t i = 0; i < s.n_leaves; i++)
		code[s.leaves[i]].k = (uint32_t)(s.n - s.leaves[i] - 1);
	return s.n;
}
