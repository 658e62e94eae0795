"""A folder of static files, with a manifest of their hashes; older ones are replaced whole."""

import gzip
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path, PurePosixPath

MANIFEST = "manifest.json"


class FolderError(ValueError):
    """Why a folder cannot be written, in one sentence."""


@dataclass
class Files:
    """All files by path (`contents`), and those that the page's worker fetches by name (`entries`),
    as site.json lists them.
    """

    contents: dict[str, bytes] = field(default_factory=dict)
    entries: dict[str, dict] = field(default_factory=dict)

    def add(
        self, name: str, content: bytes, suffix: str, packed: bool = False, planes: int = 1
    ) -> str:
        """A file that is fetched and kept by its hash, stored as gzip if `packed`.

        With two `planes` all its even bytes are packed before all its odd ones: numbers of two
        bytes become smaller so, because their exponents stand together.

        Returns its name, which ends with its hash: equal contents of one name are one file.
        """
        inner = hash_of(content)
        name = f"{name}-{inner[:8]}"
        if name not in self.entries:
            apart = b"".join(content[i::planes] for i in range(planes))
            stored = gzip.compress(apart, 6, mtime=0) if packed else content
            path = f"files/{name}{suffix}{'.gz' if packed else ''}"
            self.contents[path] = stored
            entry: dict = {"path": path, "sha256": hash_of(stored), "bytes": len(stored)}
            if packed:
                entry["unpacked"] = {"sha256": inner, "bytes": len(content), "planes": planes}
            self.entries[name] = entry
        return name


def hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digest(files: Iterable[Path], libraries: Sequence[str] = ()) -> str:
    """Of names and contents of files, and of the versions of installed libraries."""
    made = hashlib.sha256()
    for path in files:
        made.update(f"{path.name} {hash_of(path.read_bytes())} ".encode())
    for library in libraries:
        made.update(f"{library} {metadata.version(library)} ".encode())
    return made.hexdigest()


def below(folder: Path, without: Iterable[str] = ()) -> list[Path]:
    """All files in a folder but those in folders of these names, in a fixed order."""
    found = []
    for place, inside, names in os.walk(folder):
        inside[:] = sorted(set(inside) - set(without))
        found += [Path(place) / name for name in sorted(names)]
    return found


def manifest(out: Path) -> dict:
    """Of an edition that is there already; empty if there is none."""
    try:
        found = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        return found if {"sources", "files"} <= found.keys() else {}
    except (OSError, ValueError, AttributeError):
        return {}


def check(out: Path) -> None:
    """Raises FolderError for a folder that holds anything but an older edition."""
    if out.exists() and not manifest(out) and (not out.is_dir() or any(out.iterdir())):
        raise FolderError(f"{out} is not empty and no edition of the playground: it is left alone.")


def replace(out: Path, contents: Mapping[str, bytes], said: Mapping) -> dict:
    """Write `contents` and a manifest that says `said` and their hashes; returns the manifest.

    Written beside first, so that a folder is never half written. What others put into the old one
    (a CNAME, a .git) stays.
    """
    check(out)
    made = dict(said) | {"files": {path: hash_of(contents[path]) for path in sorted(contents)}}
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as beside:
        new = Path(beside) / "new"
        for path, content in contents.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_bytes(content)
        (new / MANIFEST).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        if out.exists():
            _keep_others(out, new)
            shutil.move(out, Path(beside) / "old")
        shutil.move(new, out)
    return made


def _keep_others(out: Path, new: Path) -> None:
    ours = {*manifest(out).get("files", ()), MANIFEST}
    ours |= {parent.as_posix() for path in ours for parent in PurePosixPath(path).parents}
    for path in sorted(out.rglob("*")):
        place = path.relative_to(out)
        if place.as_posix() in ours or (new / place).exists():
            continue
        if path.is_dir() and not path.is_symlink():
            (new / place).mkdir(parents=True)  # empty ones too: git misses them
        else:
            (new / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, new / place, follow_symlinks=False)
