/* SPDX-License-Identifier: Apache-2.0 */
#include "wording.h"
#include "base/buf.h"
#include "base/str.h"

#include <ctype.h>

/*
 * A row without an errno is for errors that we found ourselves. Where the message of the cause has
 * the text already, in words that say more, nothing is added.
 */
const struct wording wordings[] = {
	{HULL_ERROR_NOT_FOUND, 0, "does not exist",
		"containerd, CRI-O: no such container; for delete that is success"},
	{HULL_ERROR_CONFLICT, ESRCH, "process already finished",
		"containerd, CRI-O: kill of a process that has ended"},
	{HULL_ERROR_NONE, ESRCH, "no such process", "containerd: kill: not found"},
	{HULL_ERROR_NO_COMMAND, 0, "executable file not found in $PATH",
		"podman, docker: exit status 127"},
	{HULL_ERROR_NO_COMMAND, ENOENT, "no such file or directory",
		"podman, docker: exit status 127"},
	{HULL_ERROR_NO_COMMAND, ENOTDIR, "not a directory", "docker: exit status 127"},
	{HULL_ERROR_NOT_EXECUTABLE, EACCES, "permission denied", "podman, docker: exit status 126"},
	{HULL_ERROR_NOT_EXECUTABLE, EISDIR, "permission denied",
		"podman: exit status 126; docker by the errno's own text"},
	{HULL_ERROR_NONE, ENOENT, "no such file or directory", "podman, docker: exit status 127"},
	{HULL_ERROR_NONE, EACCES, "permission denied", "podman, docker: exit status 126"},
	{HULL_ERROR_NONE, EPERM, "operation not permitted", "podman: exit status 126"},
	{HULL_ERROR_NONE, EBUSY, "device or resource busy", "runc's tests"},
};
const size_t n_wordings = ARRAY_SIZE(wordings);

/*
 * Go's texts of errno values are those of the C library with a small first letter, but for names
 * ("RFS specific error").
 */
static void put_errno(struct buf *out, const char *text)
{
	bool name = isupper((unsigned char)text[0]) && isupper((unsigned char)text[1]);

	if (name)
		buf_puts(out, text);
	else
		buf_printf(out, "%c%s", tolower((unsigned char)text[0]), text + 1);
}

static const struct wording *find(const struct hull_error *err)
{
	for (size_t i = 0; i < n_wordings; i++) {
		const struct wording *w = &wordings[i];
		if ((w->kind == HULL_ERROR_NONE || w->kind == err->kind) &&
			w->errnum == err->errnum)
			return w;
	}
	return NULL;
}

char *wording_message(const struct hull_error *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *message = hull_error_message(err);
	const char *text = err->errnum ? error_text(err->errnum) : "";
	const struct wording *w = find(err);

	if (*text && str_ends_with(message, text)) {
		buf_append(&out, message, strlen(message) - strlen(text));
		put_errno(&out, text);
	} else {
		buf_puts(&out, message);
	}
	if (w && !strstr(buf_str(&out), w->text))
		buf_printf(&out, ": %s", w->text);
	return buf_take(&out);
}
