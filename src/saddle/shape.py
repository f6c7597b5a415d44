"""What one sample of the data looks like, and what it may be made for: a class, a picture, a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeGuard

from .errors import Mistake, require

MAX_SIDE = 1 << 16  # pixels of a side, or channels


@dataclass(frozen=True)
class Classes:
    """One of n classes each: labels (rows,) int64 below n."""

    n: int
    names: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.n} classes"


@dataclass(frozen=True)
class Picture:
    """A picture each, or a point: (rows, channels, height, width) float32; pixels in [-1, 1]."""

    shape: Shape

    def __str__(self) -> str:
        return str(self.shape)


@dataclass(frozen=True)
class Text:
    """A text each: tokens (rows, length) int64 below `vocabulary`."""

    length: int
    vocabulary: int
    words: tuple[str, ...] = field(default=(), compare=False, repr=False)  # what each token stands for, if known
    captions: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)  # texts, how often each

    def __str__(self) -> str:
        return f"texts of {self.length} tokens of {self.vocabulary}"


@dataclass(frozen=True)
class Codes:
    """Some numbers each, such as a text's embedding: (rows, size) float32."""

    size: int

    def __str__(self) -> str:
        return f"codes of {self.size} numbers"


Column = Classes | Picture | Text | Codes  # what a column of the data holds; by any of them a sample may be conditioned
Columns = Mapping[str, Column]  # by name


class Shape(NamedTuple):
    """What one sample looks like. A point of a 2-D toy is an image of one pixel with two channels.

    A line of text is an image of one row: each pixel a token, with a channel for every token there is, one-hot.
    """

    channels: int
    height: int
    width: int
    condition: Column | None = None  # what it is made for
    columns: tuple[tuple[str, Column], ...] = ()  # what else the batches of a game hold, by name
    text: Text | None = None  # of samples that are lines of text

    @property
    def sample(self) -> Shape:
        """The same without what samples are made for, and what else there is."""
        return self._replace(condition=None, columns=())

    @property
    def classes(self) -> int:
        """How many classes samples are made for; 0 where they are made for something else, or nothing."""
        return self.condition.n if isinstance(self.condition, Classes) else 0

    @property
    def points(self) -> bool:
        """Are samples points in space, unbounded, rather than pixels in [-1, 1]?"""
        return self.height == self.width == 1

    def __str__(self) -> str:
        if self.text is not None:
            return f"lines of {self.text.length} tokens of {self.text.vocabulary}"
        channels = f"{self.channels} channel{'s' if self.channels > 1 else ''}"
        return "2-D points" if self.points else f"{self.height}x{self.width} pixels in {channels}"


def line_shape(text: Text) -> Shape:
    """The shape of samples that are such lines."""
    return Shape(text.vocabulary, 1, text.length, text=text)


def shape_facts(shape: Shape) -> list[Any]:
    """A shape as JSON: channels, height, width, then classes or what else samples are made for, then more columns.

    That of lines ends in what they are: {"text": [length, vocabulary]}.
    """
    made_for = shape.condition
    condition = shape.classes if made_for is None or shape.classes else column_facts(made_for)
    if shape.text is not None:
        return [*shape[:3], condition, {name: column_facts(column) for name, column in shape.columns},
                column_facts(shape.text)]  # fmt: skip
    more = [{name: column_facts(column) for name, column in shape.columns}] if shape.columns else []
    return [*shape[:3], condition, *more]


def opposite(data: Shape) -> Shape:
    """The shape of the pictures that samples are made for, each made for a picture of the samples' shape."""
    before = source_shape(data)
    return Shape(*before[:3], Picture(Shape(*data[:3])))


def source_shape(data: Shape) -> Shape:
    """The shape of the pictures that samples are made for; Mistake where they are made for anything else."""
    made_for = data.condition
    if not isinstance(made_for, Picture):
        raise Mistake(f"pictures are made of pictures here, but of {made_for or 'nothing'} in these data; give the "
                      "columns source and target, or a and b, of pictures")  # fmt: skip
    return made_for.shape


def by_class(n: int) -> Classes | None:
    """What samples of n classes are made for: nothing, where there are none."""
    return Classes(n) if n else None


def column_facts(column: Column) -> dict[str, Any]:
    """A column as JSON, by what it holds."""
    match column:
        case Classes(n):
            return {"classes": n}
        case Picture(shape):
            return {"picture": list(shape[:3])}
        case Text(length, vocabulary):
            return {"text": [length, vocabulary]}
        case Codes(size):
            return {"codes": size}


def parse_shape(facts: object) -> Shape:
    """A shape out of JSON, also as 0.1.0 wrote it; Mistake for what describes none."""
    require(isinstance(facts, list | tuple) and len(facts) in (4, 5, 6), f"{facts} is no shape of samples")
    assert isinstance(facts, list | tuple)
    channels, height, width, condition, *more = facts
    sides = (channels, height, width)
    fine = all(is_count(n) and n <= MAX_SIDE for n in sides)
    require(fine, f"{list(sides)} are channels, height and width of no pictures")
    numbered = isinstance(condition, int) and not isinstance(condition, bool) and condition >= 0
    made_for = by_class(condition) if numbered else parse_column(condition)
    columns = more[0] if more else {}
    require(isinstance(columns, dict), f"{columns} are no further columns")
    shape = Shape(*sides, made_for, tuple((str(name), parse_column(value)) for name, value in columns.items()))
    return shape._replace(text=parse_text(more[1], shape)) if len(more) > 1 else shape


def parse_text(facts: object, shape: Shape) -> Text:
    """The text of which a shape has a row of tokens."""
    text = parse_column(facts)
    if not isinstance(text, Text) or line_shape(text)[:3] != shape[:3]:
        raise Mistake(f"{facts} is no text of {list(shape[:3])}")
    return text


def parse_column(facts: object) -> Column:
    """A column out of JSON."""
    match facts:
        case {"classes": n} if is_count(n):
            return Classes(n)
        case {"picture": [channels, height, width]}:
            return Picture(parse_shape([channels, height, width, 0]))
        case {"text": [length, vocabulary]} if is_count(length) and is_count(vocabulary):
            return Text(length, vocabulary)
        case {"codes": size} if is_count(size):
            return Codes(size)
        case _:
            raise Mistake(f"{facts} is no column of data")


def is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
