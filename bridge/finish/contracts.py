"""The contract of each network of an exported finisher: they follow from its layout, so that they can't be constants.

A **row** is one sample of a network's batch: with classifier-free guidance a picture has two, of which the first
is the unconditional one. Tensors have torch's order: channels, height, width; *h* and *w* are the latent's, the
picture's by :attr:`bridge.finish.layout.Layout.latent_scale`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from bridge.contracts import ANY, Backend, Contract, DType, Tensor
from bridge.finish.layout import Adapter, Bucket, Layout, Shallow, bucket_name

_NETWORK = re.compile(
    r"text_encode|vae_(en|de)code|(image|face|identity)_encode|(control_embed|denoise(_shallow)?|refine)_\d+x\d+"
)


def is_network(name: str) -> bool:
    """Tell whether a model's name is one that a layout's network may have."""
    return _NETWORK.fullmatch(name) is not None


def contracts(layout: Layout) -> Mapping[str, Contract]:
    """Return the contract of each of the layout's networks by its name in the repository."""
    shared = [text_encode(layout), vae_encode(layout), vae_decode(layout)]
    shared += [_ENCODERS[adapter.kind](layout, adapter) for adapter in layout.adapters]
    sized = [make(layout, bucket) for bucket in layout.buckets for make in _sized(layout)]
    return {contract.name: contract for contract in [*shared, *sized]}


def _sized(layout: Layout) -> list[Callable[[Layout, Bucket], Contract]]:
    """Return what every bucket has a network for."""
    embed = [control_embed] if layout.union_kinds or layout.nets else []
    shallow = [denoise_shallow] if layout.shallow else []
    return [*embed, denoise, *shallow, *([refine] if layout.refiner else [])]


def text_encode(layout: Layout) -> Contract:
    """A prompt's tokens (of each encoder's own tokenizer) to what the denoiser reads."""
    ids = [
        _t(f"ids_{n}", (layout.text_length,), "tokens, padded to the full length", DType.INT64)
        for n in _encoders(layout)
    ]
    outputs = [
        _t(
            "text",
            (layout.text_length, layout.text_width),
            "hidden states before the last layer",
            layout.half,
        )
    ]
    if layout.pooled_width:
        outputs.append(
            _t("pooled", (layout.pooled_width,), "projected embedding of the whole prompt", layout.half)
        )
    return _network("text_encode", "Tokens of a prompt to hidden states", ids, outputs)


def image_encode(layout: Layout, adapter: Adapter) -> Contract:
    """A picture to the tokens of the adapter ``plus``; a picture of zeros gives the unconditional ones."""
    return _network(
        "image_encode", "A picture to an adapter's tokens", [_pixels(layout)], [_tokens(layout, adapter)]
    )


def face_encode(layout: Layout, adapter: Adapter) -> Contract:
    """A face to the tokens of the adapter ``face``; zeros give the unconditional ones."""
    inputs = [_embedding(layout), _pixels(layout)]
    return _network("face_encode", "A face to an adapter's tokens", inputs, [_tokens(layout, adapter)])


def identity_encode(layout: Layout, adapter: Adapter) -> Contract:
    """A face's embedding to the tokens of the adapter ``identity``; zeros give the unconditional ones."""
    return _network(
        "identity_encode",
        "A face's embedding to an adapter's tokens",
        [_embedding(layout)],
        [_tokens(layout, adapter)],
    )


_ENCODERS = {"plus": image_encode, "face": face_encode, "identity": identity_encode}


def vae_encode(layout: Layout) -> Contract:
    """A picture to the distribution of its latent, not yet multiplied by ``latent_factor``."""
    latent = (layout.latent_channels, ANY, ANY)
    return _network(
        "vae_encode", "A picture to its latent",
        [_t("image", (3, ANY, ANY), "RGB [-1, 1]")],
        [_t("mean", latent, "of the latent"), _t("std", latent, "standard deviation of the latent")],
    )  # fmt: skip


