/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/parse.h"
#include "network/port.h"

/* One KEY=VALUE of the long form. */
static int long_option(struct arena *a, const char *key, const char *value,
	struct container_endpoint *ret, struct hull_error *err)
{
	struct network_endpoint_config *c = ret->config;
	const struct {
		const char *key;
		char **text;
		char ***list;
	} rows[] = {{"name", &ret->network, NULL}, {"ip", &c->ipv4, NULL}, {"ip6", &c->ipv6, NULL},
		{"mac-address", &c->mac, NULL}, {"alias", NULL, &c->aliases},
		{"link-local-ip", NULL, &c->link_local}};
	int64_t priority;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!str_eq(rows[i].key, key))
			continue;
		if (rows[i].list)
			return arena_strv_append(a, rows[i].list, value) < 0 ? error_no_memory(err)
									     : 0;
		*rows[i].text = arena_strdup(a, value);
		return *rows[i].text ? 0 : error_no_memory(err);
	}
	if (str_eq(key, "driver-opt")) {
		struct pair_list options = {c->options, c->n_options};
		int r = label_parse(a, value, &options, err);

		if (r == 0)
			r = pair_list_settle(&options, err);
		c->options = options.items;
		c->n_options = options.count;
		return r;
	}
	if (!str_eq(key, "gw-priority"))
		return error_set(err, HULL_ERROR_INVALID, "--network: invalid field key %s", key);
	if (str_to_i64(value, &priority) < 0 || priority < INT32_MIN || priority > INT32_MAX)
		return error_set(
			err, HULL_ERROR_INVALID, "--network: invalid gw-priority \"%s\"", value);
	c->gateway_priority = (int)priority;
	return 0;
}

int network_option_parse(struct arena *arena, const char *text, struct container_endpoint *ret,
	struct hull_error *err)
{
	*ret = (struct container_endpoint){
		.config = arena_new(arena, struct network_endpoint_config)};
	if (!ret->config)
		return error_no_memory(err);
	if (!strchr(text, '=')) {
		ret->network = arena_strdup(arena, text);
		return ret->network ? 0 : error_no_memory(err);
	}
	_cleanup_strv_ char **fields = strv_split(text, ",");
	if (!fields)
		return error_no_memory(err);
	strv_foreach (field, fields) {
		char *value = strchr(*field, '=');
		if (!value)
			return error_set(
				err, HULL_ERROR_INVALID, "--network: invalid field %s", *field);
		*value++ = '\0';
		int r = long_option(arena, *field, value, ret, err);
		if (r < 0)
			return r;
	}
	if (str_empty(ret->network))
		return error_set(err, HULL_ERROR_INVALID,
			"--network %s: network name/id is not specified", text);
	return 0;
}

int link_option_parse(struct arena *arena, const char *text, char **ret, struct hull_error *err)
{
	size_t n = strcspn(text, ":");
	const char *alias = text[n] ? text + n + 1 : text;

	if (n == 0 || !*alias || strchr(alias, ':'))
		return error_set(err, HULL_ERROR_INVALID, "bad format for links: %s", text);
	*ret = arena_printf(arena, "%.*s:%s", (int)n, text, alias);
	return *ret ? 0 : error_no_memory(err);
}

int expose_option_parse(struct arena *arena, const char *text, char **ret, struct hull_error *err)
{
	struct network_port port;

	if (strchr(text, ':'))
		return error_set(
			err, HULL_ERROR_INVALID, "invalid port format for --expose: %s", text);
	int r = network_port_parse(text, &port, err);
	if (r < 0)
		return error_wrap(err, r, "--expose");
	*ret = strchr(text, '/') ? arena_strdup(arena, text) : arena_printf(arena, "%s/tcp", text);
	return *ret ? 0 : error_no_memory(err);
}
