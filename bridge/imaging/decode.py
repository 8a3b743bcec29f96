"""Encoded pictures to arrays: the gate through which every photo of a stranger passes.

What comes out is nothing but pixels: upright, sRGB, 8 bit. Metadata, colour profiles, trailing bytes and
whatever else a file can carry stay behind.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from bridge.errors import AnimatedImage, ImageError, ImageTooLarge, ImageTooSmall, NotAnImage

Pixels = npt.NDArray[np.uint8]

MAX_SIDE = 1408
"""The longest side of a decoded image [px]: room for 1056x1408, the largest size that the experts work at."""
MIN_SIDE = 128
"""The shortest side of a decoded image [px]; the pose network's own crop is 224 px wide."""
MAX_BYTES = 32 * 2**20
"""The largest upload [bytes]: a 25-megapixel JPEG at the best quality takes about 20 MB."""
MAX_PIXELS = 25_000_000
"""The largest picture [px], read from its header: 75 MB once decoded."""
NO_REGION: tuple[int, int] = (0, 0)
"""The shape of the region when no mask was given."""

_FORMATS = ("JPEG", "PNG", "WEBP")
_ASK = "Please send a JPEG, PNG or WebP picture."
_FOREIGN = (
    (4, b"ftypavi", "an AVIF picture"),
    (4, b"ftyp", "a HEIC picture or a video"),
    (0, b"GIF8", "a GIF"),
    (0, b"BM", "a BMP picture"),
    (0, b"II*\0", "a TIFF picture"),
    (0, b"MM\0*", "a TIFF picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\3\4", "a ZIP archive or an office document"),
    (0, b"<", "a text such as SVG or HTML"),
)
"""Offset, first bytes and name of what people send by mistake (file signatures: Kessler's table)."""

_WHITE, _BLACK = 255, 0


def decode_image(data: bytes) -> Pixels:
    """Decode a stranger's photo.

    The size is read from the header and judged before a pixel is decoded. EXIF orientation is applied; alpha
    is laid on white; CMYK, grey, palette and 16-bit pictures become 8-bit RGB; a colour profile is converted
    to sRGB. A phone's multi-picture JPEG (MPO) gives its first picture.

    Args:
        data: an encoded JPEG, PNG or WebP picture.

    Returns:
        UINT8 [height, width, 3], RGB in sRGB, upright; long side at most ``MAX_SIDE``, reduced to it.

    Raises:
        NotAnImage: other bytes, or a picture that breaks off.
        ImageTooLarge: more than ``MAX_BYTES`` or ``MAX_PIXELS``.
        ImageTooSmall: a side below ``MIN_SIDE`` once the long side is at most ``MAX_SIDE``.
        AnimatedImage: more than one frame.
    """
    picture = _reduced(_flattened(_load(data), _WHITE))
    return np.array(_upright(_srgb(picture)))


def decode_mask(data: bytes, shape: tuple[int, int]) -> Pixels:
    """Decode the mask that a caller painted over a photo.

    Args:
        data: an encoded picture with the photo's proportions, white where the photo may change; transparent
            counts as black. Empty: there is no mask.
        shape: height and width [px] of the decoded photo.

    Returns:
        UINT8 of ``shape``, 0 or 255; of shape ``NO_REGION`` when there is no mask.

    Raises:
        ImageError: as :func:`decode_image`, or its proportions differ from the photo's, or nothing is white.
    """
    if not data:
        return np.zeros(NO_REGION, np.uint8)
    picture = _upright(_flattened(_load(data), _BLACK).convert("L"))
    height, width = shape
    # One pixel of rounding in either picture shifts the proportions by about 1/MIN_SIDE.
    if abs(picture.width * height / (picture.height * width) - 1) > 1 / MIN_SIDE:
        raise ImageError(
            f"The mask is {picture.width}x{picture.height} pixels and the photo {width}x{height}: "
            "their proportions differ. Please paint the mask over the whole upright photo."
        )
    region = np.where(np.asarray(picture.resize((width, height), Image.Resampling.BOX)) >= 128, 255, 0)
    if not region.any():
        raise ImageError("The mask has no white in it. Please paint white where the photo may change.")
    return region.astype(np.uint8)


