"""The edition that runs in a browser, as files: the same bytes for the same sources."""

import json
from collections.abc import Sequence
from pathlib import Path

import playground
from playground.live import folder, oracle, page_files, site
from playground.live.folder import Files, FolderError
from playground.live.parts import LIBRARIES, Maker, Parts, oracle_graph
from playground.models import specs
from playground.models.specs import MODELS
from playground.paths import ASSETS

HERE = Path(__file__).parent
RUNTIME = HERE / "node_modules" / "onnxruntime-web"
BUILDS = {  # of onnxruntime-web: its module, and what this starts
    "wasm": ("ort.wasm.min", "ort-wasm-simd-threaded"),
    "webgpu": ("ort.webgpu.min", "ort-wasm-simd-threaded.asyncify"),
}
# A static Space reads this from README.md; these headers let a page compute with several threads.
FRONT_MATTER = """---
title: Latent Playground
emoji: 🎛
colorFrom: indigo
colorTo: pink
sdk: static
app_file: index.html
pinned: false
license: mit
short_description: See how latent diffusion listens to words
custom_headers:
  cross-origin-embedder-policy: require-corp
  cross-origin-opener-policy: same-origin
  cross-origin-resource-policy: same-origin
---
"""
READ_ME = """# Latent Playground, live edition

A real latent diffusion model that computes in the visitor's browser: see how it listens to words.
Nothing is sent anywhere. Any server of files can hold this folder, and `python3 serve.py` opens it
here.

Version {version}, written by `python -m playground.live`; `manifest.json` has every file's SHA-256.
"""


def write(out: Path, names: Sequence[str] = tuple(MODELS)) -> dict:
    """Write the folder, or leave it if it is of the same sources already. Returns its manifest.

    Raises FolderError for a folder that holds anything but an older edition.
    """
    folder.check(out)
    made_of = sources(names)
    there = folder.manifest(out)
    if there.get("sources") == made_of:
        return there
    said = {"version": playground.__version__, "sources": made_of}
    return folder.replace(out, contents(names), said)


def contents(names: Sequence[str]) -> dict[str, bytes]:
    """Every file by its path."""
    files, maker = Files(), Maker()
    runtime = _runtime(files)
    models = [_model(files, name, maker.of(specs.get(name))) for name in names]
    judge = {
        "graph": _add_graph(files, "oracle", oracle_graph()),
        "words": _add_json(files, "words", json.dumps(oracle.words()).encode()),
    }
    facts = site.tables() | {
        "files": files.entries, "runtime": runtime, "models": models, "oracle": judge,
    }  # fmt: skip
    read_me = FRONT_MATTER + READ_ME.format(version=playground.__version__)
    scripts = sorted((HERE / "js").rglob("*.js"))
    found = (
        {path.relative_to(HERE).as_posix(): path.read_bytes() for path in scripts}
        | files.contents
        | page_files.page_files()
        | {
            "site.json": json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode(),
            "README.md": read_me.encode(),
            "serve.py": (HERE / "serve.py").read_bytes(),
            "LICENSE-sprites": (ASSETS / "sprites" / "LICENSE").read_bytes(),
            ".nojekyll": b"",  # GitHub Pages: take the files as they are
        }
    )
    hashes = {path: folder.hash_of(found[path]) for path in sorted(found)}
    worker = page_files.service_worker(hashes, playground.__version__, files.entries)
    return found | {"sw.js": worker}


def _runtime(files: Files) -> dict:
    """Which files onnxruntime-web is, by build."""
    if not RUNTIME.is_dir():
        raise FolderError(
            f"The browser's runtime is not here: run `make live`, or `npm ci` in {HERE}."
        )

    def add(name: str, suffix: str) -> str:
        content = (RUNTIME / "dist" / f"{name}{suffix}").read_bytes()
        return files.add(name, content, suffix, packed=suffix == ".wasm")

    version = json.loads((RUNTIME / "package.json").read_text(encoding="utf-8"))["version"]
    return {"version": version} | {
        build: {
            "script": add(module, ".mjs"),
            "glue": add(core, ".mjs"),
            "wasm": add(core, ".wasm"),
        }
        for build, (module, core) in BUILDS.items()
    }


def _model(files: Files, name: str, parts: Parts) -> dict:
    """A model's facts with the names of its files; those that are equal are shared.

    `files` are needed to draw; the encoder is fetched when a picture is read, `rounded` where a
    visitor prefers it to the network, and the file of `closer` for an edit or a worked position.
    """
    called = {"network": name, "check": f"check-{name}", "closer": f"closer-{name}"}
    named = {
        role: (_add_json if role in ("tokenizer", "check") else _add_graph)(
            files, called.get(role, role), content
        )
        for role, content in parts.contents.items()
        if role != "rounded"
    }
    encoder = named.pop("encoder")
    rounded = files.add(f"{name}-8-bit", parts.contents["rounded"], ".onnx", packed=True)
    closer = parts.facts["closer"]
    if closer:
        closer = closer | {"file": named.pop("closer")}
    others = {"encoder": encoder, "rounded": rounded, "closer": closer}
    return parts.facts | {"files": named} | others


def _add_graph(files: Files, name: str, graph: bytes) -> str:
    return files.add(name, graph, ".onnx", packed=True, planes=2)


def _add_json(files: Files, name: str, content: bytes) -> str:
    return files.add(name, content, ".json")


def sources(names: Sequence[str]) -> str:
    """A digest of all that the folder is made of."""
    package = Path(playground.__file__).parent
    files = folder.below(package, ("__pycache__", "node_modules", "assets"))
    for name in names:
        files += folder.below(specs.get(name).folder)
    shown = ("example", "schedules", "conditioning", "dropout")
    others = [ASSETS / f"{name}.json" for name in shown]
    return folder.digest([*files, *others], LIBRARIES) + "".join(f" {name}" for name in names)
