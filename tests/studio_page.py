"""A studio that is served for a module's tests, in a folder of its own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from browser import Visits


@contextmanager
def served_studio(runs: Path, visit: Visits | None = None, **more: Any) -> Iterator[str]:
    """The address of a studio over a folder of runs, whose visitors leave before it ends; `more` is of its
    StudioContext, or a password."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # of gradio's own parts
        from saddle.studio import jobs
        from saddle.studio.app import launch
        from saddle.studio.context import StudioContext

        served = {name: more.pop(name) for name in ("password",) if name in more}
        page, address = launch(StudioContext(runs=runs, **more), block=False, **served)
        try:
            yield address
        finally:
            if visit is not None:
                visit.close()
            page.close(verbose=False)
            for job in jobs.STARTED.values():  # a training outlives its page, but not its test
                job.kill()
                job.wait()
            jobs.STARTED.clear()
