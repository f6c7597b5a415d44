"""The ASGI application: requests of HTTP in, a run's answers out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import __version__
from ..errors import Failure, Mistake, escape_unprintable, shorten_text
from ..inference.loaded import LoadedGame
from ..inference.normals import Normals
from ..out_of_memory import OutOfMemory
from ..runs.manifest import Manifest
from .abilities import TASKS
from .batcher import Closing, QueueFull
from .described import describe_route, page
from .endpoints import Endpoints
from .gauges import Gauges
from .guard import Guard, Refused
from .limits import Limits
from .service import Service

NAMED = 20  # classes that a description names
READERS = 2  # threads that unpack pictures and pack answers: so many are unpacked in memory at once
HTTP_SENTENCES = {404: "there is nothing at this path", 405: "this path takes another method"}


class Timed:
    """Counts requests, by paths that there are: nobody can make up others."""

    def __init__(self, app: ASGIApp, gauges: Gauges, paths: frozenset[str]) -> None:
        self.app, self.gauges, self.paths = app, gauges, paths
        self.cancelled = 0  # requests that were cut off, as the server left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, code = time.perf_counter(), 0

        async def counted(message: Any) -> None:
            nonlocal code
            code = message.get("status", code)
            await send(message)

        try:
            await self.app(scope, receive, counted)
        except asyncio.CancelledError:
            self.cancelled += 1
            if code:
                raise
            ended = Refused(503, "this server ended before the answer was there; ask another one")
            await ended.response()(scope, receive, counted)
        finally:
            path = scope["path"] if scope["path"] in self.paths else "other"
            self.gauges.answered(path, code, time.perf_counter() - begin)


class ServedApp:
    """The application that `create_app` makes: to be given to any ASGI server. `close` ends its threads."""

    def __init__(self, service: Service, guarded: Timed, api: FastAPI) -> None:
        self.service, self.guarded, self.api = service, guarded, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.guarded(scope, receive, send)

    def close(self, seconds: float | None = None) -> bool:
        """Take nothing more, and wait for what is queued; is all of it done?"""
        self.service.close()
        return all(lane.join(seconds) for lane in self.service.lanes.values())


def build_app(loaded: LoadedGame, manifest: Manifest, name: str, limits: Limits = Limits(), token: str | None = None,
              hosts: Sequence[str] | None = None, rows: int | None = None,
              normals: Normals | None = None) -> ServedApp:  # fmt: skip
    """See `create_app`."""
    gauges = Gauges()
    service = Service(loaded, manifest, limits, rows, normals, gauges.passed)
    gauges.watch(service)
    readers = ThreadPoolExecutor(READERS, "saddle pictures")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> Any:
        yield
        service.close()
        readers.shutdown(wait=False)

    api = FastAPI(title=f"saddle: {escape_unprintable(name)}", version=__version__, docs_url=None, redoc_url=None,
                  redirect_slashes=False, lifespan=lifespan, description=describe_run(service))  # fmt: skip
    endpoints = Endpoints(service, gauges, readers)
    for task in TASKS:
        handler = partial(endpoints.answer, task)
        offered = task in service.abilities.offers
        more = describe_route(service, task) if offered else {}
        api.add_api_route(f"/{task}", handler_of(handler), methods=["POST"], include_in_schema=offered, **more)
    add_pages(api, service, gauges, name)
    add_refusals(api, service)
    paths = frozenset(f"/{one}" for one in (*TASKS, "health", "health/live", "health/ready", "metrics", "docs",
                                            "openapi.json"))  # fmt: skip
    guarded = Guard(api, limits, token, hosts)
    return ServedApp(service, Timed(guarded, gauges, paths), api)


def handler_of(answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
    async def handle(request: Request) -> Response:
        response: Response = await answer(request)
        return response

    return handle


def describe_run(service: Service) -> str:
    """What the run makes, and what can be asked of it."""
    loaded = service.loaded
    named = escape_unprintable(", ".join([*loaded.classes[:NAMED], *["..."] * (len(loaded.classes) > NAMED)]))
    classes = f" of the classes {named}" if loaded.shape.classes and loaded.classes else ""
    recipe = escape_unprintable(service.manifest.name)
    return f"A run of {recipe} makes {loaded.shape}{classes}; it answers {describe_offers(service)}."


def describe_offers(service: Service) -> str:
    *others, last = [f"POST /{task}" for task in service.abilities.offers]
    return f"{', '.join(others)} and {last}" if others else last


def add_pages(api: FastAPI, service: Service, gauges: Gauges, name: str) -> None:
    """What is asked with GET."""

    async def health() -> Response:
        """What is served, what can be asked of it, and how much waits."""
        ready = service.ready
        waiting = {lane: batcher.waiting for lane, batcher in service.lanes.items()}
        passes = service.abilities.passes
        facts = {"status": "ready" if ready else "closing", "run": escape_unprintable(name), "version": __version__,
                 "offers": list(service.abilities.offers), "waiting": waiting,
                 "rows_of_a_pass": {task: one.rows for task, one in passes.items()}}  # fmt: skip
        return JSONResponse(facts, 200 if ready else 503)

    async def live() -> Response:
        """The process answers; asked without a token."""
        return JSONResponse({"status": "live"})

    async def ready() -> Response:
        """Are requests taken? Asked without a token."""
        taken = service.ready
        return JSONResponse({"status": "ready" if taken else "closing"}, 200 if taken else 503)

    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(gauges.write(), media_type=gauges.content_type)

    async def docs(request: Request) -> Response:
        """All of this on one page, which asks nothing of anybody else."""
        return HTMLResponse(page(api.openapi(), str(request.url.replace(query="", fragment="")).removesuffix("/docs")))

    for path, handler in (("/health", health), ("/health/live", live), ("/health/ready", ready), ("/metrics", metrics),
                          ("/docs", docs)):  # fmt: skip
        api.add_api_route(path, handler, methods=["GET"], response_class=Response)


def add_refusals(api: FastAPI, service: Service) -> None:
    """Everything that is refused is told in one sentence, in JSON."""

    async def refuse_mistake(request: Request, error: Exception) -> Response:
        return refuse(422, error)

    async def refuse_busy(request: Request, error: Exception) -> Response:
        assert isinstance(error, QueueFull)
        return refuse(429, error, {"Retry-After": str(error.seconds)})

    async def refuse_closing(request: Request, error: Exception) -> Response:
        return refuse(503, error, {"Retry-After": "5"})

    async def refuse_failure(request: Request, error: Exception) -> Response:
        return refuse(503 if isinstance(error, OutOfMemory) else 422, error)

    async def refuse_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        sentence = HTTP_SENTENCES.get(error.status_code, str(error.detail))
        if error.status_code in HTTP_SENTENCES:
            sentence += f"; this run answers {describe_offers(service)}, and GET /docs tells how"
        return refuse(error.status_code, sentence, dict(error.headers or {}))

    async def refuse_any(request: Request, error: Exception) -> Response:
        return refuse(500, "something failed here that the request is not to blame for; the server's log says what")

    async def refuse_refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return error.response()

    for kind, handler in ((Mistake, refuse_mistake), (QueueFull, refuse_busy), (Closing, refuse_closing),
                          (Failure, refuse_failure), (HTTPException, refuse_http), (Exception, refuse_any),
                          (Refused, refuse_refused)):  # fmt: skip
        api.add_exception_handler(kind, handler)


def refuse(code: int, sentence: object, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": escape_unprintable(shorten_text(sentence))}, code, headers)
