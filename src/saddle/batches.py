"""What a round receives: a batch type names the columns of the data that it wants, field by field.

Images are float32 in [-1, 1], (n, channels, height, width).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol, cast

from torch import Tensor

from .errors import Mistake
from .shape import Column, Picture, Shape

LABEL_ADVICE = (
    "put the images of each class into a folder of its own, or an array's labels beside it into an .npz, or name a "
    "table with --labels, or take --data glyphs --size 32"
)  # how labels are given


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


def batch_shape(kind: type[Batch], columns: Mapping[str, Column], source: str = "the data") -> Shape:
    """What such batches of data with these columns hold; Mistake for data without a column that the type wants."""
    names, wanted = column_names(kind), kind.wanted()
    missing = [name for field, name in names.items() if name not in columns and field not in kind._field_defaults]
    if missing:
        raise Mistake(describe_missing(kind, missing, columns, source))
    sample = columns[names[wanted.sample]]
    if not isinstance(sample, Picture):
        raise Mistake(f"{kind.__name__} makes samples as those of the column {names[wanted.sample]}, but these are no "
                      f"pictures: {sample}")  # fmt: skip
    made_for = None if wanted.condition is None else columns.get(names[wanted.condition])
    rest = [name for field, name in names.items() if field not in (wanted.sample, wanted.condition)]
    return Shape(*sample.shape[:3], made_for, tuple((name, columns[name]) for name in rest if name in columns))


def describe_missing(kind: type[Batch], missing: list[str], columns: Mapping[str, Column], source: str) -> str:
    """A sentence on columns that a source has not."""
    has = ", ".join(columns) or "none"
    wants = " and ".join([name for field, name in column_names(kind).items() if field not in kind._field_defaults])
    return (f"the recipe plays with batches of {wants} ({kind.__name__}), but {source} has no "
            f"{' or '.join(missing)}: its columns are {has}; give data that have them from Python, as "
            f"train(recipe, data) with a Dataset of these columns, or by a source in a plugin")  # fmt: skip


def field_columns(kind: type[Batch], shape: Shape) -> dict[str, Column]:
    """What each field of such batches holds, where the data have it, in the shape that is played with."""
    names, wanted, more = column_names(kind), kind.wanted(), dict(shape.columns)
    found: dict[str, Column | None] = {field: more.get(name) for field, name in names.items()}
    found[wanted.sample] = Picture(Shape(*shape[:3]))
    if wanted.condition is not None:
        found[wanted.condition] = shape.condition
    return {field: column for field, column in found.items() if column is not None}
