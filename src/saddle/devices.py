"""What differs between a processor, a CUDA GPU and Apple's (mps): chance, waiting, memory, and numbers of 64 bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from .errors import Mistake

GPUS = ("cuda", "mps")
NO_FLOAT64 = ("mps",)  # Metal has no numbers of 64 bits


def has_mps() -> bool:
    """Has this machine a GPU of Apple's that this torch can calculate with?"""
    return torch.backends.mps.is_available()


def is_gpu(device: torch.device) -> bool:
    return device.type in GPUS


def fork_chance(device: torch.device) -> AbstractContextManager[None]:
    """What is drawn in here, on the processor or this device, changes nothing that is drawn afterwards."""
    if is_gpu(device):
        return torch.random.fork_rng([device], device_type=device.type)
    return torch.random.fork_rng([])


def chance_state(device: torch.device) -> tuple[Tensor, ...]:
    """Where the device's own chance stands; empty for a processor, whose chance is torch's."""
    return (getattr(torch, device.type).get_rng_state(device),) if is_gpu(device) else ()


def set_chance_state(device: torch.device, state: Tensor) -> None:
    getattr(torch, device.type).set_rng_state(state, device)


def seed_chance(device: torch.device, seed: int) -> None:
    """Begin torch's own chance anew, on the processor and on this device.

    To the same draws as by `torch.manual_seed`, which asks for every kind of device there might be, each time.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def free_memory(device: torch.device) -> int | None:
    """Bytes that a GPU has free; None for a processor. Apple's GPUs may take a part of the machine's memory."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return max(0, torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return None


def wide(t: Tensor) -> Tensor:
    """In float64: where the tensor lies, or on the processor if there are no such numbers there."""
    return (t.cpu() if t.device.type in NO_FLOAT64 else t).double()


def check_fits_device(network: nn.Module, device: torch.device) -> None:
    """Refuse a network with numbers of 64 bits where there are none."""
    if device.type not in NO_FLOAT64:
        return
    tensors = (*network.named_parameters(), *network.named_buffers())
    if named := next((name for name, t in tensors if t.dtype == torch.float64), None):
        raise Mistake(f"{type(network).__name__} calculates in float64 ({named}), which {device.type} cannot; "
                      "--device cpu can")  # fmt: skip


def describe_missing(error: BaseException) -> str | None:
    """What to say of an operation that torch has not made for Apple's GPUs; None of any other error."""
    text = " ".join(str(error).split())
    if "mps" not in text.lower() or not isinstance(error, NotImplementedError | RuntimeError | TypeError):
        return None
    told = f"torch {torch.__version__} cannot do this on mps: {text.partition('. ')[0][:200]}; --device cpu can"
    if "float64" in text:
        return told
    if "not currently implemented" in text or "not supported" in text.lower():
        return f"{told}, or set PYTORCH_ENABLE_MPS_FALLBACK=1, and torch does on the processor what it cannot do there"
    return None


@contextmanager
def refuse_missing() -> Iterator[None]:
    """Say as a Mistake what torch cannot do on Apple's GPUs."""
    try:
        yield
    except Exception as error:
        if isinstance(error, Mistake) or (said := describe_missing(error)) is None:
            raise
        raise Mistake(said) from error
