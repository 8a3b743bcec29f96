"""The denoiser with ControlNets fused in beside diffusers' ControlNets and denoiser, one after the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bridge.finish.layout import Net
from export.sdxl.modules import networks
from export.sdxl.parts import Parts
from tests.finish import tiny
from tests.finish.rows import BOUND, NAME, control, difference, embed, layout, noise, ours, parts, row, theirs

POSE = (0, control(1), 0.7)
SEVERAL = (POSE, (1, control(2), 1.3), (7, control(3), 0.4))


@pytest.mark.parametrize("controls", [(), (POSE,), ((3, control(4), 1.0),), SEVERAL[:2], SEVERAL])
@pytest.mark.parametrize("timestep", [999.0, 250.5, 1.0])
def test_fused_is_separate(controls: tuple[tuple[int, torch.Tensor, float], ...], timestep: float) -> None:
    """ControlNet-Union in the denoiser's network gives what it gives as a network of its own."""
    at = row(10, timestep, controls=controls)
    assert difference(ours(at), theirs(at)) < BOUND


def test_controls_matter() -> None:
    """What the other tests call equal is far from equal without controls, or with other scales."""
    bare, single, several = ours(row(10), row(10, controls=(POSE,)), row(10, controls=SEVERAL))
    weaker = ours(row(10, controls=((0, POSE[1], 0.6), *SEVERAL[1:])))[0]
    assert (
        min(difference(bare, single), difference(single, several), difference(several, weaker)) > 100 * BOUND
    )


def test_a_batch_of_all_sorts() -> None:
    """Rows at other timesteps, with other controls, nets and none share a batch and don't notice."""
    rows = [
        row(20, 900.0, controls=SEVERAL),
        row(30, 100.0),
        row(40, 500.0, controls=(POSE,), nets={"lines": (control(5), 0.8)}),
        row(50, 20.0, nets={"lines": (control(6), 0.3)}),
    ]
    together = ours(*rows)
    assert difference(together, torch.cat([ours(each) for each in rows])) < BOUND
    assert difference(together, theirs(*rows)) < BOUND


def test_two_rows_of_a_picture_as_diffusers_batches_them() -> None:
    """With guidance both rows have the same controls: then diffusers' attention over rows changes nothing."""
    first, second = row(60, 700.0, controls=SEVERAL), row(70, 700.0, controls=SEVERAL)
    assert difference(_union_of(first, second), torch.cat([_union_of(first), _union_of(second)])) < BOUND
    assert difference(ours(first, second), theirs(first, second)) < BOUND


def test_pictures_do_not_read_each_other() -> None:
    """In a batch of two pictures diffusers' union mixes their controls' tokens; ours gives each what it has alone."""
    first = row(60, 700.0, controls=(POSE,))
    second = row(70, 700.0, controls=((0, control(9), 0.7),))
    assert difference(_union_of(first, second), torch.cat([_union_of(first), _union_of(second)])) > 10 * BOUND
    assert difference(ours(first, second), theirs(first, second)) < BOUND


@torch.no_grad()
def _union_of(*rows: object) -> torch.Tensor:
    """Return the middle of what diffusers' union gives for rows of the same kinds in one batch."""
    kinds, _, scales = zip(*rows[0].controls, strict=True)
    types = torch.zeros(len(rows), 8)
    types[:, list(kinds)] = 1.0
    stacked = {
        name: torch.stack([getattr(at, name) for at in rows])
        for name in ("latent", "text", "pooled", "time_ids")
    }
    pictures = [torch.stack([at.controls[n][1] for at in rows]) for n in range(len(kinds))]
    return parts("sdxl").union(
        stacked["latent"], rows[0].timestep, stacked["text"], pictures, types, list(kinds), list(scales),
        added_cond_kwargs={"text_embeds": stacked["pooled"], "time_ids": stacked["time_ids"]}, return_dict=False,
    )[1]  # fmt: skip


def test_scale_0_is_not_there() -> None:
    """A single control and a net at scale 0 are the same as none, to the last bit."""
    silent = row(10, controls=((0, POSE[1], 0.0),), nets={"lines": (control(5), 0.0)})
    assert torch.equal(ours(silent), ours(row(10)))
    assert difference(ours(silent), theirs(row(10))) < BOUND


def test_what_is_absent_is_not_read() -> None:
    """Whatever lies in the places of absent kinds, it changes nothing."""
    from tests.finish import rows

    inputs = {name: value[None] for name, value in rows._inputs(row(10, controls=SEVERAL), "sdxl").items()}
    absent = inputs["union_present"] == 0
    network = rows.modules("sdxl")[f"denoise_{rows.NAME}"]
    expected = network(*inputs.values())[0]
    inputs["union_tokens"] = torch.where(absent[..., None], noise(1, 1, 8, 32), inputs["union_tokens"])
    inputs["union_weights"] = torch.where(absent, torch.ones(1, 8), inputs["union_weights"])
    assert torch.equal(network(*inputs.values())[0], expected)


@pytest.mark.parametrize("scale", [0.5, 1.2])
def test_nets(scale: float) -> None:
    """A ControlNet of its own gives what diffusers' ControlNetModel gives, also beside the union."""
    alone = row(10, nets={"lines": (control(5), scale)})
    both = replace(alone, controls=SEVERAL)
    assert difference(ours(alone, both), theirs(alone, both)) < BOUND
    assert difference(ours(alone), ours(row(10))) > 100 * BOUND


def test_identity_net_reads_tokens() -> None:
    """InstantID's net reads a face's tokens in the prompt's place."""
    at = row(
        10, nets={"identity": (control(5), 0.8)}, tokens={"identity": noise(3, 5, layout("sdxl").text_width)}
    )
    assert difference(ours(at), theirs(at)) < BOUND
    other = replace(at, tokens={"identity": noise(4, 5, layout("sdxl").text_width)})
    assert difference(ours(at), ours(other)) > 100 * BOUND


@torch.no_grad()
def test_embedding_once() -> None:
    """What is computed once per picture is diffusers' embedding of it, and the token is its mean and its kind's."""
    union, nets = parts("sdxl").union, parts("sdxl").nets
    picture = control(8)
    for kind in (0, 7):
        found, token = embed(picture, kind)
        expected = union.controlnet_cond_embedding(picture[None])[0]
        assert difference(found, expected) < BOUND
        assert difference(token, expected.mean(dim=(1, 2)) + union.task_embedding[kind]) < BOUND
    for index, name in enumerate(("lines", "identity")):
        expected = nets[name].controlnet_cond_embedding(picture[None])[0]
        assert difference(embed(picture, 8 + index)[0], expected) < BOUND


@torch.no_grad()
def test_channels_the_other_way_round() -> None:
    """A ControlNet that was trained on blue, green, red still gets red, green, blue."""
    net = tiny.net()
    net.register_to_config(controlnet_conditioning_channel_order="bgr")
    known = layout("sdxl").model_copy(update={"union_kinds": 0, "nets": (Net(name="lines"),), "adapters": ()})
    given = Parts(**{**vars(parts("sdxl")), "unet": tiny.unet(), "union": None, "nets": {"lines": net}})
    picture = control(8)[None]
    found, _ = networks(given, known)[f"control_embed_{NAME}"](picture, torch.tensor([[0]]))
    assert difference(found, net.controlnet_cond_embedding(picture.flip(1))) < BOUND
    assert difference(found, net.controlnet_cond_embedding(picture)) > 100 * BOUND
