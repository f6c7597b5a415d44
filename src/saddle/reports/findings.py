"""What the health checks found in runs, in words and for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .markup import Markup, html_table
from .reading import Run


class FailedCheck(NamedTuple):
    """A check that a run has failed, once or often; the facts are the latest finding's."""

    title: str
    times: int
    facts: dict[str, Any]


def group_findings(runs: Sequence[Run]) -> list[FailedCheck]:
    """Grave ones first, then in the order of training."""
    checks: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in runs:
        for finding in run.findings:
            checks.setdefault((run.title, finding["check"]), []).append(finding)
    latest = [FailedCheck(title, len(all_), all_[-1]) for (title, _), all_ in checks.items()]
    return sorted(latest, key=lambda each: (not each.facts["grave"], each.facts["images"]))


def findings_html(runs: Sequence[Run]) -> Markup:
    """Nothing where nothing was found; whose finding it is only where there are several runs."""
    whose = len(runs) > 1
    body = [[f"{f['check']}{' (grave)' if f['grave'] else ''}", *[title] * whose, describe_when(times, f),
             f["evidence"],
             f["advice"]] for title, times, f in group_findings(runs)]  # fmt: skip
    head = ["check", *["run"] * whose, "when", "what was seen", "what to try"]
    return html_table(head, body) if body else Markup()


def findings_text(runs: Sequence[Run]) -> list[str]:
    """A sentence each."""
    return [f"{title}, {f['check']}, {describe_when(times, f)}: {f['evidence']}; {f['advice']}"
            for title, times, f in group_findings(runs)]  # fmt: skip


def describe_when(times: int, finding: Mapping[str, Any]) -> str:
    """From which images to which, and whether the run went back; for one that came again, the last time."""
    begun, until, back = (finding[name] for name in ("images", "until", "back"))
    end = f"until {until:,}" if until is not None else "to the end"
    span = f"at {begun:,} images" if until == begun else f"from {begun:,} images {end}"
    left = f", when the run went back to {back:,}" if back is not None else ""
    again = f", {times} times in all" if times > 1 else ""
    return f"{span}{left}{again}"
