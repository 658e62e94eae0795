"""`python -m playground`: the command line (see `cli`)."""

from playground.cli import main

main()
