"""Open the playground: `python app.py`, or on a Hugging Face Space as it is."""

from playground.cli import main

if __name__ == "__main__":
    main()
