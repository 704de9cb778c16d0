/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tar reader is fed with the archive and calls back with the place of each member's data; the
 * data themselves are cut out of the same chunks after it has seen them. So at any time there is at
 * most one member open, the first of `members` from `open` on.
 */
#include "image/archive.h"

#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "layer/inflate.h"
#include "layer/tar.h"
#include "sys/resolve.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#define CHUNK	      ((size_t)256 << 10)
#define HEAD	      TAR_BLOCK
#define DOCUMENT_MAX  OCI_CONFIG_MAX
#define DOCUMENTS_MAX ((size_t)64 << 20)
#define MEMBERS_MAX   100000
#define LINKS_MAX     8
#define LAYOUT_DEPTH  3 /* blobs/sha256/HEX */

enum member_kind {
	MEMBER_NEW,	 /* too little of it was seen */
	MEMBER_DOCUMENT, /* text */
	MEMBER_DATA,	 /* maybe a layer, at offset in the file */
	MEMBER_INGESTED, /* a layer, in the store */
	MEMBER_PRESENT,	 /* named after a layer that was in the store already */
	MEMBER_FAILED,	 /* no layer, or a broken one: error says why */
	MEMBER_LINK,
	MEMBER_OTHER,
};

struct member {
	char *name; /* clean, relative */
	enum member_kind kind;
	uint64_t offset, size; /* in the archive, or in the member's own file */
	struct buf text;
	char *link;
	struct digest diff_id; /* MEMBER_INGESTED, MEMBER_PRESENT */
	struct hull_error error;
};

struct archive {
	struct image_store *store;
	const struct image_load_options *options;
	const char *what;
	int fd;
	bool indexed;	/* layers are read later, by their offsets */
	bool directory; /* each member is a file of its own below fd */

	struct tar_reader *reader;
	struct inflater *inflater;
	uint64_t taken;	 /* bytes of the file, if it is compressed as a whole */
	uint64_t offset; /* of what the tar reader gets next */
	struct member *members;
	size_t n_members, size_members;
	size_t open;
	unsigned char head[HEAD];
	size_t head_len;
	struct layer_ingest *ingest; /* of the open member */
	struct layer_batch *batch;   /* what was taken in and is not visible yet */
	size_t documents_len;
};

static void member_done(struct member *m)
{
	free(m->name);
	free(m->link);
	buf_done(&m->text);
	hull_error_done(&m->error);
}

struct archive *archive_free(struct archive *a)
{
	if (!a)
		return NULL;
	layer_ingest_abort(a->ingest);
	layer_batch_free(a->batch);
	inflater_free(a->inflater);
	tar_reader_free(a->reader);
	for (size_t i = 0; i < a->n_members; i++)
		member_done(&a->members[i]);
	free(a->members);
	free(a);
	return NULL;
}

static bool is_canceled(const struct archive *a)
{
	return a->options->canceled && *a->options->canceled;
}

/* ---- Members as the tar reader finds them ---- */

/* "./a//b" as "a/b". */
static char *clean_name(const char *name)
{
	_cleanup_free_ char *absolute = str_printf("/%s", name);
	_cleanup_free_ char *clean = absolute ? path_clean(absolute) : NULL;

	return clean ? strdup(clean + 1) : NULL;
}

/* Where a symlink leads, from the archive's root; a hard link's target is from there already. */
static char *link_target(const struct tar_member *t, const char *name)
{
	const char *slash = strrchr(name, '/');

	if (t->type == TAR_HARD_LINK || !slash || t->link[0] == '/')
		return clean_name(t->link);
	_cleanup_free_ char *path = str_printf("%.*s/%s", (int)(slash - name), name, t->link);
	return path ? clean_name(path) : NULL;
}

