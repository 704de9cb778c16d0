/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One easy handle with a multi handle of its own per running request: the multi interface lets us
 * wake up ten times a second to look at the cancel flag, and keeps the connections for the next
 * request that takes the pair from the pool.
 */
#include "registry/http.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "sys/library.h"

#define CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <pthread.h>
#include <signal.h>
#include <strings.h>
#include <sys/mman.h>
#include <time.h>

#define CONNECT_TIMEOUT_MS     30000L
#define STALL_SECONDS	       60L
#define STALL_BYTES_PER_SECOND 64L /* a trickle that would never end is a stall, too */
#define POLL_MS		       100
#define RECEIVE_BUFFER	       (256L << 10)
#define SEND_BUFFER	       (512L << 10)
#define MAX_HEADER_BYTES       ((size_t)256 << 10)
#define MAX_REDIRECTS	       10
#define MAX_IDLE	       32
#define CA_MAX		       ((size_t)8 << 20)

static struct {
	CURLcode (*global_init)(long);
	void (*global_cleanup)(void);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *);
	void (*easy_reset)(CURL *);
	CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
	CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
	const char *(*easy_strerror)(CURLcode);
	struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
	void (*slist_free_all)(struct curl_slist *);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_cleanup)(CURLM *);
	CURLMcode (*multi_add_handle)(CURLM *, CURL *);
	CURLMcode (*multi_remove_handle)(CURLM *, CURL *);
	CURLMcode (*multi_perform)(CURLM *, int *);
	CURLMcode (*multi_poll)(CURLM *, struct curl_waitfd[], unsigned int, int, int *);
	CURLMsg *(*multi_info_read)(CURLM *, int *);
	CURLU *(*url)(void);
	void (*url_cleanup)(CURLU *);
	CURLUcode (*url_set)(CURLU *, CURLUPart, const char *, unsigned int);
	CURLUcode (*url_get)(CURLU *, CURLUPart, char **, unsigned int);
	time_t (*getdate)(const char *, const time_t *);
	curl_version_info_data *(*version_info)(CURLversion);
	void (*free)(void *);
} curl;

static const struct library_symbol curl_symbols[] = {
	{"curl_global_init", (void **)&curl.global_init},
	{"curl_global_cleanup", (void **)&curl.global_cleanup},
	{"curl_easy_init", (void **)&curl.easy_init},
	{"curl_easy_cleanup", (void **)&curl.easy_cleanup},
	{"curl_easy_reset", (void **)&curl.easy_reset},
	{"curl_easy_setopt", (void **)&curl.easy_setopt},
	{"curl_easy_getinfo", (void **)&curl.easy_getinfo},
	{"curl_easy_strerror", (void **)&curl.easy_strerror},
	{"curl_slist_append", (void **)&curl.slist_append},
	{"curl_slist_free_all", (void **)&curl.slist_free_all},
	{"curl_multi_init", (void **)&curl.multi_init},
	{"curl_multi_cleanup", (void **)&curl.multi_cleanup},
	{"curl_multi_add_handle", (void **)&curl.multi_add_handle},
	{"curl_multi_remove_handle", (void **)&curl.multi_remove_handle},
	{"curl_multi_perform", (void **)&curl.multi_perform},
	{"curl_multi_poll", (void **)&curl.multi_poll},
	{"curl_multi_info_read", (void **)&curl.multi_info_read},
	{"curl_url", (void **)&curl.url},
	{"curl_url_cleanup", (void **)&curl.url_cleanup},
	{"curl_url_set", (void **)&curl.url_set},
	{"curl_url_get", (void **)&curl.url_get},
	{"curl_getdate", (void **)&curl.getdate},
	{"curl_version_info", (void **)&curl.version_info},
	{"curl_free", (void **)&curl.free},
};

static struct library curl_library = {
	.soname = "libcurl.so.4",
	.package = "libcurl4",
	.symbols = curl_symbols,
	.n_symbols = ARRAY_SIZE(curl_symbols),
};

struct http_handle {
	CURL *easy;
	CURLM *multi;
};

struct http_client {
	struct http_cancel cancel;
	long stall_seconds;
	pthread_mutex_t lock;
	struct http_handle idle[MAX_IDLE];
	unsigned int n_idle;
};

int http_client_new(const struct http_cancel *cancel, unsigned int stall_seconds,
	struct http_client **ret, struct hull_error *err)
{
	int r = library_load(&curl_library, err);

