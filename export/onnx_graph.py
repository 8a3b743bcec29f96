"""Translates a LiteRT network to ONNX, one small function per operator.

LiteRT is channels-last, ONNX channels-first. Inside, every activation of rank 4 is ``[batch, channels, height,
width]``; transposes stand only where the outside or a RESHAPE sees the order of the elements. Weights are
transposed and widened from fp16 to fp32 here, once. The batch is dynamic.

The operators' meaning: the reference kernels in tensorflow/lite/kernels (repository tensorflow/tensorflow) on
one side, https://onnx.ai/onnx/operators on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bridge.contracts import Contract
from bridge.contracts import Tensor as Declared
from bridge.errors import ArtifactCorrupt
from export.litert import Array, Network, Operator

OPSET = 17
IR_VERSION = 8
"""What onnxruntime 1.12 (2022) and everything newer reads."""

_TO_NCHW, _TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)
_AXIS_NCHW = (0, 2, 3, 1)  # where a channels-last axis lies among the channels-first ones
_SAME, _VALID = 0, 1  # schema.fbs, enum Padding


class GraphBuilder:
    """An ONNX graph as it grows; the handlers below read from it and write to it."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._names: dict[int, str] = {}
        self._constants = {i: t.data for i, t in enumerate(network.tensors) if t.data is not None}
        self._count = 0
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Return a tensor's shape, channels last, with LiteRT's own batch of 1."""
        return self._network.tensors[tensor].shape

    def is_constant(self, tensor: int) -> bool:
        """Tell whether a tensor's values are known now."""
        return tensor in self._constants

    def constant(self, tensor: int) -> Array:
        """Return a constant's values, channels last."""
        return self._constants[tensor]

    def set_constant(self, tensor: int, values: Array) -> None:
        """Make a tensor a constant: the result of an operator that needs no run."""
        self._constants[tensor] = values

    def name(self, tensor: int) -> str:
        """Return the ONNX name of a tensor's value, channels first."""
        if tensor not in self._names:
            values = self._constants[tensor].astype(np.float32)
            self._names[tensor] = self.store(values.transpose(_TO_NCHW) if values.ndim == 4 else values)
        return self._names[tensor]

    def bind(self, tensor: int, name: str) -> None:
        """Say which ONNX name carries a tensor's value."""
        self._names[tensor] = name

    def store(self, values: Array) -> str:
        """Add an initializer and return its name."""
        name = self._fresh("w")
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def emit(self, kind: str, inputs: Sequence[str], output: str | None = None, **attributes: object) -> str:
        """Add a node with one output and return the output's name."""
        output = output or self._fresh(kind.lower())
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def _fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}_{self._count}"


Handler = Callable[[GraphBuilder, Operator], str]
"""Emits an operator's nodes and returns the name of its result, before the fused activation."""


# --- the operators --------------------------------------------------------------------------------------


