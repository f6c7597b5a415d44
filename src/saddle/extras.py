"""How what saddle can do without, but not all of its options, is installed beside this very saddle."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from shlex import quote
from urllib.parse import urlsplit
from urllib.request import url2pathname


def install(extra: str) -> str:
    """The command that installs an extra: by name, or from where this saddle was installed or lies."""
    try:
        return installing(distribution("saddle").read_text("direct_url.json"), extra)
    except (PackageNotFoundError, ValueError, KeyError, TypeError, AttributeError):  # it was never installed
        root = Path(__file__).parents[2]
        return local(root, extra, True) if (root / "pyproject.toml").is_file() else f"pip install 'saddle[{extra}]'"


def installing(origin: str | None, extra: str) -> str:
    """The command for a saddle that was installed from here, as a `direct_url.json` (PEP 610) says; None: by name."""
    if origin is None:
        return f"pip install 'saddle[{extra}]'"
    facts = json.loads(origin)
    url, vcs = str(facts["url"]), facts.get("vcs_info")
    if url.startswith("file:") and vcs is None:
        return local(Path(url2pathname(urlsplit(url).path)), extra, bool(facts.get("dir_info", {}).get("editable")))
    source = f"{vcs['vcs']}+{url}@{vcs['commit_id']}" if vcs else url
    return f"pip install {quote(f'saddle[{extra}] @ {source}')}"


def local(place: Path, extra: str, editable: bool) -> str:
    """The command for a folder or a file; pip has no way to quote a path, so only a shell's quotes are needed."""
    try:
        here = place.resolve() == Path.cwd().resolve()
    except OSError:  # where one stands is gone
        here = False
    return f"pip install {'-e ' * editable}" + quote(f"{'.' if here else place}[{extra}]")
