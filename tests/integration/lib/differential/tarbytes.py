# SPDX-License-Identifier: Apache-2.0
"""Members to the bytes of tar archives, in every dialect that layers come in.

Written from the descriptions of the formats, with a free choice wherever writers differ: how a
number is padded, which of two ways a long name takes, which records stand beside each other. The
choices come from the random generator that is passed in.
"""

BLOCK = 512
OCTAL_MAX = {8: 0o7777777, 12: 0o77777777777}


def padded(data, fill=b"\0"):
    return data + (fill * BLOCK)[: -len(data) % BLOCK]


def base256(n, width):
    return (n % (1 << (8 * width)) | 0x80 << (8 * (width - 1))).to_bytes(width, "big")


def number(rng, n, width):
    """A numeric field: octal in one of the usual paddings, base 256 if it does not fit."""
    if n < 0 or n > OCTAL_MAX[width]:
        return base256(n, width)
    text = b"%0*o" % (width - 1, n)
    return rng.choice((text + b"\0", text + b" ", (b"%*o" % (width - 1, n)) + b"\0"))


def header(rng, magic, name, kind, size=0, mode=0o644, uid=0, gid=0, mtime=0, link=b"",
           device=(0, 0), prefix=b"", tail=None):
    """One header block; tail replaces what follows the device numbers."""
    v7 = magic == b""
    owner = b"" if v7 else rng.choice((b"", b"root", b"nobody-here"))
    block = b"".join((
        name.ljust(100, b"\0"), number(rng, mode, 8), number(rng, uid, 8), number(rng, gid, 8),
        number(rng, size, 12), number(rng, mtime, 12), b" " * 8, kind, link.ljust(100, b"\0"),
        magic.ljust(8, b"\0"), owner.ljust(32, b"\0"), owner.ljust(32, b"\0"),
        b"\0" * 16 if v7 else number(rng, device[0], 8) + number(rng, device[1], 8),
        (tail if tail is not None else prefix).ljust(167, b"\0")))
    assert len(block) == BLOCK
    total = b"%06o" % sum(block)
    return block[:148] + rng.choice((total + b"\0 ", total + b" \0", b"0" + total + b"\0")) + block[156:]


def split_ustar(name):
    """The name as (prefix, name), None if it has no such form."""
    if len(name) <= 100:
        return b"", name
    for at in range(min(155, len(name) - 2), 0, -1):
        if name[at:at + 1] == b"/" and 0 < len(name) - at - 1 <= 100:
            return name[:at], name[at + 1:]
    return None


def pax_record(key, value):
    body = b" " + key + b"=" + value + b"\n"
    length = len(body) + 1
    while len(b"%d" % length) + len(body) != length:
        length = len(b"%d" % length) + len(body)
    return b"%d" % length + body


def decimal_time(rng, seconds, ns):
    """Seconds since 1970 with a fraction, which counts towards zero."""
    if seconds < 0 and ns:
        seconds, ns, sign = -seconds - 1, 10 ** 9 - ns, b"-"
    else:
        sign = b"-" if seconds < 0 else b""
    text = sign + b"%d" % abs(seconds)
    if ns or rng.random() < 0.2:
        text += b".%09d" % ns
        if rng.random() < 0.5:
            text = text.rstrip(b"0")
    return text


KINDS = {"file": b"0", "hard": b"1", "symlink": b"2", "char": b"3", "block": b"4", "dir": b"5",
         "fifo": b"6"}


