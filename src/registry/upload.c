/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A blob on its way up is a session: POST opens it, every answer says by its Location where to go
 * on, PUT with the digest ends it.
 *
 * What is known beforehand goes in one PUT. What is still being made goes in one PATCH, sent as it
 * comes; so does everything in pieces, if somebody wants pieces. When a connection breaks the
 * session is asked how much it has, and the rest goes from there in a PATCH that says its range; a
 * session that is gone starts again from nothing, which is why the source can be read again.
 */
#include "registry/remote.h"

#include "base/str.h"
#include "oci/image_spec.h"

#define PROGRESS_BYTES ((int64_t)1 << 20) /* this much resets the count of failures */

struct upload {
	struct remote *remote;
	const struct registry_source *source;
	const struct registry_upload_options *options;
	char *location;	   /* where the session goes on; NULL: there is none */
	int64_t offset;	   /* the session has everything up to here */
	int64_t min_piece; /* what the registry demands of all pieces but the last */
	bool ranges;	   /* a PATCH says its range: pieces, or the rest after a break */

	/* Of one request. */
	int64_t begin;
	int64_t at;
	int64_t end; /* INT64_MAX: up to the source's end */
	struct hull_error error;
};

static void upload_done(struct upload *u)
{
	free(u->location);
	hull_error_done(&u->error);
}

static void tell(struct upload *u)
{
	if (u->source && u->source->progress)
		u->source->progress(u->source->data, u->at);
}

/* ---- The body of a request ---- */

static ssize_t body_read(void *data, void *p, size_t n)
{
	struct upload *u = data;
	bool whole = false;
	int64_t there = u->source->wait(u->source->data, u->at + 1, &whole, &u->error);

	if (there < 0)
		return -1;
	if (there > u->end)
		there = u->end;
	if (u->at >= there)
		return 0;
	if ((int64_t)n > there - u->at)
		n = (size_t)(there - u->at);
	ssize_t got = u->source->read(u->source->data, u->at, p, n, &u->error);
	if (got > 0) {
		u->at += got;
		tell(u);
	}
	return got;
}

static int body_rewind(void *data)
{
	struct upload *u = data;

	u->at = u->begin;
	return 0;
}

/* ---- Requests of a session ---- */

/* Where to go on, as an answer says it: a whole URL, whatever the registry wrote. */
static int take_location(
	struct upload *u, const struct http_response *response, struct hull_error *err)
{
	const char *location = http_header(response, "location");
	char *url = location ? http_url_resolve(response->url, location) : NULL;

	if (!url)
		return error_set(err, HULL_ERROR_REMOTE,
			"%s: the registry does not say where an upload goes on",
			u->remote->endpoint->host);
	free(u->location);
	u->location = url;
	return 0;
}

static int read_min_piece(struct upload *u, const struct http_response *response)
{
	const char *text = http_header(response, "oci-chunk-min-length");
	int64_t n;

	u->min_piece = text && str_to_i64(text, &n) == 0 && n > 0 ? n : 0;
	return 0;
}

static int begin_session(struct upload *u, struct hull_error *err)
{
	_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
	struct http_request request = {
		.method = "POST",
		.body = "",
		.max_body = REMOTE_ERROR_BODY_MAX,
	};
	const struct registry_upload_options *o = u->options;
	const char *path = "/blobs/uploads/";

	/* A registry need not know other algorithms than sha256, and must be told. */
	if (o->digest && o->digest->algorithm == DIGEST_SHA512)
		path = "/blobs/uploads/?digest-algorithm=sha512";
	u->offset = 0;
	u->ranges = false;
	int r = remote_exchange(u->remote, path, &request, &response, err);
	if (r < 0)
		return r;
	if (response.status != 202)
		return remote_status_error(u->remote, &response, "upload of a blob", err);
	read_min_piece(u, &response);
	return take_location(u, &response, err);
}

/* "0-1023": how many bytes the session has, -1 if that says nothing. */
static int64_t parse_range(const struct http_response *response)
{
	const char *text = http_header(response, "range");
	const char *last;
	int64_t n;

	if (!text)
		return -1;
	if (str_after(text, "bytes="))
		text += strlen("bytes=");
	last = str_after(text, "0-");
	/* What has nothing yet may say "0-0" as well as "0--1" or nothing at all. */
	if (!last || str_to_i64(last, &n) < 0)
		return -1;
	return n <= 0 ? 0 : n + 1;
}

/* Asks what has arrived. 1: it goes on from u->offset; 0: the session is gone. */
static int ask_session(struct upload *u, struct hull_error *err)
{
	_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
	struct http_request request = {.max_body = REMOTE_ERROR_BODY_MAX};
	int r = remote_exchange(u->remote, u->location, &request, &response, err);

	if (r < 0)
		return r;
	if (response.status != 204 && response.status != 200 && response.status != 202)
		return 0;
	int64_t have = parse_range(&response);
	if (have < 0 || have > u->at)
		return 0;
	u->offset = have;
	u->ranges = have > 0;
	if (http_header(&response, "location"))
		r = take_location(u, &response, err);
	return r < 0 ? r : 1;
}