	if (r < 0)
		return r;
	struct http_client *client = calloc(1, sizeof(*client));
	if (!client)
		return error_no_memory(err);
	if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(client);
		return error_set(err, HULL_ERROR_INTERNAL, "libcurl does not start");
	}
	pthread_mutex_init(&client->lock, NULL);
	if (cancel)
		client->cancel = *cancel;
	client->stall_seconds = stall_seconds ? (long)stall_seconds : STALL_SECONDS;
	*ret = client;
	return 0;
}

static void handle_done(struct http_handle *h)
{
	if (h->easy)
		curl.easy_cleanup(h->easy);
	if (h->multi)
		curl.multi_cleanup(h->multi);
	*h = (struct http_handle){0};
}

struct http_client *http_client_free(struct http_client *client)
{
	if (!client)
		return NULL;
	for (unsigned int i = 0; i < client->n_idle; i++)
		handle_done(&client->idle[i]);
	curl.global_cleanup();
	pthread_mutex_destroy(&client->lock);
	free(client);
	return NULL;
}

static int handle_take(struct http_client *client, struct http_handle *ret)
{
	pthread_mutex_lock(&client->lock);
	bool found = client->n_idle > 0;
	if (found)
		*ret = client->idle[--client->n_idle];
	pthread_mutex_unlock(&client->lock);
	if (found)
		return 0;
	*ret = (struct http_handle){curl.easy_init(), curl.multi_init()};
	if (ret->easy && ret->multi)
		return 0;
	handle_done(ret);
	return -ENOMEM;
}

static void handle_give(struct http_client *client, struct http_handle *h)
{
	curl.easy_reset(h->easy);
	pthread_mutex_lock(&client->lock);
	if (client->n_idle < MAX_IDLE) {
		client->idle[client->n_idle++] = *h;
		*h = (struct http_handle){0};
	}
	pthread_mutex_unlock(&client->lock);
	handle_done(h);
}

void http_response_done(struct http_response *response)
{
	strv_free(response->headers);
	response->headers = NULL;
	buf_done(&response->body);
	free(response->url);
	response->url = NULL;
}

const char *http_header(const struct http_response *response, const char *name)
{
	strv_foreach (header, response->headers) {
		const char *value = str_after(*header, name);

		if (value && *value == ':')
			return value + 1 + strspn(value + 1, " \t");
	}
	return NULL;
}

/* "127.0.0.1:5000" -> length of "127.0.0.1" */
static size_t host_length(const char *host)
{
	const char *end = *host == '[' ? strchr(host, ']') : NULL;

	return end ? (size_t)(end + 1 - host) : strcspn(host, ":");
}

