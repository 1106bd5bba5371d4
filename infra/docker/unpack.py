"""Unpacks the image of an architecture from an OCI layout: LAYOUT ARCHITECTURE FOLDER LIMIT.

Its root gets into FOLDER/root and its configuration into FOLDER/config.json. Says its size, and fails when that is over LIMIT bytes.
"""

import gzip
import hashlib
import json
import pathlib
import sys
import tarfile

layout, architecture, folder, limit = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4])


def blob(digest):
    """Gives the bytes of a digest, after they were checked against it."""
    content = (layout / "blobs" / digest.replace(":", "/")).read_bytes()
    if hashlib.sha256(content).hexdigest() != digest.split(":")[1]:
        sys.exit(f"{layout}: {digest} is damaged")
    return content


manifests = json.loads((layout / "index.json").read_bytes())["manifests"]
while "manifests" in (document := json.loads(blob(manifests[0]["digest"]))):
    manifests = [one for one in document["manifests"] if one["platform"]["architecture"] == architecture]
    if not manifests:
        sys.exit(f"{layout}: there is no image for {architecture}")
config = json.loads(blob(document["config"]["digest"]))
size = document["config"]["size"] + sum(layer["size"] for layer in document["layers"])
root = folder / "root"
root.mkdir(parents=True)
for layer in document["layers"]:
    content = blob(layer["digest"])
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    (folder / "layer.tar").write_bytes(content)
    with tarfile.open(folder / "layer.tar") as files:
        files.extractall(root, filter="tar")
(folder / "config.json").write_text(json.dumps(config))
names = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
if names != ["etc/ssl/certs/ca-certificates.crt", "function"]:
    sys.exit(f"{layout}: there is more in it than the program and the authorities: {names}")
print(f"{layout.name}: {size / 1e6:.1f} MB compressed, {(root / 'function').stat().st_size / 1e6:.1f} MB program", flush=True)
if size > limit:
    sys.exit(f"{layout}: {size} bytes are more than {limit}")
