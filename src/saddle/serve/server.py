"""A process that serves one run: on this machine alone unless it is told otherwise, polite when it is told to end."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from ..errors import Failure, Mistake, format_count, require
from ..notices import Notify
from ..training.signals import handle_signals
from .app import ServedApp
from .guard import HEADER_BYTES

CONNECTIONS = 512  # at once; more are answered with 503
LINGER = 5.0  # seconds that an idle connection is kept
LEAVE = 5.0  # seconds in which a pass that nobody waits for any more is left


class Server(uvicorn.Server):
    """Uvicorn's, which calls `begun` when it answers, and ends with what it has taken on done, and without the signal
    that asked for it.
    """

    def __init__(self, config: uvicorn.Config, begun: Callable[[], object]) -> None:
        super().__init__(config)
        self.begun = begun

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.begun()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        def asked(number: int, frame: FrameType | None) -> None:
            self.force_exit = self.should_exit  # asked twice
            self.should_exit = True

        with handle_signals(asked):
            yield


def quiet_readers() -> None:
    """What forms and pictures are read by says nothing of each broken one: whoever sends them would fill the log."""
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="PIL")


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; Mistake where it cannot."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)  # TCP by name: only then asyncio sends small answers at once
    except OSError as error:
        raise Mistake(f"{host} port {port}: {error.strerror}; --host 127.0.0.1 is this machine") from None
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError as error:
        found.close()
        raise Mistake(f"{host} port {port}: {error.strerror}; --port 0 takes any that is free") from None
    return found


def is_loopback(host: str) -> bool:
    """Does it name this machine alone?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_of(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve_app(app: ServedApp, bound: socket.socket, grace: float, begun: Callable[[], object], say: Notify) -> None:
    """Answer until a signal asks to end; then what is taken on is done, for at most `grace` seconds.

    `begun` is called when answers begin. A second signal does not wait. Failure where something was not done.
    """
    require(grace > 0, f"grace is {grace}, but should be above 0")
    quiet_readers()
    server = Server(uvicorn.Config(
        app, http="h11", loop="asyncio", ws="none", lifespan="on", log_config=None, log_level="error", access_log=False,
        server_header=False, proxy_headers=False, timeout_keep_alive=int(LINGER), limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=max(1, round(grace)), h11_max_incomplete_event_size=HEADER_BYTES), begun)  # fmt: skip
    server.run(sockets=[bound])
    lost, ended = app.guarded.cancelled, app.close(LEAVE)
    sentence = f"{format_count(lost, 'request')} not done as this server ended; a longer --grace waits for more"
    if not ended:  # Python would abort at its end, with a thread in the middle of a pass
        say(f"saddle: {sentence}")
        os._exit(Failure.code)
    if lost:
        raise Failure(sentence)
    say("all that was taken on is done")