static int on_member(void *arg, const struct tar_member *t, struct hull_error *err)
{
	struct archive *a = arg;

	if (a->n_members == a->size_members) {
		size_t more = a->size_members ? a->size_members * 2 : 64;
		struct member *v = reallocarray(a->members, more, sizeof(*v));

		if (!v)
			return error_no_memory(err);
		a->members = v;
		a->size_members = more;
	}
	struct member *m = &a->members[a->n_members];
	*m = (struct member){.name = clean_name(t->name), .kind = MEMBER_OTHER};
	if (!m->name)
		return error_no_memory(err);
	a->n_members++;
	m->offset = t->data_offset;
	m->size = t->data_size;
	if (t->type == TAR_FILE && !t->sparse)
		m->kind = MEMBER_NEW;
	if (t->type == TAR_SYMLINK || t->type == TAR_HARD_LINK) {
		m->kind = MEMBER_LINK;
		m->link = link_target(t, m->name);
		if (!m->link)
			return error_no_memory(err);
	}
	return 0;
}

static int on_data_end(void *arg, bool padding_is_zero, struct hull_error *err)
{
	return 0;
}

/* ---- What a member is ---- */

/* JSON, and not a tar whose first member's name begins like it. */
static bool looks_like_document(const struct archive *a, const struct member *m)
{
	size_t i = 0;

	while (i < a->head_len && strchr(" \t\r\n", a->head[i]) && a->head[i])
		i++;
	if (m->size == 0 || m->size > DOCUMENT_MAX)
		return m->size == 0;
	if (a->head_len >= 262 && memcmp(a->head + 257, "ustar", 5) == 0)
		return false;
	return i < a->head_len && (a->head[i] == '{' || a->head[i] == '[');
}

/* The digest that a member is named after: blobs/ALGORITHM/HEX, or HEX.tar; false: none. */
static bool digest_from_name(const char *name, struct digest *ret, bool *ret_is_blob)
{
	char text[DIGEST_TEXT_SIZE];
	const char *blob = str_after(name, "blobs/");
	size_t n = strlen(name);

	*ret_is_blob = blob;
	if (blob && strlen(blob) < sizeof(text)) {
		snprintf(text, sizeof(text), "%s", blob);
		char *slash = strchr(text, '/');
		if (slash)
			*slash = ':';
		return digest_parse(text, ret, NULL) == 0;
	}
	if (n == 64 + 4 && str_ends_with(name, ".tar")) {
		snprintf(text, sizeof(text), "sha256:%.64s", name);
		return digest_parse(text, ret, NULL) == 0;
	}
	return false;
}

/* A blob whose layer came with another image: verified then, so its name is enough now. */
static bool find_known_blob(struct archive *a, const struct digest *blob, struct digest *ret)
{
	_cleanup_metadata_query_ struct metadata_query *q = NULL;
	char text[DIGEST_TEXT_SIZE];
	int r = metadata_query(a->store->md, &q, NULL,
		"SELECT diff_id FROM image_layer WHERE blob_digest = ? LIMIT 1", "t",
		digest_format(blob, text));

	return r == 0 && metadata_next(q, NULL) > 0 &&
	       digest_parse(metadata_text(q, 0), ret, NULL) == 0 &&
	       layer_store_has(a->store->layers, ret);
}

/* True if the layer need not be read: a name that lies is found out by who asks for a diff id. */
static bool is_present(struct archive *a, struct member *m, const struct digest *name, bool is_blob)
{
	if (layer_store_has(a->store->layers, name))
		m->diff_id = *name;
	else if (!is_blob || !find_known_blob(a, name, &m->diff_id))
		return false;
	m->kind = MEMBER_PRESENT;
	return true;
}

static void tell(struct archive *a, const struct member *m, uint64_t done)
{
	struct digest digest;
	char id[13];
	bool is_blob;

	if (digest_from_name(m->name, &digest, &is_blob))
		short_id(&digest, id);
	else
		snprintf(id, sizeof(id), "%.12s", m->name);
	progress_event(&a->options->progress, id, "Loading layer", (int64_t)done, (int64_t)m->size);
}

static void member_fail(struct archive *a, struct member *m, struct hull_error *error)
{
	a->ingest = layer_ingest_abort(a->ingest);
	m->kind = MEMBER_FAILED;
	error_move(&m->error, error);
}

