"""DeepCache's two networks: a shallow step given what its own whole step found is that step."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch

from bridge.finish.contracts import contracts, is_network
from bridge.finish.layout import Layout
from export.onnx import write_onnx
from export.precision import Precision
from export.proof import DTYPES, onnx_runner
from export.sdxl.examples import examples
from export.sdxl.modules import networks
from export.sdxl.modules.shallow import shallow_of
from export.sdxl.proof import prove, references
from tests.finish import tiny
from tests.finish.rows import BOUND, NAME, difference, layout, modules, parts

FAMILIES = ("sdxl", "sd15")
WHOLE, SHALLOW = f"denoise_{NAME}", f"denoise_shallow_{NAME}"


def with_shallow(family: str, **changes: object) -> Layout:
    """Return the family's layout with a network for shallow steps."""
    return layout(family).model_copy(update={"shallow": shallow_of(parts(family).unet), **changes})


@cache
def made(family: str) -> dict[str, torch.nn.Module]:
    """Return the networks of :func:`with_shallow`."""
    return networks(parts(family), with_shallow(family))


def bare() -> Layout:
    """Return SDXL without controls and adapters, whose shallow network reads no residuals."""
    return with_shallow("sdxl", union_kinds=0, nets=(), adapters=())


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_a_fresh_feature_makes_a_shallow_step_whole(family: str) -> None:
    """Rows at timesteps, controls and adapters of their own: the shallow network computes the whole one's noise."""
    known = contracts(with_shallow(family))
    given = examples(known[WHOLE], with_shallow(family), 3)
    found = dict(
        zip([t.name for t in known[WHOLE].outputs], made(family)[WHOLE](*given.values()), strict=True)
    )
    read = {**given, **found}
    (noise,) = made(family)[SHALLOW](*(read[tensor.name] for tensor in known[SHALLOW].inputs))
    assert difference(noise, found["noise"]) < BOUND
    stale = {**read, "deep": found["deep"].flip(0)}
    (other,) = made(family)[SHALLOW](*(stale[tensor.name] for tensor in known[SHALLOW].inputs))
    assert difference(other, found["noise"]) > 100 * BOUND


@torch.no_grad()
def test_what_the_controls_add_is_read() -> None:
    """Without the residuals of the whole step, a shallow step is another one."""
    known = contracts(with_shallow("sdxl"))
    given = examples(known[WHOLE], with_shallow("sdxl"), 2)
    names = [tensor.name for tensor in known[WHOLE].outputs]
    read = {**given, **dict(zip(names, made("sdxl")[WHOLE](*given.values()), strict=True))}
    read["residuals"] = torch.zeros_like(read["residuals"])
    (noise,) = made("sdxl")[SHALLOW](*(read[tensor.name] for tensor in known[SHALLOW].inputs))
    assert difference(noise, read["noise"]) > 100 * BOUND


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_the_whole_denoiser_stays_bit_for_bit(family: str) -> None:
    """Giving its feature away changes nothing of what it predicts; without the flag it has one output, as before."""
    contract = contracts(layout(family))[WHOLE]
    given = examples(contract, layout(family), 2).values()
    (before,) = modules(family)[WHOLE](*given)
    assert torch.equal(before, made(family)[WHOLE](*given)[0])
    assert [tensor.name for tensor in contract.outputs] == ["noise"]
    assert not [name for name in contracts(layout(family)) if "shallow" in name]


def test_names_and_inputs() -> None:
    """The shallow network is one of the repository's; SDXL's reads no text, SD 1.5's does, bare ones no residuals."""
    assert is_network("denoise_shallow_1024x1344")
    inputs = {family: _inputs(with_shallow(family)) for family in FAMILIES}
    assert inputs["sdxl"] == ["latent", "timestep", "pooled", "time_ids", "deep", "residuals"]
    assert inputs["sd15"] == [
        "latent", "timestep", "text", "masked", "garment_tokens", "adapter_scales", "deep", "residuals",
    ]  # fmt: skip
    assert _inputs(bare()) == ["latent", "timestep", "pooled", "time_ids", "deep"]


def _inputs(at: Layout) -> list[str]:
    return [tensor.name for tensor in contracts(at)[SHALLOW].inputs]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_as_onnx(precision: str, tmp_path: Path) -> None:
    """The shallow network becomes ONNX by the one export that there is, within its bounds, in half precision too."""
    at = with_shallow("sdxl", precision=precision)
    given = parts.__wrapped__("sdxl")
    module, contract = networks(given, at)[SHALLOW], contracts(at)[SHALLOW]
    expected = references(module, contract, at)
    if precision == "fp16":
        given.unet.half()
    path = tmp_path / "model.onnx"
    write_onnx(module, contract, examples(contract, at, 2), path, {})
    proof = prove(onnx_runner(path), "onnxruntime", contract, at, expected, Precision(precision))
    assert proof.differences["noise"].max_rel < proof.differences["noise"].bound
    assert DTYPES[contract.inputs[-1].dtype] == (torch.float16 if precision == "fp16" else torch.float32)


@pytest.mark.slow
def test_the_whole_denoiser_as_onnx(tmp_path: Path) -> None:
    """The denoiser that gives its feature away becomes ONNX too: what torch.export records includes the catching."""
    at = with_shallow("sdxl")
    module, contract = made("sdxl")[WHOLE], contracts(at)[WHOLE]
    path = tmp_path / "model.onnx"
    write_onnx(module, contract, examples(contract, at, 2), path, {})
    expected = references(module, contract, at)
    proof = prove(onnx_runner(path), "onnxruntime", contract, at, expected, Precision.FP32)
    assert set(proof.differences) == {"noise", "deep", "residuals"}


def test_one_level_has_no_shallow_network() -> None:
    """A denoiser of one level is refused in words."""
    unet = tiny.unet()
    unet.register_to_config(block_out_channels=(32,))
    with pytest.raises(ValueError, match="one level"):
        shallow_of(unet)
