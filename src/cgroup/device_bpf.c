/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device rules on v2: a program of type BPF_PROG_TYPE_CGROUP_DEVICE, run by the kernel at each mknod
 * and open of a device.
 *
 * The rules are compiled in reverse, so that the last one that matches is met first. A request may
 * be for several kinds of access at once, and rules may grant them apart: r3 holds those that are
 * not granted yet; a rule that allows takes its own out of it and ends with yes when none is left, a
 * rule that denies ends with no if it has one of them. Instructions after a rule that matches
 * everything would be unreachable, which the verifier refuses, so compiling ends there.
 */
#include "cgroup/device.h"
#include "cgroup/file.h"
#include "cgroup/resource.h"

#include "base/str.h"

#include <linux/bpf.h>
#include <sys/syscall.h>

#define PROGRAM_NAME   "hull_devices"
#define INSNS_PER_RULE 8
#define INSNS_FRAME    8
#define PROGRAMS_MAX   64 /* that one group may have: BPF_CGROUP_MAX_PROGS */

static uint64_t insn(uint8_t code, unsigned int dst, unsigned int src, int16_t off, int32_t imm)
{
	return code | (uint64_t)(dst | src << 4) << 8 | (uint64_t)(uint16_t)off << 16 |
	       (uint64_t)(uint32_t)imm << 32;
}

struct program {
	uint64_t *insns;
	size_t n;
};

static void emit(struct program *p, uint64_t one)
{
	p->insns[p->n++] = one;
}

static void emit_answer(struct program *p, bool yes)
{
	emit(p, insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, yes));
	emit(p, insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

/* r2 = type, r3 = access, r4 = major, r5 = minor. */
static void emit_load(struct program *p)
{
	const int word = BPF_LDX | BPF_W | BPF_MEM;

	emit(p, insn(word, BPF_REG_2, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, access_type),
			0));
	emit(p, insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0));
	emit(p, insn(BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16));
	emit(p, insn(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff));
	emit(p, insn(word, BPF_REG_4, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, major), 0));
	emit(p, insn(word, BPF_REG_5, BPF_REG_1, offsetof(struct bpf_cgroup_dev_ctx, minor), 0));
}

static int32_t access_bits(unsigned int access)
{
	return (access & DEVICE_READ ? BPF_DEVCG_ACC_READ : 0) |
	       (access & DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
	       (access & DEVICE_MAKE ? BPF_DEVCG_ACC_MKNOD : 0);
}

/* Returns true if nothing can come after this rule. */
static bool emit_rule(struct program *p, const struct device_rule *rule)
{
	const int differs = BPF_JMP32 | BPF_JNE | BPF_K;
	size_t tests[3], n_tests = 0;
	bool all = rule->access == DEVICE_ALL;

	if (rule->type != 'a') {
		tests[n_tests++] = p->n;
		emit(p, insn(differs, BPF_REG_2, 0, 0,
				rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR));
	}
	if (rule->major != DEVICE_ANY) {
		tests[n_tests++] = p->n;
		emit(p, insn(differs, BPF_REG_4, 0, 0, (int32_t)(uint32_t)rule->major));
	}
	if (rule->minor != DEVICE_ANY) {
		tests[n_tests++] = p->n;
		emit(p, insn(differs, BPF_REG_5, 0, 0, (int32_t)(uint32_t)rule->minor));
	}
	if (!all && rule->allow) {
		emit(p, insn(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0,
				~access_bits(rule->access)));
		emit(p, insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 2, 0));
	} else if (!all) {
		emit(p, insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0));
		emit(p, insn(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0,
				access_bits(rule->access)));
		emit(p, insn(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 2, 0));
	}
	emit_answer(p, rule->allow);
	/* A test that fails goes on behind the answer. */
	for (size_t i = 0; i < n_tests; i++)
		p->insns[tests[i]] |= (uint64_t)(uint16_t)(p->n - tests[i] - 1) << 16;
	return all && n_tests == 0;
}

ssize_t device_program(const struct device_rule *rules, size_t n, uint64_t **ret)
{
	struct program p = {calloc(n * INSNS_PER_RULE + INSNS_FRAME, sizeof(uint64_t)), 0};
	bool ended = false;

	if (!p.insns)
		return -ENOMEM;
	emit_load(&p);
	for (size_t i = n; i > 0 && !ended; i--)
		ended = emit_rule(&p, &rules[i - 1]);
	if (!ended)
		emit_answer(&p, false);
	*ret = p.insns;
	return (ssize_t)p.n;
}

/* ---- Loading and attaching ---- */

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static int program_load(const uint64_t *insns, size_t n)
{
	static const char license[] = "Apache-2.0";
	union bpf_attr attr = {0};

	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)insns;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uint64_t)(uintptr_t)license;
	memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
	/* The kernel makes the fd O_CLOEXEC by itself. */
	int fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd == -EAGAIN) /* the verifier was interrupted by a signal */
		fd = bpf(BPF_PROG_LOAD, &attr);
	return fd;
}

static bool program_is_ours(int fd)
{
	struct bpf_prog_info info = {0};
	union bpf_attr attr = {0};

	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uint64_t)(uintptr_t)&info;
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 &&
	       strncmp(info.name, PROGRAM_NAME, sizeof(info.name)) == 0;
}

/* The program that we attached before: its fd, -ENOENT if there is none. */
static int program_find(int group)
{
	uint32_t ids[PROGRAMS_MAX] = {0};
	union bpf_attr attr = {0};

	attr.query.target_fd = (uint32_t)group;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = PROGRAMS_MAX;
	int r = bpf(BPF_PROG_QUERY, &attr);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < attr.query.prog_cnt && i < PROGRAMS_MAX; i++) {
		union bpf_attr by_id = {0};

		by_id.prog_id = ids[i];
		_cleanup_close_ int fd = bpf(BPF_PROG_GET_FD_BY_ID, &by_id);
		if (fd >= 0 && program_is_ours(fd))
			return TAKE_FD(fd);
	}
	return -ENOENT;
}

/* Others (systemd) may have theirs on the same group: all of them have to say yes. */
static int program_attach(int group, int program, int replaced)
{
	union bpf_attr attr = {0};

	attr.target_fd = (uint32_t)group;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replaced >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replaced;
	}
	return bpf(BPF_PROG_ATTACH, &attr);
}

int devices_apply_bpf(struct hull_cgroup *cgroup, const struct device_rule *rules, size_t n,
	unsigned int flags, struct hull_error *err)
{
	const struct group_place *place = group_place_v2(cgroup);
	_cleanup_free_ uint64_t *insns = NULL;
	ssize_t count = device_program(rules, n, &insns);

	if (count < 0)
		return error_no_memory(err);
	_cleanup_close_ int group = place_open(place, "", O_RDONLY | O_DIRECTORY);
	if (group < 0)
		return error_errno(err, group, "%s", place->full_path);
	_cleanup_close_ int program = program_load(insns, (size_t)count);
	if (program < 0)
		return error_errno(err, program, "devices: bpf(BPF_PROG_LOAD)");
	_cleanup_close_ int old = flags & APPLY_FRESH ? -ENOENT : program_find(group);
	int r = program_attach(group, program, old);
	if (r < 0)
		return error_errno(err, r, "devices: bpf(BPF_PROG_ATTACH) to %s", place->full_path);
	return 0;
}
