#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A seccomp agent: seccomp-agent.py SOCKET LOG ERRNO|continue [CONNECTIONS]

Listens at SOCKET. From each connection it takes one container process state with the filter's
listener and appends the state to LOG as one line of JSON, with the number of fds that came; then it
answers every notification of that listener with ERRNO (0: success without the call being made;
"continue": the kernel makes the call), appending {"nr": N} for each. Ends when all listeners have ended.
"""
import array
import fcntl
import json
import os
import select
import socket
import struct
import sys
import threading

NOTIF_SIZE = 80  # struct seccomp_notif
RECEIVE = 0xC0502100  # SECCOMP_IOCTL_NOTIF_RECV
SEND = 0xC0182101  # SECCOMP_IOCTL_NOTIF_SEND


def note(path, record):
    with open(path, "a", encoding="utf-8") as log:
        log.write(json.dumps(record, sort_keys=True) + "\n")


def take(connection):
    """The whole message, and the fds that came with it."""
    text, fds = b"", array.array("i")
    while True:
        data, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(16 * fds.itemsize))
        for level, kind, payload in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
        if not data:
            return json.loads(text), list(fds)
        text += data


def answer(listener, log, verdict):
    proceed = verdict == "continue"
    errno = 0 if proceed else int(verdict)
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while True:
        if poll.poll()[0][1] & select.POLLHUP:
            break
        notification = bytearray(NOTIF_SIZE)
        try:
            fcntl.ioctl(listener, RECEIVE, notification)
        except OSError:
            continue
        identity, _, _, number = struct.unpack_from("=QIIi", notification)
        note(log, {"nr": number})
        try:
            fcntl.ioctl(listener, SEND, struct.pack("=QqiI", identity, 0, -errno, proceed))
        except OSError:
            pass
    os.close(listener)


def main():
    path, log, verdict = sys.argv[1:4]
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen(8)
    threads = []
    for _ in range(int(sys.argv[4]) if len(sys.argv) > 4 else 1):
        connection, _ = server.accept()
        with connection:
            state, fds = take(connection)
        note(log, {"state": state, "fds": len(fds)})
        thread = threading.Thread(target=answer, args=(fds[0], log, verdict))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()


main()
