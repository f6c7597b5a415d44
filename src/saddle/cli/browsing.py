"""Pages that were made are shown in the user's browser, where that was asked for and there is one."""

from __future__ import annotations

from pathlib import Path

from .output import print_message


def open_in_browser(page: str | Path) -> None:
    """Show a page, a file or an address; where nothing can show it that is said, and no command fails for it."""
    import webbrowser

    address = page if isinstance(page, str) else page.resolve().as_uri()
    try:
        shown = webbrowser.open(address)
    except (OSError, webbrowser.Error):
        shown = False
    if not shown:
        print_message(f"no browser could be opened here; the page is {page}")
