"""Networks as ONNX, for programs without torch: the network's own forward pass, written down operation by operation.

The forward pass runs once on stand-ins for tensors. Each torch function that reaches a stand-in also adds nodes to the
graph, so that the graph cannot differ from the network's code, and no exporter of torch is needed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from w2l.base import files
from w2l.base.version import __version__
from w2l.errors import W2LError
from w2l.models import DEFAULT_MEL_SHIFT
from w2l.models.blocks import Network
from w2l.models.fast.generate import fold_batch_norm
from w2l.models.onnx_network import OnnxNetwork, import_onnxruntime, session_of

OPSET, IR_VERSION = 17, 8  # of 2022, so that older runtimes read the files too
TOLERANCE = 1e-3  # largest difference from the kit, in float32
HALF_TOLERANCE = 1 / 255  # mean difference from the kit, in float16
_CHECKED_ROWS = 3

Shape = tuple[int, ...]


def export(model: Network, path: str | os.PathLike[str], half: bool = False, **meta: Any) -> float:
    """Writes a generator or an expert as ONNX, for any number of rows; returns its largest difference from the kit.

    model: in eval mode, as `load` gives it. half: weights and arithmetic in float16; inputs and outputs are float32 all
    the same. meta: goes into the file's metadata, after the model's own and network, width, size (pixels of a crop's
    side), format and the kit's version; strings as they are, other values as JSON.
    The inputs are those of the network's ``forward``: for a generator ``mel`` (batch, 1, 80, 16) and ``face`` (batch,
    6, size, size), which give ``drawn`` (batch, 3, size, size); for an expert ``mel`` and ``faces`` (batch, 3 * frames,
    48, 96), which give ``audio_embedding`` and ``face_embedding``.
    Raises W2LError for any other network, without the packages that this takes, and when onnxruntime's results are not
    those of the kit (by more than 1e-3, in float16 by more than 1/255 on average); nothing is written then.
    """
    if isinstance(model, OnnxNetwork):
        raise W2LError("these weights are ONNX already; give those that they were made from.")
    shapes, outputs = signature(model)
    import_onnxruntime()  # before the work
    graph = _Graph(_import_onnx(), half)
    network = str(model.meta["network"])
    known = {"network": network, "width": model.width, "size": model.size, "format": _FORMATS[half]}
    meta = {"mel_shift": DEFAULT_MEL_SHIFT, **model.meta, **known, "version": __version__, **meta}
    content = graph.write(fold_batch_norm(model), shapes, outputs, meta)
    with files.atomic(path) as temporary:
        temporary.write_bytes(content)
        worst, mean = _difference(model, session_of(temporary), shapes)
        if not (mean <= HALF_TOLERANCE if half else worst <= TOLERANCE):
            advice = "leave --half out" if half else "try another version of onnxruntime"
            raise W2LError(
                f"{path} was not written: onnxruntime's results differ from the kit's by up to {worst:.2g}, {mean:.2g} "
                f"on average; {advice}."
            )
    return worst


def signature(model: Network) -> tuple[dict[str, Shape], tuple[str, ...]]:
    """The names of a network's inputs, with their shapes without the batch, and the names of its outputs.

    Raises W2LError for a network that is neither a generator nor an expert.
    """
    network = model.meta.get("network")
    if network == "wav2lip":
        return {"mel": (1, 80, 16), "face": (6, model.size, model.size)}, ("drawn",)
    if network == "syncnet":
        faces = (3 * int(model.meta["frames"]), 48, 96)
        return {"mel": (1, 80, 16), "faces": faces}, ("audio_embedding", "face_embedding")
    raise W2LError(f"{network or type(model).__name__} is not exported; give a generator or a lip-sync expert.")


_FORMATS = ("float32", "float16")


class _Value:
    """Stands for a tensor in a forward pass, and carries it: what torch does with it becomes a node too."""

    def __init__(self, graph: _Graph, name: str, tensor: torch.Tensor) -> None:
        self.graph, self.name, self.tensor = graph, name, tensor

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Sequence[Any] = (), given: Any = None) -> _Value:
        if function not in _OPERATIONS:
            raise W2LError(f"a network that uses {getattr(function, '__name__', function)} cannot be exported.")
        given = given or {}
        graph = next(one for one in _flat(args) if isinstance(one, _Value)).graph
        name = _OPERATIONS[function](graph, *args, **given)
        return _Value(graph, name, function(*_tensors(args), **given))

    @property
    def shape(self) -> torch.Size:
        """As of a tensor."""
        return self.tensor.shape

    def dim(self) -> int:
        """As of a tensor."""
        return self.tensor.dim()

    def flatten(self, start: int) -> _Value:
        """As of a tensor."""
        return self.__torch_function__(torch.flatten, (), (self, start))

    def __add__(self, other: _Value) -> _Value:
        return self.__torch_function__(torch.add, (), (self, other))

    def __getitem__(self, where: tuple[slice, ...]) -> _Value:
        return self.__torch_function__(torch.Tensor.__getitem__, (), (self, where))


def _flat(args: Any) -> list[Any]:
    return [one for arg in args for one in (arg if isinstance(arg, (list, tuple)) else [arg])]


def _tensors(args: Any) -> Any:
    if isinstance(args, (list, tuple)):
        return type(args)(map(_tensors, args))
    return args.tensor if isinstance(args, _Value) else args


class _Graph:
    """The nodes and weights of the graph that is being written; values are known by their names."""

    def __init__(self, onnx: Any, half: bool) -> None:
        self.onnx, self.half = onnx, half
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """A node; returns the name of its result."""
        name = f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operation, inputs, [name], name, **attributes))
        return name

    def constant(self, value: np.ndarray | list[int]) -> str:
        """An array, or a list of whole numbers; returns its name."""
        name = f"constant_{len(self.weights)}"
        self.weights.append(self.onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, value: torch.Tensor) -> str:
        """A layer's weights in the graph's format; returns their name."""
        return self.constant((value.half() if self.half else value).numpy())

    def cast(self, name: str, half: bool) -> str:
        """The value in float16 or float32; the value itself in a graph without float16."""
        kinds = self.onnx.TensorProto
        return self.add("Cast", name, to=kinds.FLOAT16 if half else kinds.FLOAT) if self.half else name

    def write(
        self, model: Network, inputs: Mapping[str, Shape], outputs: Sequence[str], meta: Mapping[str, Any]
    ) -> bytes:
        """The file's content."""
        helper, number = self.onnx.helper, self.onnx.TensorProto.FLOAT
        with torch.inference_mode():
            given = [_Value(self, self.cast(name, True), torch.zeros(1, *shape)) for name, shape in inputs.items()]
            results = _several(model(*given))
        for result, name in zip(results, outputs, strict=True):
            self.nodes.append(helper.make_node("Identity", [self.cast(result.name, False)], [name], name))
        known = {**inputs, **{name: tuple(one.shape[1:]) for one, name in zip(results, outputs, strict=True)}}
        info = {key: helper.make_tensor_value_info(key, number, ["batch", *shape]) for key, shape in known.items()}
        ends = [[info[name] for name in names] for names in (inputs, outputs)]
        graph = helper.make_graph(self.nodes, str(meta["network"]), *ends, self.weights)
        opsets = [helper.make_opsetid("", OPSET)]
        whole = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="w2l")
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in meta.items()}
        helper.set_model_props(whole, texts)
        self.onnx.checker.check_model(whole)
        return bytes(whole.SerializeToString())


