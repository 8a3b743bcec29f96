"""Each operator's translation against LiteRT's own answer, on noise, in a batch of three."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bridge.errors import ConversionFailed
from export.litert import Array
from tests.export.tiny_litert import Node, Tiny, options

SAME, VALID = 0, 1
RELU, RELU6, TANH = 1, 3, 4
_noise = np.random.default_rng(7).standard_normal


def noise(*shape: int) -> Array:
    """Draw from the normal distribution."""
    return _noise(shape).astype(np.float32)


def one(kind: str, x: list[int], shape: list[int], opts: object = None, **constants: Array) -> Tiny:
    """A network of one operator that reads x and the constants."""
    return Tiny(x, [Node(kind, ["x", *constants], "y", shape, opts)], constants)


def conv(size: int, kernel: int, stride: int, padding: int, dilation: int = 1, fused: int = 0) -> Tiny:
    """A convolution of 3 to 4 channels over a square."""
    reach = (kernel - 1) * dilation + 1
    side = -(-size // stride) if padding == SAME else -(-(size - reach + 1) // stride)
    opts = options(
        "Conv2D", padding=padding, strideH=stride, strideW=stride, dilationHFactor=dilation,
        dilationWFactor=dilation, fusedActivationFunction=fused,
    )  # fmt: skip
    weights = noise(4, kernel, kernel, 3)
    return one("CONV_2D", [1, size, size, 3], [1, side, side, 4], opts, w=weights, b=noise(4))


def depthwise(size: int, kernel: int, stride: int, multiplier: int) -> Tiny:
    """A depthwise convolution of 3 channels with SAME padding."""
    opts = options(
        "DepthwiseConv2D", padding=SAME, strideH=stride, strideW=stride, depthMultiplier=multiplier,
        dilationHFactor=1, dilationWFactor=1, fusedActivationFunction=0,
    )  # fmt: skip
    out, side = 3 * multiplier, -(-size // stride)
    weights = noise(1, kernel, kernel, out)
    return one("DEPTHWISE_CONV_2D", [1, size, size, 3], [1, side, side, out], opts, w=weights, b=noise(out))


def pool(kind: str, size: int, window: int, stride: int) -> Tiny:
    """A pooling with SAME padding."""
    opts = options(
        "Pool2D", padding=SAME, strideH=stride, strideW=stride, filterHeight=window, filterWidth=window,
        fusedActivationFunction=0,
    )  # fmt: skip
    side = -(-size // stride)
    return one(kind, [1, size, size, 3], [1, side, side, 3], opts)


def resize(*, half_pixel: bool, align: bool) -> Tiny:
    """A resize by 2 and by 3."""
    opts = options("ResizeBilinear", halfPixelCenters=half_pixel, alignCorners=align)
    return one("RESIZE_BILINEAR", [1, 4, 5, 3], [1, 8, 15, 3], opts, size=np.array([8, 15], np.int32))


def reshape(shape: list[int]) -> Tiny:
    """A reshape of a 4x6 picture of 2 channels."""
    opts = options("Reshape", newShape=shape)
    return one("RESHAPE", [1, 4, 6, 2], shape, opts, to=np.array(shape, np.int32))


def pad(*widths: tuple[int, int]) -> Tiny:
    """A padding of each axis by (before, after)."""
    shape = [n + before + after for n, (before, after) in zip([1, 4, 5, 3], widths, strict=True)]
    return one("PAD", [1, 4, 5, 3], shape, options("Pad"), widths=np.array(widths, np.int32))


def concat(axis: int) -> Tiny:
    """X and its sigmoid side by side."""
    shape = [1, 4, 5, 3]
    shape[axis] *= 2
    node = Node(
        "CONCATENATION",
        ["x", "h"],
        "y",
        shape,
        options("Concatenation", axis=axis - 4 if axis == 3 else axis),
    )
    return Tiny([1, 4, 5, 3], [Node("LOGISTIC", ["x"], "h", [1, 4, 5, 3]), node])


def fully_connected(x: list[int]) -> Tiny:
    """A layer of 5 neurons, with a ReLU."""
    opts = options("FullyConnected", fusedActivationFunction=RELU)
    size = int(np.prod(x))
    return one("FULLY_CONNECTED", x, [1, 5], opts, w=noise(5, size), b=noise(5))


def mean(*, keep: bool) -> Tiny:
    """The mean over rows and columns."""
    shape = [1, 1, 1, 3] if keep else [1, 3]
    return one(
        "MEAN", [1, 4, 5, 3], shape, options("Reducer", keepDims=keep), axes=np.array([1, 2], np.int32)
    )


def unpacked() -> Tiny:
    """A convolution whose weights are stored as fp16."""
    opts = options("Conv2D", padding=VALID, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
    nodes = [
        Node("DEQUANTIZE", ["half"], "w", [4, 1, 1, 3], options("Dequantize")),
        Node("CONV_2D", ["x", "w", "b"], "y", [1, 5, 5, 4], opts),
    ]
    return Tiny([1, 5, 5, 3], nodes, {"half": noise(4, 1, 1, 3).astype(np.float16), "b": noise(4)})


def transpose_conv() -> Tiny:
    """MediaPipe's transposed convolution, as in selfie_segmentation."""
    custom = np.array([1, 2, 2], np.int32).tobytes()  # SAME, strides 2
    return one(
        "Convolution2DTransposeBias", [1, 4, 5, 6], [1, 8, 10, 2], custom, w=noise(2, 2, 2, 6), b=noise(2)
    )  # fmt: skip


