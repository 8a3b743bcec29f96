"""Pictures that are more, or less, than pictures: what is stored of them is pixels, whatever they were."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from functools import cache
from pathlib import Path

import psutil
import pytest
from PIL import Image, PngImagePlugin

from tests.api.attacks.conftest import House
from tests.api.scripted import photo

MARK = b"<script>alert('stowaway')</script>"
UNFOLDED = 128 * 2**20
"""The size of what unfolds [bytes]; 130 kB as they are sent."""
MOST_BYTES = 700 * 2**20
"""What a process of the service may have needed at its worst; what the bombs hold is gigabytes."""


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a PNG's chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *chunks: bytes, bits: int = 1, colour: int = 0, data: bytes = b"") -> bytes:
    """Return a PNG by its parts."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@cache
def zeros(count: int) -> bytes:
    """Return so many zeros, compressed."""
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(2**20)) for _ in range(count >> 20)), packer.flush()])


def animated(form: str) -> bytes:
    """Return a picture that moves."""
    frames = [Image.new("RGB", (160, 200), (i * 80, 0, 0)) for i in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, form, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


BOMBS = {
    "900 megapixels": lambda: png(30_000, 30_000, data=zeros(30_000 * 3751)),
    "4 gigapixels that are not there": lambda: png(2**16, 2**16, data=b""),
    "the widest": lambda: png(2**31 - 1, 1, data=b""),
    "text that unfolds": lambda: png(160, 200, chunk(b"zTXt", b"a\x00\x00" + zeros(UNFOLDED))),
    "a profile that unfolds": lambda: png(160, 200, chunk(b"iCCP", b"a\x00\x00" + zeros(UNFOLDED))),
    "an animated GIF": lambda: animated("GIF"),
    "an animated WebP": lambda: animated("WEBP"),
    "an animated PNG": lambda: animated("PNG"),
    "a JPEG of 65500 x 65500": lambda: photo(form="JPEG").replace(
        struct.pack(">HH", 200, 160), struct.pack(">HH", 65_500, 65_500), 1
    ),
    "TIFF": lambda: photo(form="TIFF"),
    "BMP": lambda: photo(form="BMP"),
    "PDF": lambda: b"%PDF-1.7\n" + MARK,
    "PostScript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 160 200\n(%pipe%id) (r) file\n",
    "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "XML that grows": lambda: b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><svg>&c;</svg>',
    "half a picture": lambda: photo()[:200],
    "nothing": lambda: b"",
    "one pixel": lambda: photo(1, 1),
    "a line": lambda: photo(5000, 1),
}
"""What must be refused."""


def with_exif() -> bytes:
    """Return a JPEG that knows where it was taken."""
    exif = Image.Exif()
    exif[0x010E] = MARK.decode()
    exif.get_ifd(0x8825)[1] = "N"
    return photo(form="JPEG", exif=exif, comment=MARK)


def with_zip(picture: bytes) -> bytes:
    """Return a picture that is an archive too."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("stowaway.html", MARK)
    return picture + buffer.getvalue()


def with_text() -> bytes:
    """Return a PNG with words in three kinds of chunks."""
    said = PngImagePlugin.PngInfo()
    said.add_text("Comment", MARK.decode())
    said.add_text("Zipped", MARK.decode(), zip=True)
    said.add_itxt("XML:com.adobe.xmp", MARK.decode())
    return photo(pnginfo=said)


POLYGLOTS = {
    "more pixels than it has": lambda: png(160, 200, data=zeros(UNFOLDED)),
    "a page behind it": lambda: photo() + b"<html>" + MARK,
    "a page within its comment": with_exif,
    "an archive behind it": lambda: with_zip(photo(form="JPEG")),
    "an archive behind a WebP": lambda: with_zip(photo(form="WEBP")),
    "words within": with_text,
    "a chunk of its own": lambda: photo().replace(
        chunk(b"IEND", b""), chunk(b"evIl", MARK) + chunk(b"IEND", b"")
    ),
    "a profile": lambda: photo(form="JPEG", icc_profile=MARK * 10),
    "a second picture": lambda: photo(form="JPEG") + photo(form="JPEG") + MARK,
}


def blobs(house: House, job: object) -> list[Path]:
    """Return what is stored of a job."""
    return [
        path for path in (house.folder / "data/blobs").rglob("*") if str(job) in str(path) and path.is_file()
    ]


def worst(process: psutil.Process) -> int:
    """Return the most memory that a process or one of its children ever held [bytes]."""
    known = (Path(f"/proc/{one.pid}/status") for one in (process, *process.children(recursive=True)))
    return max(int(re.findall(r"VmHWM:\s+(\d+) kB", file.read_text())[0]) * 1024 for file in known)


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_do_not_go_off(house: House, name: str) -> None:
    """As person, garment and mask: refused with the reason, in little memory, and nothing is stored."""
    bomb = BOMBS[name]()
    for field in ("person", "garment", "mask") if bomb else ("person", "garment"):  # no bytes: no mask
        files = {"person": photo(), "garment": photo()} | {field: bomb}
        with house.caller("rival") as caller:
            answer = caller.post("/v1/jobs", files=files, data={"user": "bomber"})
        assert answer.status_code in {413, 415, 422}, (field, answer.text)
    assert not list((house.folder / "data/blobs").rglob("bomber"))
    assert worst(house.process) < MOST_BYTES


@pytest.mark.parametrize("name", POLYGLOTS)
def test_stowaways_stay_behind(house: House, name: str) -> None:
    """The picture is taken; of what came with it no byte is stored, nor in the result."""
    picture = POLYGLOTS[name]()
    mask = Image.new("L", (160, 200), 255)
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    files = {"person": picture, "garment": picture, "mask": buffer.getvalue() + MARK}
    with house.caller("rival") as caller:
        answer = caller.post("/v1/jobs", files=files)
    assert answer.status_code == 202, answer.text
    job = house.finished("rival", answer.json()["id"])
    assert job["state"] == "done", job
    kept = blobs(house, job["id"])
    assert len(kept) >= 4
    for path in kept:
        assert chunks(path.read_bytes()) <= {b"IHDR", b"IDAT", b"IEND"}


def chunks(data: bytes) -> set[bytes]:
    """Return the kinds of chunks of a PNG that is nothing else."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    kinds, place = set(), 8
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        kinds.add(data[place + 4 : place + 8])
        place += 12 + length
    assert place == len(data)
    assert data.endswith(chunk(b"IEND", b""))
    return kinds
