/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of one version written or read where the group has the other. One row per pair; a way says
 * how the values differ. What has no counterpart is an error, never silently something else.
 */
#include "cgroup/file.h"

#include "base/buf.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum way {
	WAY_SAME,
	WAY_LIMIT,     /* -1 or a huge number in v1, "max" in v2 */
	WAY_WEIGHT,    /* cpu.shares and cpu.weight */
	WAY_IO_WEIGHT, /* blkio.weight and io.weight */
	WAY_QUOTA,     /* first word of cpu.max */
	WAY_PERIOD,    /* second word of cpu.max */
	WAY_MEMSW,     /* memory and swap together; swap alone */
	WAY_FREEZER,   /* FROZEN and THAWED; 1 and 0 */
	WAY_THROTTLE,  /* "8:0 1048576" and "8:0 KEY=1048576" */
	WAY_USAGE_NS,  /* a number of nanoseconds; usage_usec of cpu.stat */
	WAY_READ_ONLY, /* the same number, cannot be set */
};

struct pair {
	const char *v1, *v2;
	enum way way;
	const char *key; /* WAY_THROTTLE */
};

static const struct pair pairs[] = {
	{"cpu.shares", "cpu.weight", WAY_WEIGHT, NULL},
	{"cpu.cfs_quota_us", "cpu.max", WAY_QUOTA, NULL},
	{"cpu.cfs_period_us", "cpu.max", WAY_PERIOD, NULL},
	{"cpu.cfs_burst_us", "cpu.max.burst", WAY_SAME, NULL},
	{"cpuacct.usage", "cpu.stat", WAY_USAGE_NS, NULL},
	{"cpuset.effective_cpus", "cpuset.cpus.effective", WAY_READ_ONLY, NULL},
	{"cpuset.effective_mems", "cpuset.mems.effective", WAY_READ_ONLY, NULL},
	{"memory.limit_in_bytes", "memory.max", WAY_LIMIT, NULL},
	{"memory.soft_limit_in_bytes", "memory.low", WAY_LIMIT, NULL},
	{"memory.memsw.limit_in_bytes", "memory.swap.max", WAY_MEMSW, NULL},
	{"memory.usage_in_bytes", "memory.current", WAY_READ_ONLY, NULL},
	{"memory.max_usage_in_bytes", "memory.peak", WAY_READ_ONLY, NULL},
	{"freezer.state", "cgroup.freeze", WAY_FREEZER, NULL},
	{"blkio.bfq.weight", "io.bfq.weight", WAY_SAME, NULL},
	{"blkio.weight", "io.weight", WAY_IO_WEIGHT, NULL},
	{"blkio.throttle.read_bps_device", "io.max", WAY_THROTTLE, "rbps="},
	{"blkio.throttle.write_bps_device", "io.max", WAY_THROTTLE, "wbps="},
	{"blkio.throttle.read_iops_device", "io.max", WAY_THROTTLE, "riops="},
	{"blkio.throttle.write_iops_device", "io.max", WAY_THROTTLE, "wiops="},
	{"tasks", "cgroup.threads", WAY_SAME, NULL},
};

#define V1_NO_LIMIT (UINT64_C(1) << 62)

/* The numbers of huge page files are the same, only their names differ. */
static const struct {
	const char *v1, *v2;
} hugetlb_ends[] = {
	{".rsvd.limit_in_bytes", ".rsvd.max"},
	{".rsvd.usage_in_bytes", ".rsvd.current"},
	{".limit_in_bytes", ".max"},
	{".usage_in_bytes", ".current"},
};

/* One file by another name: the pair, and for huge pages the name made up. */
struct translation {
	const struct pair *pair;
	const struct group_place *place;
	bool to_v2;
	char file[128];
};

static bool translate_hugetlb(const char *file, unsigned int version, char to[128])
{
	if (!str_after(file, "hugetlb."))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(hugetlb_ends); i++) {
		const char *from_end = version == 2 ? hugetlb_ends[i].v1 : hugetlb_ends[i].v2;
		const char *to_end = version == 2 ? hugetlb_ends[i].v2 : hugetlb_ends[i].v1;

		if (!str_ends_with(file, from_end))
			continue;
		size_t stem = strlen(file) - strlen(from_end);
		return (size_t)snprintf(to, 128, "%.*s%s", (int)stem, file, to_end) < 128;
	}
	return false;
}

