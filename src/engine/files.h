/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/hostname, /etc/hosts and /etc/resolv.conf of a container: files "hostname", "hosts" and
 * "resolv.conf" in its run directory, which are bind-mounted into it.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>

struct files_options {
	const char *hostname;
	const char *domainname; /* NULL or "" = none */
	/* Shares the host's network: hosts and resolv.conf start as the host's, unfiltered. */
	bool host_network;
	char *const *addresses;	  /* of the container itself, for hosts; NULL = none yet */
	char *const *extra_hosts; /* NAME:ADDRESS, the address may be "host-gateway" */
	const char *host_gateway; /* what "host-gateway" stands for; NULL = it is refused */
	/* Names are resolved by the container's own resolver; dns is what that asks. */
	bool resolver;
	char *const *dns;	 /* each overrides the host's; NULL or empty = the host's */
	char *const *dns_search; /* "." alone: none */
	char *const *dns_options;
	const char *const *default_dns; /* if nothing is left; NULL = 8.8.8.8 and 8.8.4.4 */
};

/* Writes the three files (mode 0644) into the directory. */
int files_write(int dir_fd, const struct files_options *options, struct hull_error *err);

/* Appends the container's own names at an address to its hosts file, once the address is known. */
int files_add_address(int dir_fd, const char *address, const char *hostname, const char *domainname,
	struct hull_error *err);

/* The texts; host_text is the host's file of that name ("" if there is none). */
int files_format_hosts(struct buf *out, const struct files_options *options, const char *host_text,
	struct hull_error *err);
void files_format_resolv_conf(
	struct buf *out, const struct files_options *options, const char *host_text);
