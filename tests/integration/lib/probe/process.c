/* SPDX-License-Identifier: Apache-2.0 */
/* What the process is: ids, credentials, limits, signals, scheduling, environment. */
#include "report.h"

#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

#define STATUS_LINE_MAX 4096

/* The value of a field of /proc/self/status, false if there is no such field. */
static bool read_status(const char *field, char value[STATUS_LINE_MAX])
{
	FILE *f = fopen("/proc/self/status", "re");
	size_t n = strlen(field);
	char line[STATUS_LINE_MAX];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (strncmp(line, field, n) != 0 || line[n] != ':')
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(value, STATUS_LINE_MAX, "%s", line + n + 1 + strspn(line + n + 1, "\t "));
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

static void write_status_number(struct report *r, const char *key, const char *field)
{
	char value[STATUS_LINE_MAX];

	if (read_status(field, value))
		report_number(r, key, strtoll(value, NULL, 10));
	else
		report_string(r, key, NULL);
}

static void write_pids(struct report *r, const char *key)
{
	report_begin(r, key, '{');
	report_number(r, "pid", getpid());
	report_number(r, "ppid", getppid());
	report_number(r, "pgid", getpgrp());
	report_number(r, "sid", getsid(0));
	report_end(r, '}');
}

static void write_users(struct report *r, const char *key)
{
	uid_t real, effective, saved;

	getresuid(&real, &effective, &saved);
	report_begin(r, key, '{');
	report_u64(r, "real", real);
	report_u64(r, "effective", effective);
	report_u64(r, "saved", saved);
	report_end(r, '}');
}

static void write_groups(struct report *r, const char *key)
{
	gid_t real, effective, saved, *groups = NULL;
	int n = getgroups(0, NULL);

	getresgid(&real, &effective, &saved);
	report_begin(r, key, '{');
	report_u64(r, "real", real);
	report_u64(r, "effective", effective);
	report_u64(r, "saved", saved);
	report_begin(r, "supplementary", '[');
	groups = n > 0 ? calloc((size_t)n, sizeof(*groups)) : NULL;
	n = groups ? getgroups(n, groups) : 0;
	for (int i = 0; i < n; i++)
		report_u64(r, NULL, groups[i]);
	free(groups);
	report_end(r, ']');
	report_end(r, '}');
}

/* Indexed by number, as in capabilities(7). */
static const char *const capability_names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

static void write_capability_set(struct report *r, const char *key, const char *field)
{
	char value[STATUS_LINE_MAX];
	uint64_t set;

	if (!read_status(field, value)) {
		report_string(r, key, NULL);
		return;
	}
	set = strtoull(value, NULL, 16);
	report_begin(r, key, '[');
	for (unsigned i = 0; i < 64; i++) {
		if (!(set >> i & 1))
			continue;
		if (i < sizeof(capability_names) / sizeof(capability_names[0]))
			report_string(r, NULL, capability_names[i]);
		else
			report_format(r, NULL, "CAP_%u", i);
	}
	report_end(r, ']');
}

static void write_capabilities(struct report *r, const char *key)
{
	report_begin(r, key, '{');
	write_capability_set(r, "inheritable", "CapInh");
	write_capability_set(r, "permitted", "CapPrm");
	write_capability_set(r, "effective", "CapEff");
	write_capability_set(r, "bounding", "CapBnd");
	write_capability_set(r, "ambient", "CapAmb");
	report_end(r, '}');
}

static void write_security(struct report *r, const char *key)
{
	report_begin(r, key, '{');
	report_bool(r, "no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	write_status_number(r, "seccomp_mode", "Seccomp");
	write_status_number(r, "seccomp_filters", "Seccomp_filters");
	report_number(r, "securebits", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	report_number(r, "dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	report_file_line(r, "label", "/proc/self/attr/current");
	report_number(r, "session_keyring",
		syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
	report_end(r, '}');
}

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
};

/* Numbers past 2^53 do not survive every JSON reader, so infinity is a word. */
static void write_limit(struct report *r, const char *key, rlim_t value)
{
	if (value == RLIM_INFINITY)
		report_string(r, key, "unlimited");
	else
		report_u64(r, key, value);
}

static void write_rlimits(struct report *r, const char *key)
{
	report_begin(r, key, '{');
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit limit;

		if (getrlimit((__rlimit_resource_t)limits[i].resource, &limit) < 0)
			continue;
		report_begin(r, limits[i].name, '{');
		write_limit(r, "soft", limit.rlim_cur);
		write_limit(r, "hard", limit.rlim_max);
		report_end(r, '}');
	}
	report_end(r, '}');
}

static void write_signal_set(struct report *r, const char *key, const char *field)
{
	char value[STATUS_LINE_MAX];
	uint64_t set = read_status(field, value) ? strtoull(value, NULL, 16) : 0;

	report_begin(r, key, '[');
	for (int i = 0; i < 64; i++) {
		if (set >> i & 1)
			report_number(r, NULL, i + 1);
	}
	report_end(r, ']');
}

static void write_signals(struct report *r, const char *key)
{
	int parent_death = 0;

	prctl(PR_GET_PDEATHSIG, &parent_death, 0, 0, 0);
	report_begin(r, key, '{');
	write_signal_set(r, "blocked", "SigBlk");
	write_signal_set(r, "ignored", "SigIgn");
	write_signal_set(r, "caught", "SigCgt");
	write_signal_set(r, "pending", "SigPnd");
	report_number(r, "parent_death", parent_death);
	report_end(r, '}');
}

static void write_scheduling(struct report *r, const char *key)
{
	cpu_set_t cpus;
	long io_priority = syscall(SYS_ioprio_get, 1 /* IOPRIO_WHO_PROCESS */, 0);
	struct sched_param param = {0};

	sched_getparam(0, &param);
	report_begin(r, key, '{');
	report_number(r, "policy", sched_getscheduler(0));
	report_number(r, "priority", param.sched_priority);
	report_number(r, "nice", getpriority(PRIO_PROCESS, 0));
	report_number(r, "io_class", io_priority < 0 ? -1 : io_priority >> 13);
	report_number(r, "io_priority", io_priority < 0 ? -1 : io_priority & 7);
	report_begin(r, "cpus", '[');
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0) {
		for (int i = 0; i < CPU_SETSIZE; i++) {
			if (CPU_ISSET(i, &cpus))
				report_number(r, NULL, i);
		}
	}
	report_end(r, ']');
	report_file_line(r, "oom_score_adj", "/proc/self/oom_score_adj");
	report_end(r, '}');
}

static void write_umask(struct report *r, const char *key)
{
	mode_t mask = umask(0);

	umask(mask);
	report_format(r, key, "%04o", (unsigned)mask);
}

static void write_personality(struct report *r, const char *key)
{
	report_format(r, key, "%#x", (unsigned)personality(0xffffffff));
}

static void write_hostname(struct report *r, const char *key)
{
	struct utsname name;

	report_string(r, key, uname(&name) == 0 ? name.nodename : NULL);
}

static void write_domainname(struct report *r, const char *key)
{
	struct utsname name;

	report_string(r, key, uname(&name) == 0 ? name.domainname : NULL);
}

static void write_cwd(struct report *r, const char *key)
{
	char *cwd = getcwd(NULL, 0);

	report_string(r, key, cwd);
	free(cwd);
}

static void write_args(struct report *r, const char *key)
{
	FILE *f = fopen("/proc/self/cmdline", "re");
	char *arg = NULL;
	size_t size = 0;

	report_begin(r, key, '[');
	while (f && getdelim(&arg, &size, '\0', f) >= 0)
		report_string(r, NULL, arg);
	report_end(r, ']');
	free(arg);
	if (f)
		fclose(f);
}

static void write_env(struct report *r, const char *key)
{
	report_begin(r, key, '[');
	for (char **e = environ; e && *e; e++)
		report_string(r, NULL, *e);
	report_end(r, ']');
}

static void write_terminal(struct report *r, const char *key)
{
	struct winsize size = {0};

	ioctl(0, TIOCGWINSZ, &size);
	report_begin(r, key, '{');
	report_bool(r, "stdin", isatty(0));
	report_bool(r, "stdout", isatty(1));
	report_bool(r, "stderr", isatty(2));
	report_number(r, "rows", size.ws_row);
	report_number(r, "columns", size.ws_col);
	report_bool(r, "controlling", tcgetsid(0) == getsid(0));
	report_end(r, '}');
}

const struct section process_sections[] = {
	{"pids", write_pids},
	{"user", write_users},
	{"group", write_groups},
	{"capabilities", write_capabilities},
	{"security", write_security},
	{"rlimits", write_rlimits},
	{"signals", write_signals},
	{"scheduling", write_scheduling},
	{"umask", write_umask},
	{"personality", write_personality},
	{"hostname", write_hostname},
	{"domainname", write_domainname},
	{"cwd", write_cwd},
	{"args", write_args},
	{"env", write_env},
	{"terminal", write_terminal},
	{NULL, NULL},
};
