"""From a click in the studio's tab Explore to the picture that it asks for: milliseconds in a real Chromium.

`python benchmarks/studio_clicks.py RUN` serves a studio over RUN on this machine, opens it in a Chromium without a
window, and clicks: on samples, on *Other samples*, and on a slider's ends. The page's own clock runs from the click
until the new picture stands in the page and is decoded; the first clicks of each kind are not counted. Without RUN it
trains dcgan on glyphs at 64 pixels for half a minute first. `--page URL` measures a page that is served already, and
`--page URL --page OTHER` two of them in turn, click by click, so that both meet the same load.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright
from visitors import resident_kb

WARMING = 3  # clicks of each kind that are not counted
PAUSE = 150  # milliseconds between an answer and the next click
CLICK = """async ([what, watched, place]) => {
  const shown = () => [...document.querySelectorAll(watched)].map(image => image.src).join();
  const before = shown(), begin = performance.now();
  const asked = document.querySelectorAll(what)[place];
  if (asked.type === 'range') {
    asked.value = asked.value == asked.max ? asked.min : asked.max;
    asked.dispatchEvent(new Event('input', {bubbles: true}));
  } else asked.click();
  while (shown() === before || !shown()) {
    if (performance.now() - begin > 20000) throw new Error('no picture came');
    await new Promise(done => setTimeout(done, 1));
  }
  await Promise.all([...document.querySelectorAll(watched)].map(image => image.decode()));
  return performance.now() - begin;
}"""
SAMPLE, SLIDER = ".cells button", ".sliders input[type=range]"
OTHERS = "button.other-samples"
KINDS = {"a sample": (SAMPLE, ".shown img[alt=moved]"), "Other samples": (OTHERS, ".cells img"),
         "a slider": (SLIDER, ".shown img[alt=moved]")}  # fmt: skip


@dataclass(frozen=True)
class Studio:
    """One that is served by a process of its own."""

    address: str
    process: subprocess.Popen[str]

    def memory(self) -> int:
        """kB in memory; 0 where the system does not say."""
        return resident_kb(self.process.pid)


@contextlib.contextmanager
def served(run: Path) -> Iterator[Studio]:
    """A studio over a run."""
    command = [sys.executable, "-m", "saddle", "studio", str(run), "--runs", str(run.parent)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        said = server.stdout.readline()
        if " at " not in said:
            raise SystemExit(f"the studio did not start: {said}")
        yield Studio(said.split(" at ")[1].split()[0], server)
    finally:
        server.terminate()
        server.wait()


def train_plain() -> Path:
    """A run at 64 pixels, of half a minute."""
    from saddle import train

    return train("dcgan", data="glyphs", size=64, minutes=0.5, quiet=True)


def measure(addresses: list[str], clicks: int) -> list[dict[str, list[float]]]:
    """Milliseconds of each kind of click, for each page; pages and kinds take turns, so that all meet the same load."""
    found: list[dict[str, list[float]]] = [{name: [] for name in KINDS} for _ in addresses]
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        pages = [open_explore(browser, address) for address in addresses]
        for i in range(WARMING + clicks):
            for name, (what, watched) in KINDS.items():
                for page, times in zip(pages, found, strict=True):
                    milliseconds = click(page, what, watched, i % 3 + (name == "a sample"))
                    if i >= WARMING:
                        times[name].append(milliseconds)
        browser.close()
    return found


def open_explore(browser: Any, address: str) -> Any:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(120_000)
    page.goto(address)
    page.get_by_role("tab", name="Explore").click()
    page.wait_for_function("document.querySelectorAll('.cells button').length > 3")
    page.wait_for_timeout(2000)  # the page's own beginning is over
    return page


def click(page: Any, what: str, watched: str, place: int) -> float:
    milliseconds: float = page.evaluate(CLICK, [what, watched, place if what in (SAMPLE, SLIDER) else 0])
    page.wait_for_timeout(PAUSE)
    return milliseconds


def describe(found: dict[str, list[float]]) -> str:
    lines = []
    for name, values in found.items():
        p50, p95 = (float(np.quantile(values, q)) for q in (0.5, 0.95))
        lines.append(
            f"{name}: {p50:.0f} ms by the median, {p95:.0f} ms for 95 of 100 clicks, {min(values):.0f} ms at best"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--clicks", type=int, default=40, help="of each kind")
    parser.add_argument("--page", action="append", help="the address of a studio that is served already")
    asked = parser.parse_args()
    if asked.page:
        for address, found in zip(asked.page, measure(asked.page, asked.clicks), strict=True):
            print(f"{address}\n{describe(found)}")
        return
    with served(asked.run or train_plain()) as studio:
        print(describe(measure([studio.address], asked.clicks)[0]))


if __name__ == "__main__":
    main()
