"""Which networks there are, and of which of the registry's files each is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path

from bridge.contracts import AESTHETIC, CLIP_IMAGE, FACE_EMBED, LEARNED, LPIPS, Contract
from bridge.errors import ArtifactMissing
from bridge.registry import Registry, Tier, require
from bridge.registry.learned import WORDS


class Score(str, Enum):
    """The networks by the names that the command line knows."""

    CLIP = WORDS[CLIP_IMAGE.name]
    LPIPS = WORDS[LPIPS.name]
    AESTHETIC = WORDS[AESTHETIC.name]
    FACE = WORDS[FACE_EMBED.name]

    @property
    def contract(self) -> Contract:
        """What the network becomes."""
        return next(LEARNED[name] for name, word in WORDS.items() if word == self.value)

    @property
    def files(self) -> tuple[str, ...]:
        """The registry's ids of what it is made of, in the order in which they are read."""
        return self.contract.artifacts


def locate(scores: Iterable[Score], registry: Registry) -> Mapping[str, Path]:
    """Return where the files of some networks lie on this machine, each checked, by their ids.

    Raises:
        ArtifactMissing: some are not here; the message has the one command that fetches them all.
        ArtifactCorrupt: a file is another one than the registry names.
        LicenceForbids: a licence forbids what is sold, and every tier's pictures are judged by the same scores.
    """
    artifacts = [registry[each] for each in dict.fromkeys(id_ for score in scores for id_ in score.files)]
    missing = [artifact.id for artifact in artifacts if not artifact.path.is_file()]
    if missing:
        raise ArtifactMissing(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not on this machine: run "
            f"`python -m export fetch {' '.join(missing)}`, then this again"
        )
    return {artifact.id: require(artifact, Tier.PRO) for artifact in artifacts}
