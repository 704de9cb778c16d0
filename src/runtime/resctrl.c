/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/resctrl.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#include <ctype.h>
#include <mntent.h>
#include <sys/stat.h>

#define SCHEMATA_MAX 65536
#define MB_PREFIX    "MB:"

int resctrl_find(char **ret, struct hull_error *err)
{
	_cleanup_fclose_ FILE *mounts = fopen("/proc/self/mounts", "re");
	char line[4096];
	struct mntent m;

	while (mounts && getmntent_r(mounts, &m, line, sizeof(line))) {
		if (!str_eq(m.mnt_type, "resctrl"))
			continue;
		*ret = strdup(m.mnt_dir);
		return *ret ? 0 : error_no_memory(err);
	}
	return error_set(err, HULL_ERROR_UNSUPPORTED,
		"linux.intelRdt: intelRdt is specified in config, but Intel RDT is not enabled");
}

void resctrl_done(struct resctrl *r)
{
	free(r->group);
	free(r->monitor);
	strv_free(r->made);
	*r = (struct resctrl){0};
}

int resctrl_name(const char *root, const char *id, const struct oci_intel_rdt *rdt,
	struct resctrl *ret, struct hull_error *err)
{
	*ret = (struct resctrl){0};
	ret->group = path_join(root, str_empty(rdt->clos_id) ? id : rdt->clos_id);
	if (ret->group && rdt->enable_monitoring)
		ret->monitor = str_printf("%s/mon_groups/%s", ret->group, id);
	if (ret->group && (ret->monitor || !rdt->enable_monitoring))
		return 0;
	resctrl_done(ret);
	return error_no_memory(err);
}

/* ---- schemata ---- */

static void put_lines(struct buf *out, const char *text, bool skip_bandwidth)
{
	for (const char *line = text; line && *line;) {
		size_t n = strcspn(line, "\n");
		if (n && !(skip_bandwidth && str_after(line, MB_PREFIX))) {
			buf_append(out, line, n);
			buf_putc(out, '\n');
		}
		line += n + (line[n] == '\n');
	}
}

char *resctrl_schemata(const struct oci_intel_rdt *rdt)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	/* The schema of the bandwidth has a field of its own, which goes before. */
	put_lines(&text, rdt->l3_cache_schema, !str_empty(rdt->mem_bw_schema));
	put_lines(&text, rdt->mem_bw_schema, false);
	strv_foreach (line, rdt->schemata)
		put_lines(&text, *line, false);
	if (buf_error(&text))
		return NULL;
	return text.len ? buf_take(&text) : strdup("");
}

/* One "DOMAIN=VALUE" of a line; false at its end. */
static bool next_domain(const char **at, int base, unsigned long *domain, unsigned long *value)
{
	char *end;

	while (**at == ';' || **at == ' ')
		(*at)++;
	if (!isdigit((unsigned char)**at))
		return false;
	*domain = strtoul(*at, &end, 10);
	if (*end != '=')
		return false;
	*value = strtoul(end + 1, &end, base);
	*at = end;
	return true;
}

/* The line of the same resource ("L3"), behind its colon. The kernel indents. */
static const char *find_resource(const char *schemata, const char *name, size_t n)
{
	for (const char *line = schemata; *line;) {
		line += strspn(line, " \t");
		size_t length = strcspn(line, "\n");
		if (strncmp(line, name, n) == 0 && line[n] == ':')
			return line + n + 1;
		line += length + (line[length] == '\n');
	}
	return NULL;
}

static bool domain_matches(
	const char *line, int base, unsigned long wanted_domain, unsigned long wanted_value)
{
	unsigned long domain, value;

	for (const char *at = line; next_domain(&at, base, &domain, &value);) {
		if (domain == wanted_domain)
			return value == wanted_value;
	}
	return false;
}

bool resctrl_schemata_match(const char *existing, const char *wanted)
{
	for (const char *line = wanted; *line;) {
		line += strspn(line, " \t");
		size_t n = strcspn(line, ":\n");
		/* Percentages and megabytes of bandwidth are decimal, masks of caches are not. */
		int base = n >= 2 && strncmp(line + n - 2, "MB", 2) == 0 ? 10
			   : n == 4 && strncmp(line, "SMBA", 4) == 0	 ? 10
									 : 16;
		const char *there = find_resource(existing, line, n);
		const char *at = line + n + (line[n] == ':');
		unsigned long domain, value;
		if (!there)
			return false;
		while (next_domain(&at, base, &domain, &value)) {
			if (!domain_matches(there, base, domain, value))
				return false;
		}
		size_t rest = strcspn(at, "\n");
		line = at + rest + (at[rest] == '\n');
	}
	return true;
}

