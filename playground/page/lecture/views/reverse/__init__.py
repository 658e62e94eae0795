"""The learned reverse: what the network guesses the picture to be (pred_x0), call by call.

Its value is the word explorer's (`studio.views.explorer.finished`): it shows once more what that
one shows.
"""

from pathlib import Path

from playground.page.shared.view import read

VIEW = read(Path(__file__).parent)