def _several(results: Any) -> tuple[Any, ...]:
    return results if isinstance(results, tuple) else (results,)


def _pair(value: int | Sequence[int]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)


def _layer(operation: str, graph: _Graph, x: _Value, weight: Any, bias: Any, where: dict[str, Any]) -> str:
    """A convolution; where: ONNX's attributes, numbers for both directions or pairs."""
    attributes = {key: value if key == "group" else _pair(value) for key, value in where.items()}
    attributes["pads"] *= 2  # at the beginning and at the end
    return graph.add(operation, x.name, graph.weight(weight), graph.weight(bias), **attributes)


def _conv(graph: _Graph, x: _Value, weight: Any, bias: Any, strides: Any, pads: Any, dilations: Any, group: int) -> str:
    where = {"strides": strides, "pads": pads, "dilations": dilations, "group": group}
    return _layer("Conv", graph, x, weight, bias, where)


def _transpose(
    graph: _Graph, x: _Value, weight: Any, bias: Any, strides: Any, pads: Any, extra: Any, group: int, dilations: Any
) -> str:
    where = {"strides": strides, "pads": pads, "dilations": dilations, "group": group, "output_padding": extra}
    return _layer("ConvTranspose", graph, x, weight, bias, where)


def _normalize(graph: _Graph, x: _Value, p: float = 2.0, dim: int = 1, eps: float = 1e-12, **_: Any) -> str:
    name = graph.cast(x.name, False)  # float16 has no such eps, and the square of a long row may overflow
    length = graph.add("ReduceL2", name, axes=[dim], keepdims=1)
    return graph.add("Div", name, graph.add("Max", length, graph.constant(np.array(eps, np.float32))))


