/* SPDX-License-Identifier: Apache-2.0 */
/* Values that limit or grant: rlimits, devices, memory, CPUs, and signals. */
#include "base/buf.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "engine/parse.h"
#include "sys/process.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>

#define MEMORY_MIN	 (INT64_C(6) << 20)
#define NANO_CPUS	 INT64_C(1000000000)
#define NANO_CPUS_MIN	 (NANO_CPUS / 100) /* less is less than CPU_QUOTA_MIN of the usual period */
#define CPU_PERIOD_MIN	 1000
#define CPU_PERIOD_MAX	 1000000
#define CPU_QUOTA_MIN	 1000
#define CPUSET_MAX	 8192
#define DEVICE_ALL_MODES "rwm"

static const struct {
	const char *name, *rlimit;
} ulimits[] = {
	{"as", "RLIMIT_AS"},
	{"core", "RLIMIT_CORE"},
	{"cpu", "RLIMIT_CPU"},
	{"data", "RLIMIT_DATA"},
	{"fsize", "RLIMIT_FSIZE"},
	{"locks", "RLIMIT_LOCKS"},
	{"memlock", "RLIMIT_MEMLOCK"},
	{"msgqueue", "RLIMIT_MSGQUEUE"},
	{"nice", "RLIMIT_NICE"},
	{"nofile", "RLIMIT_NOFILE"},
	{"nproc", "RLIMIT_NPROC"},
	{"rss", "RLIMIT_RSS"},
	{"rtprio", "RLIMIT_RTPRIO"},
	{"rttime", "RLIMIT_RTTIME"},
	{"sigpending", "RLIMIT_SIGPENDING"},
	{"stack", "RLIMIT_STACK"},
};

const char *ulimit_rlimit_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(ulimits); i++) {
		if (str_eq(ulimits[i].name, name))
			return ulimits[i].rlimit;
	}
	return NULL;
}

static bool parse_limit(const char *text, int64_t *ret)
{
	return str_to_i64(text, ret) == 0 && *ret >= -1;
}

int ulimit_parse(
	struct arena *arena, const char *text, struct container_ulimit *ret, struct hull_error *err)
{
	struct container_ulimit limit = {.name = arena_strdup(arena, text)};

	if (!limit.name)
		return error_no_memory(err);
	char *soft = strchr(limit.name, '=');
	if (soft)
		*soft++ = '\0';
	char *hard = soft ? strchr(soft, ':') : NULL;
	if (hard)
		*hard++ = '\0';
	if (!soft || !parse_limit(soft, &limit.soft))
		return error_set(
			err, HULL_ERROR_INVALID, "--ulimit: invalid ulimit argument: %s", text);
	limit.hard = limit.soft;
	if (hard && !parse_limit(hard, &limit.hard))
		return error_set(
			err, HULL_ERROR_INVALID, "--ulimit: invalid ulimit argument: %s", text);
	if (!ulimit_rlimit_name(limit.name))
		return error_set(
			err, HULL_ERROR_INVALID, "--ulimit: invalid ulimit type: %s", limit.name);
	bool above = limit.hard != -1 && (limit.soft == -1 || limit.soft > limit.hard);
	if (above)
		return error_set(err, HULL_ERROR_INVALID,
			"--ulimit %s: soft limit must be less than or equal to hard limit: "
			"%lld > %lld",
			text, (long long)limit.soft, (long long)limit.hard);
	*ret = limit;
	return 0;
}

/* A set of the letters r, w and m, each at most once. */
static bool is_device_mode(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > 3 || strspn(text, DEVICE_ALL_MODES) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (strchr(text + i + 1, text[i]))
			return false;
	}
	return true;
}

/* Absolute and clean, or an error. */
static int device_path(
	struct arena *arena, const char *option_text, char **path, struct hull_error *err)
{
	if (**path != '/')
		return error_set(err, HULL_ERROR_INVALID, "--device %s: %s is not an absolute path",
			option_text, *path);
	_cleanup_free_ char *clean = path_clean(*path);
	*path = clean ? arena_strdup(arena, clean) : NULL;
	return *path ? 0 : error_no_memory(err);
}

int device_parse(
	struct arena *arena, const char *text, struct container_device *ret, struct hull_error *err)
{
	struct container_device device = {.host = arena_strdup(arena, text)};
	char *mode = arena_strdup(arena, DEVICE_ALL_MODES);

	if (!device.host || !mode)
		return error_no_memory(err);
	char *second = strchr(device.host, ':');
	if (second)
		*second++ = '\0';
	char *third = second ? strchr(second, ':') : NULL;
	if (third) {
		*third++ = '\0';
		mode = third;
	} else if (second && is_device_mode(second)) {
		mode = second;
		second = NULL;
	}
	if (!is_device_mode(mode))
		return error_set(err, HULL_ERROR_INVALID, "--device %s: invalid device mode: %s",
			text, mode);
	device.path = second ? second : device.host;
	device.permissions = mode;
	int r = device_path(arena, text, &device.path, err);
	if (r == 0)
		r = device_path(arena, text, &device.host, err);
	if (r == 0)
		*ret = device;
	return r;
}

int memory_check(int64_t bytes, struct hull_error *err)
{
	if (bytes == 0 || bytes >= MEMORY_MIN)
		return 0;
	return error_set(err, HULL_ERROR_INVALID, "Minimum memory limit allowed is 6MB");
}

int memory_reservation_check(int64_t bytes, int64_t memory, struct hull_error *err)
{
	if (bytes > 0 && bytes < MEMORY_MIN)
		return error_set(
			err, HULL_ERROR_INVALID, "Minimum memory reservation allowed is 6MB");
	if (memory > 0 && bytes > memory)
		return error_set(err, HULL_ERROR_INVALID,
			"Minimum memory limit can not be less than memory reservation limit, see "
			"usage");
	return 0;
}

