/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "oci/image_spec.h"

#include <string.h>

#define D1   "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2   "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define DESC "{\"mediaType\":\"" OCI_MEDIA_LAYER_GZIP "\",\"digest\":\"" D1 "\",\"size\":7}"
#define CONF "{\"mediaType\":\"" OCI_MEDIA_CONFIG "\",\"digest\":\"" D2 "\",\"size\":9}"

static int kind_of(const char *text, const char *content_type, enum oci_media_kind *kind,
	enum hull_error_kind *error_kind)
{
	struct hull_error err = HULL_ERROR_INIT;
	int r = oci_document_kind(text, strlen(text), content_type, "test", kind, &err);

	*error_kind = err.kind;
	hull_error_done(&err);
	return r;
}

static void kind_is_told_by_content(void **state)
{
	static const struct {
		const char *text, *content_type;
		enum oci_media_kind kind;
	} rows[] = {
		{"{\"schemaVersion\":2,\"manifests\":[]}", NULL, OCI_KIND_INDEX},
		{"{\"schemaVersion\":2,\"manifests\":[]}", OCI_MEDIA_INDEX, OCI_KIND_INDEX},
		{"{\"schemaVersion\":2,\"mediaType\":\"" DOCKER_MEDIA_MANIFEST_LIST
		 "\",\"manifests\":[]}",
			DOCKER_MEDIA_MANIFEST_LIST "; charset=utf-8", OCI_KIND_INDEX},
		{"{\"schemaVersion\":2,\"config\":" CONF ",\"layers\":[" DESC "]}",
			"application/octet-stream", OCI_KIND_MANIFEST},
		{"{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"config\":" CONF
		 ",\"layers\":[]}",
			OCI_MEDIA_MANIFEST, OCI_KIND_MANIFEST},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum hull_error_kind e;
		enum oci_media_kind kind;

		assert_int_equal(kind_of(rows[i].text, rows[i].content_type, &kind, &e), 0);
		assert_int_equal(kind, rows[i].kind);
	}
}

static void confused_documents_are_refused(void **state)
{
	static const struct {
		const char *text, *content_type;
		enum hull_error_kind kind;
	} rows[] = {
		/* Two things at once (CVE-2021-41190). */
		{"{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", NULL, HULL_ERROR_INVALID},
		{"{\"schemaVersion\":2,\"manifests\":[],\"config\":{}}", NULL, HULL_ERROR_INVALID},
		{"{\"schemaVersion\":2,\"fsLayers\":[],\"layers\":[]}", NULL, HULL_ERROR_INVALID},
		/* One thing inside, another outside. */
		{"{\"schemaVersion\":2,\"manifests\":[]}", OCI_MEDIA_MANIFEST, HULL_ERROR_INVALID},
		{"{\"schemaVersion\":2,\"layers\":[]}", OCI_MEDIA_INDEX, HULL_ERROR_INVALID},
		{"{\"schemaVersion\":2,\"layers\":[]}", OCI_MEDIA_LAYER, HULL_ERROR_INVALID},
		{"{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_INDEX "\",\"layers\":[]}", NULL,
			HULL_ERROR_INVALID},
		{"{\"schemaVersion\":2,\"mediaType\":\"" OCI_MEDIA_MANIFEST "\",\"layers\":[]}",
			DOCKER_MEDIA_MANIFEST, HULL_ERROR_INVALID},
		{"{\"schemaVersion\":2,\"mediaType\":\"text/plain\",\"layers\":[]}", NULL,
			HULL_ERROR_INVALID},
		/* Duplicate keys have no meaning. */
		{"{\"schemaVersion\":2,\"layers\":[],\"layers\":[]}", NULL, HULL_ERROR_INVALID},
		/* Schema 1, and nothing at all. */
		{"{\"schemaVersion\":1,\"fsLayers\":[]}", NULL, HULL_ERROR_UNSUPPORTED},
		{"{\"schemaVersion\":2,\"layers\":[]}", DOCKER_MEDIA_SCHEMA1_SIGNED,
			HULL_ERROR_UNSUPPORTED},
		{"{\"schemaVersion\":3,\"layers\":[]}", NULL, HULL_ERROR_INVALID},
		{"{\"layers\":[]}", NULL, HULL_ERROR_INVALID},
		{"{\"schemaVersion\":2}", NULL, HULL_ERROR_INVALID},
		{"[]", NULL, HULL_ERROR_INVALID},
		{"", NULL, HULL_ERROR_INVALID},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum hull_error_kind e;
		enum oci_media_kind kind;

		assert_true(kind_of(rows[i].text, rows[i].content_type, &kind, &e) < 0);
		assert_int_equal(e, rows[i].kind);
	}
}

