/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output templates: the part of Go's text/template that `--format` is used with, evaluated over
 * JSON values.
 *
 *   {{.Field.Sub}}  {{$var}}  {{$var := pipeline}}  {{pipeline | func args}}  {{(pipeline).Field}}
 *   {{if}} {{else if}} {{else}} {{with}} {{range $k, $v := x}} {{end}} {{break}} {{continue}}
 *   {{define "name"}} and {{template "name" pipeline}} are not there. Trim marks {{- and -}},
 *   comments, "strings" and `raw strings`, numbers, 'c', true, false, nil are.
 *   and or not eq ne lt le gt ge index slice len print printf println html urlquery js
 *   json split join title lower upper pad truncate   (Docker's)
 *
 * An absent field of an object prints "<no value>", or is an error with TEMPLATE_STRICT: of any, or
 * with TEMPLATE_STRICT_ROOT of the value that the template was given (what lies deeper may be a map,
 * in which it is nothing wrong for a key to be absent).
 * `.Label "key"` looks into the object's Labels, an object or Docker's "k=v,k=v" text.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "json/value.h"

struct cli_template;

enum {
	TEMPLATE_STRICT = 1 << 0, /* an absent field is an error */
	TEMPLATE_HEADER = 1 << 1, /* executing for column titles: functions hand their input on */
	TEMPLATE_STRICT_ROOT = 1 << 2, /* an absent field of dot as it was given is one */
};

/* Compiles a template. The text is copied. Errors read "template: 1:5: unexpected ...". */
int template_parse(struct cli_template **ret, const char *text, struct hull_error *err);
void template_free(struct cli_template *t);

/*
 * Appends the template's output for dot. Output past the buffer's cap, loops and nesting past
 * fixed limits are errors; out then holds what came before.
 */
int template_execute(const struct cli_template *t, const struct json_value *dot, unsigned int flags,
	struct buf *out, struct hull_error *err);

DEFINE_CLEANUP(struct cli_template *, template_freep, template_free)
#define _cleanup_template_ _cleanup_(template_freep)
