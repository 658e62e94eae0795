"""Which models may be named: everything on one's own machine, a list where others reach the page.

A recipe comes with a link, so where others can open links they could make the machine download
anything, or ask which files are there. Nothing of what is not listed is looked at.
"""

import ipaddress
import os
from pathlib import Path

from playground.models import loras, source

LIST = "LATENT_PLAYGROUND_MODELS"


class NotOfferedError(ValueError):
    """A model that is not offered here."""


def others_can_reach() -> bool:
    """Whether the page is on a Space, shared by gradio, behind a proxy, or listens beyond this
    machine.

    `playground.page.serve` puts its option --host into the variable that gradio reads.
    """
    host = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1").strip("[]")
    proxied = os.environ.get("LATENT_PLAYGROUND_PROXIES", "").strip() not in ("", "0")
    proxied = proxied or bool(os.environ.get("GRADIO_ROOT_PATH"))
    return bool(os.environ.get("SPACE_ID")) or shared() or proxied or not _loopback(host)


def shared() -> bool:
    """Whether gradio is asked to make the page public."""
    return os.environ.get("GRADIO_SHARE", "").lower() in ("true", "1")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def allow_list() -> tuple[str, ...]:
    """The models and LoRA files of the variable LATENT_PLAYGROUND_MODELS: names parted by commas,
    or a text file with one a line, in which # begins a comment.
    """
    said = os.environ.get(LIST, "").strip()
    if said.endswith(".txt"):
        try:
            lines = Path(said).expanduser().read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise NotOfferedError(f"The list of models, {said}, cannot be read.") from error
        names = [line.partition("#")[0].strip() for line in lines]
    else:
        names = [name.strip() for name in said.split(",")]
    return tuple(name for name in names if name)


def check(model: str, lora: str = "") -> None:
    """Raises NotOfferedError for a model or a LoRA that may not be named here.

    A built-in name is always offered. A Hub id on the list offers each of its commits; one that is
    listed with a revision offers that one alone. A LoRA is offered at its full strength alone: each
    other one would be one more model in memory.
    """
    if not others_can_reach():
        return
    names = allow_list()
    known = {source.read(name) for name in names if source.read(name).kind != source.FILE}
    asked = source.read(model)
    listed = (
        asked.kind == source.NAME
        or model in names
        or asked in known
        or source.Source(asked.kind, asked.where, "", asked.variant) in known
    )
    if not listed:
        offered = ", ".join(names) or "the built-in one alone"
        raise NotOfferedError(
            f"This playground does not offer {model[:80]!r}; it offers: {offered}."
        )
    if lora and lora not in loras.BUILT_IN and lora not in names:
        raise NotOfferedError(
            "This playground does not offer that LoRA; those that it offers are used at their full "
            "strength, without a number after a colon."
        )
