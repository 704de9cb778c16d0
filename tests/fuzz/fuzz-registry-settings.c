/* SPDX-License-Identifier: Apache-2.0 */
/* TOML, and the two files that are written in it: what comes out is well-formed. */
#include "base/str.h"
#include "registry/host_directory.h"
#include "registry/registries_conf.h"
#include "registry/toml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const struct toml_value *v, unsigned int depth)
{
	if (depth > 300)
		abort();
	if ((v->type == TOML_STRING || v->type == TOML_TIME) && !v->text)
		abort();
	for (const struct toml_value *child = v->first; child; child = child->next) {
		if ((v->type == TOML_TABLE) != (child->key != NULL))
			abort();
		if (child->key && toml_get(v, child->key) != child)
			abort();
		check_value(child, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const char *text = (const char *)data;
	struct endpoint_list list = {.arena = &arena};
	struct registries_rule rule = {0};
	const struct registry_endpoint base = {.host = (char *)"h",
		.prefix = (char *)"/v2",
		.repository = (char *)"r",
		.login = (char *)"h",
		.capabilities = ENDPOINT_EVERYTHING};
	struct toml_value *root;

	if (toml_parse(&arena, text, size, "f", &root, NULL) == 0)
		check_value(root, 0);
	if (registries_conf_read(&arena, text, size, "f", "example.com/a/b", &rule, NULL) == 0 &&
		rule.found)
		for (size_t i = 0; i < rule.n_mirrors; i++)
			if (!*rule.mirrors[i].name)
				abort();
	/* Without a directory no file is opened but what the text names: keep to what names none. */
	if (memmem(data, size, "ca", 2) == NULL &&
		hosts_toml_read(text, size, "/nonexistent", "f", "h", &base, &list, NULL) == 0)
		for (size_t i = 0; i < list.n; i++)
			if (!*list.items[i].host || strpbrk(list.items[i].host, "/@?#"))
				abort();
	return 0;
}
