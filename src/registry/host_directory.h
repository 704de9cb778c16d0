/* SPDX-License-Identifier: Apache-2.0 */
/* certs.d: one directory per registry, with Docker's certificates or containerd's hosts.toml. */
#pragma once

#include "registry/endpoint.h"

/* Endpoints under construction: they and all their strings live in the arena. */
struct endpoint_list {
	struct arena *arena;
	struct registry_endpoint *items;
	size_t n;
	size_t size;
};

/* Room for one more, zeroed; NULL past 64 or if memory is out. */
struct registry_endpoint *endpoint_list_add(struct endpoint_list *list, struct hull_error *err);

/*
 * Adds the endpoints that `base` (a registry as its name says) leads to: the hosts of its
 * hosts.toml, then itself, with the certificates that were found. `config` as in
 * struct endpoint_settings. `ns` is the domain of the name as the user typed it.
 */
int host_directory_apply(const char *config, const char *ns, const struct registry_endpoint *base,
	struct endpoint_list *list, struct hull_error *err);

/* A hosts.toml by itself; `directory` is what relative paths in it refer to. */
int hosts_toml_read(const char *text, size_t len, const char *directory, const char *what,
	const char *ns, const struct registry_endpoint *base, struct endpoint_list *list,
	struct hull_error *err);
