"""What to do about a source, in sentences: options that suit it, files to look at."""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import format_count
from ...image_size import size_of_form
from ..prepare import Prepare
from ..readers.image_files import count_by_ending
from .report import Report

FEW_SAMPLES = 1000
MAX_CLASS_RATIO = 5  # times: how much larger the largest class may be than the smallest
MAX_ASPECT = 1.5  # the longer side in terms of the shorter, up to which the middle shows most of a picture


def list_advice(report: Report, prepare: Prepare) -> Iterator[str]:
    """One sentence for each thing that could be done; one of praise where there is none."""
    said = [
        *advise_on_files(report),
        *advise_on_shapes(report, prepare),
        *advise_on_colours(report, prepare),
        *advise_on_counts(report),
    ]
    yield from said or ["nothing to do: train on it as it is"]


def advise_on_files(report: Report) -> Iterator[str]:
    n = len(report.unreadable)
    if n and n == report.count:
        yield "there is nothing to train on: no file here is a picture that can be read"
    elif n:
        lost = count_by_ending(report.unreadable)
        yield f"{n:,} of {report.count:,} cannot be read ({lost}): training skips them; replace or delete them"
    if report.duplicates:
        extra = sum(len(group) - 1 for group in report.duplicates)
        yield f"copies of others: {extra:,}, each shown more often for it; keep one of each"
    if report.similar:
        extra = sum(len(group) - 1 for group in report.similar)
        yield f"nearly the same as others: {extra:,}; look at them, and keep one of each if they are"
    if n := len(report.blank):
        yield f"nearly blank: {n:,}; a generator learns such too, so delete what is a mistake"


def advise_on_shapes(report: Report, prepare: Prepare) -> Iterator[str]:
    if not report.sizes:
        return
    total = sum(report.sizes.values())
    side = weighted_median([(min(size), n) for size, n in report.sizes.items()])
    long = weighted_median([(max(size) / min(size), n) for size, n in report.sizes.items()])
    form = weighted_median([(width / height, n) for (height, width), n in report.sizes.items()])
    if prepare.size is None and (len(report.sizes) > 1 or long > 1 or not is_power_of_two(side)):
        size = square_size(side)
        crop = "--crop pad keeps all of them, --crop random shows other parts each time" if long > MAX_ASPECT else ""
        yield f"--size {size} makes squares that every network takes" + (f"; they are long: {crop}" if crop else "")
        near = size_of_form(size, size // 4, form)
        if near.height != near.width:
            yield f"--size {near} (height x width) is nearer to their form, and many networks take it"
    least = prepare.stored_size
    small = sum(n for (h, w), n in report.sizes.items() if least and (h < least.height or w < least.width))
    if least and small:
        yield f"smaller than {least.option} pixels: {small:,} of {total:,}, which would be enlarged and so blurred"


def advise_on_colours(report: Report, prepare: Prepare) -> Iterator[str]:
    if (
        report.grey
        and prepare.channels != 1
        and any("grey" not in mode and "black" not in mode for mode in report.modes)
    ):
        yield "all are grey although stored in colour: --channels 1 trains faster"
    if report.clear and prepare.channels != 4:
        yield f"transparent in part: {report.clear:,}, shown on white; --channels 4 keeps it"


def advise_on_counts(report: Report) -> Iterator[str]:
    good = report.count - len(report.unreadable)
    if 0 < good < FEW_SAMPLES:
        yield f"{format_count(good, 'sample')}: a critic may learn so few by heart; --flip doubles what may be mirrored"
    most, least = max(report.classes.values(), default=1), min(report.classes.values(), default=1)
    if most > MAX_CLASS_RATIO * least:
        name = min(report.classes, key=lambda c: report.classes[c])
        yield f"the classes are uneven: the largest has {most:,} pictures, {name} has {least:,}"


def square_size(side: float) -> int:
    """The side of squares that every network takes, for pictures whose shorter side is this: from 16 to 256."""
    return 1 << max(4, min(8, (int(side) - 1).bit_length() if side < 32 else int(side).bit_length() - 1))


def is_power_of_two(side: float) -> bool:
    """Is it a power of two, as most networks want?"""
    return side == int(side) and int(side) & (int(side) - 1) == 0


def weighted_median(values: list[tuple[float, int]]) -> float:
    """The median of (value, how often)."""
    half, below = sum(n for _, n in values) / 2, 0
    for value, n in sorted(values):
        below += n
        if below >= half:
            return value
    raise ValueError("the median of nothing")
