"""The line that says what the picture is, the strip of earlier pictures, and what presses buttons.

The scripts in `browser/` fill them; nothing here asks the server.
"""

import gradio as gr

from playground.recipe import FIELDS

LINE = """
<div class="now">
  <canvas class="thumb" width="96" height="96" aria-hidden="true"></canvas>
  <div class="lines">
    <p class="doing" role="status"></p>
    <p class="stale" role="status" hidden></p>
    <p class="is"></p>
  </div>
  <div class="progress" hidden><div></div></div>
  <div class="reach">
    <input class="words" type="text" aria-label="Words, as above" maxlength="{longest}">
    <label>w <input class="scale" type="number" step="any" min="{low}" max="{high}"
      aria-label="Guidance scale w, as above"></label>
  </div>
</div>
"""
EARLIER = """
<section class="earlier" hidden aria-label="Earlier pictures of this browser">
  <p>Earlier pictures: choose one to compare it</p>
  <ul></ul>
</section>
<dialog class="compared" aria-label="Two pictures compared">
  <div class="both"><img alt=""><img alt=""></div>
  <div class="modes"><label>Earlier <input class="wipe" type="range" min="0" max="1" step="0.01"
    aria-label="How much of the earlier picture is covered by the one shown now"> now</label>
    <button type="button" class="flicker">Flicker</button></div>
  <p class="what"></p>
  <p class="differs"></p>
  <p class="acts"><button type="button" class="reopen">Open it again</button>
    <button type="button" class="delete">Delete</button>
    <button type="button" class="close">Close</button></p>
</dialog>
"""
OF_RUN = '<p class="of-run" role="status" hidden></p>'


def line_text() -> str:
    facts = FIELDS["guidance"].metadata
    longest = 2 * FIELDS["prompt"].metadata["high"]  # what is too long is said, not cut off
    return LINE.format(longest=longest, low=facts["low"], high=facts["high"])


def line() -> gr.HTML:
    """What the picture is, what is going on, and what was not drawn yet."""
    return gr.HTML(line_text(), elem_id="now", padding=False)


def earlier() -> gr.HTML:
    return gr.HTML(EARLIER, elem_id="earlier", padding=False)


def of_run(lens: str) -> gr.HTML:
    """At the top of a lens: a line on whose picture it shows, if that is another one."""
    return gr.HTML(OF_RUN, elem_id=f"of-{lens.lower()}", padding=False)
