"""An ONNX graph as it grows out of a LiteRT network: names, constants, nodes, and the order of axes.

LiteRT is channels-last, ONNX channels-first. Inside the graph every activation of rank 4 is
``[batch, channels, height, width]``; tensors of another rank keep LiteRT's order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from export.litert import Array, Network

TO_NCHW, TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)
"""Permutations of the axes, between channels last and channels first."""


class GraphBuilder:
    """Maps the network's numbered tensors to ONNX values and collects nodes and initializers.

    A tensor is named in ``bind`` when an operator has made it; constants become initializers when first used.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._constants = {i: t.data for i, t in enumerate(network.tensors) if t.data is not None}
        self._names: dict[int, str] = {}
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

    def bind(self, tensor: int, name: str) -> None:
        """Say which ONNX value carries a tensor."""
        self._names[tensor] = name

    def name(self, tensor: int) -> str:
        """Return the ONNX name of an activation, channels first."""
        return self._names[tensor]

    def operand(self, tensor: int, rank: int) -> str:
        """Return the ONNX name of an activation, or of a constant that broadcasts to ``rank`` axes."""
        if not self.is_constant(tensor):
            return self.name(tensor)
        values = self.constant(tensor)
        values = values.reshape((1,) * (rank - values.ndim) + values.shape)
        return self.store(values.transpose(TO_NCHW) if rank == 4 else values)

    def store(self, values: Array) -> str:
        """Add an initializer, floats as fp32, and return its name."""
        name = self._fresh("constant")
        if values.dtype == np.float16:
            values = values.astype(np.float32)
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def emit(self, kind: str, inputs: Sequence[str], output: str = "", /, **attributes: object) -> str:
        """Add a node with one output and return the output's name."""
        output = output or self._fresh(kind.lower())
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def reshape(self, tensor: int, shape: Sequence[int], output: str = "") -> str:
        """Emit a tensor in another shape, its elements in LiteRT's order; the batch stays as it is.

        Args:
            tensor: the network's tensor.
            shape: the new shape without the batch.
            output: the name of the result; empty invents one.
        """
        name, kept = self.name(tensor), tuple(shape) == self.shape(tensor)[1:]
        if len(self.shape(tensor)) == 4:
            name = self.emit("Transpose", [name], output if kept else "", perm=TO_NHWC)
            if kept:
                return name
        return self.emit("Reshape", [name, self.store(np.array([-1, *shape], np.int64))], output)

    def _fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}_{self._count}"