static void manifest_is_checked(void **state)
{
	static const char *const bad[] = {
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:../../x\",\"size\":1},\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":{\"digest\":\"" D1
		"\",\"size\":-1},\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":" CONF
		",\"layers\":[{\"digest\":\"x\",\"size\":1}]}",
		"{\"schemaVersion\":2,\"config\":" CONF ",\"layers\":[{\"size\":1}]}",
		"{\"schemaVersion\":2,\"config\":" CONF ",\"layers\":{}}",
		"{\"schemaVersion\":2,\"layers\":[]}",
		"{\"schemaVersion\":1,\"config\":" CONF ",\"layers\":[]}",
	};
	static const char good[] = "{\"schemaVersion\":2,\"config\":" CONF ",\"layers\":[" DESC
				   "," DESC "],\"unknown\":[1],\"annotations\":{\"a\":\"b\"}}";
	struct arena arena = ARENA_INIT;
	struct oci_manifest m;

	assert_int_equal(oci_manifest_parse(&arena, good, strlen(good), "test", &m, NULL), 0);
	assert_int_equal(m.n_layers, 2);
	assert_string_equal(m.config.digest, D2);
	assert_int_equal(m.layers[1].size, 7);
	assert_string_equal(oci_annotation(m.annotations, m.n_annotations, "a"), "b");
	assert_null(oci_annotation(m.annotations, m.n_annotations, "c"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(
			oci_manifest_parse(&arena, bad[i], strlen(bad[i]), "test", &m, NULL) < 0);
	arena_done(&arena);
}

/* Old builders wrote a word alone as a string. */
static void config_takes_a_string_for_a_list(void **state)
{
	static const char text[] =
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":\"sh\","
		"\"Entrypoint\":\"/bin/a b\"},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";
	static const char number[] =
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":1},"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";
	struct arena arena = ARENA_INIT;
	struct oci_image image;

	assert_int_equal(oci_image_parse(&arena, text, strlen(text), "test", &image, NULL), 0);
	assert_string_equal(image.config.cmd[0], "sh");
	assert_null(image.config.cmd[1]);
	assert_string_equal(image.config.entrypoint[0], "/bin/a b");
	assert_true(oci_image_parse(&arena, number, strlen(number), "test", &image, NULL) < 0);
	arena_done(&arena);
}

static void config_keeps_dockers_fields(void **state)
{
	static const char text[] =
		"{\"created\":\"2024-01-02T03:04:05Z\",\"architecture\":\"amd64\",\"os\":\"linux\","
		"\"config\":{\"Env\":[\"A=b\"],\"Cmd\":[\"sh\"],\"Entrypoint\":null,"
		"\"ExposedPorts\":{\"80/tcp\":{}},\"Labels\":{\"x\":\"y\"},\"OnBuild\":[\"RUN id\"],"
		"\"Shell\":[\"/bin/bash\",\"-c\"],\"StopTimeout\":3,"
		"\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":1000000000,\"Retries\":2}},"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D1 "\"]},"
		"\"history\":[{\"created_by\":\"x\"},{\"empty_layer\":true}]}";
	struct arena arena = ARENA_INIT;
	struct buf out = BUF_INIT;
	struct json_writer w = JSON_WRITER_INIT(&out, 0);
	struct oci_image image, again;

	assert_int_equal(oci_image_parse(&arena, text, strlen(text), "test", &image, NULL), 0);
	json_struct(&w, &oci_image_table, &image);
	assert_int_equal(buf_error(&out), 0);
	assert_int_equal(oci_image_parse(&arena, buf_str(&out), out.len, "again", &again, NULL), 0);
	assert_null(again.config.entrypoint);
	assert_string_equal(again.config.exposed_ports[0], "80/tcp");
	assert_string_equal(again.config.on_build[0], "RUN id");
	assert_string_equal(again.config.shell[1], "-c");
	assert_int_equal(again.config.stop_timeout.value, 3);
	assert_string_equal(again.config.healthcheck->test[1], "true");
	assert_int_equal(again.config.healthcheck->interval, 1000000000);
	assert_int_equal(again.config.healthcheck->retries, 2);
	assert_int_equal(again.n_history, 2);
	assert_true(again.history[1].empty_layer);
	buf_done(&out);
	arena_done(&arena);
}

static void config_is_checked(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"rootfs\":{\"type\":\"tree\",\"diff_ids\":[]}}",
		"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"../..\"]}}",
		"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"config\":{\"Env\":\"A=b\"}}",
		"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}",
	};
	struct arena arena = ARENA_INIT;
	struct oci_image image;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(
			oci_image_parse(&arena, bad[i], strlen(bad[i]), "test", &image, NULL) < 0);
	arena_done(&arena);
}

static void check_platform(const char *text, const char *expected)
{
	struct arena arena = ARENA_INIT;
	struct oci_platform p;

	assert_int_equal(oci_platform_parse(&arena, text, &p, NULL), 0);
	char *formatted = oci_platform_format(&p);
	assert_string_equal(formatted, expected);
	free(formatted);
	arena_done(&arena);
}

static void platforms_have_one_name(void **state)
{
	static const char *const bad[] = {"", "/", "linux/", "/amd64", "linux//v7", "a/b/c/d/e",
		"linux/am d64", "linux/../x"};
	struct arena arena = ARENA_INIT;
	struct oci_platform p;

	check_platform("linux/amd64", "linux/amd64");
	check_platform("Linux/X86_64", "linux/amd64");
	check_platform("aarch64", "linux/arm64");
	check_platform("linux/arm64/v8", "linux/arm64");
	check_platform("linux/arm64/v9", "linux/arm64/v9");
	check_platform("linux/arm", "linux/arm/v7");
	check_platform("linux/arm/7", "linux/arm/v7");
	check_platform("linux/armel", "linux/arm/v6");
	check_platform("linux/amd64/v1", "linux/amd64");
	check_platform("linux/i686", "linux/386");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(oci_platform_parse(&arena, bad[i], &p, NULL) < 0);
	assert_int_equal(oci_platform_host(&arena, &p, NULL), 0);
	assert_string_equal(p.os, "linux");
	arena_done(&arena);
}

/* Fills a platform from "os/arch[/variant]" without normalizing it. */
static struct oci_platform raw(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);
	struct oci_platform p = {.os = copy};

	p.architecture = strchr(copy, '/');
	*p.architecture++ = '\0';
	p.variant = strchr(p.architecture, '/');
	if (p.variant)
		*p.variant++ = '\0';
	return p;
}

static void ranks_follow_what_runs_where(void **state)
{
	/* Each row: what is wanted, then what serves it, the best first. */
	static const char *const rows[][7] = {
		{"linux/amd64", "linux/x86_64", "linux/386"},
		{"linux/amd64/v3", "linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386"},
		{"linux/arm64", "linux/arm64/v8", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6",
			"linux/arm/v5"},
		{"linux/arm/v7", "linux/arm", "linux/arm/v6", "linux/arm/v5"},
	};
	static const char *const never[][2] = {
		{"linux/amd64", "linux/amd64/v2"},
		{"linux/amd64", "linux/arm64"},
		{"linux/arm/v6", "linux/arm/v7"},
		{"linux/386", "linux/amd64"},
		{"linux/amd64", "windows/amd64"},
		{"linux/arm", "linux/arm64"},
	};
	struct arena arena = ARENA_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct oci_platform want = raw(&arena, rows[i][0]);
		int last = -1;

		for (size_t j = 1; j < 7 && rows[i][j]; j++) {
			struct oci_platform have = raw(&arena, rows[i][j]);
			int rank = oci_platform_rank(&want, &have);
			assert_true(rank > last);
			last = rank;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		struct oci_platform want = raw(&arena, never[i][0]);
		struct oci_platform have = raw(&arena, never[i][1]);
		assert_int_equal(oci_platform_rank(&want, &have), -1);
	}
	struct oci_platform want = raw(&arena, "linux/amd64"), have = raw(&arena, "linux/amd64");
	char *features[] = {(char *)"special", NULL};
	have.os_features = features;
	assert_int_equal(oci_platform_rank(&want, &have), -1);
	arena_done(&arena);
}

static void index_selection_passes_over_what_cannot_run(void **state)
{
	static const char text[] =
		"{\"schemaVersion\":2,\"manifests\":["
		"{\"digest\":\"" D1
		"\",\"size\":1,\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}},"
		"{\"digest\":\"" D1
		"\",\"size\":2,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"},"
		" \"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}},"
		"{\"digest\":\"" D1 "\",\"size\":3},"
		"{\"digest\":\"" D1
		"\",\"size\":4,\"artifactType\":\"x/y\",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},"
		"{\"digest\":\"blake3:aa\",\"size\":5,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},"
		"{\"digest\":\"" D1
		"\",\"size\":6,\"platform\":{\"os\":\"linux\",\"architecture\":\"386\"}},"
		"{\"digest\":\"" D1
		"\",\"size\":7,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},"
		"{\"digest\":\"" D1
		"\",\"size\":8,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}]}";
	struct arena arena = ARENA_INIT;
	struct oci_index index;
	struct oci_platform amd64 = raw(&arena, "linux/amd64"), s390x = raw(&arena, "linux/s390x");

	assert_int_equal(oci_index_parse(&arena, text, strlen(text), "test", &index, NULL), 0);
	assert_int_equal(oci_index_select(&index, &amd64)->size, 7);
	/* Without a platform: the last resort. */
	assert_int_equal(oci_index_select(&index, &s390x)->size, 3);
	index.manifests[2].artifact_type = (char *)"x/y";
	assert_null(oci_index_select(&index, &s390x));
	arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kind_is_told_by_content),
		cmocka_unit_test(confused_documents_are_refused),
		cmocka_unit_test(manifest_is_checked),
		cmocka_unit_test(config_keeps_dockers_fields),
		cmocka_unit_test(config_takes_a_string_for_a_list),
		cmocka_unit_test(config_is_checked),
		cmocka_unit_test(platforms_have_one_name),
		cmocka_unit_test(ranks_follow_what_runs_where),
		cmocka_unit_test(index_selection_passes_over_what_cannot_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
