/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob goes on where it broke, by a Range request; a server that ignores Range costs only the
 * bytes that are thrown away. It is given up when several attempts in a row brought next to
 * nothing, and then the next endpoint goes on where the last one stopped: a digest is a digest.
 */
#include "registry/blob.h"

#include "base/clock.h"
#include "base/str.h"

#define PROGRESS_BYTES ((int64_t)1 << 20) /* this much resets the count of failures */
#define PROBE_BYTES    ((int64_t)2 << 20)
#define PARALLEL_MIN   ((int64_t)16 << 20)

/*
 * From here on one connection is enough: it brings more than a processor unpacks. Several would
 * only be more work.
 */
#define FAST_BYTES_PER_SECOND ((int64_t)48 << 20)

/* A "bytes FIRST-LAST/SIZE": FIRST, -1 if it is none; *ret_size is -1 for "*". */
static int64_t parse_content_range(const char *text, int64_t *ret_size)
{
	const char *p = text ? str_after(text, "bytes ") : NULL;
	int64_t numbers[3] = {-1, -1, -1};

	for (int i = 0; p && i < 3; i++) {
		size_t n = strspn(p, "0123456789");
		_cleanup_free_ char *digits = strndup(p, n);

		if (i == 2 && str_eq(p, "*"))
			break;
		if (!digits || str_to_i64(digits, &numbers[i]) < 0 || p[n] != "-/"[i])
			return -1;
		p += n + 1;
	}
	*ret_size = numbers[2];
	return p && numbers[1] >= numbers[0] ? numbers[0] : -1;
}

static int check_range(struct blob_stream *s, const struct http_response *head)
{
	int64_t size = -1;

	s->skip = 0;
	if (head->status == 200) {
		s->ignored = s->offset > 0 || s->end < s->size;
		if (s->ignored && s->exact)
			return error_set(
				&s->error, HULL_ERROR_REMOTE, "the registry ignores Range");
		s->skip = s->offset;
		s->end = s->size;
		return 0;
	}
	/* 206 */
	bool asked = s->offset > 0 || s->end < s->size;
	int64_t first = parse_content_range(http_header(head, "content-range"), &size);
	if (asked && first == s->offset && (size < 0 || size == s->size))
		return 0;
	return error_set(&s->error, HULL_ERROR_REMOTE,
		"the registry answered with another range than the one asked for");
}

static int stream_write(void *data, const struct http_response *head, const void *p, size_t n)
{
	struct blob_stream *s = data;

	if (!s->began) {
		s->began = true;
		if (check_range(s, head) < 0)
			return -1;
	}
	if (s->skip > 0) {
		size_t cut = (int64_t)n < s->skip ? n : (size_t)s->skip;
		s->skip -= (int64_t)cut;
		p = (const char *)p + cut;
		n -= cut;
	}
	if (n == 0)
		return 0;
	if ((int64_t)n > s->end - s->offset)
		return error_set(&s->error, HULL_ERROR_INVALID,
			"the registry sends more than the %lld bytes that were asked for",
			(long long)s->end);
	s->offset += (int64_t)n;
	return s->sink->write(s->sink->data, p, n, &s->error);
}

static int request(const struct blob_place *place, struct blob_stream *s,
	struct http_response *response, struct hull_error *err)
{
	char range[80];
	char *headers[] = {range, NULL};
	bool part = s->offset > 0 || s->end < s->size;
	struct http_request req = {
		.headers = part ? headers : NULL,
		.max_body = REMOTE_ERROR_BODY_MAX,
		.sink = stream_write,
		.sink_data = s,
	};

	if (s->end < s->size)
		snprintf(range, sizeof(range), "Range: bytes=%lld-%lld", (long long)s->offset,
			(long long)s->end - 1);
	else
		snprintf(range, sizeof(range), "Range: bytes=%lld-", (long long)s->offset);
	s->began = false;
	if (!place->url)
		return remote_request(place->remote, place->path, NULL, &req, response, err);
	req.url = place->url;
	return http_perform(place->remote->client, &req, response, err);
}

