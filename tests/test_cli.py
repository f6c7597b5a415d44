"""What a user types, and what comes back: pages, sentences, exit codes."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from saddle import __version__, sessions
from saddle.cli import COMMANDS, main
from saddle.cli.pages import format_option, walk_fields
from saddle.cli.sampling import SampleOptions
from saddle.cli.showing import ShowOptions
from saddle.data.prepare import Prepare
from saddle.errors import Failure, Interrupted
from saddle.recipes import RECIPES, find_recipe
from saddle.runs.settings import Settings

MINE = '''
from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from saddle.objectives import NonSaturating
from saddle.recipes.dcgan import DCGAN


@dataclass(frozen=True)
class Scaled:
    """A multiple of the usual losses."""

    factor: float = 2.0  # times
    paired = False

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.factor * NonSaturating().critic(real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.factor * NonSaturating().generator(real, fake)


@dataclass(frozen=True)
class MyGAN(DCGAN):
    """A recipe of one's own."""

    objective: Scaled = Scaled()  # the scaled one
'''
TINY = ("--size", "16", "--networks.width", "4", "--batch", "16", "--images", "64", "--pictures", "1", "--quiet")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "mine.py").write_text(MINE)


@pytest.fixture
def say(capsys):
    """The exit code, what is printed and what is complained about, of a command line."""

    def say(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        return code, *capsys.readouterr()

    return say


@pytest.fixture
def asked(monkeypatch):
    """What a training was asked to do, without doing it."""
    calls: list[dict[str, object]] = []
    monkeypatch.setattr(sessions, "train", lambda *a, **k: (calls.append({"recipe": a[0], **k}), Path("runs/1"))[1])
    return calls


def test_light_commands_import_nothing_heavy():
    heavy = ("torch", "numpy", "rich", "tyro", "PIL", "matplotlib")
    code = f"""
import contextlib, io, sys
from saddle.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    for words in ([], ["--help"], ["--version"], ["list"], ["train", "--help"], ["sample", "--help"], ["doctor", "-h"]):
        assert main(words) == 0, words
assert not {{*{heavy}}} & {{*sys.modules}}, {{*{heavy}}} & {{*sys.modules}}"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "saddle", "lsit"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "saddle: there is no command lsit; did you mean list?\n"


def test_a_reader_that_closes_early_is_no_error():
    shell = f"{sys.executable} -m saddle train --help | head -1; exit ${{PIPESTATUS[1]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("usage: saddle train [RECIPE] [--option value ...]\n", "")


def test_every_command_is_on_the_first_page_and_has_one_of_its_own(say):
    code, page, _ = say()
    assert code == 0 and all(f"saddle {name} {command.takes}" in page for name, command in COMMANDS.items())
    assert say("--help") == say("-h") == say("help") == (0, page, "")
    assert say("--version") == (0, f"saddle {__version__}\n", "")
    for name in COMMANDS:
        code, page, _ = say(name, "--help")
        assert code == 0 and page.startswith(f"usage: saddle {name}")
        assert say("help", name) == (code, page, "")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_shows_every_option_with_its_value_and_help(name, say):
    recipe, _ = find_recipe(name)
    code, page, _ = say("train", name, "--help", "all")
    assert code == 0 and recipe.paper.authors in page and "--images" in page and "--out" in page
    for field in walk_fields(recipe):
        assert f"{format_option(field)}\n" in page or f"{format_option(field)} " in page
        assert "." in field.name or field.help, f"{field.name} of {name} has no comment behind it"


@pytest.mark.parametrize(
    "options", [Settings(), Prepare(), SampleOptions(), ShowOptions()], ids=lambda o: type(o).__name__
)
def test_every_option_has_help(options):
    assert [field.name for field in walk_fields(options) if not field.help] == []


def test_options_reach_the_training_as_settings_and_as_text(say, asked):
    words = ("--data", "faces/", "wgan-gp", "--images", "200k", "--optimizer.lr=Linear(1e-4, 0)", "--flip",
             "--no-networks.normal", "--penalties", "", "--generator-turns", "3")  # fmt: skip
    assert say("train", *words[:-2])[0] == 0
    assert asked == [{"recipe": "wgan-gp", "data": "faces/", "images": 200_000, "flip": True, "out": None,
                      "resume": None, "options": {
        "optimizer.lr": "Linear(1e-4, 0)", "networks.normal": "False", "penalties": ""}}]  # fmt: skip
    assert say("train", *words)[0] == 2 and len(asked) == 1


def test_a_switch_takes_no_word_but_true_or_false(say, asked):
    for words in (["--flip", "gan"], ["gan", "--flip", "true"], ["--flip=true", "gan"], ["gan", "--flip"]):
        assert say("train", *words)[0] == 0
    assert say("train", "gan", "--no-flip")[0] == 0 and say("train")[0] == 0
    assert [call.get("flip") for call in asked] == [True] * 4 + [False, None]
    assert [call["recipe"] for call in asked] == ["gan"] * 5 + ["dcgan"]


def test_a_training_says_where_the_run_lies_and_what_to_type_next(say, asked):
    _, said, _ = say("train", "--out", "here")
    assert "The run lies in runs/1." in said and "saddle sample runs/1 " in said and asked[0]["out"] == Path("here")
    assert "saddle measure runs/1 " in said and "saddle report runs/1 " in said


def test_a_quiet_training_says_no_more_than_where_the_run_lies_if_that_is_new(say, asked):
    assert say("train", "--quiet") == (0, "runs/1\n", "") and say("train", "--quiet", "--out", "x") == (0, "", "")


@pytest.mark.parametrize(("notes", "out"), [(["01 failed: no number"], ()), ([], ("--out", "x"))])
def test_a_quiet_sweep_says_which_runs_failed_and_where_it_lies_if_that_is_new(notes, out, say, monkeypatch):
    whole = SimpleNamespace(notes=notes, text=lambda width: "a table")
    found = SimpleNamespace(folder=Path("r"), best="b", command="saddle train", whole=whole)
    monkeypatch.setattr(
        "saddle.sweeps.sweep.run_sweep", lambda plan, out, jobs, said: (said("1"), (Path("r"), whole))[1]
    )
    monkeypatch.setattr("saddle.sweeps.search.run_search", lambda plan, out, jobs, said: (said("1"), found)[1])
    seeds, search = ["--seeds", "2"], ["--search", "3", "--vary", "optimizer.lr=1e-4..1e-3", "--measure", "fid"]
    for words in (seeds, search):
        code, said, complaint = say("sweep", "dcgan", *words, *out, "--quiet")
        assert said == ("" if out else "r\n") and code == (1 if notes and words == seeds else 0)
        assert complaint.startswith("".join(f"warning: {note}\n" for note in notes))
        assert "1\n" in say("sweep", "dcgan", *words)[1]


def test_a_sweep_asks_what_to_vary_and_says_that_nothing_will_be_measured(say, monkeypatch):
    assert "a sweep needs something to vary, such as --vary" in say("sweep", "dcgan")[2]
    monkeypatch.setattr("saddle.sweeps.sweep.run_sweep", lambda *given: (_ for _ in ()).throw(Failure("swept")))
    for more, says in (((), True), (("--measure", "fid"), False), (("--vary", "measure=fid;kid"), False)):
        code, said, complaint = say("sweep", "dcgan", "--seeds", "2", *more)
        assert (code, complaint) == (1, "saddle: swept\n") and ("No figures will be taken" in said) == says


@pytest.mark.parametrize("line", ["show last", "show 007 --size 32", "train last", "train 007"])
def test_a_run_where_a_recipe_is_meant_is_named_as_one(line, say, tmp_path, monkeypatch):
    (tmp_path / "runs" / "007-dcgan-glyphs").mkdir(parents=True)
    (tmp_path / "runs" / "007-dcgan-glyphs" / "manifest.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    code, out, error = say(*line.split())
    assert (code, out) == (2, ""), error
    assert "007 is a run" in error or "last is a run" in error


@pytest.mark.parametrize(("line", "says"), [
    ("lst", "there is no command lst; did you mean list?"),
    ("train dgcan", "there is no recipe dgcan; did you mean dcgan?"),
    ("train dcgan faces", "train has no use for 'faces'"),
    ("train .", ". is no recipe; if it is your data, write --data ."),
    ("train mnist", "mnist is no recipe; if it is your data, write --data mnist"),
    ("train dcgan --data dogs", "data set dogs; your own pictures are a folder or a zip: --data photos/; there are"),
    ("train dcgan --data mnits", "there is no file, folder or data set mnits; did you mean mnist?"),
    ("train --bacth 3", "there is no option --bacth; did you mean --batch?"),
    ("train --iamges 3", "there is no option --iamges; did you mean --images?"),
    ("train --no-flp", "there is no option --no-flp; did you mean --no-flip?"),
    ("train --optimiser.lr 1e-3", "there is no option --optimiser.lr; did you mean --optimizer.lr?"),
    ("train --optimiser.speed 1e-3", "there is no option --optimiser.speed; did you mean --optimizer?"),
    ("train --qwerty 3", "there is no option --qwerty; saddle train --help lists what there is"),
    ("train vae --views DiffAugment()", "there is no option --views in vae, as in gan, gan-minimax, dcgan and "),
    ("train soft-introvae --margin 3", "no option --margin in soft-introvae, as in introvae"),
    ("train bigan --turns.critic 2", "there is no option --turns.critic in bigan, as in "),
    ("train --networks.widht 3", "Convolutional has no option networks.widht; did you mean width?"),
    ("train --objective Nonsaturating", "did you mean NonSaturating?"),
    ("train --objective Hinge3", "there is no Hinge3; did you mean Hinge?"),
    ("train wgan-gp --penalties GradientPenality(5)", "did you mean GradientPenalty?"),
    ("train --penalties GradientPenality(5)", "should be ConsistencyRegularisation,"),  # slopes of batch norms are none
    ("train --images abc", "images is 'abc', but should be a whole number"),
    ("train --images 0", "images is 0, but should be"),
    ("train --images 1k --minutes 2", "images and minutes both say how long to train"),
    ("train --minutes -1", "minutes is -1, but should be a number above 0"),
    ("train --batch 0", "batch"),
    ("train --plugin a.py --plugin=b.py", "--plugin is given twice, as a.py and as b.py; give one file"),
    ("train --optimizer.lr -1", "lr is -1"),
    ("train --batch", "--batch needs a value, such as --batch 64"),
    ("train --data --flip", "--data needs a value"),
    ("train --networks.width -3", "width is -3"),
    ("train --turns.critic 0", "moves in a round is 0, but should be 1 or more"),
    ("train --crop center", "crop is 'center', but should be centre, pad, stretch or random"),
    ("train none.py:MyGAN", "there is no file none.py"),
    ("train mine.py:MyGun", "mine.py has no recipe MyGun; did you mean MyGAN?"),
    ("resume", "resume needs RUN; write saddle resume RUN"),
    ("resume nowhere", "there is no run nowhere"),
    ("resume nowhere --threads 0", "threads is 0, but should be above 0"),
    ("sample .", ". holds no run"),
    ("sample nowhere -n 0", "-n is 0, but should be above 0"),
    ("sample nowhere --out x.jpg", "x.jpg does not end in .png"),
    ("sample nowhere -n 4 --out x/y.png", "leave -n out for a sheet, or name a folder, --out x/y"),
    ("measure nowhere", "there is no run nowhere"),
    ("measure nowhere --sed 1", "there is no option --sed; did you mean --seed?"),
    ("doctor", "write saddle doctor DATA"),
    ("doctor nowhere/", "there is no file or folder nowhere/"),
    ("list recips", "there is no list of recips; did you mean recipes?"),
    ("list --all", "there is no option --all"),
    ("show", "show needs RECIPE"),
    ("show dcgan --size 0", "size 0 is no picture"),
    ("show dcgan --size 100 --channels 3", "can be halved"),
    ("diff dcgan", "diff needs A and B; write saddle diff A B"),
    ("diff dcgan wgangpp", "there is no recipe wgangpp; did you mean wgan-gp?"),
])  # fmt: skip
def test_a_mistake_is_one_sentence_and_code_2(line, says, say):
    code, printed, complaint = say(*line.split(" "))
    assert (code, printed) == (2, "") and complaint.startswith("saddle: ") and complaint.count("\n") == 1
    assert says in complaint
    assert sorted(os.listdir()) == ["mine.py"]  # nothing was begun


@pytest.mark.parametrize("words", [
    ("sample", ""), ("reconstruct", "", "photos"), ("resume", ""), ("measure", ""), ("report", ""), ("compare", ""),
])  # fmt: skip
def test_an_empty_name_of_a_run_is_called_so(words, say):
    code, printed, complaint = say(*words)
    assert (code, printed) == (2, "") and complaint.startswith("saddle: a run's name is empty; name its folder")


@pytest.mark.parametrize(("error", "code", "says"), [
    (Failure("the critic's loss is nan in round 7"), 1, "the critic's loss is nan in round 7"),
    (OSError(28, "No space left on device", "runs/1/log.jsonl"), 2, "runs/1/log.jsonl: No space left on device"),
    (Interrupted(143, "stopped; go on with saddle resume runs/1"), 143, "stopped; go on with saddle resume runs/1"),
    (KeyboardInterrupt(), 130, "interrupted"),
])  # fmt: skip
def test_what_stops_a_training_is_one_sentence_with_its_code(error, code, says, say, monkeypatch):
    def stop(*args: object, **settings: object) -> Path:
        raise error

    monkeypatch.setattr(sessions, "train", stop)
    assert say("train") == (code, "", f"saddle: {says}\n")


def test_lists(say):
    code, recipes, _ = say("list")
    assert code == 0 and all(f"  {name} " in recipes for name in RECIPES)
    assert all(recipes.count(f"{entry.group}\n") == 1 for entry in RECIPES.values())
    assert "NonSaturating(target=1.0)\n" in say("list", "objectives")[1]
    assert "GradientPenalty(weight=10.0, target=1.0, one_sided=False, every=1)\n" in say("list", "penalties")[1]
    assert "Linear(start, stop=0.0, until=1.0, after=0.0)\n" in say("list", "schedules")[1]
    assert re.search("^  kid  ", say("list", "metrics")[1], re.MULTILINE) and " | metrics | data" in recipes
    assert "swiss-roll" in say("list", "data")[1] and "Uniform(bound=1.0)" in say("list", "priors")[1]


def test_a_value_is_told_of_with_its_fields(say):
    code, ada, _ = say("list", "ADA")
    assert code == 0 and ada.startswith("ADA(target=0.6, ") and "by heart" in ada
    assert re.search(r"^  images=500000 +in which p can go from 0 to 1$", ada, re.MULTILINE)
    assert re.search(r"^  start$", say("list", "Linear")[1], re.MULTILINE)
    assert say("list", "ada")[2] == "saddle: there is no list of ada; did you mean ADA?\n"
    assert say("list", "zzzz")[2].startswith(
        "saddle: there is no list of zzzz; there are recipes, objectives, likelihoods"
    )


@pytest.mark.parametrize("name", ["cgan", "projection-gan", "pix2pix"])
def test_a_size_and_channels_leave_what_else_the_data_have(name, say):
    """Labels, or a second picture: of the data that a recipe trains on by itself."""
    code, printed, complaint = say("show", name, "--size", "64", "--channels", "3", "--no-speed")
    assert (code, complaint) == (0, "") and "Players for 64x64 pixels in 3 channels" in printed


def test_show_counts_parameters_for_the_data_shape(say):
    # methods.md 4.2: the DCGAN of width 64 on 64x64 colour images
    code, page, _ = say("show", "dcgan", "--size", "64", "--channels", "3", "--no-speed")
    assert code == 0 and "3,576,704 parameters" in page and "2,765,568 parameters" in page
    assert "Players for 64x64 pixels" in page and "--optimizer.lr 0.0002" in page
    assert "The generator maximises log D(G(z)) instead." in page and "arXiv:1511.06434" in page
    assert "Players for 2-D points" in say("show", "wgan-gp-toy")[1]


def test_diff_names_the_fields_that_differ(say):
    _, said, _ = say("diff", "wgan-gp", "wgan-gp-cifar")
    assert [line.split() for line in said.splitlines() if line.startswith("optimizer")] == [["optimizer.lr"]]
    assert "Linear(start=0.0002, stop=0.0, until=1.0, after=0.0)" in said and "objective" not in said
    assert say("diff", "gan", "gan")[1] == "gan and gan are the same\n"


def test_a_recipe_of_ones_own_is_trained_sampled_compared_and_resumed(say, tmp_path):
    tiny = ("train", "./mine.py:MyGAN", *TINY)
    assert "--objective.factor 2.0" in say("train", "./mine.py:MyGAN", "--help", "all")[1]
    for out, factor in (("a b", "3"), ("b", "4")):
        code, said, complaint = say(*tiny, "--out", out, "--objective.factor", factor)
        assert (code, said, complaint) == (0, "", "")
    code, said, complaint = say("resume", "a b")  # quiet as the run was, but for what nobody would expect
    assert (code, said) == (0, "") and "`saddle resume 'a b' --images +" in complaint
    assert json.loads((tmp_path / "a b" / "manifest.json").read_text())["options"]["objective.factor"] == "3"

    assert say(*tiny, "--out", "b")[0] == 2  # not overwritten
    assert say("diff", "a b", "b") == (0, "                  a b  b\nobjective.factor  3    4\n", "")
    assert say("diff", "a b", "dcgan")[0] == 2

    assert say("sample", "a b") == (0, "a b/samples-0.png\n", "")
    assert say("sample", "a b", "--no-average", "--seed", "1", "--out", "x/y.png") == (0, "x/y.png\n", "")
    assert [say("sample", "a b", "-n", n, "--out", out)[0] for n, out in (("3", "few"), ("5", "more"))] == [0, 0]
    few, more = (sorted(Path(name).iterdir()) for name in ("few", "more"))
    assert [p.name for p in few] == ["00000.png", "00001.png", "00002.png"] and len(more) == 5
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(few, more, strict=False))
    with Image.open(few[0]) as image:
        assert image.size == (16, 16) and np.asarray(image).std() > 0


def test_a_field_called_like_a_setting_is_refused(say, tmp_path):
    (tmp_path / "clash.py").write_text(MINE.replace("objective: Scaled = Scaled()", "limit: int = 3"))
    assert "has the field limit, which is a run setting" in say("train", "clash.py:MyGAN")[2]
    assert not {f.name for f in dataclasses.fields(Settings)} & {
        f.name for name in RECIPES for f in dataclasses.fields(find_recipe(name)[0])}  # fmt: skip


def test_points_are_sampled_as_one_picture(say):
    assert say("train", "wgan-gp-toy", "--networks.width", "8", "--images", "512", "--quiet", "--out", "toy")[0] == 0
    assert "points, which are drawn as one picture" in say("sample", "toy", "-n", "4")[2]
    assert say("sample", "toy")[0] == 0 and Path("toy/samples-0.png").stat().st_size > 1000


def test_doctor_reports(say, tmp_path):
    (tmp_path / "faces").mkdir()
    for i, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (4, 9, 9, 3), np.uint8)):
        Image.fromarray(pixels).save(tmp_path / f"faces/{i}.png")
    (tmp_path / "faces/4.png").write_bytes(b"no picture")
    code, said, _ = say("doctor", "faces", "--size", "8")
    assert code == 0 and "9x9" in said and "4.png" in said
