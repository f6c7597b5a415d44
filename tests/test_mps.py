"""Apple's GPUs (mps), which no machine of ours has: what can be told without one. What they lack is made to fail."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from narrow import shape, small
from saddle import devices
from saddle.cli import main
from saddle.errors import Mistake
from saddle.recipes import RECIPES
from saddle.recipes.rehearsal import rehearse
from saddle.training.machine import Machine, find_device, find_machine
from saddle.training.match import MatchOptions

MPS = torch.device("mps")
WORDS = "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64. Please use float32."
MISSING = ("The operator 'aten::nonsense' is not currently implemented for the MPS device. If you want this op to be "
           "considered for addition please comment on an issue.")  # fmt: skip
WIDE = {"gaussian-mixture-em"}  # that calculate in float64
OFTEN = (
    "dcgan",
    "gaussian-mixture",
    "gaussian-mixture-em",
    "wgan-gp",
    "stylegan2",
    "introvae",
    "cyclegan",
    "infogan",
    "gat",
)


class WithoutFloat64(TorchDispatchMode):
    """Fails as Metal does where any tensor of 64-bit numbers comes to be."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for t in made if isinstance(made, tuple | list) else [made]:
            if isinstance(t, Tensor) and t.dtype == torch.float64 and t.device.type != "meta":
                raise TypeError(WORDS)
        return made


@pytest.fixture
def apple(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a GPU of Apple's, as far as torch is asked."""
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)


@pytest.mark.usefixtures("apple")
def test_auto_takes_it_where_torch_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_device("auto") == find_device("mps") == MPS
    where = find_machine("mps")
    assert where.precision == torch.float32 and "--precision bfloat16" in where.why
    assert find_machine("mps", "bfloat16").precision == torch.bfloat16
    assert find_device("cpu").type == "cpu"
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(Mistake, match="several processes cannot share"):
        find_device("mps")


def test_without_one_it_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
                                                 ) -> None:  # fmt: skip
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert find_device("auto").type in ("cpu", "cuda")
    assert main(["train", "gan", "--device", "mps", "--images", "64", "--dry-run"]) == 2
    assert "sees no GPU of Apple's here; cpu would work" in capsys.readouterr().err
    with pytest.raises(Mistake, match="saddle trains on cpu, cuda or mps"):
        find_device("xpu")


def test_its_chance_is_put_back_and_its_memory_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [torch.tensor([1], dtype=torch.uint8)]
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda device="mps": now[0].clone())
    monkeypatch.setattr(torch.mps, "set_rng_state", lambda state, device="mps": now.__setitem__(0, state))
    before = torch.get_rng_state()
    with devices.fork_chance(MPS):
        now[0] = torch.tensor([9], dtype=torch.uint8)
        torch.rand(3)
    assert now[0].item() == 1 and torch.equal(torch.get_rng_state(), before)
    (state,) = devices.chance_state(MPS)
    devices.set_chance_state(MPS, state + 4)
    assert now[0].item() == 5 and devices.chance_state(torch.device("cpu")) == ()
    waited: list[int] = []
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append(1))
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 1000)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 300)
    devices.synchronize(MPS)
    assert waited == [1] and devices.free_memory(MPS) == 700 and devices.free_memory(torch.device("cpu")) is None


def test_numbers_of_64_bits_are_taken_on_the_processor() -> None:
    class Far:
        """A tensor on such a GPU."""

        device = MPS

        def double(self) -> Tensor:
            raise TypeError(WORDS)

        def cpu(self) -> Tensor:
            return torch.ones(2)

    assert devices.wide(Far()).dtype == torch.float64  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", [name if name in OFTEN else pytest.param(name, marks=pytest.mark.slow) for name in RECIPES]
)
def test_a_round_takes_no_number_of_64_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "NO_FLOAT64", ("cpu",))
    where = Machine(torch.device("cpu"), torch.float32, "as on mps")

    if name in WIDE:
        with pytest.raises(Mistake, match=r"calculates in float64 \(.*--device cpu can"):
            rehearse(small(name), shape(name), where, MatchOptions())
        return
    with ExitStack() as played:

        def moved(network: nn.Module, device: torch.device) -> None:
            devices.check_fits_device(network, device)
            played.enter_context(WithoutFloat64())  # what made the networks lay on the processor

        monkeypatch.setattr("saddle.recipes.rehearsal.check_fits_device", moved)
        rehearse(small(name), shape(name), where, MatchOptions())


@pytest.mark.parametrize("fault", [NotImplementedError(MISSING), TypeError(WORDS)], ids=["missing", "float64"])
def test_what_torch_cannot_do_is_told_before_a_run_begins(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any, **more: Any) -> None:
        raise fault

    monkeypatch.setattr("saddle.recipes.rehearsal.play_one_round", fail)
    with pytest.raises(Mistake, match=r"cannot do this on mps: .*--device cpu can") as told:
        rehearse(small("gan"), shape("gan"), Machine(torch.device("cpu"), torch.float32, ""), MatchOptions())
    assert ("PYTORCH_ENABLE_MPS_FALLBACK=1" in str(told.value)) == isinstance(fault, NotImplementedError)
    assert devices.describe_missing(RuntimeError("shapes do not fit")) is None
