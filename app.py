"""Open the playground: `python app.py`, or on a Hugging Face Space as it is."""

from playground.page.page import CSS, build, theme
from playground.page.serving import warm_up


def main() -> None:
    page = build()
    page.launch(theme=theme(), css=CSS, footer_links=[], prevent_thread_lock=True)
    warm_up()
    page.block_thread()


if __name__ == "__main__":
    main()
