"""How much the picture listened to each word: the mean of the words' shares of attention.

Its value is the word explorer's (`studio.views.explorer.finished`).
"""

from pathlib import Path

from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)