static void begin_layer(struct archive *a, struct member *m)
{
	_cleanup_error_ struct hull_error error = HULL_ERROR_INIT;
	struct layer_ingest_options options = {.batch = a->batch};
	struct digest name;
	bool is_blob;
	bool named = digest_from_name(m->name, &name, &is_blob);

	if (named && is_present(a, m, &name, is_blob))
		return;
	if (a->indexed) {
		m->kind = MEMBER_DATA;
		return;
	}
	options.blob_digest = named && is_blob ? &name : NULL;
	m->kind = MEMBER_INGESTED;
	if (layer_ingest_begin(a->store->layers, &options, &a->ingest, &error) < 0)
		member_fail(a, m, &error);
}

static int member_write(
	struct archive *a, struct member *m, const void *p, size_t n, struct hull_error *err)
{
	_cleanup_error_ struct hull_error error = HULL_ERROR_INIT;

	if (m->kind == MEMBER_DOCUMENT) {
		a->documents_len += n;
		if (a->documents_len > DOCUMENTS_MAX)
			return error_set(err, HULL_ERROR_LIMIT, "%s: more than %zu MB of documents",
				a->what, DOCUMENTS_MAX >> 20);
		buf_append(&m->text, p, n);
		return buf_error(&m->text) < 0 ? error_no_memory(err) : 0;
	}
	if (m->kind != MEMBER_INGESTED)
		return 0;
	if (layer_ingest_write(a->ingest, p, n, &error) < 0)
		member_fail(a, m, &error);
	return 0;
}

/* Enough of the member was seen to tell what it is. */
static int member_begin(struct archive *a, struct member *m, struct hull_error *err)
{
	if (looks_like_document(a, m))
		m->kind = MEMBER_DOCUMENT;
	else
		begin_layer(a, m);
	return member_write(a, m, a->head, a->head_len, err);
}

static int member_end(struct archive *a, struct member *m, struct hull_error *err)
{
	_cleanup_error_ struct hull_error error = HULL_ERROR_INIT;
	struct layer_ingest_result result;
	int r = 0;

	if (m->kind == MEMBER_NEW)
		r = member_begin(a, m, err);
	a->head_len = 0;
	if (r < 0 || m->kind != MEMBER_INGESTED)
		return r;
	if (layer_ingest_finish(TAKE_PTR(a->ingest), &result, &error) < 0)
		member_fail(a, m, &error);
	else
		m->diff_id = result.diff_id;
	tell(a, m, m->size);
	return 0;
}

/* ---- Bytes ---- */

/* The open member's part of a chunk. */
static int member_take(struct archive *a, struct member *m, const unsigned char *p, size_t n,
	struct hull_error *err)
{
	if (m->kind == MEMBER_NEW) {
		size_t take = HEAD - a->head_len < n ? HEAD - a->head_len : n;

		memcpy(a->head + a->head_len, p, take);
		a->head_len += take;
		p += take;
		n -= take;
		if (a->head_len < HEAD)
			return 0;
		int r = member_begin(a, m, err);
		if (r < 0)
			return r;
	}
	return n > 0 ? member_write(a, m, p, n, err) : 0;
}

