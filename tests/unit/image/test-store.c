/* SPDX-License-Identifier: Apache-2.0 */
/* The image store over a real database and a real layer store, each test on a root of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fd.h"
#include "base/str.h"
#include "image/image.h"
#include "layer/store.h"
#include "metadata/metadata.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct fixture {
	char root[64];
	struct metadata *metadata;
	struct layer_store *layers;
	struct image_store *images;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct layer_store_options options = {.kind = LAYER_STORE_DIR};
	struct hull_error err = HULL_ERROR_INIT;
	char run[80];

	snprintf(f->root, sizeof(f->root), "/tmp/hull-test-image.XXXXXX");
	if (!mkdtemp(f->root))
		return -1;
	snprintf(run, sizeof(run), "%s/run", f->root);
	mkdir(run, 0700);
	if (metadata_open(f->root, &f->metadata, &err) < 0 ||
		layer_store_open(f->root, run, &options, &f->layers, &err) < 0 ||
		image_store_open(f->root, f->metadata, f->layers, &f->images, &err) < 0) {
		fprintf(stderr, "%s\n", hull_error_message(&err));
		return -1;
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	image_store_close(f->images);
	layer_store_close(f->layers);
	metadata_close(f->metadata);
	int r = dir_remove_tree_at(AT_FDCWD, f->root);
	free(f);
	return r;
}

/* A tar of one directory; the name makes the layer. */
static int make_tar(const char *name)
{
	unsigned char block[512] = {0};
	unsigned int sum = 0;
	int fd = memfd_create("tar", MFD_CLOEXEC);

	assert_true(fd >= 0);
	snprintf((char *)block, 100, "%s/", name);
	memcpy(block + 100, "0000755", 7);
	memcpy(block + 108, "0000000", 7);
	memcpy(block + 116, "0000000", 7);
	memcpy(block + 124, "00000000000", 11);
	memcpy(block + 136, "00000000000", 11);
	memset(block + 148, ' ', 8);
	block[156] = '5';
	memcpy(block + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(block); i++)
		sum += block[i];
	snprintf((char *)block + 148, 8, "%06o", sum);
	assert_int_equal(fd_write_all(fd, block, sizeof(block)), 0);
	memset(block, 0, sizeof(block));
	assert_int_equal(fd_write_all(fd, block, sizeof(block)), 0);
	assert_int_equal(fd_write_all(fd, block, sizeof(block)), 0);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static struct digest import(
	struct fixture *f, const char *layer, const char *name, const char *label)
{
	_cleanup_close_ int fd = make_tar(layer);
	_cleanup_free_ char *change = str_printf("LABEL l=%s", label);
	char *changes[] = {change, NULL};
	struct image_import_options options = {.reference = name, .changes = changes};
	struct hull_error err = HULL_ERROR_INIT;
	struct digest id;

	int r = image_import(f->images, fd, &options, &id, &err);
	if (r < 0)
		fail_msg("%s", hull_error_message(&err));
	return id;
}

static size_t count_layers(struct fixture *f)
{
	char path[128];
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/layers/sha256", f->root);
	_cleanup_closedir_ DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));)
		n += e->d_name[0] != '.';
	return n;
}

static enum hull_error_kind resolve(struct fixture *f, const char *text, struct digest *ret)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	_cleanup_image_ struct image *image = NULL;

	if (image_resolve(f->images, text, &image, NULL, &err) < 0)
		return err.kind;
	*ret = image->id;
	return HULL_ERROR_NONE;
}

static void images_are_found_by_all_their_names(void **state)
{
	struct fixture *f = *state;
	struct digest id = import(f, "a", "app:v1", "1"), found;
	char text[DIGEST_TEXT_SIZE], prefix[DIGEST_TEXT_SIZE];

	digest_format(&id, text);
	snprintf(prefix, sizeof(prefix), "%.14s", text + 7);
	const char *const names[] = {
		"app:v1", "docker.io/app:v1", "library/app:v1", text, text + 7, prefix};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(resolve(f, names[i], &found), HULL_ERROR_NONE);
		assert_true(digest_equal(&found, &id));
	}
	assert_int_equal(resolve(f, "app", &found), HULL_ERROR_NOT_FOUND);
	assert_int_equal(resolve(f, "other/app:v1", &found), HULL_ERROR_NOT_FOUND);
	assert_int_equal(resolve(f, "0000000000000", &found), HULL_ERROR_NOT_FOUND);
	assert_int_equal(resolve(f, "App", &found), HULL_ERROR_INVALID);
	assert_int_equal(resolve(f, "", &found), HULL_ERROR_INVALID);
}

