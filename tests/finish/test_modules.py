"""The finisher's networks as torch modules: they fulfil their contracts, and are what diffusers computes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionXLControlNetUnionImg2ImgPipeline

from bridge.finish.contracts import contracts
from bridge.finish.layout import Layout, Net, Refiner
from export.onnx import write_onnx
from export.precision import Precision
from export.proof import DTYPES, onnx_runner
from export.sdxl.architectures import ARCHITECTURES
from export.sdxl.examples import examples
from export.sdxl.modules import networks
from export.sdxl.parts import Parts
from export.sdxl.proof import prove, references
from tests.finish import tiny
from tests.finish.rows import BOUND, NAME, difference, layout, modules, noise, parts

FAMILIES = ("sdxl", "sd15")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_contract_is_fulfilled(family: str) -> None:
    """Each network takes its contract's inputs in order and returns its outputs: shapes, types, finite numbers."""
    known = contracts(layout(family))
    assert list(modules(family)) == list(known)
    for contract in known.values():
        _fulfils(modules(family)[contract.name], contract.name, layout(family))


@pytest.mark.parametrize(("precision", "dtype"), [("fp16", torch.float16), ("bf16", torch.bfloat16)])
@pytest.mark.parametrize("family", FAMILIES)
def test_half_precision(family: str, precision: str, dtype: torch.dtype) -> None:
    """In half precision the boundary is as the layout says: timesteps, scales, latents and pictures stay FP32."""
    half = layout(family).model_copy(update={"precision": precision})
    given = parts.__wrapped__(family)  # not the cached ones: their weights become half
    made = networks(given, half)
    for part in _weighted(given):
        part.to(dtype)
    expected = modules(family)[f"denoise_{NAME}"]
    for name, module in made.items():
        _fulfils(module, name, half)
    contract = contracts(half)[f"denoise_{NAME}"]
    inputs = examples(contract, half, 3)
    with torch.no_grad():
        (found,) = made[contract.name](*inputs.values())
        (exact,) = expected(*(each.float() for each in inputs.values()))
    assert difference(found, exact) < (0.02 if precision == "fp16" else 0.15)


def _weighted(given: Parts) -> list[torch.nn.Module]:
    """Return every part that has weights: the networks share them, so that casting these casts those."""
    return [
        part
        for part in (given.unet, given.vae, given.union, given.refiner, given.image_encoder)
        if part is not None
    ] + [*given.text_encoders, *given.nets.values()]


@torch.no_grad()
def _fulfils(module: torch.nn.Module, name: str, at: Layout, device: str = "cpu") -> None:
    contract, rows = contracts(at)[name], 3
    outputs = module(*(each.to(device) for each in examples(contract, at, rows).values()))
    assert isinstance(outputs, tuple)
    for found, tensor in zip(outputs, contract.outputs, strict=True):
        sizes = [size if size > 0 else got for size, got in zip(tensor.shape, found.shape[1:], strict=True)]
        assert list(found.shape) == [rows, *sizes], (name, tensor.name)
        assert found.dtype == DTYPES[tensor.dtype], (name, tensor.name)
        assert device == "meta" or torch.isfinite(found).all(), (name, tensor.name)


# --- text, autoencoder, refiner ---------------------------------------------------------------------------


@cache
def pipeline() -> StableDiffusionXLControlNetUnionImg2ImgPipeline:
    """Return diffusers' pipeline around the same networks; it gets no prompt, and so needs no tokenizer."""
    known = parts("sdxl")
    first, second = known.text_encoders
    return StableDiffusionXLControlNetUnionImg2ImgPipeline(
        vae=known.vae, text_encoder=first, text_encoder_2=second, tokenizer=None, tokenizer_2=None, unet=tiny.unet(),
        controlnet=known.union, scheduler=known.scheduler, add_watermarker=False,
    )  # fmt: skip


def test_text(tmp_path: Path) -> None:
    """Tokens become what diffusers' encode_prompt makes of the words, for both prompts in one batch."""
    reference = pipeline()
    words = tiny.tokenizer(tmp_path)
    reference.register_modules(tokenizer=words, tokenizer_2=words)
    prompts = ["a photo of a person wearing a garment", "blurry face"]
    with torch.no_grad():
        text, negative, pooled, negative_pooled = reference.encode_prompt(
            prompts[0], negative_prompt=prompts[1], do_classifier_free_guidance=True
        )
        ids = words(
            prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt"
        ).input_ids
        found, found_pooled = modules("sdxl")["text_encode"](ids, ids)
    assert difference(found, torch.cat([text, negative])) < BOUND
    assert difference(found_pooled, torch.cat([pooled, negative_pooled])) < BOUND
    assert difference(found[0], found[1]) > 100 * BOUND


