#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A token server for a registry: token-server.py KEY CERTIFICATE ISSUER

Gives tokens that docker-registry accepts (its auth.token) to user:secret, and for pulls to anybody,
on a free loopback port, which is printed as the first line. Tokens live for a few seconds. Every
request is logged to standard error: METHOD PATH.
"""

import base64
import json
import subprocess
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY, CERTIFICATE, ISSUER = sys.argv[1:4]
LIFE = 5


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def certificate():
    with open(CERTIFICATE, encoding="ascii") as f:
        return "".join(line.strip() for line in f if "-----" not in line)


def token(user, service, scopes):
    access = []
    for scope in scopes:
        kind, name, actions = scope.rsplit(":", 1)[0].split(":", 1) + [scope.rsplit(":", 1)[1]]
        allowed = actions.split(",") if user else [a for a in actions.split(",") if a == "pull"]
        access.append({"type": kind, "name": name, "actions": allowed})
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": user, "aud": service, "exp": now + LIFE, "nbf": now - 10,
              "iat": now, "jti": "1", "access": access}
    head = {"typ": "JWT", "alg": "RS256", "x5c": [certificate()]}
    text = b64(json.dumps(head).encode()) + b"." + b64(json.dumps(claims).encode())
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", KEY], input=text,
                               stdout=subprocess.PIPE, check=True).stdout
    return (text + b"." + b64(signature)).decode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        given = self.headers.get("Authorization", "")
        user = ""
        if given:
            if base64.b64decode(given.split()[1]) != b"user:secret":
                self.answer(401, {})
                return
            user = "user"
        scopes = [one for scope in query.get("scope", []) for one in scope.split() if one]
        self.answer(200, {"token": token(user, query["service"][0], scopes), "expires_in": LIFE})

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