bool http_host_is_loopback(const char *host)
{
	char text[INET6_ADDRSTRLEN + 2];
	size_t n = host_length(host);
	struct in_addr address;

	if (n >= sizeof(text))
		return false;
	memcpy(text, host, n);
	text[n] = '\0';
	if (strcasecmp(text, "localhost") == 0 || str_eq(text, "[::1]"))
		return true;
	return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

/* One exchange, as the callbacks see it. */
struct exchange {
	struct http_client *client;
	const struct http_request *request;
	struct http_response *response;
	CURL *easy;
	CURLU *url;
	struct curl_slist *headers;
	int trust_fd;	 /* see open_trust(); -1: not needed yet */
	bool own_origin; /* this hop goes where the request was meant for */
	bool too_large;
	bool stopped;
	char message[CURL_ERROR_SIZE];
};

static bool is_canceled(const struct http_client *client)
{
	return client->cancel.canceled && client->cancel.canceled(client->cancel.data);
}

static void response_restart(struct http_response *response)
{
	strv_free(response->headers);
	response->headers = NULL;
	response->headers_len = 0;
	response->status = 0;
	buf_reset(&response->body);
}

static size_t on_header(char *data, size_t size, size_t count, void *userdata)
{
	struct exchange *x = userdata;
	struct http_response *response = x->response;
	size_t n = size * count;

	/* A status line: what came before belonged to an interim answer. */
	if (n >= 5 && strncmp(data, "HTTP/", 5) == 0) {
		response_restart(response);
		return n;
	}
	response->headers_len += n;
	if (response->headers_len > MAX_HEADER_BYTES) {
		x->too_large = true;
		return 0;
	}
	size_t len = n;
	while (len > 0 && strchr("\r\n \t", data[len - 1]))
		len--;
	if (len == 0)
		return n;
	char *line = strndup(data, len);
	for (char *c = line; c && *c && *c != ':'; c++)
		*c = (char)tolower((unsigned char)*c);
	return line && strv_append_take(&response->headers, line) == 0 ? n : 0;
}

static int response_status(struct exchange *x)
{
	long status = 0;

	if (x->response->status == 0) {
		curl.easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
		x->response->status = (int)status;
	}
	return x->response->status;
}

static size_t on_body(char *data, size_t size, size_t count, void *userdata)
{
	struct exchange *x = userdata;
	struct http_response *response = x->response;
	size_t n = size * count;
	int status = response_status(x);

	if (is_canceled(x->client))
		return 0;
	if (x->request->sink && (status == 200 || status == 206)) {
		x->stopped = x->request->sink(x->request->sink_data, response, data, n) < 0;
		return x->stopped ? 0 : n;
	}
	buf_append(&response->body, data, n);
	x->too_large = buf_error(&response->body) == -E2BIG;
	return buf_error(&response->body) == 0 ? n : 0;
}

/* A part of the exchange's URL as a heap string, NULL if it has none. */
static char *url_part(CURLU *url, CURLUPart part, unsigned int flags)
{
	char *text = NULL, *copy;

	if (curl.url_get(url, part, &text, flags) != CURLUE_OK)
		return NULL;
	copy = strdup(text);
	curl.free(text);
	return copy;
}

static char *url_origin(CURLU *url)
{
	_cleanup_free_ char *scheme = url_part(url, CURLUPART_SCHEME, 0);
	_cleanup_free_ char *host = url_part(url, CURLUPART_HOST, 0);
	_cleanup_free_ char *port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);

	return scheme && host && port ? str_printf("%s://%s:%s", scheme, host, port) : NULL;
}

static bool url_is_https(CURLU *url)
{
	_cleanup_free_ char *scheme = url_part(url, CURLUPART_SCHEME, 0);

	return str_eq(scheme, "https");
}

/* Appends to a list of libcurl's; the whole list is gone if memory is out. */
static struct curl_slist *append_header(struct curl_slist *list, const char *header)
{
	struct curl_slist *longer = list ? curl.slist_append(list, header) : NULL;

	if (!longer)
		curl.slist_free_all(list);
	return longer;
}

/* Headers of the request; what is the registry's business alone only where it belongs. */
static int set_headers(struct exchange *x, bool own_origin)
{
	const struct http_request *request = x->request;
	struct curl_slist *list = curl.slist_append(NULL, "Expect:");

	strv_foreach (header, request->headers)
		list = append_header(list, *header);
	strv_foreach (header, own_origin ? request->origin_headers : NULL)
		list = append_header(list, *header);
	if (own_origin && request->authorization) {
		_cleanup_free_ char *header =
			str_printf("Authorization: %s", request->authorization);
		if (header) {
			list = append_header(list, header);
		} else {
			curl.slist_free_all(list);
			list = NULL;
		}
	}
	curl.slist_free_all(x->headers);
	x->headers = list;
	return list ? 0 : -ENOMEM;
}

static size_t on_read(char *data, size_t size, size_t count, void *userdata)
{
	struct exchange *x = userdata;
	ssize_t n = is_canceled(x->client) ? -1
					   : x->request->source->read(
						     x->request->source->data, data, size * count);

	if (n >= 0)
		return (size_t)n;
	x->stopped = true;
	return CURL_READFUNC_ABORT;
}

static void set_method(struct exchange *x)
{
	const char *method = x->request->method ? x->request->method : "GET";

	if (str_eq(method, "HEAD"))
		curl.easy_setopt(x->easy, CURLOPT_NOBODY, 1L);
	else if (!str_eq(method, "GET"))
		curl.easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, method);
	if (x->request->source) {
		curl.easy_setopt(x->easy, CURLOPT_UPLOAD, 1L);
		curl.easy_setopt(x->easy, CURLOPT_READFUNCTION, on_read);
		curl.easy_setopt(x->easy, CURLOPT_READDATA, x);
		curl.easy_setopt(x->easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER);
		curl.easy_setopt(
			x->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->request->source->size);
	} else if (x->request->body) {
		curl.easy_setopt(x->easy, CURLOPT_POSTFIELDS, x->request->body);
		curl.easy_setopt(
			x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->request->body_len);
	}
}

