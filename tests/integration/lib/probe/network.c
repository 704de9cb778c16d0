/* SPDX-License-Identifier: Apache-2.0 */
/* What the process sees of the network: links, addresses, routes, and how names are resolved. */
#include "report.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned prefix_length(const struct sockaddr *mask)
{
	const unsigned char *bytes;
	unsigned size, n = 0;

	if (!mask)
		return 0;
	if (mask->sa_family == AF_INET6) {
		bytes = ((const struct sockaddr_in6 *)(const void *)mask)->sin6_addr.s6_addr;
		size = 16;
	} else {
		bytes = (const unsigned char *)&((const struct sockaddr_in *)(const void *)mask)
				->sin_addr;
		size = 4;
	}
	for (unsigned i = 0; i < size; i++)
		n += (unsigned)__builtin_popcount(bytes[i]);
	return n;
}

static void write_addresses(struct report *r, const char *link, const struct ifaddrs *all)
{
	report_begin(r, "addresses", '[');
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		const void *address;

		if (!a->ifa_addr || strcmp(a->ifa_name, link) != 0)
			continue;
		if (a->ifa_addr->sa_family == AF_INET)
			address = &((struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr;
		else if (a->ifa_addr->sa_family == AF_INET6)
			address = &((struct sockaddr_in6 *)(void *)a->ifa_addr)->sin6_addr;
		else
			continue;
		if (inet_ntop(a->ifa_addr->sa_family, address, text, sizeof(text)))
			report_format(r, NULL, "%s/%u", text, prefix_length(a->ifa_netmask));
	}
	report_end(r, ']');
}

static void write_link(struct report *r, int sock, const char *name, const struct ifaddrs *all)
{
	struct ifreq request = {0};
	bool up = false;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	report_begin(r, name, '{');
	if (ioctl(sock, SIOCGIFFLAGS, &request) == 0)
		up = (request.ifr_flags & IFF_UP) != 0;
	report_bool(r, "up", up);
	if (ioctl(sock, SIOCGIFMTU, &request) == 0)
		report_number(r, "mtu", request.ifr_mtu);
	if (ioctl(sock, SIOCGIFHWADDR, &request) == 0) {
		const unsigned char *mac = (const unsigned char *)request.ifr_hwaddr.sa_data;

		report_format(r, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
			mac[3], mac[4], mac[5]);
	}
	write_addresses(r, name, all);
	report_end(r, '}');
}

static void write_links(struct report *r, const char *key)
{
	struct if_nameindex *links = if_nameindex();
	struct ifaddrs *all = NULL;
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (getifaddrs(&all) < 0)
		all = NULL;
	report_begin(r, key, '{');
	for (struct if_nameindex *link = links; link && link->if_name; link++)
		write_link(r, sock, link->if_name, all);
	report_end(r, '}');
	if (links)
		if_freenameindex(links);
	if (all)
		freeifaddrs(all);
	if (sock >= 0)
		close(sock);
}

/* The IPv4 routes as {link, destination, gateway, mask}, from /proc/net/route. */
static void write_routes(struct report *r, const char *key)
{
	FILE *f = fopen("/proc/net/route", "re");
	char line[512];

	report_begin(r, key, '[');
	while (f && fgets(line, sizeof(line), f)) {
		char link[IF_NAMESIZE + 1];
		struct in_addr destination, gateway, mask;
		char text[INET_ADDRSTRLEN];

		if (sscanf(line, "%16s %x %x %*s %*s %*s %*s %x", link, &destination.s_addr,
			    &gateway.s_addr, &mask.s_addr) != 4)
			continue;
		report_begin(r, NULL, '{');
		report_string(r, "link", link);
		inet_ntop(AF_INET, &destination, text, sizeof(text));
		report_format(r, "destination", "%s/%d", text, __builtin_popcount(mask.s_addr));
		report_string(r, "gateway", inet_ntop(AF_INET, &gateway, text, sizeof(text)));
		report_end(r, '}');
	}
	report_end(r, ']');
	if (f)
		fclose(f);
}

static void write_resolver(struct report *r, const char *key)
{
	report_begin(r, key, '{');
	report_file_lines(r, "resolv_conf", "/etc/resolv.conf");
	report_file_lines(r, "hosts", "/etc/hosts");
	report_file_lines(r, "hostname", "/etc/hostname");
	report_end(r, '}');
}

const struct section network_sections[] = {
	{"links", write_links},
	{"routes", write_routes},
	{"resolver", write_resolver},
	{NULL, NULL},
};