def _same_pads(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Return what LiteRT's SAME padding adds before and after one axis; an odd rest goes after."""
    result = -(-size // stride)
    total = max((result - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def _window(op: Operator, size: tuple[int, int], kernel: tuple[int, int]) -> dict[str, list[int]]:
    """Return ONNX's strides, dilations and pads of a convolution or pooling over ``size`` (height, width)."""
    strides = [_int(op, "strideH"), _int(op, "strideW")]
    dilations = [_int(op, "dilationHFactor", 1), _int(op, "dilationWFactor", 1)]
    pads = [(0, 0), (0, 0)]
    if op.options["padding"] == _SAME:
        pads = [_same_pads(*axis) for axis in zip(size, kernel, strides, dilations, strict=True)]
    (top, bottom), (left, right) = pads
    return {"strides": strides, "dilations": dilations, "pads": [top, left, bottom, right]}


def _int(op: Operator, option: str, default: int | None = None) -> int:
    value = op.options.get(option, default)
    if not isinstance(value, int):
        raise ArtifactCorrupt(f"{op.kind} lacks its option {option}")
    return value


def _convolve(b: GraphBuilder, op: Operator, weights: Array, group: int) -> str:
    """Emit a convolution; ``weights`` are ``[out, in / group, height, width]``."""
    bias = [b.store(b.constant(op.inputs[2]).astype(np.float32))] if len(op.inputs) > 2 else []
    kernel = (weights.shape[2], weights.shape[3])
    _, height, width, _ = b.shape(op.inputs[0])
    return b.emit(
        "Conv",
        [b.name(op.inputs[0]), b.store(weights.astype(np.float32)), *bias],
        group=group,
        kernel_shape=kernel,
        **_window(op, (height, width), kernel),
    )


def _conv_2d(b: GraphBuilder, op: Operator) -> str:
    weights = b.constant(op.inputs[1]).transpose(0, 3, 1, 2)  # out, height, width, in
    return _convolve(b, op, weights, group=b.shape(op.inputs[0])[3] // weights.shape[1])


def _depthwise_conv_2d(b: GraphBuilder, op: Operator) -> str:
    weights = b.constant(op.inputs[1]).transpose(3, 0, 1, 2)  # 1, height, width, out
    return _convolve(b, op, weights, group=b.shape(op.inputs[0])[3])


def _transpose_conv_bias(b: GraphBuilder, op: Operator) -> str:
    """MediaPipe's transposed convolution (mediapipe/util/tflite/operations/transpose_conv_bias.cc).

    Its options are three int32: the padding (TfLitePadding: 1 is SAME, 2 VALID), stride over width, over height.
    """
    custom = op.options["custom"]
    if not isinstance(custom, bytes):
        raise ArtifactCorrupt(f"{op.kind} lacks its options")
    _, stride_w, stride_h = np.frombuffer(custom, np.int32, 3).tolist()
    weights = b.constant(op.inputs[1]).astype(np.float32)  # out, height, width, in
    bias = b.constant(op.inputs[2]).astype(np.float32)
    pads = []
    for axis, stride in ((1, stride_h), (2, stride_w)):
        source, result = b.shape(op.inputs[0])[axis], b.shape(op.outputs[0])[axis]
        total = max((source - 1) * stride + weights.shape[axis] - result, 0)
        pads.append((total // 2, total - total // 2))
    (top, bottom), (left, right) = pads
    inputs = [b.name(op.inputs[0]), b.store(weights.transpose(3, 0, 1, 2)), b.store(bias)]
    return b.emit(
        "ConvTranspose", inputs, strides=[stride_h, stride_w], kernel_shape=weights.shape[1:3],
        pads=[top, left, bottom, right],
    )  # fmt: skip


def _pool(kind: str) -> Handler:
    def pool(b: GraphBuilder, op: Operator) -> str:
        _, height, width, _ = b.shape(op.inputs[0])
        kernel = (_int(op, "filterHeight"), _int(op, "filterWidth"))
        window = _window(op, (height, width), kernel)
        del window["dilations"]  # AveragePool has none before opset 19
        if kind == "AveragePool" and kernel == (height, width):
            return b.emit("GlobalAveragePool", [b.name(op.inputs[0])])
        return b.emit(kind, [b.name(op.inputs[0])], kernel_shape=kernel, **window)

    return pool


def _mean(b: GraphBuilder, op: Operator) -> str:
    axes = [_AXIS_NCHW[axis] for axis in b.constant(op.inputs[1]).ravel().tolist()]
    return b.emit("ReduceMean", [b.name(op.inputs[0])], axes=axes, keepdims=_int(op, "keepDims"))


def _fully_connected(b: GraphBuilder, op: Operator) -> str:
    weights = b.constant(op.inputs[1]).astype(np.float32)  # out, in
    bias = [b.store(b.constant(op.inputs[2]).astype(np.float32))] if len(op.inputs) > 2 else []
    return b.emit("Gemm", [b.name(op.inputs[0]), b.store(weights), *bias], transB=1)


def _pad(b: GraphBuilder, op: Operator) -> str:
    pads = b.constant(op.inputs[1])[list(_TO_NCHW)]
    return b.emit("Pad", [b.name(op.inputs[0]), b.store(pads.T.ravel().astype(np.int64))])


def _elementwise(kind: str) -> Handler:
    return lambda b, op: b.emit(kind, [b.name(i) for i in op.inputs])


def _prelu(b: GraphBuilder, op: Operator) -> str:
    slope = b.constant(op.inputs[1]).astype(np.float32).transpose(2, 0, 1)  # 1, 1, channels
    return b.emit("PRelu", [b.name(op.inputs[0]), b.store(slope)])


def _resize_bilinear(b: GraphBuilder, op: Operator) -> str:
    _, height, width, _ = b.shape(op.inputs[0])
    _, to_height, to_width, _ = b.shape(op.outputs[0])
    scales = b.store(np.array([1, 1, to_height / height, to_width / width], np.float32))
    frame = "half_pixel" if op.options["halfPixelCenters"] else "asymmetric"
    if op.options["alignCorners"]:
        frame = "align_corners"
    inputs = [b.name(op.inputs[0]), "", scales]
    return b.emit("Resize", inputs, mode="linear", coordinate_transformation_mode=frame)


def _depth_to_space(b: GraphBuilder, op: Operator) -> str:
    return b.emit("DepthToSpace", [b.name(op.inputs[0])], blocksize=_int(op, "blockSize"), mode="DCR")


def _reshape(b: GraphBuilder, op: Operator) -> str:
    return _reshaped(b, op.inputs[0], b.shape(op.outputs[0])[1:])


def _reshaped(b: GraphBuilder, tensor: int, shape: tuple[int, ...], output: str | None = None) -> str:
    """Emit a tensor, channels last, in another shape; the batch stays what it is."""
    name = b.name(tensor)
    if len(b.shape(tensor)) == 4:
        last = output if b.shape(tensor)[1:] == shape else None
        name = b.emit("Transpose", [name], last, perm=_TO_NHWC)
        if last:
            return name
    return b.emit("Reshape", [name, b.store(np.array([-1, *shape], np.int64))], output)


def _concatenation(b: GraphBuilder, op: Operator) -> str:
    axis = _int(op, "axis")
    rank = len(b.shape(op.outputs[0]))
    return b.emit("Concat", [b.name(i) for i in op.inputs], axis=_AXIS_NCHW[axis] if rank == 4 else axis)


HANDLERS: Mapping[str, Handler] = {
    "ADD": _elementwise("Add"),
    "AVERAGE_POOL_2D": _pool("AveragePool"),
    "CONCATENATION": _concatenation,
    "CONV_2D": _conv_2d,
    "Convolution2DTransposeBias": _transpose_conv_bias,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "DEPTH_TO_SPACE": _depth_to_space,
    "FULLY_CONNECTED": _fully_connected,
    "HARD_SWISH": _elementwise("HardSwish"),
    "LOGISTIC": _elementwise("Sigmoid"),
    "MAX_POOL_2D": _pool("MaxPool"),
    "MEAN": _mean,
    "MUL": _elementwise("Mul"),
    "PAD": _pad,
    "PRELU": _prelu,
    "RELU": _elementwise("Relu"),
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize_bilinear,
}
"""How each operator of LiteRT is said in ONNX."""


def _clip_6(b: GraphBuilder, name: str) -> str:
    return b.emit("Clip", [name, b.store(np.array(0, np.float32)), b.store(np.array(6, np.float32))])


def _relu6(b: GraphBuilder, op: Operator) -> str:
    return _clip_6(b, b.name(op.inputs[0]))


FOLDED: Mapping[str, Callable[[Array], Array]] = {
    "DENSIFY": np.asarray,  # the parser has already spread sparse constants
    "DEQUANTIZE": lambda values: values.astype(np.float32),
}
"""Operators on constants, computed here instead of at run time."""


_ACTIVATIONS: Mapping[int, Callable[[GraphBuilder, str], str]] = {
    0: lambda _, name: name,
    1: lambda b, name: b.emit("Relu", [name]),
    3: _clip_6,
}
"""The activations that LiteRT fuses into other operators (schema.fbs, enum ActivationFunctionType)."""


def _apply(b: GraphBuilder, op: Operator) -> None:
    """Emit one operator, or compute it now when all that it reads is constant."""
    if op.kind in FOLDED and b.is_constant(op.inputs[0]):
        b.set_constant(op.outputs[0], FOLDED[op.kind](b.constant(op.inputs[0])))
        return
    if op.kind not in HANDLERS:
        raise ArtifactCorrupt(f"the operator {op.kind} can't be translated; add it to HANDLERS in {__name__}")
    fused = _int(op, "fusedActivationFunction", 0)
    if fused not in _ACTIVATIONS:
        raise ArtifactCorrupt(f"{op.kind} has the fused activation {fused}, which can't be translated")
    b.bind(op.outputs[0], _ACTIVATIONS[fused](b, HANDLERS[op.kind](b, op)))


def _needed(network: Network, outputs: Iterable[int]) -> list[Operator]:
    """Return the operators that the outputs depend on, in order."""
    wanted, kept = set(outputs), []
    for op in reversed(network.operators):
        if wanted.intersection(op.outputs):
            wanted.update(op.inputs)
            kept.append(op)
    return kept[::-1]


def translate(network: Network, contract: Contract, outputs: Mapping[str, str]) -> onnx.ModelProto:
    """Translate a network of one input to an ONNX model with the contract's names and shapes.

    Args:
        network: the LiteRT network.
        contract: the Triton model that it becomes.
        outputs: the network's own name of each of the contract's outputs; others are left out.

    Raises:
        ArtifactCorrupt: an operator can't be translated, or the shapes contradict the contract.
    """
    named = {network.tensors[i].name: i for i in network.outputs}
    tensors = {declared.name: named[outputs[declared.name]] for declared in contract.outputs}
    _check_shapes(network, contract, tensors)
    b = GraphBuilder(network)
    crop = contract.inputs[0]
    b.bind(network.inputs[0], b.emit("Transpose", [crop.name], perm=_TO_NCHW))
    for op in _needed(network, tensors.values()):
        _apply(b, op)
    for declared in contract.outputs:
        _reshaped(b, tensors[declared.name], declared.shape, declared.name)
    graph = helper.make_graph(
        b.nodes, contract.name, [_info(crop)], [_info(t) for t in contract.outputs], b.initializers
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="export"
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _check_shapes(network: Network, contract: Contract, tensors: Mapping[str, int]) -> None:
    pairs = [(contract.inputs[0], network.inputs[0])]
    pairs += [(declared, tensors[declared.name]) for declared in contract.outputs]
    for declared, tensor in pairs:
        shape = network.tensors[tensor].shape[1:]
        if np.prod(shape) != np.prod(declared.shape):
            raise ArtifactCorrupt(
                f"{contract.name}: the network's {declared.name} is {shape}, the contract says {declared.shape}"
            )


def _info(tensor: Declared) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, ["batch", *tensor.shape])
