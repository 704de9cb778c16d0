# SPDX-License-Identifier: Apache-2.0
"""What a list of members means: the rules of layers once more, in the plainest form.

Shares nothing with the program under test: it works on the members that the archives were made
from, not on their bytes.
"""

import struct

DROPPED = (b"trusted.overlay.", b"user.overlay.")
DROPPED_WHOLE = (b"security.selinux", b"security.ima", b"security.evm")
ACL = b"system.posix_acl_access"
DEFAULT_ACL = b"system.posix_acl_default"


# Readings on which unpacking programs differ, all of them or one; docs/layer-format.md judges them.
JUDGED = {"whiteout", "through a symlink", "file over directory", "link before its target", "dotdot", "acl",
          "directory over symlink", "directory listed twice", "link to a symlink", "dropped attribute"}
JUDGED_BY = {
    "gnu": {"attribute in libarchive's form only", "data not in whole blocks", "symlink that leads out"},
    "bsdtar": {"text not in UTF-8", "fraction before 1970"},
}


class Refused(Exception):
    pass


class Node:
    def __init__(self, kind="dir"):
        self.kind = kind
        self.mode, self.uid, self.gid, self.mtime = 0o755, 0, 0, 0
        self.xattrs = {}
        self.member = None
        self.children = {}   # name to Entry
        self.opaque = False
        self.implied = True
        self.pending = None

    def is_dir(self):
        return self.kind == "dir"


class Entry:
    def __init__(self):
        self.node = None
        self.whiteout = False
        self.device = False  # it stood there as a device


def clean(name):
    parts = []
    for part in name.split(b"/"):
        if part == b"..":
            if not parts and not name.startswith(b"/"):
                raise Refused("leads out")
            if parts:
                parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return parts


class Layer:
    """A layer; notes are what makes other programs read an archive differently."""

    def __init__(self, members):
        self.root = Node()
        self.parents = {id(self.root): self.root}
        self.notes = set()
        self.pending = []
        for m in members:
            self.add(m)
        for entry, node in self.pending:
            self.settle(entry, node)
        self.finish(self.root)

    def resolve(self, parts, make):
        left, at, followed = list(parts), self.root, 0
        while left:
            part = left.pop(0)
            if part in (b"", b"."):
                continue
            if part == b"..":
                at = self.parents[id(at)]
                continue
            entry = at.children.get(part)
            node = entry.node if entry else None
            if node and not node.is_dir() and node.kind != "symlink":
                if make:
                    raise Refused("a parent that is no directory")
                return None
            if not node:
                if not make:
                    return None
                if len(part) > 255:
                    raise Refused("name too long")
                node = Node()
                self.parents[id(node)] = at
                at.children.setdefault(part, Entry()).node = node
                self.notes.add("implied")
            if node.kind == "symlink":
                self.notes.add("through a symlink")
                followed += 1
                if followed > 40:
                    raise Refused("too many symlinks")
                target = node.member.link
                left = target.split(b"/") + left
                if target.startswith(b"/"):
                    at = self.root
                continue
            at = node
        return at

    def attributes(self, node, m):
        node.implied = False
        node.member = m
        node.uid, node.gid, node.mtime = m.uid, m.gid, m.mtime * 10 ** 9 + m.mtime_ns
        node.mode = 0o777 if m.kind == "symlink" else m.mode
        node.xattrs = {}
        for key, value in m.xattrs.items():
            if m.xattr_form == "libarchive":
                self.notes.add("attribute in libarchive's form only")
            if key.startswith(DROPPED) or key in DROPPED_WHOLE:
                self.notes.add("dropped attribute")
                continue
            if key.startswith(b"user.") and m.kind not in ("file", "dir"):
                self.notes.add("dropped attribute")
                continue
            if key == ACL:
                self.notes.add("acl")
                if m.kind == "symlink":
                    continue
                node.mode, minimal = acl_mode(node.mode, value)
                if minimal:
                    continue
            if key == DEFAULT_ACL:
                self.notes.add("acl")
                if m.kind != "dir":
                    continue
            node.xattrs[key] = value

    def add(self, m):
        parts = clean(m.name)
        if any(len(data) % 512 for _, data in m.extents[:-1]):
            self.notes.add("data not in whole blocks")
        if m.mtime < 0 and m.mtime_ns:
            self.notes.add("fraction before 1970")
        try:
            (m.name + m.link).decode()
        except UnicodeDecodeError:
            self.notes.add("text not in UTF-8")
        if b".." in m.name.split(b"/"):
            self.notes.add("dotdot")
        if not parts:
            if m.kind != "dir":
                raise Refused("the root is a directory")
            self.attributes(self.root, m)
            return
        for part in parts[:-1]:
            if part.startswith(b".wh..wh."):
                self.notes.add("whiteout")
                return
            if part.startswith(b".wh."):
                raise Refused("below a whiteout")
        base = parts[-1]
        if base.startswith(b".wh."):
            self.notes.add("whiteout")
        if base.startswith(b".wh..wh.") and base != b".wh..wh..opq":
            return
        at = self.resolve(parts[:-1], True)
        if base == b".wh..wh..opq":
            at.opaque = True
            return
        if base.startswith(b".wh."):
            if base[4:] in (b"", b".", b".."):
                raise Refused("whiteout of nothing")
            at.children.setdefault(base[4:], Entry()).whiteout = True
            return
        if len(base) > 255:
            raise Refused("name too long")
        entry = at.children.setdefault(base, Entry())
        self.put(entry, at, m)

    def put(self, entry, parent, m):
        old = entry.node
        if m.kind == "dir":
            if not old or not old.is_dir():
                if old:
                    self.notes.add("directory over " + old.kind)
                entry.node = Node()
                self.parents[id(entry.node)] = parent
            elif not old.implied:
                self.notes.add("directory listed twice")
            self.attributes(entry.node, m)
            return
        if old and old.is_dir():
            self.notes.add("file over directory")
        elif old:
            self.notes.add("replaced")
        entry.node = None
        if m.kind == "hard":
            self.link(entry, m)
        elif m.kind == "char" and m.device == (0, 0):
            self.notes.add("whiteout")
            entry.whiteout = entry.device = True
        else:
            entry.node = Node(m.kind)
            self.attributes(entry.node, m)

    def link(self, entry, m):
        parts = clean(m.link)
        if not parts:
            raise Refused("link to the root")
        at = self.resolve(parts[:-1], False)
        target = at.children.get(parts[-1]) if at else None
        if target is entry:
            raise Refused("link to itself")
        if target and target.node and target.node.kind != "pending":
            if target.node.is_dir():
                raise Refused("link to a directory")
            if target.node.kind == "symlink":
                self.notes.add("link to a symlink")
            entry.node = target.node
            return
        if target and target.device:
            entry.whiteout = entry.device = True
            return
        self.notes.add("link before its target")
        entry.node = Node("pending")
        entry.node.pending = parts
        self.pending.append((entry, entry.node))

    def settle(self, entry, node):
        if entry.node is not node:
            return
        seen = []
        while node.kind == "pending":
            if node in seen:
                raise Refused("a circle of links")
            seen.append(node)
            at = self.resolve(node.pending[:-1], False)
            target = at.children.get(node.pending[-1]) if at else None
            if not target or not target.node or target.node.is_dir():
                raise Refused("link to nothing")
            node = target.node
        entry.node = node

    def finish(self, node):
        for entry in node.children.values():
            if entry.whiteout and entry.node:
                if entry.node.is_dir():
                    entry.node.opaque = True
                    entry.node.replaced = True
                entry.whiteout = False
            if entry.node and entry.node.is_dir():
                self.finish(entry.node)