/* True if the file is one of the other version's. */
static bool translate(const struct hull_cgroup *cgroup, const char *file, struct translation *t)
{
	static const struct pair hugetlb = {NULL, NULL, WAY_LIMIT, NULL};

	*t = (struct translation){0};
	t->place = str_eq(file, "tasks") ? group_place_of_file(cgroup, "cgroup.procs")
		   : str_eq(file, "cgroup.freeze") && group_place_of(cgroup, HULL_CGROUP_FREEZER)
			   ? group_place_of(cgroup, HULL_CGROUP_FREEZER)
			   : group_place_of_file(cgroup, file);
	if (!t->place)
		return false;
	unsigned int version = t->place->hierarchy->version;
	t->to_v2 = version == 2;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		const char *from = version == 2 ? pairs[i].v1 : pairs[i].v2;

		if (!str_eq(file, from))
			continue;
		/* cpu.stat exists in both versions, and is then meant as it is. */
		if (version == 1 && pairs[i].way == WAY_USAGE_NS)
			continue;
		t->pair = &pairs[i];
		snprintf(t->file, sizeof(t->file), "%s", version == 2 ? pairs[i].v2 : pairs[i].v1);
		return true;
	}
	t->pair = &hugetlb;
	return translate_hugetlb(file, version, t->file);
}

static int no_way(const char *file, const char *value, struct hull_error *err)
{
	return error_set(err, HULL_ERROR_INVALID, "%s: %s: not a value it can have", file, value);
}

static int as_number(const char *file, const char *value, uint64_t *ret, struct hull_error *err)
{
	return str_to_u64(value, ret) < 0 ? no_way(file, value, err) : 0;
}

/* ---- Writing ---- */

static int set_weight(
	const struct translation *t, const char *file, const char *value, struct hull_error *err)
{
	char text[32];
	uint64_t n;
	int r = as_number(file, value, &n, err);

	if (r < 0)
		return r;
	if (t->pair->way == WAY_IO_WEIGHT)
		n = t->to_v2 ? hull_cgroup_blkio_to_io_weight(n)
			     : 10 + (n ? n - 1 : 0) * 990 / 9999;
	else
		n = t->to_v2 ? hull_cgroup_shares_to_weight(n) : hull_cgroup_weight_to_shares(n);
	snprintf(text, sizeof(text), "%" PRIu64, n);
	return place_write(t->place, t->file, text, err);
}

static const char *limit_text(bool to_v2, const char *value)
{
	uint64_t n;

	if (to_v2 && (str_eq(value, "-1") || (str_to_u64(value, &n) == 0 && n >= V1_NO_LIMIT)))
		return "max";
	return !to_v2 && str_eq(value, "max") ? "-1" : value;
}

/* cpu.max of v2 from one word of v1; the other stays. */
static int set_cpu_word(const struct translation *t, const char *value, struct hull_error *err)
{
	char now[64], text[96];

	if (t->pair->way == WAY_QUOTA)
		return place_write(t->place, "cpu.max", limit_text(true, value), err);
	ssize_t n = place_get(t->place, "cpu.max", now, sizeof(now));
	if (n < 0)
		return place_error(t->place, "cpu.max", NULL, (int)n, err);
	now[strcspn(now, " ")] = '\0';
	snprintf(text, sizeof(text), "%s %s", now, value);
	return place_write(t->place, "cpu.max", text, err);
}

/*
 * Both words of v1 from cpu.max of v2, in an order that the kernel takes: a quota may not exceed a share
 * of the parent's that depends on the period, so the other order is tried if one is refused. Both are
 * set, or none.
 */
static int set_cpu_max_v1(const struct translation *t, const char *value, struct hull_error *err)
{
	char quota[32], period[32], rest[2];
	int words = sscanf(value, "%31s %31s %1s", quota, period, rest);

	if (words < 1 || words > 2)
		return no_way("cpu.max", value, err);
	const char *q = limit_text(false, quota);
	if (words == 1)
		return place_write(t->place, "cpu.cfs_quota_us", q, err);
	static const char *const files[] = {"cpu.cfs_period_us", "cpu.cfs_quota_us"};
	const char *const values[] = {period, q};
	int r = 0;

	for (int first = 0; first < 2; first++) {
		const char *file = files[first], *other = files[1 - first];
		char before[32];
		ssize_t n = place_get(t->place, file, before, sizeof(before));
		if (n < 0)
			return place_error(t->place, file, NULL, (int)n, err);
		r = place_put(t->place, file, values[first]);
		if (r < 0)
			continue;
		r = place_put(t->place, other, values[1 - first]);
		if (r == 0)
			return 0;
		place_put(t->place, file, before);
	}
	return place_error(t->place, "cpu.max", value, r, err);
}

