"""A measured number with everything that it depends on: without that it cannot be compared with another."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from ..hints import field_types as hinted
from ..hints import fits_type

V = TypeVar("V")


@dataclass(frozen=True)
class Protocol:
    """How a number was measured. Numbers whose protocols differ do not belong into one column of a table."""

    features: str = ""  # the extractor's name, such as inception, random or classifier
    dimension: int = 0  # numbers in one feature vector
    weights: str = ""  # sha256 of the extractor's weights, hex
    resize: str = ""  # how images were brought to the extractor's size
    samples: int = 0  # made samples that were measured
    reference: str = ""  # what they were measured against: the source's name and split
    references: int = 0  # how many samples of it
    fingerprint: str = ""  # of the reference's content and preparation, hex
    seed: int = 0  # of the samples and of every random choice
    generator: str = ""  # a run's weights that made the samples: averaged or last; of other images none
    made: str = ""  # what a run made them of, if not of chance: reconstructions of held-out data, translations of data
    standing: int = 0  # samples of which batch normalisation's averages were taken anew; 0: they are the training's

    @property
    def subject(self) -> str:
        """What was measured, in words: samples, if they are not made of anything."""
        return (self.made or "samples") + (f" by standing statistics of {self.standing:,}" if self.standing else "")

    def differs(self, other: Protocol) -> list[str]:
        """Names of the fields in which two protocols differ."""
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]


@dataclass(frozen=True)
class Figure:
    """One measured number with its interval of 95 %, if one is known, and its protocol."""

    metric: str  # as it is asked for: fid, kid, precision
    title: str  # as it is printed: FID (2048-d), KID x 1000
    value: float
    low: float | None = None
    high: float | None = None
    better: str = "lower"  # or higher, or neither
    protocol: Protocol = Protocol()
    note: str = ""  # what to know before it is believed

    def facts(self) -> dict[str, Any]:
        """As JSON has it, which knows no number that is infinite or none: those are words, such as "inf"."""
        return asdict(self) | {name: json_number(getattr(self, name)) for name in NUMBER_FIELDS}

    @staticmethod
    def read(facts: dict[str, Any]) -> Figure:
        """What `facts` wrote; raises ValueError, TypeError or KeyError for anything else."""
        numbers = {name: float(facts[name]) for name in NUMBER_FIELDS if facts.get(name) is not None}
        return check_field_types(
            Figure(**(facts | numbers | {"protocol": check_field_types(Protocol(**facts["protocol"]))}))
        )


NUMBER_FIELDS = ("value", "low", "high")


def check_field_types(value: V) -> V:
    """A value whose fields all are what they should be; ValueError for another."""
    for name, hint in hinted(type(value)).items():
        field = getattr(value, name)
        if not fits_type(field, hint):
            raise ValueError(f"{name} is of another kind than it should be")
    return value


def json_number(number: float | None) -> float | str | None:
    return number if number is None or math.isfinite(number) else str(number)
