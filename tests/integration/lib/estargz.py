# SPDX-License-Identifier: Apache-2.0
"""Checks the eStargz layers of an OCI archive: estargz.py ARCHIVE

Written from the format's description alone. Each layer has to be gzip with the digest that the
manifest names and the diff id that the configuration names; its footer has to lead to the table of
contents; and every file has to come out of the places that the table tells.
"""

import gzip
import hashlib
import io
import json
import sys
import tarfile
import zlib


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def read_chunk(blob, offset, size):
    """The first bytes of the gzip members that begin at offset."""
    out = b""
    while len(out) < size:
        member = zlib.decompressobj(31)
        out += member.decompress(blob[offset:])
        offset = len(blob) - len(member.unused_data)
    return out[:size]


def read_toc(blob, annotations):
    footer = blob[-51:]
    assert footer[:4] == b"\x1f\x8b\x08\x04", "no gzip header with an extra field"
    assert footer[10:16] == b"\x1a\x00SG\x16\x00" and footer[32:38] == b"STARGZ", "no footer"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob[int(footer[16:32], 16):]))) as tar:
        text = tar.extractfile("stargz.index.json").read()
    assert sha256(text) == annotations["containerd.io/snapshot/stargz/toc.digest"]
    toc = json.loads(text)
    assert toc["version"] == 1
    return toc["entries"]


def check_file(blob, entry, chunks, wanted):
    data = b""
    for chunk in [entry] + chunks:
        size = min(chunk.get("chunkSize") or entry["size"], entry["size"] - len(data))
        assert chunk.get("chunkOffset", 0) == len(data)
        part = read_chunk(blob, chunk["offset"], size)
        assert sha256(part) == chunk["chunkDigest"], chunk
        data += part
    assert sha256(data) == entry["digest"] and data == wanted, entry


def check_layer(blob, layer, diff_id):
    raw = gzip.decompress(blob)
    assert sha256(blob) == layer["digest"] and sha256(raw) == diff_id
    assert layer["annotations"]["io.containers.estargz.uncompressed-size"] == str(len(raw))
    entries = read_toc(blob, layer["annotations"])
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        names = tar.getnames()
        assert names[0] == ".no.prefetch.landmark" and names[-1] == "stargz.index.json"
        assert len([e for e in entries if e["type"] != "chunk"]) == len(names) - 1
        for entry in entries:
            if entry["type"] == "reg" and entry.get("size"):
                chunks = [e for e in entries if e["type"] == "chunk" and e["name"] == entry["name"]]
                check_file(blob, entry, chunks, tar.extractfile(entry["name"]).read())


def main():
    with tarfile.open(sys.argv[1]) as archive:
        def blob(digest):
            return archive.extractfile("blobs/" + digest.replace(":", "/")).read()

        index = json.loads(archive.extractfile("index.json").read())
        manifest = json.loads(blob(index["manifests"][0]["digest"]))
        config = json.loads(blob(manifest["config"]["digest"]))
        assert len(manifest["layers"]) == len(config["rootfs"]["diff_ids"]) > 0
        for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"]):
            check_layer(blob(layer["digest"]), layer, diff_id)


main()