static int set_memsw(
	const struct translation *t, const char *file, const char *value, struct hull_error *err)
{
	uint64_t n, memory = 0;
	char text[32];
	const char *limit = limit_text(t->to_v2, value);

	if (str_eq(limit, "max") || str_eq(limit, "-1"))
		return place_write(t->place, t->file, limit, err);
	int r = as_number(file, value, &n, err);
	if (r < 0)
		return r;
	r = place_get_u64(t->place, t->to_v2 ? "memory.max" : "memory.limit_in_bytes", &memory);
	if (r < 0)
		return place_error(t->place, file, value, r, err);
	if (memory >= V1_NO_LIMIT || (t->to_v2 && n < memory))
		return error_set(err, HULL_ERROR_INVALID, "%s: %s: %s the memory limit", file,
			value, memory >= V1_NO_LIMIT ? "set first" : "below");
	snprintf(text, sizeof(text), "%" PRIu64, t->to_v2 ? n - memory : n + memory);
	return place_write(t->place, t->file, text, err);
}

static int set_freezer(
	const struct translation *t, const char *file, const char *value, struct hull_error *err)
{
	bool freeze = str_eq(value, t->to_v2 ? "FROZEN" : "1");

	if (!freeze && !str_eq(value, t->to_v2 ? "THAWED" : "0"))
		return no_way(file, value, err);
	if (t->to_v2)
		return place_write(t->place, t->file, freeze ? "1" : "0", err);
	return place_write(t->place, t->file, freeze ? "FROZEN" : "THAWED", err);
}

