/* SPDX-License-Identifier: Apache-2.0 */
#include "login.h"
#include "hull.h"
#include "image_commands.h"
#include "registry_options.h"

#include "base/fd.h"
#include "base/str.h"
#include "cli/terminal.h"
#include "registry/credentials.h"
#include "registry/registry.h"

#include <termios.h>

#define SECRET_MAX ((size_t)64 << 10)

struct login_options {
	char *user;
	char *password;
	bool password_stdin;
	struct hull_registry_options registry;
};

static const struct cli_option options[] = {
	{"username", 'u', CLI_STRING, offsetof(struct login_options, user), "string", "User name",
		NULL},
	{"password", 'p', CLI_STRING, offsetof(struct login_options, password), "string",
		"Password or access token (others on this machine can see it here)", NULL},
	{"password-stdin", 0, CLI_FLAG, offsetof(struct login_options, password_stdin), NULL,
		"Take the password from standard input", NULL},
	HULL_REGISTRY_OPTIONS(struct login_options, registry),
};

char *login_host(const char *address)
{
	const char *host = address ? strstr(address, "://") : NULL;

	host = host ? host + 3 : address;
	if (!host)
		return strdup("docker.io");
	char *name = strndup(host, strcspn(host, "/"));
	bool hub = name && (str_eq(name, "docker.io") || str_eq(name, "index.docker.io") ||
				   str_eq(name, "registry-1.docker.io"));
	if (hub) {
		free(name);
		return strdup("docker.io");
	}
	return name;
}

/* A line of the terminal without its end; heap. */
static int read_line(const char *prompt, bool secret, char **ret, struct hull_error *err)
{
	struct termios before, quiet;
	size_t size = 0;
	bool changed = secret && tcgetattr(STDIN_FILENO, &before) == 0;

	fputs(prompt, stderr);
	fflush(stderr);
	if (changed) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet);
	}
	ssize_t n = getline(ret, &size, stdin);
	if (changed) {
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
		fputc('\n', stderr);
	}
	if (n < 0)
		return error_set(err, HULL_ERROR_CANCELED, "canceled");
	(*ret)[strcspn(*ret, "\r\n")] = '\0';
	return 0;
}

