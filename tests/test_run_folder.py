"""A run's folder in rough hands: links and fifos in it, damaged logs, what was deleted, what a kill leaves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from saddle import load, resume, train
from saddle.cli import main
from saddle.errors import Interrupted, Mistake
from saddle.reports.reading import open_runs
from saddle.runs.folder import RunFolder
from saddle.runs.timing import continue_timing, read_pace
from saddle.training.callbacks.base import Callback
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint, write_checkpoint
from test_resume import StopAt, content, equal, small

SECRET = "of nobody else's business\n"


class Heard(Callback):
    def __init__(self) -> None:
        self.sentences: list[str] = []

    def on_message(self, sentence: str) -> None:
        self.sentences.append(sentence)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(**small("gan", out=tmp_path_factory.mktemp("whole") / "run"))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.MonkeyPatch.context() as patch:
        StopAt(patch, 6)
        with pytest.raises(Interrupted):
            train(**small("gan", out=run))
    return run


@pytest.fixture
def halted(stopped: Path, tmp_path: Path) -> Path:
    """A run that was stopped half way."""
    return Path(shutil.copytree(stopped, tmp_path / "run"))


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Files outside of any run, which nothing may change or show."""
    (outside := tmp_path / "outside").mkdir()
    for name in ("log.jsonl", "0000000000.png", ".draft-mine", "000000000000.safetensors"):
        (outside / name).write_text(SECRET)
    return outside


def untouched(outside: Path) -> None:
    assert sorted(p.name for p in outside.iterdir()) == [
        ".draft-mine", "0000000000.png", "000000000000.safetensors", "log.jsonl"
    ]  # fmt: skip
    assert {p.read_text() for p in outside.iterdir()} == {SECRET}


LOGS = (".lock", "health.jsonl", "log.jsonl", "timing.jsonl", "measures.jsonl", "manifest.json")


@pytest.mark.parametrize("name", LOGS)
def test_no_link_or_fifo_among_the_logs_is_followed_or_waited_for(name: str, halted: Path, secret: Path):
    for make in (lambda path: path.symlink_to(secret / "log.jsonl"), os.mkfifo):
        (halted / name).unlink(missing_ok=True)
        make(halted / name)
        for words in (["resume"], ["report"], ["compare"], ["sample"], ["diff", str(halted)]):
            assert main([*words, str(halted)]) in ((0, 2) if words[0] != "resume" or name.startswith("me") else (2,))
        untouched(secret)


@pytest.mark.parametrize("name", ["sheets", "checkpoints", "board"])
def test_no_folder_of_a_run_is_a_link(name: str, halted: Path, secret: Path, capsys: pytest.CaptureFixture[str]):
    if (halted / name).exists():
        (halted / name).rename(halted / "away")
    (halted / name).symlink_to(secret)
    for command in ("resume", "report", "sample", "measure", "compare"):
        assert main([command, str(halted)]) == 2
        assert f"{name} is a link, which is not followed" in capsys.readouterr().err
    untouched(secret)


@pytest.mark.usefixtures("drawn_curves")
def test_what_is_a_link_is_replaced_where_a_file_is_written_and_left_out_where_it_is_shown(
    halted: Path, secret: Path, capsys: pytest.CaptureFixture[str]
):
    link = halted / "sheets" / "0000000001.png"
    link.symlink_to(secret / "0000000000.png")
    (halted / "sheets" / "0000000002.png").write_text(SECRET)
    os.mkfifo(halted / "sheets" / "0000000003.png")
    (halted / "checkpoints" / "999999999999.safetensors").symlink_to(secret / "000000000000.safetensors")
    for name in ("curves.png", "progress.png", "progress.gif", "report.html", "samples-0.png"):
        (halted / name).symlink_to(secret / "log.jsonl")
    resume(halted, watch=(heard := Heard()))
    assert main(["sample", str(halted)]) == main(["report", str(halted)]) == 0
    untouched(secret)
    assert [s for s in heard.sentences if "0000000002.png is damaged" in s]
    page = (halted / "report.html").read_text()
    said = "left out: 0000000001.png, 0000000002.png, 0000000003.png"
    assert said in page and said in capsys.readouterr().err and SECRET.strip() not in page


