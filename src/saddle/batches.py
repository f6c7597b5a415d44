"""What a round receives: a batch type names the columns of the data that it wants, field by field.

Images are float32 in [-1, 1], (n, channels, height, width).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol, cast

from torch import Tensor

from .errors import Mistake, require
from .shape import Classes, Column, Picture, Shape

LABEL_ADVICE = (
    "put the images of each class into a folder of its own, or an array's labels beside it into an .npz, or name a "
    "table with --labels, or take --data glyphs --size 32"
)  # how labels are given
CAPTION_ADVICE = "--captions FILE.csv:COLUMN, as NAME.txt beside NAME.png, or in a metadata.jsonl"  # and captions
LINE_ADVICE = "lines of text are for the recipes seqgan and gumbel-gan"
LINE = "line"  # the column of lines of text
COLUMN_ADVICE = {
    "caption": f"captions are given as {CAPTION_ADVICE}, and glyphs have theirs",
    LINE: "lines are those of a text file, --data poems.txt, and --data oracle has made-up ones",
}


@dataclass(frozen=True)
class Wanted:
    """What the fields of a batch type are for, and what they are filled with.

    A field is filled with the column of its name, and may do without it where it has None by default.
    """

    sample: str  # the field of real samples, which a game makes more of
    condition: str | None = None  # the field of what they are made for
    columns: Mapping[str, str] = field(default_factory=dict)  # columns that are called otherwise, by field
    streams: Mapping[str, int] = field(default_factory=dict)  # fields whose samples come in an order of their own


class Batch(Protocol):
    """A NamedTuple of tensors with a row for each sample."""

    _fields: ClassVar[tuple[str, ...]]
    _field_defaults: ClassVar[dict[str, Any]]

    @classmethod
    def wanted(cls) -> Wanted: ...


class Images(NamedTuple):
    """Samples, with a label or code for each where the data has them."""

    image: Tensor  # (n, channels, height, width)
    condition: Tensor | None = None  # (n,) int64 labels, or (n, d) codes

    @classmethod
    def wanted(cls) -> Wanted:
        return Wanted("image", "condition", {"condition": "label"})


class Pairs(NamedTuple):
    """One thing in two pictures each: what is made of the one should be as the other."""

    source: Tensor  # (n, channels, height, width)
    target: Tensor

    @classmethod
    def wanted(cls) -> Wanted:
        return Wanted("target", "source")


class Unpaired(NamedTuple):
    """Pictures of two kinds, each in an order of its own: what is made of the first should be of the second kind."""

    a: Tensor  # (n, channels, height, width)
    b: Tensor

    @classmethod
    def wanted(cls) -> Wanted:
        return Wanted("b", "a", streams={"b": 1})


class Captioned(NamedTuple):
    """Samples, with a text for each."""

    image: Tensor  # (n, channels, height, width)
    caption: Tensor  # (n, length) int64 tokens

    @classmethod
    def wanted(cls) -> Wanted:
        return Wanted("image", "caption")


class Lines(NamedTuple):
    """Lines of text as images of one row, one-hot in their tokens: (n, vocabulary, 1, length)."""

    image: Tensor
    condition: None = None  # they are made for nothing

    @classmethod
    def wanted(cls) -> Wanted:
        return Wanted("image", columns={"image": LINE})


def real_samples(batch: Batch) -> Tensor:
    """The real samples in a batch, whatever its type calls them."""
    return cast(Tensor, getattr(batch, batch.wanted().sample))


def condition_of(batch: Batch) -> Tensor | None:
    """What samples are made for in a batch, if its type has such a field, and the data such a column."""
    name = batch.wanted().condition
    return None if name is None else cast("Tensor | None", getattr(batch, name))


def column_names(kind: type[Batch]) -> dict[str, str]:
    """The column that each field of a batch type is filled with."""
    called = kind.wanted().columns
    return {name: called.get(name, name) for name in kind._fields}


def required_columns(kind: type[Batch]) -> list[str]:
    """The columns that such batches cannot do without."""
    return [name for field, name in column_names(kind).items() if field not in kind._field_defaults]


def check_has_columns(kind: type[Batch], columns: Collection[str], source: str = "the data") -> None:
    """Refuse data without a column that such batches cannot do without, naming all that there is."""
    required = required_columns(kind)
    missing = [name for name in required if name not in columns]
    wants = f"the recipe plays with batches of {' and '.join(required)} ({kind.__name__})"
    has = f"{source} has no {' or '.join(missing)}: its columns are {', '.join(columns) or 'none'}"
    anyhow = (
        "data that have them are given in Python, as train(recipe, data), or by a data source in a plugin (--plugin)"
    )
    advice = {**COLUMN_ADVICE, "image": LINE_ADVICE} if LINE in columns else COLUMN_ADVICE
    ways = advice.get(" and ".join(missing), anyhow)
    require(not missing, f"{wants}, but {has}; {ways}")


def batch_shape(kind: type[Batch], columns: Mapping[str, Column], source: str = "the data") -> Shape:
    """What such batches of data with these columns hold; Mistake for data without a column that the type wants."""
    check_has_columns(kind, columns, source)
    names, wanted = column_names(kind), kind.wanted()
    sample = columns[names[wanted.sample]]
    if not isinstance(sample, Picture):
        raise Mistake(f"{kind.__name__} makes samples as those of the column {names[wanted.sample]}, but these are no "
                      f"pictures: {sample}")  # fmt: skip
    made_for = None if wanted.condition is None else columns.get(names[wanted.condition])
    rest = [name for field, name in names.items() if field not in (wanted.sample, wanted.condition)]
    more = tuple((name, columns[name]) for name in rest if name in columns)
    return sample.shape._replace(condition=made_for, columns=more)


def image_columns(shape: Shape) -> dict[str, Column]:
    """The columns of data that have images of this shape, and the classes that they are made for."""
    label: dict[str, Column] = {"label": shape.condition} if isinstance(shape.condition, Classes) else {}
    return {"image": Picture(shape.sample), **label}


def batch_pictures(batch: Batch) -> dict[str, Tensor]:
    """The pictures in a batch by the name of their field; where it has those of one alone, they are the real ones."""
    found = {name: value for name in batch._fields if is_pictures(value := getattr(batch, name))}
    return found if len(found) > 1 else {"real": real_samples(batch)}


def is_pictures(value: Tensor | None) -> bool:
    return value is not None and value.ndim == 4


def field_columns(kind: type[Batch], shape: Shape) -> dict[str, Column]:
    """What each field of such batches holds, where the data have it, in the shape that is played with."""
    names, wanted, more = column_names(kind), kind.wanted(), dict(shape.columns)
    found: dict[str, Column | None] = {field: more.get(name) for field, name in names.items()}
    found[wanted.sample] = Picture(shape.sample)
    if wanted.condition is not None:
        found[wanted.condition] = shape.condition
    return {field: column for field, column in found.items() if column is not None}
