/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/capabilities.h"
#include "base/str.h"
#include "sys/capability.h"

#include <ctype.h>
#include <stdint.h>
#include <strings.h>
#include <sys/prctl.h>

const char *const capabilities_default[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_RAW",
	"CAP_SYS_CHROOT",
	"CAP_MKNOD",
	"CAP_AUDIT_WRITE",
	"CAP_SETFCAP",
	NULL,
};

#define BIT(capability) (UINT64_C(1) << (capability))

static bool is_all(const char *name)
{
	return strcasecmp(name, "ALL") == 0;
}

bool capability_name_is_known(const char *name)
{
	return is_all(name) || capability_parse(name) >= 0;
}

/* What the kernel has and may be given: the caller's bounding set. */
static uint64_t available_set(void)
{
	uint64_t set = 0;

	for (int c = 0; c < 64; c++) {
		int r = prctl(PR_CAPBSET_READ, c, 0, 0, 0);
		if (r < 0)
			break; /* past the last one of this kernel */
		if (r > 0)
			set |= BIT(c);
	}
	return set;
}

/* The name as it is shown: upper case, with CAP_. */
static int name_error(
	struct hull_error *err, const char *option, const char *text, const char *name)
{
	char shown[64];
	size_t n = strcspn(name, "\n");
	const char *prefix = strncasecmp(name, "CAP_", 4) == 0 ? "" : "CAP_";

	snprintf(shown, sizeof(shown), "%s%.*s", prefix, (int)(n < 48 ? n : 48), name);
	for (char *p = shown; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return error_set(err, HULL_ERROR_INVALID, "invalid %s: %s: \"%s\"", option, text, shown);
}

static int parse_names(char *const *names, const char *option, uint64_t *ret_set, bool *ret_all,
	struct hull_error *err)
{
	strv_foreach (name, names) {
		if (is_all(*name)) {
			*ret_all = true;
			continue;
		}
		int c = capability_parse(*name);
		if (c < 0)
			return name_error(err, option, "unknown capability", *name);
		*ret_set |= BIT(c);
	}
	return 0;
}

static int check_available(char *const *add, uint64_t available, struct hull_error *err)
{
	strv_foreach (name, add) {
		if (is_all(*name) || (available & BIT(capability_parse(*name))))
			continue;
		return name_error(err, "CapAdd",
			"capability not supported by your kernel or not available in the current "
			"environment",
			*name);
	}
	return 0;
}

static uint64_t default_set(void)
{
	uint64_t set = 0;

	for (const char *const *name = capabilities_default; *name; name++)
		set |= BIT(capability_parse(*name));
	return set;
}

static int format_set(struct arena *arena, uint64_t set, char ***ret)
{
	size_t n = 0;
	char **names = arena_array(arena, (size_t)__builtin_popcountll(set) + 1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	for (int c = 0; c < 64; c++) {
		const char *name = (set & BIT(c)) ? capability_name(c) : NULL;
		if (!name) /* newer than this source: it cannot be named, so not be given either */
			continue;
		names[n] = arena_strdup(arena, name);
		if (!names[n++])
			return -ENOMEM;
	}
	*ret = names;
	return 0;
}

int capabilities_resolve(struct arena *arena, char *const *add, char *const *drop, bool privileged,
	char ***ret, struct hull_error *err)
{
	uint64_t add_set = 0, drop_set = 0, set;
	uint64_t available = available_set();
	bool add_all = false, drop_all = false;

	int r = parse_names(add, "CapAdd", &add_set, &add_all, err);
	if (r == 0)
		r = parse_names(drop, "CapDrop", &drop_set, &drop_all, err);
	if (r == 0 && !privileged)
		r = check_available(add, available, err);
	if (r < 0)
		return r;
	if (privileged)
		set = available;
	else if (add_all)
		set = available & ~drop_set;
	else if (drop_all)
		set = add_set;
	else
		set = (default_set() & available & ~drop_set) | add_set;
	return format_set(arena, set, ret) < 0 ? error_no_memory(err) : 0;
}
