"""What is said of runs side by side, and of one run; and that a run can be trained again."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import shlex
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from saddle import train
from saddle.cli import main
from saddle.cli.argv import split_words
from saddle.errors import Mistake
from saddle.metrics.figures import Figure, Protocol
from saddle.options import override_fields
from saddle.reports.charts import make_line
from saddle.reports.markup import html_tag
from saddle.reports.reading import open_runs
from saddle.reports.report import explain_no_findings, train_command
from saddle.reports.settings import find_differences, manifest_facts, written_text
from saddle.reports.tables import group_rows, make_figure_table
from saddle.reports.ticks import linear_ticks, log_ticks, time_ticks
from saddle.resolved import resolve_recipe
from saddle.runs.folder import RunFolder
from saddle.runs.log import append_line
from saddle.runs.manifest import Manifest
from saddle.runs.measures import Measurement, append_measurement, read_measurements
from saddle.runs.settings import Settings
from saddle.runs.timing import parse_pace

OPTIONS = {"networks.width": "4", "batch": "16", "turns.generator": "1"}
TINY = {"size": 16, "images": 32, "limit": 32, "pictures": 1, "quiet": True, "threads": 1}
THOUSAND = Protocol("random", 64, "ab" * 32, samples=1000, reference="glyphs", references=32)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of one recipe with different rates."""
    root = tmp_path_factory.mktemp("runs")
    for name, rate in (("slow", "1e-5"), ("fast", "1e-3")):
        train("dcgan", out=root / name, options=OPTIONS | {"optimizer.lr": rate}, **TINY)
    return root


