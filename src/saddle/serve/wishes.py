"""What requests say, as types that check it: those of this run, with its own style as further fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ..capabilities import Generates, StyleOption, Translates, style_options
from ..errors import Mistake, escape_unprintable, shorten_text
from ..inference.loaded import LoadedGame
from .limits import Limits

MAX_SEED, MAX_PLACE = 2**63 - 1, 2**53 - 1
MAX_TEXT = 1000  # signs of a text, a label or a mask
Seed = Annotated[int | None, Field(ge=0, le=MAX_SEED, description="equal seeds make equal answers; drawn, and told in "
                                   "the answer, if not given")]  # fmt: skip
Label = Annotated[int | Annotated[str, Field(max_length=MAX_TEXT)] | None, Field(description="a class by its name, or "
                  "by its number from 0 where names are no numbers")]  # fmt: skip


class Wish(BaseModel):
    """What every request may say."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, str_max_length=2**26)
    seed: Seed = None


@dataclass(frozen=True)
class Wishes:
    """The types of this run's requests."""

    samples: type[Wish]
    translate: type[Wish]
    complete: type[Wish]
    score: type[Wish]

    @classmethod
    def of(cls, loaded: LoadedGame, limits: Limits) -> Wishes:
        pictures = Annotated[list[str], Field(min_length=1, max_length=limits.n,
                             description="files of pictures, each in base64")]  # fmt: skip
        texts = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)] | list[
            Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]] | None  # fmt: skip
        game = type(loaded.game)
        generates = style_options(game, Generates) if issubclass(game, Generates) else {}
        translates = style_options(game, Translates) if issubclass(game, Translates) else {}
        labels = Annotated[Label | list[Label], Field(description="of all samples, or of each")]
        samples: dict[str, Any] = {
            "n": (Annotated[int, Field(ge=1, le=limits.n, description="how many")], 1),
            "first": (Annotated[int, Field(ge=0, le=MAX_PLACE, description="the place of the first of them among all "
                                           "samples of the seed")], 0),
            "label": (labels, None),
            "text": (Annotated[texts, Field(description="what samples should show")], None)}  # fmt: skip
        size = Annotated[str, Field(pattern="^(own|run)$", description="each as large as it is, or of the run's size")]
        whole = Annotated[int, Field(ge=1, le=limits.steps)]
        few = Annotated[int, Field(ge=1, le=64)]
        complete: dict[str, Any] = {
            "images": (pictures, ...), "label": (Label, None),
            "mask": (Annotated[str, Field(max_length=MAX_TEXT, description="what is hidden: centre, left, random:0.8, "
                     "box:LEFT,TOP,RIGHT,BOTTOM, line:X,Y,X,Y:WIDTH, joined by +")], "centre"),
            "mask_image": (Annotated[str | None, Field(description="or a picture, white where pixels are hidden, in "
                           "base64")], None),
            "steps": (whole, min(200, limits.steps)), "restarts": (few, 4), "answers": (few, 1),
            "candidates": (Annotated[int, Field(ge=1, le=1024)], 256)}  # fmt: skip
        return cls(create_model("Samples", __base__=Wish, **samples, **style_fields(generates, samples)),
                   create_model("Translate", __base__=Wish, images=(pictures, ...), size=(size, "own"),
                                **style_fields(translates, {"images", "size"})),
                   create_model("Complete", __base__=Wish, **complete),
                   create_model("Score", __base__=Wish, images=(pictures, ...), label=(Label, None)))  # fmt: skip


def style_fields(style: Mapping[str, StyleOption], taken: Any) -> dict[str, Any]:
    """The game's own keywords as fields."""
    return {name: (one.hint, one.default) for name, one in style.items() if name not in taken and name != "seed"}


def read_json(kind: type[Wish], body: bytes) -> Wish:
    """A request of JSON; Mistake for anything else, in a sentence."""
    try:
        return kind.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise Mistake(describe_faults(kind, error)) from None


def read_fields(kind: type[Wish], fields: Mapping[str, object]) -> Wish:
    """A request of a form, whose values are text."""
    try:
        return kind.model_validate(fields, strict=False)
    except ValidationError as error:
        raise Mistake(describe_faults(kind, error)) from None


def describe_faults(kind: type[Wish], error: ValidationError) -> str:
    """The first thing that is wrong, where, and for a field that is not there those that are."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(step) for step in fault["loc"][:2])
    said = fault["msg"][:1].lower() + fault["msg"][1:]
    if fault["type"] == "extra_forbidden":
        said = f"there is no such field; there are {', '.join(kind.model_fields)}"
    if fault["type"] == "json_invalid":
        return escape_unprintable(shorten_text(f"the request is no JSON that can be read: {said}"))
    return escape_unprintable(shorten_text(f"{where or 'the request'}: {said}"))
