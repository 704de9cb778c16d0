#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves: faulty-registry.py LAYOUT REQUEST_LOG

Serves the images of an OCI layout, and what is pushed to it, on a free loopback port, which is
printed as the first line. The first component of a repository's name says what goes wrong ("ok":
nothing). A second server on another port stands for "another host" of redirects, token servers,
uploads and foreign URLs. It is a proxy, too, that answers for every host itself. Every request is logged as one line: SERVER METHOD PATH RANGE
AUTHORIZATION, where RANGE is Range or Content-Range.
"""

import base64
import hashlib
import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LAYOUT, LOG = sys.argv[1:3]
MEDIA_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MEDIA_INDEX = "application/vnd.oci.image.index.v1+json"
BLOB_RULES_MIN = 65536  # faults of blobs strike layers, not configs

SLOW_BYTES_PER_SECOND = 4 << 20
SLOW_LATENCY = 0.1
CHUNK_MIN = 100000

lock = threading.Lock()
log = open(LOG, "a", buffering=1, encoding="ascii")
counts = {}  # how often something happened, by (fault, path, ...)
pushed_blobs = {}  # by (repository, digest)
pushed_manifests = {}  # (media type, bytes) by (repository, tag or digest)
uploads = {}  # bytearray by session


def count(*key):
    with lock:
        counts[key] = counts.get(key, 0) + 1
        return counts[key]


def read_blob(digest):
    algorithm, hex_part = digest.split(":")
    if not re.fullmatch("[0-9a-f]+", hex_part):
        raise FileNotFoundError
    with open(os.path.join(LAYOUT, "blobs", algorithm, hex_part), "rb") as f:
        return f.read()


def find_tag(tag):
    with open(os.path.join(LAYOUT, "index.json"), encoding="utf-8") as f:
        for entry in json.load(f)["manifests"]:
            if entry.get("annotations", {}).get("org.opencontainers.image.ref.name") == tag:
                return entry["digest"]
    raise FileNotFoundError


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def note(self):
        name = "main" if self.server is main_server else "other"
        log.write("%s %s %s %s %s\n" % (
            name, self.command, self.path,
            self.headers.get("Range", self.headers.get("Content-Range", "-")),
            self.headers.get("Authorization", "-").replace(" ", ":")))

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for key, value in headers.items():
            if value is not None:
                self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def fail(self, status, code, **headers):
        self.body()
        body = {"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}
        self.answer(status, json.dumps(body).encode(), Content_Type="application/json", **headers)

    def cut(self):
        """Ends the connection without a word."""
        self.wfile.flush()
        self.close_connection = True

    def do_GET(self):
        self.note()
        self.taken = False
        self.path = re.sub("^http://[^/]+", "", self.path)
        try:
            self.route()
        except FileNotFoundError:
            self.fail(404, "MANIFEST_UNKNOWN" if "/manifests/" in self.path else "BLOB_UNKNOWN")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

    def route(self):
        if self.path.startswith("/token"):
            self.token()
            return
        if self.path.startswith("/upload/"):
            self.upload()
            return
        if self.path.startswith("/elsewhere/"):
            self.blob("ok", self.path[len("/elsewhere/"):])
            return
        match = re.fullmatch("/v2/(([^/]+)/.+)/blobs/uploads/([?].*)?", self.path)
        if match:
            self.begin_upload(*match.groups())
            return
        match = re.fullmatch("/v2/(([^/]+)/.+?)/(referrers|tags)/(.+)", self.path)
        if match:
            self.listing(*match.groups())
            return
        match = re.fullmatch("/v2/(([^/]+)/.+)/(manifests|blobs)/([^/?]+)([?].*)?", self.path)
        if not match:
            self.answer(200, b"{}")
            return
        repository, fault, kind, reference, _ = match.groups()
        if not self.authorized(fault, repository):
            return
        if self.temporary(fault):
            return
        if kind == "blobs":
            self.stored_blob(repository, fault, reference)
        elif self.command == "PUT":
            self.put_manifest(repository, fault, reference)
        elif (repository, reference) in pushed_manifests:
            media_type, data = pushed_manifests[repository, reference]
            self.answer(200, data, Content_Type=media_type, Docker_Content_Digest=digest_of(data))
        else:
            self.manifest(fault, reference)

    def body(self):
        """The request's body, once."""
        if self.taken:
            return b""
        self.taken = True
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            data = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0] or b"0", 16)
                data += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return data
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    # ---- Uploads ----

    def stored_blob(self, repository, fault, digest):
        data = pushed_blobs.get((repository, digest))
        if data is not None:
            self.answer(200, data, Content_Type="application/octet-stream")
        elif fault.startswith("push"):
            raise FileNotFoundError
        else:
            self.blob(fault, digest)

    def begin_upload(self, repository, fault, query):
        self.body()
        if not self.authorized(fault, repository) or self.temporary(fault):
            return
        match = re.search("mount=([^&]+)&from=([^&]+)", query or "")
        # Only one of them mounts, so that the others' faults are met.
        if match and fault == "push-mount":
            data = pushed_blobs.get((match.group(2), match.group(1)))
            if data is not None:
                pushed_blobs[repository, match.group(1)] = data
                self.answer(201, Location="/v2/%s/blobs/%s" % (repository, match.group(1)))
                return
        session = "%s/%d" % (repository, count("session"))
        uploads[session] = bytearray()
        self.answer(202, Location=self.location(fault, session),
                    OCI_Chunk_Min_Length=str(CHUNK_MIN) if fault == "push-min-chunk" else None)

    def location(self, fault, session):
        path = "/upload/%s/%s?state=a%%2Fb%%3D" % (fault, session)
        if fault == "push-cross-host":
            return "http://localhost:%d%s" % (other_server.server_port, path)
        if fault == "push-relative":
            return path
        return "http://%s%s" % (self.headers["Host"], path)

    def upload(self):
        match = re.fullmatch("/upload/([^/]+)/(.+)[?]state=a%2Fb%3D(?:&digest=(.+))?", self.path)
        fault, session, digest = match.groups()
        repository = session.rsplit("/", 1)[0]
        if session not in uploads:
            self.fail(404, "BLOB_UPLOAD_UNKNOWN")
            return
        have = uploads[session]
        if self.command == "DELETE":
            del uploads[session]
            self.answer(204)
        elif self.command == "GET":
            self.answer(204, Location=self.location(fault, session),
                        Range="0-%d" % (len(have) - 1) if have else "0-0")
        elif self.command == "PATCH":
            self.patch(fault, session, have)
        else:
            self.put_blob(fault, session, repository, have, digest)

    def take(self, fault, session, have):
        """Part of the body of the first large request, then nothing more; or all of it."""
        length = int(self.headers.get("Content-Length", BLOB_RULES_MIN))
        large = length >= BLOB_RULES_MIN
        if fault == "push-break" and large and count(fault, "break") <= 2:
            if "Content-Length" not in self.headers:
                self.rfile.readline()
            have += self.rfile.read(length // 2 if length > BLOB_RULES_MIN else 1000)
            self.close_connection = True
            return False
        if fault == "push-lost" and large and count(fault, "lost") == 1:
            del uploads[session]
            self.close_connection = True
            return False
        have += self.body()
        return True

    def patch(self, fault, session, have):
        content_range = self.headers.get("Content-Range")
        length = int(self.headers.get("Content-Length", "-1"))
        if fault == "push-416" and content_range and count(fault, session) == 2:
            self.body()
            del have[-1000:]
            self.answer(416, Range="0-%d" % (len(have) - 1))
            return
        if content_range:
            first, last = map(int, content_range.split("-"))
            if first != len(have) or last - first + 1 != length:
                self.body()
                self.answer(416, Range="0-%d" % (len(have) - 1))
                return
        if fault == "push-expires" and count(fault, session) == 2:
            self.body()
            self.fail(401, "UNAUTHORIZED", WWW_Authenticate=self.challenge("push-expires/x"))
            return
        if not self.take(fault, session, have):
            return
        if fault == "push-short" and count(fault, session) == 1:
            del have[len(have) // 2:]
        self.answer(202, Location=self.location(fault, session),
                    Range="0-%d" % (len(have) - 1))

    def put_blob(self, fault, session, repository, have, digest):
        if not self.take(fault, session, have):
            return
        data = bytes(uploads.pop(session))
        if digest_of(data) != digest:
            self.fail(400, "DIGEST_INVALID")
            return
        pushed_blobs[repository, digest] = data
        self.answer(201, Location="/v2/%s/blobs/%s" % (repository, digest))

    def put_manifest(self, repository, fault, reference):
        data = self.body()
        document = json.loads(data)
        for blob in document.get("layers", []) + [document.get("config")]:
            if blob and fault.startswith("push") and (repository, blob["digest"]) not in pushed_blobs:
                self.fail(400, "MANIFEST_BLOB_UNKNOWN")
                return
        media_type = self.headers["Content-Type"]
        pushed_manifests[repository, reference] = (media_type, data)
        pushed_manifests[repository, digest_of(data)] = (media_type, data)
        subject = document.get("subject", {}).get("digest")
        if fault == "push-no-subject":
            subject = None
        announced = digest_of(data + b" ") if fault == "push-other" else digest_of(data)
        self.answer(201, Docker_Content_Digest=announced, OCI_Subject=subject)

    # ---- Lists ----

    def listing(self, repository, fault, kind, rest):
        page = int(re.search("page=([0-9]+)", rest).group(1)) if "page=" in rest else 1
        pages = 10 ** 9 if fault == "endless-pages" else 3
        path = self.path.split("?")[0]
        link = '<%s?page=%d>; rel="next"' % (path, page + 1) if page < pages else None
        if kind == "tags":
            body = {"name": repository, "tags": ["v1"] if page == 1 else []}
            self.answer(200, json.dumps(body).encode(), Content_Type="application/json", Link=link)
            return
        if fault not in ("referrers", "endless-pages"):
            self.fail(404, "NOT_FOUND")
            return
        entry = {"mediaType": MEDIA_MANIFEST, "digest": digest_of(b"%d" % page), "size": 1,
                 "artifactType": "application/x-%d" % page}
        body = {"schemaVersion": 2, "mediaType": MEDIA_INDEX, "manifests": [entry]}
        self.answer(200, json.dumps(body).encode(), Content_Type=MEDIA_INDEX, Link=link)

    # ---- Authorization ----

    def challenge(self, repository):
        path = "/token-moved" if repository.startswith("bearer-redirect/") else "/token"
        return 'Bearer realm="http://127.0.0.1:%d%s",service="faulty",' \
            'scope="repository:%s:pull"' % (other_server.server_port, path, repository)

    def token(self):
        if self.path.startswith("/token-moved"):
            self.body()
            self.answer(307, Location="http://127.0.0.1:%d%s" % (
                main_server.server_port, self.path.replace("-moved", "")))
            return
        if self.command == "POST":
            form = self.body().decode()
            if "grant_type=refresh_token" not in form or "refresh_token=identity" not in form:
                self.fail(401, "UNAUTHORIZED")
                return
        if "bearer-refused" in self.path:
            self.fail(401, "UNAUTHORIZED")
            return
        token = "token-%d" % count("token")
        self.answer(200, json.dumps({"token": token, "expires_in": 300}).encode(),
                    Content_Type="application/json")

    def authorized(self, fault, repository):
        given = self.headers.get("Authorization", "")
        challenge = self.challenge(repository)
        if fault == "basic":
            if given == "Basic " + base64.b64encode(b"user:secret").decode():
                return True
            self.fail(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="faulty"')
            return False
        if fault not in ("bearer", "bearer-expires", "bearer-refused", "bearer-redirect",
                         "foreign", "redirect", "push-expires", "push-cross-host"):
            return True
        if given.startswith("Bearer token-"):
            # The third request with one token finds it expired.
            if fault != "bearer-expires" or count("used", given) < 3:
                return True
        self.fail(401, "UNAUTHORIZED", WWW_Authenticate=challenge)
        return False

    # ---- Faults of every request ----

    def temporary(self, fault):
        if fault == "error-500" and count(fault, self.path) <= 2:
            self.fail(500, "UNKNOWN")
        elif fault == "error-500-always":
            self.fail(500, "UNKNOWN")
        elif fault == "too-many" and count(fault, self.path) == 1:
            self.fail(429, "TOOMANYREQUESTS", Retry_After="1")
        elif fault == "too-many-date" and count(fault, self.path) == 1:
            self.fail(429, "TOOMANYREQUESTS", Retry_After=time.strftime(
                "%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2)))
        elif fault == "denied":
            self.fail(403, "DENIED")
        elif fault == "terminal":
            self.body()
            self.answer(400, b'{"errors":[{"code":"TERMINAL\\u001b[2J","message":' +
                        json.dumps("a\x1b[2J\x1b]0;title\x07\r\n\u009b31m \u00fc").encode() + b"}]}",
                        Content_Type="application/json")
        elif fault == "redirect-loop":
            self.answer(307, Location=self.path)
        elif fault == "huge-header":
            self.answer(200, b"{}", X_Long="x" * 60000, X_Longer="x" * 60000, X_More="x" * 60000,
                        X_Again="x" * 60000, X_Last="x" * 60000)
        else:
            return False
        return True

    # ---- Manifests ----

    def manifest(self, fault, reference):
        digest = reference if ":" in reference else find_tag(reference)
        data = read_blob(digest)
        document = json.loads(data)
        media_type = document.get("mediaType",
                                  MEDIA_INDEX if "manifests" in document else MEDIA_MANIFEST)
        announced = digest
        if fault == "huge-manifest":
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(100 << 20))
            self.end_headers()
            self.wfile.write(data[:-1] + b',"annotations":{"x":"')
            for _ in range(100):
                self.wfile.write(b"y" * (1 << 20))
            return
        if fault == "duplicate-keys":
            data = data.rstrip()[:-1] + b',"schemaVersion":2}'
        elif fault == "confused":
            data = data.rstrip()[:-1] + b',"manifests":[]}'
        elif fault == "wrong-type":
            media_type = MEDIA_INDEX
        elif fault == "schema1":
            media_type = "application/vnd.docker.distribution.manifest.v1+prettyjws"
        elif fault == "not-json":
            data = b"<html>It works!</html>"
            media_type = "text/html"
        elif fault == "traversal":
            document["layers"][0]["digest"] = "sha256:" + "../" * 20 + "etc/passwd"
            data = json.dumps(document).encode()
        elif fault == "deep":
            data = data.rstrip()[:-1] + b',"x":' + b"[" * 100000 + b"]" * 100000 + b"}"
        elif fault == "longer":
            for layer in document["layers"]:
                layer["size"] -= 1
            data = json.dumps(document).encode()
        elif fault == "foreign":
            for layer in document["layers"]:
                layer["mediaType"] = layer["mediaType"].replace(
                    "layer.v1", "layer.nondistributable.v1")
                layer["urls"] = ["file:///etc/passwd", "http://127.0.0.1:%d/elsewhere/%s" % (
                    other_server.server_port, layer["digest"])]
            data = json.dumps(document).encode()
        elif fault == "wrong-manifest":
            if ":" in reference:
                data += b" "
        elif fault == "wrong-announcement":
            announced = digest_of(data + b" ")
        if announced == digest:
            announced = digest_of(data)
        self.answer(200, data, Content_Type=media_type, Docker_Content_Digest=announced,
                    Warning='299 - "ends \\"soon\\""' if fault == "warning" else None)

    # ---- Blobs ----

    def blob(self, fault, digest):
        data = read_blob(digest)
        start = 0
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        stop = len(data)
        if match and fault not in ("truncate-no-range", "truncate-wrong-range", "slow-no-range"):
            start = int(match.group(1))
            stop = min(stop, int(match.group(2)) + 1) if match.group(2) else stop
        if len(data) < BLOB_RULES_MIN:
            fault = "ok"
        tries = count(fault, digest)
        if fault == "redirect":
            self.answer(307, Location="http://localhost:%d/elsewhere/%s" % (
                other_server.server_port, digest))
            return
        if fault == "foreign":
            raise FileNotFoundError
        if fault == "wrong-digest":
            # The time in a gzip header: all is well but the digest.
            data = data[:5] + bytes([data[5] ^ 1]) + data[6:]
        if fault == "corrupt":
            middle = len(data) // 2
            data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]
        if fault == "endless":
            self.endless(data)
            return
        wrong_range = fault == "truncate-wrong-range" and match
        part = start or stop < len(data) or wrong_range
        self.send_response(206 if part else 200)
        self.send_header("Content-Type",
                         "text/html" if fault == "lying-type" else "application/octet-stream")
        if part:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, stop - 1, len(data)))
        length = stop - start
        if tries == 1 and fault == "length-long":
            length += 1000
        elif tries == 1 and fault == "length-short":
            length -= 1000
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "HEAD":
            return
        end = stop
        if fault.startswith("slow"):
            self.slowly(data[start:stop], fault == "slow-flaky" and tries % 3 == 0)
            return
        if fault == "trickle":
            for i in range(start, stop):
                self.wfile.write(data[i:i + 1])
                time.sleep(0.1)
            return
        if tries == 1 and fault == "length-short":
            end -= 1000
        if fault == "truncate" and tries <= 3:
            end = start + (len(data) - start) // 2
        elif fault == "truncate-wrong-range" and tries == 1:
            end = len(data) // 2
        elif fault == "truncate-no-range" and tries <= 2:
            end = len(data) * tries // 3
        elif fault == "truncate-always":
            end = len(data) // 2
        elif fault == "hang":
            end = len(data) // 2
        self.wfile.write(data[start:end])
        self.wfile.flush()
        if fault == "hang":
            time.sleep(120)
        if end < stop or tries == 1 and fault == "length-long":
            self.cut()

    def slowly(self, data, breaks):
        """As a far-away server does: each answer takes a while, each connection has its speed."""
        time.sleep(SLOW_LATENCY)
        step = SLOW_BYTES_PER_SECOND // 20
        for i in range(0, len(data), step):
            if breaks and i > len(data) // 2:
                self.cut()
                return
            self.wfile.write(data[i:i + step])
            time.sleep(0.05)

    def endless(self, data):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        junk = b"z" * 65536
        while True:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(junk), junk))


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


main_server = Server(("127.0.0.1", 0), Handler)
other_server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=other_server.serve_forever, daemon=True).start()
print(main_server.server_port, flush=True)
main_server.serve_forever()
