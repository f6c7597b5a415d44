"""What one request, and all of them together, may ask of a server."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..errors import require


@dataclass(frozen=True)
class Limits:
    """Bounds, all above 0."""

    n: int = 64  # samples, or pictures, of a request
    pixels: int = 4_000_000  # of all pictures of a request, before any is unpacked
    body: int = 16_777_216  # bytes of a request
    queue: int = 256  # rows of the run's size that may wait; whoever asks for more is told to come again (429)
    seconds: float = 30.0  # for a request, from its first byte to its answer (504); what is not begun then is dropped
    steps: int = 1000  # of the search of a completion
    bodies: int = 16  # bodies of the largest size that are held at once, of all requests together

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            require(value > 0, f"{field.name} is {value}, but should be above 0")
        fits = f"a request may ask for {self.n} samples, but {self.queue} may wait; raise --queue"
        require(self.n <= self.queue, fits)
