"""What is installed: one version, a command that starts, and every library that is imported."""

import ast
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

import playground
from playground import cli
from playground.page import serve

ROOT = Path(__file__).parents[1]
OURS = {"playground", "app", *(path.stem for path in (ROOT / "tests").iterdir())}
# Asked for by libraries when we use them so; what developers measure with; and one to compare with
# (requirements-benchmark.txt).
UNIMPORTED = {"accelerate", "sentencepiece"}
OPTIONAL = {"atheris", "attention_map_diffusers", "mcp", "peft", "playwright", "ray", "spaces"}
NAME = re.compile(r"^([\w.-]+)", re.MULTILINE)


def required(file: str) -> set[str]:
    """Names of distributions that a requirements file asks for."""
    text = (ROOT / file).read_text()
    return {_plain(name) for name in NAME.findall(re.sub(r"(?m)^(#|-r).*$", "", text))}


def _plain(name: str) -> str:
    """As https://peps.python.org/pep-0503/ compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(folder: str) -> set[str]:
    """Distributions whose modules the files of a folder import."""
    found, owners = set(), metadata.packages_distributions()
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    others = found - OURS - OPTIONAL - set(sys.stdlib_module_names)
    return {_plain(owners[name][0]) for name in others if name in owners} | {
        f"nobody's {name}" for name in others if name not in owners
    }


def test_requirements_are_what_the_package_imports():
    assert imported("playground") == required("requirements.txt") - UNIMPORTED


def test_what_tests_import_is_required_too():
    allowed = required("requirements.txt") | required("requirements-dev.txt") | {"markupsafe"}
    assert imported("tests") <= allowed


def test_every_requirement_has_a_constraint_but_torch():
    constrained = required("constraints.txt")
    wanted = required("requirements.txt") | required("requirements-dev.txt")
    assert wanted - constrained == {"torch"}


@pytest.mark.parametrize("name", ["torch", "triton", "nvidia-cublas"])
def test_no_build_of_torch_is_forced(name):
    assert name not in required("constraints.txt")


def test_the_version_stands_in_one_place():
    assert re.fullmatch(r"\d+\.\d+\.\d+", playground.__version__)
    assert 'dynamic = ["version", "dependencies"]' in (ROOT / "pyproject.toml").read_text()
    assert f"[{playground.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_command_says_the_installed_version(monkeypatch, capsys):
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    for installed, said in ((lambda name: f"{name} 7", "latent-playground 7"), (missing, "files")):
        monkeypatch.setattr(metadata, "version", installed)
        cli.main(["--version"])
        assert capsys.readouterr().out.strip().endswith(said)


def test_the_command_of_the_package_is_there():
    script = re.search(
        r'^latent-playground = "([\w.]+):(\w+)"$', (ROOT / "pyproject.toml").read_text(), re.M
    )
    assert script.groups() == (cli.__name__, cli.main.__name__)


def test_host_and_port_are_passed_on(monkeypatch):
    asked = []
    monkeypatch.setattr(serve, "serve", lambda *options: asked.append(options[:2]))
    cli.main([])
    cli.main(["--host", "0.0.0.0"])
    cli.main(["serve", "--host", "0.0.0.0", "--port", "8080"])
    assert asked == [(None, None), ("0.0.0.0", None), ("0.0.0.0", 8080)]
