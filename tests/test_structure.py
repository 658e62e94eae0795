"""The parts keep to their places: imports never point back up, files stay short."""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "playground"
FILES = sorted([*PACKAGE.rglob("*.py"), *ROOT.glob("*.py")])
SOLVERS = {"recipe", "samplers", "guidance", "words"}
DRAWING = SOLVERS | {
    "figures", "heatmaps", "model", "zoo", "attention", "editing", "worked", "backends", "engine",
}  # fmt: skip

# The table of parts in the design: who may import whom. A new part needs a line here.
MAY_IMPORT = {
    "recipe": set(),
    "samplers": set(),
    "guidance": set(),
    "words": set(),
    "figures": set(),
    "heatmaps": {"words", "figures"},
    "model": {"samplers", "words"},
    "zoo": {"samplers", "words", "model"},
    "attention": {"words"},
    "editing": {"words", "attention", "model"},
    "worked": {"attention", "model"},
    "graph": {"attention", "model"},
    "backends": {"attention", "model", "graph"},
    "engine": SOLVERS | {"model", "zoo", "attention", "editing", "backends"},
    "measures": DRAWING | {"world"},
    "world": set(),
    # Its report draws and measures.
    "training": DRAWING | {"world", "measures", "truth"},
    "toy": {"guidance"},
    "truth": SOLVERS | {"model"},
    "spacings": {"samplers"},
    "forward": {"model", "truth"},
    "longrun": SOLVERS | {"model", "truth"},
    "views": {"words", "heatmaps"},
    "ui": DRAWING | {"measures", "views", "toy", "truth", "spacings", "forward", "longrun"},
    "app": {"ui"},
}
PART_OF_ENGINE = {"cells": "engine"}
ONLY_IN_UI = "gradio"


def part_of(module: tuple[str, ...]) -> str:
    """playground.world.render → world, app → app."""
    name = module[1] if module[0] == "playground" and len(module) > 1 else module[0]
    return PART_OF_ENGINE.get(name, name)


def module_of(file: Path) -> tuple[str, ...]:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported(file: Path) -> Iterator[tuple[str, ...]]:
    """Every module that the file imports anywhere, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = tuple((node.module or "").split(".")) if node.module else ()
            if node.level:  # relative: from . import x
                package = module_of(file) if file.name == "__init__.py" else module_of(file)[:-1]
                base = (*package[: len(package) - node.level + 1], *base)
            # `from playground import words` names the module in its aliases.
            yield from ((*base, a.name) if base == ("playground",) else base for a in node.names)


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_imports_never_point_back_up(file):
    if file == PACKAGE / "__init__.py":
        assert not list(imported(file))
        return
    own = part_of(module_of(file))
    assert own in MAY_IMPORT, f"{own} is a new part: give it a line in the table of parts"
    used = {part_of(m) for m in imported(file) if m[0] == "playground"}
    assert used - {own} <= MAY_IMPORT[own]


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_only_the_page_knows_gradio(file):
    if part_of(module_of(file)) not in ("ui", "app"):
        assert ONLY_IN_UI not in {m[0] for m in imported(file)}


def test_the_import_reader_sees_every_form(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / "playground" / "world" / "x.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "import playground.engine\nfrom playground import words\nfrom . import scene\n"
        "from ..zoo import get\ndef f():\n    from playground.cells import Cell\n"
    )
    found = {part_of(m) for m in imported(file)}
    assert found == {"engine", "words", "world", "zoo"}  # cells belong to the engine


@pytest.mark.parametrize(
    "module",
    [
        "playground.recipe",
        "playground.samplers",
        "playground.guidance",
        "playground.words",
        "playground.figures",
        "playground.zoo",
    ],
)
def test_light_modules_leave_the_heavy_libraries_alone(module):
    """A link can be checked and a table read without paying seconds for torch."""
    heavy = ("torch", "diffusers", "transformers", "gradio")
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_files_stay_short():
    lines = {
        name_of(f): len(f.read_text().splitlines()) for f in [*FILES, *ROOT.glob("tests/**/*.py")]
    }
    assert {name: n for name, n in lines.items() if n > 400} == {}
    assert statistics.median(lines.values()) <= 200
