"""A run as a service of HTTP."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import escape_unprintable, require
from ..runs.folder import RunFolder
from ..waiting import choose_waiting
from .argv import parse_command
from .output import print_message, tell_waiting
from .run_options import WeightOptions, load_run

if TYPE_CHECKING:
    from ..inference.loaded import LoadedGame
    from ..inference.normals import Normals

TOKEN_VARIABLE = "SADDLE_TOKEN"
MIN_TOKEN = 12  # signs


@dataclass(frozen=True)
class ServerOptions:
    """Where and how requests are answered."""

    host: str = "127.0.0.1"  # this machine alone; 0.0.0.0 answers everybody who can reach it
    port: int = 8000  # 0: any that is free
    token: str | None = None  # that requests must bring; better the environment variable SADDLE_TOKEN, as ps shows this
    batch: int | None = None  # rows of every pass, asked for or not; 1: no batches; as many as pay if not given
    queue: int = 256  # rows that may wait for a pass; further requests are told to come again (429)
    timeout: float = 30.0  # seconds for a request (504); what is not begun then is dropped
    grace: float = 30.0  # seconds in which what was taken on is done, when the server is asked to end
    threads: int | None = None  # of a pass; as many as there are cores for this process if not given
    normals: str | None = None  # normal pictures that scores are compared with; held-out: those of the run
    max_n: int = 64  # samples or pictures of a request
    max_pixels: int = 4_000_000  # of all pictures of a request
    max_body: int = 16  # MiB of a request
    max_steps: int = 1000  # of the search of a completion

    def __post_init__(self) -> None:
        require(0 <= self.port < 65_536, f"port is {self.port}, but should be 0 to 65535")
        require(self.batch is None or 1 <= self.batch <= 64, f"batch is {self.batch}, but should be 1 to 64")
        for name in ("timeout", "grace", "max_body"):
            require(0 < getattr(self, name) < 1e6, f"{name.replace('_', '-')} is {getattr(self, name)}, but should be "
                    "above 0, and not a million")  # fmt: skip

    @property
    def secret(self) -> str | None:
        """The token that requests must bring, from the option or the environment."""
        token = os.environ.get(TOKEN_VARIABLE) if self.token is None else self.token
        if token is None:
            return None
        plain = re.fullmatch(r"[!-~]+", token) is not None and len(token) >= MIN_TOKEN
        require(plain, f"a token has {MIN_TOKEN} signs or more, letters, digits and such without spaces; "
                       "`openssl rand -hex 16` makes one")  # fmt: skip
        return token


@dataclass(frozen=True)
class ServeOptions(WeightOptions, ServerOptions):
    """How a run is served: where first, then by which of its weights."""


def serve(words: list[str]) -> None:
    """saddle serve RUN"""
    (run,), wish = parse_command("serve", words, ServeOptions())
    RunFolder.find(run)
    tell_waiting(choose_waiting(company="as a server answers requests while others come"))
    from ..serve import check_installed

    check_installed()
    secret = wish.secret
    from ..data.progress import count_cores
    from ..serve import create_app
    from ..serve.guard import LOOPBACK
    from ..serve.limits import Limits
    from ..serve.server import address_of, bind, is_loopback, serve_app
    from ..training.machine import find_machine, use_threads

    limits = Limits(wish.max_n, wish.max_pixels, wish.max_body << 20, wish.queue, wish.timeout, wish.max_steps)
    alone = is_loopback(wish.host)
    with bind(wish.host, wish.port) as bound:
        use_threads(wish.threads or count_cores())
        find_machine(wish.device)  # a GPU repeats its bits
        loaded = load_run(run, wish)
        normals = find_normals(loaded, run, wish.normals)
        app = create_app(loaded, run, limits=limits, token=secret, hosts=LOOPBACK if alone else None, rows=wish.batch,
                         normals=normals)  # fmt: skip

        def announce() -> None:
            offers = " and ".join(f"POST /{task}" for task in app.service.abilities.offers)
            print_message(f"{escape_unprintable(run)} answers {offers} at {address_of(bound)}; GET /docs tells how")
            asked = "who brings the token" if secret else f"without a token ({TOKEN_VARIABLE} asks for one)"
            if not alone:
                print_message(
                    f"this server answers everybody who can reach this machine, {asked}, and encrypts nothing"
                )

        serve_app(app, bound, wish.grace, announce, print_message)


def find_normals(loaded: LoadedGame, run: str, named: str | None) -> Normals | None:
    """The scores of normal pictures, worked out once."""
    if named is None:
        return None
    from ..inference.anomaly import AnomalyScore
    from ..inference.image_files import open_images
    from ..inference.normals import most_normals, normals_given, normals_of_run
    from ..runs.manifest import Manifest

    how, manifest = AnomalyScore(), Manifest.read(RunFolder.find(run))
    if named == "held-out":
        return normals_of_run(loaded, run, manifest, how, 0, print_message)
    labels = None if loaded.shape.classes else "none"
    given = open_images(named, manifest, loaded.shape, print_message, labels=labels, limit=most_normals(how))
    return normals_given(loaded, given, named, how, 0)
