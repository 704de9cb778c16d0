/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files are made on a tmpfs, before the container sees them, so they are written in place: one
 * open and one write each. The host's own files are read as they are now; a container that is
 * started again gets them as they are then.
 */
#include "engine/files.h"
#include "base/fd.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <sys/stat.h>

#define HOST_FILE_MAX ((size_t)1 << 20)

static const char *const default_dns[] = {"8.8.8.8", "8.8.4.4", NULL};

static int read_host_file(const char *path, struct buf *out, struct hull_error *err)
{
	int r = file_read_at(AT_FDCWD, path, out, HOST_FILE_MAX);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? error_errno(err, r, "read %s", path) : 0;
}

static int write_file(int dir_fd, const char *name, const struct buf *text, struct hull_error *err)
{
	if (buf_error(text) < 0)
		return error_no_memory(err);
	_cleanup_close_ int fd =
		openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : 0;
	/* The umask must not make them unreadable for the container's users. */
	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	if (r == 0)
		r = fd_write_all(fd, buf_str(text), text->len);
	return r < 0 ? error_errno(err, r, "write %s", name) : 0;
}

/* ADDRESS<tab>HOSTNAME.DOMAIN HOSTNAME */
static void put_own_names(
	struct buf *out, const char *address, const char *hostname, const char *domainname)
{
	size_t host = strcspn(hostname, ".");

	buf_printf(out, "%s\t", address);
	if (!str_empty(domainname))
		buf_printf(out, "%s.%s ", hostname, domainname);
	buf_puts(out, hostname);
	/* A whole name is known by its first part, too. */
	if (host > 0 && hostname[host])
		buf_printf(out, " %.*s", (int)host, hostname);
	buf_putc(out, '\n');
}

static int put_extra_host(
	struct buf *out, const char *text, const char *gateway, struct hull_error *err)
{
	const char *colon = strchr(text, ':');
	const char *address = colon ? colon + 1 : "";

	if (str_eq(address, "host-gateway")) {
		if (str_empty(gateway))
			return error_set(err, HULL_ERROR_INVALID,
				"--add-host %s: the container's network has no gateway to the host",
				text);
		address = gateway;
	}
	buf_printf(out, "%s\t%.*s\n", address, (int)(colon ? colon - text : 0), text);
	return 0;
}

int files_format_hosts(struct buf *out, const struct files_options *options, const char *host_text,
	struct hull_error *err)
{
	if (options->host_network) {
		buf_puts(out, host_text);
		if (out->len > 0 && out->data[out->len - 1] != '\n')
			buf_putc(out, '\n');
	} else {
		buf_puts(out, "127.0.0.1\tlocalhost\n"
			      "::1\tlocalhost ip6-localhost ip6-loopback\n"
			      "fe00::\tip6-localnet\n"
			      "ff00::\tip6-mcastprefix\n"
			      "ff02::1\tip6-allnodes\n"
			      "ff02::2\tip6-allrouters\n");
	}
	strv_foreach (host, options->extra_hosts) {
		int r = put_extra_host(out, *host, options->host_gateway, err);
		if (r < 0)
			return r;
	}
	strv_foreach (address, options->addresses)
		put_own_names(out, *address, options->hostname, options->domainname);
	return buf_error(out) < 0 ? error_no_memory(err) : 0;
}

/* One line of resolv.conf as keyword and the rest; false for comments and what has no keyword. */
static bool split_line(const char *line, size_t len, size_t *ret_keyword, const char **ret_value,
	size_t *ret_value_len)
{
	size_t n = 0;

	while (n < len && line[n] != ' ' && line[n] != '\t')
		n++;
	const char *value = line + n;
	const char *end = line + len;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	*ret_keyword = n;
	*ret_value = value;
	*ret_value_len = (size_t)(end - value);
	return n > 0 && line[0] != '#' && line[0] != ';';
}

static bool keyword_is(const char *line, size_t n, const char *keyword)
{
	return strlen(keyword) == n && memcmp(line, keyword, n) == 0;
}

/* 127.0.0.0/8, ::1, and addresses with a zone: none is reachable from another network namespace. */
static bool is_local_address(const char *text, size_t len)
{
	char address[INET6_ADDRSTRLEN + 1];
	unsigned char bytes[16];

	if (len >= sizeof(address) || memchr(text, '%', len))
		return true;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(AF_INET, address, bytes) == 1)
		return bytes[0] == 127;
	if (inet_pton(AF_INET6, address, bytes) != 1)
		return true;
	return memcmp(bytes, &in6addr_loopback, sizeof(bytes)) == 0;
}

