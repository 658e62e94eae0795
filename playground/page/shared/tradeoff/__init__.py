"""A measured table: one row per setting, one column per measure, each number with its bar."""

from dataclasses import asdict, dataclass
from pathlib import Path

from playground.page import glossary
from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)


@dataclass(frozen=True)
class Column:
    """A measure: its key in the rows, what it is called, and how a number of it is shown."""

    key: str
    label: str
    help: str
    percent: bool = False


COLUMNS = (
    Column("lenient", "asked-for is there", "Share of pictures in which the oracle finds all that "
           "the prompt names.", percent=True),
    Column("strict", "… and nothing else", "Share of pictures that also hold nothing that was not "
           "asked for.", percent=True),
    Column("diversity", "diversity", glossary.get("diversity").sentence),
    Column("saturation", "saturation", glossary.get("saturation").sentence, percent=True),
)  # fmt: skip
ROWS = Column("rows", "rows a picture", "Rows that the network computes for one picture.")


def message(text: str, error: bool = False, run: str | None = None) -> dict:
    """Only a sentence, of the measurement `run` if one begins; the table stays as it is."""
    return {"text": text, "error": error, "run": run}


def stopped() -> dict:
    """The visitor stopped: sentences that arrive later do not replace this one."""
    return message("Stopped. The rows that were finished stay.") | {"stopped": True}


def table(
    heading: str,
    rows: list[tuple[str, dict[str, float]]],
    text: str,
    run: str | None = None,
    columns: tuple[Column, ...] = COLUMNS,
    caption: str = "",
) -> dict:
    """`rows`: what each setting is called, and its measures by the keys of `columns`.

    `run` names the measurement that is filling the table, if there is one; `caption` says what
    the rows are measured on, whatever `text` says.
    """
    return {
        "run": run,
        "heading": heading,
        "caption": caption,
        "columns": [asdict(column) for column in columns],
        "rows": [{"name": name, "values": [found[c.key] for c in columns]} for name, found in rows],
        "text": text,
    }


def folded(shown: dict) -> dict:
    """The table closed under a line, where charts show the same."""
    return shown | {"folded": True}
