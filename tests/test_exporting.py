"""`saddle export`: files that make what the run makes, where saddle is not installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import saddle
from narrow import small
from saddle import export, load, train
from saddle.exporting import onnx_file
from saddle.exporting.interface import Input, Interface
from saddle.exporting.onnx_file import export_onnx, open_session, read_onnx_facts, run_session, serialized, to_onnx
from saddle.exporting.parity import check_parity
from saddle.exporting.programs import trace
from saddle.latent.space import LatentSpace
from saddle.layers.adain import AdaptiveInstanceNorm
from saddle.recipes import trust

SMALL = {"images": 32, "quiet": True, "device": "cpu", "pictures": 0, "size": 16, "limit": 32}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run whose generator is told a class."""
    folder = tmp_path_factory.mktemp("export")
    train(small("cgan"), out=folder / "run", **SMALL)
    return folder


@pytest.fixture
def run(home: Path) -> Path:
    return home / "run"


WITHOUT_SADDLE = """
import json, sys
import numpy as np, onnxruntime

sys.modules["torch"] = sys.modules["saddle"] = None  # what imports them fails
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
given = {name: value for name, value in np.load(sys.argv[2]).items()}
np.save(sys.argv[3], session.run(None, given)[0])
print(session.get_modelmeta().custom_metadata_map["saddle"])
"""
TORCH_ALONE = """
import sys
import torch

sys.modules["saddle"] = None
facts = {"saddle.json": ""}
program = torch.export.load(sys.argv[1], extra_files=facts).module()
torch.save(program(*torch.load(sys.argv[2])), sys.argv[3])
print(facts["saddle.json"] if isinstance(facts["saddle.json"], str) else facts["saddle.json"].decode())
"""


