"""The way through the lecture: which stop is shown, which were seen, and its sentences.

The stops' figures are elements of the page beside this view, `#stop-NAME`.
"""

from pathlib import Path

from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)
