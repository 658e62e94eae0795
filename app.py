"""Open the playground: `python app.py`, or on a Hugging Face Space as it is."""

from playground.ui.drawing import warm_up
from playground.ui.page import CSS, build, theme


def main() -> None:
    page = build()
    page.launch(theme=theme(), css=CSS, footer_links=[], prevent_thread_lock=True)
    warm_up()
    page.block_thread()


if __name__ == "__main__":
    main()
