#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves: faulty-registry.py LAYOUT REQUEST_LOG

Serves the images of an OCI layout, read only, on a free loopback port, which is printed as the
first line. The first component of a repository's name says what goes wrong ("ok": nothing). A second server on another port stands for "another host" of redirects, token servers and
foreign URLs. Every request is logged as one line: SERVER METHOD PATH RANGE AUTHORIZATION.
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

lock = threading.Lock()
log = open(LOG, "a", buffering=1, encoding="ascii")
counts = {}  # how often something happened, by (fault, path, ...)


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

    def log_message(self, *args):
        pass

    def note(self):
        name = "main" if self.server is main_server else "other"
        log.write("%s %s %s %s %s\n" % (
            name, self.command, self.path, self.headers.get("Range", "-"),
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
        body = {"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}
        self.answer(status, json.dumps(body).encode(), Content_Type="application/json", **headers)

    def cut(self):
        """Ends the connection without a word."""
        self.wfile.flush()
        self.close_connection = True

    def do_GET(self):
        self.note()
        try:
            self.route()
        except FileNotFoundError:
            self.fail(404, "MANIFEST_UNKNOWN" if "/manifests/" in self.path else "BLOB_UNKNOWN")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_HEAD = do_GET

    def route(self):
        if self.path.startswith("/token"):
            self.token()
            return
        if self.path.startswith("/elsewhere/"):
            self.blob("ok", self.path[len("/elsewhere/"):])
            return
        match = re.fullmatch("/v2/(([^/]+)/.+)/(manifests|blobs)/([^/]+)", self.path)
        if not match:
            self.answer(200, b"{}")
            return
        repository, fault, kind, reference = match.groups()
        if not self.authorized(fault, repository):
            return
        if self.temporary(fault):
            return
        if kind == "blobs":
            self.blob(fault, reference)
        else:
            self.manifest(fault, reference)

    # ---- Authorization ----

    def token(self):
        if "bearer-refused" in self.path:
            self.fail(401, "UNAUTHORIZED")
            return
        token = "token-%d" % count("token")
        self.answer(200, json.dumps({"token": token, "expires_in": 300}).encode(),
                    Content_Type="application/json")

    def authorized(self, fault, repository):
        given = self.headers.get("Authorization", "")
        realm = "http://127.0.0.1:%d/token" % other_server.server_port
        challenge = 'Bearer realm="%s",service="faulty",scope="repository:%s:pull"' % (
            realm, repository)
        if fault == "basic":
            if given == "Basic " + base64.b64encode(b"user:secret").decode():
                return True
            self.fail(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="faulty"')
            return False
        if fault not in ("bearer", "bearer-expires", "bearer-refused", "redirect"):
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
        elif fault == "denied":
            self.fail(403, "DENIED")
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
        self.answer(200, data, Content_Type=media_type, Docker_Content_Digest=announced)

    # ---- Blobs ----

    def blob(self, fault, digest):
        data = read_blob(digest)
        start = 0
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if match and fault not in ("truncate-no-range", "truncate-wrong-range"):
            start = int(match.group(1))
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
        self.send_response(206 if start or wrong_range else 200)
        self.send_header("Content-Type", "application/octet-stream")
        if start or wrong_range:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data)))
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        end = len(data)
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
        if end < len(data):
            self.cut()

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
