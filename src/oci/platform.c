/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Platforms of images: names made equal, and which image runs where. What a machine can run beside
 * its own architecture is an ordered list of (architecture, variant): an amd64 processor of level
 * 3 runs v3, v2, v1 and then 386; a 64-bit ARM runs arm64 and then arm v8 to v5.
 */
#include "oci/image_spec.h"

#include "base/str.h"

#include <ctype.h>
#include <strings.h>
#include <sys/utsname.h>

static const struct {
	const char *name, *architecture, *variant; /* variant NULL: as it was */
} architecture_names[] = {
	{"aarch64", "arm64", NULL},
	{"armhf", "arm", "v7"},
	{"armel", "arm", "v6"},
	{"armv5l", "arm", "v5"},
	{"armv6l", "arm", "v6"},
	{"armv7l", "arm", "v7"},
	{"armv8l", "arm", "v8"},
	{"i386", "386", NULL},
	{"i486", "386", NULL},
	{"i586", "386", NULL},
	{"i686", "386", NULL},
	{"x86-64", "amd64", NULL},
	{"x86_64", "amd64", NULL},
	{"loongarch64", "loong64", NULL},
	{"mips64el", "mips64le", NULL},
	{"powerpc64le", "ppc64le", NULL},
};

static const char *const known_architectures[] = {"386", "amd64", "arm", "arm64", "loong64", "mips",
	"mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x"};

/* The strings stay valid as long as the platform's own did, or are static. */
static void normalize_variant(struct oci_platform *p)
{
	static const char *const arm_variants[] = {"v5", "v6", "v7", "v8"};

	if (str_eq(p->architecture, "arm")) {
		if (str_empty(p->variant))
			p->variant = (char *)arm_variants[2];
		else if (p->variant[0] >= '5' && p->variant[0] <= '8' && !p->variant[1])
			p->variant = (char *)arm_variants[p->variant[0] - '5'];
	} else if (str_eq(p->architecture, "arm64")) {
		if (str_eq(p->variant, "v8") || str_eq(p->variant, "8") ||
			str_eq(p->variant, "v8.0"))
			p->variant = NULL;
	} else if (str_eq(p->architecture, "amd64")) {
		if (str_eq(p->variant, "v1"))
			p->variant = NULL;
	}
	if (str_empty(p->variant))
		p->variant = NULL;
}

void oci_platform_normalize(struct oci_platform *p)
{
	for (size_t i = 0; p->architecture && i < ARRAY_SIZE(architecture_names); i++) {
		if (strcasecmp(p->architecture, architecture_names[i].name) != 0)
			continue;
		p->architecture = (char *)architecture_names[i].architecture;
		if (architecture_names[i].variant && str_empty(p->variant))
			p->variant = (char *)architecture_names[i].variant;
		break;
	}
	if (p->os && strcasecmp(p->os, "macos") == 0)
		p->os = (char *)"darwin";
	normalize_variant(p);
}

static bool is_component(const char *s)
{
	if (!isalnum((unsigned char)*s) || strlen(s) > 40)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("._-", *s))
			return false;
	return true;
}

