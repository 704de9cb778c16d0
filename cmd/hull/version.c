/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts ask for `{{.Server.Version}}` and `{{.Client.Version}}`: both are this program, for there
 * is no daemon.
 */
#include "hull.h"
#include "system_commands.h"

#include "cli/format.h"
#include "oci/image_spec.h"

#include <sys/utsname.h>

struct version_options {
	char *format;
};

static const struct cli_option options[] = {
	{"format", 'f', CLI_STRING, offsetof(struct version_options, format), "string",
		"Format the output with a Go template, or 'json'", NULL},
};

static const char text_form[] =
	"Client:\n"
	" Version:    {{.Client.Version}}\n"
	" OS/Arch:    {{.Client.Os}}/{{.Client.Arch}}\n"
	"\n"
	"Server: none, each command works on the root by itself\n"
	" Engine:\n"
	"  Version:   {{.Server.Version}}\n"
	"  OS/Arch:   {{.Server.Os}}/{{.Server.Arch}}\n"
	"  Kernel:    {{.Server.KernelVersion}}"
	"{{range .Server.Components}}\n {{.Name}}:\n  Version:   {{.Version}}{{end}}";

static void write_program(struct json_writer *w, const struct oci_platform *platform)
{
	json_member_text(w, "Version", HULL_VERSION);
	json_member_text(w, "Os", platform->os);
	json_member_text(w, "Arch", platform->architecture);
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct version_options *o = options_p;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	struct oci_platform platform = {0};
	struct utsname host;
	int r = oci_platform_host(&arena, &platform, err);

	if (r < 0)
		return r;
	if (uname(&host) < 0)
		return error_errno(err, errno, "uname");
	json_begin_object(&w);
	json_key(&w, "Client");
	json_begin_object(&w);
	write_program(&w, &platform);
	json_end_object(&w);
	json_key(&w, "Server");
	json_begin_object(&w);
	write_program(&w, &platform);
	json_member_text(&w, "KernelVersion", host.release);
	json_key(&w, "Components");
	json_begin_array(&w);
	json_begin_object(&w);
	json_member_text(&w, "Name", "keel");
	json_member_text(&w, "Version", HULL_VERSION);
	json_end_object(&w);
	json_end_array(&w);
	json_end_object(&w);
	json_end_object(&w);
	if (buf_error(&text) < 0)
		return error_no_memory(err);
	return format_document(buf_str(&text), text.len,
		str_empty(o->format) ? text_form : o->format, stdout, err);
}

const struct cli_command hull_version_command = {
	.name = "version",
	.arguments = "[OPTIONS]",
	.summary = "Show the version",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct version_options),
	.run = run,
};
