/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command for which some system calls do not exist, as under an old kernel or in a sandbox:
 *
 *     refuse CALL[,CALL...] COMMAND [ARG...]
 *
 * By a seccomp filter, which whatever the command starts inherits.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 3) {
		fputs("usage: refuse CALL[,CALL...] COMMAND [ARG...]\n", stderr);
		return 125;
	}
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) : -ENOMEM;

	char *rest = argv[1], *name;
	while (r == 0 && (name = strsep(&rest, ","))) {
		int number = seccomp_syscall_resolve_name(name);
		if (number == __NR_SCMP_ERROR) {
			fprintf(stderr, "refuse: unknown call %s\n", name);
			return 125;
		}
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0);
	}
	if (r == 0)
		r = seccomp_load(filter);
	if (r < 0) {
		fprintf(stderr, "refuse: %s\n", strerror(-r));
		return 125;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 125;
}