static void cancel_session(struct upload *u)
{
	_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
	struct http_request request = {.method = "DELETE", .max_body = REMOTE_ERROR_BODY_MAX};

	if (u->location)
		remote_request(u->remote, u->location, NULL, &request, &response, NULL);
}

static char *with_digest(const char *location, const struct digest *digest)
{
	char text[DIGEST_TEXT_SIZE];

	return str_printf("%s%sdigest=%s", location, strchr(location, '?') ? "&" : "?",
		digest_format(digest, text));
}

/* What became of a request of the session. */
enum step {
	STEP_DONE,   /* accepted */
	STEP_BROKEN, /* the session may go on from somewhere */
	STEP_FAILED, /* an error was made */
};

static enum step judge(struct upload *u, int r, const struct http_response *response, int wanted,
	struct hull_error *err)
{
	if (r == 0 && (response->status == wanted || (wanted == 202 && response->status == 204)))
		return STEP_DONE;
	if (response->outcome == HTTP_STOPPED) {
		hull_error_done(err);
		error_move(err, &u->error);
		return STEP_FAILED;
	}
	if (r < 0)
		return response->outcome == HTTP_BROKEN || response->outcome == HTTP_CONNECT_FAILED
			       ? STEP_BROKEN
			       : STEP_FAILED;
	remote_status_error(u->remote, response, "upload of a blob", err);
	return response->status == 416 || response->status == 404 ||
			       remote_is_temporary(0, response)
		       ? STEP_BROKEN
		       : STEP_FAILED;
}

static const char octets[] = "Content-Type: application/octet-stream";

/* Everything in one PUT, for a blob whose digest and size are known. */
static enum step put_whole(struct upload *u, struct http_response *response, struct hull_error *err)
{
	_cleanup_free_ char *url = with_digest(u->location, u->options->digest);
	char *headers[] = {(char *)octets, NULL};
	const struct http_source body = {
		.size = u->options->size, .read = body_read, .rewind = body_rewind, .data = u};
	struct http_request request = {
		.method = "PUT",
		.headers = headers,
		.source = &body,
		.max_body = REMOTE_ERROR_BODY_MAX,
	};

	u->begin = u->at = 0;
	u->end = u->options->size;
	if (!url) {
		error_no_memory(err);
		return STEP_FAILED;
	}
	int r = remote_request(u->remote, url, NULL, &request, response, err);
	return judge(u, r, response, 201, err);
}

/* What follows u->offset, all of it or a piece. *ret_last: nothing follows. */
static enum step patch(
	struct upload *u, struct http_response *response, bool *ret_last, struct hull_error *err)
{
	char length_range[80];
	char *headers[] = {(char *)octets, u->ranges ? length_range : NULL, NULL};
	int64_t piece = u->options->piece, size = -1;
	bool whole = false;

	if (piece > 0 && piece < u->min_piece)
		piece = u->min_piece;
	u->begin = u->at = u->offset;
	u->end = INT64_MAX;
	if (u->ranges) {
		/* A range has an end: it is waited for. */
		int64_t wanted = piece > 0 ? u->offset + piece : INT64_MAX;
		int64_t there = u->source->wait(u->source->data, wanted, &whole, err);
		if (there < 0)
			return STEP_FAILED;
		u->end = there < wanted ? there : wanted;
		size = u->end - u->offset;
		whole = whole && u->end == there;
		if (size == 0) {
			*ret_last = true;
			return STEP_DONE;
		}
		snprintf(length_range, sizeof(length_range), "Content-Range: %lld-%lld",
			(long long)u->offset, (long long)u->end - 1);
	}
	const struct http_source body = {
		.size = size, .read = body_read, .rewind = body_rewind, .data = u};
	struct http_request request = {
		.method = "PATCH",
		.headers = headers,
		.source = &body,
		.max_body = REMOTE_ERROR_BODY_MAX,
	};
	int r = remote_request(u->remote, u->location, NULL, &request, response, err);
	enum step step = judge(u, r, response, 202, err);
	if (step != STEP_DONE)
		return step;
	*ret_last = u->ranges ? whole : true;
	/* A registry may take less than it was sent. */
	int64_t have = parse_range(response);
	if (have > 0 && have < u->at && have >= u->begin) {
		u->ranges = true;
		*ret_last = false;
		u->at = have;
	}
	u->offset = u->at;
	return take_location(u, response, err) < 0 ? STEP_FAILED : STEP_DONE;
}

static enum step finish(struct upload *u, struct http_response *response, struct hull_error *err)
{
	struct digest digest;
	int r = u->source->digest(u->source->data, &digest, err);
	_cleanup_free_ char *url = r < 0 ? NULL : with_digest(u->location, &digest);
	char *headers[] = {(char *)octets, NULL};
	struct http_request request = {
		.method = "PUT",
		.headers = headers,
		.body = "",
		.max_body = REMOTE_ERROR_BODY_MAX,
	};