/* What of the host's file is kept. */
struct resolv_state {
	const struct files_options *options;
	bool has_nameserver;
};

static bool keep_line(struct resolv_state *state, const char *line, size_t len)
{
	size_t n, value_len;
	const char *value;

	if (!split_line(line, len, &n, &value, &value_len))
		return false;
	if (keyword_is(line, n, "nameserver")) {
		if (state->options->resolver || strv_length(state->options->dns) > 0)
			return false;
		if (!state->options->host_network && is_local_address(value, value_len))
			return false;
		state->has_nameserver = true;
		return true;
	}
	if (keyword_is(line, n, "search") || keyword_is(line, n, "domain"))
		return strv_length(state->options->dns_search) == 0;
	if (keyword_is(line, n, "options"))
		return strv_length(state->options->dns_options) == 0;
	return true;
}

static void put_list(struct buf *out, const char *keyword, char *const *words)
{
	buf_puts(out, keyword);
	strv_foreach (word, words)
		buf_printf(out, " %s", *word);
	buf_putc(out, '\n');
}

void files_format_resolv_conf(
	struct buf *out, const struct files_options *options, const char *host_text)
{
	struct resolv_state state = {.options = options};
	const char *const *fallback = options->default_dns ? options->default_dns : default_dns;
	bool override = strv_length(options->dns) > 0 || strv_length(options->dns_search) > 0 ||
			strv_length(options->dns_options) > 0;

	if (options->host_network && !override) {
		buf_puts(out, host_text);
		return;
	}
	/* Every name is asked for as it stands first; what the host or the user says comes later, and wins. */
	if (options->resolver)
		buf_puts(out, "nameserver 127.0.0.11\noptions ndots:0\n");
	else
		strv_foreach (server, options->dns)
			buf_printf(out, "nameserver %s\n", *server);
	for (const char *line = host_text; *line;) {
		size_t len = strcspn(line, "\n");
		if (keep_line(&state, line, len)) {
			buf_append(out, line, len);
			buf_putc(out, '\n');
		}
		line += len + (line[len] == '\n');
	}
	if (!options->resolver && !state.has_nameserver && strv_length(options->dns) == 0) {
		for (; *fallback; fallback++)
			buf_printf(out, "nameserver %s\n", *fallback);
	}
	bool no_search =
		strv_length(options->dns_search) == 1 && str_eq(options->dns_search[0], ".");
	if (strv_length(options->dns_search) > 0 && !no_search)
		put_list(out, "search", options->dns_search);
	if (strv_length(options->dns_options) > 0)
		put_list(out, "options", options->dns_options);
}

static int write_hostname(int dir_fd, const char *hostname, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_printf(&text, "%s\n", hostname);
	return write_file(dir_fd, "hostname", &text, err);
}

static int write_hosts(int dir_fd, const struct files_options *options, struct hull_error *err)
{
	_cleanup_buf_ struct buf host = BUF_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = options->host_network ? read_host_file("/etc/hosts", &host, err) : 0;

	if (r == 0)
		r = files_format_hosts(&text, options, buf_str(&host), err);
	return r < 0 ? r : write_file(dir_fd, "hosts", &text, err);
}

static int write_resolv_conf(
	int dir_fd, const struct files_options *options, struct hull_error *err)
{
	_cleanup_buf_ struct buf host = BUF_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;

	int r = read_host_file("/etc/resolv.conf", &host, err);
	if (r < 0)
		return r;
	files_format_resolv_conf(&text, options, buf_str(&host));
	return write_file(dir_fd, "resolv.conf", &text, err);
}

int files_write(int dir_fd, const struct files_options *options, struct hull_error *err)
{
	int r = write_hostname(dir_fd, options->hostname, err);

	if (r == 0)
		r = write_hosts(dir_fd, options, err);
	return r < 0 ? r : write_resolv_conf(dir_fd, options, err);
}

int files_add_address(int dir_fd, const char *address, const char *hostname, const char *domainname,
	struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	put_own_names(&text, address, hostname, domainname);
	if (buf_error(&text) < 0)
		return error_no_memory(err);
	_cleanup_close_ int fd =
		openat(dir_fd, "hosts", O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_write_all(fd, text.data, text.len);
	return r < 0 ? error_errno(err, r, "write hosts") : 0;
}
