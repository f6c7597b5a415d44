"""What browser tests stand on: a page that complains, or asks another machine, is found out."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import browser
from browser import NARROW, WIDE, Visits, is_outside, serve_folder

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><title>page</title><style>@media (prefers-color-scheme: dark) {{ body {{ background:
#000 }} }}</style><body><p>Here.</p><script>{script}</script></body></html>"""
ASKS = {
    "fetch": "fetch('https://elsewhere.invalid/data').catch(() => {})",
    "image": "new Image().src = 'http://elsewhere.invalid/pixel.png'",
    "socket": "new WebSocket('wss://elsewhere.invalid/live').onerror = () => {}",
    "style": "document.head.innerHTML += '<link rel=stylesheet href=https://elsewhere.invalid/font.css>'",
}


def write(folder: Path, script: str = "") -> Path:
    file = folder / "index.html"
    file.write_text(PAGE.format(script=script))
    return file


def test_a_page_in_order_passes_from_a_file_and_over_http(visit: Visits, tmp_path: Path) -> None:
    file = write(tmp_path)
    assert visit(file).inner_text("p") == "Here."
    with serve_folder(tmp_path) as address:
        assert visit(f"{address}/index.html").inner_text("p") == "Here."
    visit.check()


def test_screenshots_are_wide_or_narrow_light_or_dark(visit: Visits, tmp_path: Path) -> None:
    file = write(tmp_path)
    for width in (WIDE, NARROW):
        for dark in (False, True):
            picture = Image.open(visit.shoot(visit(file, width, dark), f"{width}-{dark}")).convert("RGB")
            corner = picture.getpixel((width - 1, picture.height - 1))
            assert picture.width == width and corner == ((0, 0, 0) if dark else (255, 255, 255))


@pytest.mark.parametrize("script", ["console.error('wrong')", "throw new Error('wrong')", "Promise.reject('wrong')"])
def test_what_a_page_complains_of_is_a_fault_unless_it_is_expected(visit: Visits, tmp_path: Path, script: str) -> None:
    visit(write(tmp_path, script)).wait_for_timeout(50)
    with pytest.raises(AssertionError, match=r"complained:\n.*wrong"):
        visit.check()
    visit.allowed.append("wrong")


@pytest.mark.parametrize("way", ASKS)
def test_a_request_to_another_machine_is_a_fault(visit: Visits, tmp_path: Path, way: str) -> None:
    page = visit(write(tmp_path, ASKS[way]))
    page.wait_for_timeout(100)
    visit.allowed.append("ERR_NAME_NOT_RESOLVED")
    with pytest.raises(AssertionError, match=r"other machines:\n.*elsewhere\.invalid"):
        visit.check()
    visit.outside.clear()


def test_which_addresses_are_outside() -> None:
    assert not any(
        map(is_outside, ("file:///a.html", "http://127.0.0.1:1/a", "ws://localhost:2/b", "data:,", "blob:x"))
    )
    assert all(map(is_outside, ("https://elsewhere.org", "ws://10.0.0.1/x", "http://127.0.0.1.elsewhere.org/")))


def test_browser_tests_are_marked(request: pytest.FixtureRequest, visit: Visits) -> None:
    assert request.node.get_closest_marker("browser")


def test_without_chromium_tests_skip_and_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(pytest.skip.Exception, match=r"no Chromium is here: none of chromium, .* is on PATH"):
        next(browser.chromium.__wrapped__())
