"""The third dimension's benchmark: what it measures is what it says, on people and clothes that are known."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from benchmarks import geometry, known_bodies, origin
from benchmarks.first_answer import load, save, seconds_to_answer
from benchmarks.people import Person, person
from benchmarks.rival import newton
from benchmarks.tables import of_geometry
from bridge.body.anny import load_anny
from bridge.body.fitter import measured
from bridge.body.linear import LinearBody
from bridge.errors import InternalError
from bridge.garment.drawn import draw_garment
from bridge.imaging.encode import encode_image
from bridge.triton.local import LocalModels
from bridge.triton.model import Arrays


@pytest.fixture(scope="module")
def body() -> LinearBody:
    """Anny's body."""
    torch.set_num_threads(1)
    return load_anny()


def claimed(body: LinearBody, one: Person, vertices: np.ndarray) -> Arrays:  # type: ignore[type-arg]
    """What fit_body would say that found these vertices, and a waist that is 3 cm too wide."""
    sizes = measured(body, one.state.shape)
    sizes["waist"] += 3
    report = {"silhouette_iou": 0.9, "measurements_cm": sizes}
    return {
        "body_motion": vertices[None].astype(np.float32),
        "body_report": np.array([json.dumps(report).encode()], np.object_),
    }


def test_errors_are_measured_from_the_hips(body: LinearBody) -> None:
    """The truth has none, wherever it stands; what is 2 % larger has some; a measure is found less true."""
    one = person(body, 0, size=(160, 120))
    true = one.vertices[0].numpy()
    there = known_bodies.error(body, one, 0, claimed(body, one, true + np.array((0.3, 0, -1))), 0.5)
    assert (there["pve_mm"], there["mpjpe_mm"], there["seconds"]) == (0.0, 0.0, 0.5)
    assert there["measures_cm"] == pytest.approx(dict.fromkeys(known_bodies.MEASURES, 0.0) | {"waist": 3.0})
    larger = known_bodies.error(body, one, 1, claimed(body, one, true * 1.02), 0.7)
    assert 5 < larger["mpjpe_mm"] < 20
    mean = known_bodies.mean([there, larger])
    assert mean["pve_mm"] == pytest.approx(larger["pve_mm"] / 2, abs=0.1)
    assert mean["measures_cm"]["waist"] == 3.0


def test_a_rendered_person_is_what_perception_would_say(body: LinearBody) -> None:
    """Where nothing is off, landmarks lie on the mask at any size of the photo, and labels are where the mask is."""
    for size in ((512, 384), (256, 192)):
        one = person(body, 3, noise=0.0, size=size)
        x, y = one.keypoints[:27:2, :2].astype(int).T
        assert one.matte.shape == size
        assert (one.matte[y, x] == 255).mean() > 0.9
        assert ((one.matte > 0) == (one.labels > 0)).all()


def test_arrays_survive_the_way_into_the_process(tmp_path: Path) -> None:
    """Numbers and bytes come out as they went in, without pickle."""
    arrays = {"n": np.arange(6, dtype=np.float32).reshape(2, 3), "fabric": np.array([b"knit"], np.object_)}
    save(tmp_path / "a.npz", arrays)
    back = load(tmp_path / "a.npz")
    np.testing.assert_array_equal(back["n"], arrays["n"])
    assert back["fabric"].dtype == object
    assert back["fabric"][0] == b"knit"


def test_a_process_is_timed_to_its_answer(tmp_path: Path) -> None:
    """A light model answers within seconds; one that is asked nonsense is told in words."""
    picture = np.zeros((8, 8, 3), np.uint8)
    known = {"result": picture, "format": np.array([b"png"], np.object_)}
    assert 0.05 < seconds_to_answer("encode", known, tmp_path) < 20
    with pytest.raises(InternalError, match="decode did not answer"):
        seconds_to_answer("decode", {"photo": np.array([b"no picture"], np.object_)}, tmp_path)


def test_a_result_says_where_it_comes_from() -> None:
    """The machine and the commit."""
    machine = origin.machine()
    assert machine["cores"] >= 1
    assert machine["memory_gb"] > 0.5
    assert machine["processor"]
    assert origin.commit()


def test_everything_is_measured_beside_what_was_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    """One garment, one person, one run: every figure is there, survives JSON, and is in the table."""
    monkeypatch.setattr(geometry, "GARMENTS", ("tank",))
    monkeypatch.setattr(geometry, "STARTED", ())
    monkeypatch.setattr(known_bodies, "SIZE", (512, 384))
    found = geometry.run(geometry.Pictures(), people=1, runs=1, say=lambda line: None)
    assert found == json.loads(json.dumps(found))
    names = [name.split(",")[0].split(" into")[0] for name in found["speed"]]
    assert [name.lstrip("0123456789 ") for name in names] == [
        "fit", "garment mesh", "drape", "refine", "textured mesh", "Gaussians",
    ]  # fmt: skip
    assert all(0 < figure["least"] <= figure["measured"] for figure in found["speed"].values())
    assert found["drapes"][0]["garment"] == "tank"
    assert 0 < found["bodies_mean"]["mpjpe_mm"] < 150
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(of_geometry(found))
    shown = console.export_text()
    assert "…" not in shown
    for words in ("≤ 1.5 s", "≤ 0.8 s", "≤ 0.5 s", "≤ 10 ms", "≤ 60 ms", "tank", found["commit"], "--newton"):
        assert words in shown


@pytest.fixture(scope="module")
def meshed(body: LinearBody) -> Arrays:
    """All that drape is given: a tank top and a fitted body."""
    models = LocalModels()
    return geometry.asked(
        models, "garment_mesh", geometry.worn_by(models, body, None) | geometry.garment_of("tank")
    )


def test_the_rival_gets_our_cloth_and_is_measured_as_ours(meshed: Arrays, tmp_path: Path) -> None:
    """An interpreter that leaves the cloth where it begins: its measures are those of the beginning."""
    python = tmp_path / "python"
    python.write_text(
        f"#!{sys.executable}\nimport sys\nimport numpy as np\ncloth = np.load(sys.argv[3])\n"
        "assert len(cloth['motion']) == len(cloth['drag']) + 1\n"
        "assert cloth['motion'].shape[1] > cloth['faces'].max()\n"
        "np.savez(sys.argv[4], worn=cloth['positions'], seconds=1.25, version='0')\n"
    )
    python.chmod(0o755)
    found = newton(meshed, python, tmp_path)
    assert (found["solver"], found["seconds"]) == ("newton 0 XPBD", 1.25)
    assert 0 < found["mean_strain"] < found["largest_strain"]
    assert found["deepest_penetration_mm"] >= 0


def test_a_rival_that_is_not_there_is_told_in_words(meshed: Arrays, tmp_path: Path) -> None:
    """A Python without newton, and no Python at all: a sentence, and the other figures stay."""
    with pytest.raises(InternalError, match=r"No module named 'newton' .pip install newton"):
        newton(meshed, Path(sys.executable), tmp_path)
    with pytest.raises(InternalError, match="did not drape"):
        newton(meshed, tmp_path / "none", tmp_path)


def test_photos_take_the_place_of_what_is_drawn(tmp_path: Path) -> None:
    """A garment's photo goes through the garment model; the drawn truth is not used then."""
    photo = tmp_path / "skirt.png"
    photo.write_bytes(encode_image(draw_garment("skirt")[0]))
    found = geometry.garment_in(LocalModels(), photo)
    assert found["garment_category"][0] == b"lower"
    assert found["garment_mask"].shape == found["garment_image"].shape[:2]
