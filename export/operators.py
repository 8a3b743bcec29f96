"""How each LiteRT operator is said in ONNX: one small function per operator, in one table.

What the operators mean is defined by the reference kernels in tensorflow/lite/kernels (repository
tensorflow/tensorflow) on one side, by https://onnx.ai/onnx/operators on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from bridge.errors import ConversionFailed
from export.graph import TO_NCHW, GraphBuilder
from export.litert import Array, Operator

Handler = Callable[[GraphBuilder, Operator], str]
"""Emits an operator's nodes and returns the name of the result, before the fused activation."""

_AXIS_NCHW = (0, 2, 3, 1)  # where each channels-last axis lies among the channels-first ones
_SAME = 0  # schema.fbs, enum Padding; the other is VALID


def apply(b: GraphBuilder, op: Operator) -> None:
    """Emit one operator, or compute it now when it only unpacks a constant.

    Raises:
        ConversionFailed: the operator, or a variant of it, is not in the tables here.
    """
    if op.kind in FOLDED:
        if not b.is_constant(op.inputs[0]):
            raise ConversionFailed(f"{op.kind} of something computed can't be translated, only of weights")
        b.set_constant(op.outputs[0], FOLDED[op.kind](b.constant(op.inputs[0])))
        return
    if op.kind not in HANDLERS:
        raise ConversionFailed(
            f"the operator {op.kind} can't be translated; add it to HANDLERS in {__name__}"
        )
    fused = _int(op, "fusedActivationFunction", 0)
    if fused not in _ACTIVATIONS:
        raise ConversionFailed(f"{op.kind} has the fused activation {fused}, which can't be translated")
    b.bind(op.outputs[0], _ACTIVATIONS[fused](b, HANDLERS[op.kind](b, op)))


def _int(op: Operator, option: str, default: int | None = None) -> int:
    value = op.options.get(option, default)
    if not isinstance(value, int):
        raise ConversionFailed(f"{op.kind} lacks its option {option}")
    return value


# --- convolutions ---------------------------------------------------------------------------------------


