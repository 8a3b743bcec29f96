"""The demo's page: whole in itself, and honest about what it shows."""

import base64
import re

import numpy as np

from benchmarks import page
from benchmarks.steps import steps
from bridge.imaging.decode import decode_image

IMAGE = np.full((160, 140, 3), (200, 60, 30), np.uint8)


def test_a_page_holds_all_that_it_shows() -> None:
    """Every picture is inside, nothing is fetched from elsewhere, and text can't become markup."""
    html = page.page(
        "A & B",
        "lead",
        page.article(
            "<script>", page.hero(page.figure(page.Picture(IMAGE, "it's", "so")), page.compare(IMAGE, IMAGE))
        ),
        page.cards({"seconds": "0.9 s"}),
        page.bars("by stage", {"warp": 200.0, "pose": 50.0}, "ms"),
        page.remarks(["Much detail was lost."]),
        page.folded("How", page.strip([page.Picture(IMAGE, "one")])),
    )
    assert "<script>" not in html
    assert "A &amp; B" in html
    sources = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert len(sources) == 4
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "http" not in html
    assert html.index("warp") < html.index("pose")
    assert "width: 25.0%" in html


def test_steps_show_what_the_arrays_say() -> None:
    """Each intermediate is a picture of its own photo's size; what is transparent shows the ground."""
    mask = np.zeros((160, 140), np.uint8)
    mask[:, :70] = 255
    stages = {
        "image": IMAGE,
        "keypoints": np.ones((33, 4), np.float32) * 50,
        "matte": mask,
        "labels": mask // 255,
        "garment_image": IMAGE[:150],
        "garment_mask": mask[:150],
        "garment_inside": np.zeros_like(mask[:150]),
        "garment_points": np.zeros((21, 3), np.float32),
        "layer": np.dstack([IMAGE, mask]),
        "agnostic": IMAGE,
        "edit_mask": mask,
        "result": IMAGE,
    }
    shown = {picture.caption: picture.image for picture in steps(stages)}
    assert {image.shape for name, image in shown.items() if name != "Garment"} == {(160, 140, 3)}
    assert shown["Garment"].shape == (150, 140, 3)
    for name in ("Matte", "Warp"):
        assert (shown[name][:, :70] == IMAGE[:, :70]).all()
        assert not (shown[name][:, 70:] == IMAGE[:, 70:]).all()
    assert (shown["Edit mask"][..., 0] == mask).all()


def test_a_picture_keeps_its_looks() -> None:
    """What is embedded decodes to what was given."""
    source = re.search(r"base64,([^\"]*)", page.figure(page.Picture(IMAGE, "x")))
    assert source is not None
    assert np.abs(decode_image(base64.b64decode(source[1])).astype(int) - IMAGE).max() <= 3
