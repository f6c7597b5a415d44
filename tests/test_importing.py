"""Weights of others, under the names of their programs, against plain compositions of torch written from the papers."""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from collections.abc import Callable
from itertools import pairwise
from math import sqrt
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from saddle import load
from saddle.foreign.convert import import_weights
from saddle.foreign.reading import read_weights

State = dict[str, Tensor]
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def drawn(shapes: dict[str, tuple[int, ...]], seed: int = 0, scale: float = 0.2) -> State:
    dice = torch.Generator().manual_seed(seed)
    return {name: scale * torch.randn(shape, generator=dice) for name, shape in shapes.items()}


def batch_normed(prefix: str, n: int, seed: int) -> State:
    dice = torch.Generator().manual_seed(seed)
    return {f"{prefix}.weight": torch.rand(n, generator=dice) + 0.5, f"{prefix}.bias": torch.randn(n, generator=dice),
            f"{prefix}.running_mean": torch.randn(n, generator=dice),
            f"{prefix}.running_var": torch.rand(n, generator=dice) + 0.5,
            f"{prefix}.num_batches_tracked": torch.tensor(7)}  # fmt: skip


def norm(x: Tensor, s: State, name: str) -> Tensor:
    return F.batch_norm(x, s[f"{name}.running_mean"], s[f"{name}.running_var"], s[f"{name}.weight"], s[f"{name}.bias"])


def own_norm(x: Tensor, s: State, name: str) -> Tensor:
    """By each picture's statistics, which is a batch of one in training."""
    return F.instance_norm(x, weight=s.get(f"{name}.weight"), bias=s.get(f"{name}.bias"))


def saved(place: Path, name: str, state: State) -> Path:
    save_file(state, place / f"{name}.safetensors")
    return place / f"{name}.safetensors"


def dcgan_states() -> tuple[State, State]:
    widths = [6, 32, 16, 8, 4]
    G = drawn({"main.0.weight": (6, 32, 4, 4), "main.12.weight": (4, 3, 4, 4)})
    for i, (a, b) in enumerate(pairwise(widths[1:]), 1):
        G |= drawn({f"main.{3 * i}.weight": (a, b, 4, 4)}, i)
    for i, w in enumerate(widths[1:]):
        G |= batch_normed(f"main.{3 * i + 1}", w, 9 + i)
    D = drawn({"main.0.weight": (4, 3, 4, 4), "main.2.weight": (8, 4, 4, 4), "main.5.weight": (16, 8, 4, 4),
               "main.8.weight": (32, 16, 4, 4), "main.11.weight": (1, 32, 4, 4)}, 5)  # fmt: skip
    return G, D | batch_normed("main.3", 8, 20) | batch_normed("main.6", 16, 21) | batch_normed("main.9", 32, 22)


def dcgan_reference(z: Tensor, G: State) -> Tensor:
    x = F.conv_transpose2d(z[:, :, None, None], G["main.0.weight"])
    for i in (3, 6, 9, 12):
        x = F.conv_transpose2d(F.relu(norm(x, G, f"main.{i - 2}")), G[f"main.{i}.weight"], stride=2, padding=1)
    return x.tanh()


def test_the_dcgan_example_makes_and_judges_the_same(tmp_path, say, home):
    G, D = dcgan_states()
    saved(tmp_path, "netD", D)
    torch.save({f"module.{name}": t for name, t in G.items()}, tmp_path / "netG.pth")
    code, out, said = say("import netG.pth --as dcgan-pytorch --critic netD.safetensors --out dcgan")
    assert (code, out) == (0, "dcgan\n") and (said == "" or "without network" in said)
    gan, z = load("dcgan", device="cpu"), torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    wanted = dcgan_reference(z, G)
    torch.testing.assert_close(gan.game.make(z), wanted, **CLOSE)
    x = F.leaky_relu(F.conv2d(wanted, D["main.0.weight"], stride=2, padding=1), 0.2)
    for i in (2, 5, 8):
        x = F.leaky_relu(norm(F.conv2d(x, D[f"main.{i}.weight"], stride=2, padding=1), D, f"main.{i + 1}"), 0.2)
    torch.testing.assert_close(gan.score(wanted), F.conv2d(x, D["main.11.weight"]).flatten(), **CLOSE)
    assert say("sample dcgan --out s.png") == (0, "s.png\n", "")
    assert say("export dcgan --to safetensors --out again")[0] == 0
    assert say("push again ./card --license bsd-3-clause")[0] == 0
    card = Path("card/README.md").read_text()
    assert "made of weights that another program trained" in card and "trained with saddle" not in card
    assert "What data these weights were trained on is not known here" in card and "Trained for" not in card


