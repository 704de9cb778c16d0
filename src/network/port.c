/* SPDX-License-Identifier: Apache-2.0 */
#include "network/port.h"
#include "base/str.h"

static const struct {
	const char *name;
	uint8_t protocol;
} protocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};

#define PORT_MAX 65535

const char *network_protocol_name(uint8_t protocol)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (protocols[i].protocol == protocol)
			return protocols[i].name;
	}
	return "?";
}

static int parse_protocol(const char *text, uint8_t *ret, struct hull_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (strcasecmp(text, protocols[i].name) == 0) {
			*ret = protocols[i].protocol;
			return 0;
		}
	}
	return error_set(err, HULL_ERROR_INVALID, "invalid proto: %.20s", text);
}

static int parse_number(const char *text, size_t n, uint16_t *ret)
{
	char digits[8];
	uint32_t value;

	if (n == 0 || n >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, n);
	digits[n] = '\0';
	if (str_to_u32(digits, &value) < 0 || value == 0 || value > PORT_MAX)
		return -EINVAL;
	*ret = (uint16_t)value;
	return 0;
}

/* "80" or "80-90" */
static int parse_range(const char *text, uint16_t *first, uint16_t *last)
{
	const char *dash = strchr(text, '-');
	size_t n = dash ? (size_t)(dash - text) : strlen(text);
	int r = parse_number(text, n, first);

	*last = *first;
	if (r == 0 && dash)
		r = parse_number(dash + 1, strlen(dash + 1), last);
	return r == 0 && *last < *first ? -EINVAL : r;
}

/* Cuts text at its last colon outside of brackets: the part after it; *rest is NULL without one. */
static char *cut(char *text, char **rest)
{
	char *colon = strrchr(text, ':');

	*rest = NULL;
	if (!colon || strchr(colon, ']'))
		return text;
	*colon = '\0';
	*rest = text;
	return colon + 1;
}

static int parse_host(char *text, struct network_port *p, struct hull_error *err)
{
	char *address, *ports = cut(text, &address);

	/* Without brackets nobody can tell where an IPv6 address ends. */
	bool bare = address && address[0] != '[' && strchr(address, ':');
	if (bare || (address && *address && network_address_parse(address, &p->host_ip) < 0))
		return error_set(err, HULL_ERROR_INVALID, "invalid IP address: %.100s", address);
	if (*ports && !str_eq(ports, "0") && parse_range(ports, &p->host_first, &p->host_last) < 0)
		return error_set(err, HULL_ERROR_INVALID, "invalid hostPort: %.100s", ports);
	return 0;
}

int network_port_parse(const char *text, struct network_port *ret, struct hull_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct network_port p = {.protocol = IPPROTO_TCP};
	char *host;
	int r = 0;

	if (!copy)
		return error_no_memory(err);
	char *slash = strrchr(copy, '/');
	if (slash) {
		*slash = '\0';
		r = parse_protocol(slash + 1, &p.protocol, err);
	}
	if (r < 0)
		return r;
	char *container = cut(copy, &host);
	if (!*container)
		return error_set(err, HULL_ERROR_INVALID, "no port specified: %.100s<empty>", text);
	if (parse_range(container, &p.container_first, &p.container_last) < 0)
		return error_set(
			err, HULL_ERROR_INVALID, "invalid containerPort: %.100s", container);
	r = host ? parse_host(host, &p, err) : 0;
	if (r < 0)
		return r;
	if (p.host_first && p.container_first != p.container_last &&
		p.host_last - p.host_first != p.container_last - p.container_first)
		return error_set(err, HULL_ERROR_INVALID,
			"invalid ranges specified for container and host Ports: %u-%u and %u-%u",
			p.container_first, p.container_last, p.host_first, p.host_last);
	*ret = p;
	return 0;
}
