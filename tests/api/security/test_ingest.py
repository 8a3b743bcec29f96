"""Pictures of strangers, before anything of them is stored."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import resource
import zipfile
import zlib
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from api.security.ingest import Clean, clean, clean_mask
from bridge.errors import ImageError, ImageTooLarge, NotAnImage
from bridge.imaging.decode import MAX_SIDE, decode_image
from tests.imaging.pictures import REFUSED, SMALL, chunk, encoded, png_bomb, scene

BOMB_SIDE = 13_000
"""The side of a PNG of 169 megapixels; its file has some hundred kilobytes."""


def cleaned(data: bytes) -> Clean:
    """Return what is stored of a picture."""
    return asyncio.run(clean(data))


def archive() -> bytes:
    """Return a ZIP with a page in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("index.html", "<script>SECRET</script>")
    return file.getvalue()


def located() -> Image.Exif:
    """Return EXIF that tells where and by whom a photo was taken."""
    exif = Image.Exif()
    exif[0x010F] = "SECRET camera"
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 30.0)  # GPSLatitude
    exif.get_ifd(0x8825)[29] = "SECRET:11:21"  # GPSDateStamp
    return exif


def spoken(data: bytes) -> bytes:
    """Return a PNG with a chunk that holds a program put behind its header."""
    return data[:33] + chunk(b"prVt", b"<?php SECRET ?>") + data[33:]


POLYGLOTS = {
    "jpeg with gps": lambda: encoded(scene(), "JPEG", quality=95, exif=located()),
    "jpeg with comment": lambda: encoded(scene(), "JPEG", quality=95, comment=b"<?php SECRET ?>"),
    "jpeg and zip": lambda: encoded(scene(), "JPEG", quality=95, exif=located()) + archive(),
    "png and zip": lambda: encoded(scene()) + archive(),
    "png and page": lambda: encoded(scene()) + b"<html>SECRET</html>",
    "png with a foreign chunk": lambda: spoken(encoded(scene())),
    "png with gps": lambda: encoded(scene(), exif=located()),
    "png with profile": lambda: encoded(scene(), icc_profile=b"SECRET profile"),
    "webp with xmp": lambda: encoded(scene(), "WEBP", lossless=True, xmp=b"<x>SECRET</x>", exif=located()),
    "webp and zip": lambda: encoded(scene(), "WEBP", lossless=True) + archive(),
}


@pytest.mark.parametrize("case", POLYGLOTS)
def test_a_stored_picture_is_nothing_but_a_picture(case: str) -> None:
    """What travelled with the pixels is gone, to the last chunk, and the pixels are those that were sent."""
    sent = POLYGLOTS[case]()
    stored = cleaned(sent)
    assert b"SECRET" not in stored.data
    assert not zipfile.is_zipfile(io.BytesIO(stored.data))
    with Image.open(io.BytesIO(stored.data)) as picture:
        assert (picture.format, picture.mode, picture.info, len(picture.getexif())) == ("PNG", "RGB", {}, 0)
    assert stored.data.endswith(chunk(b"IEND", b""))
    np.testing.assert_array_equal(decode_image(stored.data), decode_image(sent))


def test_the_cases_do_carry_something() -> None:
    """The test above would hold for harmless files too; these are not."""
    for make in POLYGLOTS.values():
        sent = make()
        assert b"SECRET" in sent or zipfile.is_zipfile(io.BytesIO(sent)) or b"iCCP" in sent


def test_a_picture_is_named_by_what_is_stored() -> None:
    """The hash, the size and the type are those of the stored bytes, and cleaning them again changes nothing."""
    stored = cleaned(encoded(scene((300, 200)), "JPEG"))
    assert stored.sha256 == hashlib.sha256(stored.data).hexdigest()
    assert (stored.width, stored.height, stored.media_type) == (300, 200, "image/png")
    assert cleaned(stored.data) == stored
    assert "data" not in repr(stored)


def test_the_same_photo_is_the_same_whatever_it_carries() -> None:
    """Metadata and trailers don't make another picture of it, and the cache of results is not fooled."""
    plain = encoded(scene(), "JPEG", quality=95)
    dressed = encoded(scene(), "JPEG", quality=95, exif=located(), comment=b"SECRET") + archive()
    assert plain != dressed
    assert cleaned(plain) == cleaned(dressed)


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_turned_photo_is_stored_upright(orientation: int) -> None:
    """The tag goes, so the pixels must be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}[orientation]
    stored = cleaned(encoded(scene().transpose(turn), exif=exif))
    np.testing.assert_array_equal(decode_image(stored.data), np.asarray(scene()))


ODD = {
    "cmyk": lambda: encoded(scene().convert("CMYK"), "JPEG", quality=95),
    "16-bit grey": lambda: encoded(Image.fromarray(np.asarray(scene().convert("L")).astype(np.uint16) * 257)),
    "palette with alpha": lambda: encoded(scene().convert("RGBA").quantize(32)),
    "grey with alpha": lambda: encoded(scene().convert("LA")),
    "one bit": lambda: encoded(scene().convert("1")),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_modes_become_plain_colour(case: str) -> None:
    """What is stored is 8-bit RGB without alpha, whatever came."""
    stored = cleaned(ODD[case]())
    with Image.open(io.BytesIO(stored.data)) as picture:
        assert (picture.mode, picture.size) == ("RGB", SMALL)


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_still_picture_is_never_stored(case: str) -> None:
    """0 bytes, SVG, PDF, breaking off, animated, bombs: the error is the decoder's own."""
    make, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        cleaned(make())


