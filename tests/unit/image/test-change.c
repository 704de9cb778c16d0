/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "image/image.h"

/* The config's JSON after the instructions. */
static char *apply(const char *const *instructions, size_t n)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	struct oci_image_config config = {0};

	for (size_t i = 0; i < n; i++) {
		struct hull_error err = HULL_ERROR_INIT;
		if (image_config_change(&arena, &config, instructions[i], &err) < 0)
			fail_msg("%s", hull_error_message(&err));
	}
	json_struct(&w, &oci_image_config_table, &config);
	return strdup(buf_str(&text));
}

static void instructions_change_the_config(void **state)
{
	static const struct {
		const char *instruction, *json;
	} rows[] = {
		{"CMD [\"sh\", \"-c\"]", "{\"Cmd\":[\"sh\",\"-c\"]}"},
		{"cmd echo \"hi\"", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"echo \\\"hi\\\"\"]}"},
		{"CMD [\"broken\"", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"[\\\"broken\\\"\"]}"},
		{" ENTRYPOINT  [\"/x\"] ", "{\"Entrypoint\":[\"/x\"]}"},
		{"ENV A=1 B='2 3' C=\"4 \\\"5\" D=6\\ 7",
			"{\"Env\":[\"A=1\",\"B=2 3\",\"C=4 \\\"5\",\"D=6 7\"]}"},
		{"ENV A the rest of it", "{\"Env\":[\"A=the rest of it\"]}"},
		{"ENV=A=1", "{\"Env\":[\"A=1\"]}"},
		{"EXPOSE 80 443/tcp 53/udp 7-8", "{\"ExposedPorts\":{\"80/tcp\":{},\"443/tcp\":{},"
						 "\"53/udp\":{},\"7/tcp\":{},\"8/tcp\":{}}}"},
		{"LABEL a=b c=\"d e\"", "{\"Labels\":{\"a\":\"b\",\"c\":\"d e\"}}"},
		{"USER 1000:1000", "{\"User\":\"1000:1000\"}"},
		{"VOLUME [\"/a\", \"/b\"]", "{\"Volumes\":{\"/a\":{},\"/b\":{}}}"},
		{"VOLUME /a /b /a", "{\"Volumes\":{\"/a\":{},\"/b\":{}}}"},
		{"WORKDIR a", "{\"WorkingDir\":\"/a\"}"},
		{"STOPSIGNAL SIGQUIT", "{\"StopSignal\":\"SIGQUIT\"}"},
		{"ONBUILD RUN id", "{\"OnBuild\":[\"RUN id\"]}"},
		{"SHELL [\"bash\",\"-c\"]", "{\"Shell\":[\"bash\",\"-c\"]}"},
		{"HEALTHCHECK NONE", "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}"},
		{"HEALTHCHECK --interval=1m --timeout=2s --retries=3 CMD curl x",
			"{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"curl x\"],\"Interval\":60000000000,"
			"\"Timeout\":2000000000,\"Retries\":3}}"},
		{"HEALTHCHECK CMD [\"a\",\"b\"]",
			"{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\",\"b\"]}}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *json = apply(&rows[i].instruction, 1);
		assert_string_equal(json, rows[i].json);
		free(json);
	}
}

static void later_instructions_see_earlier_ones(void **state)
{
	static const char *const instructions[] = {"ENV A=1 B=2", "ENV A=3", "WORKDIR /a",
		"WORKDIR b", "SHELL [\"zsh\"]", "CMD x", "LABEL k=v", "LABEL k=w"};
	char *json = apply(instructions, ARRAY_SIZE(instructions));

	assert_string_equal(json,
		"{\"Env\":[\"A=3\",\"B=2\"],\"Cmd\":[\"zsh\",\"x\"],"
		"\"WorkingDir\":\"/a/b\",\"Labels\":{\"k\":\"w\"},\"Shell\":[\"zsh\"]}");
	free(json);
}

static void bad_instructions_are_refused(void **state)
{
	static const char *const rows[] = {"", "CMD", "CMD ", "RUN id", "FROM x", "ENV A", "ENV =x",
		"ENV A=1 B", "LABEL", "LABEL x", "EXPOSE x", "EXPOSE 0", "EXPOSE 70000",
		"EXPOSE 9-8", "EXPOSE 80/icmp", "EXPOSE 80x", "EXPOSE 1-65535", "USER a b",
		"SHELL bash", "HEALTHCHECK", "HEALTHCHECK CMD", "HEALTHCHECK --x=1 CMD a",
		"HEALTHCHECK --interval=x CMD a", "HEALTHCHECK sometimes"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena arena = ARENA_INIT;
		struct hull_error err = HULL_ERROR_INIT;
		struct oci_image_config config = {0};

		assert_true(image_config_change(&arena, &config, rows[i], &err) < 0);
		assert_int_equal(err.kind, HULL_ERROR_INVALID);
		hull_error_done(&err);
		arena_done(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instructions_change_the_config),
		cmocka_unit_test(later_instructions_see_earlier_ones),
		cmocka_unit_test(bad_instructions_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
