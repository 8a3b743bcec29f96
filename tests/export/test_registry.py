"""The registry: what it lists, what it refuses, what it says about models."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bridge import registry as reg
from bridge.contracts import CONTRACTS, KNOWN, LEARNED, Backend
from bridge.errors import ArtifactCorrupt, ArtifactError, ArtifactMissing, LicenceForbids
from bridge.quality.report import NETWORKS, not_measured
from bridge.registry import (
    Artifact,
    FileSource,
    HfSource,
    HttpsSource,
    PypiSource,
    Source,
    Tier,
    WheelSource,
    load_registry,
    model_statuses,
    require,
)
from export.sdxl.origins import ORIGINS

CONTENT = b"a few weights"
SOURCES = {
    "pypi": {
        "package": "p",
        "release": "1.0",
        "wheel": "p-1.0-py3-none-any.whl",
        "wheel_sha256": "0" * 64,
        "member": "p/w.bin",
    },
    "wheel": {"package": "p", "release": "1.0", "wheel": "w-1.0-py3-none-any.whl"},
    "https": {"url": "https://example.org/w.bin?download=1"},
    "hf": {"repo": "owner/name", "revision": "abc123", "file": "sub/w.bin"},
    "file": {"path": "mine/w.bin"},
}


def entry(kind: str = "file", **changes: object) -> dict[str, object]:
    """One entry as it stands in the YAML."""
    good = {
        "summary": "weights",
        "version": "1.2.3",
        "source": {"type": kind, **SOURCES[kind]},
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "size": len(CONTENT),
        "licence": "CC-BY-NC-4.0",
        "attribution": "somebody",
        "commercial_use": False,
    }
    return good | changes


def written(folder: Path, content: object) -> Path:
    """A registry's file."""
    path = folder / "registry.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def artifact(folder: Path, **changes: object) -> Artifact:
    """The artifact that an entry becomes."""
    return load_registry(written(folder, {"artifacts": {"weights": entry(**changes)}}))["weights"]


def test_every_network_has_its_weights_and_every_weight_a_use() -> None:
    """The registry holds what contracts, scores and the finisher's export name, and nothing else."""
    of_models = {artifact for contract in KNOWN.values() for artifact in contract.artifacts}
    of_make_export = {artifact for contract in CONTRACTS.values() for artifact in contract.artifacts}
    assert set(load_registry()) == of_models | {*ORIGINS.values()}
    assert {a.id for a in load_registry().values() if a.models} == of_make_export


def test_weights_of_scores_say_how_they_come() -> None:
    """They are no part of `make export`; each score names its files and the command that brings them."""
    for score, networks in NETWORKS.items():
        ids = [artifact for network in networks for artifact in LEARNED[network].artifacts]
        assert f"`python -m export fetch {' '.join(ids)}`" in not_measured(())[score]
        assert all(load_registry()[each].remedy == f"run `python -m export fetch {each}`" for each in ids)


@pytest.mark.parametrize(
    ("kind", "cls"),
    [
        ("pypi", PypiSource),
        ("wheel", WheelSource),
        ("https", HttpsSource),
        ("hf", HfSource),
        ("file", FileSource),
    ],
)
def test_the_kinds_of_source(tmp_path: Path, kind: str, cls: type[Source]) -> None:
    """Each kind is read into its own record, and names the file."""
    source = artifact(tmp_path, kind=kind).source
    assert isinstance(source, cls)
    assert source.filename in {"w.bin", "w-1.0-py3-none-any.whl"}