X = [1, 4, 5, 3]
SLOPES = np.array([[[-0.5, 0.25, 1.75]]], np.float32)
CASES: dict[str, Callable[[], Tiny]] = {
    "add a vector": lambda: one("ADD", X, X, options("Add"), v=noise(3)),
    "add, clipped at 6": lambda: one("ADD", X, X, options("Add", fusedActivationFunction=RELU6), v=noise(3) + 5),
    "average pool to one": lambda: pool("AVERAGE_POOL_2D", 6, 6, 6),
    "average pool leaves padding out": lambda: pool("AVERAGE_POOL_2D", 7, 3, 2),
    "concatenate channels, counted from the end": lambda: concat(3),
    "concatenate rows": lambda: concat(1),
    "conv 3x3 same, stride 2, even": lambda: conv(8, 3, 2, SAME),
    "conv 3x3 same, stride 2, odd": lambda: conv(9, 3, 2, SAME, fused=RELU6),
    "conv 2x2 same: the padding goes after": lambda: conv(6, 2, 1, SAME),
    "conv 3x3 same, dilated": lambda: conv(9, 3, 1, SAME, dilation=2),
    "conv 3x3 valid, stride 3": lambda: conv(10, 3, 3, VALID, fused=RELU),
    "conv of fp16 weights": unpacked,
    "depth to space": lambda: one(
        "DEPTH_TO_SPACE", [1, 2, 3, 12], [1, 4, 6, 3], options("DepthToSpace", blockSize=2)
    ),
    "depthwise 5x5 same, stride 2": lambda: depthwise(8, 5, 2, 1),
    "depthwise with two results per channel": lambda: depthwise(7, 3, 1, 2),
    "fully connected": lambda: fully_connected([1, 6]),
    "fully connected of a picture": lambda: fully_connected([1, 2, 3, 4]),
    "hard swish": lambda: one("HARD_SWISH", X, X, options("HardSwish")),
    "logistic": lambda: one("LOGISTIC", X, X),
    "max pool same, odd": lambda: pool("MAX_POOL_2D", 7, 2, 2),
    "mean": lambda: mean(keep=False),
    "mean, axes kept": lambda: mean(keep=True),
    "multiply by channel": lambda: one("MUL", X, X, options("Mul"), v=noise(1, 1, 1, 3)),
    "pad rows and columns": lambda: pad((0, 0), (1, 2), (0, 3), (0, 0)),
    "pad channels": lambda: pad((0, 0), (0, 0), (0, 0), (1, 2)),
    "prelu, slopes below 0 and above 1": lambda: one("PRELU", X, X, slope=SLOPES),
    "relu": lambda: one("RELU", X, X),
    "relu6": lambda: one("RELU6", X, X),
    "reshape to rows": lambda: reshape([1, 16, 3]),
    "reshape to a picture": lambda: reshape([1, 2, 3, 8]),
    "resize, half pixel": lambda: resize(half_pixel=True, align=False),
    "resize, corners aligned": lambda: resize(half_pixel=False, align=True),
    "resize, asymmetric": lambda: resize(half_pixel=False, align=False),
    "transposed conv with bias": transpose_conv,
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_translation_computes_what_litert_computes(case: str) -> None:
    """Every operator, also in the corners of its padding rule, in a batch that LiteRT's file does not know."""
    tiny = CASES[case]()
    batch = 3 * noise(3, *tiny.x[1:])
    np.testing.assert_allclose(tiny.run_onnx(batch), tiny.run_litert(batch), rtol=1e-5, atol=1e-5)


def test_every_operator_of_the_table_is_tried() -> None:
    """A new handler needs a case."""
    from export.operators import HANDLERS

    tried = {node.kind for case in CASES.values() for node in case().nodes}
    assert HANDLERS.keys() <= tried


REFUSED: dict[str, tuple[Callable[[], Tiny], str]] = {
    "an operator nobody wrote": (lambda: one("TANH", X, X), "TANH can't be translated"),
    "a fused activation nobody wrote": (
        lambda: one("ADD", X, X, options("Add", fusedActivationFunction=TANH), v=noise(3)),
        "ADD has the fused activation 4",
    ),
    "a mean over channels": (
        lambda: one("MEAN", X, [1, 4, 5], options("Reducer"), axes=np.array([3], np.int32)),
        "MEAN over the axes",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_translated_is_named(case: str) -> None:
    """Nothing is skipped in silence: the message names the operator."""
    make, message = REFUSED[case]
    with pytest.raises(ConversionFailed, match=message):
        make().translation()
