"""Strangers' pictures: what is refused, with which sentence, and what is made of the odd ones."""

import io
import time
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from bridge.contracts import IMAGE
from bridge.errors import ImageError, ImageTooLarge
from bridge.imaging.decode import MAX_SIDE, NO_REGION, decode_image, decode_mask
from bridge.imaging.encode import Format, encode_image
from tests.imaging.pictures import REFUSED, SMALL, encoded, png_bomb, scene

ORIENTATION = 0x0112  # the EXIF tag


def difference(found: np.ndarray, wanted: Image.Image) -> float:
    """Return the largest mean difference of a channel; the shapes must agree."""
    truth = np.asarray(wanted.convert("RGB"), np.int32)
    assert found.shape == truth.shape
    return float(np.abs(found.astype(np.int32) - truth).mean(axis=(0, 1)).max())


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_in_words(case: str) -> None:
    """Each bad input gets its own error, whose sentence names the fault and says what to send."""
    make, error, words = REFUSED[case]
    with pytest.raises(error) as caught:
        decode_image(make())
    assert type(caught.value) is error
    assert words in str(caught.value)
    assert "Please send" in str(caught.value)


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    """A file of some kilobytes that would fill 400 MB is judged by its header alone."""
    bomb = png_bomb(20_000, 20_000)
    assert len(bomb) < 100_000
    start = time.process_time()
    with pytest.raises(ImageTooLarge):
        decode_image(bomb)
    assert time.process_time() - start < 0.1


CONVERTED: dict[str, tuple[Callable[[], bytes], Callable[[], Image.Image], float]] = {
    "jpeg": (lambda: encoded(scene(), "JPEG", quality=95), scene, 2),
    "png": (lambda: encoded(scene()), scene, 0),
    "webp": (lambda: encoded(scene(), "WEBP", lossless=True), scene, 0),
    "cmyk": (lambda: encoded(scene().convert("CMYK"), "JPEG", quality=95), scene, 4),
    "grey": (lambda: encoded(scene().convert("L")), lambda: scene().convert("L"), 0),
    "grey with alpha": (lambda: encoded(scene().convert("LA")), lambda: scene().convert("L"), 0),
    "one bit": (lambda: encoded(scene().convert("1")), lambda: scene().convert("1"), 0),
    "palette": (lambda: encoded(scene().quantize(64)), lambda: scene().quantize(64), 0),
    "opaque alpha": (lambda: encoded(scene().convert("RGBA")), scene, 0),
    "16-bit grey": (
        lambda: encoded(Image.fromarray(np.asarray(scene().convert("L")).astype(np.uint16) * 257)),
        lambda: scene().convert("L"),
        0,
    ),
}


@pytest.mark.parametrize("case", CONVERTED)
def test_odd_pictures_are_converted(case: str) -> None:
    """Every mode and format becomes the same 8-bit RGB picture."""
    make, wanted, tolerance = CONVERTED[case]
    image = decode_image(make())
    assert image.dtype == np.uint8
    assert image.flags.writeable
    assert difference(image, wanted()) <= tolerance


