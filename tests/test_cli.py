"""The command line: what it writes, what it prints, and what it refuses in one sentence."""

import json
import re
import subprocess
import sys

import pytest
from PIL import Image

from playground import cli
from playground.api.endpoints import ENDPOINTS
from playground.api.parameters import RECIPE
from playground.measuring.docs import ROOT
from playground.recipe import Recipe

DOCUMENT = (ROOT / "docs" / "api.md").read_text()
QUICK = ["a red square", "--steps", "2", "--seed", "3"]


@pytest.fixture
def run(session, monkeypatch, tmp_path, capsys):
    """Runs a command in an empty folder, drawing with the small model; what it prints."""
    monkeypatch.setattr(cli, "opened", lambda *_: session)
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> str:
        cli.main(arguments)
        return capsys.readouterr().out

    return command


def test_draw_writes_a_picture_with_its_recipe(run):
    said = run("draw", *QUICK, "--guidance", "3.5", "-o", "x.png")
    assert Recipe.from_png("x.png") == Recipe(prompt=QUICK[0], steps=2, seed=3, guidance=3.5)
    assert re.match(r"Wrote x\.png in \d+\.\d\d s\. 2 network calls\. Asked: a red square; ", said)


def test_explain_writes_a_sheet_or_numbers(run):
    run("explain", *QUICK, "-o", "x.png")
    with Image.open("x.png") as sheet:
        assert sheet.width > 4 * 128  # the picture and three words
    run("explain", *QUICK, "--maps", "arrays", "-o", "x.json")
    with open("x.json") as file:
        words = json.load(file)["words"]
    assert [len(word["map"]) for word in words] == [16] * 3


def test_sweep_and_race_read_lists_as_the_page_does(run):
    swept = json.loads(run("sweep", *QUICK, "--values", "0-6 (+3)", "-o", "x.png", "--json"))
    assert [frame["value"] for frame in swept["frames"]] == [0, 3, 6]
    race = ("race", "x", "--samplers", "ddim, heun", "--counts", "1-3 (+2)", "--guidances", "1")
    lanes = json.loads(run(*race, "-o", "x.png", "--json"))["lanes"]
    assert {(lane["sampler"], lane["count"]) for lane in lanes} >= {("ddim", 3), ("heun", 3)}


def test_models_and_samplers_are_listed_as_json(run):
    assert json.loads(run("models"))["models"][0]["name"] == "emoji-world"
    assert len(json.loads(run("samplers"))["samplers"]) > 10


@pytest.mark.parametrize("name", ENDPOINTS)
def test_every_parameter_is_an_option(name):
    endpoint = ENDPOINTS[name]
    offered = {action.dest for action in cli.parser(endpoint)._actions}
    own = {"help", "output", "json"} if endpoint.picture else {"help"}
    assert offered == {one.name for one in endpoint.parameters} | own
    assert cli.parser(endpoint).format_help()  # a % in a help text would break it


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["drwa"], "no command 'drwa'; there are: draw, explain"),
        (["draw", "x"], "required: -o"),
        (["draw", "x", "-o", "x.png", "--steps", "0"], "Steps must be between 1 and 100."),
        (["draw", "x", "-o", "x.png", "--steps", "many"], "Steps must be a number."),
        (["draw", "x", "-o", "x.png", "--sampler", "no"], "There is no sampler 'no'"),
        (["draw", "x", "-o", "x.png", "--model", "no"], "There is no model 'no'"),
        (["draw", "x", "-o", "no/such/folder/x.png", "--steps", "1"], "No such file or directory"),
        (["draw", "x", "-o", "x.png", "--w", "3"], "unrecognized arguments: --w"),
        (["explain", "x", "-o", "x.png", "--guidance", "0", "--steps", "1"], "At w = 0"),
        (["race", "x", "-o", "x.png", "--counts", "5-"], "5-"),
        (["sweep", "x", "-o", "x.png", "--field", "steps"], "field must be one of"),
        (["serve", "--port", "x"], "from 1 to 65535, not 'x'"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_status_2(run, capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert said in told
    assert told.startswith("latent-playground")
    assert told.count("\n") == 1


def test_an_interrupt_is_quiet(monkeypatch, tmp_path, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "opened", interrupted)
    with pytest.raises(SystemExit) as caught:
        cli.main(["draw", *QUICK, "-o", str(tmp_path / "x.png")])
    assert caught.value.code == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_list_of_commands_is_printed():
    text = cli.usage()
    assert all(f"  {name} " in text for name in (*ENDPOINTS, "serve", "live"))


def test_the_documents_commands_are_commands():
    lines = re.findall(r"^    latent-playground (\w+)(.*)$", DOCUMENT, re.M)
    assert {name for name, _ in lines} >= set(ENDPOINTS) - {"samplers"}
    for name, _ in lines:
        assert name in cli.ABOUT


def test_the_version_is_said_without_building_anything():
    code = (
        "import sys; from playground import cli; cli.main(['--version']);"
        "print([m for m in ('torch', 'gradio', 'numpy', 'fastapi') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_field_of_a_recipe_is_an_option_of_draw():
    assert {one.name for one in RECIPE} == set(Recipe.json_schema()["properties"]) - {"v"}