def test_a_hub_address_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The well-known pattern, and HF_ENDPOINT for a mirror."""
    source = HfSource("owner/name", "abc123", "sub/w.bin")
    assert source.url == "https://huggingface.co/owner/name/resolve/abc123/sub/w.bin"
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example/")
    assert source.url == "https://hub.example/owner/name/resolve/abc123/sub/w.bin"


def test_an_unknown_id_suggests_the_nearest() -> None:
    """A slip of the fingers is answered with the right word."""
    with pytest.raises(ArtifactMissing, match=r"'pose_landmrk'; did you mean 'pose_landmark'\?"):
        load_registry()["pose_landmrk"]


TYPOS: dict[str, tuple[object, str]] = {
    "a key with a typing error": (
        {"artifacts": {"w": entry(licens="MIT")}},
        "w: unknown key 'licens'; did you mean 'licence'",
    ),
    "a key that is missing": (
        {"artifacts": {"w": {k: v for k, v in entry().items() if k != "size"}}},
        "w: the key 'size' is missing",
    ),
    "no source": ({"artifacts": {"w": entry(source=None)}}, "w: source must be a mapping"),
    "an unknown kind of source": (
        {"artifacts": {"w": entry(source={"type": "pipy"})}},
        "unknown type 'pipy'; did you mean 'pypi'",
    ),
    "a size in words": ({"artifacts": {"w": entry(size="3 MB")}}, "w: size must be a int"),
    "a licence flag in words": (
        {"artifacts": {"w": entry(commercial_use="no")}},
        "commercial_use must be a bool",
    ),
    "a version that is a number": (
        {"artifacts": {"w": entry(version=1.0)}},
        "version must be a str, not 1.0",
    ),
    "a version that is not semantic": (
        {"artifacts": {"w": entry(version="2024")}},
        "version can't be '2024'",
    ),
    "a short sha256": ({"artifacts": {"w": entry(sha256="abc")}}, "sha256 can't be 'abc'"),
    "an id that leaves its folder": ({"artifacts": {"../w": entry()}}, "id can't be '../w'"),
    "a path that leaves its folder": (
        {"artifacts": {"w": entry(source={"type": "file", "path": "../../etc/passwd"})}},
        "path can't be",
    ),
    "an address without https": (
        {"artifacts": {"w": entry(source={"type": "https", "url": "http://example.org/w.bin"})}},
        "url can't be",
    ),
    "a package that is an option of pip": (
        {"artifacts": {"w": entry(source={"type": "pypi", **SOURCES["pypi"], "package": "--pre"})}},
        "package can't be '--pre'",
    ),
    "a list": (["w"], "the registry must be a mapping"),
    "nothing": (None, "the registry must be a mapping"),
}


@pytest.mark.parametrize("case", TYPOS)
def test_a_mistake_in_the_registry_is_named(tmp_path: Path, case: str) -> None:
    """The message says where and what, and what was meant."""
    content, message = TYPOS[case]
    with pytest.raises(ArtifactError, match=message):
        load_registry(written(tmp_path, content))


def test_a_file_that_is_no_yaml(tmp_path: Path) -> None:
    """So is a file that can't be read at all."""
    path = tmp_path / "registry.yaml"
    path.write_text("artifacts: [")
    with pytest.raises(ArtifactError, match="can't be read"):
        load_registry(path)


def test_require_gives_the_right_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, corrupt, cut short and right; the messages say what to do."""
    monkeypatch.setenv("VFR_WEIGHTS", str(tmp_path))
    weights = artifact(tmp_path)
    with pytest.raises(
        ArtifactMissing, match=r"weights 1\.2\.3 is not on this machine: put the file at .*w\.bin"
    ):
        require(weights, Tier.BASIC)
    weights.path.parent.mkdir()
    for wrong in (CONTENT[:-1], CONTENT[:-1] + b"S"):
        weights.path.write_bytes(wrong)
        with pytest.raises(ArtifactCorrupt, match="delete the file"):
            require(weights, Tier.BASIC)
    weights.path.write_bytes(CONTENT)
    assert require(weights, Tier.BASIC) == tmp_path / "mine" / "w.bin"


def test_a_missing_network_names_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not run the export reads which command gets these weights."""
    monkeypatch.setenv("VFR_ARTIFACTS", str(tmp_path))
    with pytest.raises(
        ArtifactMissing, match="run `make export`, or `python -m export weights --only face_detection`"
    ):
        require(load_registry()["face_detection"], Tier.BASIC)


@pytest.mark.parametrize("tier", [Tier.PRO, Tier.ULTRA])
def test_tiers_that_are_sold_refuse_weights_for_research(tmp_path: Path, tier: Tier) -> None:
    """The licence is checked before the file, and lifts with commercial use."""
    with pytest.raises(
        LicenceForbids, match=f"CC-BY-NC-4.0, which forbids commercial use, so the tier {tier.value}"
    ):
        require(artifact(tmp_path), tier)
    reg.check_licence(dataclasses.replace(artifact(tmp_path), commercial_use=True), tier)


def repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model repository in which every model.py stands and every network is converted and reported."""
    monkeypatch.setattr("bridge.registry.status.REPOSITORY", folder)
    monkeypatch.setattr("bridge.registry.conversion.REPOSITORY", folder)
    monkeypatch.setenv("VFR_ARTIFACTS", str(folder / "artifacts"))
    for name, contract in CONTRACTS.items():
        version = folder / name / "1"
        version.mkdir(parents=True)
        (version / "model.py").touch()
        if contract.backend is Backend.ONNXRUNTIME:
            (version / "model.onnx").write_bytes(name.encode())
            report = reg.report_path(name)
            report.parent.mkdir(parents=True, exist_ok=True)
            report.write_text(json.dumps({"onnx_sha256": hashlib.sha256(name.encode()).hexdigest()}))
    reg.anny_path().parent.mkdir()
    reg.anny_path().write_bytes(CONTENT)
    reg.report_path("anny").write_text(json.dumps({"body_sha256": hashlib.sha256(CONTENT).hexdigest()}))


def test_all_models_are_ready_when_all_is_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every contract has a line, an ensemble names the weights below it; what is not installed is no reason."""
    repository(tmp_path, monkeypatch)
    statuses = {s.name: s for s in model_statuses()}
    assert list(statuses) == [*KNOWN]
    assert all(s.commercial_use for s in statuses.values())
    assert {name for name, status in statuses.items() if status.ready} == set(CONTRACTS)
    assert statuses["score"].artifacts == ()
    assert statuses["face"].artifacts == ("face_detection 0.10.21", "face_landmark 0.10.21")
    assert statuses["face"].licences == ("Apache-2.0",)
    assert statuses["encode"].artifacts == ()


BREAKS = {
    "not converted": (
        lambda r: reg.onnx_path("face_landmark").unlink(),
        "not converted yet; run `make export`",
    ),
    "converted by somebody else": (lambda r: reg.report_path("face_landmark").unlink(), "left no report"),
    "a report that breaks off": (
        lambda r: reg.report_path("face_landmark").write_text("{"),
        "left no report",
    ),
    "another file": (
        lambda r: reg.onnx_path("face_landmark").write_bytes(b"x"),
        "not the one that was converted",
    ),
}


@pytest.mark.parametrize("case", BREAKS)
def test_why_a_model_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """The network says why; what stands on it names the network; the rest stays ready."""
    repository(tmp_path, monkeypatch)
    action, reason = BREAKS[case]
    action(tmp_path)
    statuses = {s.name: s for s in model_statuses()}
    assert reason in statuses["face_landmark"].why_not
    assert statuses["face"].why_not == f"needs face_landmark: {statuses['face_landmark'].why_not}"
    assert statuses["pose"].ready
    assert not statuses["tryon_basic"].ready


def test_an_installed_network_of_a_score_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights are named with the models that ask it; its fault is theirs too, with its own remedy."""
    repository(tmp_path, monkeypatch)
    folder = tmp_path / "lpips"
    (folder / "1").mkdir(parents=True)
    (folder / "config.pbtxt").touch()
    (folder / "1" / "model.onnx").write_bytes(CONTENT)
    (folder / "1" / "model.onnx.data").write_bytes(CONTENT)
    (folder / "1" / "report.json").write_text(
        json.dumps({"file_sha256": hashlib.sha256(CONTENT).hexdigest(), "bytes": 2 * len(CONTENT)})
    )
    statuses = {s.name: s for s in model_statuses()}
    assert statuses["lpips"].ready
    assert statuses["score"].artifacts == ("alexnet 1.0.0", "lpips_alex 0.1.4")
    assert "`python -m export scores --only clip`" in statuses["clip_image"].why_not
    for spoil in (
        (folder / "1" / "model.onnx.data").unlink,
        lambda: (folder / "1" / "model.onnx").write_bytes(b"x"),
    ):
        spoil()
        why_not = {s.name: s.why_not for s in model_statuses()}
        assert "`python -m export scores --only lpips`" in why_not["lpips"]
        assert why_not["score"] == why_not["tryon_basic"] == f"needs lpips: {why_not['lpips']}"


def test_a_model_without_its_code_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python model needs its model.py."""
    repository(tmp_path, monkeypatch)
    (tmp_path / "encode" / "1" / "model.py").unlink()
    assert {s.name: s.why_not for s in model_statuses()}["encode"] == "its model.py is missing"


def test_the_registry_is_light() -> None:
    """Importing it in a fresh interpreter loads nothing of numpy, OpenCV or onnxruntime."""
    code = "import sys, bridge.registry; sys.exit(bool({'numpy', 'cv2', 'onnxruntime', 'yaml'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