def test_the_commands_of_the_page_work(tmp_path, say, home):
    page = (Path(__file__).parents[1] / "docs/others-weights.md").read_text(encoding="utf-8")
    first, python = re.findall(r"```(?:python)?\n(.*?)\n```", page, re.DOTALL)
    G, D = dcgan_states()
    torch.save(G, tmp_path / "netG.pth")
    torch.save(D, tmp_path / "netD.pth")
    saved(tmp_path, "A", residual_state(2, 1))
    saved(tmp_path, "B", residual_state(2, 1, 9))
    for line in first.splitlines():
        assert say(line.removeprefix("saddle "))[0] == 0, line
    exec(python, {})
    assert torch.equal(read_weights("netG.safetensors").tensors["main.0.weight"], G["main.0.weight"])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def unet_state(depth: int, w: int) -> State:
    widths, s = [w * min(2**i, 8) for i in range(depth)], {}
    s |= drawn(
        {"model.model.0.weight": (w, 3, 4, 4), "model.model.3.weight": (2 * w, 2, 4, 4), "model.model.3.bias": (2,)}
    )
    level = "model.model.1.model"
    for k in range(1, depth):
        last = k + 1 == depth
        inner, (double, normed) = widths[k] * (1 if last else 2), (3, 4) if last else (5, 6)
        s |= drawn({f"{level}.1.weight": (widths[k], widths[k - 1], 4, 4),
                    f"{level}.{double}.weight": (inner, widths[k - 1], 4, 4)}, k)  # fmt: skip
        s |= batch_normed(f"{level}.{normed}", widths[k - 1], 30 + k)
        s |= {} if last else batch_normed(f"{level}.2", widths[k], 40 + k)
        level += ".3.model"
    return s


def unet_reference(x: Tensor, s: State, depth: int) -> Tensor:
    def inside(x: Tensor, level: str, k: int) -> Tensor:
        y = F.conv2d(F.leaky_relu(x, 0.2), s[f"{level}.1.weight"], stride=2, padding=1)
        if k + 1 < depth:
            y = inside(own_norm(y, s, f"{level}.2"), f"{level}.3.model", k + 1)
        double, normed = (3, 4) if k + 1 == depth else (5, 6)
        y = F.conv_transpose2d(F.relu(y), s[f"{level}.{double}.weight"], stride=2, padding=1)
        return torch.cat([x, own_norm(y, s, f"{level}.{normed}")], 1)

    y = inside(F.conv2d(x, s["model.model.0.weight"], stride=2, padding=1), "model.model.1.model", 1)
    return F.conv_transpose2d(F.relu(y), s["model.model.3.weight"], s["model.model.3.bias"], 2, 1).tanh()


def patch_state(inputs: int, w: int, bias: bool) -> State:
    widths = {2: (w, 2 * w), 5: (2 * w, 4 * w), 8: (4 * w, 8 * w)}
    s = drawn({"model.0.weight": (w, inputs, 4, 4), "model.0.bias": (w,), "model.11.weight": (1, 8 * w, 4, 4),
               "model.11.bias": (1,)}, 3)  # fmt: skip
    for i, (a, b) in widths.items():
        s |= drawn({f"model.{i}.weight": (b, a, 4, 4)} | ({f"model.{i}.bias": (b,)} if bias else {}), i)
        s |= {} if bias else batch_normed(f"model.{i + 1}", b, 50 + i)
    return s


def patch_reference(x: Tensor, s: State) -> Tensor:
    x = F.leaky_relu(F.conv2d(x, s["model.0.weight"], s["model.0.bias"], 2, 1), 0.2)
    for i, stride in ((2, 2), (5, 2), (8, 1)):
        x = F.conv2d(x, s[f"model.{i}.weight"], s.get(f"model.{i}.bias"), stride, 1)
        x = F.leaky_relu(own_norm(x, s, f"model.{i + 1}"), 0.2)
    return F.conv2d(x, s["model.11.weight"], s["model.11.bias"], 1, 1)


