"""How commands read their options."""

import argparse
from typing import NoReturn

WRONG, INTERRUPTED = 2, 130  # exit statuses: asked wrongly; Ctrl-C, as shells count it


class Parser(argparse.ArgumentParser):
    """What is wrong is said in one sentence; names of options are written in full."""

    def __init__(self, prog: str, description: str):
        super().__init__(prog, description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG, f"{self.prog}: {message}\n")
