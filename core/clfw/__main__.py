"""`python -m clfw`."""

from clfw.cli import main

main()
