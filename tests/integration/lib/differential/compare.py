#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random layers through both layer stores, GNU tar and bsdtar, beside what they ought to be.

    compare.py [--seeds FIRST-LAST] [--keep DIR] LAYER-TOOL

Every seed makes an image of one to four layers. The EROFS store and the directory store must show
exactly what the model says, or both refuse what it refuses. Archives that leave nothing to the
reader's taste (see JUDGED) are also unpacked by GNU tar and by bsdtar, if it is there, and must
look the same. Prints a line for each difference and one of totals; needs root, works in a mount
namespace and a tmpfs of its own.
"""

import argparse
import collections
import ctypes
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from model import JUDGED, JUDGED_BY, Layer, Refused, stacked  # noqa: E402
from scenario import Generator  # noqa: E402

WHOLE = 1 << 20  # larger files are looked at where they have data, and around it

def same_entry(want, got, loose):
    """None, or what is different; loose leaves out what other programs make of directories."""
    if loose and want["kind"] == got["kind"] == "dir":
        # GNU tar leaves the set-group-id bit that a directory got from the one above it.
        want, got = dict(want, mode=want["mode"] & ~0o2000), dict(got, mode=got["mode"] & ~0o2000)
    for key in ("kind", "mode", "owner", "mtime", "xattrs", "size", "target", "device", "content", "same as"):
        if loose and (key == "mtime" and want["kind"] == "dir" or key in ("mode", "owner") and want.get("implied")):
            continue
        if want.get(key) != got.get(key) and not (key == "mtime" and want[key] is None):
            return "%s is %.200r, not %.200r" % (key, got.get(key), want.get(key))
    return None


def ranges_of(member):
    """What to look at in a large file."""
    spots = {(0, 4096), (max(member.size - 4096, 0), min(4096, member.size))}
    for offset, data in member.extents:
        spots.add((max(offset - 4096, 0), min(len(data) + 8192, member.size - max(offset - 4096, 0))))
    return sorted(spots)


def wanted_content(member):
    def read(offset, n):
        out = bytearray(n)
        for start, data in member.extents:
            low, high = max(start, offset), min(start + len(data), offset + n)
            if low < high:
                out[low - offset:high - offset] = data[low - start:high - start]
        return bytes(out)
    return digest_of(member, read)


def digest_of(member, read):
    ranges = [(0, member.size)] if member.size <= WHOLE else ranges_of(member)
    h = hashlib.sha256()
    for offset, n in ranges:
        data = read(offset, n)
        if len(data) != n:
            return "short"
        h.update(data)
    return h.hexdigest()


def snapshot(root, wanted):
    """The tree below root in the model's form; wanted says which large files hold what."""
    out, places = {}, collections.defaultdict(list)
    stack = [b""]
    root = os.fsencode(root)
    while stack:
        path = stack.pop()
        full = root + b"/" + path if path else root
        st = os.lstat(full)
        kind = {stat.S_IFDIR: "dir", stat.S_IFREG: "file", stat.S_IFLNK: "symlink", stat.S_IFCHR: "char",
                stat.S_IFBLK: "block", stat.S_IFIFO: "fifo"}[stat.S_IFMT(st.st_mode)]
        entry = {"kind": kind, "owner": (st.st_uid, st.st_gid), "mtime": st.st_mtime_ns, "xattrs": {
            os.fsencode(k): os.getxattr(full, k, follow_symlinks=False)
            for k in os.listxattr(full, follow_symlinks=False) if not k.startswith("trusted.overlay.")}}
        if kind != "symlink":
            entry["mode"] = stat.S_IMODE(st.st_mode)
        if kind == "symlink":
            entry["target"] = os.readlink(full)
        elif kind in ("char", "block"):
            entry["device"] = (os.major(st.st_rdev), os.minor(st.st_rdev))
        elif kind == "file":
            entry["size"] = st.st_size
            member = wanted.get(path, {}).get("member")
            if member and member.size == st.st_size:
                with open(full, "rb", buffering=0) as f:
                    entry["content"] = digest_of(member, lambda o, n: os.pread(f.fileno(), n, o))
        elif kind == "dir":
            stack += [path + b"/" + n if path else n for n in os.listdir(full)]
        if kind != "dir" and st.st_nlink > 1:
            places[st.st_dev, st.st_ino].append(path)
        out[path] = entry
    for paths in places.values():
        if len(paths) > 1:
            for path in paths:
                out[path]["same as"] = min(paths)
    return out


