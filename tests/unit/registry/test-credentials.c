/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "registry/credentials.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct place {
	char directory[64];
	char *file;
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strncpy(p->directory, "/tmp/test-credentials.XXXXXX", sizeof(p->directory) - 1);
	assert_non_null(mkdtemp(p->directory));
	p->file = str_printf("%s/config.json", p->directory);
	unsetenv("REGISTRY_AUTH_FILE");
	setenv("XDG_RUNTIME_DIR", p->directory, 1);
	setenv("XDG_CONFIG_HOME", p->directory, 1);
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;

	dir_remove_tree_at(AT_FDCWD, p->directory);
	free(p->file);
	free(p);
	return 0;
}

static void put(const char *path, const char *text)
{
	assert_int_equal(file_replace_at(AT_FDCWD, path, text, strlen(text), 0644, false), 0);
}

/* "user:secret" or "-" for nothing. */
static void assert_login(struct place *p, const char *host, const char *path, const char *wanted)
{
	_cleanup_auth_credentials_ struct auth_credentials c = {0};
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

	if (credentials_find(p->directory, host, path, &c, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	_cleanup_free_ char *is = c.secret   ? str_printf("%s:%s", c.user, c.secret)
				  : c.bearer ? str_printf("bearer:%s", c.bearer)
					     : strdup("-");
	assert_string_equal(is, wanted);
}

static void found_by_host(void **state)
{
	struct place *p = *state;

	put(p->file, "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"aHViOjE=\"},"
		     "\"reg:5000\":{\"auth\":\"dTpwOnE=\"},"
		     "\"https://other.example/v2/\":{\"identitytoken\":\"tok\",\"auth\":\"dTpw\"},"
		     "\"token.example\":{\"registrytoken\":\"rt\"},\"empty\":{}}}");
	assert_login(p, "docker.io", "library/x", "hub:1");
	assert_login(p, "reg:5000", "x", "u:p:q");
	assert_login(p, "reg", "x", "-");
	assert_login(p, "other.example", "x", "<token>:tok");
	assert_login(p, "token.example", "x", "bearer:rt");
	assert_login(p, "empty", "x", "-");
}

static void podmans_keys_may_name_a_part(void **state)
{
	struct place *p = *state;
	_cleanup_free_ char *file = str_printf("%s/auth.json", p->directory);

	put(file, "{\"auths\":{\"reg.example\":{\"auth\":\"YTox\"},"
		  "\"reg.example/team\":{\"auth\":\"YjoyOg==\"},"
		  "\"reg.example/team/app\":{\"auth\":\"Yzoz\"}}}");
	setenv("REGISTRY_AUTH_FILE", file, 1);
	assert_login(p, "reg.example", "other", "a:1");
	assert_login(p, "reg.example", "team/x", "b:2:");
	assert_login(p, "reg.example", "team/app", "c:3");
	assert_login(p, "reg.example", "team/app/deep", "c:3");
	assert_login(p, "reg.example", "teamwork", "a:1");
	assert_login(p, "reg", "team", "-");
}

static void malformed_logins_are_told(void **state)
{
	struct place *p = *state;
	static const char *const rows[] = {"{\"auths\":{\"h\":{\"auth\":\"????\"}}}",
		"{\"auths\":{\"h\":{\"auth\":\"bm9jb2xvbg==\"}}}", "[]", "{"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_auth_credentials_ struct auth_credentials c = {0};
		_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;

		put(p->file, rows[i]);
		assert_true(credentials_find(p->directory, "h", "x", &c, &err) < 0);
		assert_non_null(strstr(hull_error_message(&err), p->file));
	}
	put(p->file, "\n");
	assert_login(p, "h", "x", "-");
}

static void store(struct place *p, const char *host, const char *user, const char *secret)
{
	const struct auth_credentials c = {.user = (char *)user, .secret = (char *)secret};
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_free_ char *file = NULL;

	if (credentials_store(p->directory, host, &c, &file, &err) < 0)
		fail_msg("%s", hull_error_message(&err));
	assert_string_equal(file, p->file);
}

static void storing_keeps_everything_else(void **state)
{
	struct place *p = *state;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct stat st;

	put(p->file, "{\"psFormat\":\"table\",\"n\":1.50,\"big\":12345678901234567890,"
		     "\"auths\":{\"a.example\":{\"auth\":\"dTpw\",\"x\":[1]}},\"z\":{\"k\":null}}");
	store(p, "b.example:5000", "user", "secret");
	store(p, "docker.io", "<token>", "identity");
	store(p, "b.example:5000", "user", "other");
	assert_login(p, "a.example", "x", "u:p");
	assert_login(p, "b.example:5000", "x", "user:other");
	assert_login(p, "docker.io", "x", "<token>:identity");
	assert_int_equal(file_read_at(AT_FDCWD, p->file, &text, 1 << 20), 0);
	static const char *const parts[] = {"\"psFormat\": \"table\"", "\"n\": 1.50",
		"\"big\": 12345678901234567890", "\"k\": null", "\"x\": [",
		"\"https://index.docker.io/v1/\": {\n", "\"identitytoken\": \"identity\""};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strstr(buf_str(&text), parts[i]))
			fail_msg("%s is not in %s", parts[i], buf_str(&text));
	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(credentials_erase(p->directory, "b.example:5000", NULL), 1);
	assert_int_equal(credentials_erase(p->directory, "b.example:5000", NULL), 0);
	assert_login(p, "b.example:5000", "x", "-");
	assert_login(p, "a.example", "x", "u:p");
}

static void a_new_file_in_a_new_directory(void **state)
{
	struct place *p = *state, below = {0};

	snprintf(below.directory, sizeof(below.directory), "%.40s/a/b", p->directory);
	below.file = str_printf("%s/config.json", below.directory);
	store(&below, "reg", "u", "p");
	assert_login(&below, "reg", "x", "u:p");
	free(below.file);
}

static void links_to_the_file_stay(void **state)
{
	struct place *p = *state;
	_cleanup_free_ char *below = str_printf("%s/below", p->directory);
	_cleanup_free_ char *real = str_printf("%s/real.json", below);
	struct stat st;

	/* One that leads nowhere yet leads to the new file. */
	assert_int_equal(mkdir(below, 0755), 0);
	assert_int_equal(symlink("below/first", p->file), 0);
	_cleanup_free_ char *first = str_printf("%s/first", below);
	assert_int_equal(symlink(real, first), 0);
	for (int i = 0; i < 2; i++) {
		store(p, i ? "two" : "one", "u", "p");
		assert_int_equal(lstat(p->file, &st), 0);
		assert_true(S_ISLNK(st.st_mode));
		assert_int_equal(lstat(real, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_true(S_ISREG(st.st_mode));
	}
	assert_login(p, "one", "x", "u:p");
	assert_login(p, "two", "x", "u:p");

	assert_int_equal(unlink(real), 0);
	assert_int_equal(symlink("../config.json", real), 0);
	const struct auth_credentials c = {.user = (char *)"u", .secret = (char *)"p"};
	_cleanup_free_ char *file = NULL;
	assert_true(credentials_store(p->directory, "one", &c, &file, NULL) < 0);
}

/* Whoever the file was of; only root can find out. */
static void the_owner_stays(void **state)
{
	struct place *p = *state;
	struct stat st;

	if (geteuid() != 0)
		skip();
	put(p->file, "{}");
	assert_int_equal(chown(p->file, 65534, 65533), 0);
	store(p, "one", "u", "p");
	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(st.st_uid, 65534);
	assert_int_equal(st.st_gid, 65533);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static size_t count_files(const char *directory)
{
	_cleanup_closedir_ DIR *dir = opendir(directory);
	size_t n = 0;

	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	return n;
}

enum { PEOPLE = 12, LOGINS = 8 };

/* Logs one out of everything that was there, and in to something of its own. */
static void log_in_and_out(const struct place *p, int person)
{
	const struct auth_credentials c = {.user = (char *)"u", .secret = (char *)"p"};

	for (int i = 0; i < LOGINS; i++) {
		_cleanup_free_ char *old = str_printf("old-%d-%d", person, i);
		_cleanup_free_ char *new = str_printf("new-%d-%d", person, i);
		_cleanup_free_ char *file = NULL;

		if (credentials_store(p->directory, new, &c, &file, NULL) < 0 ||
			credentials_erase(p->directory, old, NULL) != 1)
			_exit(1);
	}
	_exit(0);
}

static void none_of_many_at_once_is_lost(void **state)
{
	struct place *p = *state;
	pid_t children[PEOPLE];

	for (int i = 0; i < PEOPLE * LOGINS; i++) {
		_cleanup_free_ char *host = str_printf("old-%d-%d", i / LOGINS, i % LOGINS);
		store(p, host, "u", "p");
	}
	for (int i = 0; i < PEOPLE; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			log_in_and_out(p, i);
	}
	for (int i = 0; i < PEOPLE; i++) {
		int status;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < PEOPLE * LOGINS; i++) {
		_cleanup_free_ char *old = str_printf("old-%d-%d", i / LOGINS, i % LOGINS);
		_cleanup_free_ char *new = str_printf("new-%d-%d", i / LOGINS, i % LOGINS);
		assert_login(p, old, "x", "-");
		assert_login(p, new, "x", "u:p");
	}
	assert_int_equal(count_files(p->directory), 1);
}

/* Nobody who is killed takes others' logins along, keeps others waiting, or leaves a secret. */
static void killed_in_the_middle(void **state)
{
	struct place *p = *state;
	const struct auth_credentials c = {.user = (char *)"u", .secret = (char *)"p"};
	_cleanup_free_ char *left = str_printf("%s.tmp-0123456789abcdef", p->file);
	_cleanup_free_ char *other = str_printf("%s.tmp-keep", p->file);

	store(p, "stays", "u", "p");
	for (int i = 0; i < 60; i++) {
		pid_t child = fork();
		assert_true(child >= 0);
		for (int n = 0; child == 0; n++) {
			_cleanup_free_ char *host = str_printf("host-%d", n % 20);
			_cleanup_free_ char *file = NULL;
			credentials_store(p->directory, host, &c, &file, NULL);
		}
		usleep((useconds_t)(i * 97));
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
		assert_login(p, "stays", "x", "u:p");
	}
	put(left, "secret");
	put(other, "not ours");
	store(p, "last", "u", "p");
	assert_login(p, "stays", "x", "u:p");
	assert_login(p, "last", "x", "u:p");
	assert_int_equal(access(left, F_OK), -1);
	assert_int_equal(count_files(p->directory), 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		TEST(found_by_host),
		TEST(podmans_keys_may_name_a_part),
		TEST(malformed_logins_are_told),
		TEST(storing_keeps_everything_else),
		TEST(a_new_file_in_a_new_directory),
		TEST(links_to_the_file_stay),
		TEST(the_owner_stays),
		TEST(none_of_many_at_once_is_lost),
		TEST(killed_in_the_middle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