/* ---- groups ---- */

static bool has_info(const char *root, const char *name)
{
	_cleanup_free_ char *path = str_printf("%s/info/%s", root, name);

	return path && access(path, F_OK) == 0;
}

static int check_machine(const char *root, const struct oci_intel_rdt *rdt, struct hull_error *err)
{
	const char *lacking = NULL;

	if (!str_empty(rdt->l3_cache_schema) && !has_info(root, "L3") && !has_info(root, "L3CODE"))
		lacking = "intelRdt.l3CacheSchema is specified in config, but Intel RDT/CAT is not "
			  "enabled";
	else if (!str_empty(rdt->mem_bw_schema) && !has_info(root, "MB"))
		lacking = "intelRdt.memBwSchema is specified in config, but Intel RDT/MBA is not "
			  "enabled";
	else if (rdt->enable_monitoring && !has_info(root, "L3_MON"))
		lacking = "intelRdt.enableMonitoring is specified in config, but Intel RDT "
			  "monitoring is not enabled";
	return lacking ? error_set(err, HULL_ERROR_UNSUPPORTED, "linux.%s", lacking) : 0;
}

static int make_directory(struct resctrl *r, const char *path, bool *ret_made)
{
	char **made = NULL;

	*ret_made = mkdir(path, 0755) == 0;
	if (!*ret_made)
		return errno == EEXIST ? 0 : -errno;
	int e = strv_append(&made, path);
	if (e == 0)
		e = strv_extend(&made, r->made);
	if (e < 0) {
		strv_free(made);
		rmdir(path);
		return e;
	}
	strv_free(r->made);
	r->made = made;
	return 0;
}

/* The kernel tells in a file of its own what it did not like. */
static int write_schemata(
	const char *root, const char *directory, const char *text, struct hull_error *err)
{
	_cleanup_free_ char *path = str_printf("%s/schemata", directory);
	_cleanup_free_ char *why = str_printf("%s/info/last_cmd_status", root);

	if (!path || !why)
		return error_no_memory(err);
	int r = file_write_at(AT_FDCWD, path, text, strlen(text));
	if (r == 0)
		return 0;
	_cleanup_free_ char *status = NULL;
	file_read_line_at(AT_FDCWD, why, &status);
	return error_errno(err, r, "%s: %.200s", path, status ? status : text);
}

static int compare_schemata(const char *directory, const char *wanted, struct hull_error *err)
{
	_cleanup_free_ char *path = str_printf("%s/schemata", directory);
	_cleanup_buf_ struct buf existing = BUF_INIT;

	if (!path)
		return error_no_memory(err);
	int r = file_read_at(AT_FDCWD, path, &existing, SCHEMATA_MAX);
	if (r < 0)
		return error_errno(err, r, "%s", path);
	if (resctrl_schemata_match(buf_str(&existing), wanted))
		return 0;
	return error_set(err, HULL_ERROR_CONFLICT,
		"linux.intelRdt: the existing schemata of the class %s do not match",
		path_base(directory));
}

int resctrl_make(const char *root, const struct oci_intel_rdt *rdt, struct resctrl *r,
	struct hull_error *err)
{
	_cleanup_free_ char *schemata = resctrl_schemata(rdt);
	bool made = false;
	int e = check_machine(root, rdt, err);

	if (e < 0)
		return e;
	if (!schemata)
		return error_no_memory(err);
	/* Only a class with something to it is made for a name that may be meant for another one. */
	if (!str_empty(rdt->clos_id) && !*schemata && access(r->group, F_OK) < 0)
		return error_set(err, HULL_ERROR_NOT_FOUND,
			"linux.intelRdt.closID: no class \"%s\", and no schema to make it with",
			rdt->clos_id);
	e = make_directory(r, r->group, &made);
	if (e < 0)
		return error_errno(err, e, "linux.intelRdt: %s", r->group);
	if (*schemata)
		e = made ? write_schemata(root, r->group, schemata, err)
			 : compare_schemata(r->group, schemata, err);
	if (e < 0 || !r->monitor)
		return e;
	e = make_directory(r, r->monitor, &made);
	return e < 0 ? error_errno(err, e, "linux.intelRdt: %s", r->monitor) : 0;
}

