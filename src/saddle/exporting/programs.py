"""A part of a game as a program of torch's, for any number of rows."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.export import Dim, ExportedProgram, export

from ..errors import Mistake
from .interface import Interface

EXAMPLES = 3  # rows to trace with: of one torch would make a constant
DRAWS = re.compile(r"aten\.(_?native_dropout|bernoulli|multinomial|normal|rand|randint|randn|uniform|randperm)\w*")


def trace(interface: Interface) -> ExportedProgram:
    """The program of a part; the number of rows is its dynamic dimension `batch`.

    Raises Mistake for what cannot be traced, and for a program that draws by chance or normalises by its own batch.
    """
    inputs = interface.example(EXAMPLES, 0)
    batch = Dim("batch", min=1)
    try:
        with torch.no_grad(), quiet_exporter():
            program = export(interface.module, inputs, dynamic_shapes=[tuple({0: batch} for _ in inputs)], strict=False)
    except Mistake:
        raise
    except Exception as error:  # whatever a game's own code does that has no fixed program
        raise Mistake(f"the {interface.part} cannot be written down as one program for any number of rows: "
                      f"{first_line(error)}") from error  # fmt: skip
    forget_sources(program)
    check_operators(program)
    return program


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """The exporter says nothing in here of packages that it could do with, or of its own future."""
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def forget_sources(program: ExportedProgram) -> None:
    """Nothing in a file that goes out tells where on this machine the code lies."""
    for module in program.graph_module.modules():
        for node in getattr(module, "graph", torch.fx.Graph()).nodes:
            for key in ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node"):
                node.meta.pop(key, None)


def check_operators(program: ExportedProgram) -> None:
    """Refuse a program that draws by chance, or whose normalisation is by the batch that it is given."""
    for node in program.graph.nodes:
        if node.op != "call_function":
            continue
        name = str(node.target)
        if DRAWS.match(name) and not drops_nothing(name, node.args):
            raise Mistake(f"the program draws by {name}, which no two runtimes do alike; draw by parts.draw_rows, for "
                          "which it has an input")  # fmt: skip
        if "batch_norm" in name and is_training_norm(name, node.args):
            raise Mistake(f"the program normalises by the batch that it is given ({name}), so that a sample would hang "
                          "on its neighbours; use layers with running statistics")  # fmt: skip


def drops_nothing(name: str, args: tuple[Any, ...]) -> bool:
    """Is it dropout that is off?"""
    return "dropout" in name and len(args) > 2 and args[2] is False


def is_training_norm(name: str, args: tuple[Any, ...]) -> bool:
    """Is it batch normalisation by the batch's own statistics?"""
    return name.startswith("aten.batch_norm") and len(args) > 5 and args[5] is True


def first_line(error: Exception) -> str:
    """What an error says first, or what it is."""
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