/* One request for what is left. 1: whole; 0: try again; negative: give up. */
static int attempt(const struct blob_place *place, struct blob_stream *s,
	struct http_response *response, struct hull_error *err)
{
	int r = request(place, s, response, err);

	if (response->outcome == HTTP_STOPPED) {
		hull_error_done(err);
		error_move(err, &s->error);
		return -1;
	}
	/* A registry that was there for the manifest and is not there now may be starting again. */
	if (r < 0)
		return response->outcome == HTTP_BROKEN || response->outcome == HTTP_CONNECT_FAILED
			       ? 0
			       : r;
	bool body = response->status == 200 || response->status == 206;
	if (body && s->offset == s->end)
		return 1;
	if (body) {
		error_set(err, HULL_ERROR_REMOTE, "%s: the registry sent %lld of %lld bytes",
			place->what, (long long)s->offset, (long long)s->end);
		return 0;
	}
	r = remote_status_error(place->remote, response, place->what, err);
	return remote_is_temporary(0, response) ? 0 : r;
}

int blob_stream_run(const struct blob_place *place, struct blob_stream *s, struct hull_error *err)
{
	const int attempts = place->remote->endpoint->mirror ? 2 : REMOTE_ATTEMPTS;
	int64_t mark = s->offset;

	s->size = place->size;
	for (int failures = 0;;) {
		_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
		_cleanup_error_ struct hull_error e = HULL_ERROR_INIT;
		int r = s->offset == s->end ? 1 : attempt(place, s, &response, &e);

		if (r > 0)
			return 0;
		if (s->offset - mark >= PROGRESS_BYTES)
			failures = 0;
		mark = s->offset;
		if (r < 0 || ++failures == attempts) {
			error_move(err, &e);
			return r < 0 ? r : -1;
		}
		r = http_pause(
			place->remote->client, remote_pause_ns(&response, failures - 1), err);
		if (r < 0)
			return r;
	}
}

/* ---- A whole blob ---- */

/* The caller's sink, with the time that is spent in it: that is not the network's. */
struct timed_sink {
	const struct registry_sink *sink;
	int64_t ns;
};

static int timed_write(void *data, const void *p, size_t n, struct hull_error *err)
{
	struct timed_sink *t = data;
	int64_t begin = clock_monotonic_ns();
	int r = t->sink->write(t->sink->data, p, n, err);

	t->ns += clock_monotonic_ns() - begin;
	return r;
}

/* The beginning of a large blob tells whether more connections would bring more. */
static int probe(const struct blob_place *place, const struct registry_sink *sink, int64_t *offset,
	bool *ret_slow, struct hull_error *err)
{
	struct timed_sink timed = {.sink = sink};
	struct registry_sink through = {timed_write, &timed};
	struct blob_stream s = {.sink = &through, .end = PROBE_BYTES};
	int64_t begin = clock_monotonic_ns();
	int r = blob_stream_run(place, &s, err);
	int64_t ns = clock_monotonic_ns() - begin - timed.ns;

	*offset = s.offset;
	*ret_slow =
		!s.ignored && ns > 0 && PROBE_BYTES * NS_PER_SECOND / ns < FAST_BYTES_PER_SECOND;
	return r;
}

static int fetch_from(struct registry *registry, const struct blob_place *place, int64_t *offset,
	const struct registry_sink *sink, struct hull_error *err)
{
	bool slow = false;
	int r = 0;

	if (*offset == 0 && place->size >= PARALLEL_MIN && !place->url)
		r = probe(place, sink, offset, &slow, err);
	if (r == 0 && slow)
		r = blob_fetch_parallel(registry, place, offset, sink, err);
	if (r < 0)
		return r;
	struct blob_stream s = {.sink = sink, .offset = *offset, .end = place->size};
	r = blob_stream_run(place, &s, err);
	*offset = s.offset;
	return r;
}

