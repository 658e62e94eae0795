"""Errors that nobody foresaw: a visitor reads one sentence and a number, the log says the rest."""

import logging
import secrets

LOG = logging.getLogger("playground")
UNFORESEEN = "Something went wrong that should not have"


def told(error: BaseException, where: str = "") -> str:
    """One sentence about an error: its own if it is a ValueError, which is how this project says
    what is wrong; else a number under which the log has the traceback.

    The text of any other exception may hold paths, addresses or parts of data.
    """
    if isinstance(error, ValueError | FloatingPointError) and (text := str(error).strip()):
        return text.splitlines()[0]  # FloatingPointError: latents that are no longer finite
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "Memory ran out: choose a smaller size or fewer pictures."
    return unforeseen(error, where)


def unforeseen(error: BaseException, where: str = "") -> str:
    """Log the error under a number, and say that number."""
    number = secrets.token_hex(4)
    LOG.error("Error %s%s", number, f" in {where}" if where else "", exc_info=error)
    return f"{UNFORESEEN}; the log calls it {number}."
