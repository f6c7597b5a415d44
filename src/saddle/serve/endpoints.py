"""One request from its bytes to its answer, within its time."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import Request, Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from torch import Tensor

from ..errors import Mistake, require
from ..inference.uploads import open_upload
from ..latent.masks import hidden_by
from ..texts import from_one_hot, to_lines
from .answers import JSON, NPY, PNG, check_finite, choose_form, to_base64, to_npy, to_one_png
from .batcher import Batcher, Ticket
from .gauges import Gauges
from .guard import Refused
from .service import Service, own_seed
from .wishes import Wish, read_fields, read_json

A = TypeVar("A")
FORM = "multipart/form-data"
MAX_FIELDS = 64


class Endpoints:
    """Answers to what a run is asked, by a service and threads that read pictures and write answers."""

    def __init__(self, service: Service, gauges: Gauges, readers: ThreadPoolExecutor) -> None:
        self.service, self.gauges, self.readers = service, gauges, readers

    async def answer(self, task: str, request: Request) -> Response:
        """The answer, or a refusal; 504 when the time of a request is over."""
        service = self.service
        if task in service.abilities.refusals:
            offers = ", ".join(f"POST /{one}" for one in service.abilities.offers)
            raise Refused(501, f"{service.abilities.refusals[task]}; what this run answers is {offers}")
        form = choose_form(", ".join(request.headers.getlist("accept")), self.forms(task))
        if form is None:
            raise Refused(406, f"the answer can be {' or '.join(self.forms(task))}, and the header Accept takes none")
        (service.slow if task == "complete" else service.quick).check_room()
        work: Callable[..., Awaitable[Response]] = getattr(self, task)
        try:
            async with asyncio.timeout(service.limits.seconds):
                wish, pictures = await self.read(task, request)
                return await work(request, wish, pictures, form)
        except TimeoutError:
            raise Refused(504, f"the answer took longer than the {service.limits.seconds:g} s that a request has here; "
                          "what was not begun was dropped") from None  # fmt: skip

    def forms(self, task: str) -> tuple[str, ...]:
        """The kinds of answers there are."""
        shape = self.service.loaded.shape
        if task == "score" or shape.text is not None:
            return (JSON,)
        return (JSON, NPY) if shape.points else (JSON, PNG, NPY)

    async def read(self, task: str, request: Request) -> tuple[Wish, dict[str, list[bytes]]]:
        """What is asked for, and the files of pictures that came with it, by the name of their field."""
        kind: type[Wish] = getattr(self.service.wishes, task)
        names = [name for name in ("images", "mask_image") if name in kind.model_fields]
        content = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content == FORM:
            fields, files = await read_form(request, names, self.service.limits.n)
            wish = read_fields(kind, fields)
        elif content in ("", JSON):
            wish, files = read_json(kind, await request.body()), {}
        else:
            raise Refused(415, f"a request is {JSON} or {FORM}: send such a header Content-Type")
        for name in names:
            if name not in files and (texts := getattr(wish, name)) is not None:
                files[name] = [from_base64(one, name) for one in ([texts] if isinstance(texts, str) else texts)]
        return wish, files

    async def outside(self, work: Callable[..., A], *given: Any) -> A:
        """Work that takes a moment, on a thread that is no worker's."""
        return await asyncio.get_running_loop().run_in_executor(self.readers, work, *given)

    async def outcome(self, request: Request, lane: Batcher[Any, Any, A], *tickets: Ticket[Any, Any, A]) -> list[A]:
        """The answers of tickets; what is not begun is dropped when time is over, or whoever asked has gone."""
        gone = asyncio.ensure_future(hung_up(request))
        done = asyncio.ensure_future(answers_of(tickets))
        try:
            either: set[asyncio.Future[Any]] = {gone, done}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not done.done():
                raise Refused(499, "whoever asked has gone")
            return done.result()
        finally:
            gone.cancel()
            for ticket in tickets:
                if not ticket.future.done():
                    self.gauges.dropped.inc(ticket.waiting)
                    lane.drop(ticket)
            done.cancel()

    async def samples(self, request: Request, wish: Any, files: dict[str, list[bytes]], form: str) -> Response:
        service, seed = self.service, own_seed(wish)
        told = await self.outside(service.told, wish, seed)
        labels = service.class_names(told)
        made = await self.outcome(request, service.quick, service.sample(wish, told, seed))
        facts = {"seed": seed, "first": wish.first} | ({} if labels is None else {"labels": labels})
        return await self.outside(self.pack, made, form, facts)

    async def translate(self, request: Request, wish: Any, files: dict[str, list[bytes]], form: str) -> Response:
        service, seed = self.service, own_seed(wish)
        own, back = wish.size == "own", bool(getattr(wish, "back", False))
        images = await self.outside(service.read, "translate", files["images"], own, back)
        if form != JSON:
            require(len({image.shape for image in images}) == 1, f"an answer of {form} is of pictures of one size, and "
                    f"these are of several; ask for {JSON}, or for size run")  # fmt: skip
        made = await self.outcome(request, service.quick, *service.translate(wish, images, seed))
        return await self.outside(self.pack, made, form, {"seed": seed})

    async def score(self, request: Request, wish: Any, files: dict[str, list[bytes]], form: str) -> Response:
        service, seed = self.service, own_seed(wish)
        images = await self.outside(service.read, "score", files["images"])
        rows = await self.outcome(request, service.quick, service.score(wish, images, seed))
        check_finite(rows)
        return JSONResponse({"seed": seed} | service.describe_scores(rows))

    async def complete(self, request: Request, wish: Any, files: dict[str, list[bytes]], form: str) -> Response:
        service, seed = self.service, own_seed(wish)
        mask = await self.outside(self.mask, files["mask_image"][0]) if "mask_image" in files else None
        images = await self.outside(service.read, "complete", files["images"])
        hidden = service.hidden(wish, mask, seed)
        found = await self.outcome(request, service.slow, service.complete(wish, images, hidden, seed))
        made = [answer for one in found for answer in one.images[0]]
        distances = [[round(float(d), 6) for d in one.distances[0]] for one in found]
        return await self.outside(self.pack, made, form, {"seed": seed, "distances": distances})

    def mask(self, blob: bytes) -> Tensor:
        """What a picture hides."""
        height, width = self.service.loaded.shape[1:3]
        with open_upload(blob, "the mask", self.service.limits.pixels) as picture:
            right = picture.size == (width, height)
            require(right, f"it has {picture.height}x{picture.width} pixels, and this run's pictures {height}x{width}")
            return hidden_by(picture, height, width, "it")

    def pack(self, made: Sequence[Tensor], form: str, facts: dict[str, Any]) -> Response:
        """An answer of images, points or lines."""
        shape, headers = self.service.loaded.shape, {"Saddle-Seed": str(facts["seed"])}
        check_finite(made)
        if form == PNG:
            return Response(to_one_png(made), media_type=PNG, headers=headers)
        if form == NPY:
            return Response(to_npy(made), media_type=NPY, headers=headers)
        if shape.text is not None:
            lines = [line for one in made for line in to_lines(from_one_hot(one[None]), shape.text)]
            return JSONResponse(facts | {"lines": lines}, headers=headers)
        if shape.points:
            return JSONResponse(facts | {"points": [one.flatten().tolist() for one in made]}, headers=headers)
        return JSONResponse(facts | {"images": to_base64(made)}, headers=headers)