/* What another endpoint could do better. A failure of the sink is none of them. */
static bool is_endpoints_fault(const struct hull_error *error)
{
	return error->kind == HULL_ERROR_NOT_FOUND || error->kind == HULL_ERROR_DENIED ||
	       error->kind == HULL_ERROR_REMOTE;
}

static bool is_http_url(const char *url)
{
	return str_after(url, "https://") || str_after(url, "http://");
}

/* The endpoints in the order to ask for a blob: the one with the manifest, then the others. */
static struct remote *nth_remote(struct registry *registry, size_t i)
{
	struct remote *source = registry->source;

	if (!source)
		return &registry->remotes[i];
	if (i == 0)
		return source;
	return &registry->remotes[i - 1] < source ? &registry->remotes[i - 1]
						  : &registry->remotes[i];
}

static bool may_have_blobs(const struct registry *registry, struct remote *remote)
{
	return remote == registry->source ||
	       (remote->endpoint->capabilities & ENDPOINT_PULL && !atomic_load(&remote->down));
}

int registry_get_blob(struct registry *registry, const struct digest *digest, int64_t size,
	char *const *urls, const struct registry_sink *sink, struct hull_error *err)
{
	char text[DIGEST_TEXT_SIZE];
	_cleanup_free_ char *path = str_printf("/blobs/%s", digest_format(digest, text));
	_cleanup_free_ char *what = str_printf("blob %s", text);
	_cleanup_error_ struct hull_error error = HULL_ERROR_INIT;
	struct blob_place place = {.path = path, .what = what, .size = size};
	int64_t offset = 0;
	int r = -1;

	if (!path || !what)
		return error_no_memory(err);
	if (size == 0)
		return 0;
	for (size_t i = 0; i < registry->n; i++) {
		place.remote = nth_remote(registry, i);
		if (i + 1 < registry->n && !may_have_blobs(registry, place.remote))
			continue;
		hull_error_done(&error);
		r = fetch_from(registry, &place, &offset, sink, &error);
		if (r == 0 || !is_endpoints_fault(&error))
			break;
	}
	bool elsewhere = error.kind == HULL_ERROR_NOT_FOUND || error.kind == HULL_ERROR_DENIED;
	strv_foreach (url, r < 0 && elsewhere ? urls : NULL) {
		if (!is_http_url(*url))
			continue;
		hull_error_done(&error);
		place.url = *url;
		r = fetch_from(registry, &place, &offset, sink, &error);
		if (r == 0)
			break;
	}
	if (r < 0)
		error_move(err, &error);
	return r;
}

static int append_to_buf(void *data, const void *p, size_t n, struct hull_error *err)
{
	struct buf *out = data;

	buf_append(out, p, n);
	return buf_error(out) < 0 ? error_no_memory(err) : 0;
}

int registry_get_small_blob(struct registry *registry, const struct digest *digest, int64_t size,
	size_t max, struct buf *ret, struct hull_error *err)
{
	struct registry_sink sink = {append_to_buf, ret};
	char text[DIGEST_TEXT_SIZE];
	struct digest is;

	digest_format(digest, text);
	if (size < 0 || (uint64_t)size > max)
		return error_set(err, HULL_ERROR_LIMIT, "blob %s: %lld bytes are more than allowed",
			text, (long long)size);
	ret->max = (size_t)size + 1;
	int r = registry_get_blob(registry, digest, size, NULL, &sink, err);
	if (r == 0)
		r = digest_of(digest->algorithm, buf_str(ret), ret->len, &is, err);
	if (r < 0)
		return r;
	if (!digest_equal(digest, &is))
		return error_set(err, HULL_ERROR_INVALID, "blob %s: wrong digest", text);
	return 0;
}
