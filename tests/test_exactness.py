"""How a GPU calculates, as far as a processor can tell: which of torch's switches stand how."""

from __future__ import annotations

import pytest
import torch

from saddle.cli import main
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.runs.settings import Settings
from saddle.training import machine
from saddle.training.exactness import kept_exactness, set_exact
from saddle.training.machine import find_machine, preserved_globals


def switches() -> tuple[object, ...]:
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    kinds = products.fp32_precision, cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision  # type: ignore[attr-defined]
    return cudnn.deterministic, cudnn.benchmark, *kinds


def test_exact_repeats_bits_and_takes_float32_at_its_word_and_the_rest_is_fast():
    before = switches()
    with kept_exactness():
        set_exact(True)
        assert switches() == (True, False, "ieee", "ieee", "ieee")
        set_exact(False)
        assert switches() == (False, True, "tf32", "tf32", "tf32")
    assert switches() == before


@pytest.mark.parametrize("exact", [True, False])
def test_a_gpu_is_told_and_the_first_line_says_so(exact: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "find_device", lambda name: torch.device("cuda", 0))
    monkeypatch.setattr(machine, "has_bfloat16", lambda device: True)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    before = switches()
    with preserved_globals():
        where = find_machine("cuda", exact=exact)
        assert where.why == "bfloat16 where it is safe, " + (
            "exact" if exact else "not exact: TF32, and whatever algorithm is fastest"
        )
        assert switches()[0] is exact
    assert switches() == before
    monkeypatch.undo()
    assert find_machine("cpu", "float32", exact).why == "float32, as asked for" and switches() == before


def test_a_manifest_keeps_it_and_a_run_on_a_processor_does_not_mind(tmp_path):
    assert Settings().exact
    run = tmp_path / "run"
    main(f"train wgan-gp-toy --images 2560 --no-exact --fast off --quiet --device cpu --out {run}".split())
    settings = Manifest.read(RunFolder(run)).settings
    assert not settings.exact and settings.fast == "off"
