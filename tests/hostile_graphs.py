"""ONNX models that do what no model of faces does: each writes its file and returns it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from onnx import GraphProto, ModelProto, TensorProto, helper, load, numpy_helper, save
from toy_graphs import node, save_graph

FLOAT = TensorProto.FLOAT


def _value(name: str, kind: int = FLOAT, shape: tuple[int, ...] = ()) -> object:
    return helper.make_tensor_value_info(name, kind, shape)


def _graph(nodes: list[object], inputs: list[object], outputs: list[object]) -> GraphProto:
    return helper.make_graph(nodes, "inner", inputs, outputs)


def never_ending_loop(file: Path) -> Path:
    """A Loop of 2^60 rounds, each a doubling."""
    body = _graph(
        [node("Identity", "go", "on"), node("Add", "sum sum", "next")],
        [_value("round", TensorProto.INT64), _value("go", TensorProto.BOOL), _value("sum", FLOAT, (1, 3, 112, 112))],
        [_value("on", TensorProto.BOOL), _value("next", FLOAT, (1, 3, 112, 112))],
    )
    weights = {"rounds": np.array(2**60, np.int64), "yes": np.array(True)}
    return _saved(file, [node("Loop", "rounds yes data", "out", body=body)], weights)


def branches(file: Path) -> Path:
    one = _graph([node("Neg", "data", "a")], [], [_value("a", FLOAT, (1, 3, 112, 112))])
    other = _graph([node("Abs", "data", "b")], [], [_value("b", FLOAT, (1, 3, 112, 112))])
    return _saved(file, [node("If", "yes", "out", then_branch=one, else_branch=other)], {"yes": np.array(True)})


def scan(file: Path) -> Path:
    body = _graph(
        [node("Neg", "row", "turned")], [_value("row", FLOAT, (3, 112, 112))], [_value("turned", FLOAT, (3, 112, 112))]
    )
    return _saved(file, [node("Scan", "data", "out", body=body, num_scan_inputs=1)], {})


def foreign_operation(file: Path) -> Path:
    return _saved(file, [node("Run", "data", "out", domain="org.example")], {})


def compiled_elsewhere(file: Path) -> Path:
    attributes = {"domain": "com.microsoft", "embed_mode": 0, "ep_cache_context": "../../secret", "main_context": 1}
    return _saved(file, [node("EPContext", "data", "out", **attributes)], {})


def doubling_functions(file: Path) -> Path:
    """Sixty functions, each of which calls the one below twice: 2^60 operations once they are written out."""
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("own", 1)]
    functions = [helper.make_function("own", "f0", ["x"], ["y"], [node("Neg", "x", "y")], opsets[:1])]
    for n in range(1, 60):
        calls = [node(f"f{n - 1}", "x", "z", domain="own"), node(f"f{n - 1}", "z", "y", domain="own")]
        functions.append(helper.make_function("own", f"f{n}", ["x"], ["y"], calls, opsets))
    _saved(file, [node("f59", "data", "out", domain="own")], {})
    return _changed(file, lambda model: (model.functions.extend(functions), model.opset_import.append(opsets[1])))


def sparse_weights(file: Path) -> Path:
    """One number that would be written out as 400 GB."""
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("w", FLOAT, [1], [1.0]), helper.make_tensor("at", TensorProto.INT64, [1], [5]), [10**11]
    )
    _saved(file, [node("Add", "data w", "out")], {})
    return _changed(file, lambda model: model.graph.sparse_initializer.append(sparse))


def sparse_constant(file: Path) -> Path:
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("v", FLOAT, [1], [1.0]), helper.make_tensor("at", TensorProto.INT64, [1], [5]), [10**11]
    )
    constant = helper.make_node("Constant", [], ["w"], sparse_value=sparse)
    return _saved(file, [constant, node("Add", "data w", "out")], {})


def _outside(tensor: TensorProto, place: str) -> TensorProto:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    return tensor


def weights_elsewhere(file: Path, place: str = "../weights.bin") -> Path:
    secret = file.parent.parent / "weights.bin"
    secret.write_bytes(np.ones(112, np.float32).tobytes())
    _saved(file, [node("Add", "data w", "out")], {"w": np.ones(112, np.float32)})
    return _changed(file, lambda model: _outside(model.graph.initializer[0], place))


def constant_elsewhere(file: Path) -> Path:
    tensor = _outside(numpy_helper.from_array(np.ones(112, np.float32), "w"), "/etc/hostname")
    return _saved(file, [helper.make_node("Constant", [], ["w"], value=tensor), node("Add", "data w", "out")], {})


def slow_to_load(file: Path) -> Path:
    """Products of constants, which ONNX Runtime works out while it loads: each takes seconds, and there are 5,000."""
    weights = {"shape": np.array([4000, 4000], np.int64), "first": np.array([0, 0], np.int64)}
    nodes = [node("ConstantOfShape", "shape", "m0", value=numpy_helper.from_array(np.array([1e-4], np.float32)))]
    nodes += [node("MatMul", f"m{n} m0", f"m{n + 1}") for n in range(5000)]
    nodes += [node("ReduceMax", "m5000", "most", keepdims=0), node("Add", "data most", "out")]
    return _saved(file, nodes, weights)


def slow_to_run(file: Path) -> Path:
    """Products of what is looked at: nothing can be worked out before."""
    weights = {"row": np.array([1, -1], np.int64), "column": np.array([-1, 1], np.int64), "none": np.float32(0)}
    nodes = [node("Reshape", "data row", "r"), node("Slice", "r from to axis", "few")]
    weights |= {"from": np.array([0], np.int64), "to": np.array([4000], np.int64), "axis": np.array([1], np.int64)}
    nodes += [node("Reshape", "few column", "c"), node("MatMul", "c few", "m0")]
    nodes += [node("MatMul", f"m{n} m0", f"m{n + 1}") for n in range(5000)]
    nodes += [node("ReduceMax", "m5000", "most", keepdims=0), node("Add", "data most", "out")]
    return _saved(file, nodes, weights)


def too_large_to_load(file: Path) -> Path:
    """Asks for 8 GB of zeros."""
    nodes = [node("ConstantOfShape", "shape", "zeros"), node("ReduceMax", "zeros", "most", keepdims=0)]
    return _saved(file, [*nodes, node("Add", "data most", "out")], {"shape": np.array([2, 10**9], np.int64)})


def too_large_to_run(file: Path) -> Path:
    """Spreads what is looked at over 7.5 GB."""
    nodes = [node("Expand", "data wide", "spread"), node("ReduceMax", "spread", "most", keepdims=0)]
    weights = {"wide": np.array([50_000, 3, 112, 112], np.int64)}
    return _saved(file, [*nodes, node("Add", "data most", "out")], weights)


#: Those that are refused as they are read, and what is said of each.
REFUSED: Mapping[Callable[[Path], Path], str] = {
    never_ending_loop: r"has control flow \(Loop\), .*; export the model without it",
    branches: r"has control flow \(If\)",
    scan: r"has control flow \(Scan\)",
    foreign_operation: "has an operation Run of the domain 'org.example', which Regard does not run",
    compiled_elsewhere: "has an operation EPContext of the domain 'com.microsoft', which Regard does not run",
    doubling_functions: "defines a function of its own, f0; inline its functions",
    sparse_weights: "keeps w as a sparse tensor",
    sparse_constant: "keeps w as a sparse tensor",
    weights_elsewhere: "keeps w in another file, for which its card's sha256 does not vouch",
    constant_elsewhere: "keeps w in another file, for which its card's sha256 does not vouch",
}


def _saved(file: Path, nodes: list[object], weights: Mapping[str, np.ndarray]) -> Path:
    shape = (1, 3, 112, 112)
    return save_graph(file, nodes, inputs={"data": shape}, outputs={"out": shape}, weights=weights)


def _changed(file: Path, change: Callable[[ModelProto], object]) -> Path:
    model = load(str(file))
    change(model)
    save(model, str(file))
    return file
