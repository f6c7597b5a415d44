"""What a server tells Prometheus of itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from .batcher import Batcher
    from .service import Service

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
ROWS = (1, 2, 4, 8, 16, 32, 64)


class Gauges:
    """Counters and histograms of one app, apart from those of other apps of the process."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self.requests = Counter("saddle_requests", "answered requests", ["path", "code"], registry=own)
        self.seconds = Histogram("saddle_request_seconds", "from a request to its answer", ["path"], buckets=SECONDS,
                                 registry=own)  # fmt: skip
        self.rows = Histogram("saddle_pass_rows", "rows of a pass that somebody asked for", ["lane"], buckets=ROWS,
                              registry=own)  # fmt: skip
        self.passes = Histogram("saddle_pass_seconds", "one pass", ["lane"], buckets=SECONDS, registry=own)
        self.dropped = Counter("saddle_dropped_rows", "rows that were not begun as their time was over", registry=own)

    def passed(self, lane: str, rows: int, seconds: float) -> None:
        self.rows.labels(lane).observe(rows)
        self.passes.labels(lane).observe(seconds)

    def answered(self, path: str, code: int, seconds: float) -> None:
        self.requests.labels(path, str(code)).inc()
        self.seconds.labels(path).observe(seconds)

    def watch(self, service: Service) -> None:
        """Tell how many rows wait, whenever it is asked."""
        waiting = Gauge("saddle_waiting_rows", "rows that wait for a pass", ["lane"], registry=self.registry)
        for name, lane in service.lanes.items():
            waiting.labels(name).set_function(partial(waiting_rows, lane))

    def write(self) -> bytes:
        return generate_latest(self.registry)


def waiting_rows(lane: Batcher[Any, Any, Any]) -> float:
    return lane.waiting