def test_pix2pix_translates_and_judges_the_same(tmp_path, say):
    s, D = unet_state(5, 4), patch_state(5, 4, False)
    run, said = import_weights(saved(tmp_path, "G", s), "pix2pix", tmp_path / "out", critic=saved(tmp_path, "D", D))
    gan, x = load(run.path, device="cpu"), torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
    wanted = unet_reference(x, s, 5)
    assert said == [] and wanted.std() > 0.05
    torch.testing.assert_close(gan.translate(x), wanted, **CLOSE)
    judged = gan.judge(wanted, condition=x).score
    torch.testing.assert_close(judged, patch_reference(torch.cat([x, wanted], 1), D), **CLOSE)


def residual_state(w: int, blocks: int, seed: int = 0, dropout: bool = False) -> State:
    second, end = 6 if dropout else 5, 10 + blocks
    shapes: dict[str, tuple[int, ...]] = {"model.1": (w, 3, 7, 7), "model.4": (2 * w, w, 3, 3),
        "model.7": (4 * w, 2 * w, 3, 3), f"model.{end}": (4 * w, 2 * w, 3, 3), f"model.{end + 3}": (2 * w, w, 3, 3),
        f"model.{end + 7}": (3, w, 7, 7)}  # fmt: skip
    for k in range(blocks):
        shapes |= {f"model.{10 + k}.conv_block.{i}": (4 * w, 4 * w, 3, 3) for i in (1, second)}
    outs = {name: s[1] if name in (f"model.{end}", f"model.{end + 3}") else s[0] for name, s in shapes.items()}
    return drawn({f"{n}.weight": s for n, s in shapes.items()} | {f"{n}.bias": (o,) for n, o in outs.items()}, seed)


def residual_reference(x: Tensor, s: State, blocks: int, second: int = 5) -> Tensor:
    def conv(x: Tensor, name: str, pad: int, stride: int = 1, mode: str = "reflect") -> Tensor:
        x = F.pad(x, (pad,) * 4, mode)
        return F.conv2d(x, s[f"{name}.weight"], s[f"{name}.bias"], stride)

    x = F.relu(F.instance_norm(conv(x, "model.1", 3)))
    for i in (4, 7):
        x = F.relu(F.instance_norm(conv(x, f"model.{i}", 1, 2, "constant")))
    for k in range(blocks):
        inside = f"model.{10 + k}.conv_block"
        y = F.relu(F.instance_norm(conv(x, f"{inside}.1", 1)))
        x = x + F.instance_norm(conv(y, f"{inside}.{second}", 1))
    for i in (10 + blocks, 13 + blocks):
        x = F.conv_transpose2d(x, s[f"model.{i}.weight"], s[f"model.{i}.bias"], 2, 1, 1)
        x = F.relu(F.instance_norm(x))
    return conv(x, f"model.{17 + blocks}", 3).tanh()


def test_cyclegan_translates_both_ways_and_judges_the_same(tmp_path, say, home):
    A, B = residual_state(4, 3), residual_state(4, 3, 100, dropout=True)
    DA, DB = patch_state(3, 4, True), {n: t + 0.01 for n, t in patch_state(3, 4, True).items()}
    for name, state in {"A": A, "B": B, "DA": DA, "DB": DB}.items():
        saved(tmp_path, name, state)
    assert say("import A.safetensors --as cyclegan --back B.safetensors --critic DA.safetensors --back-critic "
               "DB.safetensors --size 32 --out both")[:2] == (0, "both\n")  # fmt: skip
    gan, x = load("both", device="cpu"), torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
    torch.testing.assert_close(gan.translate(x), residual_reference(x, A, 3), **CLOSE)
    torch.testing.assert_close(gan.translate(x, back=True), residual_reference(x, B, 3, 6), **CLOSE)
    torch.testing.assert_close(gan.game.critic(x).score, patch_reference(x, DA), **CLOSE)
    torch.testing.assert_close(gan.game.critic_back(x).score, patch_reference(x, DB), **CLOSE)
    code, _, said = say("import A.safetensors --as cyclegan --size 32 --out one")
    assert code == 0 and said.startswith("no weights were given of critic: all of theirs are 0, and what is")
    torch.testing.assert_close(load("one", device="cpu").translate(x), residual_reference(x, A, 3), **CLOSE)
    assert "--back" in say("import A.safetensors --as cyclegan --critic DA.safetensors --out no")[2]


LATENT, STYLE, SIDES, WIDTHS = 6, 8, (4, 8, 16), (12, 12, 6)


