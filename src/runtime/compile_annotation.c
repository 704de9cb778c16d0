/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of the unit that systemd makes for a container, from annotations:
 * "org.systemd.property.TimeoutStopUSec": "uint64 10000000". systemd's own names for times in unit
 * files end in "Sec" and count seconds; on its bus they end in "USec" and count microseconds. Other
 * runtimes take both, so both are taken here.
 */
#include "runtime/op.h"
#include "base/str.h"

#include <ctype.h>
#include <inttypes.h>

#define NAME_MIN	    3
#define MICROSECONDS_FORMAT "uint64 %" PRIu64
#define MICROSECONDS	    UINT64_C(1000000)

static bool is_property_name(const char *name)
{
	size_t n = 0;

	while (isalpha((unsigned char)name[n]))
		n++;
	return n >= NAME_MIN && name[n] == '\0';
}

/* "10", "uint64 10", "int32 10": seconds. */
static bool parse_seconds(const char *text, uint64_t *ret)
{
	const char *number = strrchr(text, ' ');

	return str_to_u64(number ? number + 1 : text, ret) == 0 &&
	       *ret <= UINT64_MAX / MICROSECONDS;
}

static int convert_seconds(
	struct plan *plan, struct hull_cgroup_property *property, struct hull_error *err)
{
	size_t n = strlen(property->name);
	uint64_t seconds;

	if (!str_ends_with(property->name, "Sec") || str_ends_with(property->name, "USec"))
		return 0;
	if (!parse_seconds(property->value, &seconds))
		return error_set(err, HULL_ERROR_INVALID,
			"annotations: " OCI_ANNOTATION_SYSTEMD_PROPERTY "%s: not a number of "
			"seconds: \"%.100s\"",
			property->name, property->value);
	property->name =
		arena_printf(&plan->arena, "%.*sUSec", (int)(n - strlen("Sec")), property->name);
	property->value = arena_printf(&plan->arena, MICROSECONDS_FORMAT, seconds * MICROSECONDS);
	return property->name && property->value ? 0 : error_no_memory(err);
}

int compile_unit_properties(struct plan *plan, struct hull_error *err)
{
	const struct oci_spec *spec = plan->spec;
	size_t n = spec->n_annotations;

	plan->properties = arena_array(&plan->arena, n ? n : 1, sizeof(*plan->properties));
	if (!plan->properties)
		return error_no_memory(err);
	for (size_t i = 0; i < n; i++) {
		const char *name =
			str_after(spec->annotations[i].key, OCI_ANNOTATION_SYSTEMD_PROPERTY);
		struct hull_cgroup_property *property = &plan->properties[plan->n_properties];
		if (!name)
			continue;
		if (!is_property_name(name))
			return error_set(err, HULL_ERROR_INVALID,
				"annotations: " OCI_ANNOTATION_SYSTEMD_PROPERTY
				"%.100s: invalid property name",
				name);
		*property = (struct hull_cgroup_property){(char *)name, spec->annotations[i].value};
		int r = convert_seconds(plan, property, err);
		if (r < 0)
			return r;
		plan->n_properties++;
	}
	return 0;
}