def compressed_profile(size: int) -> bytes:
    """Return a PNG whose colour profile unpacks to ``size`` zeros."""
    data = encoded(scene())
    return data[:33] + chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(size), 9)) + data[33:]


PRETENDERS = {
    "page that says png": b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>",
    "page that says jpeg": b"\xff\xd8\xff<html><script>alert(1)</script>",
    "page": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<?xml version="1.0"?><svg onload="alert(1)"/>',
    "gif that is a script": b"GIF89a=1;alert(1)//",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n(%pipe%id) (r) file",
    "zip first, then a picture": archive() + encoded(scene()),
}


@pytest.mark.parametrize("case", PRETENDERS)
def test_what_only_pretends_is_refused(case: str) -> None:
    """The first bytes decide which parser is asked, and that parser then has to find a picture."""
    with pytest.raises(NotAnImage):
        cleaned(PRETENDERS[case])


def test_every_cut_of_a_picture_is_answered_in_words() -> None:
    """However much of a file arrives and whatever is flipped in it, a typed error or a picture comes out."""
    chance = np.random.default_rng(4)
    for form in ("JPEG", "PNG", "WEBP"):
        whole = np.frombuffer(encoded(scene(), form), np.uint8)
        for _ in range(40):
            broken = whole[: chance.integers(1, len(whole))].copy()
            broken[chance.integers(0, len(broken), 4)] ^= np.uint8(1 << chance.integers(8))
            try:
                stored = cleaned(broken.tobytes())
            except ImageError as error:
                assert "Please send" in str(error)  # noqa: PT017 - either way is right
            else:
                assert stored.sha256


def test_bombs_stay_small() -> None:
    """A PNG of 169 megapixels, and a profile that unpacks to 300 MB, cost next to no memory."""
    for child in decoders():
        child.kill()
        child.wait(5)
    bomb = png_bomb(BOMB_SIDE, BOMB_SIDE)
    assert len(bomb) < 500_000
    with pytest.raises(ImageTooLarge):
        cleaned(bomb)
    with pytest.raises(NotAnImage):
        cleaned(compressed_profile(300 * 2**20))
    assert max(peaks()) < 250


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_memory_is_bounded_by_the_pixels_that_are_accepted(mode: str) -> None:
    """The largest picture that passes stays under what two at once may take of the machine, and only there."""
    data = encoded(Image.new(mode, (5000, 5000)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert cleaned(data).width == MAX_SIDE
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 20
    assert 150 < max(peaks()) < 650


def decoders() -> list[psutil.Process]:
    """Return the processes in which pictures are decoded."""
    return [child for child in psutil.Process().children() if "api.security.decoder" in child.cmdline()]


def peaks() -> list[int]:
    """Return how much memory each of them ever had [MiB]."""
    statuses = [Path(f"/proc/{child.pid}/status").read_text() for child in decoders()]
    return [int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) // 1024 for status in statuses]


def test_a_mask_keeps_its_black_and_white() -> None:
    """A see-through mask is stored as what it means, at the photo's size, without what it carried."""
    photo = cleaned(encoded(scene()))
    painted = Image.new("RGBA", (SMALL[0] * 2, SMALL[1] * 2), (255, 255, 255, 0))
    painted.paste((255, 255, 255, 255), (0, 0, SMALL[0], SMALL[1] * 2))
    stored = asyncio.run(clean_mask(encoded(painted) + b"SECRET", photo))
    assert stored is not None
    assert b"SECRET" not in stored.data
    with Image.open(io.BytesIO(stored.data)) as mask:
        assert (mask.mode, mask.size) == ("L", SMALL)
        assert mask.getcolors() == [(SMALL[0] * SMALL[1] // 2, 0), (SMALL[0] * SMALL[1] // 2, 255)]
    assert asyncio.run(clean_mask(b"", photo)) is None
    with pytest.raises(ImageError, match="proportions"):
        asyncio.run(clean_mask(encoded(scene((200, 160))), photo))
