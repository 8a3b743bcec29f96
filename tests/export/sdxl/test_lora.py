"""LoRAs in the weights: the formula, each form of file, and what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bridge.errors import ConversionFailed
from export.sdxl.lora import merge
from export.sdxl.names import original_name
from tests.finish import tiny

LINEAR = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
ORIGINAL = "input_blocks_3_1_transformer_blocks_0_attn1_to_q"
OUT = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0"
CONV = "down_blocks.0.resnets.0.conv1"
TEXT = "text_model.encoder.layers.0.self_attn.q_proj"
RANK, ALPHA, SCALE = 4, 2.0, 0.7


def drawn(*shape: int) -> torch.Tensor:
    """Numbers, always the same for a shape."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def thin(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A LoRA's two matrices for a weight."""
    out, *inner = weight.shape
    return drawn(RANK, *inner), drawn(out, RANK, *(1 for _ in inner[1:]))


FORMS: dict[str, tuple[str, str, str, str, str]] = {  # part, path, the names of down, up and alpha
    "kohya": (
        "unet", LINEAR, f"lora_unet_{LINEAR.replace('.', '_')}.lora_down.weight",
        f"lora_unet_{LINEAR.replace('.', '_')}.lora_up.weight", f"lora_unet_{LINEAR.replace('.', '_')}.alpha",
    ),
    "kohya, original names": (
        "unet", LINEAR, f"lora_unet_{ORIGINAL}.lora_down.weight", f"lora_unet_{ORIGINAL}.lora_up.weight",
        f"lora_unet_{ORIGINAL}.alpha",
    ),
    "kohya, a convolution": (
        "unet", CONV, "lora_unet_input_blocks_1_0_in_layers_2.lora_down.weight",
        "lora_unet_input_blocks_1_0_in_layers_2.lora_up.weight", "lora_unet_input_blocks_1_0_in_layers_2.alpha",
    ),
    "kohya, a text encoder": (
        "text_encoder_2", TEXT, f"lora_te2_{TEXT.replace('.', '_')}.lora_down.weight",
        f"lora_te2_{TEXT.replace('.', '_')}.lora_up.weight", f"lora_te2_{TEXT.replace('.', '_')}.alpha",
    ),
    "kohya, CLIP-L": (
        "text_encoder", TEXT.removeprefix("text_model."), f"lora_te1_{TEXT.replace('.', '_')}.lora_down.weight",
        f"lora_te1_{TEXT.replace('.', '_')}.lora_up.weight", f"lora_te1_{TEXT.replace('.', '_')}.alpha",
    ),
    "PEFT, CLIP-L": (
        "text_encoder", TEXT.removeprefix("text_model."), f"text_encoder.{TEXT}.lora_A.weight",
        f"text_encoder.{TEXT}.lora_B.weight", "none",
    ),
    "PEFT": ("unet", LINEAR, f"unet.{LINEAR}.lora_A.weight", f"unet.{LINEAR}.lora_B.weight", "metadata"),
    "diffusers": ("unet", OUT, f"unet.{OUT}.lora.down.weight", f"unet.{OUT}.lora.up.weight", f"unet.{OUT}.alpha"),
    "diffusers, by processors": (
        "unet", OUT, f"unet.{OUT.removesuffix('.to_out.0')}.processor.to_out_lora.down.weight",
        f"unet.{OUT.removesuffix('.to_out.0')}.processor.to_out_lora.up.weight", "none",
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_weight_becomes_what_the_formula_says(tmp_path: Path, form: str) -> None:
    """``W + scale * alpha / rank * up @ down``, whatever the names; without an alpha it is the rank."""
    part, path, down_name, up_name, alpha_name = FORMS[form]
    first, second = tiny.text_encoders()
    networks = {"unet": tiny.unet(), "text_encoder": first, "text_encoder_2": second}
    weight = networks[part].get_submodule(path).weight
    before, others = weight.detach().clone(), networks["unet"].conv_in.weight.detach().clone()
    down, up = thin(weight)
    tensors, metadata = {down_name: down, up_name: up}, None
    if alpha_name == "metadata":
        metadata = {"lora_adapter_metadata": json.dumps({"unet.lora_alpha": ALPHA, "unet.r": RANK})}
    elif alpha_name != "none":
        tensors[alpha_name] = torch.tensor(ALPHA)
    save_file(tensors, tmp_path / "lora.safetensors", metadata)
    assert merge(tmp_path / "lora.safetensors", SCALE, networks) == 1
    factor = SCALE * (1.0 if alpha_name == "none" else ALPHA / RANK)
    product = torch.einsum("or,r...->o...", up.reshape(len(up), RANK), down)
    torch.testing.assert_close(weight, before + factor * product)
    assert torch.equal(networks["unet"].conv_in.weight, others)


REFUSED: dict[str, tuple[dict[str, torch.Tensor], str]] = {
    "LoHa": ({"lora_unet_conv_in.hada_w1_a": drawn(4, 4)}, "LoHa, LoKr and DoRA are none"),
    "DoRA": ({"lora_unet_conv_in.dora_scale": drawn(4, 4)}, "LoHa, LoKr and DoRA are none"),
    "another network": (
        {"unet.blocks.7.to_q.lora_A.weight": drawn(4, 4), "unet.blocks.7.to_q.lora_B.weight": drawn(4, 4)},
        "changes unet.blocks.7.to_q, which this checkpoint has not",
    ),
    "another width": (
        {f"unet.{LINEAR}.lora_A.weight": drawn(4, 9), f"unet.{LINEAR}.lora_B.weight": drawn(9, 4)},
        r"by \(9, 9\), which here is \(64, 64\)",
    ),
    "half of one": ({f"unet.{LINEAR}.lora_A.weight": drawn(4, 64)}, "has one half of"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_lora_for_this_network_changes_nothing(tmp_path: Path, case: str) -> None:
    """Refused as a whole, with the tensor's name."""
    tensors, sentence = REFUSED[case]
    unet = tiny.unet()
    before = {name: weight.clone() for name, weight in unet.state_dict().items()}
    save_file(tensors, tmp_path / "lora.safetensors")
    with pytest.raises(ConversionFailed, match=sentence):
        merge(tmp_path / "lora.safetensors", 1.0, {"unet": unet})
    assert all(torch.equal(weight, before[name]) for name, weight in unet.state_dict().items())


@pytest.mark.parametrize(
    ("path", "original"),
    [
        ("conv_in", "input_blocks.0.0"),
        ("down_blocks.1.attentions.1.norm", "input_blocks.5.1.norm"),
        ("down_blocks.0.downsamplers.0.conv", "input_blocks.3.0.op"),
        ("mid_block.attentions.0.proj_in", "middle_block.1.proj_in"),
        ("mid_block.resnets.1.time_emb_proj", "middle_block.2.emb_layers.1"),
        ("up_blocks.0.upsamplers.0.conv", "output_blocks.2.2.conv"),
        ("up_blocks.2.resnets.0.conv_shortcut", "output_blocks.6.0.skip_connection"),
        ("add_embedding.linear_2", "label_emb.0.2"),
    ],
)  # fmt: skip
def test_original_names_of_full_size(path: str, original: str) -> None:
    """As in Stability's SDXL, of two layers per block and attention in the first two blocks that go up."""
    assert original_name(path, 2, frozenset({0, 1})) == original
