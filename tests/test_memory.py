"""How much memory models may take together, also in a container that has less than its machine."""

import psutil
import pytest

from playground.models import memory


@pytest.fixture
def container(tmp_path, monkeypatch):
    """A control group's files, as Linux shows them in a container."""
    monkeypatch.delenv(memory.LIMIT, raising=False)
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 500000\nfile 100000\n")
    return tmp_path


def test_what_may_be_taken_is_bounded_by_the_container(container):
    assert memory.free() == 1_000_000 - 700_000 + 100_000  # files that are kept can be let go
    assert memory.limit() == memory.SHARE * 1_000_000


@pytest.mark.parametrize("said", ["max\n", "", None, str(2**62)])
def test_a_container_without_a_limit_has_the_machines_memory(container, said):
    if said is None:
        (container / "memory.max").unlink()
    else:
        (container / "memory.max").write_text(said)
    assert memory.limit() == int(memory.SHARE * psutil.virtual_memory().total)
    assert memory.free() <= psutil.virtual_memory().total


def test_a_setting_is_what_it_says(container, monkeypatch):
    monkeypatch.setenv(memory.LIMIT, "2e6")
    assert memory.limit() == 2_000_000