class Writer:
    """One archive in one dialect: v7, ustar, gnu or pax."""

    def __init__(self, rng, dialect):
        self.rng = rng
        self.dialect = dialect
        self.magic = {"v7": b"", "ustar": b"ustar\00000", "gnu": b"ustar  \0", "pax": b"ustar\00000"}[dialect]
        self.parts = []

    def fits(self, m):
        """Whether the dialect can express a member at all."""
        plain = not m.xattrs and not m.extents_form
        small = (m.uid <= OCTAL_MAX[8] and m.gid <= OCTAL_MAX[8] and 0 <= m.mtime <= OCTAL_MAX[12])
        if self.dialect == "pax":
            return m.extents_form != "gnu"
        if self.dialect == "gnu":
            return not m.xattrs and m.extents_form in (None, "gnu") and m.mtime_ns == 0
        if not plain or not small or m.mtime_ns or len(m.link) > 100:
            return False
        if self.dialect == "v7":
            return m.kind in ("file", "hard", "symlink", "dir") and len(m.name) < 100 and len(m.link) < 100
        return split_ustar(m.name) is not None

    def add(self, m):
        getattr(self, "add_" + ("old" if self.dialect in ("v7", "ustar") else self.dialect))(m)

    def noise(self):
        """What readers must step over."""
        if self.dialect == "pax":
            self.meta(b"g", b"pax_global_header", pax_record(b"comment", b"of no importance"))

    def attributes(self, m):
        return {"mode": m.mode, "uid": m.uid, "gid": m.gid, "mtime": m.mtime, "device": m.device}

    def data(self, m, data):
        fill = b"\xee" if m.dirty_padding else b"\0"
        self.parts.append(padded(data, fill))

    def meta(self, kind, name, data):
        magic = self.magic
        self.parts.append(header(self.rng, magic, name, kind, size=len(data)) + padded(data))

    def kind_of(self, m):
        kind = KINDS[m.kind]
        if m.kind == "file" and not m.extents_form:
            kind = self.rng.choice((b"0", b"0", b"0", b"\0", b"7") if self.dialect != "v7" else (b"\0", b"0"))
        if m.kind == "dir" and self.dialect == "v7":
            kind = self.rng.choice((b"\0", b"0", b"5"))
        return kind

    def add_old(self, m):
        name, link = m.name, m.link
        if m.kind == "dir" and self.dialect == "v7" and not name.endswith(b"/"):
            name += b"/"
        prefix, name = (b"", name) if self.dialect == "v7" else split_ustar(name)
        self.parts.append(header(self.rng, self.magic, name, self.kind_of(m), len(m.packed()),
                                 link=link, prefix=prefix, **self.attributes(m)))
        self.data(m, m.packed())

    def add_gnu(self, m):
        long = [(b"L", m.name), (b"K", m.link)]
        self.rng.shuffle(long)
        for kind, text in long:
            if len(text) > 100 or (text and self.rng.random() < 0.05):
                self.meta(kind, b"././@LongLink", text + b"\0")
        size, tail = len(m.packed()), None
        blocks, kind = [], self.kind_of(m)
        if m.extents_form:
            entries = [(o, len(d)) for o, d in m.extents]
            if not m.extents or m.extents[-1][0] + len(m.extents[-1][1]) < m.size:
                entries.append((m.size, 0))
            raw = [number(self.rng, o, 12) + number(self.rng, n, 12) for o, n in entries]
            chunks = [raw[4 + i:25 + i] for i in range(0, max(len(raw) - 4, 0), 21)]
            blocks = [b"".join(c).ljust(504, b"\0") + (b"\1" if i + 1 < len(chunks) else b"\0") + b"\0" * 7
                      for i, c in enumerate(chunks)]
            tail = (b"\0" * 41 + b"".join(raw[:4]).ljust(96, b"\0") + (b"\1" if chunks else b"\0") +
                    number(self.rng, m.size, 12))
            kind = b"S"
        self.parts.append(header(self.rng, self.magic, m.name[:100], kind, size, link=m.link[:100],
                                 tail=tail, **self.attributes(m)))
        self.parts += blocks
        self.data(m, m.packed())

    def add_pax(self, m):
        rng, records, name, data = self.rng, [], m.name, m.packed()
        map_text = b""
        sparse = m.extents_form
        if sparse:
            entries = [(o, len(d)) for o, d in m.extents]
            if not m.extents or m.extents[-1][0] + len(m.extents[-1][1]) < m.size:
                entries.append((m.size, 0))
            count = b"%d" % len(entries)
            if sparse == "1.0":
                records += [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"),
                            (b"GNU.sparse.name", name), (b"GNU.sparse.realsize", b"%d" % m.size)]
                map_text = padded(count + b"\n" + b"".join(b"%d\n%d\n" % e for e in entries))
            else:
                records += [(b"GNU.sparse.size", b"%d" % m.size), (b"GNU.sparse.numblocks", count)]
                if sparse == "0.1":
                    records += [(b"GNU.sparse.name", name),
                                (b"GNU.sparse.map", b",".join(b"%d,%d" % e for e in entries))]
                else:
                    for o, n in entries:
                        records += [(b"GNU.sparse.offset", b"%d" % o), (b"GNU.sparse.numbytes", b"%d" % n)]
            if sparse != "0.0":
                name = b"GNUSparseFile.0/" + name.rstrip(b"/").split(b"/")[-1][:80]
        attributes = self.attributes(m)
        place = split_ustar(name)
        if sparse in (None, "0.0") and (place is None or rng.random() < 0.1):
            records.append((b"path", name))
        if place is None:
            place = b"", name[:100]
        link = m.link
        if len(link) > 100 or (link and rng.random() < 0.1):
            records.append((b"linkpath", link))
        for key in ("uid", "gid"):
            if attributes[key] > OCTAL_MAX[8] or rng.random() < 0.1:
                records.append((key.encode(), b"%d" % attributes[key]))
                attributes[key] = 0
        if m.mtime_ns or not 0 <= m.mtime <= OCTAL_MAX[12] or rng.random() < 0.2:
            records.append((b"mtime", decimal_time(rng, m.mtime, m.mtime_ns)))
            attributes["mtime"] = max(0, min(m.mtime, OCTAL_MAX[12]))
        if rng.random() < 0.2:
            records += [(b"atime", b"1234.5"), (b"ctime", b"-7"), (b"HULL.unknown", b"skip \n= this")]
        for key, value in m.xattrs.items():
            form = m.xattr_form
            if form != "libarchive":
                records.append((b"SCHILY.xattr." + key, value))
            if form != "schily":
                records.append((b"LIBARCHIVE.xattr." + percent(key), base64_bare(value)))
        self.parts += self.pax_header(records, m)
        self.parts.append(header(rng, self.magic, place[1], self.kind_of(m), len(map_text + data),
                                 link=link[:100], prefix=place[0], **attributes))
        self.parts.append(map_text)
        self.data(m, data)

    def pax_header(self, records, m):
        if not records:
            return []
        data = b"".join(pax_record(k, v) for k, v in records)
        return [header(self.rng, self.magic, b"PaxHeaders/" + m.name[:20].replace(b"/", b"_"), b"x",
                       size=len(data)) + padded(data)]

    def finish(self):
        """The end mark in one of the ways that all readers take."""
        return b"".join(self.parts) + self.rng.choice((b"\0" * 1024,) * 4 + (b"", b"\0" * 512, b"\0" * 20480))


def percent(key):
    return b"".join(b"%%%02X" % c if c <= 0x20 or c >= 0x7f or c in b"%=" else bytes((c,)) for c in key)


def base64_bare(value):
    import base64
    return base64.b64encode(value).rstrip(b"=")
