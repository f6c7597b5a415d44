"""A trained run as a service of HTTP: requests of many batched, the answer to each as if it were alone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import require
from ..extras import install

if TYPE_CHECKING:
    from ..inference.loaded import LoadedGame
    from ..inference.normals import Normals
    from .app import ServedApp
    from .limits import Limits

NEEDED = ("fastapi", "uvicorn", "prometheus_client", "python_multipart")


def check_installed() -> None:
    """Mistake where what serving needs is not here."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    require(not missing, f"serving needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not "
                         f"installed; {install('serve')}")  # fmt: skip


def create_app(loaded: LoadedGame, run: str | Path, *, limits: Limits | None = None, token: str | None = None,
               hosts: Sequence[str] | None = None, rows: int | None = None,
               normals: Normals | None = None) -> ServedApp:  # fmt: skip
    """An ASGI application that answers what `loaded`, which is `load(run)`, can do: for a server of your own.

    `token` is asked of all requests but `/health/live` and `/health/ready`. `hosts` are the names by which it may be
    called; None: any. `rows` are worked out in each pass; None: as many as are worth while, and the same for all
    processes of a run.
    Mistake where the extra `serve` is not installed, and for a run that can do none of what is served.
    """
    check_installed()
    from ..runs.folder import RunFolder
    from ..runs.manifest import Manifest
    from .app import build_app
    from .limits import Limits

    manifest = Manifest.read(RunFolder.find(run))
    return build_app(loaded, manifest, Path(run).name, limits or Limits(), token, hosts, rows, normals)