/* The rows of io.max's keys, from v2 to v1. */
static int set_io_max_v1(const struct translation *t, const char *value, struct hull_error *err)
{
	_cleanup_strv_ char **words = strv_split(value, " \n");
	char text[64];

	if (!words || strv_length(words) < 2)
		return no_way("io.max", value, err);
	for (char **word = words + 1; *word; word++) {
		const struct pair *pair = NULL;
		const char *rate = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(pairs) && !rate; i++) {
			pair = &pairs[i];
			rate = pair->key ? str_after(*word, pair->key) : NULL;
		}
		if (!rate)
			return no_way("io.max", *word, err);
		if ((size_t)snprintf(text, sizeof(text), "%s %s", words[0],
			    str_eq(rate, "max") ? "0" : rate) >= sizeof(text))
			return no_way("io.max", value, err);
		int r = place_write(t->place, pair->v1, text, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_throttle(
	const struct translation *t, const char *file, const char *value, struct hull_error *err)
{
	char device[32], rate[32], text[96], rest[2];

	if (!t->to_v2)
		return set_io_max_v1(t, value, err);
	if (sscanf(value, "%31s %31s %1s", device, rate, rest) != 2)
		return no_way(file, value, err);
	snprintf(text, sizeof(text), "%s %s%s", device, t->pair->key,
		str_eq(rate, "0") ? "max" : rate);
	return place_write(t->place, t->file, text, err);
}

int hull_cgroup_set(
	struct hull_cgroup *cgroup, const char *file, const char *value, struct hull_error *err)
{
	struct translation t;
	int r = cgroup_file_check(file, err);

	if (r < 0)
		return r;
	if (!translate(cgroup, file, &t))
		return hull_cgroup_write(cgroup, file, value, err);
	switch (t.pair->way) {
	case WAY_SAME:
		return place_write(t.place, t.file, value, err);
	case WAY_LIMIT:
		return place_write(t.place, t.file, limit_text(t.to_v2, value), err);
	case WAY_WEIGHT:
	case WAY_IO_WEIGHT:
		return set_weight(&t, file, value, err);
	case WAY_QUOTA:
	case WAY_PERIOD:
		return t.to_v2 ? set_cpu_word(&t, value, err) : set_cpu_max_v1(&t, value, err);
	case WAY_MEMSW:
		return set_memsw(&t, file, value, err);
	case WAY_FREEZER:
		return set_freezer(&t, file, value, err);
	case WAY_THROTTLE:
		return set_throttle(&t, file, value, err);
	case WAY_USAGE_NS:
	case WAY_READ_ONLY:
		break;
	}
	return error_set(err, HULL_ERROR_INVALID, "%s: %s: cannot be set", file, value);
}

/* ---- Reading ---- */

static int give(char **ret, struct hull_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int give(char **ret, struct hull_error *err, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		return error_no_memory(err);
	*ret = text;
	return 0;
}

static int get_cpu_words(
	const struct translation *t, const char *text, char **ret, struct hull_error *err)
{
	char quota[32] = "", period[32] = "";

	if (t->to_v2) {
		sscanf(text, "%31s %31s", quota, period);
		const char *word = t->pair->way == WAY_PERIOD ? period
				   : str_eq(quota, "max")     ? "-1"
							      : quota;
		return give(ret, err, "%s\n", word);
	}
	ssize_t q = place_get(t->place, "cpu.cfs_quota_us", quota, sizeof(quota));
	ssize_t p = place_get(t->place, "cpu.cfs_period_us", period, sizeof(period));
	if (q < 0 || p < 0)
		return place_error(t->place, "cpu.max", NULL, (int)(q < 0 ? q : p), err);
	return give(ret, err, "%s %s\n", str_eq(quota, "-1") ? "max" : quota, period);
}

static int get_memsw(
	const struct translation *t, const char *text, char **ret, struct hull_error *err)
{
	uint64_t swap = UINT64_MAX, memory = UINT64_MAX;

	if (str_to_u64(text, &swap) < 0)
		swap = UINT64_MAX;
	if (place_get_u64(t->place, t->to_v2 ? "memory.max" : "memory.limit_in_bytes", &memory) < 0)
		memory = UINT64_MAX;
	if (swap >= V1_NO_LIMIT || memory >= V1_NO_LIMIT)
		return give(ret, err, "%s\n", t->to_v2 ? "-1" : "max");
	return give(ret, err, "%" PRIu64 "\n", t->to_v2 ? swap + memory : swap - memory);
}

/* io.max to the lines of one throttle file. */
static int get_throttle(
	const struct translation *t, const char *text, char **ret, struct hull_error *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (!t->to_v2)
		return error_set(err, HULL_ERROR_UNSUPPORTED,
			"io.max: on v1 read the four blkio.throttle files");
	for (const char *line = text; *line;) {
		const char *end = line + strcspn(line, "\n");
		const char *value =
			memmem(line, (size_t)(end - line), t->pair->key, strlen(t->pair->key));

		if (value && !str_after(value + strlen(t->pair->key), "max")) {
			value += strlen(t->pair->key);
			buf_append(&out, line, strcspn(line, " "));
			buf_putc(&out, ' ');
			buf_append(&out, value, strcspn(value, " \n"));
			buf_putc(&out, '\n');
		}
		line = *end ? end + 1 : end;
	}
	return give(ret, err, "%s", buf_str(&out));
}

static int get_number(
	const struct translation *t, const char *text, char **ret, struct hull_error *err)
{
	uint64_t n = 0;

	switch (t->pair->way) {
	case WAY_WEIGHT:
		n = strtoull(text, NULL, 10);
		n = t->to_v2 ? hull_cgroup_weight_to_shares(n) : hull_cgroup_shares_to_weight(n);
		break;
	case WAY_IO_WEIGHT:
		text += strcspn(text, "0123456789"); /* "default 100" */
		n = strtoull(text, NULL, 10);
		n = t->to_v2 ? 10 + (n ? n - 1 : 0) * 990 / 9999
			     : hull_cgroup_blkio_to_io_weight(n);
		break;
	default:
		keyed_u64(text, "usage_usec", &n);
		n *= 1000;
	}
	return give(ret, err, "%" PRIu64 "\n", n);
}

int hull_cgroup_get(
	const struct hull_cgroup *cgroup, const char *file, char **ret, struct hull_error *err)
{
	struct translation t;
	char text[CGROUP_FILE_MAX];
	uint64_t n;
	int r = cgroup_file_check(file, err);

	if (r < 0)
		return r;
	if (!translate(cgroup, file, &t))
		return hull_cgroup_read(cgroup, file, ret, err);
	ssize_t got = place_get(t.place, t.file, text, sizeof(text));
	if (got < 0)
		return place_error(t.place, t.file, NULL, (int)got, err);
	switch (t.pair->way) {
	case WAY_QUOTA:
	case WAY_PERIOD:
		return get_cpu_words(&t, text, ret, err);
	case WAY_MEMSW:
		return get_memsw(&t, text, ret, err);
	case WAY_THROTTLE:
		return get_throttle(&t, text, ret, err);
	case WAY_WEIGHT:
	case WAY_IO_WEIGHT:
	case WAY_USAGE_NS:
		return get_number(&t, text, ret, err);
	case WAY_FREEZER:
		if (t.to_v2)
			return give(ret, err, "%s\n", str_eq(text, "1") ? "FROZEN" : "THAWED");
		return give(ret, err, "%d\n", !str_eq(text, "THAWED"));
	case WAY_LIMIT:
		if (t.to_v2 && str_eq(text, "max"))
			return give(ret, err, "-1\n");
		if (!t.to_v2 && str_to_u64(text, &n) == 0 && n >= V1_NO_LIMIT)
			return give(ret, err, "max\n");
		break;
	case WAY_SAME:
	case WAY_READ_ONLY:
		break;
	}
	return give(ret, err, "%s\n", text);
}