def latents_and_labels(run: Path, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    space = LatentSpace(load(run), "3")
    return space.draw(n, 5), space.labels(n, 5)


def elsewhere(code: str, *words: object) -> str:
    """A process that knows nothing of this one, nor of saddle."""
    env = {"PATH": "/usr/bin:/bin"}
    return subprocess.run([sys.executable, "-c", code, *map(str, words)], check=True, capture_output=True, text=True,
                          env=env).stdout  # fmt: skip


def told_places(file: Path, run: Path) -> list[str]:
    """Folders of this machine that a file names: of the run, of saddle, of torch."""
    places = [str(run.parent), str(Path(saddle.__file__).parent), str(Path(torch.__file__).parent)]
    return [place for place in places if place.encode() in file.read_bytes()]


def test_an_onnx_file_makes_the_runs_samples_with_numpy_and_onnxruntime_alone(run, say, tmp_path):
    code, out, said = say(f"export {run}")
    assert (code, out) == (0, f"{run / 'generator.onnx'}\n") and "differs from Python by at most" in said
    z, labels = latents_and_labels(run, 7)
    np.savez(tmp_path / "in.npz", latent=z.numpy(), label=labels.numpy())
    facts = json.loads(elsewhere(WITHOUT_SADDLE, out.strip(), tmp_path / "in.npz", tmp_path / "out.npy"))
    assert np.abs(np.load(tmp_path / "out.npy") - load(run).sample(7, 5, "3").numpy()).max() < 1e-4
    assert facts["recipe"] == "cgan" and facts["classes"] == list(load(run).classes)
    assert facts["inputs"][0] == {"name": "latent", "shape": ["batch", 8], "dtype": "float32",
                                  "distribution": "normal", "mean": 0.0, "std": 1.0}  # fmt: skip
    assert [one["name"] for one in facts["inputs"]] == ["latent", "label"]
    assert facts["normalisation"] == "running statistics"
    assert facts == read_onnx_facts(out.strip()) and facts["parity"]["difference"] <= facts["parity"]["bound"] == 1e-4
    assert not told_places(run / "generator.onnx", run)


def test_a_saved_program_opens_with_torch_alone(run, say, tmp_path):
    code, out, _ = say(f"export {run} --to torch-export --out there/g.pt2")
    assert (code, out) == (0, "there/g.pt2\n")
    torch.save(latents_and_labels(run, 1), tmp_path / "in.pt")
    facts = json.loads(elsewhere(TORCH_ALONE, tmp_path / out.strip(), tmp_path / "in.pt", tmp_path / "out.pt"))
    assert torch.allclose(torch.load(tmp_path / "out.pt"), load(run).sample(1, 5, "3"), atol=1e-6)
    assert facts["inputs"][1]["high"] == len(load(run).classes) - 1
    assert not told_places(tmp_path / out.strip(), run)


def test_nothing_that_is_not_an_export_is_written_over(run, say, tmp_path):
    (tmp_path / "mine.onnx").write_bytes(b"mine")
    (tmp_path / "mine.pt2").write_bytes(b"mine")
    for to, name in (("onnx", "mine.onnx"), ("torch-export", "mine.pt2")):
        code, _, said = say(f"export {run} --to {to} --out {name}")
        assert code == 2 and said == (f"saddle: {name} is there already, and is no export of saddle's; name another "
                                      "place with --out\n") and (tmp_path / name).read_bytes() == b"mine"  # fmt: skip


def test_a_file_that_makes_something_else_is_refused_and_not_written(run, tmp_path, monkeypatch):
    whole = onnx_file.run_session
    monkeypatch.setattr(onnx_file, "run_session", lambda *given: whole(*given) + 2e-4)
    with pytest.raises(RuntimeError, match="the exported generator is not the run's: it differs from"):
        export_onnx(load(run), tmp_path / "g.onnx")
    assert not (tmp_path / "g.onnx").exists()


def test_a_map_that_hardly_varies_is_normalised_in_a_file_as_in_python():
    """The exporter takes 1e-8 for 0, and the mean of such a map rounds: both were seen in short runs of stylegan."""
    norm = AdaptiveInstanceNorm(2, 3).eval()

    class Part(torch.nn.Module):
        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            return norm(*inputs)

    part = Part()
    part.norm = norm

    def flat(n: int, seed: int) -> torch.Tensor:
        return 1 + 1e-4 * torch.randn(n, 3, 4, 4, generator=torch.Generator().manual_seed(seed))

    def style(n: int, seed: int) -> torch.Tensor:
        return torch.ones(n, 2)

    inputs = Input("x", (3, 4, 4), torch.float32, {}, flat), Input("w", (2,), torch.float32, {}, style)
    interface = Interface("generator", part, inputs, {"name": "y"}, {})
    session = open_session(serialized(to_onnx(trace(interface), interface).model_proto))
    check_parity(interface, lambda given: run_session(session, interface, given), 1e-5)
    x, w = interface.example(4, 9)
    torch.testing.assert_close(norm(x, w), norm.double()(x.double(), w.double()).float(), atol=1e-5, rtol=1e-5)


def test_the_generator_is_a_plain_module_that_leaves_the_run_as_it_is(run):
    gan = load(run)
    G, before = gan.generator, gan.sample(2, label="3")
    assert not G.training and isinstance(G, torch.nn.Module) and "game.generator.needs" not in G.state_dict()
    assert not [name for name, _ in G.named_parameters() if "critic" in name]
    z, labels = latents_and_labels(run, 3)
    torch.testing.assert_close(G(z, labels), gan.sample(3, 5, "3"))
    for p in G.parameters():
        p.data.zero_()
    assert torch.equal(gan.sample(2, label="3"), before)


def test_python_exports_as_the_command_does_and_names_the_formats_that_there_are(run, tmp_path):
    made = export(run, "onnx", out=tmp_path / "a.onnx")
    assert made.path == tmp_path / "a.onnx" and made.parity.difference < 1e-4
    with pytest.raises(ValueError, match="there is no format onx; did you mean onnx"):
        export(run, "onx")
    with pytest.raises(ValueError, match=r"cannot encode images; .* its parts are generator"):
        export(run, part="encoder", out=tmp_path / "e.onnx")


@pytest.mark.parametrize(("form", "name"), [("onnx", "new.onnx"), ("web", "new")])
def test_a_missing_package_is_told_before_the_run_is_opened(run, tmp_path, monkeypatch, form, name):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setattr("saddle.exporting.export.load", lambda *given, **more: pytest.fail("the run was opened"))
    with pytest.raises(ValueError, match=r"ONNX needs onnx: pip install .*\[onnx\]"):
        export(run, form, out=tmp_path / name)


def test_standing_statistics_are_those_of_the_file(run, tmp_path):
    made = export(run, out=tmp_path / "s.onnx", standing=48)
    assert made.facts["normalisation"] == "statistics of 48 samples"
    z, labels = latents_and_labels(run, 3)
    given = {"latent": z.numpy(), "label": labels.numpy()}
    (images,) = onnx_file.open_session(str(made.path)).run(None, given)
    whole = load(run, standing=48)
    assert np.abs(images - whole.sample(3, 5, "3").numpy()).max() < 1e-6
    assert np.abs(images - load(run).sample(3, 5, "3").numpy()).max() > 1e-5


def test_a_bundle_makes_the_same_samples_to_the_bit_without_the_run(home, run, say, tmp_path):
    assert say("export H/run --to safetensors --out b") == (0, "b\n", "")
    assert {path.name for path in (tmp_path / "b").iterdir()} == {"model.safetensors", "config.json"}
    shutil.copytree(tmp_path / "b", tmp_path / "elsewhere")
    gan, whole = load(tmp_path / "elsewhere"), load(run)
    assert torch.equal(gan.sample(5, 3), whole.sample(5, 3)) and gan.weights == whole.weights == "averaged"
    assert gan.clock == whole.clock and gan.classes == whole.classes
    assert torch.equal(gan.score(gan.sample(4), "1"), whole.score(gan.sample(4), "1"))
    text = (tmp_path / "b/config.json").read_text()
    assert str(home) not in text and '"command"' not in text and json.loads(text)["format"] == "saddle bundle 1"


def test_commands_take_a_bundle_for_a_run_and_say_what_it_has_not(run, say, tmp_path):
    assert say("export H/run --to safetensors --out b")[0] == 0
    assert say("sample b --label 3 --out s.png") == (0, "s.png\n", "")
    assert say("sample H/run --label 3 --out r.png")[0] == 0
    assert (tmp_path / "s.png").read_bytes() == (tmp_path / "r.png").read_bytes()
    for command in ("resume b", "report b", "compare b H/run", "reproduce b", "average b --std 0.1"):
        assert say(command)[2] == (
            "saddle: b is a bundle: it has a run's weights, and nothing of its training that could be gone on with "
            "or told of; `saddle train ... --from b` begins a new run with them\n"), command  # fmt: skip
    assert say("measure b --metrics swd -n 32 --references 32 --device cpu")[0] == 0
    assert say("diff b H/run")[1].endswith(" are the same\n")
    assert say("sample b --best")[2] == "saddle: b is a bundle, which has one set of weights; leave --best out\n"
    assert say("sample b --no-average")[2].startswith("saddle: b is a bundle, which has one set of weights; leave")
    code, _, said = say("train cgan --from b --size 16 --limit 32 --images 16 --batch 4 --quiet --out new --device cpu "
                        "--networks.base.width 8 --networks.base.latent 8")  # fmt: skip
    assert code == 0, said
    assert say("export b --to safetensors --out again") == (0, "again\n", "")
    assert torch.equal(load(tmp_path / "again").sample(2), load(run).sample(2))


def test_a_folder_that_is_no_bundle_is_left_alone_and_one_that_is_made_anew(run, say, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.png").write_bytes(b"mine")
    (tmp_path / "photos/config.json").write_text('{"format": "another"}')
    code, _, said = say("export H/run --to safetensors --out photos")
    assert (code, said) == (2, "saddle: photos is there already, and is no bundle of saddle's; name another place with "
                               "--out\n")  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "photos").iterdir()) == ["a.png", "config.json"]
    for _ in "ab":
        assert say("export H/run --to safetensors --out b --no-average")[0] == 0
    assert torch.equal(load(tmp_path / "b").sample(2), load(run, average=False).sample(2))
    assert say("export H/run --to safetensors --part encoder --out c")[2] == (
        "saddle: safetensors holds all of a run's networks, whatever they are asked for later; leave part and style "
        "out\n")  # fmt: skip


def test_a_bundle_brings_the_source_of_a_recipe_of_ones_own_and_asks_for_trust(tmp_path, say, monkeypatch):
    (tmp_path / "own.py").write_text(OWN)
    assert say("train own.py:Own --size 8 --limit 32 --images 16 --batch 8 --quiet --device cpu --out run")[0] == 0
    assert say("export run --to safetensors --out b")[0] == 0
    wanted = load("run").sample(2)
    shutil.rmtree("run")
    Path("own.py").unlink()
    monkeypatch.setenv("SADDLE_CONFIG", str(tmp_path / "nobody"))
    monkeypatch.setattr(trust, "trusted_in_process", set())
    with pytest.raises(ValueError, match=r"runs a recipe of its own, .*which was never named on this machine"):
        load("b")
    assert torch.equal(load("b", trust=True).sample(2), wanted)


OWN = """
from dataclasses import dataclass
from saddle.recipes.gan import GAN

@dataclass(frozen=True)
class Own(GAN):
    batch: int = 8
"""