def _slice(graph: _Graph, x: _Value, where: tuple[slice, ...]) -> str:
    bounds = [cut.indices(side)[:2] for cut, side in zip(where, x.shape, strict=False)]
    axes = [axis for axis, cut in enumerate(where) if cut != slice(None)]  # never the batch, whose length is open
    lists = [[bounds[axis][0] for axis in axes], [bounds[axis][1] for axis in axes], axes]
    return graph.add("Slice", x.name, *map(graph.constant, lists))


def _unshuffle(graph: _Graph, x: _Value, factor: int) -> str:
    _, channels, height, width = x.shape
    split = [0, channels, height // factor, factor, width // factor, factor]  # 0: as it is
    name = graph.add("Reshape", x.name, graph.constant(split))
    name = graph.add("Transpose", name, perm=[0, 1, 3, 5, 2, 4])
    joined = [0, channels * factor**2, height // factor, width // factor]
    return graph.add("Reshape", name, graph.constant(joined))


def _resize(graph: _Graph, x: _Value, scale_factor: float, mode: str, **_: Any) -> str:
    scales = graph.constant(np.array([1, 1, scale_factor, scale_factor], np.float32))
    kind = {"nearest": "nearest", "bilinear": "linear"}[mode]
    where = "half_pixel" if kind == "linear" else "asymmetric"
    more = {} if kind == "linear" else {"nearest_mode": "floor"}
    return graph.add("Resize", x.name, "", scales, mode=kind, coordinate_transformation_mode=where, **more)


_OPERATIONS: dict[Any, Callable[..., str]] = {
    torch.conv2d: _conv,
    torch.conv_transpose2d: _transpose,
    torch.relu: lambda graph, x: graph.add("Relu", x.name),
    torch.sigmoid: lambda graph, x: graph.add("Sigmoid", x.name),
    torch.add: lambda graph, x, y: graph.add("Add", x.name, y.name),
    torch.cat: lambda graph, parts, dim=0: graph.add("Concat", *(one.name for one in parts), axis=dim),
    torch.flatten: lambda graph, x, start: graph.add("Flatten", x.name, axis=start),
    torch.Tensor.__getitem__: _slice,
    functional.normalize: _normalize,
    functional.avg_pool2d: lambda graph, x, side: graph.add(
        "AveragePool", x.name, kernel_shape=_pair(side), strides=_pair(side)
    ),
    functional.interpolate: _resize,
    torch.pixel_shuffle: lambda graph, x, factor: graph.add("DepthToSpace", x.name, blocksize=factor, mode="CRD"),
    torch.pixel_unshuffle: _unshuffle,
}


def _difference(model: Network, session: Any, shapes: Mapping[str, Shape]) -> tuple[float, float]:
    """(largest, mean) difference between the results of the session and of the network, on random input."""
    rng = np.random.default_rng(0)
    spans = {name: (-4, 4) if name == "mel" else (0, 1) for name in shapes}
    inputs = {k: rng.uniform(*spans[k], (_CHECKED_ROWS, *shape)).astype(np.float32) for k, shape in shapes.items()}
    with torch.inference_mode():
        wanted = _several(model(*map(torch.from_numpy, inputs.values())))
    apart = [np.abs(one - like.numpy()) for one, like in zip(session.run(None, inputs), wanted, strict=True)]
    return max(float(one.max()) for one in apart), max(float(one.mean()) for one in apart)


def _import_onnx() -> Any:
    """The package; raises W2LError without it."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise W2LError("writing ONNX files takes the package onnx; run pip install 'w2l[export]'.") from error
    return onnx
