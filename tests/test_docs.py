"""The documents say what was measured, point at files that exist, and the README stays short."""

import ast
import re
import subprocess

import pytest

from playground.measuring import docs, tables
from playground.models import specs

CARD = specs.get(docs.MODEL).card
PARTS = [(path, name) for path, (_, parts) in docs.DOCUMENTS.items() for name in parts]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
NAMED = re.compile(r"`((?:playground|assets|tests|docs)/[\w./-]+)`")
DEFINED = re.compile(r"`([\w/]+\.py): ([\w.]+)`")  # as in `diffusion/guidance.py: guide`


def documents() -> list:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=docs.ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [docs.ROOT / name for name in listed.stdout.split("\0") if name]


@pytest.mark.parametrize(("path", "name"), PARTS, ids=lambda part: getattr(part, "name", part))
def test_every_generated_part_holds_the_cards_numbers(path, name):
    begin, end = (mark.format(name) for mark in docs.MARKS)
    model, parts = docs.DOCUMENTS[path]
    made = parts[name](specs.get(model).card)
    assert f"{begin}\n{made}\n{end}" in path.read_text(), "python -m playground.measuring.docs"


@pytest.mark.parametrize("name", tables.TABLES)
def test_every_table_names_the_command_that_measures_it(name):
    """Also where nothing was measured yet."""
    for card in (CARD, {}):
        assert re.search(r"`python -m playground\.measuring \w+`", tables.TABLES[name](card))


def test_the_scoreboard_has_at_most_eight_rows():
    rows = [line for line in docs.scoreboard(CARD).splitlines() if line.startswith("| ")]
    assert 1 < len(rows) - 1 <= 8  # the heading is one


def test_the_readme_is_at_most_six_kilobytes():
    assert len((docs.ROOT / "README.md").read_bytes()) <= 6000


def test_only_what_is_between_the_marks_is_written():
    text = "before <!-- a: begin -->\nold\n<!-- a: end --> after"
    new = docs.filled(text, "a", "new")
    assert new == "before <!-- a: begin -->\nnew\n<!-- a: end --> after"
    assert docs.filled(new, "a", "new") == new
    with pytest.raises(ValueError, match="no marks <!-- b: begin -->"):
        docs.filled(text, "b", "new")
    with pytest.raises(ValueError, match="no marks"):
        docs.filled("<!-- a: begin --> and no end", "a", "new")


def test_writing_again_changes_nothing(tmp_path, monkeypatch):
    copies = {}
    for number, (path, parts) in enumerate(docs.DOCUMENTS.items()):
        copy = tmp_path / f"{number}.md"
        copy.write_text(path.read_text())
        copies[copy] = parts
    before = [copy.read_text() for copy in copies]
    monkeypatch.setattr(docs, "DOCUMENTS", copies)
    docs.write()
    assert [copy.read_text() for copy in copies] == before


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(docs.ROOT)))
def test_links_between_documents_lead_to_files(path):
    broken = [to for to in LINK.findall(path.read_text()) if not (path.parent / to).exists()]
    assert broken == []


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(docs.ROOT)))
def test_files_that_documents_name_exist(path):
    if path.name in ("LOG.md", "CHANGELOG.md"):  # they tell of the past
        return
    missing = [name for name in NAMED.findall(path.read_text()) if not (docs.ROOT / name).exists()]
    assert missing == []


def definitions(tree: ast.AST, prefix: str = "") -> set[str]:
    """Functions, classes, methods, fields and constants, as `name` or `Class.name`."""
    found = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                found |= definitions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {prefix + to.id for to in targets if isinstance(to, ast.Name)}
    return found


def test_the_tour_names_what_is_there():
    named = DEFINED.findall((docs.ROOT / "docs" / "architecture.md").read_text())
    assert len(named) > 30
    for file, name in named:
        tree = ast.parse((docs.ROOT / "playground" / file).read_text())
        assert name in definitions(tree), f"{file} has no {name}"


def test_the_reader_of_definitions_sees_every_kind():
    code = "A = 1\nB: int = 2\ndef f(): ...\nclass C:\n    x: int\n    def m(self): ...\n"
    assert definitions(ast.parse(code)) == {"A", "B", "f", "C", "C.x", "C.m"}