def vae_decode(layout: Layout) -> Contract:
    """A latent, already divided by ``latent_factor``, to its picture."""
    return _network(
        "vae_decode", "A latent to its picture",
        [_t("latent", (layout.latent_channels, ANY, ANY), "divided by latent_factor")],
        [_t("image", (3, ANY, ANY), "RGB, about [-1, 1], not clipped")],
    )  # fmt: skip


def control_embed(layout: Layout, bucket: Bucket) -> Contract:
    """A control's picture to what stays the same over all steps: hoisted out of the loop (DESIGN: facts, 2.3)."""
    width, height = bucket
    return _network(
        f"control_embed_{bucket_name(bucket)}", "A control's picture to its part of the denoiser's input",
        [
            _t("control", (3, height, width), "RGB [0, 1]"),
            _t("kind", (1,), "index in UNION_KINDS, or union_kinds plus that of a net", DType.INT64),
        ],
        [
            _t("map", (layout.channels, *layout.latent_size(bucket)), "features of the picture", layout.half),
            _t("token", (layout.channels,), "the map's mean plus the kind's embedding", layout.half),
        ],
    )  # fmt: skip


def denoise(layout: Layout, bucket: Bucket) -> Contract:
    """The denoiser with its ControlNets and adapters fused in: one forward pass of each row.

    The union's part of a row, from its controls i (of scale s_i, map m_i and token t_i by ``control_embed``), is as
    in diffusers' ControlNetUnionModel. Of several: ``union_map`` is the sum of s_i m_i, ``union_tokens`` are
    s_i t_i, ``union_weights`` s_i and ``union_gain`` 1; of a single one: m, t, 1 and ``union_gain`` s. A kind that
    is not present adds nothing, whatever its token is: that is equal to not having been given.
    """
    size = layout.latent_size(bucket)
    inputs = [
        _t("latent", (layout.latent_channels, *size), "as the scheduler scales it for the denoiser"),
        _t("timestep", (1,), "of this row"),
        *_prompt(layout.half, layout.text_length, layout.text_width, layout.pooled_width, layout.time_ids),
    ]
    if layout.inpaint:
        inputs.append(
            _t("masked", (1 + layout.latent_channels, *size), "the mask (1: paint) and the masked latent")
        )
    if layout.union_kinds:
        inputs += _union(layout, size)
    for net in layout.nets:
        inputs.append(_t(f"{net.name}_map", (layout.channels, *size), "of control_embed", layout.half))
    if layout.nets:
        inputs.append(_t("net_scales", (len(layout.nets),), "of each net; 0: as if it weren't there"))
    inputs += _pictures(layout)
    outputs = [_t("noise", (layout.latent_channels, *size), "the denoiser's prediction")]
    if layout.shallow:
        outputs += _within(layout, layout.shallow, size)
    return _network(
        f"denoise_{bucket_name(bucket)}", "One step of the denoiser", inputs, outputs, layout.max_rows
    )


def denoise_shallow(layout: Layout, bucket: Bucket) -> Contract:
    """The denoiser's outermost blocks around what a former step of :func:`denoise` found within.

    ControlNets are not run: what they added to these blocks is that step's too.
    """
    if layout.shallow is None:
        raise ValueError("this layout has no shallow denoiser")
    read = {"latent", "timestep", "pooled", "time_ids", "masked"}
    if layout.shallow.attends:
        read |= {"text", *(tensor.name for tensor in _pictures(layout))}
    inputs = [tensor for tensor in denoise(layout, bucket).inputs if tensor.name in read]
    inputs += _within(layout, layout.shallow, layout.latent_size(bucket))
    outputs = [_t("noise", (layout.latent_channels, *layout.latent_size(bucket)), "the prediction")]
    return _network(
        f"denoise_shallow_{bucket_name(bucket)}",
        "One step of the denoiser's outermost blocks",
        inputs,
        outputs,
        layout.max_rows,
    )