/* libcurl reads the proxy variables itself, but not HTTP_PROXY, and would ask a proxy for loopback. */
static void set_proxy(struct exchange *x)
{
	_cleanup_free_ char *host = url_part(x->url, CURLUPART_HOST, 0);
	const char *upper = secure_getenv("HTTP_PROXY");

	if (host && http_host_is_loopback(host))
		curl.easy_setopt(x->easy, CURLOPT_PROXY, "");
	else if (upper && !secure_getenv("http_proxy") && !url_is_https(x->url))
		curl.easy_setopt(x->easy, CURLOPT_PROXY, upper);
}

/*
 * The system's authorities and one's own in one file in memory: libcurl takes one file, and a text
 * only since 7.77.
 */
static int open_trust(const char *more, int *ret_fd)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX(2 * CA_MAX);
	_cleanup_close_ int fd = memfd_create("authorities", MFD_CLOEXEC);
	const char *file = secure_getenv("SSL_CERT_FILE");

	if (!file)
		file = curl.version_info(CURLVERSION_NOW)->cainfo;
	if (file)
		file_read_at(AT_FDCWD, file, &text, CA_MAX);
	buf_putc(&text, '\n');
	buf_puts(&text, more);
	if (fd < 0 || buf_error(&text) < 0)
		return -ENOMEM;
	int r = fd_write_all(fd, text.data, text.len);
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

