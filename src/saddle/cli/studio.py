"""The studio: a page on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..errors import Mistake, require
from ..extras import install
from ..runs.folder import RunFolder
from ..runs.naming import RUNS
from ..waiting import choose_waiting
from .argv import parse_command
from .browsing import open_in_browser
from .output import print_message, print_output

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class StudioOptions:
    """Where the page is, who may come, and what one visitor may ask of this machine."""

    runs: Path = RUNS  # the folder of runs: new ones go there
    port: int | None = None  # of the page; the first free one from 7860 on if not given
    host: str = "127.0.0.1"  # 0.0.0.0 lets other machines in; then give a password
    password: str | None = None  # asked of visitors, under the name studio; SADDLE_STUDIO_PASSWORD says it unseen
    paths: bool | None = None  # may visitors name files of this machine? Yes, unless other machines are let in
    open: bool = False  # open the page in the browser
    upload: int = 200  # MB of one upload, at most
    pixels: int = 64  # millions of pixels of one uploaded picture, at most
    samples: int = 64  # made at once, at most
    trainings: int = 1  # at a time, at most
    seconds: float = 60.0  # that one answer may take

    def __post_init__(self) -> None:
        require(self.port is None or 0 < self.port < 65536, f"port is {self.port}, but should be 1 to 65535")
        for name in ("upload", "pixels", "samples", "trainings", "seconds"):
            require(getattr(self, name) > 0, f"{name} is {getattr(self, name)}, but should be above 0")
        require(self.password != "", "password is empty; give one, or leave --password out")


def studio(words: list[str]) -> None:
    """saddle studio [RUN ...]."""
    named, wish = parse_command("studio", words, StudioOptions())
    runs = tuple(RunFolder.find(run).path for run in named)
    if find_spec("gradio") is None:
        raise Mistake(f"the studio needs gradio, which is not installed; {install('studio')}")
    choose_waiting(company="as trainings run beside the page")  # theirs, who come by it: each would say so again
    alone = wish.host in LOOPBACK
    password = wish.password or os.environ.get("SADDLE_STUDIO_PASSWORD")
    if not alone:
        who = "whoever knows the password" if password else "anybody"
        print_message(
            f"the studio listens on {wish.host}: {who} who can reach this machine can train and see runs here"
        )
    from ..studio.app import launch
    from ..studio.context import StudioContext

    context = StudioContext(
        wish.runs, runs, alone if wish.paths is None else wish.paths, wish.upload << 20,
        wish.pixels * 1_000_000, wish.samples, wish.trainings, wish.seconds,
    )  # fmt: skip
    try:
        page, address = launch(context, wish.host, wish.port, password, block=False)
    except (OSError, ValueError) as error:  # gradio asks its own address, and a busy machine may not answer
        raise Mistake(f"the page cannot be served: {error}; --port names another port") from None
    print_output(f"The studio is at {address}   (Ctrl-C ends it; trainings go on)")
    if wish.open:
        open_in_browser(address)
    try:
        page.block_thread()
    finally:
        page.close(verbose=False)
