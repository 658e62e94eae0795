"""A long measurement that was stopped goes on, and one that ended well is forgotten."""

import pytest

from playground.measuring import kept as module
from playground.measuring.kept import Kept


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHECKPOINTS", tmp_path)
    return tmp_path


def never():
    raise AssertionError("measured again")


def test_what_was_found_before_a_stop_is_not_measured_again(folder):
    def stopped() -> None:
        with Kept("stage", 64) as kept:
            assert kept("a", lambda: [{"right": 0.5}]) == [{"right": 0.5}]
            kept("b", never)

    with pytest.raises(AssertionError, match="measured again"):
        stopped()
    with Kept("stage", 64) as kept:
        assert kept("a", never) == [{"right": 0.5}]
        assert kept("b", lambda: 2) == 2
    assert not list(folder.rglob("*.jsonl"))
    assert Kept("stage", 64)("a", lambda: 3) == 3


def test_other_settings_stages_or_weights_are_measured_for_themselves(monkeypatch):
    Kept("stage", 64)("a", lambda: 1)
    with pytest.raises(AssertionError, match="measured again"):
        Kept("stage", 32)("a", never)
    with pytest.raises(AssertionError, match="measured again"):
        Kept("other", 64)("a", never)
    monkeypatch.setattr(module.export, "facts", lambda part: {"unet": "other weights"})
    with pytest.raises(AssertionError, match="measured again"):
        Kept("stage", 64)("a", never)


def test_a_value_that_cannot_be_kept_is_refused(folder):
    with pytest.raises(TypeError):
        Kept("stage", 1)("a", object)
