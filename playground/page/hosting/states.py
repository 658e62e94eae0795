"""What is kept of each visitor: what gradio holds for handlers, and no copy of the page.

Gradio copies the page's whole configuration for each visitor, and then the last value of every view
into it, for its deep links alone. That took 70 ms of everybody's time for each visitor and about a
megabyte for each picture; links of this page carry a recipe instead.
"""

from copy import copy
from datetime import datetime

from gradio.components import State
from gradio.state_holder import SessionState, StateHolder
from starlette.exceptions import HTTPException

LONGEST = 100  # characters of a session's name; gradio's have eleven
LEFT = 3600  # seconds after which gradio forgets values of a page that is closed


class Light(SessionState):
    """A visitor's values of `gr.State`, and the components that were changed."""

    def __init__(self, blocks):
        self.blocks_config = copy(blocks.default_config)
        self.config_values, self.state_data, self._state_ttl = {}, {}, {}
        self.is_closed, self.STATE_TTL_WHEN_CLOSED = False, LEFT

    def __setitem__(self, key: int, value) -> None:
        block = self.blocks_config.blocks.get(key)
        if isinstance(block, State):
            self._state_ttl[key] = block.time_to_live, datetime.now()
            self.state_data[key] = value
        else:
            self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value) -> None:
        pass


class States(StateHolder):
    """By session; of more than gradio's capacity the one that was used least lately is dropped."""

    def __getitem__(self, session: str) -> SessionState:
        if not 0 < len(session) <= LONGEST:
            raise HTTPException(400, f"A session's name has 1 to {LONGEST} characters.")
        if session not in self.session_data:
            self.session_data[session] = Light(self.blocks)
        return super().__getitem__(session)