def _same_pads(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return what LiteRT's SAME padding adds before and after one axis; an odd rest goes after."""
    result = -(-size // stride)
    total = max((result - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def _window(b: GraphBuilder, op: Operator, kernel: tuple[int, int]) -> dict[str, list[int]]:
    """Return ONNX's kernel, strides, dilations and pads of a convolution or pooling."""
    strides = [_int(op, "strideH"), _int(op, "strideW")]
    dilations = [_int(op, "dilationHFactor", 1), _int(op, "dilationWFactor", 1)]
    pads = [(0, 0), (0, 0)]
    if _int(op, "padding") == _SAME:
        size = b.shape(op.inputs[0])[1:3]
        pads = [_same_pads(*axis) for axis in zip(size, kernel, strides, dilations, strict=True)]
    (top, bottom), (left, right) = pads
    ends = [top, left, bottom, right]
    return {"kernel_shape": list(kernel), "strides": strides, "dilations": dilations, "pads": ends}


def _convolve(b: GraphBuilder, op: Operator, weights: Array, group: int) -> str:
    """Emit a convolution; ``weights`` are ``[out, in / group, height, width]``."""
    kernel = (weights.shape[2], weights.shape[3])
    inputs = [b.name(op.inputs[0]), b.store(weights), *_bias(b, op)]
    return b.emit("Conv", inputs, group=group, **_window(b, op, kernel))


def _bias(b: GraphBuilder, op: Operator) -> list[str]:
    return [b.store(b.constant(i)) for i in op.inputs[2:] if i >= 0]


def _conv_2d(b: GraphBuilder, op: Operator) -> str:
    weights = b.constant(op.inputs[1]).transpose(0, 3, 1, 2)  # from out, height, width, in
    return _convolve(b, op, weights, group=b.shape(op.inputs[0])[3] // weights.shape[1])


def _depthwise_conv_2d(b: GraphBuilder, op: Operator) -> str:
    weights = b.constant(op.inputs[1]).transpose(3, 0, 1, 2)  # from 1, height, width, out
    return _convolve(b, op, weights, group=b.shape(op.inputs[0])[3])


def _transpose_conv_bias(b: GraphBuilder, op: Operator) -> str:
    """MediaPipe's own operator (google-ai-edge/mediapipe, util/tflite/operations/transpose_conv_bias.cc).

    Its options are three int32: the padding, the stride over the width, the stride over the height. The
    padding shows in the size of the result already, so it is read from there.
    """
    custom = op.options.get("custom")
    if not isinstance(custom, bytes):
        raise ConversionFailed(f"{op.kind} lacks its options")
    _, stride_w, stride_h = np.frombuffer(custom, np.int32, 3).tolist()
    weights = b.constant(op.inputs[1])  # out, height, width, in
    pads = []
    for axis, stride in ((1, stride_h), (2, stride_w)):
        size, result = b.shape(op.inputs[0])[axis], b.shape(op.outputs[0])[axis]
        total = max((size - 1) * stride + weights.shape[axis] - result, 0)
        pads.append((total // 2, total - total // 2))
    (top, bottom), (left, right) = pads
    inputs = [b.name(op.inputs[0]), b.store(weights.transpose(3, 0, 1, 2)), *_bias(b, op)]
    return b.emit("ConvTranspose", inputs, strides=[stride_h, stride_w], pads=[top, left, bottom, right])


def _fully_connected(b: GraphBuilder, op: Operator) -> str:
    weights = b.constant(op.inputs[1])  # out, in
    flat = len(b.shape(op.inputs[0])) == 2
    rows = b.name(op.inputs[0]) if flat else b.reshape(op.inputs[0], weights.shape[1:])
    return b.emit("Gemm", [rows, b.store(weights), *_bias(b, op)], transB=1)


# --- pooling --------------------------------------------------------------------------------------------


def _pool(kind: str) -> Handler:
    def pool(b: GraphBuilder, op: Operator) -> str:
        kernel = (_int(op, "filterHeight"), _int(op, "filterWidth"))
        if kind == "AveragePool" and kernel == b.shape(op.inputs[0])[1:3]:
            return b.emit("GlobalAveragePool", [b.name(op.inputs[0])])
        window = _window(b, op, kernel)
        del window["dilations"]  # AveragePool has none before opset 19
        return b.emit(kind, [b.name(op.inputs[0])], **window)

    return pool


def _mean(b: GraphBuilder, op: Operator) -> str:
    axes = b.constant(op.inputs[1]).ravel().tolist()
    if len(b.shape(op.inputs[0])) != 4 or set(axes) != {1, 2}:
        raise ConversionFailed(f"MEAN over the axes {axes} can't be translated, only over height and width")
    return b.emit("ReduceMean", [b.name(op.inputs[0])], axes=[2, 3], keepdims=_int(op, "keepDims"))


# --- elements -------------------------------------------------------------------------------------------


def _elementwise(kind: str) -> Handler:
    def emit(b: GraphBuilder, op: Operator) -> str:
        rank = len(b.shape(op.outputs[0]))
        return b.emit(kind, [b.operand(i, rank) for i in op.inputs])

    return emit


def _prelu(b: GraphBuilder, op: Operator) -> str:
    """Emit ``slope * x + (1 - slope) * relu(x)``, with the products as 1x1 depthwise convolutions.

    onnxruntime has no PRelu in the blocked layout of its CPU convolutions and reorders every tensor around
    it: the face mesh takes 3.9 ms with PRelu and 1.6 ms like this (2 cores).
    """
    weights = b.constant(op.inputs[1]).reshape(-1, 1, 1, 1)  # from 1, 1, channels
    x = b.name(op.inputs[0])
    parts = [(x, weights), (b.emit("Relu", [x]), 1 - weights)]
    return b.emit("Add", [b.emit("Conv", [part, b.store(w)], group=len(w)) for part, w in parts])


def _clip_6(b: GraphBuilder, name: str) -> str:
    return b.emit("Clip", [name, b.store(np.array(0, np.float32)), b.store(np.array(6, np.float32))])


# --- shapes ---------------------------------------------------------------------------------------------


def _pad(b: GraphBuilder, op: Operator) -> str:
    pads = b.constant(op.inputs[1])  # axes, (before, after)
    pads = pads[list(TO_NCHW)] if len(pads) == 4 else pads
    return b.emit("Pad", [b.name(op.inputs[0]), b.store(pads.T.ravel().astype(np.int64))])


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
    shape = b.shape(op.outputs[0])
    name = b.reshape(op.inputs[0], shape[1:])
    return b.emit("Transpose", [name], perm=TO_NCHW) if len(shape) == 4 else name


def _concatenation(b: GraphBuilder, op: Operator) -> str:
    rank = len(b.shape(op.outputs[0]))
    axis = _int(op, "axis") % rank
    inputs = [b.operand(i, rank) for i in op.inputs]
    return b.emit("Concat", inputs, axis=_AXIS_NCHW[axis] if rank == 4 else axis)


# --- the tables -----------------------------------------------------------------------------------------

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
    "RELU6": lambda b, op: _clip_6(b, b.name(op.inputs[0])),
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize_bilinear,
}
"""Operators that run in ONNX."""

FOLDED: Mapping[str, Callable[[Array], Array]] = {
    "DENSIFY": np.asarray,  # the parser has already spread sparse constants
    "DEQUANTIZE": lambda values: values.astype(np.float32),
}
"""Operators that unpack weights: fp16 to fp32, sparse to dense. They are computed here, once."""

_ACTIVATIONS: Mapping[int, Callable[[GraphBuilder, str], str]] = {
    0: lambda _, name: name,
    1: lambda b, name: b.emit("Relu", [name]),
    3: _clip_6,
}
"""The activations that LiteRT fuses into other operators (schema.fbs, enum ActivationFunctionType)."""