async def answers_of(tickets: Sequence[Ticket[Any, Any, A]]) -> list[A]:
    """The answers of all tickets, in order."""
    return [one for ticket in tickets for one in await asyncio.wrap_future(ticket.future)]


async def hung_up(request: Request) -> None:
    """Wait until whoever asked has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def read_form(request: Request, names: Sequence[str], most: int) -> tuple[dict[str, Any], dict[str, list[bytes]]]:
    """The fields of a form, and the files of those that are pictures, whose own names are not looked at."""
    fields: dict[str, Any] = {}
    files: dict[str, list[bytes]] = {}
    try:
        async with request.form(max_files=most + 1, max_fields=MAX_FIELDS) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    require(name in names, f"a file stands in a field that takes none; pictures go into "
                            f"{' or '.join(names) or 'no field here'}")  # fmt: skip
                    files.setdefault(name, []).append(await value.read())
                else:
                    require(name not in fields, "a field is given twice")
                    fields[name] = value
    except HTTPException as error:
        raise Mistake(f"the form cannot be read: {error.detail}") from None
    require(len(files.get("images", [])) <= most, f"there are more than the {most} pictures that a request may bring")
    require(len(files.get("mask_image", [])) <= 1, "there are several masks; give one")
    placeholders = {name: [""] * len(found) if name == "images" else "" for name, found in files.items()}
    require(not placeholders.keys() & fields.keys(), "a field of pictures is given twice")
    return fields | placeholders, files


def from_base64(text: str, name: str) -> bytes:
    """The bytes of a file; a data URL's head is left out."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Mistake(f"{name}: it is no base64 of a picture's file") from None