static bool is_architecture(const char *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_architectures); i++)
		if (strcasecmp(s, known_architectures[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(architecture_names); i++)
		if (strcasecmp(s, architecture_names[i].name) == 0)
			return true;
	return false;
}

int oci_platform_host(struct arena *arena, struct oci_platform *ret, struct hull_error *err)
{
	struct utsname u;

	if (uname(&u) < 0)
		return error_errno(err, errno, "uname");
	*ret = (struct oci_platform){0};
	ret->os = (char *)"linux";
	ret->architecture = arena_strdup(arena, u.machine);
	if (!ret->architecture)
		return error_no_memory(err);
	oci_platform_normalize(ret);
	return 0;
}

static void lower(char *s)
{
	for (; s && *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

int oci_platform_parse(
	struct arena *arena, const char *text, struct oci_platform *ret, struct hull_error *err)
{
	_cleanup_strv_ char **parts = strv_split(text, "/");
	size_t n = strv_length(parts);
	struct oci_platform host;
	int r = oci_platform_host(arena, &host, err);

	if (r < 0)
		return r;
	if (!parts)
		return error_no_memory(err);
	bool valid = n >= 1 && n <= 3 && !strstr(text, "//") && text[0] != '/' &&
		     !str_ends_with(text, "/");
	strv_foreach (part, parts)
		valid = valid && is_component(*part);
	if (!valid)
		return error_set(err, HULL_ERROR_INVALID,
			"\"%.100s\": a platform is os[/arch[/variant]]", text);
	*ret = (struct oci_platform){.os = (char *)"linux"};
	if (n == 1 && is_architecture(parts[0])) {
		ret->architecture = arena_strdup(arena, parts[0]);
	} else {
		ret->os = arena_strdup(arena, parts[0]);
		ret->architecture = n > 1 ? arena_strdup(arena, parts[1]) : host.architecture;
		ret->variant = n > 2 ? arena_strdup(arena, parts[2]) : n == 1 ? host.variant : NULL;
	}
	if (!ret->os || !ret->architecture)
		return error_no_memory(err);
	if (n > 1) {
		lower(ret->os);
		lower(ret->architecture);
		lower(n > 2 ? ret->variant : NULL);
	}
	oci_platform_normalize(ret);
	return 0;
}

char *oci_platform_format(const struct oci_platform *p)
{
	const char *os = str_empty(p->os) ? "unknown" : p->os;
	const char *architecture = str_empty(p->architecture) ? "unknown" : p->architecture;

	if (str_empty(p->variant))
		return str_printf("%s/%s", os, architecture);
	return str_printf("%s/%s/%s", os, architecture, p->variant);
}

/* One or two digits at *s, -1 if there are none. */
static int take_number(const char **s)
{
	int n = 0, digits = 0;

	for (; isdigit((unsigned char)**s) && digits < 2; digits++)
		n = n * 10 + (*(*s)++ - '0');
	return digits ? n : -1;
}

/* "v8.2" as 802, "" as the architecture's first level; -1 if it is no such number. */
static int variant_level(const char *variant, int first)
{
	int major, minor = 0;

	if (str_empty(variant))
		return first;
	if (*variant++ != 'v')
		return -1;
	major = take_number(&variant);
	if (*variant == '.') {
		variant++;
		minor = take_number(&variant);
	}
	return *variant || major < 0 || minor < 0 ? -1 : major * 100 + minor;
}

/* Ranks are in steps: own architecture by distance of levels, then the one it also runs. */
enum { RANK_OTHER_ARCHITECTURE = 10000, RANK_NO_PLATFORM = 1000000 };

static int level_distance(const char *want, const char *have, int first)
{
	int w = variant_level(want, first), h = variant_level(have, first);

	if (w < 0 || h < 0)
		return str_eq(want, have) ? 0 : -1;
	return h <= w ? w - h : -1;
}

static int architecture_rank(const struct oci_platform *want, const struct oci_platform *have)
{
	const char *wa = want->architecture, *ha = have->architecture;
	const char *wv = want->variant, *hv = have->variant;
	int d;

	if (str_eq(wa, ha)) {
		if (str_eq(wa, "arm"))
			return level_distance(wv, hv, 700);
		if (str_eq(wa, "amd64"))
			return level_distance(wv, hv, 100);
		if (str_eq(wa, "arm64"))
			return level_distance(wv, hv, 800);
		return str_eq(wv ? wv : "", hv ? hv : "") ? 0 : str_empty(hv) ? 1 : -1;
	}
	if (str_eq(wa, "amd64") && str_eq(ha, "386"))
		return RANK_OTHER_ARCHITECTURE;
	if (str_eq(wa, "arm64") && str_eq(ha, "arm")) {
		d = level_distance("v8", hv, 700);
		return d < 0 ? -1 : RANK_OTHER_ARCHITECTURE + d;
	}
	return -1;
}

int oci_platform_rank(const struct oci_platform *want, const struct oci_platform *have)
{
	struct oci_platform w = *want, h = *have;

	oci_platform_normalize(&w);
	oci_platform_normalize(&h);
	if (!str_eq(w.os, h.os))
		return -1;
	strv_foreach (feature, h.os_features)
		if (!strv_contains(w.os_features, *feature))
			return -1;
	return architecture_rank(&w, &h);
}

static bool is_runnable(const struct oci_descriptor *d)
{
	if (oci_annotation(d->annotations, d->n_annotations, OCI_ANNOTATION_DOCKER_TYPE))
		return false;
	if (d->platform && str_eq(d->platform->os, "unknown") &&
		str_eq(d->platform->architecture, "unknown"))
		return false;
	return !d->artifact_type && digest_is_valid(d->digest);
}

const struct oci_descriptor *oci_index_select(
	const struct oci_index *index, const struct oci_platform *want)
{
	const struct oci_descriptor *best = NULL;
	int best_rank = 0;

	for (size_t i = 0; i < index->n_manifests; i++) {
		const struct oci_descriptor *d = &index->manifests[i];

		if (!is_runnable(d))
			continue;
		int rank = d->platform ? oci_platform_rank(want, d->platform) : RANK_NO_PLATFORM;
		if (rank >= 0 && (!best || rank < best_rank)) {
			best = d;
			best_rank = rank;
		}
	}
	return best;
}
