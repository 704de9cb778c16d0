# SPDX-License-Identifier: Apache-2.0
#
# A client of 127.0.0.11 that wishes it ill, or, as `hostile-dns.py ask NAME`, a well-behaved one
# over TCP.
#
# It keeps doing all of this until it is killed: connections that say nothing, that stop in the
# middle of a length or of a question, that announce more than comes, nothing at all, or 65,535
# bytes; questions without end on one connection whose answers are never read; datagrams of rubbish,
# names that do not exist, and names that others must be asked for, as fast as it can.
import os
import socket
import struct
import sys

SERVER = ("127.0.0.11", 53)


def question(name, kind=1, ident=None):
    ident = os.urandom(2) if ident is None else ident
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    return ident + b"\1\0\0\1\0\0\0\0\0\0" + labels + b"\0" + struct.pack("!HH", kind, 1)


def framed(message):
    return struct.pack("!H", len(message)) + message


def connect():
    s = socket.socket()
    s.settimeout(5)
    s.connect(SERVER)
    return s


def ask(name):
    s = connect()
    s.sendall(framed(question(name)))
    data = b""
    while len(data) < 2 or len(data) < 2 + struct.unpack("!H", data[:2])[0]:
        part = s.recv(4096)
        if not part:
            sys.exit("the connection was closed")
        data += part
    print(socket.inet_ntoa(data[-4:]))


def send(s, data):
    try:
        s.send(data)
    except OSError:
        pass


def main():
    whole = framed(question("web"))
    beginnings = [b"", b"\0", b"\0\0", b"\0\1x", b"\xff\xff", b"\xff\xff" + b"x" * 1000,
                  whole[:-1], struct.pack("!H", 4000) + whole[2:], os.urandom(500)]
    idle = []
    for _ in range(20):
        for beginning in beginnings:
            s = connect()
            s.setblocking(False)
            send(s, beginning)
            idle.append(s)
    greedy = connect()
    greedy.setblocking(False)
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.connect(SERVER)
    u.setblocking(False)
    rounds = 0
    while True:
        send(greedy, whole * 50)
        send(u, os.urandom(40))
        send(u, question("web"))
        send(u, question("no-such-%d.example" % rounds))
        send(u, question("a" * 63 + "." + "b" * 63, 28))
        send(u, question("web") + os.urandom(3000))
        rounds += 1
        if rounds == 2000:
            print("ready", flush=True)


if sys.argv[1:2] == ["ask"]:
    ask(sys.argv[2])
else:
    main()
