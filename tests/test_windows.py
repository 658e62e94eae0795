"""What Windows lacks: UTF-8 as the encoding of texts (before Python 3.15), and modules of Unix."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from playground.measuring.docs import ROOT

PACKAGE = ROOT / "playground"
TEXTS = ("read_text", "write_text")
UNIX = {"fcntl", "grp", "pwd", "resource", "termios"}


def unsaid(code: str) -> list[int]:
    """Lines in which a text file is opened without saying how its letters are stored."""
    calls = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))
    return sorted(call.lineno for call in calls if opens_text(call) and not says(call))


def opens_text(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name != "open":
        return name in TEXTS
    if isinstance(call.func, ast.Name):  # open(file, mode)
        return "b" not in mode(call, 1)
    said = mode(call, 0)  # Path.open(mode); another library's `open` has other arguments
    return bool(said) and set(said) <= set("rwxat+")


def mode(call: ast.Call, place: int) -> str:
    given = [key.value for key in call.keywords if key.arg == "mode"] or call.args[place:]
    return given[0].value if given and isinstance(given[0], ast.Constant) else ""


def says(call: ast.Call) -> bool:
    return any(key.arg == "encoding" for key in call.keywords)


def sources() -> dict[str, Path]:
    files = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    return {name: path for name, path in files.items() if "node_modules" not in path.parts}


def test_every_text_file_says_how_it_is_stored():
    found = {name: unsaid(path.read_text(encoding="utf-8")) for name, path in sources().items()}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_no_file_needs_modules_of_unix_to_be_imported():
    for name, path in sources().items():
        nodes = ast.parse(path.read_text(encoding="utf-8")).body
        names = {each.name for node in nodes if isinstance(node, ast.Import) for each in node.names}
        names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        assert not UNIX & names, name


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("open(a)", [1]),
        ("open(a, 'rb')", []),
        ("open(a, mode='w')", [1]),
        ("open(a, encoding='utf-8')", []),
        ("a.open('w')", [1]),
        ("a.open('rb')", []),
        ("Image.open(a)", []),
        ("\na.read_text()", [2]),
        ("a.write_text(b, encoding='utf-8')", []),
    ],
)
def test_what_counts_as_a_text_file(code, lines):
    assert unsaid(code) == lines


def test_what_a_program_reads_of_us_is_utf_8():
    """In a locale that knows ASCII alone, as Windows' code pages do not know every letter."""
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment.pop("PYTHONIOENCODING", None)
    done = subprocess.run(
        [sys.executable, "-m", "playground", "--help"],
        cwd=ROOT, env=environment, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "COMMAND …" in done.stdout.decode()
