# SPDX-License-Identifier: Apache-2.0
"""Random images: one to four layers of members, the same for the same seed."""

import random
import struct

from model import ACL, DEFAULT_ACL, JUDGED, Layer, Refused
from tarbytes import Writer

GIB = 1 << 30


class Member:
    def __init__(self, name, kind):
        self.name, self.kind = name, kind
        self.mode, self.uid, self.gid = 0o644, 0, 0
        self.mtime, self.mtime_ns = 1700000000, 0
        self.link = b""
        self.device = (0, 0)
        self.xattrs, self.xattr_form = {}, "schily"
        self.extents_form = None   # of a sparse file: gnu, 0.0, 0.1 or 1.0
        self.extents = []          # (offset, bytes) of a file
        self.size = 0
        self.dirty_padding = False

    def packed(self):
        return b"".join(data for _, data in self.extents)


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        rng = self.rng
        self.dialect = rng.choice(("pax", "pax", "pax", "gnu", "gnu", "ustar", "v7"))
        # Half of the archives leave nothing to a reader's taste, so that all readers can be compared.
        self.tidy = rng.random() < 0.5
        # A theme turns up what would otherwise be rare.
        self.theme = rng.choice(("plain", "plain", "names", "sparse", "times", "links", "replace",
                                 "stack", "stack", "stack", "xattrs", "devices"))
        self.n_layers = rng.randrange(2, 5) if self.theme == "stack" else rng.choice((1, 1, 1, 2))
        self.names = [bytes((c,)) for c in b"abcde"]
        for _ in range(6 if self.theme == "names" else 2):
            self.names.append(self.odd_name())

    def odd_name(self):
        rng = self.rng
        kind = rng.randrange(5)
        if kind == 0:
            return bytes(rng.choice(range(1, 256)) for _ in range(rng.randrange(3, 30))).replace(b"/", b"_")
        if kind == 1:
            return b"n" * rng.choice((99, 100, 101, 154, 155, 156, 200, 254, 255))
        if kind == 2:
            return rng.choice((b"-dash", b"!bang", b" space ", b".hidden", b"...", b"new\nline", b"back\\slash",
                               b"\xc3\xa9", b"\xff\xfe", b"tab\t", b".whx", b"x.wh.", b"*", b"'"))
        return b"name-%d" % rng.randrange(100)

    def path(self, depth=None):
        rng = self.rng
        depth = depth or rng.choice((1, 1, 2, 2, 3, 4, 25 if self.theme == "names" else 3))
        parts = [rng.choice(self.names) for _ in range(depth)]
        while sum(map(len, parts)) + len(parts) > 3000:
            parts.pop()
        return b"/".join(parts)

    def spelled(self, path, kind):
        """The same place in another spelling."""
        rng = self.rng
        path = rng.choice((b"", b"", b"", b"./", b"/", b".//")) + path
        if rng.random() < 0.03 and b"/" in path.strip(b"/"):
            path = path.replace(b"/", b"//", 1) if not path.startswith(b"/") else path
        if rng.random() < 0.02:
            path = b"a/../" + path.lstrip(b"/")
        if kind == "dir" and rng.random() < 0.7:
            path += b"/"
        return path

    def content(self, m):
        rng = self.rng
        size = rng.choice((0, 0, 1, 17, 511, 512, 513, 1024, 4095, 4096, 4097, 10000, 70000))
        m.size = size
        m.extents = [(0, rng.randbytes(size))] if size else []
        m.dirty_padding = rng.random() < 0.1

    def sparse(self, m):
        rng = self.rng
        m.extents_form = "gnu" if self.dialect == "gnu" else rng.choice(("0.0", "0.1", "1.0"))
        unit = rng.choice((512, 512, 4096, 4096, 4096, 1 << 20, 1, 100))
        spread = rng.choice((4, 50, 300, 10 ** 5, 10 ** 8 if unit == 4096 else 1000))
        at = 0
        for _ in range(rng.choice((0, 1, 2, 3, 4, 5, 21, 25, 26, 60))):
            at += rng.randrange(0, spread) * unit
            n = rng.randrange(1, 6) * unit if unit < 1 << 20 else 4096
            m.extents.append((at, rng.randbytes(n)))
            at += n
        last = rng.randrange(4)
        if last == 0 and m.extents:      # ends in the middle of a block
            m.extents[-1] = (m.extents[-1][0], m.extents[-1][1] + rng.randbytes(rng.randrange(1, 700)))
            at = m.extents[-1][0] + len(m.extents[-1][1])
        m.size = at
        if last == 1:
            m.size += rng.choice((1, 511, 4096, 12345, 9 * GIB, 100 * GIB, 1 << 41))
        m.dirty_padding = rng.random() < 0.2

    def acl(self, extended):
        entries = [(1, self.rng.randrange(8), 0xffffffff)]
        if extended:
            entries.append((2, self.rng.randrange(8), self.rng.choice((0, 12345, 0x7fffffff))))
        entries.append((4, self.rng.randrange(8), 0xffffffff))
        if extended:
            entries += [(8, 5, 100), (0x10, self.rng.randrange(8), 0xffffffff)]
        entries.append((0x20, self.rng.randrange(8), 0xffffffff))
        return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)

    def attributes(self, m):
        rng = self.rng
        m.mode = rng.choice((0o644, 0o755, 0o600, 0o777, 0, 0o4755, 0o2750, 0o1777, 0o7777))
        if rng.random() < 0.4:
            m.uid, m.gid = (rng.choice((0, 1, 1000, 65534, 65535, 65536, 2097151)) for _ in "ug")
        if rng.random() < 0.05 and self.dialect in ("gnu", "pax"):
            m.uid, m.gid = (rng.choice((2097152, 0x7fffffff, 0x80000000, 0xfffffffe)) for _ in "ug")
        m.mtime = rng.randrange(0, 1 << 31)
        if self.dialect == "pax" and rng.random() < 0.5:
            m.mtime_ns = rng.choice((1, 500000000, 999999999, rng.randrange(10 ** 9)))
        if self.theme == "times" and self.dialect in ("gnu", "pax"):
            m.mtime = rng.choice((0, -1, -2, -(1 << 31), -(1 << 31) - 1, 1 << 31, 1 << 32, 0o77777777777,
                                  0o100000000000, 1 << 34, 1 << 40, -(1 << 40)))
        elif self.theme == "times":
            m.mtime = rng.choice((0, 1, 1 << 31, 1 << 32, 0o77777777777))
        if self.dialect == "pax" and rng.random() < (0.7 if self.theme == "xattrs" else 0.05):
            self.add_xattrs(m)

    def add_xattrs(self, m):
        rng = self.rng
        m.xattr_form = rng.choice(("schily", "schily", "libarchive", "both"))
        pool = [(b"user.one", b"value"), (b"user.empty", b""), (b"user.binary", bytes(range(256))),
                (b"user.sp ace", b"x\n=y"), (b"user.\xc3\xa9", b"utf"), (b"trusted.mine", b"secret"),
                (b"user.large", b"v" * rng.choice((500, 2000, 20000 if m.kind == "file" else 0))), (b"security.own", b"label"),
                (b"trusted.overlay.opaque", b"y"), (b"trusted.overlay.redirect", b"/etc"),
                (b"user.overlay.whiteout", b"y"), (b"security.selinux", b"u:r:t"),
                (b"user." + b"k" * 250, b"long name")]
        if m.kind == "file":
            pool.append((b"security.capability", bytes.fromhex("0100000200040000000000000000000000000000")))
        if m.kind in ("file", "dir", "fifo"):
            pool += [(ACL, self.acl(rng.random() < 0.7))] * 2
        if m.kind == "dir":
            pool.append((DEFAULT_ACL, self.acl(True)))
        m.xattrs = dict(rng.sample(pool, rng.randrange(1, 5)))

    def kind(self):
        rng, v7 = self.rng, self.dialect == "v7"
        weights = {"file": 8, "dir": 5, "symlink": 2, "hard": 2, "char": 0 if v7 else 0.4,
                   "block": 0 if v7 else 0.4, "fifo": 0 if v7 else 0.4}
        if self.theme == "links":
            weights.update(hard=10, symlink=5)
        if self.theme == "devices" and not v7:
            weights.update(char=4, block=4, fifo=4)
        return rng.choices(list(weights), list(weights.values()))[0]

    def member(self, known):
        rng = self.rng
        kind = self.kind()
        fresh = not known or rng.random() < (0.5 if self.theme == "replace" else 0.93)
        path = self.path() if fresh else rng.choice(known)
        if rng.random() < (0.25 if self.theme == "stack" else 0.01):
            return self.whiteout(known)
        if rng.random() < 0.03:
            path, kind = b".", "dir"
        m = Member(self.spelled(path, kind), kind)
        self.attributes(m)
        if kind == "file":
            if self.dialect in ("gnu", "pax") and rng.random() < (0.8 if self.theme == "sparse" else 0.05):
                self.sparse(m)
            else:
                self.content(m)
        elif kind == "symlink":
            m.link = rng.choice((self.path(), b"../" + self.path(), b"/" + self.path(), b"/", b"..", b"nowhere",
                                 b"t" * rng.choice((99, 100, 101, 300, 480, 481, 1000, 3000))))
        elif kind == "hard":
            later = [self.path()] if rng.random() < 0.1 else []
            m.link = rng.choice((b"", b"./", b"/")) + rng.choice(known[-8:] + later + [b"gone"] * (not known))
        elif kind in ("char", "block"):
            m.device = rng.choice(((1, 3), (0, 1), (1, 0), (255, 255), (256, 256), (4095, 0xfffff), (250, 70000)))
            if rng.random() < 0.1:
                m.device = (0, 0)
        if path == b"." or kind == "dir" and self.n_layers > 1:
            # Some directories of a stack live on the disk, whose times have their limits.
            m.mtime = max(0, min(m.mtime, 1 << 33))
        if path != b".":
            known.append(path)
        return m

    def whiteout(self, known):
        rng = self.rng
        path = rng.choice(known) if known and rng.random() < 0.7 else self.path()
        parent = path.rpartition(b"/")[0]
        base = rng.choice((path.rpartition(b"/")[2],) * 3 + (b".wh..opq", b".wh..opq", b".wh.plnk"))
        m = Member(parent + b"/.wh." + base if parent else b".wh." + base, "file")
        if base == b".wh.plnk" and rng.random() < 0.5:
            m = Member(m.name + b"/1.2", "file")
        return m

    def accepted(self, members, tidy):
        """The members without most of those that a reader has to refuse."""
        kept, keep_bad = [], not tidy and self.rng.random() < 0.04
        for m in members:
            try:
                if Layer(kept + [m]).notes & JUDGED and tidy:
                    continue
            except Refused as why:
                # A link may come before its target; whether that comes is known at the end.
                if tidy or not keep_bad and str(why) not in ("link to nothing", "a circle of links"):
                    continue
            kept.append(m)
        while not keep_bad:
            try:
                Layer(kept)
                break
            except Refused:
                links = [m for m in kept if m.kind == "hard"]
                kept.remove(links[-1] if links else kept[-1])
        return kept

    def layers(self):
        """Per layer: its members and its bytes."""
        rng, known, result = self.rng, [], []
        for i in range(self.n_layers):
            if self.theme == "stack" and i:
                known = rng.sample(known, min(len(known), 20))
            writer, members = Writer(rng, self.dialect), []
            for _ in range(rng.choice((0, 1, 30)) if rng.random() < 0.2 else rng.randrange(5, 25)):
                before = list(known)
                m = self.member(known)
                if writer.fits(m):
                    members.append(m)
                else:
                    known = before
            members = self.accepted(members, self.tidy and self.n_layers == 1)
            for m in members:
                if rng.random() < 0.03:
                    writer.noise()
                writer.add(m)
            result.append((members, writer.finish()))
        return result
