"""Open the playground: `python app.py`, or on a Hugging Face Space as it is."""

from playground.ui.page import CSS, build, theme


def main() -> None:
    from playground.ui.drawing import warm_up

    warm_up()
    build().queue(default_concurrency_limit=16).launch(theme=theme(), css=CSS, footer_links=[])


if __name__ == "__main__":
    main()