static int read_password_from_stdin(char **ret, struct hull_error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(SECRET_MAX);
	int r = fd_read_to_buf(STDIN_FILENO, &text, SECRET_MAX);

	if (r < 0)
		return error_errno(err, r, "read the password");
	while (text.len > 0 && strchr("\r\n", text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	*ret = strdup(buf_str(&text));
	if (text.data)
		explicit_bzero(text.data, text.len);
	return *ret ? 0 : error_no_memory(err);
}

static int check_options(const struct login_options *o, struct hull_error *err)
{
	if (o->password && o->password_stdin)
		return error_set(err, HULL_ERROR_INVALID,
			"--password and --password-stdin are mutually exclusive");
	if (o->password_stdin && str_empty(o->user))
		return error_set(
			err, HULL_ERROR_INVALID, "Must provide --username with --password-stdin");
	if (o->password)
		fputs("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n",
			stderr);
	return 0;
}

static int ask_person(const struct login_options *o, const char *last_user,
	struct auth_credentials *c, struct hull_error *err)
{
	bool last = !str_empty(last_user) && !str_eq(last_user, "<token>");
	_cleanup_free_ char *prompt = str_printf(
		"Username%s%s%s: ", last ? " (" : "", last ? last_user : "", last ? ")" : "");
	int r = 0;

	if (!prompt)
		return error_no_memory(err);
	if (!terminal_is(STDIN_FILENO))
		return error_set(err, HULL_ERROR_INVALID,
			"cannot perform an interactive login from a non TTY device");
	/* An interrupt must not leave the terminal without its echo: it ends the reading instead. */
	hull_catch_interrupt();
	if (!c->user) {
		r = read_line(prompt, false, &c->user, err);
		if (r == 0 && !*c->user && last && str_set(&c->user, last_user) < 0)
			r = error_no_memory(err);
		if (r == 0 && !*c->user)
			r = error_set(err, HULL_ERROR_INVALID, "username is required");
	}
	return r < 0 ? r : read_line("Password: ", true, &c->secret, err);
}

/* What to log in with: given, kept from last time, or asked for. */
static int find_credentials(const struct login_options *o, const char *config, const char *host,
	struct auth_credentials *c, struct hull_error *err)
{
	_cleanup_auth_credentials_ struct auth_credentials kept = {0};
	int r = check_options(o, err);

	if (r == 0 && o->user && !(c->user = strdup(o->user)))
		r = error_no_memory(err);
	if (r == 0 && o->password && !(c->secret = strdup(o->password)))
		r = error_no_memory(err);
	if (r == 0 && o->password_stdin)
		r = read_password_from_stdin(&c->secret, err);
	if (r == 0 && (!c->secret || !c->user))
		r = credentials_find((char *)config, host, "", &kept, err);
	if (r < 0)
		return r;
	if (!c->user && !c->secret && kept.secret) {
		puts("Authenticating with existing credentials...");
		fflush(stdout); /* warnings may follow on the other stream */
		c->user = TAKE_PTR(kept.user);
		c->secret = TAKE_PTR(kept.secret);
	}
	if (!c->user || !c->secret) {
		r = ask_person(o, kept.user, c, err);
		if (r < 0)
			return r;
	}
	return *c->secret ? 0 : error_set(err, HULL_ERROR_INVALID, "password is required");
}

static int store(const char *config, const char *host, struct auth_credentials *c, char *identity,
	struct hull_error *err)
{
	_cleanup_free_ char *file = NULL;

	/* An identity token stands for the password from now on. */
	if (identity) {
		explicit_bzero(c->secret, strlen(c->secret));
		free(c->secret);
		c->secret = identity;
		if (str_set(&c->user, "<token>") < 0)
			return error_no_memory(err);
	}
	int r = credentials_store(config, host, c, &file, err);
	if (r < 0)
		return error_wrap(err, r, "store the login");
	if (file)
		fprintf(stderr,
			"\nWARNING! Your credentials are stored unencrypted in '%s'.\n"
			"Configure a credential helper (\"credsStore\") to keep them elsewhere.\n\n",
			file);
	puts("Login Succeeded");
	return 0;
}

static bool is_interrupted(void *data)
{
	return hull_interrupted;
}

static int run(
	struct cli_context *context, void *options_p, int argc, char **argv, struct hull_error *err)
{
	const struct hull_globals *globals = context->globals;
	struct login_options *o = options_p;
	_cleanup_auth_credentials_ struct auth_credentials c = {0};
	_cleanup_free_ char *host = login_host(argc > 0 ? argv[0] : NULL);
	const struct image_registry_options registry = hull_registry_options(globals, &o->registry);
	const struct registry_options login_options = {
		.settings = registry.settings,
		.cancel = {is_interrupted, NULL},
		.stall_seconds = registry.stall_seconds,
	};
	char *identity = NULL;

	if (!host)
		return error_no_memory(err);
	int r = hull_use_libraries(globals, err);
	if (r == 0)
		r = find_credentials(o, globals->config, host, &c, err);
	if (r == 0)
		r = registry_login(host, &login_options, &c, &identity, err);
	return r < 0 ? r : store(globals->config, host, &c, identity, err);
}

const struct cli_command hull_login_command = {
	.name = "login",
	.arguments = "[OPTIONS] [SERVER]",
	.summary = "Log in to a registry",
	.description = "Without SERVER, to Docker Hub. The login is kept where docker keeps it: in "
		       "_config.json_, or with the credential helper named there.",
	CLI_OPTIONS(options),
	.options_size = sizeof(struct login_options),
	.min_args = 0,
	.max_args = 1,
	.run = run,
};
