/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "cgroup/device.h"

#include <linux/bpf.h>

/*
 * A machine for the few instructions that the compiler of device rules emits: what the kernel's own
 * would answer, without a kernel that lets us load programs. Anything else fails the test.
 */
static int machine_run(const uint64_t *insns, size_t n, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t reg[11] = {0};
	size_t pc = 0;

	for (int steps = 0; steps < 10000; steps++) {
		assert_true(pc < n);
		uint8_t code = (uint8_t)insns[pc];
		unsigned int dst = insns[pc] >> 8 & 15, src = insns[pc] >> 12 & 15;
		int16_t off = (int16_t)(insns[pc] >> 16);
		int64_t imm = (int32_t)(insns[pc] >> 32);
		pc++;
		switch (code) {
		case BPF_LDX | BPF_W | BPF_MEM: {
			uint32_t word;
			assert_true(src == 1 && off >= 0 && off <= 8);
			memcpy(&word, (const char *)ctx + off, sizeof(word));
			reg[dst] = word;
			break;
		}
		case BPF_ALU64 | BPF_MOV | BPF_X:
			reg[dst] = reg[src];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			reg[dst] = (uint64_t)imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			reg[dst] >>= imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			reg[dst] &= (uint64_t)imm;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			pc += (uint32_t)reg[dst] != (uint32_t)imm ? (size_t)off : 0;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			pc += reg[dst] != (uint64_t)imm ? (size_t)off : 0;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += reg[dst] == (uint64_t)imm ? (size_t)off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)reg[0];
		default:
			fail_msg("instruction 0x%02x", code);
		}
	}
	fail_msg("the program does not end");
	return -1;
}

static int ask(const struct device_rule *rules, size_t n, char type, uint32_t major, uint32_t minor,
	unsigned int access)
{
	uint64_t *insns;
	ssize_t count = device_program(rules, n, &insns);
	struct bpf_cgroup_dev_ctx ctx = {
		.access_type = (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR) |
			       ((access & DEVICE_READ ? BPF_DEVCG_ACC_READ : 0) |
				       (access & DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
				       (access & DEVICE_MAKE ? BPF_DEVCG_ACC_MKNOD : 0))
				       << 16,
		.major = major,
		.minor = minor};

	assert_true(count > 0);
	int answer = machine_run(insns, (size_t)count, &ctx);
	free(insns);
	return answer;
}

static const struct device_rule usual[] = {
	{false, 'a', DEVICE_ANY, DEVICE_ANY, DEVICE_ALL},
	{true, 'c', DEVICE_ANY, DEVICE_ANY, DEVICE_MAKE},
	{true, 'c', 1, 3, DEVICE_ALL},
	{true, 'c', 136, DEVICE_ANY, DEVICE_READ},
	{true, 'c', 136, 5, DEVICE_WRITE},
};

static void test_usual(void **state)
{
	const size_t n = ARRAY_SIZE(usual);

	(void)state;
	assert_int_equal(ask(usual, n, 'c', 1, 3, DEVICE_READ | DEVICE_WRITE), 1);
	assert_int_equal(ask(usual, n, 'b', 1, 3, DEVICE_READ), 0);
	assert_int_equal(ask(usual, n, 'c', 1, 1, DEVICE_READ), 0);
	assert_int_equal(ask(usual, n, 'c', 1, 1, DEVICE_MAKE), 1);
	assert_int_equal(ask(usual, n, 'c', 136, 9, DEVICE_READ), 1);
	assert_int_equal(ask(usual, n, 'c', 136, 9, DEVICE_WRITE), 0);
	/* Granted by two rules together, the making by a third. */
	assert_int_equal(ask(usual, n, 'c', 136, 5, DEVICE_READ | DEVICE_WRITE), 1);
	assert_int_equal(ask(usual, n, 'c', 136, 5, DEVICE_ALL), 1);
	assert_int_equal(ask(usual, n, 'c', 136, 6, DEVICE_READ | DEVICE_WRITE), 0);
}

static void test_the_last_rule_decides(void **state)
{
	const struct device_rule rules[] = {
		{true, 'a', DEVICE_ANY, DEVICE_ANY, DEVICE_ALL},
		{false, 'c', 10, DEVICE_ANY, DEVICE_WRITE},
		{true, 'c', 10, 200, DEVICE_ALL},
	};

	(void)state;
	assert_int_equal(ask(rules, 3, 'c', 10, 1, DEVICE_READ), 1);
	assert_int_equal(ask(rules, 3, 'c', 10, 1, DEVICE_READ | DEVICE_WRITE), 0);
	assert_int_equal(ask(rules, 3, 'c', 10, 200, DEVICE_ALL), 1);
	assert_int_equal(ask(rules, 3, 'b', 8, 0, DEVICE_ALL), 1);
	assert_int_equal(ask(rules, 0, 'b', 8, 0, DEVICE_READ), 0);
}

static bool matches(const struct device_rule *rule, char type, int64_t major, int64_t minor)
{
	return (rule->type == 'a' || rule->type == type) &&
	       (rule->major == DEVICE_ANY || rule->major == major) &&
	       (rule->minor == DEVICE_ANY || rule->minor == minor);
}

/* The meaning, said plainly: every kind of access goes to the last rule that speaks of it. */
static int meaning(const struct device_rule *rules, size_t n, char type, int64_t major,
	int64_t minor, unsigned int access)
{
	for (unsigned int bit = 1; bit <= DEVICE_MAKE; bit <<= 1) {
		bool allowed = false;

		for (size_t i = 0; i < n; i++)
			if (matches(&rules[i], type, major, minor) && (rules[i].access & bit))
				allowed = rules[i].allow;
		if ((access & bit) && !allowed)
			return 0;
	}
	return 1;
}

static void test_random_rules(void **state)
{
	uint32_t seed = 12345;

	(void)state;
#define NEXT(n) ((seed = seed * 1664525 + 1013904223) >> 16) % (n)
	for (int round = 0; round < 3000; round++) {
		struct device_rule rules[6];
		size_t n = NEXT(7);

		for (size_t i = 0; i < n; i++) {
			rules[i].allow = NEXT(2);
			rules[i].type = "abc"[NEXT(3)];
			rules[i].major = (int64_t)(NEXT(3)) - 1;
			rules[i].minor = (int64_t)(NEXT(3)) - 1;
			rules[i].access = 1 + NEXT(7);
		}
		char type = "bc"[NEXT(2)];
		uint32_t major = NEXT(2), minor = NEXT(2);
		unsigned int access = 1 + NEXT(7);
		assert_int_equal(ask(rules, n, type, major, minor, access),
			meaning(rules, n, type, major, minor, access));
	}
#undef NEXT
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_the_last_rule_decides),
		cmocka_unit_test(test_random_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
