"""How a run of the Hugging Face hub is written: `hf://OWNER/NAME`, or `hf://OWNER/NAME@REVISION`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from ..errors import require

HUB_PREFIX = "hf:"  # and slashes, of which a pathlib.Path keeps one
HUB_NAME = re.compile(r"hf:/{1,2}([^/@]+)/([^/@]+)(?:@(.+))?")
NAME_PART, REVISION = re.compile(r"[A-Za-z0-9][\w.-]{0,95}"), re.compile(r"[A-Za-z0-9][\w./-]{0,127}")


class HubName(NamedTuple):
    """A repository of the hub, at a branch, tag or commit."""

    owner: str
    name: str
    revision: str | None = None

    @property
    def repository(self) -> str:
        return f"{self.owner}/{self.name}"

    def __str__(self) -> str:
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")


def parse_hub_name(text: str | Path) -> HubName | None:
    """What `hf://OWNER/NAME` or `hf://OWNER/NAME@REVISION` says; None for a path. Mistake for less, or odd signs."""
    said = str(text)
    if not said.startswith(HUB_PREFIX):
        return None
    found = HUB_NAME.fullmatch(said)
    sound = found is not None and all(
        rule.fullmatch(part) and ".." not in part
        for rule, part in zip((NAME_PART, NAME_PART, REVISION), found.groups(), strict=True) if part is not None
    )  # fmt: skip
    require(sound, f"{said} is no run of the hub; write hf://OWNER/NAME, or hf://OWNER/NAME@REVISION")
    assert found is not None
    return HubName(*found.groups())
