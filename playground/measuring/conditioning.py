"""What three ways to tell a denoiser something are worth, on the toy: kept for the page."""

from dataclasses import asdict

from playground.paths import ASSETS
from playground.toys import conditioning
from playground.training import export

TABLE = ASSETS / "conditioning.json"


def measure(count: int = conditioning.SAMPLES) -> None:
    """Train the toy's networks, judge `count` samples of each, and write the table."""
    rows = [asdict(result) for result in conditioning.compare(count=count)]
    found = {"steps": conditioning.STEPS, "count": count, "rows": rows}
    TABLE.write_text(export.written(found) + "\n", encoding="utf-8")
