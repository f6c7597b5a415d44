"""What a run runs on: device, precision, threads, processes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from ..devices import GPUS, fork_chance, free_memory, has_mps
from ..errors import Failure, Mistake, require
from ..out_of_memory import available_memory
from .exactness import describe_exact, kept_exactness, set_exact

SLOPES_TOO = "-slopes"  # behind a precision that slopes are taken in, too
ALWAYS_STARTABLE_THREADS = 64  # threads that any machine can start


class Machine(NamedTuple):
    """Where and how a match is played, and in words why."""

    device: torch.device
    precision: torch.dtype
    why: str
    channels_last: bool = True  # how pictures and weights of convolutions lie in memory
    slopes: torch.dtype = torch.float32  # in which penalties differentiate networks

    @property
    def precision_name(self) -> str:
        """As `--precision` is given it."""
        return str(self.precision).removeprefix("torch.") + (SLOPES_TOO if self.slopes == torch.bfloat16 else "")


def find_machine(device: str = "auto", precision: str = "auto", exact: bool = True) -> Machine:
    """The device and precision asked for; `auto` takes what is there and says so. `exact` is about CUDA GPUs alone.

    Of a processor that is what it says of itself; what a recipe is fastest in, `recipes.machine_choice` measures.
    """
    where = find_device(device)
    dtype, why = find_precision(where, precision)
    if where.type == "cuda":
        torch.cuda.set_device(where)
        set_exact(exact)
        why = f"{why}, {describe_exact(exact)}"
    return Machine(where, dtype, why, slopes=dtype if precision.endswith(SLOPES_TOO) else torch.float32)


def machine_of_run(device: str, facts: Mapping[str, Any], exact: bool = True) -> Machine:
    """What a run was begun with, as its manifest tells, which it goes on with."""
    where = find_machine(device, facts["precision"], exact)
    return where._replace(why=facts.get("why", where.why), channels_last=facts.get("channels_last", True))


def find_device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if has_mps() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise Mistake(f"there is no device {name!r}; write cpu, cuda, cuda:1 or mps") from None
    if device.type not in ("cpu", *GPUS):
        raise Mistake(f"device is {name}, but saddle trains on cpu, cuda or mps")
    if device.type == "mps":
        there = f"device is {name}, but torch {torch.__version__} sees no GPU of Apple's here; cpu would work"
        require(has_mps(), there)
        require(os.environ.get("WORLD_SIZE", "1") == "1", "several processes cannot share a GPU of Apple's, as torch "
                "cannot let them talk there; train by one process, or on --device cpu")  # fmt: skip
        return torch.device("mps")
    if device.type == "cuda":
        check_own_gpu(device)
        if not torch.cuda.is_available():
            raise Mistake(f"device is {name}, but torch {torch.__version__} sees no CUDA GPU here; cpu would work")
        index = int(os.environ.get("LOCAL_RANK", "0")) if device.index is None else device.index
        if index >= torch.cuda.device_count():
            raise Mistake(f"device is cuda:{index}, but there are {torch.cuda.device_count()} GPUs, counted from 0")
        return torch.device("cuda", index)
    return device


def check_own_gpu(device: torch.device) -> None:
    """Refuse one GPU for all processes of a machine, of which NCCL says "Duplicate GPU detected" much later."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", os.environ.get("WORLD_SIZE", "1")))
    if device.index is not None and here > 1:
        raise Mistake(
            f"device is {device}, but each of {here} processes on this machine needs a GPU of its own; --device cuda "
            "gives them one each, and CUDA_VISIBLE_DEVICES=2,3 says which there are"
        )


def find_precision(device: torch.device, name: str) -> tuple[torch.dtype, str]:
    if name != "auto":
        kind = name.removesuffix(SLOPES_TOO)
        return getattr(torch, kind), f"{kind}{', slopes of penalties too' if kind != name else ''}, as asked for"
    if has_bfloat16(device):
        return torch.bfloat16, "bfloat16 where it is safe"
    if device.type == "mps":
        return torch.float32, "float32, as not every GPU of Apple's has bfloat16; --precision bfloat16 tries it"
    return torch.float32, "float32, since this processor has no bfloat16 arithmetic"


