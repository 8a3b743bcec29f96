"""Pictures that tests are made of: good ones, odd ones, and every one that must be refused."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from bridge.errors import AnimatedImage, ImageError, ImageTooLarge, ImageTooSmall, NotAnImage
from bridge.imaging.decode import MAX_BYTES

SMALL = (160, 200)  # width, height: larger than the limit, quick to encode


def scene(size: tuple[int, int] = SMALL) -> Image.Image:
    """Return smooth colours that differ in all four corners, so that any turn or swap of channels shows."""
    x, y = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=2).astype(np.uint8))


def encoded(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """Return the file that Pillow writes."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_bomb(width: int, height: int) -> bytes:
    """Return a valid one-bit PNG that is all black: kilobytes that decode to ``width * height`` bytes."""
    row = bytes(1 + (width + 7) // 8)
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(row * 100) for _ in range(height // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def frames(form: str) -> bytes:
    """Return an animation of two frames."""
    return encoded(scene(), form, save_all=True, append_images=[scene().rotate(180)], duration=100)


REFUSED: dict[str, tuple[Callable[[], bytes], type[ImageError], str]] = {
    "empty": (lambda: b"", NotAnImage, "empty"),
    "text": (lambda: b"hello", NotAnImage, "no picture that we know"),
    "svg": (lambda: b"<svg xmlns='x'/>", NotAnImage, "SVG"),
    "pdf": (lambda: b"%PDF-1.7 ...", NotAnImage, "PDF"),
    "gif": (lambda: encoded(scene().convert("P"), "GIF"), NotAnImage, "a GIF"),
    "tiff": (lambda: encoded(scene(), "TIFF"), NotAnImage, "TIFF"),
    "bmp": (lambda: encoded(scene(), "BMP"), NotAnImage, "BMP"),
    "heic": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1", NotAnImage, "HEIC"),
    "only a jpeg's beginning": (lambda: b"\xff\xd8\xff\xe0", NotAnImage, "damaged or breaks off"),
    "truncated jpeg": (lambda: encoded(scene(), "JPEG")[:-900], NotAnImage, "damaged or breaks off"),
    "truncated png": (lambda: encoded(scene())[:400], NotAnImage, "damaged or breaks off"),
    "truncated webp": (lambda: encoded(scene(), "WEBP")[:400], NotAnImage, "damaged or breaks off"),
    "png of noise": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)), NotAnImage, "damaged or breaks off"),
    "too many bytes": (lambda: bytes(MAX_BYTES + 1), ImageTooLarge, "32 MiB"),
    "25.5 megapixels": (lambda: png_bomb(5100, 5000), ImageTooLarge, "5100x5000"),
    "bomb that Pillow warns of": (lambda: png_bomb(10_000, 10_000), ImageTooLarge, "25 megapixels"),
    "bomb that Pillow refuses": (lambda: png_bomb(20_000, 20_000), ImageTooLarge, "25 megapixels"),
    "animated png": (lambda: frames("PNG"), AnimatedImage, "animated"),
    "animated webp": (lambda: frames("WEBP"), AnimatedImage, "animated"),
    "too small": (lambda: encoded(scene((127, 300))), ImageTooSmall, "127x300"),
    "strip": (lambda: encoded(scene((2000, 130))), ImageTooSmall, "strip of 2000x130"),
}
"""By name: the file, the error that it must raise, and words of its sentence."""
