"""Checkpoints in one file, as Stability AI publishes them, and the tokenizer that they don't hold."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from bridge.errors import ConversionFailed
from export.sdxl.architectures import Architecture
from export.sdxl.names import original_name
from export.sdxl.single import read_pipeline
from export.sdxl.vocabulary import write_tokenizer
from tests.finish import tiny

State = dict[str, torch.Tensor]


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    """A short list of merges in the published form."""
    path = tmp_path / "merges.txt.gz"
    path.write_bytes(gzip.compress(b"version\nt h\nth e</w>\na t</w>\n"))
    return path


def test_the_tokenizer_is_clips(tmp_path: Path, vocabulary: Path) -> None:
    """Bytes, bytes that end a word, merges, and the two marks, in this order."""
    made = write_tokenizer(vocabulary, tmp_path / "words", "!")
    assert len(made) == 256 + 256 + 3 + 2
    ids = made("the at", padding="max_length", max_length=7).input_ids
    start, end, the, at = 515, 516, 513, 514
    assert ids == [start, the, at, end, 0, 0, 0]
    assert made.convert_ids_to_tokens([0, 255, 256]) == ["!", "\u0143", "!</w>"]


def architectures(parts: Mapping[str, torch.nn.Module]) -> dict[str, Architecture]:
    """What the parts look like, as the table of full-size ones says it."""
    return {
        name: Architecture(
            f"{'transformers' if 'text' in name else 'diffusers'}.{type(part).__name__}",
            _config(part),
            "tiny",
            0,
        )
        for name, part in parts.items()
    }


def _config(part: torch.nn.Module) -> Mapping[str, object]:
    config = part.config.to_dict() if hasattr(part.config, "to_dict") else dict(part.config)
    return {key: value for key, value in config.items() if not key.startswith("_")}


def original(parts: Mapping[str, torch.nn.Module]) -> State:
    """The parts' weights under the original names."""
    unet = parts["unet"]
    attended = frozenset(i for i, block in enumerate(unet.up_blocks) if hasattr(block, "attentions"))
    state = {
        f"model.diffusion_model.{original_name(name, unet.config.layers_per_block, attended)}": weight
        for name, weight in unet.state_dict().items()
    }
    state |= {
        f"first_stage_model.{_vae_name(name)}": _vae(name, weight)
        for name, weight in parts["vae"].state_dict().items()
    }
    first = parts["text_encoder"].state_dict()
    if "text_encoder_2" not in parts:
        return state | {
            f"cond_stage_model.transformer.text_model.{name}": weight for name, weight in first.items()
        }
    state |= {
        f"conditioner.embedders.0.transformer.text_model.{name}": weight for name, weight in first.items()
    }
    second = open_clip(parts["text_encoder_2"].state_dict())
    return state | {f"conditioner.embedders.1.model.{name}": weight for name, weight in second.items()}


_OPEN_CLIP = (
    ("text_model.embeddings.token_embedding", "token_embedding"), ("text_model.final_layer_norm", "ln_final"),
    ("text_model.encoder.layers", "transformer.resblocks"), ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"),
    ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"), ("self_attn.out_proj", "attn.out_proj"),
)  # fmt: skip


def open_clip(state: State) -> State:
    """OpenCLIP's names: queries, keys and values are one matrix, and the projection is transposed."""
    made = {}
    for name, weight in state.items():
        if name == "text_projection.weight":
            made["text_projection"] = weight.T
        elif name.endswith("position_embedding.weight"):
            made["positional_embedding"] = weight
        elif ".q_proj." in name:
            both = [state[name.replace(".q_proj.", f".{each}_proj.")] for each in "qkv"]
            made[_renamed(name.replace("self_attn.q_proj.", "attn.in_proj_"), _OPEN_CLIP)] = torch.cat(both)
        elif ".k_proj." not in name and ".v_proj." not in name:
            made[_renamed(name, _OPEN_CLIP)] = weight
    return made


def _renamed(name: str, names: tuple[tuple[str, str], ...]) -> str:
    for ours, theirs in names:
        name = name.replace(ours, theirs)
    return name


