"""`python -m saddle` is `saddle`; `torchrun -m saddle` is how several processes train together."""

from __future__ import annotations

import sys

from .early import guarded


def main() -> int:
    from .cli import main

    return main()


def run() -> int:
    """The command line as a process of its own."""
    return guarded(main)


if __name__ == "__main__":
    sys.exit(run())
