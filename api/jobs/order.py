"""What a job is asked to do, as it is kept in its row: words, numbers and the keys of pictures, never pictures."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.fitting import Wish
from bridge.contracts import Category, Expert, Fabric
from bridge.imaging.encode import Format
from bridge.registry import Tier


class Stored(BaseModel):
    """A picture in the store."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    sha256: str


class Wishes(BaseModel):
    """What a caller may say beside the pictures."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tier: Tier = Tier.BASIC
    category: Category = Category.AUTO
    person_index: int = -1
    seed: int = -1
    expert: Expert = Expert.AUTO
    height: int = 0
    fabric: Fabric = Fabric.AUTO
    prompt: str = ""
    negative_prompt: str = ""
    finisher: dict[str, JsonValue] = Field(default_factory=dict)
    """What differs from the tier's settings of the finisher; see :class:`bridge.finish.settings.FinishSettings`."""
    format: Format = Format.PNG
    consent: bool = False
    """Whether the person agreed to have the photo worked on, as the tenant says."""
    external: Literal["never", "if_needed", "only"] = "if_needed"
    """Whether another provider may see the pictures; the tenant must allow it too."""
    waited: bool = False
    """Whether the caller waits for the picture: then an outage is told at once, and nothing is kept afterwards."""


class Order(Wishes):
    """One try-on: the wishes, and the pictures that were stored for it."""

    person: Stored
    garments: tuple[Stored, ...] = Field(min_length=1)
    mask: Stored | None = None

    def fingerprint(self, **beside: object) -> str:
        """Return the hash of everything that the picture depends on, and of nothing else but what is named beside."""
        fields = self.model_dump(mode="json", exclude={"person", "garments", "mask", "consent", "waited"})
        pictures = [self.person.sha256, *(photo.sha256 for photo in self.garments)]
        told = json.dumps([beside, fields, pictures, self.mask and self.mask.sha256], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def wish(self, person: bytes, garments: tuple[bytes, ...], mask: bytes) -> Wish:
        """Return what Triton is asked for, with the pictures' bytes."""
        return Wish(
            person=person,
            garments=garments,
            mask=mask,
            category=self.category,
            seed=self.seed,
            person_index=self.person_index,
            form=self.format,
            expert=self.expert,
            height=self.height,
            fabric=self.fabric,
            tier=self.tier,
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            finisher=self.finisher,
        )
