/* SPDX-License-Identifier: Apache-2.0 */
/* What the process can reach: namespaces, mounts, open fds, cgroups, device nodes. */
#include "report.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LINK_MAX 4096

static const char *read_link_at(int dirfd, const char *name, char target[LINK_MAX])
{
	ssize_t n = readlinkat(dirfd, name, target, LINK_MAX - 1);

	if (n < 0)
		return NULL;
	target[n] = '\0';
	return target;
}

static void write_namespaces(struct report *r, const char *key)
{
	DIR *dir = opendir("/proc/self/ns");
	struct dirent *entry;
	char target[LINK_MAX];

	report_begin(r, key, '{');
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			report_string(
				r, entry->d_name, read_link_at(dirfd(dir), entry->d_name, target));
	}
	report_end(r, '}');
	if (dir)
		closedir(dir);
}

/* Undoes the octal escapes of mountinfo in place. */
static char *unescape(char *text)
{
	char *out = text;

	for (char *in = text; *in;) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] && in[3]) {
			*out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
	return text;
}

static void write_word(struct report *r, const char *key, char **rest)
{
	char *word = strsep(rest, " ");

	report_string(r, key, word ? unescape(word) : NULL);
}

/* One line of proc_pid_mountinfo(5). */
static void write_mount(struct report *r, char *line)
{
	char *rest = line, *word;

	report_begin(r, NULL, '{');
	write_word(r, "id", &rest);
	write_word(r, "parent", &rest);
	write_word(r, "device", &rest);
	write_word(r, "root", &rest);
	write_word(r, "target", &rest);
	write_word(r, "options", &rest);
	report_begin(r, "propagation", '[');
	while ((word = strsep(&rest, " ")) && strcmp(word, "-") != 0)
		report_string(r, NULL, word);
	report_end(r, ']');
	write_word(r, "type", &rest);
	write_word(r, "source", &rest);
	write_word(r, "super", &rest);
	report_end(r, '}');
}

static void write_mounts(struct report *r, const char *key)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;

	report_begin(r, key, '[');
	while (f && getline(&line, &size, f) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		write_mount(r, line);
	}
	report_end(r, ']');
	free(line);
	if (f)
		fclose(f);
}

/* The directory's own fd is not listed. */
static void write_fds(struct report *r, const char *key)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char target[LINK_MAX];

	report_begin(r, key, '[');
	while (dir && (entry = readdir(dir))) {
		int fd = (int)strtol(entry->d_name, NULL, 10);

		if (entry->d_name[0] == '.' || fd == dirfd(dir))
			continue;
		report_begin(r, NULL, '{');
		report_number(r, "fd", fd);
		report_string(r, "target", read_link_at(dirfd(dir), entry->d_name, target));
		report_bool(r, "cloexec", (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
		report_end(r, '}');
	}
	report_end(r, ']');
	if (dir)
		closedir(dir);
}

static void write_cgroups(struct report *r, const char *key)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char *line = NULL;
	size_t size = 0;

	report_begin(r, key, '{');
	while (f && getline(&line, &size, f) >= 0) {
		char *rest = line, *controllers;

		line[strcspn(line, "\n")] = '\0';
		strsep(&rest, ":");
		controllers = strsep(&rest, ":");
		if (controllers)
			report_string(r, *controllers ? controllers : "unified", rest);
	}
	report_end(r, '}');
	free(line);
	if (f)
		fclose(f);
}

static const char *file_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symlink";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	default:
		return "file";
	}
}

static void write_node(struct report *r, int dirfd, const char *name)
{
	char target[LINK_MAX];
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	report_begin(r, name, '{');
	report_string(r, "type", file_type(st.st_mode));
	report_format(r, "mode", "%04o", (unsigned)(st.st_mode & 07777));
	report_u64(r, "uid", st.st_uid);
	report_u64(r, "gid", st.st_gid);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
		report_number(r, "major", major(st.st_rdev));
		report_number(r, "minor", minor(st.st_rdev));
	} else if (S_ISLNK(st.st_mode)) {
		report_string(r, "target", read_link_at(dirfd, name, target));
	}
	report_end(r, '}');
}

static void write_devices(struct report *r, const char *key)
{
	DIR *dir = opendir("/dev");
	struct dirent *entry;

	report_begin(r, key, '{');
	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			write_node(r, dirfd(dir), entry->d_name);
	}
	report_end(r, '}');
	if (dir)
		closedir(dir);
}

static void write_root(struct report *r, const char *key)
{
	struct statfs fs;
	DIR *dir = opendir("/");
	struct dirent *entry;

	report_begin(r, key, '{');
	report_format(
		r, "filesystem", "%#lx", statfs("/", &fs) == 0 ? (unsigned long)fs.f_type : 0);
	report_bool(r, "writable", access("/", W_OK) == 0);
	report_begin(r, "entries", '[');
	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			report_string(r, NULL, entry->d_name);
	}
	report_end(r, ']');
	report_end(r, '}');
	if (dir)
		closedir(dir);
}

static void write_maps(struct report *r, const char *key)
{
	report_begin(r, key, '{');
	report_file_lines(r, "uid", "/proc/self/uid_map");
	report_file_lines(r, "gid", "/proc/self/gid_map");
	report_file_line(r, "setgroups", "/proc/self/setgroups");
	report_file_lines(r, "time", "/proc/self/timens_offsets");
	report_end(r, '}');
}

/* fds come first: every other section opens files. */
const struct section filesystem_sections[] = {
	{"fds", write_fds},
	{"namespaces", write_namespaces},
	{"id_maps", write_maps},
	{"cgroups", write_cgroups},
	{"mounts", write_mounts},
	{"root", write_root},
	{"devices", write_devices},
	{NULL, NULL},
};
