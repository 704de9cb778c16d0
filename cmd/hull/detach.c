/* SPDX-License-Identifier: Apache-2.0 */
#include "detach.h"

#include "base/str.h"

static int parse_key(const char *text, unsigned char *ret)
{
	const char *ctrl = str_after(text, "ctrl-");

	if (!ctrl) {
		*ret = (unsigned char)text[0];
		return text[0] && !text[1] ? 0 : -EINVAL;
	}
	if (!ctrl[0] || ctrl[1])
		return -EINVAL;
	if (ctrl[0] >= 'a' && ctrl[0] <= 'z')
		*ret = (unsigned char)(ctrl[0] - 'a' + 1);
	else if (strchr("@[\\]^_", ctrl[0]))
		*ret = (unsigned char)(ctrl[0] - '@');
	else
		return -EINVAL;
	return 0;
}

int detach_parse(const char *text, struct detach_filter *ret, struct hull_error *err)
{
	_cleanup_strv_ char **parts = strv_split(text, ",");

	*ret = (struct detach_filter){0};
	if (!parts)
		return error_no_memory(err);
	strv_foreach (part, parts) {
		if (ret->n_keys == DETACH_KEYS_MAX || parse_key(*part, &ret->keys[ret->n_keys]) < 0)
			return error_set(
				err, HULL_ERROR_INVALID, "invalid detach keys (%s) provided", text);
		ret->n_keys++;
	}
	return 0;
}

bool detach_feed(struct detach_filter *f, const char *in, size_t n, char *out, size_t *ret_n)
{
	size_t made = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)in[i];
		if (f->n_keys && c == f->keys[f->matched]) {
			if (++f->matched == f->n_keys) {
				f->matched = 0;
				*ret_n = made;
				return true;
			}
			continue;
		}
		/* A false start: what was held back goes on, and this byte may begin anew. */
		memcpy(out + made, f->keys, f->matched);
		made += f->matched;
		f->matched = f->n_keys && c == f->keys[0] ? 1 : 0;
		if (!f->matched)
			out[made++] = (char)c;
		else if (f->n_keys == 1) {
			*ret_n = made;
			return true;
		}
	}
	*ret_n = made;
	return false;
}
