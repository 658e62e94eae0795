"""The queues of messages to visitors, which gradio keeps for 2,000 of them and then drops.

Gradio drops the oldest one, also of a visitor who waits; its loop then ends by a KeyError, and no
event is ever served again. Here one is dropped only if nobody waits for it, and a message to nobody
is no error.
"""

import asyncio
from collections.abc import Callable


class Mailboxes(dict[str, asyncio.Queue]):
    """By session; of more than `most`, the oldest that `needed` does not name are dropped."""

    def __init__(self, most: int, needed: Callable[[], set[str]]):
        super().__init__()
        self._most, self._needed = most, needed

    def __missing__(self, session: str) -> asyncio.Queue:
        return asyncio.Queue()  # thrown away

    def __setitem__(self, session: str, mailbox: asyncio.Queue) -> None:
        if session not in self and len(self) >= self._most:
            needed = self._needed()
            if found := next((old for old in self if old not in needed), None):
                del self[found]
        super().__setitem__(session, mailbox)

    def __delitem__(self, session: str) -> None:
        self.pop(session, None)  # who closed two connections has none left the second time

    def unread(self, most: int) -> list[str]:
        """Sessions with more than so many messages that were not fetched."""
        return [session for session, mailbox in self.items() if mailbox.qsize() > most]