def refine(layout: Layout, bucket: Bucket) -> Contract:
    """The refiner's forward pass; its text are the last columns of ``text_encode``'s, its pooled text is the same."""
    if layout.refiner is None:
        raise ValueError("this layout has no refiner")
    size = layout.latent_size(bucket)
    widths = layout.refiner
    inputs = [
        _t("latent", (layout.latent_channels, *size), "as the scheduler scales it for the denoiser"),
        _t("timestep", (1,), "of this row"),
        *_prompt(layout.half, layout.text_length, widths.text_width, widths.pooled_width, widths.time_ids),
    ]
    outputs = [_t("noise", (layout.latent_channels, *size), "the refiner's prediction")]
    return _network(
        f"refine_{bucket_name(bucket)}", "One step of the refiner", inputs, outputs, layout.max_rows
    )


def _union(layout: Layout, size: tuple[int, int]) -> list[Tensor]:
    slots = layout.union_kinds
    return [
        _t("union_map", (layout.channels, *size), "sum of the controls' scaled maps", layout.half),
        _t(
            "union_tokens",
            (slots, layout.channels),
            "a scaled token per kind; zeros where absent",
            layout.half,
        ),
        _t("union_weights", (slots,), "the scale of each kind's token after the attention; 0 where absent"),
        _t("union_present", (slots,), "1 for the kinds that are there, 0 for the others"),
        _t("union_gain", (1,), "scale of everything that the ControlNet adds; 0: as if it weren't there"),
    ]


def _within(layout: Layout, shallow: Shallow, size: tuple[int, int]) -> list[Tensor]:
    """Return what a step of the whole denoiser leaves to the shallow ones after it."""
    tensors = [
        _t("deep", (shallow.channels, *size), "what the last block reads of those within", layout.half)
    ]
    if layout.union_kinds or layout.nets:
        channels = shallow.skips * layout.channels
        tensors.append(
            _t("residuals", (channels, *size), "what ControlNets add to the first block's maps", layout.half)
        )
    return tensors


def _pictures(layout: Layout) -> list[Tensor]:
    tokens = [_tokens(layout, adapter) for adapter in layout.adapters]
    scales = _t("adapter_scales", (len(layout.adapters),), "of each adapter; 0: as if it weren't there")
    return [*tokens, scales] if tokens else []


def _prompt(half: DType, length: int, width: int, pooled: int, time_ids: int) -> list[Tensor]:
    prompt = [_t("text", (length, width), "of text_encode", half)]
    if pooled:
        prompt.append(_t("pooled", (pooled,), "of text_encode", half))
    if time_ids:
        prompt.append(
            _t(
                "time_ids",
                (time_ids,),
                "original height, width, crop top, left, and what the checkpoint adds",
            )
        )
    return prompt


def _encoders(layout: Layout) -> tuple[int, ...]:
    return (1, 2) if layout.family == "sdxl" else (1,)


def _pixels(layout: Layout) -> Tensor:
    side = layout.image_side
    return _t("pixels", (3, side, side), "RGB, normalised by CLIP's mean and deviation; zeros: no picture")


def _embedding(layout: Layout) -> Tensor:
    return _t("embedding", (layout.face_width,), "of a face (ArcFace), as its model gives it; zeros: no face")


def _tokens(layout: Layout, adapter: Adapter) -> Tensor:
    return _t(f"{adapter.name}_tokens", (adapter.tokens, layout.text_width), "of its encoder", layout.half)


def _t(name: str, shape: tuple[int, ...], meaning: str, dtype: DType = DType.FP32) -> Tensor:
    return Tensor(name, dtype, shape, meaning)


def _network(
    name: str, summary: str, inputs: list[Tensor], outputs: list[Tensor], max_batch: int = 8
) -> Contract:
    return Contract(name, summary, Backend.ONNXRUNTIME, tuple(inputs), tuple(outputs), max_batch)
