"""`python -m web.cli` is `linghang`."""

from web.cli import main

main()