def acl_mode(mode, value):
    mode &= ~0o777
    entries = [struct.unpack_from("<HHI", value, at) for at in range(4, len(value), 8)]
    bits = {tag: perm for tag, perm, _ in entries}
    group = bits[0x10] if 0x10 in bits else bits[4]
    return mode | bits[1] << 6 | group << 3 | bits[0x20], set(bits) == {1, 4, 0x20}


def stacked(layers):
    """The tree that layers show on one another, as a dictionary of paths; see snapshot."""
    root = None
    for layer in layers:
        root = over(root, layer.root)
    out, places = {}, {}
    describe(root if root else Node(), b"", out, places)
    for paths in places.values():
        if len(paths) > 1:
            for path in paths:
                out[path]["same as"] = min(paths)
    return out


def over(below, above):
    """A directory of a layer on what lies below: a new Node without whiteouts."""
    result = Node()
    if below is not None and not below.is_dir():
        below = None
    attributes = above
    if above.implied and below is not None and not getattr(above, "replaced", False):
        attributes = below
    for key in ("mode", "uid", "gid", "mtime", "xattrs", "implied", "member"):
        setattr(result, key, getattr(attributes, key))
    lower = below.children if below is not None and not above.opaque else {}
    for name, entry in lower.items():
        result.children[name] = entry
    for name, entry in above.children.items():
        if entry.node is None:
            if entry.whiteout:
                result.children.pop(name, None)
            continue
        merged = Entry()
        merged.node = entry.node
        if entry.node.is_dir():
            merged.node = over(lower[name].node if name in lower else None, entry.node)
        result.children[name] = merged
    return result


def describe(node, path, out, places):
    entry = {"kind": node.kind, "owner": (node.uid, node.gid), "mtime": node.mtime,
             "xattrs": node.xattrs}
    if node.kind != "symlink":
        entry["mode"] = node.mode
    if node.implied:
        entry["implied"] = True
    m = node.member
    if node.kind == "symlink":
        entry["target"] = m.link
    elif node.kind in ("char", "block"):
        entry["device"] = m.device
    elif node.kind == "file":
        entry["size"] = m.size
        entry["member"] = m
    out[path] = entry
    if node.kind != "dir":
        places.setdefault(id(node), []).append(path)
    for name, child in node.children.items():
        if child.node is not None:
            describe(child.node, path + b"/" + name if path else name, out, places)