def has_bfloat16(device: torch.device) -> bool:
    """Does the processor multiply in bfloat16 itself? (Emulated, it is slower than float32.)"""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    if not hasattr(torch.cpu, "get_capabilities"):  # torch 2.11 asks for each by name
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    can = torch.cpu.get_capabilities()
    return any(can.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"))


def use_threads(threads: int | None) -> None:
    """Calculate with so many threads; None leaves it as it is. Raises Mistake for more than help, or can be started."""
    if threads is None:
        return
    cores = os.cpu_count() or 1
    most = max(ALWAYS_STARTABLE_THREADS, 4 * cores)
    require(0 < threads <= most, f"threads is {threads:,}, but this machine has {cores} cores, so --threads {cores} "
                                 "uses all of it")  # fmt: skip
    torch.set_num_threads(threads)


@contextmanager
def preserved_globals() -> Iterator[None]:
    """What is set for all of torch in here is as it was afterwards: its seed, its threads, how GPUs calculate.

    A GPU that nothing has used yet has no state of chance to come back to.
    """
    threads = torch.get_num_threads()
    used = range(torch.cuda.device_count() if torch.cuda.is_initialized() else 0)  # type: ignore[no-untyped-call]
    try:
        with kept_exactness(), torch.random.fork_rng(used), fork_chance(torch.device("mps" if has_mps() else "cpu")):
            yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def process_group() -> Iterator[tuple[int, int]]:
    """This process's rank and how many there are; joins the others if torchrun started it.

    A Mistake or Failure that several of them have is to be said by one alone: the others' are marked as `said`, and so
    is that a process is missing which has said why.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1 or dist.is_initialized():
        yield (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        return
    with catch_missing_process():
        from .together import WAITING, meet, part  # which knows what is in here

        store, own, world = next(rendezvous("env://"))
        store = meet(store, own, world)
        WAITING.begin(store)
    try:
        with catch_missing_process():
            backends = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
            dist.init_process_group(backends, store=store, rank=own, world_size=world)
            yield own, world
            dist.barrier()
    except (Mistake, Failure) as error:
        error.said = is_said(store, error)
        part(store, own, world, error.code if isinstance(error, Failure) else 2)
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


class MissingProcess(Failure):
    """Another process of several has ended, and without it nothing goes on; begun again, it may."""

    code = 75  # EX_TEMPFAIL of sysexits.h: what has failed is worth another try

    def __init__(self, why: str = "another process of this run has ended, or cannot be reached") -> None:
        super().__init__(why)


@contextmanager
def catch_missing_process() -> Iterator[None]:
    """What a process meets in here because another one is not there any more is said as that."""
    try:
        yield
    except RuntimeError as error:
        known = isinstance(error, dist.DistError) or any(sign in str(error) for sign in ("gloo", "NCCL", "by peer"))
        if isinstance(error, Failure) or not known:
            raise
        raise MissingProcess from None


def is_said(store: Any, error: Mistake | Failure) -> bool:
    """Does another process say this, or what it has ended for?"""
    missing = isinstance(error, MissingProcess)
    with suppress(RuntimeError):  # nobody is left to ask
        if int(store.add("faults", 0 if missing else 1)) and missing:
            return True
    return not is_first_to_say(store, str(error))


def is_first_to_say(store: Any, sentence: str) -> bool:
    """Is this the first process to say it?"""
    try:
        return int(store.add(f"said: {sentence}", 1)) == 1
    except RuntimeError:  # nobody is left to ask
        return True


def process_rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def all_reduce_max(*flags: int) -> list[int]:
    """The highest value of each flag in any process, so that all do the same thing in the same round."""
    if world_size() == 1:
        return list(flags)
    values: Tensor = torch.tensor(flags)
    dist.all_reduce(values, dist.ReduceOp.MAX)
    return [int(value) for value in values]


def barrier() -> None:
    """Go on only when all processes have come here."""
    if world_size() > 1:
        dist.barrier()


def local_rank() -> int:
    """This process's number among those of its machine; where nobody tells, among all."""
    return int(os.environ.get("LOCAL_RANK", process_rank()))


def free_for_process(device: torch.device) -> int | None:
    """Bytes that are free for this process: of its GPU, or its part of a processor's memory. None: nobody says."""
    free = free_memory(device)
    if free is None and (whole := available_memory()) is not None:
        return whole // int(os.environ.get("LOCAL_WORLD_SIZE", world_size()))
    return free


def machine_count() -> int:
    """How many machines these processes run on, as torchrun tells; one where nobody does."""
    return int(os.environ.get("GROUP_WORLD_SIZE", "1"))


def broadcast_text(text: str | None) -> str:
    """What the first process says, in every process."""
    if world_size() == 1:
        return text or ""
    said = [text]
    dist.broadcast_object_list(said)
    return said[0] or ""