def _load(data: bytes) -> Image.Image:
    """Open, judge by the header, then decode; only here do foreign bytes meet a parser."""
    _check_bytes(data)
    try:
        picture = Image.open(io.BytesIO(data), formats=_FORMATS)
        _check_header(picture)
        # A JPEG is decoded at 1/2, 1/4 or 1/8 of its size straight from its coefficients where that suffices.
        picture.draft(None, _fitting(picture.size))
        picture.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except ImageError:
        raise
    except Exception as error:  # parsers leak struct.error, SyntaxError and more (Pillow issue 9814)
        raise NotAnImage(f"The picture can't be read: it is damaged or breaks off. {_ASK}") from error
    return picture


def _check_bytes(data: bytes) -> None:
    if not data:
        raise NotAnImage(f"The picture is empty (0 bytes). {_ASK}")
    if len(data) > MAX_BYTES:
        raise ImageTooLarge(
            f"The picture has {len(data) / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} MiB are accepted. "
            "Please send it smaller or as a JPEG."
        )
    if data[:3] != b"\xff\xd8\xff" and data[:8] != b"\x89PNG\r\n\x1a\n" and data[8:12] != b"WEBP":
        names = (name for at, magic, name in _FOREIGN if data.startswith(magic, at))
        raise NotAnImage(f"This is {next(names, 'no picture that we know')}. {_ASK}")


def _check_header(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise _too_many_pixels(f" ({width}x{height})")
    if min(width, height) < MIN_SIDE:
        raise ImageTooSmall(
            f"The picture is {width}x{height} pixels; each side needs at least {MIN_SIDE}. "
            "Please send a larger one."
        )
    if min(_fitting(picture.size)) < MIN_SIDE:
        raise ImageTooSmall(
            f"The picture is a strip of {width}x{height} pixels. "
            "Please send one that is cut to the person or the garment."
        )
    # The second frame of a phone's MPO is a preview or a depth map, not motion.
    if picture.format != "MPO" and getattr(picture, "n_frames", 1) > 1:
        raise AnimatedImage("The picture is animated. Please send a single still picture.")


def _too_many_pixels(size: str = "") -> ImageTooLarge:
    return ImageTooLarge(
        f"The picture{size} has more than {MAX_PIXELS / 1e6:.0f} megapixels. Please send it smaller."
    )


def _fitting(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, MAX_SIDE / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _flattened(picture: Image.Image, ground: int) -> Image.Image:
    """Return the picture as L, RGB or CMYK without alpha; ``ground`` (a grey, 0-255) shows through it."""
    if picture.mode.startswith("I"):  # 16-bit grey, whose conversion by Pillow clips instead of scaling
        grey = np.asarray(picture).astype(np.uint32) >> 8
        return _keeping(picture, Image.fromarray(grey.clip(0, 255).astype(np.uint8)))
    plain = "L" if picture.mode in {"1", "L", "LA", "La"} else "CMYK" if picture.mode == "CMYK" else "RGB"
    if not picture.has_transparency_data:
        return picture if picture.mode == plain else _keeping(picture, picture.convert(plain))
    layered = picture.convert("LA" if plain == "L" else "RGBA")
    flat = Image.new(plain, picture.size, ground if plain == "L" else (ground,) * 3)
    flat.paste(layered.convert(plain), mask=layered.getchannel("A"))
    return _keeping(picture, flat)


def _keeping(picture: Image.Image, changed: Image.Image) -> Image.Image:
    """Carry over what the later steps read: the colour profile and the orientation."""
    changed.info = picture.info
    return changed


def _reduced(picture: Image.Image) -> Image.Image:
    size = _fitting(picture.size)
    if size == picture.size:
        return picture
    # Lanczos keeps the fine print of a garment, which a box filter would smear; the gap of 2 halves its cost.
    return _keeping(picture, picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0))


def _srgb(picture: Image.Image) -> Image.Image:
    """Convert by the picture's own profile; without one, or with a broken one, it is taken as sRGB."""
    return _keeping(picture, _by_profile(picture) or picture.convert("RGB"))


def _by_profile(picture: Image.Image) -> Image.Image | None:
    profile = picture.info.get("icc_profile")
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.32, tag 0x0112: what makes a picture of each orientation upright (ROTATE_* turn anticlockwise)."""


def _upright(picture: Image.Image) -> Image.Image:
    try:
        orientation = picture.getexif().get(0x0112, 1)
    except Exception:  # a broken EXIF block raises whatever its parser meets; the pixels are fine
        return picture
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture
