"""People who happen to be in the photo, on the models themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from api.security.bystanders import Guarded, Rule, guard
from api.security.ingest import Clean, clean, packed
from bridge.errors import Bystanders, NoPerson, ServerUnavailable
from bridge.imaging.decode import decode_image
from bridge.triton.client import AsyncTritonClient
from bridge.triton.embedded import EmbeddedTriton
from bridge.triton.local import LocalModels
from bridge.triton.model import Arrays


class Here:
    """The models of this process behind the service's seam."""

    def __init__(self, local: LocalModels) -> None:
        self.local = local
        self.asked: list[str] = []

    async def infer(
        self, model: str, arrays: Arrays, outputs: Iterable[str] | None = None, timeout: float | None = None
    ) -> Arrays:
        self.asked.append(model)
        return await asyncio.to_thread(lambda: self.local[model](**arrays))


@pytest.fixture(scope="module")
def pair() -> Clean:
    """Eileen Collins (skimage, NASA) at the left and, smaller, Grace Hopper (matplotlib, US Navy)."""
    skimage = pytest.importorskip("skimage.data", reason="the extra `demo` is not installed")
    matplotlib = pytest.importorskip("matplotlib", reason="the extra `demo` is not installed")
    grace = cv2.imread(str(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"))[..., ::-1]
    small = cv2.resize(grace, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    photo = np.full((512, 512 + small.shape[1], 3), 90, np.uint8)
    photo[:, :512] = skimage.astronaut()
    photo[512 - small.shape[0] :, 512:] = small
    return packed(photo)


def guarded(local: LocalModels, photo: Clean, index: int = -1, rule: Rule = "blur") -> Guarded:
    """Guard a photo by the models of this process."""
    return asyncio.run(guard(Here(local), photo, index, rule, timeout=30))


def test_the_bystander_is_blurred_and_nothing_else(local: LocalModels, pair: Clean) -> None:
    """Her face is gone for the detector too; the astronaut's half keeps every pixel."""
    result = guarded(local, pair)
    before, after = decode_image(pair.data), decode_image(result.photo.data)
    assert (result.blurred, result.person_index) == (1, 0)
    np.testing.assert_array_equal(after[:, :500], before[:, :500])
    found = local["faces"](image=after, person_index=np.array([-1], np.int32))
    assert len(found["other_faces"]) == 0
    assert found["face_box"].any()
    changed = (before != after).any(axis=2)
    assert 0.02 < changed.mean() < 0.15
    assert (result.photo.width, result.photo.height) == (pair.width, pair.height)
    assert result.photo.sha256 != pair.sha256


def test_the_smaller_person_can_be_the_dressed_one(local: LocalModels, pair: Clean) -> None:
    """Then the larger face is blurred, and the index is that which she has in the blurred photo."""
    result = guarded(local, pair, 1)
    before, after = decode_image(pair.data), decode_image(result.photo.data)
    np.testing.assert_array_equal(after[:, 520:], before[:, 520:])
    assert (before[60:180, 180:270] != after[60:180, 180:270]).any(axis=2).mean() > 0.95
    index = np.array([result.person_index], np.int32)
    assert local["pose"](image=after, person_index=index)["box"][0] > 450


def test_triton_says_the_same(triton: EmbeddedTriton, local: LocalModels, pair: Clean) -> None:
    """Through the server and its client the very same picture comes out, and who is alone passes."""
    alone = packed(np.ascontiguousarray(decode_image(pair.data)[:, :512]))

    async def both() -> tuple[Guarded, Guarded]:
        async with AsyncTritonClient(triton.url) as client:
            return await guard(client, pair, 1, "blur", 30), await guard(client, alone, -1, "blur", 30)

    blurred, passed = asyncio.run(both())
    assert blurred == guarded(local, pair, 1)
    assert passed == Guarded(alone, 0, -1)


def test_a_tenant_may_refuse_such_photos(local: LocalModels, pair: Clean) -> None:
    """The sentence counts the faces and says what to send."""
    with pytest.raises(Bystanders, match=r"somebody else\. Please send one that shows only the person"):
        guarded(local, pair, rule="refuse")


def test_a_tenant_may_allow_them(local: LocalModels, pair: Clean) -> None:
    """Nothing is looked for, nothing is changed."""
    here = Here(local)
    result = asyncio.run(guard(here, pair, 3, "allow", timeout=30))
    assert result == Guarded(pair, 0, 3)
    assert here.asked == []


@pytest.mark.parametrize("rule", ["blur", "refuse"])
def test_who_is_alone_passes_unchanged(local: LocalModels, pair: Clean, rule: Rule) -> None:
    """Not a byte differs, so that the photo's identity stays."""
    alone = packed(np.ascontiguousarray(decode_image(pair.data)[:, :512]))
    assert guarded(local, alone, rule=rule) == Guarded(alone, 0, -1)


def test_without_the_models_nothing_passes(pair: Clean) -> None:
    """The guard fails closed: an error, never the photo as it was."""

    class Down:
        async def infer(self, *_: object) -> Arrays:
            raise ServerUnavailable("Triton is down.")

    with pytest.raises(ServerUnavailable):
        asyncio.run(guard(Down(), pair, -1, "blur", timeout=1))


def test_a_blurred_photo_is_stored_as_any_other(local: LocalModels, pair: Clean) -> None:
    """Cleaning it again changes nothing; who is not there can't be dressed."""
    photo = guarded(local, pair).photo
    assert asyncio.run(clean(photo.data)) == photo
    with pytest.raises(NoPerson, match="person_index 7"):
        guarded(local, pair, 7)
