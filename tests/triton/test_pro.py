"""The pro tier from photo to photo: the real geometry, and a finisher with tiny networks in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
from skimage.data import astronaut

from bridge.contracts import CONTRACTS, TRYON_PRO, Category
from bridge.errors import BadInput, JobCancelled, NoPerson, VfrError
from bridge.finish.admission import Admission
from bridge.finish.finisher import Finisher
from bridge.finish.settings import load
from bridge.imaging.decode import decode_image
from bridge.imaging.encode import encode_image
from bridge.triton.finishing import Desk
from bridge.triton.local import LocalModels
from bridge.triton.model import Arrays, Infer
from bridge.triton.pro import DRAFT_SIDE, PROMPTS, ProTryon
from bridge.triton.tensors import checked, complete
from tests.finish.studio import studio
from tests.garment.scenes import drawn

PERSON = astronaut()
"""512 x 512, the upper body (NASA, public domain)."""


def asked(**settings: object) -> Arrays:
    """A request with everything filled in, as Triton hands it to the model."""
    words = {"tier": "pro", "long_side": 96, "steps": 20, "preview_every": 1, "feather": 0, **settings}
    given = {
        "person": encode_image(PERSON),
        "garment": encode_image(drawn("sweater")[0]),
        "settings": json.dumps(words).encode(),
    }
    return complete(TRYON_PRO, {name: np.array([value], np.object_) for name, value in given.items()})


@dataclass
class Caller:
    """Remembers what it is sent; hangs up when it was sent a stage."""

    leaves_at: str = ""
    parts: list[Mapping[str, bytes]] = field(default_factory=list)

    def send(self, arrays: Arrays) -> None:
        """Check against the contract, and remember."""
        self.parts.append({name: value[0] for name, value in checked(TRYON_PRO, arrays).items()})

    @property
    def stages(self) -> list[str]:
        """What was told."""
        return [json.loads(part["event"])["stage"] for part in self.parts]

    def cancelled(self) -> bool:
        """Whether it hung up."""
        return self.leaves_at in self.stages


def answer(models: Mapping[str, Infer], caller: Caller, **settings: object) -> Mapping[str, bytes]:
    """Ask the model and return the last part."""

    async def ask() -> Arrays:
        made = studio()
        async with made.batcher() as batcher:
            finisher = Finisher(made.layout, batcher.networks, made.words, admission=Admission(1))
            return await ProTryon(Desk(finisher, load()), models)(asked(**settings), caller)

    return {name: value[0] for name, value in checked(TRYON_PRO, asyncio.run(ask())).items()}


def refusing(local: LocalModels, error: VfrError, *models: str) -> Mapping[str, Infer]:
    """The models, of which some refuse whatever they are sent."""

    def refuse(**_: object) -> Arrays:
        raise error

    return {name: refuse if name in models else local[name] for name in TRYON_PRO.calls}


def test_a_photo_becomes_a_finished_photo(local: LocalModels) -> None:
    """Everything is told on the way: the draft first, each step, previews; protected pixels are the photo's."""
    caller = Caller()
    last = answer(local, caller)
    draft = decode_image(caller.parts[0]["preview"])
    picture = decode_image(last["encoded"])
    report = json.loads(last["report"])
    stages = local["tryon_basic_stages"](**{t.name: asked()[t.name] for t in CONTRACTS["tryon_basic"].inputs})
    kept = stages["edit_mask"] == 0
    assert caller.stages[0] == "draft"
    assert {"encode", "denoise", "decode"} <= set(caller.stages)
    assert max(draft.shape[:2]) <= DRAFT_SIDE
    assert any(part["preview"] for part in caller.parts[1:])
    assert not any(part["encoded"] or part["report"] for part in caller.parts)
    assert report["finish"]["executed_steps"] == 4
    assert set(report["finish"]["controls"]) == {"pose", "depth", "normal", "segmentation", "edge"}
    assert report["scores"]["protected_identity"] == 1.0
    assert np.array_equal(picture[kept], PERSON[kept])
    assert not np.array_equal(picture[~kept], stages["result"][~kept])


def test_without_a_body_the_controls_that_need_it_are_left_out(local: LocalModels) -> None:
    """A photo in which no body can be fitted is finished by what is seen."""
    models = refusing(local, NoPerson("Nobody is there."), "fit_body")
    report = json.loads(answer(models, Caller())["report"])
    assert set(report["finish"]["controls"]) == {"pose", "segmentation", "edge"}


@pytest.mark.parametrize("stage", ["draft", "denoise"])
def test_who_hangs_up_stops_it(local: LocalModels, stage: str) -> None:
    """Before the next model is asked, or before the next step."""
    caller = Caller(leaves_at=stage)
    with pytest.raises(JobCancelled):
        answer(local, caller)
    assert caller.stages.count(stage) <= 2


def test_settings_are_refused_in_words(local: LocalModels) -> None:
    """Those that the product forbids too."""
    with pytest.raises(BadInput, match="denoise must lie between"):
        answer(local, Caller(), denoise=0.9)


def test_a_refusal_of_the_geometry_is_the_answer(local: LocalModels) -> None:
    """Nothing is finished that could not be begun."""
    models = refusing(local, NoPerson("Nobody is there."), "tryon_basic_stages")
    with pytest.raises(NoPerson):
        answer(models, Caller())


def test_every_kind_of_garment_has_a_prompt() -> None:
    """``auto`` is never what was found."""
    assert set(PROMPTS) == set(Category) - {Category.AUTO}