int cpu_bandwidth_check(uint64_t period_us, int64_t quota_us, struct hull_error *err)
{
	if (period_us > 0 && (period_us < CPU_PERIOD_MIN || period_us > CPU_PERIOD_MAX))
		return error_set(err, HULL_ERROR_INVALID,
			"CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s "
			"(i.e. 1000000)");
	if (quota_us > 0 && quota_us < CPU_QUOTA_MIN)
		return error_set(err, HULL_ERROR_INVALID,
			"CPU cfs quota can not be less than 1ms (i.e. 1000)");
	return 0;
}

int memory_swap_parse(const char *text, int64_t memory, int64_t *ret, struct hull_error *err)
{
	uint64_t bytes;

	if (str_eq(text, "-1")) {
		*ret = -1;
		return 0;
	}
	if (str_to_size(text, &bytes) < 0 || bytes > INT64_MAX)
		return error_set(
			err, HULL_ERROR_INVALID, "--memory-swap: invalid size: '%s'", text);
	if (bytes > 0 && memory == 0)
		return error_set(err, HULL_ERROR_INVALID,
			"You should always set the Memory limit when using Memoryswap limit, see "
			"usage");
	if (bytes > 0 && (int64_t)bytes < memory)
		return error_set(err, HULL_ERROR_INVALID,
			"Minimum memoryswap limit should be larger than memory limit, see usage");
	*ret = (int64_t)bytes;
	return 0;
}

/* CPUs this process may run on: what a limit can be compared with. */
static int64_t cpu_count(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return sysconf(_SC_NPROCESSORS_ONLN);
	return CPU_COUNT(&set);
}

int cpus_parse(const char *text, int64_t *ret_nano_cpus, struct hull_error *err)
{
	int64_t whole = 0, fraction = 0, unit = NANO_CPUS;
	const char *p = text;

	for (; isdigit((unsigned char)*p) && whole < CPUSET_MAX; p++)
		whole = whole * 10 + (*p - '0');
	if (*p == '.') {
		for (p++; isdigit((unsigned char)*p); p++) {
			unit /= 10; /* 0 past the ninth digit */
			fraction += unit * (*p - '0');
			if (unit == 0 && *p != '0')
				return error_set(err, HULL_ERROR_INVALID,
					"--cpus: value is too precise: %s", text);
		}
	}
	bool digits = strpbrk(text, "0123456789") != NULL;
	if (*p || !digits)
		return error_set(err, HULL_ERROR_INVALID,
			"--cpus: failed to parse %s as a number of CPUs", text);
	int64_t cpus = cpu_count();
	int64_t nano = whole * NANO_CPUS + fraction;
	if (nano > cpus * NANO_CPUS || (nano > 0 && nano < NANO_CPUS_MIN))
		return error_set(err, HULL_ERROR_INVALID,
			"--cpus %s: Range of CPUs is from 0.01 to %lld.00, as there are only %lld "
			"CPUs available",
			text, (long long)cpus, (long long)cpus);
	*ret_nano_cpus = nano;
	return 0;
}

/* Reads a number below CPUSET_MAX; NULL if there is none. */
static const char *skip_number(const char *p, unsigned long *ret)
{
	char *end;

	if (!isdigit((unsigned char)*p))
		return NULL;
	*ret = strtoul(p, &end, 10);
	return *ret < CPUSET_MAX ? end : NULL;
}

struct cpuset {
	bool has[CPUSET_MAX];
};

/* "0-3,7", or nothing; false if it is no such list. */
static bool cpuset_parse(const char *p, struct cpuset *ret)
{
	unsigned long first, last;

	memset(ret, 0, sizeof(*ret));
	if (!*p)
		return true;
	for (;;) {
		p = skip_number(p, &first);
		last = first;
		if (p && *p == '-')
			p = skip_number(p + 1, &last);
		if (!p || last < first)
			return false;
		memset(ret->has + first, true, last - first + 1);
		if (!*p)
			return true;
		if (*p++ != ',')
			return false;
	}
}

int cpuset_check(
	const char *option, const char *text, const char *available, struct hull_error *err)
{
	struct cpuset asked, present;

	if (!cpuset_parse(text, &asked))
		return error_set(err, HULL_ERROR_INVALID,
			"%s: invalid value %s (a list such as 0-3,7)", option, text);
	if (!available || !cpuset_parse(available, &present))
		return 0;
	for (size_t i = 0; i < CPUSET_MAX; i++)
		if (asked.has[i] && !present.has[i])
			return error_set(err, HULL_ERROR_INVALID,
				"Requested %s are not available - requested %s, available: %s",
				str_eq(option, "cpuset-mems") ? "memory nodes" : "CPUs", text,
				available);
	return 0;
}

int cpuset_check_host(const char *option, const char *text, struct hull_error *err)
{
	_cleanup_buf_ struct buf available = BUF_INIT;
	const char *path = str_eq(option, "cpuset-mems") ? "/sys/devices/system/node/has_memory"
							 : "/sys/devices/system/cpu/online";

	if (file_read_at(AT_FDCWD, path, &available, PATH_MAX) < 0)
		return cpuset_check(option, text, NULL, err); /* no NUMA, or no sysfs */
	if (available.len)
		available.data[strcspn(available.data, "\n")] = '\0';
	return cpuset_check(option, text, buf_str(&available), err);
}

int signal_option_parse(const char *text, int *ret, struct hull_error *err)
{
	int signal = signal_parse(text);

	if (signal <= 0)
		return error_set(err, HULL_ERROR_INVALID, "invalid signal: %s", text);
	*ret = signal;
	return 0;
}