@torch.no_grad()
@pytest.mark.parametrize("size", [(96, 64), (64, 128)])
def test_autoencoder(size: tuple[int, int]) -> None:
    """Pictures of any size become diffusers' distribution, whose sample is mean + std * noise, and come back."""
    vae, known = parts("sdxl").vae, modules("sdxl")
    image = noise(1, 2, 3, *size).clamp(-1, 1)
    expected = vae.encode(image).latent_dist
    mean, std = known["vae_encode"](image)
    assert difference(mean, expected.mean) < BOUND
    assert difference(std, expected.std) < BOUND
    drawn = torch.randn(mean.shape, generator=torch.Generator().manual_seed(3))
    assert difference(mean + std * drawn, expected.sample(torch.Generator().manual_seed(3))) < BOUND
    (back,) = known["vae_decode"](mean)
    assert difference(back, vae.decode(mean).sample) < BOUND


@torch.no_grad()
def test_refiner() -> None:
    """The refiner predicts what diffusers' denoiser of these weights does, each row at its own timestep."""
    contract = contracts(layout("sdxl"))[f"refine_{NAME}"]
    given = examples(contract, layout("sdxl"), 3)
    (found,) = modules("sdxl")[contract.name](*given.values())
    for row in range(3):
        one = {name: each[row : row + 1] for name, each in given.items()}
        added = {"text_embeds": one["pooled"], "time_ids": one["time_ids"]}
        expected = parts("sdxl").refiner(
            one["latent"], float(one["timestep"]), one["text"], added_cond_kwargs=added, return_dict=False
        )[0]
        assert difference(found[row : row + 1], expected) < BOUND


# --- export ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("family", ["sdxl", "sd15"])
def test_captured_with_any_number_of_rows(family: str) -> None:
    """torch.export captures the denoiser with the rows as a symbol: nothing depends on values or on their number."""
    contract = contracts(layout(family))[f"denoise_{NAME}"]
    module = modules(family)[contract.name]
    rows = torch.export.Dim("rows", min=1, max=8)
    shapes = ({0: rows},) * len(contract.inputs)
    given = tuple(examples(contract, layout(family), 2).values())
    with torch.no_grad():
        graph = torch.export.export(module, given, dynamic_shapes=(shapes,), strict=False).module()
        for count in (1, 3):
            other = tuple(examples(contract, layout(family), count, count).values())
            assert difference(graph(*other)[0], module(*other)[0]) < BOUND


@pytest.mark.slow
@pytest.mark.parametrize("names", [(f"refine_{NAME}",), tuple(contracts(layout("sdxl")))])
def test_half_precision_as_onnx(names: tuple[str, ...], tmp_path: Path) -> None:
    """In half precision too each network can be written as ONNX, which is stricter about types, and stays in bounds."""
    half = layout("sdxl").model_copy(update={"precision": "fp16"})
    given = parts.__wrapped__("sdxl")
    made, known = networks(given, half), contracts(half)
    expected = {name: references(made[name], known[name], half) for name in names}
    for part in _weighted(given):
        part.half()
    for name in names:
        path = tmp_path / f"{name}.onnx"
        write_onnx(made[name], known[name], examples(known[name], half, 2), path, {})
        prove(onnx_runner(path), "onnxruntime", known[name], half, expected[name], Precision.FP16)


@pytest.mark.slow
def test_full_size() -> None:
    """SDXL and its companions in full size, at 1024 x 1344 in half precision, fulfil their contracts as well."""
    names = ("unet", "refiner", "union", "vae", "text_encoder", "text_encoder_2", "controlnet")
    with torch.device("meta"):  # shapes and types alone
        made = {name: ARCHITECTURES[name].make().half() for name in names}
    given = Parts(
        unet=made["unet"], vae=made["vae"], text_encoders=(made["text_encoder"], made["text_encoder_2"]), tokenizers=(),
        scheduler=tiny.scheduler(), union=made["union"], refiner=made["refiner"], nets={"lines": made["controlnet"]},
    )  # fmt: skip
    full = Layout(
        source="full", sha256="0" * 64, licence="Apache-2.0", commercial_use=True, buckets=((1024, 1344),),
        precision="fp16", union_kinds=8, nets=(Net(name="lines"),), refiner=Refiner(), scheduler={},
    )  # fmt: skip
    for name, module in networks(given, full).items():
        _fulfils(module, name, full, "meta")
