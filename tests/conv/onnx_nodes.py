"""The ONNX backend's tests of single operators, as plain data: attributes, inputs and expected outputs.

The `onnx` package makes most of them in Python (onnx.backend.test.case.node) and brings some, which PyTorch
once exported, as files (onnx/backend/test/data). No runtime is needed: what is expected comes with each case.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Case:
    """One node: `inputs` and `outputs` in the order of the node, `attributes` as the node has them."""

    name: str
    attributes: dict[str, Any]
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    rtol: float
    atol: float

    def __str__(self) -> str:
        return self.name


@cache
def cases(op_type: str) -> tuple[Case, ...]:
    """Every case that is a single node of `op_type`, such as "MaxPool" or "Conv"."""
    made = (case for case in _made(op_type.lower()) if _operators(case.model) == [op_type])
    return *(_from_memory(case) for case in made), *_from_files(op_type)


def in_longer_graphs(op_type: str) -> list[str]:
    """The names of the cases on disk that have a node of `op_type` among others."""
    return [name for name, model, _ in _files() if op_type in _operators(model) and len(model.graph.node) > 1]


def all_made(op_types: Sequence[str]) -> set[str]:
    """The names of the cases made in Python for these operators, in whichever module. Takes seconds."""
    single = {(op_type,) for op_type in op_types}
    return {case.name for case in _made() if tuple(_operators(case.model)) in single}


def pads(case: Case, size: Sequence[int], kernel: Sequence[int]) -> list[tuple[int, int]]:
    """The padding (before, after) per axis, with auto_pad made explicit.

    SAME_UPPER and SAME_LOWER pad until ceil(n / stride) windows fit; what is odd goes behind the input, or
    before it (the operators' documentation).
    """
    axes = len(size)
    auto = case.attributes.get("auto_pad", b"NOTSET").decode()
    if auto in ("NOTSET", "VALID"):
        given = case.attributes.get("pads", [0] * 2 * axes) if auto == "NOTSET" else [0] * 2 * axes
        return list(zip(given[:axes], given[axes:], strict=True))
    strides, dilations = (case.attributes.get(name, [1] * axes) for name in ("strides", "dilations"))
    result = []
    for n, m, s, d in zip(size, kernel, strides, dilations, strict=True):
        total = max(0, (-(-n // s) - 1) * s + d * (m - 1) + 1 - n)
        small, large = total // 2, total - total // 2
        result.append((small, large) if auto == "SAME_UPPER" else (large, small))
    return result


def _made(module: str | None = None) -> list[Any]:
    """The cases made in Python, of one module or all. Making them seeds numpy; its state is put back."""
    from onnx.backend.test.case import node

    state = np.random.get_state()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some operators are tested with numbers that overflow
        if module is None:
            node.collect_testcases()
        else:
            importlib.import_module(f"onnx.backend.test.case.node.{module}")
    np.random.set_state(state)
    return list(node._NodeTestCases)


def _from_memory(case: Any) -> Case:
    [(inputs, outputs)] = case.data_sets
    attributes = _attributes(case.model.graph.node[0])
    return Case(case.name, attributes, tuple(inputs), tuple(outputs), case.rtol, case.atol)


def _from_files(op_type: str) -> Iterator[Case]:
    for name, model, folder in _files():
        if _operators(model) != [op_type]:
            continue
        node = model.graph.node[0]
        known = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        asked = [each.name for each in model.graph.input if each.name not in known]
        known |= zip(asked, _tensors(folder, "input"), strict=True)
        inputs, outputs = tuple(known[i] for i in node.input), _tensors(folder, "output")
        # The tolerances are those of onnx.backend.test.loader.
        yield Case(name, _attributes(node), inputs, outputs, rtol=1e-3, atol=1e-7)


@cache
def _files() -> list[tuple[str, Any, Path]]:
    """(name, model, folder of its data) of every case that lies on disk."""
    data = Path(onnx.__file__).parent / "backend" / "test" / "data"
    models = sorted(data.glob("*/*/model.onnx"))
    return [(path.parent.name, onnx.load(path), path.parent / "test_data_set_0") for path in models]


def _tensors(folder: Path, kind: str) -> tuple[Array, ...]:
    files = [folder / f"{kind}_{i}.pb" for i in range(len(list(folder.glob(f"{kind}_*.pb"))))]
    return tuple(numpy_helper.to_array(onnx.load_tensor(file)) for file in files)


def _operators(model: Any) -> list[str]:
    return [node.op_type for node in model.graph.node]


def _attributes(node: Any) -> dict[str, Any]:
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
