"""A latent as a small picture, without its decoder: each colour is nearly linear in a latent pixel's channels."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from bridge.finish.job import Bytes

FACTORS: Mapping[str, tuple[tuple[tuple[float, ...], ...], tuple[float, float, float]]] = {
    # T. A. Vass, "Explaining the SDXL latent space", huggingface.co/blog/TimothyAlexisVass, 2023
    "sdxl": (((60, -60, 25, -70), (60, -5, 15, -50), (60, 10, -5, -35)), (150, 140, 130)),
    # keturn, "Decoding latents to RGB without upscaling", discuss.huggingface.co/t/23204, 2022: of [-1, 1]
    "sd15": (
        (
            (127.5 * 0.298, 127.5 * 0.187, 127.5 * -0.158, 127.5 * -0.184),
            (127.5 * 0.207, 127.5 * 0.286, 127.5 * 0.189, 127.5 * -0.271),
            (127.5 * 0.208, 127.5 * 0.173, 127.5 * 0.264, 127.5 * -0.473),
        ),
        (127.5, 127.5, 127.5),
    ),
}
"""Of each family: weights of the four channels for red, green and blue, and what is added."""


def preview(latent: torch.Tensor, family: str) -> Bytes:
    """Return a latent [1, 4, h, w], as the denoiser's loop holds it, as uint8 [h, w, 3]; noise in it is seen."""
    weights, biases = (torch.tensor(value, dtype=torch.float32) for value in FACTORS[family])
    colours = torch.einsum("chw,rc->hwr", latent[0].float().cpu(), weights) + biases
    return colours.clamp(0, 255).to(torch.uint8).numpy()
