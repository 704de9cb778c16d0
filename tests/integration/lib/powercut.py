# SPDX-License-Identifier: Apache-2.0
"""What is left of a directory after the power went: powercut.py LOG ROOT BEFORE

LOG is of `strace -f -y` over a command that worked on ROOT and was killed at some call; BEFORE is a
copy of ROOT from before. The model is a journaling file system with delayed allocation: operations
on names reach the disk in their order, so that the kill stands for the cut; but the data of a
file are there only if it was synced after they were written. Files that were not are emptied if they are
new, and else get back what they had before. Prints what was lost.
"""

import os
import re
import shutil
import sys

CALL = re.compile(r"^(?:\d+ +)?(?:<\.\.\. )?(\w+)(?: resumed>)?\((.*)")
PATH = re.compile(r"^-?\w+<([^>]*)>")
NAME = re.compile(r'"([^"]*)"')
FD_NAME = re.compile(r'(?:AT_FDCWD|\d+)(?:<([^>]*)>)?, "([^"]*)"')


def read_log(path):
    """Calls in order; those that were interrupted by others' lines are put together."""
    unfinished = {}
    with open(path, errors="replace") as log:
        for line in log:
            pid = line.split(" ", 1)[0]
            if "<unfinished ...>" in line:
                unfinished[pid] = line.split(" <unfinished", 1)[0]
                continue
            if " resumed>" in line and pid in unfinished:
                line = unfinished.pop(pid) + line.split(" resumed>", 1)[1]
            yield line
    # A write that never returned may have written.
    yield from unfinished.values()


def full(directory, name):
    return os.path.normpath(os.path.join(directory or "", name))


def find_unsynced(log, root):
    dirty = set()
    for line in log:
        match = CALL.match(line)
        if not match or re.search(r"\) += -1 ", line):
            continue
        call, rest = match.groups()
        first = PATH.match(rest)
        path = first.group(1) if first else None
        if call in ("write", "pwrite64", "pwritev", "ftruncate", "fallocate", "copy_file_range"):
            if path and path.startswith(root + "/"):
                dirty.add(path)
        elif call in ("fsync", "fdatasync"):
            dirty.discard(path)
        elif call in ("sync", "syncfs"):
            dirty.clear()
        elif call.startswith("rename"):
            names = FD_NAME.findall(rest) or [("", n) for n in NAME.findall(rest)]
            if len(names) == 2:
                old, new = (full(*n) for n in names)
                dirty = {new + p[len(old):] if p == old or p.startswith(old + "/") else p
                         for p in dirty}
    return dirty


def main():
    log, root, before = sys.argv[1:]
    for path in sorted(find_unsynced(read_log(log), root)):
        old = before + path[len(root):]
        if not os.path.isfile(path) or path.endswith("-shm"):
            continue
        if os.path.isfile(old):
            shutil.copyfile(old, path)
        else:
            os.truncate(path, 0)
        print("lost", path[len(root):])
    # Shared memory of the database's users: none of them lives on.
    for name in os.listdir(root):
        if name.endswith("-shm"):
            os.unlink(os.path.join(root, name))


main()