def _vae(name: str, weight: torch.Tensor) -> torch.Tensor:
    """The autoencoder's one attention was made of convolutions of a single pixel."""
    return weight[:, :, None, None] if "attentions" in name and weight.ndim == 2 else weight


_VAE_NAMES = (
    ("mid_block.resnets.0", "mid.block_1"), ("mid_block.resnets.1", "mid.block_2"),
    ("mid_block.attentions.0", "mid.attn_1"), ("conv_norm_out", "norm_out"), ("group_norm", "norm"), ("to_q", "q"),
    ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out"), ("downsamplers.0", "downsample"),
    ("upsamplers.0", "upsample"), ("down_blocks", "down"), ("resnets", "block"), ("conv_shortcut", "nin_shortcut"),
)  # fmt: skip


def _vae_name(name: str) -> str:
    """The original name of a weight of the autoencoder, which counts blocks that go up from the end."""
    name = _renamed(name, _VAE_NAMES)
    if "up_blocks" in name:
        head, _, rest = name.partition("up_blocks.")
        number, _, rest = rest.partition(".")
        name = f"{head}up.{3 - int(number)}.{rest}"
    return name


def sd15() -> dict[str, torch.nn.Module]:
    """A denoiser, an autoencoder and one text encoder."""
    return {"unet": tiny.unet(), "vae": tiny.vae(), "text_encoder": tiny.text_encoders()[0]}


def sdxl() -> dict[str, torch.nn.Module]:
    """And a second text encoder, by whose width diffusers knows it from the first."""
    config = CLIPTextConfig(
        hidden_size=48, intermediate_size=37, num_attention_heads=4, num_hidden_layers=2, vocab_size=600,
        projection_dim=48, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    return {**sd15(), "text_encoder_2": tiny.randomize(CLIPTextModelWithProjection(config), 9)}


@pytest.mark.parametrize("family", [sd15, sdxl])
def test_one_file_becomes_the_same_parts(
    tmp_path: Path, vocabulary: Path, family: Callable[[], dict[str, torch.nn.Module]]
) -> None:
    """Every weight, offline, under configs of ours."""
    parts = family()
    path = tmp_path / "checkpoint.safetensors"
    save_file({name: weight.contiguous() for name, weight in original(parts).items()}, path)
    found = read_pipeline(path, architectures(parts), vocabulary).components
    for name, part in parts.items():
        for key, weight in part.state_dict().items():
            assert torch.equal(found[name].state_dict()[key], weight), (name, key)
    padding = {name: each.pad_token_id for name, each in found.items() if name.startswith("tokenizer")}
    assert padding == {"tokenizer": 516} | ({"tokenizer_2": 0} if "text_encoder_2" in parts else {})


def test_a_denoiser_with_a_weight_too_few_is_refused(tmp_path: Path, vocabulary: Path) -> None:
    """Diffusers would leave it random; so would it the ninth channel of one for inpainting."""
    parts = sd15()
    state = {name: weight.contiguous() for name, weight in original(parts).items()}
    first = state.pop("model.diffusion_model.input_blocks.0.0.weight")
    save_file(state, tmp_path / "less.safetensors")
    save_file(
        state | {"model.diffusion_model.input_blocks.0.0.weight": first[:, :3].contiguous()},
        tmp_path / "thin.safetensors",
    )
    with pytest.raises(ConversionFailed, match=r"lacks model\.diffusion_model\.input_blocks\.0\.0\.weight"):
        read_pipeline(tmp_path / "less.safetensors", architectures(parts), vocabulary)
    with pytest.raises(ConversionFailed, match=r"is \(32, 3, 3, 3\) and should be \(32, 4, 3, 3\)"):
        read_pipeline(tmp_path / "thin.safetensors", architectures(parts), vocabulary)


def test_another_file_is_refused(tmp_path: Path, vocabulary: Path) -> None:
    """With what to do."""
    path = tmp_path / "checkpoint.safetensors"
    save_file({"something": torch.ones(3)}, path)
    parts = sd15()
    with pytest.raises(ConversionFailed, match=r"lacks model\.diffusion_model"):
        read_pipeline(path, architectures(parts), vocabulary)