@pytest.fixture
def runs(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies of them that a test may write into, in the working directory."""
    for path in trained.iterdir():
        shutil.copytree(path, tmp_path / path.name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def measured(run: Path, images: int, *figures: Figure) -> None:
    append_measurement(RunFolder(run), Measurement(images, images // 16, images / 10, figures))


def fid(value: float, reach: float = 0.5, protocol: Protocol = THOUSAND) -> Figure:
    return Figure("fid", "FID (64-d)", value, value - reach, value + reach, "lower", protocol)


def precision(value: float, protocol: Protocol = THOUSAND) -> Figure:
    return Figure("precision", "precision", value, better="higher", protocol=protocol)


def test_measurements_are_read_as_written_and_a_torn_line_goes(tmp_path: Path):
    one = Measurement(16, 1, 0.5, (fid(9.0), precision(0.5)))
    append_measurement(RunFolder(tmp_path), one)
    with (tmp_path / "measures.jsonl").open("a") as file:
        file.write('{"images": 32, "rou')  # a process was killed here
    two = replace(one, images=32)
    append_measurement(RunFolder(tmp_path), two)
    assert (
        read_measurements(RunFolder(tmp_path)) == [one, two] and read_measurements(RunFolder(tmp_path / "none")) == []
    )


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_line_that_was_cut_goes_with_a_warning_and_a_damaged_one_is_named(end: str, tmp_path: Path):
    folder, path, said = RunFolder(tmp_path), tmp_path / "measures.jsonl", list[str]()
    one, two, three = (Measurement(images, 1, 0.5, (fid(9.0),)) for images in (16, 32, 48))
    for each in (one, two):
        append_measurement(folder, each)
    path.write_text(path.read_text()[:-50] + end)
    assert read_measurements(folder, said.append) == [one]
    assert said == [f"line 2 of {path}, the last one, was cut while it was written, and is left out"]
    append_measurement(folder, three)
    assert read_measurements(folder, lambda sentence: pytest.fail(sentence)) == [one, three]
    path.write_text(path.read_text().removesuffix("\n"))  # as an editor may leave it
    append_measurement(folder, two)
    assert read_measurements(folder, lambda sentence: pytest.fail(sentence)) == [one, three, two]
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:-50], lines[2], ""]))
    with pytest.raises(Mistake, match=r"^line 2 of .*measures.jsonl is damaged: it is no whole line of JSON; "):
        read_measurements(folder)
    path.write_text('{"images": 3}\n')
    with pytest.raises(Mistake, match=r"^line 1 of .*measures.jsonl is no measurement of saddle's"):
        read_measurements(folder)


def test_infinite_figures_are_marked_and_break_the_line(runs: Path, capsys: pytest.CaptureFixture[str]):
    endless, steps = Figure("kl", "KL", np.inf), Figure("x", "steps", 0.0)
    for images, value in ((0, np.inf), (8, 2.0), (16, 1.5), (24, np.inf), (32, 1.0)):
        measured(runs / "slow", images, Figure("fid", "FID", value, 0.5, np.inf), endless, steps)
    measured(runs / "fast", 32, Figure("fid", "FID", np.nan), endless)
    assert main(["compare", "slow", "fast", "--html", "c.html"]) == 0
    assert re.search(r"^slow +1 \[0.5, inf\] \* +inf +0$", said := capsys.readouterr().out, re.M), said
    assert re.search(r"^fast +nan +inf$", said, re.M)
    html = Path("c.html").read_text()
    page = self_contained(Path("c.html"))
    assert html.count(">slow: infinite<") == 2 * 2 and html.count("No value is finite: inf.") == 2  # over images, time
    assert page.tags.count("svg") == 2 * (2 + 4) and "nan," not in html and "inf," not in html
    assert main(["report", "slow"]) == 0 and self_contained(Path("slow/report.html"))


def test_a_report_says_why_there_are_no_findings_and_how_data_differ(runs: Path, capsys: pytest.CaptureFixture[str]):
    slow = open_runs(["slow"])[0]
    assert explain_no_findings(slow) == "The checks had no look yet: the run was too short so far."
    (runs / "slow" / "health.jsonl").unlink()
    assert explain_no_findings(slow) == "No checks were made of this run."
    assert written_text(manifest_facts(slow.manifest)["data.shape"]) == "1 x 16 x 16 and 36 classes"
    assert main(["compare", "slow", "--html", "c.html"]) == 0 and "1 run" in Path("c.html").read_text()
    assert "1 runs" not in Path("c.html").read_text()


def test_the_latest_figures_stand_in_the_table_and_the_best_is_marked_as_better_says(runs: Path):
    measured(runs / "slow", 32, fid(8.0), precision(0.6))
    measured(runs / "slow", 16, fid(1.0), precision(0.9))  # written later, but of an earlier moment
    measured(runs / "fast", 32, fid(9.0), precision(0.7))
    table = make_figure_table(open_runs(["slow", "fast"]))
    assert [c.title for c in table.columns] == ["FID (64-d)", "precision"] and not table.warnings
    cells = {title: [(c.figure.value, c.mark) for c in row if c.figure] for title, row in table.rows}
    assert cells == {"slow": [(8.0, "best"), (0.6, "")], "fast": [(9.0, "tied"), (0.7, "best")]}  # 8.5 touches 8.5


def test_another_protocol_is_warned_of_marked_and_never_the_best(runs: Path):
    few = replace(THOUSAND, samples=100, seed=3)
    measured(runs / "slow", 32, fid(8.0))
    measured(runs / "fast", 32, fid(2.0, protocol=few))
    table = make_figure_table(open_runs(["fast", "slow"]))
    assert table.columns[0].protocol == THOUSAND  # of two that are as common, the one of more samples
    assert [cells[0].mark for _, cells in table.rows] == ["foreign", ""]
    assert table.warnings == (
        "FID (64-d) of fast was measured otherwise: samples 100 instead of 1000, seed 3 instead of 0",
    )
    measured(runs / "fast", 16, fid(6.0))  # the same protocol, though earlier, can be compared
    table = make_figure_table(open_runs(["fast", "slow"]))
    assert [cells[0].mark for _, cells in table.rows] == ["best", ""] and not table.warnings


def test_a_group_has_the_median_and_the_range_of_its_runs(runs: Path):
    shutil.copytree(runs / "slow", runs / "third")
    for name, value in (("slow", 5.0), ("fast", 1.0), ("third", 9.0)):
        measured(runs / name, 32, fid(value))
    together = [replace(run, group="all") for run in open_runs(["slow", "fast", "third"])]
    table = group_rows(make_figure_table(together), together)
    ((title, (cell,)),) = table.rows
    assert title == "all" and cell.figure and (cell.figure.value, cell.figure.low, cell.figure.high) == (5.0, 1.0, 9.0)


def test_time_leaves_out_what_a_killed_run_had_to_repeat():
    first = [{"images": 10, "seconds": 1.0}, {"images": 20, "seconds": 2.0}, {"images": 30, "seconds": 3.0}]
    images, seconds, *_ = parse_pace([*first, {"images": 30, "seconds": 0.8}, {"images": 40, "seconds": 1.8}])
    assert images.tolist() == [0, 10, 20, 30, 40] and np.allclose(seconds, [0, 1, 2, 2.8, 3.8])


def test_differences_open_values_of_one_class_and_show_others_whole(runs: Path):
    slow, fast = (manifest_facts(run.manifest) for run in open_runs(["slow", "fast"]))
    assert list(find_differences([slow, slow])) == []
    assert [tuple(d) for d in find_differences([slow, fast])] == [("optimizer.lr", ("1e-05", "0.001"))]
    train("wgan-gp-toy", out="toy", options={"networks.width": "8", "batch": "8"}, images=40, quiet=True, threads=1)
    found = {d.name: d.values for d in find_differences([slow, fast, manifest_facts(open_runs(["toy"])[0].manifest)])}
    assert found["recipe"] == ("DCGAN", "DCGAN", "WGANGP") and found["networks"][2].startswith("Perceptron(")
    assert found["optimizer.lr"] == ("1e-05", "0.001", "0.0001") and "networks.width" not in found


def test_ticks_are_round_within_and_few():
    assert linear_ticks(0, 10) == [0, 2, 4, 6, 8, 10] and linear_ticks(-0.31, 0.29) == [-0.2, 0.0, 0.2]
    for low, high in ((0.003, 400.0), (0.5, 3.0), (0.91, 0.93), (20.0, 1e4)):
        for places in (log_ticks(low, high), linear_ticks(low, high)):
            assert 2 <= len(places) <= 8 and all(
                low <= place * (1 + 1e-9) and place <= high * (1 + 1e-9) for place in places
            )
    assert time_ticks(150) == [0, 30, 60, 90, 120, 150] and time_ticks(0.5)[-1] <= 0.5


def test_a_long_line_keeps_its_mean_and_every_spike():
    y = np.zeros(10_000)
    y[7777] = 5.0
    drawn = make_line("run", 0, np.arange(10_000.0), y)
    assert len(drawn.x) < 200 and drawn.high.max() == 5.0 and np.isclose(drawn.y.mean(), y.mean(), rtol=0.05)


def test_text_in_a_page_is_escaped():
    assert html_tag("td", "<script>", title='"x"') == '<td title="&quot;x&quot;">&lt;script&gt;</td>'


class Page(HTMLParser):
    """What a page asks of others, how its elements nest, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.requests: list[str] = []
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = self.policy = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"] or ""
        if tag not in ("meta", "link", "img", "br", "input"):
            self.open.append(tag)
        links = [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data", "style")]
        self.requests += [link for link in links if not link.startswith("data:") and ("/" in link or "url" in link)]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def self_contained(path: Path) -> Page:
    """Parsed; nothing in it is fetched, and only the script of its charts is run."""
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    assert not page.open and not page.requests and page.tags.count("script") == 1 and "@import" not in html
    (script,) = re.findall("<script>(.*?)</script>", html, re.S)
    hashed = "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "url(" not in html and "prefers-color-scheme: dark" in html
    guard = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src '{hashed}'"
    assert page.policy == guard  # the browser's own
    return page


def test_a_comparison_is_told_in_the_terminal_and_on_one_page(runs: Path, capsys: pytest.CaptureFixture[str]):
    for images in (0, 16, 32):
        measured(runs / "slow", images, fid(9.0 - images / 8), precision(0.5))
        measured(runs / "fast", images, fid(12.0 - images / 8), precision(0.5, replace(THOUSAND, seed=1)))
    told = {"check": "critic wins", "evidence": "it is <always> right", "advice": "slow it"}
    finding = told | {"round": 1, "images": 16, "grave": True}
    append_line(runs / "fast" / "health.jsonl", finding)
    assert main(["compare", "slow", "fast", "--html", "out/c.html", "--csv", "c.csv", "--json", "c.json"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^slow +5 \[4.5, 5.5\] \* ", said, re.M) and re.search(r"^fast +8 .*0.5 †", said, re.M)
    assert "warning: precision of fast was measured otherwise: seed 1 instead of 0" in said
    assert re.search(r"^optimizer.lr +1e-05 \* +0.001 \*$", said, re.M) and "it is <always> right; slow it" in said
    assert max(map(len, said.splitlines())) <= 100

    page = self_contained(Path("out/c.html"))
    assert page.tags.count("svg") == 2 * (2 + 4) and page.tags.count("img") == 2 + 1  # samples, and the data
    assert "it is <always> right" in page.text and "precision of fast was measured otherwise" in page.text
    lines = list(csv.DictReader(Path("c.csv").read_text().splitlines()))
    assert len(lines) == 12 and lines[0]["metric"] == "fid" and float(lines[2]["value"]) == 7.0
    assert {line["seed"] for line in lines if line["run"] == "fast"} == {"0", "1"}
    told = json.loads(Path("c.json").read_text())
    assert told["differences"] == {"optimizer.lr": ["1e-05", "0.001"]} and len(told["warnings"]) == 1


def test_runs_without_figures_or_checkpoints_are_compared_too(runs: Path, capsys: pytest.CaptureFixture[str]):
    shutil.rmtree("fast/checkpoints")
    assert main(["compare", "slow", "fast", "--html", "c.html"]) == 0
    assert "None of these runs has been measured" in capsys.readouterr().out
    assert "No samples: fast has no checkpoint yet" in self_contained(Path("c.html")).text
    assert main(["compare", "slow", "./slow"]) == 2 and "was given twice" in capsys.readouterr().err
    assert main(["compare"]) == 2 and "compare needs RUN; write saddle compare RUN ..." in capsys.readouterr().err


def test_a_report_has_all_of_a_run(runs: Path, capsys: pytest.CaptureFixture[str]):
    measured(runs / "slow", 32, fid(9.0))
    assert main(["report", "slow"]) == 0 and capsys.readouterr().out == "slow/report.html\n"
    page = self_contained(Path("slow/report.html"))
    assert page.tags.count("img") == 1 + 1 + 2 and page.tags.count("svg") == 2 + 4  # made, real, sheets
    for text in ("optimizer.lr", "1e-05", "networks.width", "saddle reproduce slow", "36 classes", "16x16 pixels"):
        assert text in page.text, text


def test_the_command_in_a_report_begins_the_same_run(runs: Path):
    manifest = Manifest.read(RunFolder("slow"))
    saddle, train, name, *words = shlex.split(train_command(manifest))
    assert (saddle, train, name) == ("saddle", "train", "dcgan")
    _, given = split_words(words, {"quiet"})
    texts = {option.replace("-", "_"): text for option, text in given.items() if text is not None}
    chosen = {key: text for key, text in texts.items() if key in vars(Settings())}
    options = {key: text for key, text in texts.items() if key not in chosen}
    settings = override_fields(Settings(), chosen)
    assert resolve_recipe(name, options, settings)[1] == resolve_recipe("dcgan", manifest.options, settings)[1]
    assert settings.images == 32 and settings.threads == 1 and settings.limit == 32


def test_a_run_is_reproduced_bit_for_bit_and_a_change_is_named(runs: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["reproduce", "slow"]) == 0
    assert re.match(
        r"slow-again is slow again, bit for bit: \d+ tensors .* and 2 lines of the log\n", capsys.readouterr().out
    )
    manifest = Manifest.read(RunFolder("slow"))
    replace(manifest, recipe=manifest.recipe.replace("lr=1e-05", "lr=2e-05")).write(RunFolder("slow"))
    assert main(["reproduce", "slow", "--out", "other"]) == 1
    complaint = capsys.readouterr().err
    assert "from round 0 on the log differs" in complaint and "tensors differ" in complaint
    assert main(["reproduce", "slow", "--out", "other"]) == 1 and "log differs" in capsys.readouterr().err  # at once
    replace(manifest, images=3200).write(RunFolder("fast"))
    assert main(["reproduce", "fast"]) == 2 and "stopped at 32 of 3200 images" in capsys.readouterr().err