	if (r < 0)
		return STEP_FAILED;
	if (!url) {
		error_no_memory(err);
		return STEP_FAILED;
	}
	r = remote_request(u->remote, url, NULL, &request, response, err);
	return judge(u, r, response, 201, err);
}

/* From where the session is to its end, or to the first thing that goes wrong. */
static enum step run_session(
	struct upload *u, struct http_response *response, struct hull_error *err)
{
	const struct registry_upload_options *o = u->options;
	bool last = false;

	u->ranges = u->ranges || o->piece > 0;
	if (!u->ranges && o->digest && o->size >= 0)
		return put_whole(u, response, err);
	while (!last) {
		http_response_done(response);
		*response = (struct http_response)HTTP_RESPONSE_INIT;
		enum step step = patch(u, response, &last, err);
		if (step != STEP_DONE)
			return step;
	}
	http_response_done(response);
	*response = (struct http_response)HTTP_RESPONSE_INIT;
	return finish(u, response, err);
}

/* Finds out where to go on after a break, with a new session if the old one is gone. */
static int recover(struct upload *u, struct hull_error *err)
{
	int r = ask_session(u, err);

	return r == 0 ? begin_session(u, err) : r;
}

static int run_upload(struct upload *u, struct hull_error *err)
{
	int64_t mark = 0;
	int r = begin_session(u, err);

	for (int failures = 0; r >= 0;) {
		_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
		_cleanup_error_ struct hull_error e = HULL_ERROR_INIT;
		enum step step = run_session(u, &response, &e);

		if (step == STEP_DONE)
			return 0;
		if (u->at - mark >= PROGRESS_BYTES)
			failures = 0;
		mark = u->at;
		if (step == STEP_FAILED || ++failures == REMOTE_ATTEMPTS) {
			error_move(err, &e);
			return -1;
		}
		r = http_pause(u->remote->client, remote_pause_ns(&response, failures - 1), err);
		if (r == 0)
			r = recover(u, err);
	}
	return r;
}

int registry_put_blob(struct registry *registry, const struct registry_source *source,
	const struct registry_upload_options *options, struct hull_error *err)
{
	_cleanup_(upload_done) struct upload u = {
		.remote = registry_origin(registry),
		.source = source,
		.options = options,
		.error = HULL_ERROR_INIT,
	};
	int r = run_upload(&u, err);

	if (r < 0)
		cancel_session(&u);
	return r;
}

/* HEAD of something below the repository. 1: it is there; 0: not. */
static int is_there(struct registry *registry, const char *kind, const struct digest *digest,
	char *const *headers, struct hull_error *err)
{
	char text[DIGEST_TEXT_SIZE];
	_cleanup_free_ char *path = str_printf("/%s/%s", kind, digest_format(digest, text));
	_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
	struct http_request request = {
		.method = "HEAD", .headers = headers, .max_body = REMOTE_ERROR_BODY_MAX};
	struct remote *remote = registry_origin(registry);

	if (!path)
		return error_no_memory(err);
	int r = remote_exchange(remote, path, &request, &response, err);
	if (r < 0)
		return r;
	if (response.status == 200)
		return 1;
	return response.status == 404 ? 0 : remote_status_error(remote, &response, text, err);
}

int registry_has_blob(
	struct registry *registry, const struct digest *digest, struct hull_error *err)
{
	return is_there(registry, "blobs", digest, NULL, err);
}

int registry_has_manifest(
	struct registry *registry, const struct digest *digest, struct hull_error *err)
{
	static char *const headers[] = {
		(char *)"Accept: " OCI_MEDIA_INDEX ", " OCI_MEDIA_MANIFEST
			", " DOCKER_MEDIA_MANIFEST_LIST ", " DOCKER_MEDIA_MANIFEST,
		NULL,
	};

	return is_there(registry, "manifests", digest, headers, err);
}

int registry_mount_blob(struct registry *registry, const struct digest *digest, const char *from,
	struct hull_error *err)
{
	char text[DIGEST_TEXT_SIZE];
	struct remote *remote = registry_origin(registry);
	_cleanup_free_ char *path =
		str_printf("/blobs/uploads/?mount=%s&from=%s", digest_format(digest, text), from);
	_cleanup_free_ char *scope = str_printf("repository:%s:pull", from);
	_cleanup_http_response_ struct http_response response = HTTP_RESPONSE_INIT;
	_cleanup_error_ struct hull_error e = HULL_ERROR_INIT;
	struct upload u = {.remote = remote};
	struct http_request request = {
		.method = "POST",
		.body = "",
		.max_body = REMOTE_ERROR_BODY_MAX,
	};

	if (!path || !scope)
		return error_no_memory(err);
	int r = remote_request(remote, path, scope, &request, &response, &e);
	if (r < 0 && e.kind == HULL_ERROR_CANCELED) {
		error_move(err, &e);
		return r;
	}
	/* A registry that does not mount opens a session, which nobody needs. */
	if (r == 0 && response.status == 202 && take_location(&u, &response, NULL) == 0)
		cancel_session(&u);
	free(u.location);
	return r == 0 && response.status == 201;
}
