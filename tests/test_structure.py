"""The house keeps its order: imports point down only, without circles, and files stay short."""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "playground"
FILES = sorted([*PACKAGE.rglob("*.py"), *ROOT.glob("*.py")])

# Who may import whom, room by room. A new room needs a line here.
TABLES = {"faults", "wording", "paths", "pngtext", "recipe", "weighting"}
PURE = TABLES | {"diffusion"}
MODELS = PURE | {"models"}
DRAWING = MODELS | {"attention", "engine"}
MAY_IMPORT = {
    "arguments": set(),
    "faults": set(),
    "wording": set(),
    "paths": set(),
    "pngtext": set(),
    "recipe": {"pngtext"},
    "weighting": {"recipe"},
    "a1111": {"pngtext", "recipe"},
    "diffusion": TABLES,
    "models": PURE,
    "attention": MODELS,
    "engine": MODELS | {"attention"},
    "hosting": TABLES | {"models"},
    "client": DRAWING | {"notebook"},
    "replicas": DRAWING | {"faults", "hosting"},  # engines elsewhere
    "notebook": {"engine", "page"},
    "playground": DRAWING | {"client"},  # the package itself
    "world": TABLES,
    "toys": PURE,
    "training": DRAWING | {"world"},
    "measuring": DRAWING | {"client", "world", "training", "toys", "hosting", "replicas"},
    # Of the engine the page knows the session and what a run is, of models their table.
    "page": PURE
    | {"playground", "arguments", "a1111", "models", "attention", "engine", "world", "toys"}
    | {"hosting"},
    "api": DRAWING | {"playground", "faults", "hosting", "page", "world"},
    # The folder for browsers is written from what engine and page say of themselves.
    "live": DRAWING | {"playground", "a1111", "page", "world"},
    "cli": DRAWING | {"arguments", "api", "live", "page", "replicas"},
    "__main__": {"cli"},
    "app": {"cli"},
}
# What single files of the page may know of rooms that compute.
PAGE_MAY_USE = {
    "playground.models.specs",
    "playground.models.source",
    "playground.models.offered",
    "playground.models.loras",
    "playground.models.words",
    "playground.models.pictures",
    "playground.attention.summing",
    "playground.attention.heatmaps",
    "playground.engine.events",
    "playground.engine.record",
    "playground.engine.session",
    "playground.engine.sessions",
    "playground.engine.work",
    "playground.engine.opening",
    "playground.engine.local",
    "playground.engine.zerogpu",
    "playground.world.measures",
}
HEAVY = ("torch", "diffusers", "transformers", "onnxruntime")


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in FILES}


def room_of(module: str) -> str:
    """playground.world.render → world, app → app."""
    parts = module.split(".")
    return parts[1] if parts[0] == "playground" and len(parts) > 1 else parts[0]


def imported(file: Path) -> Iterator[str]:
    """Every module that the file imports anywhere, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (node.module or "").split(".") if node.module else []
            if node.level:  # relative: from . import x
                package = module_of(file).split(".")
                package = package if file.name == "__init__.py" else package[:-1]
                base = [*package[: len(package) - node.level + 1], *base]
            for alias in node.names:  # a name may be a module of the package
                name = ".".join([*base, alias.name])
                yield name if name in MODULES else ".".join(base)


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_imports_never_point_back_up(file):
    own = room_of(module_of(file))
    assert own in MAY_IMPORT, f"{own} is a new room: give it a line in the table of rooms"
    used = {room_of(m) for m in imported(file) if m.split(".")[0] == "playground"}
    assert used - {own} <= MAY_IMPORT[own]


def test_no_file_imports_itself_in_a_circle():
    arrows = {
        module: {m for m in imported(file) if m in MODULES} for module, file in MODULES.items()
    }
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_only_the_page_knows_gradio(file):
    if room_of(module_of(file)) not in ("page", "api", "app"):
        assert "gradio" not in {m.split(".")[0] for m in imported(file)}


@pytest.mark.parametrize("file", [f for f in FILES if "page" in f.parts], ids=name_of)
def test_the_page_asks_the_session_alone(file):
    """No file of the page imports torch, a model, a backend or an engine."""
    found = set(imported(file))
    assert not {m.split(".")[0] for m in found} & set(HEAVY)
    inside = {m for m in found if room_of(m) in ("models", "attention", "engine")}
    assert inside <= PAGE_MAY_USE


def test_the_import_reader_sees_every_form(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / "playground" / "world" / "x.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "import playground.engine\nfrom playground.models import words\nfrom . import scene\n"
        "from ..recipe import Recipe\ndef f():\n    from playground.diffusion.levels import Level\n"
    )
    assert set(imported(file)) == {
        "playground.engine", "playground.models.words", "playground.world.scene",
        "playground.recipe", "playground.diffusion.levels",
    }  # fmt: skip


@pytest.mark.parametrize(
    "module",
    [
        "playground",
        "playground.recipe",
        "playground.pngtext",
        "playground.wording",
        "playground.diffusion.samplers",
        "playground.diffusion.guidance",
        "playground.models.words",
        "playground.models.specs",
        "playground.engine.opening",
        "playground.page.page",
    ],
)
def test_light_modules_leave_the_heavy_libraries_alone(module):
    """A link can be checked, a table read and the page built without paying seconds for torch."""
    code = f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])"
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
