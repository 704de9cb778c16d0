/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver/internal.h"

#include "base/fd.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <net/if.h>

#define WORDS_MAX 3 /* of a line */

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

/* The first words of a line, "" where there are no more. False at the end of the text. */
static bool next_line(char **text, char *words[WORDS_MAX])
{
	char *line = strsep(text, "\n");

	if (!line)
		return false;
	for (size_t i = 0; i < WORDS_MAX; i++) {
		words[i] = line + strspn(line, " \t\r");
		line = words[i] + strcspn(words[i], " \t\r");
		if (*line)
			*line++ = '\0';
	}
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
	char *words[WORDS_MAX];

	config->n_servers = 0;
	file_version_read(config->follow, &config->follow_version);
	if (file_read_at(AT_FDCWD, config->follow, &text, CONFIG_MAX) == 0 && text.data) {
		char *rest = text.data;

		while (next_line(&rest, words))
			if (str_eq(words[0], "nameserver"))
				add_server(config, words[1]);
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

static void add_zone(struct config *config, const char *path)
{
	if (config->n_zones == ZONES_MAX)
		return;
	config->zone_paths[config->n_zones] = strdup(path);
	if (config->zone_paths[config->n_zones])
		zone_open(&config->zones[config->n_zones++], path);
}

static void add_alias(struct config *config, char *name, const char *target)
{
	struct alias *alias = &config->aliases[config->n_aliases];

	for (char *c = name; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	if (config->n_aliases < ALIASES_MAX &&
		str_copy(alias->name, sizeof(alias->name), name) == 0 &&
		str_copy(alias->target, sizeof(alias->target), target) == 0)
		config->n_aliases++;
}

static void read_config(struct config *config)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *words[WORDS_MAX];

	forget(config);
	file_version_read(config->path, &config->version);
	if (file_read_at(AT_FDCWD, config->path, &text, CONFIG_MAX) < 0 || !text.data)
		return;
	char *rest = text.data;
	while (next_line(&rest, words)) {
		if (str_eq(words[0], "zone"))
			add_zone(config, words[1]);
		else if (str_eq(words[0], "alias"))
			add_alias(config, words[1], words[2]);
		else if (str_eq(words[0], "server"))
			add_server(config, words[1]);
		else if (str_eq(words[0], "follow"))
			str_set(&config->follow, words[1]);
		else if (str_eq(words[0], "refuse"))
			config->refuse = true;
	}
	if (config->follow)
		read_servers(config);
}

const char *config_target(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_aliases; i++)
		if (str_eq(config->aliases[i].name, name))
			return config->aliases[i].target;
	return name;
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
