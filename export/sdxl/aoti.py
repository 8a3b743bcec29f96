"""A network as an AOTInductor package: compiled by PyTorch itself, for where TensorRT is not wanted.

Triton's PyTorch backend runs such a package (``platform: "torch_aoti"``, ``model.pt2``); so does any process that has
torch, by ``torch._inductor.aoti_load_package``. It is compiled for the kind of device on which it is made.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from bridge.contracts import Contract
from bridge.errors import ConversionFailed
from bridge.finish.layout import Layout
from export.onnx import exported
from export.proof import Runner, Tensors
from export.sdxl.examples import examples

_COMPILERS = ("g++", "c++", "clang++")


def write_package(module: torch.nn.Module, contract: Contract, layout: Layout, path: Path) -> None:
    """Compile a network into a package.

    Args:
        module: takes the contract's inputs in order and returns a tuple of its outputs in order.
        contract: the network's.
        layout: the checkpoint's.
        path: the ``.pt2`` file.

    Raises:
        ConversionFailed: there is no C++ compiler, or the network can't be compiled.
    """
    if not any(shutil.which(compiler) for compiler in _COMPILERS):
        raise ConversionFailed(
            f"AOTInductor compiles C++, and this machine has none of {', '.join(_COMPILERS)}; install g++, or choose "
            "--target onnx"
        )
    graph = exported(module, contract, examples(contract, layout, rows=2))
    try:
        torch._inductor.aoti_compile_and_package(graph, package_path=str(path))
    except Exception as error:  # torch raises whatever it meets
        raise ConversionFailed(f"{contract.name} can't be compiled by AOTInductor: {error}") from error


def package_runner(path: Path, contract: Contract) -> Runner:
    """Return a package, run by torch."""
    package = torch._inductor.aoti_load_package(str(path))
    names = [tensor.name for tensor in contract.outputs]

    def run(inputs: Tensors) -> Tensors:
        return dict(zip(names, package(*inputs.values()), strict=True))

    return run
