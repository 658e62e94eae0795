"""The live edition is a function of its sources: written twice, it is the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_two_cold_exports_are_equal_to_the_byte(tmp_path):
    """Nothing is kept between them, and each has its own order of sets and dictionaries' hashes."""
    found = []
    for number in ("1", "2"):
        out = tmp_path / number
        own = {
            "LATENT_PLAYGROUND_CACHE": str(tmp_path / f"cache {number}"),
            "PYTHONHASHSEED": number,
        }
        subprocess.run(
            [sys.executable, "-m", "playground.live", str(out)], cwd=ROOT, check=True,
            env=os.environ | own, capture_output=True,
        )  # fmt: skip
        files = (path for path in sorted(out.rglob("*")) if path.is_file())
        found.append({path.relative_to(out).as_posix(): path.read_bytes() for path in files})
    one, other = found
    assert one.keys() == other.keys()
    assert [path for path in one if one[path] != other[path]] == []
