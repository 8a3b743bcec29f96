"""What is read of a choice: adapters, nets, another autoencoder, SD 1.5; and what AOTInductor needs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionControlNetInpaintPipeline
from safetensors.torch import save_file

from bridge.errors import ConversionFailed
from bridge.finish.contracts import contracts
from bridge.finish.layout import Layout
from bridge.registry import load_registry
from export.sdxl import aoti
from export.sdxl.adapters import load_adapters
from export.sdxl.choice import Family
from export.sdxl.folder import read_weights
from export.sdxl.layouts import make_layout
from export.sdxl.reading import Checkpoint, read
from tests.finish import exported, tiny, tiny_adapters


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three adapters and two ControlNets, as they are published once they are no pickles."""
    folder = tmp_path_factory.mktemp("files")
    unet = tiny.unet()
    for name, make in (
        ("garment", tiny_adapters.plus),
        ("face", tiny_adapters.face),
        ("identity", tiny_adapters.identity),
    ):
        flat = {f"{part}.{key}": each for part, group in make(unet).items() for key, each in group.items()}
        save_file({key: each.contiguous() for key, each in flat.items()}, folder / f"{name}.safetensors")
    tiny.net().save_pretrained(folder / "pose")
    tiny.net(5).save_pretrained(folder / "identity_net")
    return folder


def layout_and_parts(checkpoint: Path, **changes: object) -> tuple[Layout, Checkpoint]:
    """What a choice becomes before anything is translated."""
    choice = exported.choice(checkpoint, refiner=None, **changes)
    found = read(choice, load_registry())
    return make_layout(found, choice), found


def test_everything_at_once(checkpoint: Path, files: Path) -> None:
    """Adapters in the layout's order whatever the command's, nets by name, the net that reads a face's tokens."""
    layout, found = layout_and_parts(
        checkpoint,
        adapters={name: str(files / f"{name}.safetensors") for name in ("identity", "garment", "face")},
        nets={"pose": str(files / "pose")},
        identity_net=str(files / "identity_net"),
    )
    assert [(each.name, each.kind, each.tokens) for each in layout.adapters] == [
        ("garment", "plus", 5), ("face", "face", 4), ("identity", "identity", 5),
    ]  # fmt: skip
    assert [(net.name, net.text) for net in layout.nets] == [("pose", None), ("identity", "identity")]
    assert {"image_encode", "face_encode", "identity_encode", "control_embed_64x96"} <= set(contracts(layout))
    processors = [each for name, each in found.parts.unet.attn_processors.items() if "attn2" in name]
    assert all(len(each.to_k_ip) == 3 for each in processors)


def test_a_faces_lora_is_merged(files: Path, tmp_path: Path) -> None:
    """FaceID's file also changes the denoiser's own matrices, by number of attention."""
    unet = tiny.unet()
    state = tiny_adapters.face(unet)
    layer = unet.get_submodule(next(iter(unet.attn_processors)).removesuffix(".processor"))
    before, rank = layer.to_q.weight.detach().clone(), 2
    for name, matrix in (
        ("to_q", layer.to_q),
        ("to_k", layer.to_k),
        ("to_v", layer.to_v),
        ("to_out", layer.to_out[0]),
    ):
        state["ip_adapter"][f"0.{name}_lora.down.weight"] = torch.ones(rank, matrix.in_features)
        state["ip_adapter"][f"0.{name}_lora.up.weight"] = torch.ones(matrix.out_features, rank)
    flat = {
        f"{part}.{key}": each.contiguous() for part, group in state.items() for key, each in group.items()
    }
    save_file(flat, tmp_path / "face.safetensors")
    load_adapters(unet, {"face": tmp_path / "face.safetensors"})
    torch.testing.assert_close(layer.to_q.weight, before + rank)


@pytest.mark.parametrize(("name", "file"), [("garment", "face"), ("face", "garment")])
def test_an_adapter_of_another_form_is_refused(files: Path, name: str, file: str) -> None:
    """What the name promises is what the file must be."""
    with pytest.raises(ConversionFailed, match=f"the adapter {name} is a"):
        load_adapters(tiny.unet(), {name: files / f"{file}.safetensors"})


