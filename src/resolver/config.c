/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver/internal.h"

#include "base/fd.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <net/if.h>

bool server_parse(const char *text, struct server *ret)
{
	char address[INET6_ADDRSTRLEN + IF_NAMESIZE + sizeof("#65535")];
	char *zone, *number;
	uint32_t port = 53;

	*ret = (struct server){0};
	if (str_copy(address, sizeof(address), text) < 0)
		return false;
	number = strchr(address, '#');
	if (number) {
		*number++ = '\0';
		if (str_to_u32(number, &port) < 0 || port == 0 || port > UINT16_MAX)
			return false;
	}
	if (inet_pton(AF_INET, address, &ret->in.sin_addr) == 1) {
		ret->in.sin_family = AF_INET;
		ret->in.sin_port = htons((uint16_t)port);
		ret->length = sizeof(ret->in);
		return true;
	}
	zone = strchr(address, '%');
	if (zone)
		*zone++ = '\0';
	if (inet_pton(AF_INET6, address, &ret->in6.sin6_addr) != 1)
		return false;
	ret->in6.sin6_family = AF_INET6;
	ret->in6.sin6_port = htons((uint16_t)port);
	ret->in6.sin6_scope_id = zone ? if_nametoindex(zone) : 0;
	ret->length = sizeof(ret->in6);
	return true;
}

/* The words of a line: its first one and the rest's first. False at the end of the text. */
static bool next_line(char **text, char **ret_key, char **ret_value)
{
	char *line = strsep(text, "\n");

	if (!line)
		return false;
	*ret_key = line + strspn(line, " \t\r");
	char *end = *ret_key + strcspn(*ret_key, " \t\r");
	*ret_value = end + strspn(end, " \t\r");
	*end = '\0';
	(*ret_value)[strcspn(*ret_value, " \t\r")] = '\0';
	return true;
}

static void add_server(struct config *config, const char *text)
{
	if (config->n_servers < SERVERS_MAX &&
		server_parse(text, &config->servers[config->n_servers]))
		config->n_servers++;
}

/* resolv.conf(5). Without a line of its kind, a server is on this host. */
static void read_servers(struct config *config)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *key, *value;

	config->n_servers = 0;
	file_version_read(config->follow, &config->follow_version);
	if (file_read_at(AT_FDCWD, config->follow, &text, CONFIG_MAX) == 0 && text.data) {
		char *rest = text.data;

		while (next_line(&rest, &key, &value))
			if (str_eq(key, "nameserver"))
				add_server(config, value);
	}
	if (config->n_servers == 0)
		add_server(config, "127.0.0.1");
}

static void forget(struct config *config)
{
	for (size_t i = 0; i < config->n_zones; i++) {
		zone_close(&config->zones[i]);
		free(config->zone_paths[i]);
	}
	free(config->follow);
	*config = (struct config){.path = config->path};
}

static void read_config(struct config *config)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *key, *value;

	forget(config);
	file_version_read(config->path, &config->version);
	if (file_read_at(AT_FDCWD, config->path, &text, CONFIG_MAX) < 0 || !text.data)
		return;
	char *rest = text.data;
	while (next_line(&rest, &key, &value)) {
		if (str_eq(key, "zone") && config->n_zones < ZONES_MAX) {
			config->zone_paths[config->n_zones] = strdup(value);
			if (config->zone_paths[config->n_zones])
				zone_open(&config->zones[config->n_zones++], value);
		} else if (str_eq(key, "server")) {
			add_server(config, value);
		} else if (str_eq(key, "follow")) {
			str_set(&config->follow, value);
		} else if (str_eq(key, "refuse")) {
			config->refuse = true;
		}
	}
	if (config->follow)
		read_servers(config);
}

void config_follow(struct config *config)
{
	struct file_version now;

	file_version_read(config->path, &now);
	if (!file_version_equal(&now, &config->version)) {
		read_config(config);
		return;
	}
	for (size_t i = 0; i < config->n_zones; i++)
		zone_follow(&config->zones[i], config->zone_paths[i]);
	if (config->follow) {
		file_version_read(config->follow, &now);
		if (!file_version_equal(&now, &config->follow_version))
			read_servers(config);
	}
}

void config_done(struct config *config)
{
	forget(config);
	free(config->path);
	config->path = NULL;
}
