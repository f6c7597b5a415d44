"""What stands before everything else: who may ask, from where, and how much is taken in."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .limits import Limits

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
HOST = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
HEADER_BYTES = 32_768  # of all headers of a request
OPEN_PATHS = ("/health/live", "/health/ready")  # that probes ask without a token
OWN_STYLE_ALONE = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
SAFE_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
                "Content-Security-Policy": OWN_STYLE_ALONE}  # fmt: skip


class Refused(Exception):
    """A request that is answered with a code and one sentence."""

    def __init__(self, code: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.headers = code, sentence, headers or {}

    def response(self) -> JSONResponse:
        return JSONResponse({"error": self.sentence}, self.code, self.headers | SAFE_HEADERS)


class Guard:
    """Lets requests in that name one of `hosts` (None: any), bring the token if there is one, and are small enough.

    A page of another site that a browser shows is refused, also where no token is asked for.
    """

    def __init__(self, app: ASGIApp, limits: Limits, token: str | None, hosts: Iterable[str] | None) -> None:
        self.app, self.limits = app, limits
        self.token = None if token is None else token.encode()
        self.hosts = None if hosts is None else frozenset(hosts)
        self.held = 0  # bytes of the bodies of all requests that are not answered yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # there are no web sockets here
        body = Body(self, receive)
        answer = Answer(send)
        try:
            self.check(scope)
            await self.app(scope, body.receive, answer.send)
        except Refused as refusal:
            if not answer.begun:
                await refusal.response()(scope, receive, answer.send)
        finally:
            self.held -= body.taken

    def check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if sum(len(name) + len(value) for name, value in headers.raw) > HEADER_BYTES:
            raise Refused(431, f"the headers of a request have {HEADER_BYTES:,} bytes at most here")
        named = headers.getlist("host")
        if len(named) != 1:
            raise Refused(400, "a request names one host")
        host = host_of(named[0])
        if self.hosts is not None and host not in self.hosts:
            raise Refused(421, "this server answers on this machine alone, and the request names another host")
        origin = headers.get("origin")
        if origin is not None and urlsplit_host(origin) != named[0].lower():
            raise Refused(403, "the request comes from the page of another site")
        own_path = scope["path"].removeprefix(scope.get("root_path", ""))  # where it is part of another application
        if self.token is not None and own_path not in OPEN_PATHS:
            self.check_token(headers.getlist("authorization"))
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and len(length) < 20:
            self.check_size(int(length))

    def check_token(self, given: list[str]) -> None:
        kind, _, word = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        assert self.token is not None
        right = hmac.compare_digest(word.strip().encode("utf-8", "surrogateescape"), self.token)
        if not right or kind.lower() != "bearer":
            raise Refused(401, "this server asks for a token: send the header Authorization: Bearer TOKEN",
                          {"WWW-Authenticate": "Bearer"})  # fmt: skip

    def check_size(self, size: int) -> None:
        if size > self.limits.body:
            raise Refused(413, f"a request has {self.limits.body:,} bytes at most here", {"Connection": "close"})


class Body:
    """A request's body, counted as it comes."""

    def __init__(self, guard: Guard, receive: Receive) -> None:
        self.guard, self.inner, self.taken = guard, receive, 0

    async def receive(self) -> Message:
        message = await self.inner()
        size = len(message.get("body", b""))
        self.taken += size
        self.guard.held += size
        self.guard.check_size(self.taken)
        limits = self.guard.limits
        if size and self.guard.held > limits.bodies * limits.body:
            raise Refused(429, "too much is sent to this server at once; ask again in 1 s", {"Retry-After": "1"})
        return message


class Answer:
    """What is sent, with headers that hold for all answers."""

    def __init__(self, send: Send) -> None:
        self.inner, self.begun = send, False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            names = {name.lower() for name, _ in message["headers"]}
            more = [(name.lower().encode(), value.encode()) for name, value in SAFE_HEADERS.items()]
            message["headers"] = [*message["headers"], *(one for one in more if one[0] not in names)]
        await self.inner(message)


def host_of(text: str) -> str:
    """A host without its port, in small letters; nothing where it is none."""
    found = HOST.fullmatch(text.strip().lower())
    return found["host"] if found else ""


def urlsplit_host(origin: str) -> str:
    """Host and port of an origin; nothing where it names none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