def test_a_run_folder_that_is_a_link_itself_is_fine(halted: Path, whole: Path, tmp_path: Path):
    (tmp_path / "alias").symlink_to(halted)
    resume(tmp_path / "alias")
    equal(whole, halted)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "bit": lambda text: text[:5] + b"\xff" + text[6:],
    "other": lambda text: b'[1]\n"a"\n{}\n{"images": "x", "round": 1}\n{"images": NaN}\n' + text,
    "deep": lambda text: b"[" * 10**5 + b"\n" + text,
    "cut": lambda text: text[: len(text) // 2],
    "gone": lambda text: b"",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_log_is_no_reason_not_to_go_on(damage: str, halted: Path, whole: Path):
    for name in ("log.jsonl", "timing.jsonl", "health.jsonl"):
        (halted / name).write_bytes(DAMAGES[damage]((halted / name).read_bytes()))
    resume(halted, watch=Heard())
    one, two = (read_checkpoint(path) for run in (whole, halted) if (path := latest_checkpoint(run / "checkpoints")))
    assert all(torch.equal(t, two.tensors[key]) for key, t in one.tensors.items())
    assert main(["report", str(halted)]) == main(["compare", str(halted), str(whole)]) == 0


def test_what_is_left_out_of_a_log_is_said_once_with_its_line(whole: Path, capsys: pytest.CaptureFixture[str]):
    path = RunFolder(whole).log
    before = path.read_bytes()
    lines = before.split(b"\n")
    try:
        path.write_bytes(b"\n".join([lines[0], b"\xff", lines[2], b"{}", *lines[4:]]))
        (run,) = open_runs([whole])
        assert len(run.log) == len(lines) - 1 - 2
        assert capsys.readouterr().err == f"warning: 2 lines of {path} are damaged and left out, such as 2\n"
        assert path.read_bytes().startswith(lines[0] + b"\n\xff")
    finally:
        path.write_bytes(before)


class Deleting(Callback):
    """Deletes something of the run while it plays."""

    def __init__(self, run: Path, delete: Callable[[Path], object]) -> None:
        self.run, self.delete, self.sentences = run, delete, list[str]()

    def on_picture(self, path: Path) -> None:
        if path.stem != "0000000000" and self.delete:
            self.delete(self.run)
            self.delete = lambda run: None

    def on_message(self, sentence: str) -> None:
        self.sentences.append(sentence)


def emptied(run: Path) -> None:
    for path in sorted(run.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    run.rmdir()


@pytest.mark.parametrize(("delete", "lost"), [
    (lambda run: emptied(run / "checkpoints"), ["checkpoints"]), (lambda run: emptied(run / "sheets"), ["sheets"]),
    (lambda run: [(run / name).unlink() for name in ("manifest.json", "log.jsonl")], ["manifest.json", "log.jsonl"]),
    (emptied, ["sheets", "checkpoints", "manifest.json", "log.jsonl", "timing.jsonl", "health.jsonl"]),
])  # fmt: skip
def test_what_is_deleted_while_a_run_plays_is_put_back_and_said(
    delete: Callable[[Path], object], lost: list[str], whole: Path, tmp_path: Path
):
    run = tmp_path / "run"
    train(**small("gan", out=run), watch=(watch := Deleting(run, delete)))
    said = {name for s in watch.sentences for name in lost if f"{name} was deleted while the run played" in s}
    assert said == set(lost)
    one, two = content(whole), content(run)
    assert all(torch.equal(t, two["tensors"][key]) for key, t in one["tensors"].items())
    assert one["files"]["log.jsonl"] == two["files"]["log.jsonl"] and load(run).sample(2).shape[0] == 2


def test_what_a_kill_leaves_is_taken_over_or_thrown_away(halted: Path, whole: Path, tmp_path: Path):
    for name in ("checkpoints/.draft-x.1", "checkpoints/.tmpAb12Cd", "sheets/.draft-y.2", ".draft-manifest.json.3"):
        (halted / name).write_bytes(b"half")
    resume(halted)
    assert not [path for path in halted.rglob("*") if path.name.startswith((".draft", ".tmp"))]
    for name in ("sheets", "checkpoints"):  # as if killed before the manifest was whole
        (tmp_path / "new" / name).mkdir(parents=True)
    (tmp_path / "new" / ".draft-manifest.json.1").write_text("{")
    with pytest.raises(Mistake, match=rf"ended before it began, and `saddle train \.\.\. --out {tmp_path / 'new'}`"):
        resume(tmp_path / "new")
    equal(whole, train(**small("gan", out=tmp_path / "new")))
    assert not (tmp_path / "new" / ".draft-manifest.json.1").exists()


def test_times_add_up_over_kills_and_say_what_they_do_not_know(tmp_path: Path):
    path = tmp_path / "timing.jsonl"
    log, before = continue_timing(path, 0)
    for images in (100, 200, 300):
        log.write(images=images, seconds=before.seconds + images / 100, waited=images / 1000)
    log.close()  # killed here; the checkpoint was at 200
    log, before = continue_timing(path, 200)
    assert before == (2.0, 0.2)
    log.write(images=300, seconds=before.seconds + 5.0, waited=before.waited + 0.5)
    log.close()
    pace = read_pace(path)
    assert pace.images.tolist() == [0, 100, 200, 300] and pace.seconds.tolist() == [0, 1, 2, 7]
    assert pace.waited is not None and pace.waited.tolist() == [0, 0.1, 0.2, 0.7]
    assert pace.idle == pytest.approx(0.1)
    path.write_text("".join(path.read_text().splitlines(True)[:1]))  # and of the rest nothing is known
    log, before = continue_timing(path, 300)
    log.write(images=400, seconds=before.seconds + 1.0)
    log.close()
    again, _ = continue_timing(path, 400)
    again.close()
    pace = read_pace(path)
    assert (pace.images[-1], pace.seconds[-1], pace.untimed, pace.speed) == (400, 2.0, 200, 100.0)


def test_the_time_of_a_run_is_on_the_disk_with_its_checkpoint(halted: Path):
    """As a kill would leave it: nothing is flushed by an orderly end."""
    seen: list[tuple[float, int]] = []

    class Looking(Callback):
        def on_checkpoint(self, path: Path) -> None:
            seen.append((read_pace(halted / "timing.jsonl").images[-1], int(path.stem)))

    resume(halted, watch=Looking())
    assert seen and all(timed == saved for timed, saved in seen)


def changed(run: Path, change: Callable[[dict[str, Tensor], dict[str, Any]], object]) -> None:
    """The last checkpoint, written again with other content and a checksum that is right."""
    path = latest_checkpoint(run / "checkpoints")
    assert path
    tensors, facts = read_checkpoint(path)
    change(tensors, facts)
    write_checkpoint(path, tensors, facts)


WEIGHT = "generator.0.weight"


def swapped(kind: Callable[[Tensor], Tensor], prefix: str) -> Callable[[dict[str, Tensor], dict[str, Any]], object]:
    def change(tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        name = next(name for name in tensors if name.startswith(prefix) and tensors[name].ndim == 2)
        tensors[name] = kind(tensors[name])

    return change


ILL = {"nan": lambda t: t * torch.nan, "infinite": lambda t: t / 0.0, "int8": lambda t: t.to(torch.int8),
       "bool": lambda t: t > 0, "half": lambda t: t.half(), "shape": lambda t: t[:-1]}  # fmt: skip


@pytest.mark.parametrize("prefix", ["game.generator", "average.generator"])
@pytest.mark.parametrize("ill", ILL)
def test_weights_that_are_none_of_the_networks_are_refused_by_name(ill: str, prefix: str, halted: Path):
    changed(halted, swapped(ILL[ill], prefix))
    for use in (load, resume):
        with pytest.raises(Mistake, match=r"^generator\.\S+ in .*safetensors (is of|holds what is no finite number)"):
            use(halted)
    for command in ("sample", "measure", "resume"):
        assert main([command, str(halted)]) == 2


@pytest.mark.parametrize("change", [
    lambda tensors, facts: tensors.pop(next(name for name in tensors if name.startswith("game."))),
    lambda tensors, facts: tensors.update({"game.other": torch.zeros(1)}),
    swapped(lambda t: t.to(torch.int8), "optimizer."), swapped(lambda t: t * torch.nan, "optimizer."),
    lambda tensors, facts: facts.update(groups={}), lambda tensors, facts: facts.update(groups=[3]),
    lambda tensors, facts: facts.update(health={"past": [[1]]}), lambda tensors, facts: facts.update(health=7),
    lambda tensors, facts: facts.update(log="x"), lambda tensors, facts: facts.update(clock={"round": 1}),
    lambda tensors, facts: facts.update(clock=[1, 2, 3]), lambda tensors, facts: facts.pop("identity"),
    lambda tensors, facts: facts.update(identity=None),
])  # fmt: skip
def test_a_checkpoint_that_does_not_fit_is_refused_in_one_sentence(change: Any, halted: Path):
    changed(halted, change)
    with pytest.raises(Mistake):
        resume(halted, watch=Heard())