def style_state(classes: int = 0) -> tuple[State, State]:
    shapes: dict[str, tuple[int, ...]] = {"synthesis.b4.const": (12, 4, 4), "mapping.w_avg": (STYLE,),
        "mapping.fc0.weight": (STYLE, LATENT + (STYLE if classes else 0)), "mapping.fc0.bias": (STYLE,),
        "mapping.fc1.weight": (STYLE, STYLE), "mapping.fc1.bias": (STYLE,)}  # fmt: skip
    told = {"mapping.embed.weight": (STYLE, classes), "mapping.embed.bias": (STYLE,)} if classes else {}
    for i, (side, w) in enumerate(zip(SIDES, WIDTHS, strict=True)):
        before = WIDTHS[max(i - 1, 0)]
        for name, a in (("conv0", before), ("conv1", w)) if i else (("conv1", w),):
            at = f"synthesis.b{side}.{name}"
            shapes |= {f"{at}.weight": (w, a, 3, 3), f"{at}.bias": (w,), f"{at}.noise_strength": (),
                       f"{at}.noise_const": (side, side), f"{at}.affine.weight": (a, STYLE),
                       f"{at}.affine.bias": (a,)}  # fmt: skip
        at = f"synthesis.b{side}.torgb"
        shapes |= {f"{at}.weight": (3, w, 1, 1), f"{at}.bias": (3,), f"{at}.affine.weight": (w, STYLE),
                   f"{at}.affine.bias": (w,)}  # fmt: skip
    G = drawn(shapes | told, 7, 1.0)
    D: dict[str, tuple[int, ...]] = {"b16.fromrgb.weight": (6, 3, 1, 1), "b16.fromrgb.bias": (6,), "b4.conv.weight":
        (12, 13, 3, 3), "b4.conv.bias": (12,), "b4.fc.weight": (12, 192), "b4.fc.bias": (12,),
        "b4.out.weight": (12 if classes else 1, 12), "b4.out.bias": (12 if classes else 1,)}  # fmt: skip
    for side, a, b in ((16, 6, 12), (8, 12, 12)):
        D |= {f"b{side}.conv0.weight": (a, a, 3, 3), f"b{side}.conv0.bias": (a,), f"b{side}.conv1.weight": (b, a, 3, 3),
              f"b{side}.conv1.bias": (b,), f"b{side}.skip.weight": (b, a, 1, 1)}  # fmt: skip
    if classes:
        D |= {"mapping.embed.weight": (12, classes), "mapping.embed.bias": (12,)}
        for i in range(8):
            D |= {f"mapping.fc{i}.weight": (12, 12), f"mapping.fc{i}.bias": (12,)}
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    filters = {"synthesis.b8.resample_filter": torch.outer(taps, taps) / 64}
    return G | filters, drawn(D, 8, 1.0)


def lrelu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2) * sqrt(2)


def dense(x: Tensor, s: State, name: str, lr: float = 1.0) -> Tensor:
    w = s[f"{name}.weight"]
    return x @ (w * lr / sqrt(w.shape[1])).T + s[f"{name}.bias"] * lr


def mapped(z: Tensor | None, label: Tensor | None, s: State, layers: int) -> Tensor:
    parts = [z] if z is not None else []
    if label is not None:
        parts.append(dense(F.one_hot(label, s["mapping.embed.weight"].shape[1]).float(), s, "mapping.embed"))
    x = torch.cat([p / (p.square().mean(1, keepdim=True) + 1e-8).sqrt() for p in parts], 1)
    for i in range(layers):
        x = lrelu(dense(x, s, f"mapping.fc{i}", 0.01))
    return x


