"""What a measurement is asked with: its own options, and an address where it needs one."""

import inspect

import pytest

from playground.measuring import __main__ as measuring
from playground.measuring import checkpoints, load


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("report --count 3", "report does not take --count"),
        ("solvers --model emoji-world", "solvers does not take --model"),
        ("scores --full", "scores does not take --full"),
        ("scores http://127.0.0.1:7860", "scores does not take the page's address"),
        ("load", "load must be given the page's address"),
        ("flood --count 3", "flood must be given the page's address"),
        ("checkpoints --full --device cuda", "not allowed with"),
    ],
)
def test_what_a_stage_does_not_take_is_refused(capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        measuring.asked(arguments.split())
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_what_it_takes_is_passed_on():
    assert measuring.asked(["checkpoints", "--full", "--count", "2"]) == (
        checkpoints.measure, {"full_size": True, "count": 2},
    )  # fmt: skip
    asked = ["load", "http://127.0.0.1:7860", "--api"]
    assert measuring.asked(asked) == (load.measure, {"url": asked[1], "api": True})


@pytest.mark.parametrize("name", measuring.STAGES)
def test_every_stage_can_be_asked_for(name):
    parameters = inspect.signature(measuring.STAGES[name]).parameters.values()
    needed = [one.name for one in parameters if one.default is one.empty]
    assert needed in ([], ["url"])
    stage, options = measuring.asked([name, *needed])
    assert (stage, list(options)) == (measuring.STAGES[name], needed)
