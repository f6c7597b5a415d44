"""Where the axes of a chart are marked, and how."""

from __future__ import annotations

import math

from .words import format_short

TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


def linear_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round places, 1, 2 or 5 times a power of ten apart."""
    rough = max(high - low, 1e-300) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.999)
    places = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [round(i * step, 12 - math.floor(math.log10(step))) for i in places]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten for a steep axis, with 2 and 5 between them where there are few; round places where none fits."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    for times in ((1,), (1, 3), (1, 2, 5)):
        places = [t * 10.0**p for p in powers for t in times if low <= t * 10.0**p <= high]
        if len(places) >= 3:
            return places[:: math.ceil(len(places) / 6)]
    return [place for place in linear_ticks(low, high) if place > 0]


def time_ticks(high: float, about: int = 5) -> list[float]:
    """Seconds at full minutes or hours."""
    step = next((s for s in TIME_STEPS if s >= high / about * 0.999), 86400 * math.ceil(high / about / 86400))
    return [float(i * step) for i in range(int(high / step + 1e-9) + 1)]


def format_time(seconds: float) -> str:
    """'45 s', '2:30 min', '1:30 h'."""
    if seconds < 120:
        return f"{seconds:.3g} s" if seconds else "0"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes}:{rest:02d} min" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d} h" if minutes else f"{hours} h"


def format_tick(value: float) -> str:
    return format_short(value) if abs(value) >= 1000 else f"{value:.4g}"