static int set_trust(struct exchange *x)
{
	const struct http_tls *tls = x->request->tls;
	const char *file = secure_getenv("SSL_CERT_FILE");
	const char *directory = secure_getenv("SSL_CERT_DIR");

	if (tls && tls->insecure) {
		curl.easy_setopt(x->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl.easy_setopt(x->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (directory)
		curl.easy_setopt(x->easy, CURLOPT_CAPATH, directory);
	if (file)
		curl.easy_setopt(x->easy, CURLOPT_CAINFO, file);
	if (tls && tls->ca && !tls->insecure) {
		char path[32];
		if (x->trust_fd < 0 && open_trust(tls->ca, &x->trust_fd) < 0)
			return -ENOMEM;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", x->trust_fd);
		curl.easy_setopt(x->easy, CURLOPT_CAINFO, path);
	}
	if (tls && tls->certificate && x->own_origin) {
		curl.easy_setopt(x->easy, CURLOPT_SSLCERT, tls->certificate);
		curl.easy_setopt(x->easy, CURLOPT_SSLKEY, tls->key ? tls->key : tls->certificate);
	}
	return 0;
}

static int set_options(struct exchange *x)
{
	CURL *e = x->easy;
	const unsigned int dial = x->request->dial_timeout_ms;

	curl.easy_setopt(e, CURLOPT_CURLU, x->url);
	curl.easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl.easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
	curl.easy_setopt(e, CURLOPT_USERAGENT, "hull/" HULL_VERSION);
	curl.easy_setopt(e, CURLOPT_HTTPHEADER, x->headers);
	curl.easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl.easy_setopt(e, CURLOPT_HEADERDATA, x);
	curl.easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl.easy_setopt(e, CURLOPT_WRITEDATA, x);
	curl.easy_setopt(e, CURLOPT_ERRORBUFFER, x->message);
	curl.easy_setopt(e, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	curl.easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, dial ? (long)dial : CONNECT_TIMEOUT_MS);
	curl.easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_PER_SECOND);
	curl.easy_setopt(e, CURLOPT_LOW_SPEED_TIME, x->client->stall_seconds);
	set_method(x);
	set_proxy(x);
	return set_trust(x);
}

/* Runs the transfer to its end; CURLE_ABORTED_BY_CALLBACK if it was canceled. */
static CURLcode run_transfer(struct exchange *x, CURLM *multi)
{
	int running = 1, left;
	CURLcode code = CURLE_OUT_OF_MEMORY;

	if (curl.multi_add_handle(multi, x->easy) != CURLM_OK)
		return code;
	while (running && !is_canceled(x->client)) {
		if (curl.multi_perform(multi, &running) != CURLM_OK)
			break;
		if (running && curl.multi_poll(multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)
			break;
	}
	if (running)
		code = CURLE_ABORTED_BY_CALLBACK;
	for (CURLMsg *m; !running && (m = curl.multi_info_read(multi, &left));)
		if (m->msg == CURLMSG_DONE)
			code = m->data.result;
	curl.multi_remove_handle(multi, x->easy);
	return code;
}

static enum http_outcome outcome_of(const struct exchange *x, CURLcode code)
{
	if (code == CURLE_OK)
		return HTTP_COMPLETE;
	if (is_canceled(x->client))
		return HTTP_CANCELED;
	if (x->stopped)
		return HTTP_STOPPED;
	if (x->too_large)
		return HTTP_TOO_LARGE;
	switch (code) {
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return HTTP_CONNECT_FAILED;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return HTTP_TLS_FAILED;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return HTTP_REFUSED;
	default:
		return x->response->status == 0 && code == CURLE_OPERATION_TIMEDOUT
			       ? HTTP_CONNECT_FAILED
			       : HTTP_BROKEN;
	}
}

static int fail(struct exchange *x, CURLcode code, struct hull_error *err)
{
	static const enum hull_error_kind kinds[] = {
		[HTTP_CONNECT_FAILED] = HULL_ERROR_REMOTE,
		[HTTP_TLS_FAILED] = HULL_ERROR_REMOTE,
		[HTTP_BROKEN] = HULL_ERROR_REMOTE,
		[HTTP_STOPPED] = HULL_ERROR_IO,
		[HTTP_TOO_LARGE] = HULL_ERROR_LIMIT,
		[HTTP_CANCELED] = HULL_ERROR_CANCELED,
		[HTTP_REFUSED] = HULL_ERROR_INVALID,
	};
	enum http_outcome outcome = outcome_of(x, code);
	_cleanup_free_ char *origin = url_origin(x->url);

	x->response->outcome = outcome;
	if (code == CURLE_OUT_OF_MEMORY)
		return error_no_memory(err);
	if (outcome == HTTP_CANCELED)
		return error_set(err, HULL_ERROR_CANCELED, "canceled");
	if (outcome == HTTP_TOO_LARGE)
		return error_set(err, HULL_ERROR_LIMIT, "%s: the answer is larger than allowed",
			origin ? origin : x->request->url);
	return error_set(err, kinds[outcome], "%s: %s", origin ? origin : x->request->url,
		x->message[0] ? x->message : curl.easy_strerror(code));
}

static int refuse(struct exchange *x, struct hull_error *err, const char *why)
{
	_cleanup_free_ char *origin = url_origin(x->url);

	x->response->outcome = HTTP_REFUSED;
	return error_set(err, HULL_ERROR_INVALID, "%s: %s", origin ? origin : x->request->url, why);
}

/* A 307 or 308 keeps method and body, so it may be followed with both. */
static bool is_redirect(const struct exchange *x)
{
	const char *method = x->request->method;
	bool reads = !method || str_eq(method, "GET") || str_eq(method, "HEAD");
	int status = x->response->status;

	return (status == 307 || status == 308 ||
		       (reads && (status == 301 || status == 302 || status == 303))) &&
	       http_header(x->response, "location");
}

/* Moves x->url to where the answer points; own is the origin that the request was meant for. */
static int follow_redirect(struct exchange *x, const char *own, struct hull_error *err)
{
	bool was_https = url_is_https(x->url);

	if (curl.url_set(x->url, CURLUPART_URL, http_header(x->response, "location"), 0) !=
		CURLUE_OK)
		return refuse(x, err, "redirects to a malformed URL");
	if (was_https && !url_is_https(x->url) && !x->request->allow_plain)
		return refuse(x, err, "redirects from https to http");
	_cleanup_free_ char *origin = url_origin(x->url);
	if (x->request->secret_body && !str_eq(origin, own))
		return refuse(x, err, "redirects a login to another host");
	if (x->request->source && x->request->source->rewind(x->request->source->data) < 0)
		return refuse(x, err, "redirects an upload that cannot start again");
	/* Credentials in the URL of a redirect are not ours to send. */
	curl.url_set(x->url, CURLUPART_USER, NULL, 0);
	curl.url_set(x->url, CURLUPART_PASSWORD, NULL, 0);
	return 0;
}

static int perform(struct exchange *x, struct http_handle *h, struct hull_error *err)
{
	_cleanup_free_ char *own = url_origin(x->url);

	for (int hops = 0;; hops++) {
		_cleanup_free_ char *origin = url_origin(x->url);

		if (!own || !origin)
			return refuse(x, err, "malformed URL");
		x->own_origin = str_eq(own, origin);
		if (set_headers(x, x->own_origin) < 0)
			return error_no_memory(err);
		response_restart(x->response);
		curl.easy_reset(x->easy);
		x->message[0] = '\0';
		if (set_options(x) < 0)
			return error_no_memory(err);
		CURLcode code = run_transfer(x, h->multi);
		response_status(x);
		if (code != CURLE_OK)
			return fail(x, code, err);
		if (!is_redirect(x)) {
			x->response->outcome = HTTP_COMPLETE;
			free(x->response->url);
			x->response->url = url_part(x->url, CURLUPART_URL, 0);
			return x->response->url ? 0 : error_no_memory(err);
		}
		if (hops == MAX_REDIRECTS)
			return refuse(x, err, "too many redirects");
		int r = follow_redirect(x, own, err);
		if (r < 0)
			return r;
	}
}

/*
 * A TLS library writes to sockets without MSG_NOSIGNAL. SIGPIPE is blocked in this thread
 * meanwhile, and one that came is taken away before it is unblocked.
 */
static int perform_without_sigpipe(
	struct exchange *x, struct http_handle *h, struct hull_error *err)
{
	sigset_t pipe, before, pending;
	struct timespec none = {0, 0};

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	int r = perform(x, h, err);
	if (!sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe, NULL, &none) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int http_perform(struct http_client *client, const struct http_request *request,
	struct http_response *response, struct hull_error *err)
{
	struct exchange x = {
		.client = client, .request = request, .response = response, .trust_fd = -1};
	struct http_handle h = {0};
	int r;

	response->body.max = request->max_body;
	if (handle_take(client, &h) < 0)
		return error_no_memory(err);
	x.easy = h.easy;
	x.url = curl.url();
	if (!x.url)
		r = error_no_memory(err);
	else if (curl.url_set(x.url, CURLUPART_URL, request->url, 0) != CURLUE_OK)
		r = refuse(&x, err, "malformed URL");
	else
		r = perform_without_sigpipe(&x, &h, err);
	handle_give(client, &h);
	curl.slist_free_all(x.headers);
	curl.url_cleanup(x.url);
	cleanup_closep(&x.trust_fd);
	return r;
}

char *http_url_resolve(const char *base, const char *reference)
{
	CURLU *url = curl.url();
	char *text = NULL;

	if (url && curl.url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
		curl.url_set(url, CURLUPART_URL, reference, 0) == CURLUE_OK)
		text = url_part(url, CURLUPART_URL, 0);
	curl.url_cleanup(url);
	return text;
}

char *http_url_origin(const char *text)
{
	CURLU *url = curl.url();
	char *origin = NULL;

	if (url && curl.url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK)
		origin = url_origin(url);
	curl.url_cleanup(url);
	return origin;
}

void http_append_pair(struct buf *out, char separator, const char *name, const char *value)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/,";

	if (separator)
		buf_putc(out, separator);
	buf_printf(out, "%s=", name);
	for (; *value; value++) {
		if (strchr(plain, *value))
			buf_putc(out, *value);
		else
			buf_printf(out, "%%%02X", (unsigned char)*value);
	}
}

int64_t http_retry_after(const struct http_response *response)
{
	const char *after = http_header(response, "retry-after");
	uint64_t seconds;

	if (!after)
		return -1;
	if (str_to_u64(after, &seconds) == 0)
		return seconds < INT32_MAX ? (int64_t)seconds * NS_PER_SECOND
					   : (int64_t)INT32_MAX * NS_PER_SECOND;
	time_t date = curl.getdate(after, NULL);
	if (date == (time_t)-1)
		return -1;
	int64_t left = (int64_t)date - (int64_t)time(NULL);
	return left > 0 ? left * NS_PER_SECOND : 0;
}

int http_pause(struct http_client *client, int64_t ns, struct hull_error *err)
{
	int64_t end = clock_monotonic_ns() + ns;

	for (int64_t left = ns; left > 0; left = end - clock_monotonic_ns()) {
		if (left > POLL_MS * NS_PER_MS)
			left = POLL_MS * NS_PER_MS;
		struct timespec t = {0, (long)left};
		if (is_canceled(client))
			break;
		nanosleep(&t, NULL);
	}
	if (is_canceled(client))
		return error_set(err, HULL_ERROR_CANCELED, "canceled");
	return 0;
}
