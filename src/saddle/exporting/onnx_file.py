"""A part of a trained game as one ONNX file, compared with Python through onnxruntime before it is written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import GraphModule

from ..errors import Mistake
from ..extras import install
from ..inference.loaded import LoadedGame
from .facts import EXPORT_FORMAT, FACTS_KEY, Exported, export_facts
from .interface import Interface, make_interface
from .own_files import check_place, is_marked_at_end, write_whole
from .parity import PARITY_BOUND, check_parity
from .programs import first_line, quiet_exporter, trace

MAX_BYTES = 2**31 - 1  # of one ONNX file: its format has no more
MISSING = re.compile(r"No ONNX function found for <OpOverload\(op='([\w.]+)'")
TAKEN_FOR_ZERO = 1e-8  # the exporter leaves out what adds no more
SCALE = 2.0**20  # by a power of two nothing is rounded
ADD, MUL = torch.ops.aten.add.Tensor, torch.ops.aten.mul.Tensor
RANDOM = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial")


def export_onnx(loaded: LoadedGame, path: str | Path, *, part: str = "generator", style: Mapping[str, Any] = {},
                about: Mapping[str, Any] = {}, bound: float = PARITY_BOUND) -> Exported:  # fmt: skip
    """Write a part of a loaded game, in this style, as an ONNX file for any number of rows.

    Its metadata, `saddle`, tell in JSON what its inputs are and how they are drawn; `about` adds to them. Mistake for a
    part that the game has not or that ONNX cannot hold, and for a file there that is no such; Failure where
    onnxruntime makes something else of it than Python, beyond the bound.
    """
    place = Path(path)
    check_onnx_place(place)
    import_onnx()
    interface = make_interface(loaded, part, style)
    model = to_onnx(trace(interface), interface)
    check_model(model.model_proto)
    session = open_session(serialized(model.model_proto))
    parity = check_parity(interface, lambda inputs: run_session(session, interface, inputs), bound)
    facts = export_facts(loaded, interface, parity, "onnx", about)
    model.model.metadata_props[FACTS_KEY] = json.dumps(facts)
    write_whole(place, serialized(model.model_proto))
    return Exported(place, parity, facts)


def check_onnx_place(path: Path) -> None:
    """Raise Mistake where an ONNX file cannot be written, or one would be lost that is not saddle's."""
    check_place(path, ".onnx", EXPORT_FORMAT, is_marked_at_end)


def import_onnx() -> None:
    """What the exporter needs; Mistake where it is not installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # type: ignore[import-untyped]  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise Mistake(f"ONNX needs {error.name}: {install('onnx')}") from None


def to_onnx(program: ExportedProgram, interface: Interface) -> Any:
    """The ONNX model of a program, its inputs and output named; Mistake where an operator has no counterpart."""
    keep_small_terms(program)
    shapes, named = {"inputs": tuple({0: "batch"} for _ in interface.inputs)}, [interface.output["name"]]
    try:
        with quiet_exporter():
            made = torch.onnx.export(program, dynamo=True, input_names=interface.names, output_names=named,
                                     dynamic_shapes=shapes, external_data=False, verbose=False)  # fmt: skip
    except Exception as error:  # the exporter fails in ways of its own, with pages of text
        found = MISSING.search(str(cause(error)))
        missing = f"it has no operator for {found[1]}" if found else first_line(cause(error))
        raise Mistake(f"ONNX cannot hold this {interface.part}: {missing}; --to torch-export can") from error
    assert made is not None, "it was given no file"
    for node in made.model.graph:
        node.metadata_props.clear()  # where on this machine the code lies
    return made


def keep_small_terms(program: ExportedProgram) -> None:
    """Have numbers up to 1e-8, such as keep from dividing by 0, added to what is scaled up, and then scaled down again.

    The exporter takes them for 0, and a map that hardly varies would be normalised otherwise.
    """
    parts = [module for module in program.graph_module.modules() if isinstance(module, GraphModule)]
    for part, node in [(one, node) for one in parts for node in one.graph.nodes if node.target is ADD]:
        x, term = node.args
        if isinstance(term, float) and 0 < abs(term) <= TAKEN_FOR_ZERO:
            with part.graph.inserting_before(node):
                large = part.graph.call_function(MUL, (x, SCALE))
                added = part.graph.call_function(ADD, (large, SCALE * term))
                whole = part.graph.call_function(MUL, (added, 1 / SCALE))
            for new in (large, added, whole):
                new.meta.update(node.meta)
            node.replace_all_uses_with(whole)
            part.graph.erase_node(node)
            part.recompile()


def cause(error: BaseException) -> Exception:
    """The first error of a chain, which says what is missing."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error if isinstance(error, Exception) else Exception(str(error))


def check_model(model: Any) -> None:
    """Refuse a model with draws of its own, norms in training mode, or operators that only some runtimes have."""
    for graph in (model.graph, *model.functions):
        for node in graph.node:
            if node.op_type == "BatchNormalization" and any(a.name == "training_mode" and a.i for a in node.attribute):
                raise Mistake("the model normalises by the batch that it is given (BatchNormalization in training "
                              "mode), so that a sample would hang on its neighbours")  # fmt: skip
            if node.op_type in RANDOM:
                raise Mistake(f"the model draws by chance ({node.op_type}), which no two runtimes do alike")
    strange = sorted({node.domain for node in model.graph.node} - {"", "ai.onnx"})
    if strange:
        raise Mistake(f"the model has operators of {', '.join(strange)}, which other runtimes do not have")


def serialized(model: Any) -> bytes:
    """The model as one file; Mistake for one that is too large."""
    size = model.ByteSize()
    if size > MAX_BYTES:
        raise Mistake(f"the model has {size / 2**30:.1f} GiB, but one ONNX file holds 2; --to torch-export holds more")
    content: bytes = model.SerializeToString()
    return content


def open_session(model: bytes | str) -> Any:
    """A session of onnxruntime's on the processor, which says nothing of what it makes better."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, torch.get_num_threads()
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_session(session: Any, interface: Interface, inputs: tuple[Tensor, ...]) -> Tensor:
    """What a session makes of inputs."""
    given = {name: t.numpy() for name, t in zip(interface.names, inputs, strict=True)}
    return torch.from_numpy(session.run(None, given)[0])


def read_onnx_facts(path: str | Path) -> dict[str, Any]:
    """What an ONNX file of saddle's says of itself; Mistake for another file."""
    import_onnx()
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
        found = next(prop.value for prop in model.metadata_props if prop.key == FACTS_KEY)
        facts: dict[str, Any] = json.loads(found)
    except (StopIteration, ValueError, OSError) as error:
        raise Mistake(f"{path} is no ONNX file that saddle exported: {error}") from None
    return facts