def test_an_adapter_of_another_width_is_refused(files: Path) -> None:
    """Keys and values of the wrong size."""
    with pytest.raises(ConversionFailed, match="don't suit this checkpoint"):
        load_adapters(tiny.refiner(), {"garment": files / "garment.safetensors"})


def test_pictures_need_an_image_encoder(checkpoint: Path, files: Path, tmp_path: Path) -> None:
    """Named by its id in the registry."""
    shutil.copytree(checkpoint / "base", tmp_path / "base", ignore=shutil.ignore_patterns("image_encoder"))
    with pytest.raises(ConversionFailed, match="--image-encoder, such as clip_vit_h"):
        layout_and_parts(tmp_path, adapters={"garment": str(files / "garment.safetensors")})


def test_another_autoencoder_takes_the_checkpoints_place(checkpoint: Path, tmp_path: Path) -> None:
    """As that one does which half floats suffice; the sha256 is another one too."""
    tiny.vae(40).save_pretrained(tmp_path / "vae")
    own, _ = layout_and_parts(checkpoint)
    other, found = layout_and_parts(checkpoint, vae=str(tmp_path / "vae"))
    assert torch.equal(found.parts.vae.decoder.conv_in.weight, tiny.vae(40).decoder.conv_in.weight)
    assert own.sha256 != other.sha256


def test_weights_in_a_file_of_their_own(tmp_path: Path) -> None:
    """Under the network's own names, in half floats or whole ones; another network's are refused."""
    save_file(
        {key: each.half().contiguous() for key, each in tiny.vae(40).state_dict().items()},
        tmp_path / "vae.safetensors",
    )
    found = read_weights(tiny.vae(), tmp_path / "vae.safetensors")
    torch.testing.assert_close(found.state_dict(), tiny.vae(40).state_dict(), atol=1e-3, rtol=1e-3)
    assert found.decoder.conv_in.weight.dtype == torch.float32
    with pytest.raises(ConversionFailed, match="holds another network"):
        read_weights(tiny.unet(), tmp_path / "vae.safetensors")


def test_sd15_for_inpainting(tmp_path: Path) -> None:
    """One text encoder, no pooled text, a mask beside the latent, ControlNets of its own."""
    words = tiny.tokenizer(tmp_path / "words")
    StableDiffusionControlNetInpaintPipeline(
        vae=tiny.vae(), text_encoder=tiny.text_encoders()[0], tokenizer=words, unet=tiny.sd15_unet(),
        controlnet=tiny.sd15_net(), scheduler=tiny.scheduler(), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(tmp_path / "sd15" / "base")  # fmt: skip
    (tmp_path / "sd15" / "base" / "controlnet").rename(tmp_path / "pose")
    layout, _ = layout_and_parts(tmp_path / "sd15", family=Family.SD15, nets={"pose": str(tmp_path / "pose")})
    assert (layout.family, layout.inpaint, layout.blank_prompt) == ("sd15", True, False)
    assert (layout.text_width, layout.pooled_width, layout.time_ids, layout.union_kinds) == (
        tiny.WIDTH,
        0,
        0,
        0,
    )
    assert [tensor.name for tensor in contracts(layout)["denoise_64x96"].inputs] == [
        "latent", "timestep", "text", "masked", "pose_map", "net_scales",
    ]  # fmt: skip


def test_without_a_compiler_aotinductor_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And names the target that needs none."""
    monkeypatch.setenv("PATH", "")
    layout = Layout(
        source="x",
        sha256="0" * 64,
        licence="MIT",
        commercial_use=True,
        buckets=((64, 64),),
        face_width=512,
        scheduler={},
    )
    with pytest.raises(ConversionFailed, match=r"none of g\+\+.*--target onnx"):
        aoti.write_package(
            torch.nn.Identity(), contracts(layout)["vae_encode"], layout, tmp_path / "model.pt2"
        )
