/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/security.h"
#include "base/str.h"

/* The value of NAME=VALUE or NAME:VALUE; NULL if the option has another name. */
static const char *value_of(const char *option, const char *name)
{
	const char *rest = str_after(option, name);

	return rest && (*rest == '=' || *rest == ':') ? rest + 1 : NULL;
}

static bool parse(const char *option, struct security_options *s)
{
	const char *value;

	if (str_eq(option, "no-new-privileges")) {
		s->no_new_privileges = true;
		return true;
	}
	if ((value = value_of(option, "no-new-privileges")))
		return str_to_bool(value, &s->no_new_privileges) == 0;
	if ((value = value_of(option, "systempaths"))) {
		s->all_paths = true;
		return str_eq(value, "unconfined");
	}
	if ((value = value_of(option, "seccomp")))
		s->seccomp = value;
	else if ((value = value_of(option, "apparmor")))
		s->apparmor = value;
	else
		return value_of(option, "label") != NULL;
	return *value != '\0';
}

int security_options_parse(
	char *const *options, struct security_options *ret, struct hull_error *err)
{
	*ret = (struct security_options){0};
	strv_foreach (option, options)
		if (!parse(*option, ret))
			return error_set(
				err, HULL_ERROR_INVALID, "invalid --security-opt: \"%s\"", *option);
	return 0;
}