int resctrl_update(const char *root, const char *id, const struct oci_intel_rdt *rdt,
	char *l3_cache_schema, char *mem_bw_schema, struct hull_error *err)
{
	struct oci_intel_rdt wanted = {
		.l3_cache_schema = l3_cache_schema, .mem_bw_schema = mem_bw_schema};
	_cleanup_(resctrl_done) struct resctrl names = {0};

	if (!rdt)
		return error_set(err, HULL_ERROR_CONFLICT,
			"the container has no class of service (linux.intelRdt)");
	wanted.clos_id = rdt->clos_id;
	int r = resctrl_name(root, id, &wanted, &names, err);
	if (r == 0)
		r = check_machine(root, &wanted, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *schemata = resctrl_schemata(&wanted);
	return schemata ? write_schemata(root, names.group, schemata, err) : error_no_memory(err);
}

static int add_to(const char *directory, pid_t pid, struct hull_error *err)
{
	_cleanup_free_ char *path = str_printf("%s/tasks", directory);
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", pid);

	if (!path)
		return error_no_memory(err);
	int r = file_write_at(AT_FDCWD, path, text, (size_t)n);
	return r < 0 ? error_errno(err, r, "%s", path) : 0;
}

int resctrl_add(const struct resctrl *r, pid_t pid, struct hull_error *err)
{
	int e = add_to(r->group, pid, err);

	return e < 0 || !r->monitor ? e : add_to(r->monitor, pid, err);
}

void resctrl_remove(char *const *made)
{
	strv_foreach (directory, made)
		rmdir(*directory);
}

/* ---- statistics ---- */

/* The line of a schemata file ("    L3:0=ff;1=ff") that is about one resource. */
static void put_schema(
	struct json_writer *w, const char *key, const char *directory, const char *resource)
{
	_cleanup_free_ char *path = str_printf("%s/schemata", directory);
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (!path || file_read_at(AT_FDCWD, path, &text, SCHEMATA_MAX) < 0)
		return;
	_cleanup_strv_ char **lines = strv_split(buf_str(&text), "\n");
	strv_foreach (line, lines) {
		const char *start = *line + strspn(*line, " ");
		if (!str_after(start, resource))
			continue;
		json_key(w, key);
		json_string(w, start);
		return;
	}
}

struct info_file {
	const char *name;
	bool text;
};

static const struct info_file cache_info[] = {
	{"cbm_mask", true}, {"min_cbm_bits", false}, {"num_closids", false}};
static const struct info_file bandwidth_info[] = {{"bandwidth_gran", false},
	{"delay_linear", false}, {"min_bandwidth", false}, {"num_closids", false}};

/* A number that is zero is left out, as runc leaves it out. */
static void put_info(struct json_writer *w, const char *root, const char *resource,
	const struct info_file *files, size_t n)
{
	json_begin_object(w);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *path =
			str_printf("%s/info/%s/%s", root, resource, files[i].name);
		_cleanup_free_ char *line = NULL;
		uint64_t value;
		if (!path || file_read_line_at(AT_FDCWD, path, &line) < 0)
			continue;
		if (files[i].text) {
			json_key(w, files[i].name);
			json_string(w, line);
		} else if (str_to_u64(line, &value) == 0 && value) {
			json_member_u64(w, files[i].name, value);
		}
	}
	json_end_object(w);
}

void resctrl_stats(struct json_writer *w, const char *root, const char *name)
{
	_cleanup_free_ char *group = path_join(root, name);

	if (group && has_info(root, "L3")) {
		json_key(w, "l3_cache_info");
		put_info(w, root, "L3", cache_info, ARRAY_SIZE(cache_info));
		put_schema(w, "l3_cache_schema_root", root, "L3:");
		put_schema(w, "l3_cache_schema", group, "L3:");
	}
	if (group && has_info(root, "MB")) {
		json_key(w, "mem_bw_info");
		put_info(w, root, "MB", bandwidth_info, ARRAY_SIZE(bandwidth_info));
		put_schema(w, "mem_bw_schema_root", root, MB_PREFIX);
		put_schema(w, "mem_bw_schema", group, MB_PREFIX);
	}
}
