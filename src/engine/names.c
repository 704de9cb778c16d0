/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/names.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "engine/monitor.h"
#include "engine/network.h"
#include "resolver/zone.h"

#include <sys/file.h>

/* A name, and the same with its network's: how Docker's containers know each other. */
static void add_name(
	struct zone_writer *w, const char *name, const struct network *network, const char *address)
{
	_cleanup_free_ char *long_name = str_printf("%s.%s", name, network->name);

	if (!long_name) {
		w->error = -ENOMEM;
		return;
	}
	zone_add_address(w, name, address);
	zone_add_address(w, long_name, address);
}

static void add_endpoint(struct zone_writer *w, const struct network_endpoint *e)
{
	char address[NETWORK_ADDRESS_TEXT], id[CONTAINER_SHORT_LENGTH + 1];
	_cleanup_free_ char *reverse = str_printf("%s.%s", e->container_name, e->network->name);

	if (!reverse) {
		w->error = -ENOMEM;
		return;
	}
	snprintf(id, sizeof(id), "%s", e->container_id);
	for (size_t i = 0; i < ARRAY_SIZE(e->address); i++) {
		if (!network_address_is_set(&e->address[i].address))
			continue;
		network_address_format(&e->address[i].address, address);
		add_name(w, e->container_name, e->network, address);
		add_name(w, id, e->network, address);
		strv_foreach (alias, e->config ? e->config->aliases : NULL)
			add_name(w, *alias, e->network, address);
		zone_add_reverse(w, address, reverse);
	}
}

static int format_names(struct network_host *host, const struct network *network, struct buf *out,
	struct hull_error *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct network_endpoint *endpoints;
	struct zone_writer w = {0};
	size_t n;
	int r = network_endpoints_of_network(host, &arena, network, &endpoints, &n, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		add_endpoint(&w, &endpoints[i]);
	return zone_write(&w, out) < 0 ? error_no_memory(err) : 0;
}

/*
 * Under the lock one name does for the new file, and what somebody left there who was killed is
 * written over.
 */
static int replace_names(int dir, const char *name, const struct buf *text)
{
	static const char new[] = ".new";

	if (text->len == 0) {
		unlinkat(dir, new, 0);
		return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
	}
	_cleanup_close_ int fd =
		openat(dir, new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fd_write_all(fd, text->data, text->len);
	return r == 0 && renameat(dir, new, dir, name) < 0 ? -errno : r;
}

/* The lock is held while records are read and the file is written: the last one to read writes last. */
int names_publish(struct engine *engine, const struct network *network, struct hull_error *err)
{
	_cleanup_free_ char *path = path_join(engine_run_root(engine), "networks");
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct network_host *host;

	if (!path)
		return error_no_memory(err);
	int r = dir_make_parents_at(AT_FDCWD, path, 0711);
	if (r < 0)
		return error_errno(err, r, "%s", path);
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || flock(dir, LOCK_EX) < 0)
		return error_errno(err, errno, "%s", path);
	r = engine_networks(engine, &host, err);
	if (r == 0)
		r = format_names(host, network, &text, err);
	if (r < 0)
		return r;
	r = replace_names(dir, network->id, &text);
	return r < 0 ? error_errno(err, r, "%s/%s", path, network->id) : 0;
}

int names_write_resolver(struct engine *engine, const struct container *c, int run_dir,
	const struct network_endpoint *endpoints, size_t n_endpoints, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	bool outside = false;

	for (size_t i = 0; i < n_endpoints; i++) {
		const struct network *network = endpoints[i].network;

		outside |= !network->internal;
		if (!network_is_predefined(network->name))
			buf_printf(&text, "zone %s/networks/%s\n", engine_run_root(engine),
				network->id);
	}
	strv_foreach (link, c->config->links) {
		size_t n = strcspn(*link, ":");

		buf_printf(&text, "alias %s %.*s\n", *link + n + 1, (int)n, *link);
	}
	strv_foreach (server, c->config->dns)
		buf_printf(&text, "server %s\n", *server);
	if (!outside)
		buf_puts(&text, "refuse\n");
	else if (!c->config->dns)
		buf_puts(&text, "follow /etc/resolv.conf\n");
	int r = buf_error(&text);
	if (r == 0)
		r = file_replace_at(run_dir, MONITOR_RESOLVER, text.data, text.len, 0600, false);
	return r < 0 ? error_errno(err, r, MONITOR_RESOLVER) : 0;
}
