"""The settings of a hosted playground: each with its bounds, its default and its help.

They are read from environment variables, LATENT_PLAYGROUND_ and the field's name in capitals. The
defaults are for a class of 30 on a machine with two processor cores.
"""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "LATENT_PLAYGROUND_"
MEGABYTE = 10**6


class SettingsError(ValueError):
    """What is wrong with a setting, in one sentence."""


def setting(default, help: str, low: float = 0, high: float = 0):
    """A field that knows its help and, if it is a number, its bounds."""
    return dataclasses.field(default=default, metadata={"help": help, "low": low, "high": high})


@dataclass(frozen=True)
class Settings:
    visitors: int = setting(
        100, "Runs that are drawn at the same time, of all visitors together; each of them has a "
        "thread.", 1, 1000,
    )  # fmt: skip
    waiting: int = setting(
        256, "Requests that may wait for one of these; another one is refused with a sentence.",
        1, 1500,
    )  # fmt: skip
    cells: int = setting(
        64, "Pictures that one visitor may have in work at the same time, where others can reach "
        "the page.", 1, 10_000,
    )  # fmt: skip
    calls: int = setting(
        8000, "Network calls that these pictures may still need together.", 1, 10**7
    )
    seconds: float = setting(
        300.0, "Seconds of network that one visitor may use within ten minutes. As long as nobody "
        "else draws, nobody is refused.", 1, 600,
    )  # fmt: skip
    requests: int = setting(
        20_000, "Requests to compute something that may come from one address in a minute. A whole "
        "class may share one address, and who moves a slider asks several times a second.",
        1, 10**6,
    )  # fmt: skip
    proxies: int = setting(
        0, "Proxies in front of the page that you trust: a visitor's address is then read from "
        "that many entries at the end of X-Forwarded-For. Above 0 others can reach the page.",
        0, 10,
    )  # fmt: skip
    request_megabytes: float = setting(
        1.0, "Size of a request, other than an upload; a larger one is refused before it is read.",
        0.1, 1000,
    )  # fmt: skip
    upload_megabytes: float = setting(
        20.0, "Size of a file that a visitor opens: PNG, JPEG or WebP.", 0.1, 1000
    )
    upload_megapixels: float = setting(
        25.0, "Million pixels of such a picture, read from its header before anything is decoded.",
        0.1, 1000,
    )  # fmt: skip
    upload_minutes: int = setting(60, "Minutes after which such a file is deleted.", 1, 100_000)
    sessions: int = setting(
        256, "Visitors whose pages are remembered; of more, who came last is remembered.",
        2, 10_000,
    )  # fmt: skip
    session_megabytes: float = setting(
        512.0, "Memory for what all visitors hold together (closer looks, races); what was used "
        "least lately is forgotten and drawn again when it is asked for.", 1, 10**6,
    )  # fmt: skip
    leave_seconds: int = setting(
        60, "Seconds after which what a visitor held is forgotten once the page is closed.",
        1, 86_400,
    )  # fmt: skip
    stalled_seconds: int = setting(
        600, "Seconds without any progress of a run after which the process ends itself, so that "
        "it is started again.", 10, 86_400,
    )  # fmt: skip
    frames: str = setting(
        "",
        "Sites that may show the page inside theirs, as in frame-ancestors of a "
        "Content-Security-Policy. Empty: none but this one and, on a Space, Hugging Face.",
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _checked(field, getattr(self, field.name)))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings that the variables give. Raises SettingsError in words."""
        given = {name: environment.get(variable(name), "").strip() for name in FIELDS}
        return cls(**{name: text for name, text in given.items() if text})


FIELDS = {field.name: field for field in dataclasses.fields(Settings)}


def variable(name: str) -> str:
    return PREFIX + name.upper()


def _checked(field: dataclasses.Field, value):
    kind, facts = type(field.default), field.metadata
    if kind is str:
        return _checked_text(field.name, value)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not facts["low"] <= number <= facts["high"] or (kind is int and number % 1):
        whole = "whole " if kind is int else ""
        raise SettingsError(
            f"{variable(field.name)} must be a {whole}number between {facts['low']:,g} and "
            f"{facts['high']:,.10g}, not {str(value)[:40]!r}."
        )
    return kind(number)


def _checked_text(name: str, value) -> str:
    if not isinstance(value, str) or any(mark in value for mark in ";,\r\n") or len(value) > 1000:
        raise SettingsError(
            f"{variable(name)} must be addresses with spaces between them, such as "
            "https://example.org."
        )
    return value


def table() -> str:
    """All settings, for the documents."""
    lines = ["| variable | default | what it sets |", "|---|---|---|"]
    for name, field in FIELDS.items():
        default = f"{field.default:g}" if isinstance(field.default, int | float) else "empty"
        lines.append(f"| `{variable(name)}` | {default} | {field.metadata['help']} |")
    return "\n".join(lines)
