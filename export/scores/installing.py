"""From files to networks that Triton loads, one after the other: read, translate, prove, install."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bridge.checkout import REPOSITORY
from bridge.errors import ArtifactMissing
from bridge.registry import Artifact, Registry, load_registry
from export.cards import DEFAULT_CARD, find_card
from export.installation import VERSION, Report, staging, write_report
from export.pbtxt import write_config
from export.precision import Precision
from export.scores.choice import Score
from export.weights import digest


def install(
    sources: Mapping[str, Path],
    repository: Path = REPOSITORY,
    *,
    scores: Iterable[Score] = tuple(Score),
    half: bool = False,
    card: str = DEFAULT_CARD,
    registry: Registry | None = None,
    progress: Callable[[Score], None] = lambda _: None,
) -> list[Report]:
    """Put the learned scores' networks into a model repository, each in place of what was there.

    A network that was installed before stays until its successor is proven; those before it in the order are
    exchanged by then.

    Args:
        sources: the networks' files by their ids in the registry; see :func:`export.scores.choice.locate`.
        repository: Triton's; it need not exist.
        scores: which networks.
        half: CLIP's tower in half floats, which is half of its memory, and quicker on a card. The others are small.
        card: a file of ``configs/gpu``: on what they will run. How they run without a card is written as well.
        registry: says who may use the files; None reads ``configs/registry.yaml``.
        progress: is told which network comes next.

    Raises:
        ArtifactMissing: ``sources`` lacks a file.
        ArtifactCorrupt: a file is cut short.
        ConversionFailed: a file is another network's, or what came out computes something else than it.
        ConfigError: the card's file can't be used.
    """
    registry = load_registry() if registry is None else registry
    find_card(card)  # refused before the minutes that a network takes
    reports = []
    for score in scores:
        progress(score)
        precision = Precision.FP16 if half and score is Score.CLIP else Precision.FP32
        with staging(repository) as staged:
            report = _write_network(score, sources, registry, staged, precision)
            _write_configs(score, staged, card)
            _replace(repository / report.model, staged)
        reports.append(report)
    return reports


def _write_network(
    score: Score, sources: Mapping[str, Path], registry: Registry, staged: Path, precision: Precision
) -> Report:
    """Write a network, prove it, and write the report beside it."""
    from export.scores.networks import write  # the libraries take seconds to load

    begun = time.perf_counter()
    paths = {each: _given(each, sources) for each in score.files}
    made_of = [registry[each] for each in score.files]
    sha256 = digest({each: [path] for each, path in paths.items()})
    path = staged / score.contract.name / VERSION / "model.onnx"
    path.parent.mkdir(parents=True)
    proof = write(score, [*paths.values()], path, _about(made_of, sha256), precision)
    report = Report.of(path, _names(made_of), sha256, precision, begun, proof)
    write_report(staged, report)
    return report


def _given(artifact: str, sources: Mapping[str, Path]) -> Path:
    if artifact not in sources or not sources[artifact].is_file():
        raise ArtifactMissing(f"the file of {artifact} is not there: run `python -m export fetch {artifact}`")
    return sources[artifact]


def _about(made_of: Iterable[Artifact], sha256: str) -> Mapping[str, str]:
    licences = dict.fromkeys(artifact.licence for artifact in made_of)
    return {"source": _names(made_of), "source_sha256": sha256, "licence": " AND ".join(licences)}


def _names(made_of: Iterable[Artifact]) -> str:
    return " + ".join(f"{artifact.id} {artifact.version}" for artifact in made_of)


def _write_configs(score: Score, staged: Path, card: str) -> None:
    """Write the network's config for machines without a card, and for the card."""
    contract = score.contract
    for name in dict.fromkeys((DEFAULT_CARD, card)):
        write_config(staged, name, contract, find_card(name).tuning(contract.name))


def _replace(target: Path, staged: Path) -> None:
    """Exchange a model's folder; the old one goes with the folder in which the new one was made."""
    if target.exists():
        target.rename(staged / f"{target.name}.before")
    (staged / target.name).rename(target)
