"""`python -m clipsearch.cli` is the program."""

from __future__ import annotations

from clipsearch.cli import main

if __name__ == "__main__":
    main()