static int feed(struct archive *a, const unsigned char *p, size_t n, struct hull_error *err)
{
	uint64_t start = a->offset, end = start + n;
	int r = tar_reader_feed(a->reader, p, n, err);

	if (r < 0)
		return error_wrap(err, r, "%s", a->what);
	if (is_canceled(a))
		return error_set(err, HULL_ERROR_CANCELED, "canceled");
	a->offset = end;
	for (; a->members && a->open < a->n_members; a->open++) {
		struct member *m = &a->members[a->open];
		uint64_t first = m->offset > start ? m->offset : start;
		uint64_t last = m->offset + m->size < end ? m->offset + m->size : end;

		if (first < last)
			r = member_take(a, m, p + (first - start), (size_t)(last - first), err);
		if (r < 0)
			return r;
		if (m->kind == MEMBER_INGESTED && last > m->offset)
			tell(a, m, last - m->offset);
		if (m->offset + m->size > end)
			return 0;
		r = member_end(a, m, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int flush_inflated(struct inflate_output *output, struct hull_error *err)
{
	struct archive *a = output->arg;
	size_t n = output->fill;

	output->fill = 0;
	int r = layer_store_check_ratio(a->store->layers, a->taken, a->offset + n, err);
	return r < 0 ? error_wrap(err, r, "%s", a->what) : feed(a, output->data, n, err);
}

static int read_stream(struct archive *a, unsigned char *chunk, struct hull_error *err)
{
	_cleanup_free_ unsigned char *inflated = malloc(CHUNK);
	struct inflate_output output = {
		.data = inflated,
		.size = CHUNK,
		.flush = flush_inflated,
		.arg = a,
	};

	if (!inflated)
		return error_no_memory(err);
	int r = inflater_new(&output, &a->inflater, err);
	for (ssize_t n = 1; r == 0 && n != 0;) {
		n = read(a->fd, chunk, CHUNK);
		if (n < 0 && errno != EINTR)
			return error_errno(err, errno, "%s", a->what);
		if (n < 0 && is_canceled(a))
			return error_set(err, HULL_ERROR_CANCELED, "canceled");
		a->taken += n > 0 ? (uint64_t)n : 0;
		if (n > 0)
			r = inflater_feed(a->inflater, chunk, (size_t)n, err);
	}
	if (r == 0)
		r = inflater_finish(a->inflater, err);
	a->inflater = inflater_free(a->inflater);
	return r;
}

/* As above from a plain file, hopping over what is not a document. */
static int read_index(struct archive *a, unsigned char *chunk, struct hull_error *err)
{
	for (;;) {
		ssize_t n = pread(a->fd, chunk, CHUNK / 4, (off_t)a->offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "%s", a->what);
		if (n == 0)
			return 0;
		int r = feed(a, chunk, (size_t)n, err);
		if (r < 0)
			return r;
		const struct member *m = a->open < a->n_members ? &a->members[a->open] : NULL;
		uint64_t skip = tar_reader_skippable(a->reader);
		if (m && skip > 0 && m->kind != MEMBER_DOCUMENT && m->kind != MEMBER_NEW) {
			tar_reader_skip(a->reader, skip);
			a->offset += skip;
		}
	}
}

/* A regular file at its beginning whose first bytes are no compressed form's. */
static bool can_index(int fd)
{
	unsigned char magic[INFLATE_SNIFF];
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) == 0 &&
	       pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	       inflate_sniff(magic, sizeof(magic)) == INFLATE_PLAIN;
}

/* ---- A layout in a directory ---- */

/* Opens a file of the layout. No link is followed, and nothing above the directory is reached. */
static int layout_open(const struct archive *a, const char *name, struct hull_error *err)
{
	int fd = resolve_openat2(a->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	return fd < 0 ? error_errno(err, fd, "%s/%s", a->what, name) : fd;
}

/* One file: its head tells what it is, and a document is read. */
static int layout_add(struct archive *a, const char *name, struct hull_error *err)
{
	_cleanup_close_ int fd = layout_open(a, name, err);
	struct tar_member t = {.type = TAR_FILE, .name = name, .link = ""};
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return error_errno(err, errno, "%s/%s", a->what, name);
	if (!S_ISREG(st.st_mode))
		return 0;
	t.data_size = (uint64_t)st.st_size;
	int r = on_member(a, &t, err);
	if (r < 0)
		return r;
	struct member *m = &a->members[a->n_members - 1];
	ssize_t n = fd_read_full(fd, a->head, HEAD);
	if (n < 0)
		return error_errno(err, (int)n, "%s/%s", a->what, name);
	a->head_len = (size_t)n;
	r = member_begin(a, m, err);
	if (r == 0 && m->kind == MEMBER_DOCUMENT) {
		size_t before = m->text.len;
		r = fd_read_to_buf(fd, &m->text, DOCUMENT_MAX);
		if (r < 0)
			return error_errno(err, r, "%s/%s", a->what, name);
		a->documents_len += m->text.len - before;
	}
	if (r == 0 && a->documents_len > DOCUMENTS_MAX)
		return error_set(err, HULL_ERROR_LIMIT, "%s: more than %zu MB of documents",
			a->what, DOCUMENTS_MAX >> 20);
	a->head_len = 0;
	return r;
}

static int read_layout(struct archive *a, const char *path, int depth, struct hull_error *err);

static int layout_entry(
	struct archive *a, const char *name, unsigned char type, int depth, struct hull_error *err)
{
	if (a->n_members >= MEMBERS_MAX)
		return error_set(
			err, HULL_ERROR_LIMIT, "%s: more than %d files", a->what, MEMBERS_MAX);
	if (type == DT_REG)
		return layout_add(a, name, err);
	return type == DT_DIR && depth < LAYOUT_DEPTH ? read_layout(a, name, depth + 1, err) : 0;
}

static int read_layout(struct archive *a, const char *path, int depth, struct hull_error *err)
{
	int fd = *path ? layout_open(a, path, err) : fcntl(a->fd, F_DUPFD_CLOEXEC, 3);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r = 0;

	if (!dir)
		return fd < 0 && *path ? fd : error_errno(err, errno, "%s", a->what);
	for (struct dirent *e; r == 0 && (e = readdir(dir));) {
		struct stat st;

		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		_cleanup_free_ char *name = *path ? path_join(path, e->d_name) : strdup(e->d_name);
		if (!name)
			return error_no_memory(err);
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		r = layout_entry(a, name, IFTODT(st.st_mode), depth, err);
	}
	return r;
}

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	/* Of two with one name the later one counts, as in every tar. */
	return order ? order : x->offset > y->offset ? -1 : 1;
}

static bool is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int read_archive(struct archive *a, unsigned char *chunk, struct hull_error *err)
{
	int r = a->indexed ? read_index(a, chunk, err) : read_stream(a, chunk, err);

	if (r == 0 && (r = tar_reader_finish(a->reader, err)) < 0)
		r = error_wrap(err, r, "%s", a->what);
	return r;
}

int archive_read(struct image_store *store, int fd, const char *what,
	const struct image_load_options *options, struct archive **ret, struct hull_error *err)
{
	static const struct tar_handler handler = {on_member, on_data_end};
	_cleanup_archive_ struct archive *a = calloc(1, sizeof(*a));
	_cleanup_free_ unsigned char *chunk = malloc(CHUNK);

	if (!a || !chunk)
		return error_no_memory(err);
	a->store = store;
	a->options = options;
	a->what = what;
	a->fd = fd;
	a->directory = is_directory(fd);
	a->indexed = a->directory || can_index(fd);
	int r = tar_reader_new(&handler, a, MEMBERS_MAX, &a->reader, err);
	if (r == 0)
		r = layer_batch_new(store->layers, &a->batch, err);
	if (r == 0 && a->directory)
		r = read_layout(a, "", 0, err);
	else if (r == 0)
		r = read_archive(a, chunk, err);
	if (r == 0)
		r = archive_publish_layers(a, err);
	if (r < 0)
		return r;
	if (a->n_members > 1)
		qsort(a->members, a->n_members, sizeof(*a->members), compare_members);
	*ret = TAKE_PTR(a);
	return 0;
}

int archive_publish_layers(struct archive *a, struct hull_error *err)
{
	return layer_batch_publish(a->batch, err);
}

/* ---- Questions ---- */

static struct member *find_exact(const struct archive *a, const char *name)
{
	size_t low = 0, high = a->n_members;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(a->members[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < a->n_members && str_eq(a->members[low].name, name) ? &a->members[low] : NULL;
}

static struct member *find_member(const struct archive *a, const char *path)
{
	_cleanup_free_ char *name = clean_name(path);
	struct member *m = name ? find_exact(a, name) : NULL;

	for (int i = 0; m && m->kind == MEMBER_LINK; i++)
		m = i < LINKS_MAX ? find_exact(a, m->link) : NULL;
	return m;
}

const char *archive_document(const struct archive *a, const char *path, size_t *ret_len)
{
	struct member *m = find_member(a, path);

	if (!m || m->kind != MEMBER_DOCUMENT)
		return NULL;
	*ret_len = m->text.len;
	return buf_str(&m->text);
}

bool archive_has(const struct archive *a, const char *path)
{
	return find_member(a, path) != NULL;
}

void archive_blob_path(const struct digest *digest, char path[DIGEST_TEXT_SIZE + 6])
{
	memcpy(path, "blobs/", sizeof("blobs/"));
	blob_path(digest, path + 6);
}

/* The bytes of a member, from the file or from memory, into the ingest. */
static int copy_member(struct archive *a, const struct member *m, struct layer_ingest *ingest,
	struct hull_error *err)
{
	_cleanup_free_ char *chunk = malloc(CHUNK);

	if (!chunk)
		return error_no_memory(err);
	if (m->kind == MEMBER_DOCUMENT)
		return layer_ingest_write(ingest, buf_str(&m->text), m->text.len, err);
	_cleanup_close_ int own = a->directory ? layout_open(a, m->name, err) : -1;
	if (a->directory && own < 0)
		return own;
	int fd = a->directory ? own : a->fd;
	for (uint64_t done = 0; done < m->size;) {
		size_t want = m->size - done < CHUNK ? (size_t)(m->size - done) : CHUNK;
		ssize_t n = pread(fd, chunk, want, (off_t)(m->offset + done));

		if (is_canceled(a))
			return error_set(err, HULL_ERROR_CANCELED, "canceled");
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_errno(err, n < 0 ? errno : ENODATA, "%s", a->what);
		int r = layer_ingest_write(ingest, chunk, (size_t)n, err);
		if (r < 0)
			return r;
		done += (uint64_t)n;
		tell(a, m, done);
	}
	return 0;
}

static int ingest_member(struct archive *a, const struct member *m, const struct digest *blob,
	const struct digest *diff_id, struct hull_error *err)
{
	_cleanup_layer_ingest_ struct layer_ingest *ingest = NULL;
	const struct layer_ingest_options options = {
		.blob_digest = blob, .diff_id = diff_id, .batch = a->batch};
	struct layer_ingest_result result;
	int r = layer_ingest_begin(a->store->layers, &options, &ingest, err);

	if (r == 0)
		r = copy_member(a, m, ingest, err);
	if (r == 0)
		r = layer_ingest_finish(TAKE_PTR(ingest), &result, err);
	return r;
}

/* True if a member was taken in under that blob's digest, and is that layer. */
static bool is_proven(
	const struct member *m, const struct digest *blob, const struct digest *diff_id)
{
	struct digest name;
	bool is_blob;

	return m && blob && m->kind == MEMBER_INGESTED && digest_equal(&m->diff_id, diff_id) &&
	       digest_from_name(m->name, &name, &is_blob) && is_blob && digest_equal(&name, blob);
}

int archive_need_layer(struct archive *a, const char *path, const struct digest *blob,
	const struct digest *diff_id, bool *ret_proven, struct hull_error *err)
{
	const struct member *m = find_member(a, path);
	char text[DIGEST_TEXT_SIZE];

	*ret_proven = is_proven(m, blob, diff_id);
	/* Whatever the archive has under that name: here are the genuine bytes. */
	if (layer_store_has(a->store->layers, diff_id))
		return 0;
	if (!m)
		return error_set(err, HULL_ERROR_INVALID, "%s: layer %s is missing", a->what, path);
	if (m->kind == MEMBER_DATA || m->kind == MEMBER_DOCUMENT) {
		int r = ingest_member(a, m, blob, diff_id, err);
		*ret_proven = blob;
		return r < 0 ? error_wrap(err, r, "%s: %s", a->what, path) : 0;
	}
	if (m->kind == MEMBER_FAILED)
		return error_set(err, m->error.kind, "%s: %s: %s", a->what, path,
			hull_error_message(&m->error));
	return error_set(err, HULL_ERROR_INVALID,
		"%s: %s: the content does not have the diff id %s that the image names", a->what,
		path, digest_format(diff_id, text));
}
