"""R1 and R2 at a point nearby beside the exact ones: time of a critic's gradient, its direction, and quality.

`python benchmarks/nearby.py` prints the first two of a fresh DCGAN critic at 64 pixels, and of R3GAN's on a laptop, as
JSON; `--toys` trains `r3gan-toy` with each on the ring and the grid; `--pictures` trains `r3gan-laptop` on glyphs and
MNIST at 16 pixels with each, and measures it. Times are of the processor, the least of several, so other work on the
machine matters less.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from saddle import measure, train
from saddle.clock import Clock
from saddle.core import Judge, Penalties
from saddle.data.toys import toy_modes
from saddle.games.terms import critic_input, weighted_terms
from saddle.metrics.modes import count_mixture_modes
from saddle.networks import Convolutional
from saddle.objectives import Relativistic
from saddle.penalties import R1, R2
from saddle.recipes.r3gan import LAPTOP, falling, toy
from saddle.shape import Shape
from saddle.theory.modes import sample_points, train_on_toy

FORMS: dict[str, dict[str, Any] | None] = {"none": None, "exact": {}, "nearby": {"nearby": 0.01},
                                           "nearby, a quarter": {"nearby": 0.01, "share": 0.25}}  # fmt: skip
CRITICS = {"dcgan 64": (Convolutional(100, 64, normal=False), Shape(3, 64, 64)),
           "r3gan-laptop 32": (LAPTOP, Shape(1, 32, 32))}  # fmt: skip
ROUNDS, LEAST = 2000, 3  # of the toys, and times that each time is taken


def penalties(form: str, weight: float = 1.0) -> Penalties:
    how = FORMS[form]
    return () if how is None else (R1(weight, **how), R2(weight, **how))


def gradient(critic: nn.Module, real: Tensor, fake: Tensor, form: str, alone: bool = False) -> Tensor:
    """The critic's gradient, flat; of the penalties alone if so."""
    judge, terms = Judge(critic, Clock()), penalties(form)
    at = [judge(critic_input(x, terms, Clock())) for x in (real, fake)]
    loss = sum(weighted_terms(terms, judge, *at).values()) if alone else Relativistic().critic(at[0].score, at[1].score)
    total = loss if alone else loss + sum(weighted_terms(terms, judge, *at).values())
    own = [p for p in critic.parameters() if p.requires_grad]
    grads = torch.autograd.grad(total, own, allow_unused=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for p, g in zip(own, grads, strict=True)])


def compare(name: str, batch: int, draws: int, seed: int) -> Iterator[dict[str, Any]]:
    """Time of a critic's gradient beside none's, and cosines of the penalties' gradient with the exact one's."""
    torch.manual_seed(seed)
    pair, data = CRITICS[name]
    critic = pair.critic(data)
    with torch.no_grad():
        fake = pair.generator(data)(torch.randn(batch, pair.latent))
    real = torch.rand(batch, *data[:3]) * 2 - 1
    exact = gradient(critic, real, fake, "exact", alone=True)
    plain = 0.0
    for form in FORMS:
        seconds = []
        for _ in range(LEAST):
            began = time.process_time()
            gradient(critic, real, fake, form)
            seconds.append(time.process_time() - began)
        plain = plain or min(seconds)
        row = {"critic": name, "batch": batch, "seed": seed, "penalty": form, "time": round(min(seconds) / plain, 2)}
        if FORMS[form]:
            drawn = torch.stack([gradient(critic, real, fake, form, alone=True) for _ in range(draws)])
            for count in (1, draws):
                mean = drawn[:count].mean(0)
                row[f"cosine of {count}"] = round(cosine_similarity(mean[None], exact[None]).item(), 3)
        yield row


def train_toys(seed: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Modes that `r3gan-toy` comes to with each form."""
    for data in ("ring", "grid"):
        for form in list(FORMS)[1:]:
            how = FORMS[form] or {}
            recipe = replace(toy, penalties=(R1(falling, **how), R2(falling, **how)))
            found = count_mixture_modes(sample_points(train_on_toy(recipe, data, rounds, seed)), *toy_modes(data))
            yield {"data": data, "seed": seed, "rounds": rounds, "penalty": form, "modes": found.modes,
                   "high_quality": round(found.high_quality, 3), "reverse_kl": round(found.reverse_kl, 4)}  # fmt: skip


def train_pictures(seed: int, images: int) -> Iterator[dict[str, Any]]:
    """Figures of `r3gan-laptop` on glyphs and MNIST at 16 pixels with each form, read by a classifier of the data."""
    for data in ("glyphs", "mnist"):
        for form in list(FORMS)[1:]:
            how = ", ".join(f"{name}={value}" for name, value in {"by_size": True, **(FORMS[form] or {})}.items())
            run = train("r3gan-laptop", data, size=16, images=images, seed=seed, quiet=True,
                        options={"penalties": f"R1(12.0, {how}), R2(12.0, {how})"})  # fmt: skip
            figures = measure(run, metrics="fid,precision,recall", features="classifier", n=5000, quiet=True)
            told = {figure.metric: round(figure.value, 3) for figure in figures}
            yield {"data": data, "seed": seed, "images": images, "penalty": form, **told}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--toys", action="store_true")
    parser.add_argument("--pictures", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--draws", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    for seed in range(asked.seeds):
        if asked.toys:
            rows = train_toys(seed, asked.rounds)
        elif asked.pictures:
            rows = train_pictures(seed, asked.images)
        else:
            rows = (row for name in CRITICS for row in compare(name, asked.batch, asked.draws, seed))
        for row in rows:
            print(line := json.dumps(row), flush=True)
            if asked.out:
                with asked.out.open("a") as file:
                    file.write(line + "\n")


if __name__ == "__main__":
    main()
