"""`python -m export sdxl` and what belongs to it: the command line of the finisher's export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bridge.checkout import REPOSITORY
from bridge.registry import Tier
from export.console import err, out, table, told
from export.precision import Precision
from export.sdxl.choice import (
    Choice,
    Family,
    Format,
    Target,
    parse_bucket,
    parse_lora,
    parse_named,
)

Repository = Annotated[Path, typer.Option(help="Triton's model repository.")]
Card = Annotated[str, typer.Option(help="A file of configs/gpu: on what it will run.")]
Controlnet = Annotated[
    str | None, typer.Option(help="ControlNet-Union; by default the source's folder `controlnet`, if any.")
]
Adapters = Annotated[list[str] | None, typer.Option(help="garment=FILE, face=FILE or identity=FILE.")]
IdentityNet = Annotated[str | None, typer.Option(help="The ControlNet that reads a face's tokens.")]
Sellable = Annotated[bool, typer.Option("--commercial-use", help="That licence allows selling.")]
ForTier = Annotated[Tier, typer.Option(help="For which tier; those that are sold need a licence.")]
Shallow = Annotated[
    bool, typer.Option("--shallow", help="Also what the setting deep_every needs (DeepCache).")
]


def sdxl(
    source: Annotated[str, typer.Option(help="A diffusers folder, a .safetensors file, or a registry's id.")],
    bucket: Annotated[list[str], typer.Option(help="A size of pictures, such as 1024x1344; again for more.")],
    *,
    family: Annotated[Family, typer.Option(help="sd15: Stable Diffusion 1.5, for inpainting.")] = Family.SDXL,
    precision: Annotated[Precision, typer.Option(help="In what the networks compute.")] = Precision.FP16,
    target: Annotated[Target, typer.Option(help="What will run them.")] = Target.ONNX,
    vae: Annotated[str | None, typer.Option(help="Another autoencoder, such as sdxl_vae_fp16_fix.")] = None,
    refiner: Annotated[str | None, typer.Option(help="SDXL's second denoiser.")] = None,
    controlnet: Controlnet = None,
    net: Annotated[list[str] | None, typer.Option(help="One ControlNet for one control: pose=DIR.")] = None,
    adapter: Adapters = None,
    image_encoder: Annotated[str | None, typer.Option(help="What reads the pictures of adapters.")] = None,
    identity_net: IdentityNet = None,
    lora: Annotated[list[str] | None, typer.Option(help="FILE:SCALE, merged into the weights.")] = None,
    licence: Annotated[str | None, typer.Option(help="Of what is not the registry's: SPDX.")] = None,
    commercial_use: Sellable = False,
    tier: ForTier = Tier.PRO,
    max_rows: Annotated[int, typer.Option(min=2, max=64, help="The most rows of one batch.")] = 8,
    card: Card = "cpu",
    shallow: Shallow = False,
    repository: Repository = REPOSITORY,
) -> None:
    """Export a diffusion checkpoint: check it, translate it, prove every network, install them all.

    Nothing is fetched: sources are files of yours, or ids that `python -m export fetch` has brought.
    What was installed before stays until everything new is proven.
    """
    with told():
        choice = Choice(
            source,
            tuple(parse_bucket(each) for each in bucket),
            family,
            precision,
            target,
            vae,
            refiner,
            controlnet,
            dict(parse_named(each) for each in net or ()),
            dict(parse_named(each) for each in adapter or ()),
            image_encoder,
            identity_net,
            tuple(parse_lora(each) for each in lora or ()),
            licence,
            commercial_use,
            tier,
            max_rows,
            card,
            shallow,
        )
        _install(choice, repository)
    if target is Target.TENSORRT:
        out.print(f"next, inside NVIDIA's container on that card: python -m export plan --card {card}")


def plan(card: Card, repository: Repository = REPOSITORY) -> None:
    """Build TensorRT plans of the installed networks; run it in NVIDIA's container, on the card.

    Plans that are built already, from the same weights for the same card by the same TensorRT, are taken as they are.
    Start Triton with --model-config-name=CARD to use them.
    """
    from export.sdxl.tensorrt import build

    with told():
        for path in build(repository, card):
            out.print(path, highlight=False, soft_wrap=True)


def quantize(
    repository: Repository = REPOSITORY,
    form: Annotated[Format, typer.Option("--format", help="Numbers of eight bits.")] = Format.INT8,
) -> None:
    """Put a denoiser of eight bits (ONNX Q/DQ) beside each exact one, as the version that Triton serves.

    Needs a checkpoint exported with --precision fp32 --target onnx. Removing the folders denoise_*/2 undoes it.
    """
    from export.sdxl.quantize import quantize as begin

    with told():
        made = begin(repository, form, lambda name: err.print(name, highlight=False))
    found = Table("network", "error", "bound", "largest", "size", "exact", box=None)
    for each in made:
        sizes = (f"{size / 1e6:.1f} MB" for size in (each.bytes, each.exact_bytes))
        found.add_row(each.model, f"{each.error:.1e}", f"{each.bound:g}", f"{each.largest:.1e}", *sizes)
    out.print(found)


def safetensors(
    file: Annotated[Path, typer.Argument(help="A checkpoint's .bin, .ckpt, .pt or .pth.", exists=True)],
) -> None:
    """Rewrite a pickled file of weights as .safetensors beside it, reading tensors and nothing else."""
    from export.pickles import rewrite

    with told():
        out.print(rewrite(file), highlight=False, soft_wrap=True)


def _install(choice: Choice, repository: Path) -> None:
    from export.sdxl.install import install  # the libraries take ten seconds to load

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("reading", total=None)
        done = install(
            choice, repository, progress=lambda name, at, all_: bar.update(
                task, description=name, completed=at, total=all_
            )
        )  # fmt: skip
    out.print(table(done.reports))
    layout = done.layout
    out.print(f"{layout.source}, {layout.licence}, {layout.precision}; in {repository}", soft_wrap=True)