static void an_image_reads_back_as_it_was_made(void **state)
{
	struct fixture *f = *state;
	struct digest id = import(f, "a", "app", "1");
	_cleanup_image_ struct image *image = NULL;
	char *name = NULL;

	assert_int_equal(image_resolve(f->images, "app", &image, &name, NULL), 0);
	assert_string_equal(name, "app:latest");
	free(name);
	assert_true(digest_equal(&image->id, &id));
	assert_int_equal(image->n_layers, 1);
	assert_true(layer_store_has(f->layers, &image->diff_ids[0]));
	assert_string_equal(image->config.config.labels[0].key, "l");
	assert_string_equal(image->repo_tags[0], "app:latest");
	assert_null(image->repo_tags[1]);
	assert_null(image->repo_digests);
	assert_string_equal(image->os, "linux");
	assert_true(image->created_ns > 0 && image->tagged_ns > 0);
	struct digest again;
	assert_int_equal(
		digest_of(DIGEST_SHA256, image->config_text, image->config_len, &again, NULL), 0);
	assert_true(digest_equal(&again, &id));
}

static void a_tag_moves_and_the_list_is_newest_first(void **state)
{
	struct fixture *f = *state;
	struct digest one = import(f, "a", "app", "1"), two = import(f, "b", "app", "2"), found;
	struct image **list;
	size_t n;

	assert_int_equal(resolve(f, "app", &found), HULL_ERROR_NONE);
	assert_true(digest_equal(&found, &two));
	assert_int_equal(image_tag(f->images, &one, "old:v1", NULL), 0);
	assert_int_equal(image_tag(f->images, &one, "old:v1", NULL), 0);
	assert_int_equal(image_tag(f->images, &one, "older:v1", NULL), 0);
	assert_int_equal(image_list(f->images, &list, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_true(digest_equal(&list[0]->id, &two));
	assert_int_equal(strv_length(list[1]->repo_tags), 2);
	assert_null(list[1]->config_text);
	assert_int_equal(image_read(f->images, list[1], NULL), 0);
	assert_int_equal(list[1]->n_layers, 1);
	image_list_free(list, n);
	struct digest none = {0};
	assert_true(image_tag(f->images, &none, "x", NULL) < 0);
	assert_int_equal(resolve(f, "x", &found), HULL_ERROR_NOT_FOUND);
}

struct users {
	struct digest id;
	bool running;
};

static int find_user(void *data, const struct digest *id, char **ret_user, bool *ret_running,
	struct hull_error *err)
{
	const struct users *users = data;

	if (!digest_equal(id, &users->id))
		return 0;
	*ret_user = strdup("somebody");
	*ret_running = users->running;
	return 1;
}

/* Removes and says how many names and ids went; -kind on failure. */
static int remove_image(struct fixture *f, const char *text, bool force, struct users *users)
{
	_cleanup_error_ struct hull_error err = HULL_ERROR_INIT;
	struct image_remove_options options = {.force = force};
	struct image_removed removed = {0};

	if (users)
		options.users = (struct image_users){find_user, users};
	if (image_remove(f->images, text, &options, &removed, &err) < 0)
		return -(int)err.kind;
	int n = (int)(10 * strv_length(removed.untagged) + strv_length(removed.deleted));
	image_removed_done(&removed);
	return n;
}

static void removal_follows_names_and_users(void **state)
{
	struct fixture *f = *state;
	struct digest id = import(f, "a", "app", "1");
	struct users users = {.id = id, .running = true};
	char text[DIGEST_TEXT_SIZE];

	digest_format(&id, text);
	assert_int_equal(image_tag(f->images, &id, "other", NULL), 0);
	assert_int_equal(remove_image(f, text, false, NULL), -HULL_ERROR_CONFLICT);
	assert_int_equal(remove_image(f, "other", false, &users), 10);
	assert_int_equal(remove_image(f, "app", false, &users), -HULL_ERROR_CONFLICT);
	assert_int_equal(remove_image(f, text, true, &users), -HULL_ERROR_CONFLICT);
	users.running = false;
	assert_int_equal(remove_image(f, text, false, &users), -HULL_ERROR_CONFLICT);
	assert_int_equal(remove_image(f, "nothing", false, NULL), -HULL_ERROR_NOT_FOUND);
	assert_int_equal(count_layers(f), 1);
	assert_int_equal(remove_image(f, text, true, &users), 12);
	assert_int_equal(count_layers(f), 0);
	assert_int_equal(remove_image(f, "app", false, NULL), -HULL_ERROR_NOT_FOUND);
}

/* The config that makes an image over the layers of another one. */
static struct digest derive(
	struct fixture *f, const struct digest *parent, const char *author, const char *name)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;
	struct json_writer w = JSON_WRITER_INIT(&text, 0);
	struct digest id;

	assert_int_equal(image_get(f->images, parent, &image, NULL), 0);
	image->config.author = (char *)author;
	json_struct(&w, &oci_image_table, &image->config);
	assert_int_equal(
		image_create(f->images, buf_str(&text), text.len, name, parent, &id, NULL), 0);
	return id;
}

static void parents_stay_for_their_children_and_go_with_them(void **state)
{
	struct fixture *f = *state;
	struct digest base = import(f, "a", NULL, "1"), middle = derive(f, &base, "middle", NULL),
		      found;
	char text[DIGEST_TEXT_SIZE];

	derive(f, &middle, "child", "child");
	digest_format(&base, text);
	assert_int_equal(remove_image(f, text, true, NULL), -HULL_ERROR_CONFLICT);
	/* The child, then two untagged parents, then the layer's chain. */
	assert_int_equal(remove_image(f, "child", false, NULL), 14);
	assert_int_equal(resolve(f, text, &found), HULL_ERROR_NOT_FOUND);
	assert_int_equal(count_layers(f), 0);
}

static void create_refuses_layers_that_are_not_there(void **state)
{
	static const char config[] =
		"{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\","
		"\"diff_ids\":[\"sha256:1111111111111111111111111111111111111111111111111111111111111111\"]}}";
	struct fixture *f = *state;
	struct digest id;

	assert_true(image_create(f->images, config, strlen(config), "x", NULL, &id, NULL) < 0);
	assert_int_equal(resolve(f, "x", &id), HULL_ERROR_NOT_FOUND);
}

static void garbage_waits_for_whoever_holds_the_store(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int hold = -1;
	int64_t bytes = 0;

	import(f, "a", "app", "1");
	assert_int_equal(image_hold(f->images, &hold, NULL), 0);
	assert_int_equal(remove_image(f, "app", false, NULL), 12);
	assert_int_equal(count_layers(f), 1);
	cleanup_closep(&hold);
	assert_int_equal(image_collect_garbage(f->images, &bytes, NULL), 0);
	assert_true(bytes > 0);
	assert_int_equal(count_layers(f), 0);
	assert_int_equal(image_collect_garbage(f->images, &bytes, NULL), 0);
	assert_int_equal(bytes, 0);
}

static void a_damaged_config_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct digest id = import(f, "a", "app", "1"), found;
	char hex[DIGEST_HEX_SIZE], path[200];

	snprintf(path, sizeof(path), "%s/blobs/sha256/%s", f->root, digest_format_hex(&id, hex));
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "[", 1, 0), 1);
	assert_int_equal(resolve(f, "app", &found), HULL_ERROR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(images_are_found_by_all_their_names),
		TEST(an_image_reads_back_as_it_was_made),
		TEST(a_tag_moves_and_the_list_is_newest_first),
		TEST(removal_follows_names_and_users),
		TEST(parents_stay_for_their_children_and_go_with_them),
		TEST(create_refuses_layers_that_are_not_there),
		TEST(garbage_waits_for_whoever_holds_the_store),
		TEST(a_damaged_config_is_noticed),
	};
	/* Unpacking keeps owners, which needs root. */
	if (geteuid() != 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