def differences(wanted, got, loose=False):
    found = []
    for path in sorted(set(wanted) | set(got)):
        if path not in got:
            found.append("%r is missing" % path)
        elif path not in wanted:
            found.append("%r should not be there" % path)
        elif not (loose and path == b""):
            what = same_entry(wanted[path], got[path], loose)
            if what:
                found.append("%r: %s" % (path, what))
    return found


class Run:
    def __init__(self, tool, work, disk):
        self.tool, self.work = tool, work
        self.roots = {"erofs": disk, "dir": work + "/dir"}
        self.counts = collections.Counter()
        self.failed = []
        self.bsdtar = shutil.which("bsdtar")

    def store(self, kind, *args):
        return subprocess.run([self.tool, self.roots[kind], self.work + "/run-" + kind, kind, *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)

    def complain(self, seed, who, what):
        self.failed.append(seed)
        print("seed %d: %s: %s" % (seed, who, what), flush=True)

    def one(self, seed):
        generator = Generator(seed)
        layers = generator.layers()
        label = "%s/%s" % (generator.dialect, generator.theme)
        files = []
        for i, (_, data) in enumerate(layers):
            files.append("%s/%d-%d.tar" % (self.work, seed, i))
            with open(files[-1], "wb") as f:
                f.write(data)
        try:
            parsed = [Layer(members) for members, _ in layers]
        except Refused as why:
            self.refused(seed, files, str(why))
            parsed = None
        if parsed:
            wanted = stacked(parsed)
            if len(layers) > 1:
                wanted[b""]["mtime"] = None  # not worth a layer of its own: see docs/layer-format.md
            for entry in wanted.values():
                if "member" in entry and entry["kind"] == "file":
                    entry["content"] = wanted_content(entry["member"])
            for kind in ("erofs", "dir"):
                self.shown(seed, label, kind, files, wanted)
            if len(layers) == 1 and layers[0][0]:
                self.unpacked(seed, label, files[0], layers[0][0], parsed[0], wanted)
        for file in files:
            os.unlink(file)

    def refused(self, seed, files, why):
        self.counts["refused: " + why] += 1
        for kind in ("erofs", "dir"):
            results = [self.store(kind, "ingest", f) for f in files]
            if all(r.returncode == 0 for r in results):
                self.complain(seed, kind, "takes what ought to be refused: " + why)
            self.clear(kind, results)

    def clear(self, kind, results):
        for r in results:
            if r.returncode == 0:
                self.store(kind, "remove", r.stdout.split()[0].decode())

    def shown(self, seed, label, kind, files, wanted):
        results = [self.store(kind, "ingest", f) for f in files]
        target = self.work + "/root-" + kind
        try:
            for r in results:
                if r.returncode != 0:
                    self.complain(seed, kind, "%s refused: %s" % (label, r.stderr.decode(errors="replace").strip()))
                    return
            ids = [r.stdout.split()[0].decode() for r in results]
            r = self.store(kind, "stack", target, "-", "-", *ids)
            if r.returncode != 0:
                self.complain(seed, kind, "%s not mounted: %s" % (label, r.stderr.decode(errors="replace").strip()))
                return
            if kind == "erofs":
                self.fsck(seed, ids)
            found = differences(wanted, snapshot(target, wanted))
            subprocess.run(["umount", target], check=True)
            if found:
                self.complain(seed, kind, "%s: %s (%d differences)" % (label, found[0], len(found)))
            self.counts["images, " + kind] += 1
        finally:
            self.clear(kind, results)

    def fsck(self, seed, ids):
        if not os.environ.get("FSCK_EROFS"):
            return
        for layer in ids:
            path = self.roots["erofs"] + "/layers/" + layer.replace(":", "/")
            r = subprocess.run([os.environ["FSCK_EROFS"], "--device=" + path + "/layer.tar", path + "/layer.erofs"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            if r.returncode != 0:
                self.complain(seed, "fsck.erofs", r.stdout.decode(errors="replace").strip())
            self.counts["layers, fsck.erofs"] += 1

    def unpacked(self, seed, label, file, members, layer, wanted):
        notes = set(layer.notes)
        absolute = any(n.startswith(b"/") for m in members for n in (m.name, m.link if m.kind == "hard" else b""))
        keep = [] if absolute else ["-P"]
        # Without -P, GNU tar makes such symlinks after everything else.
        if absolute and any(m.kind == "symlink" and (m.link.startswith(b"/") or b".." in m.link) for m in members):
            notes.add("symlink that leads out")
        programs = {"gnu": ["tar", "--numeric-owner", "--same-owner", "--xattrs", "--xattrs-include=*",
                            "--warning=no-unknown-keyword", "-xpf", file] + keep}
        if self.bsdtar:
            programs["bsdtar"] = ["bsdtar", "--numeric-owner", "--same-owner", "--xattrs", "--no-acls",
                                  "--no-fflags", "-xpf", file] + keep
        for who, command in programs.items():
            judged = notes & (JUDGED | JUDGED_BY[who])
            if judged:
                for note in judged:
                    self.counts["%s left out: %s" % (who, note)] += 1
                continue
            into = self.work + "/" + who
            os.mkdir(into)
            r = subprocess.run(command, cwd=into, env=dict(os.environ, LC_ALL="C.UTF-8"),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if r.returncode != 0:
                self.complain(seed, who, "%s: fails: %.300s" % (label, r.stderr.decode(errors="replace")))
            else:
                found = differences(wanted, snapshot(into, wanted), loose=True)
                if found:
                    self.complain(seed, who, "%s: %s (%d differences)" % (label, found[0], len(found)))
                self.counts["archives, " + who] += 1
            shutil.rmtree(into)


def private_tmpfs(work):
    """Mounts of this process only, and a file system that no other work slows down. The kernel mounts
    no EROFS from a file in it, so that the store of that kind stays on the disk."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "hull-layers", work], check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="0-149")
    parser.add_argument("--keep", help="write the archives there instead")
    parser.add_argument("tool", nargs="?")
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    if options.keep:
        for seed in seeds:
            for i, (_, data) in enumerate(Generator(seed).layers()):
                with open("%s/%d-%d.tar" % (options.keep, seed, i), "wb") as f:
                    f.write(data)
        return 0
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="hull-layers.") as work, \
            tempfile.TemporaryDirectory(prefix="hull-layers.") as disk:
        private_tmpfs(work)
        for name in ("dir", "root-erofs", "root-dir"):
            os.mkdir(work + "/" + name)
        run = Run(os.path.abspath(options.tool), work, disk)
        for seed in seeds:
            try:
                run.one(seed)
            except Exception:  # noqa: BLE001 - one seed must not hide the others
                run.complain(seed, "harness", traceback.format_exc())
        for kind in ("erofs", "dir"):
            run.store(kind, "release")
        subprocess.run(["umount", "-R", "-l", work], check=True)
    for what, n in sorted(run.counts.items()):
        print("%6d %s" % (n, what))
    print("%d seeds, %d with differences" % (len(seeds), len(set(run.failed))))
    return 1 if run.failed or not run.counts["images, erofs"] else 0


if __name__ == "__main__":
    sys.exit(main())