def fir(x: Tensor, before: int, after: int, gain: float = 1.0) -> Tensor:
    """1 3 3 1 in both directions as two passes, with so many zeros around."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8 * sqrt(gain)
    c = x.shape[1]
    x = F.pad(x, (before, after, before, after))
    return F.conv2d(F.conv2d(x, taps.view(1, 1, 1, 4).expand(c, -1, -1, -1), groups=c),
                    taps.view(1, 1, 4, 1).expand(c, -1, -1, -1), groups=c)  # fmt: skip


def stuffed(x: Tensor) -> Tensor:
    """A zero behind each number, in both directions."""
    n, c, h, w = x.shape
    out = torch.zeros(n, c, 2 * h, 2 * w)
    out[:, :, ::2, ::2] = x
    return out


def modulated(x: Tensor, w: Tensor, s: State, name: str, up: bool, normal: bool = True) -> Tensor:
    """Sample by sample, with its own weights: equation 3; twice the size by zeros, a true convolution, the filter."""
    weight, made = s[f"{name}.weight"], []
    styles = dense(w, s, f"{name}.affine")
    if not normal:
        styles = styles / sqrt(weight[0].numel())
    for one, style in zip(x, styles, strict=True):
        own = weight * style[None, :, None, None]
        if normal:
            own = own / (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if up:
            full = F.conv2d(F.pad(stuffed(one[None]), (2, 1, 2, 1)), own.flip(2, 3))  # (2h + 1) a side
            made.append(fir(full, 1, 1, 4.0))
        else:
            made.append(F.conv2d(one[None], own, padding=weight.shape[2] // 2))
    return torch.cat(made)


def style_reference(ws: Tensor, s: State) -> Tensor:
    x, image = s["synthesis.b4.const"].expand(len(ws), -1, -1, -1), None
    for side in SIDES:
        for name in ("conv0", "conv1") if side > 4 else ("conv1",):
            at = f"synthesis.b{side}.{name}"
            x = lrelu(modulated(x, ws, s, at, name == "conv0") + s[f"{at}.bias"][:, None, None])
        at = f"synthesis.b{side}.torgb"
        part = modulated(x, ws, s, at, False, False) + s[f"{at}.bias"][:, None, None]
        image = part if image is None else part + fir(stuffed(image), 2, 1, 4.0)
    assert image is not None
    return image


def critic_reference(x: Tensor, s: State, label: Tensor | None) -> Tensor:
    def conv(x: Tensor, name: str, stride: int = 1, pad: int = 0) -> Tensor:
        w, bias = s[f"{name}.weight"], s.get(f"{name}.bias")
        return F.conv2d(x, w / sqrt(w[0].numel()), bias, stride, pad)

    x = lrelu(conv(x, "b16.fromrgb"))
    for side in (16, 8):
        skip = conv(fir(x, 1, 1)[:, :, ::2, ::2], f"b{side}.skip")
        y = lrelu(conv(fir(lrelu(conv(x, f"b{side}.conv0", 1, 1)), 2, 2), f"b{side}.conv1", 2))
        x = (y + skip) / sqrt(2)
    spread = ((x - x.mean(0)).square().mean(0) + 1e-8).sqrt().mean()
    x = torch.cat([x, spread.expand(len(x), 1, 4, 4)], 1)
    x = dense(lrelu(dense(lrelu(conv(x, "b4.conv", 1, 1)).flatten(1), s, "b4.fc")), s, "b4.out")
    return x[:, 0] if label is None else (x * mapped(None, label, s, 8)).sum(1) / sqrt(12)


@pytest.mark.parametrize("classes", [0, 3])
def test_stylegan2_ada_makes_and_judges_the_same(tmp_path, classes):
    G, D = style_state(classes)
    whole = {f"G_ema.{n}": t for n, t in G.items()} | {f"D.{n}": t for n, t in D.items()}
    run, said = import_weights(saved(tmp_path, "both", whole), "stylegan2-ada", tmp_path / "out")
    assert len(said) == 1 and "non-commercial" in said[0]
    gan, z = load(run.path, device="cpu"), torch.randn(4, LATENT, generator=torch.Generator().manual_seed(1))
    label = torch.tensor([0, 2, 1, 2]) if classes else None
    ws = mapped(z, label, G, 2)
    wanted = style_reference(ws, G)
    torch.testing.assert_close(gan.game.make(z, label, noise=False), wanted, atol=2e-5, rtol=1e-5)
    between = style_reference(G["mapping.w_avg"] + 0.5 * (ws - G["mapping.w_avg"]), G)
    torch.testing.assert_close(gan.game.make(z, label, noise=False, truncation=0.5), between, atol=2e-5, rtol=1e-5)
    x = wanted.clamp(-1, 1)
    scored = gan.game.critic(x, label).score
    torch.testing.assert_close(scored.flatten(), critic_reference(x, D, label), **CLOSE)


def test_another_filter_or_kind_is_refused(tmp_path, say, home):
    G, _ = style_state()
    saved(tmp_path, "flat", G | {"synthesis.b8.resample_filter": torch.ones(4, 4) / 16})
    assert "another filter than 1 3 3 1" in say("import flat.safetensors --as stylegan2-ada --out a")[2]
    saved(tmp_path, "G", G)
    said = say("import G.safetensors --as dcgan-pytorch --out a")[2]
    assert "this is no dcgan-pytorch: its layers are called as those of stylegan2-ada are" in said
    assert said.rstrip().endswith("; give --as stylegan2-ada")
    saved(tmp_path, "none", {"layer.weight": torch.ones(2, 2)})
    assert "no dcgan-pytorch: main.0.weight should be" in say("import none.safetensors --as dcgan-pytorch --out a")[2]
    assert not (tmp_path / "a").exists() and say("import G.safetensors --as stylegan2-ada --out made")[0] == 0
    assert "of which program are these weights? add --as" in say("import G.safetensors --out a")[2]
    lacking = {n: t for n, t in G.items() if n != "synthesis.b8.conv1.bias"}
    saved(tmp_path, "lacking", lacking)
    said = say("import lacking.safetensors --as stylegan2-ada --out a")[2]
    assert "the generator's weights lack synthesis.b8.conv1.bias" in said
    N = dcgan_states()[0]
    saved(tmp_path, "nan", N | {"main.3.weight": N["main.3.weight"] * float("nan")})
    assert (
        "main.3.weight in the generator's weights holds what is no finite number"
        in say("import nan.safetensors --as dcgan-pytorch --out a")[2]
    )
    assert not (tmp_path / "a").exists()


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.mark}",)


def test_a_pickle_that_runs_code_runs_none(tmp_path):
    mark = tmp_path / "ran"
    torch.save({"main.0.weight": Evil(mark)}, tmp_path / "evil.pt")
    (tmp_path / "old.pth").write_bytes(pickle.dumps(Evil(mark)))
    for name in ("evil.pt", "old.pth"):
        with pytest.raises(ValueError, match="is not read, as it is damaged or holds more than plain tensors"):
            read_weights(tmp_path / name)
    assert not mark.exists()


def test_hostile_files_are_refused_in_a_sentence(tmp_path):
    def refused(name: str, said: str) -> None:
        with pytest.raises(ValueError, match=said) as caught:
            read_weights(tmp_path / name)
        assert "\n" not in str(caught.value)

    whole = {"w": torch.zeros(64, 64)}
    save_file(whole, tmp_path / "whole.safetensors")
    blob = (tmp_path / "whole.safetensors").read_bytes()
    (tmp_path / "header.safetensors").write_bytes((1 << 60).to_bytes(8, "little") + blob[8:])
    refused("header.safetensors", "its header claims 1,152,921,504,606,846,976 bytes")
    (tmp_path / "cut.safetensors").write_bytes(blob[:-9])
    refused("cut.safetensors", "is damaged, or no safetensors file")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    refused("empty.safetensors", "is no whole safetensors file")
    (tmp_path / "link.safetensors").symlink_to(tmp_path / "whole.safetensors")
    refused("link.safetensors", "is a link, which is not followed")
    os.mkfifo(tmp_path / "fifo.pt")
    refused("fifo.pt", "is a fifo, where a regular file is expected")
    (tmp_path / "a.pkl").write_bytes(b"")
    refused("a.pkl", r"a \.pkl can run code and is never read; in a container without network open it")
    torch.save({"net": torch.nn.Conv2d(1, 1, 1)}, tmp_path / "net.pt")  # a network, not its tensors
    refused("net.pt", r"it names torch\.nn\.modules\.conv\.Conv2d, which is code; in a container .* its state_dict\(\)")
    (tmp_path / "old.pt").write_bytes(pickle.dumps({"w": 1}, protocol=4))
    refused("old.pt", "torch's reader of plain tensors does not know what it is; in a container")
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", b"\0" * (32 << 20))
    refused("bomb.pt", "unpacks to more than it is")
    torch.save({"w": torch.zeros(1).expand(1 << 40)}, tmp_path / "absurd.pt")
    refused("absurd.pt", "more than the file can hold")
    torch.save(whole, tmp_path / "whole.pt")
    half = (tmp_path / "whole.pt").read_bytes()
    (tmp_path / "half.pt").write_bytes(half[: len(half) // 2])
    refused("half.pt", "is damaged or holds more than plain tensors")
    assert torch.equal(read_weights(tmp_path / "whole.pt").tensors["w"], whole["w"])