def see_through(mode: str) -> bytes:
    """Return red with a fully transparent left half."""
    picture = Image.new("RGBA", SMALL, (255, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (0, 0, SMALL[0] // 2, SMALL[1]))
    return encoded(picture.quantize() if mode == "P" else picture.convert(mode))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_alpha_is_laid_on_white(mode: str) -> None:
    """What is see-through becomes white, whatever colour hides under it; the rest keeps its colour."""
    image = decode_image(see_through(mode))
    assert (image[:, 0] == 255).all()
    assert (image[:, -1] < 255).any(axis=1).all()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
def test_exif_orientation_is_honoured(form: str, orientation: int, turn: Image.Transpose) -> None:
    """A photo stored turned, with the tag that says so, decodes upright in every format."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"lossless": True} if form == "WEBP" else {"quality": 95} if form == "JPEG" else {}
    stored = encoded(scene().transpose(turn), form, exif=exif, **options)
    assert difference(decode_image(stored), scene()) <= 2


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_broken_exif_block_does_not_spoil_the_photo() -> None:
    """Nonsense where the orientation should be leaves the photo as stored."""
    stored = encoded(scene(), "JPEG", quality=95, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff nonsense")
    assert difference(decode_image(stored), scene()) <= 2


def test_a_colour_profile_is_converted_to_srgb() -> None:
    """The same colour stored in another space or in sRGB reads the same; a broken profile is ignored."""
    srgb = ImageCms.createProfile("sRGB")
    gamma = swapped_profile()
    stored = encoded(scene(), icc_profile=gamma)
    wanted = ImageCms.profileToProfile(scene(), ImageCms.ImageCmsProfile(io.BytesIO(gamma)), srgb)
    image = decode_image(stored)
    assert wanted is not None
    assert difference(image, wanted) <= 1
    assert difference(image, scene()) > 20
    assert difference(decode_image(encoded(scene(), icc_profile=b"broken")), scene()) == 0


def swapped_profile() -> bytes:
    """Return an sRGB profile whose red and green primaries changed places, as a stand-in for any wide one."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return plain.replace(b"rXYZ", b"tmpX", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"tmpX", b"gXYZ", 1)


def test_a_phones_multi_picture_gives_its_first() -> None:
    """An MPO, a JPEG with a preview behind it, is no animation."""
    stored = encoded(scene(), "MPO", save_all=True, append_images=[scene().rotate(180)], quality=95)
    assert stored[:3] == b"\xff\xd8\xff"
    assert difference(decode_image(stored), scene()) <= 2


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_large_photo_is_reduced(form: str) -> None:
    """The long side ends at the limit, the proportions stay, and the colours too."""
    image = decode_image(encoded(scene((3000, 2000)), form))
    assert image.shape == (939, MAX_SIDE, 3)
    assert difference(image, scene((MAX_SIDE, 939))) <= 2


def test_nothing_but_pixels_passes() -> None:
    """A picture that is also a web page, with a comment and a ZIP behind it, leaves all that behind."""
    exif = Image.Exif()
    exif[0x010E] = "SECRET description"
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "<script>SECRET</script>")
    jpeg = encoded(scene(), "JPEG", exif=exif, comment=b"<?php SECRET ?>") + b"PK\3\4 SECRET <html>"
    png = encoded(scene(), "PNG", pnginfo=note) + b"<html>SECRET"
    for stored in (jpeg, png):
        assert b"SECRET" in stored
        for form in Format:
            assert b"SECRET" not in encode_image(decode_image(stored), form)


def test_no_mask_is_an_empty_region() -> None:
    """No bytes mean: the system decides."""
    assert decode_mask(b"", (200, 160)).shape == NO_REGION


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1"])
@pytest.mark.parametrize("scale", [1, 2])
def test_a_mask_becomes_a_region_of_the_photo(mode: str, scale: int) -> None:
    """White is 255 and the rest 0, in any mode and at any scale; what is see-through counts as black."""
    white = Image.new("RGBA", (SMALL[0] * scale, SMALL[1] * scale), (255, 255, 255, 0))
    white.paste((255, 255, 255, 255), (0, 0, SMALL[0] * scale // 2, SMALL[1] * scale))
    picture = white if mode == "RGBA" else white.getchannel("A").convert(mode)
    region = decode_mask(encoded(picture), (SMALL[1], SMALL[0]))
    assert region.shape == (SMALL[1], SMALL[0])
    assert (region[:, : SMALL[0] // 2] == 255).all()
    assert not region[:, SMALL[0] // 2 :].any()


@pytest.mark.parametrize(
    ("picture", "words"),
    [(Image.new("L", (200, 160), 255), "proportions"), (Image.new("L", SMALL, 0), "no white")],
)
def test_a_mask_that_cannot_be_meant_is_refused(picture: Image.Image, words: str) -> None:
    """A mask of another photo, or one that allows nothing, is told so."""
    with pytest.raises(ImageError, match=words):
        decode_mask(encoded(picture), (SMALL[1], SMALL[0]))


def test_the_limits_agree() -> None:
    """The largest photo that is decoded fits the tensors' promise of a long side of 1408 px."""
    assert f"{MAX_SIDE} px" in IMAGE.meaning
