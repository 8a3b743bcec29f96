"""The ways to run a network that are compared: torch as it is, compiled, as a package, and onnxruntime."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.finisher_report import Missing

Tensors = tuple[torch.Tensor, ...]
Forward = Callable[..., Tensors]
"""Takes a network's inputs in order and returns its outputs in order."""


@dataclass(frozen=True)
class Column:
    """One way to run a network."""

    title: str
    prepare: Callable[[torch.nn.Module, Tensors], Forward]
    """Given the network and inputs of the size that it will get."""

    needs: float
    """About how long it takes to prepare the denoiser on a card [s]."""


def _eager(module: torch.nn.Module, _: Tensors) -> Forward:
    forward: Forward = module
    return forward


def _graphed(module: torch.nn.Module, inputs: Tensors) -> Forward:
    """Record the whole pass as one CUDA graph, which any thread can play again."""
    if not inputs[0].is_cuda:
        raise Missing("CUDA graphs need a card")
    return _recorded(module, inputs)


def _compiled(module: torch.nn.Module, inputs: Tensors) -> Forward:
    """Compile for these sizes; on a card the whole pass is one CUDA graph."""
    if not inputs[0].is_cuda:  # Inductor's C++ takes minutes: here only the way there is tried
        plain: Forward = torch.compile(module, backend="aot_eager", dynamic=False)
        return plain
    torch._dynamo.config.recompile_limit = 64
    return _recorded(torch.compile(module, dynamic=False), inputs)


def _recorded(forward: Forward, inputs: Tensors) -> Forward:
    """Return what plays a recording of a pass; ``torch.compile`` has its own, which one thread alone can play."""
    given = tuple(tensor.clone() for tensor in inputs)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            forward(*given)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        made = forward(*given)

    def play(*tensors: torch.Tensor) -> Tensors:
        for ours, theirs in zip(given, tensors, strict=True):
            ours.copy_(theirs)
        graph.replay()
        return tuple(tensor.clone() for tensor in made)

    return play


def _package(module: torch.nn.Module, inputs: Tensors) -> Forward:
    """Compile ahead of time into a package that needs no Python, and load it."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about itself
        program = torch.export.export(module, inputs, strict=False)
        with TemporaryDirectory() as folder:
            path = torch._inductor.aoti_compile_and_package(
                program, package_path=str(Path(folder) / "network.pt2")
            )
            loaded = torch._inductor.aoti_load_package(path)
    return lambda *tensors: tuple(loaded(*tensors))


def _onnxruntime(module: torch.nn.Module, inputs: Tensors) -> Forward:
    """Write the network as ONNX, and let onnxruntime read and write torch's own memory."""
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise Missing("onnxruntime is not installed") from error
    wanted = "CUDAExecutionProvider" if inputs[0].is_cuda else "CPUExecutionProvider"
    if wanted not in ort.get_available_providers():
        raise Missing(f"this onnxruntime ({ort.__version__}) has no {wanted}")
    with TemporaryDirectory() as folder, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about itself
        path = Path(folder) / "network.onnx"
        torch.onnx.export(module, inputs, path, dynamo=True, external_data=True, verbose=False)
        session = ort.InferenceSession(path, providers=[wanted])
    return _bound(session, inputs)


def _bound(session: object, inputs: Tensors) -> Forward:
    """Return what runs a session on tensors where they lie."""
    import onnxruntime as ort

    assert isinstance(session, ort.InferenceSession)  # noqa: S101 - for readers: onnxruntime has no types
    names = [each.name for each in session.get_inputs()]
    outputs = [each.name for each in session.get_outputs()]

    def forward(*tensors: torch.Tensor) -> Tensors:
        binding = session.io_binding()
        for name, tensor in zip(names, tensors, strict=True):
            binding.bind_ortvalue_input(name, ort.OrtValue.from_dlpack(tensor.contiguous()))
        for name in outputs:
            binding.bind_output(name, inputs[0].device.type)
        session.run_with_iobinding(binding)
        return tuple(torch.from_dlpack(value) for value in binding.get_outputs())

    return forward


COLUMNS: Mapping[str, Column] = {
    "eager": Column("torch", _eager, 3),
    "graph": Column("torch, CUDA graph", _graphed, 6),
    "compile": Column("torch.compile, CUDA graph", _compiled, 150),
    "aoti": Column("AOTInductor", _package, 200),
    "onnxruntime": Column("onnxruntime", _onnxruntime, 200),
}
