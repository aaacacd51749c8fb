"""Decoding: the fast way gives the reference's pixels, every kind of picture has stated pixels."""

import io
import zlib
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from clfw.api.preprocess import Preprocess
from clfw.data import decoding
from clfw.data.decoding import Pixels, decode, decode_bytes, decode_with_pillow
from clfw.data.resizing import convert_channels, resize
from clfw.errors import DataError
from encoded import chunks_of, encoded, interlaced_png, noise, png_header, png_of, soft, turned_jpeg

SIZES = [(1, 1), (1, 9), (7, 1), (8, 8), (9, 17), (16, 15), (28, 28), (33, 47), (64, 50)]


def same(found: Pixels, wanted: Pixels) -> bool:
    """Whether two pictures are equal bit for bit."""
    wanted = wanted if wanted.ndim == 3 else wanted[:, :, None]
    return found.dtype == np.uint8 and found.shape == wanted.shape and bool((found == wanted).all())


@pytest.fixture
def no_reference(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Pixels]:
    """The reference decoder, which `decode_bytes` cannot reach in this test."""
    reference = decode_with_pillow

    def refuse(data: bytes) -> Pixels:
        raise AssertionError("the fast way was not taken")

    monkeypatch.setattr(decoding, "decode_with_pillow", refuse)
    return reference


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_png_takes_the_fast_way_and_loses_nothing(
    size: tuple[int, int], channels: int, no_reference: Callable[[bytes], Pixels]
) -> None:
    for seed, level in enumerate((0, 1, 6, 9)):
        picture = noise(*size, channels, seed)
        data = encoded(picture, "PNG", compress_level=level)
        assert same(decode_bytes(data), picture)
        assert same(no_reference(data), picture)


@pytest.mark.parametrize("channels", [1, 3])
def test_png_with_plain_chunks_of_other_programs_takes_the_fast_way(
    channels: int, no_reference: Callable[[bytes], Pixels]
) -> None:
    picture = noise(9, 13, channels)
    header, *rest = chunks_of(encoded(picture, "PNG", dpi=(300, 300)))
    assert rest[0][0] == b"pHYs"
    extra = [(b"gAMA", (45455).to_bytes(4, "big")), (b"sRGB", b"\0"), (b"tEXt", b"Software\0x")]
    data = png_of([header, *extra, *rest])
    assert same(decode_bytes(data), picture)
    assert same(no_reference(data), picture)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_interlaced_png_loses_nothing(
    size: tuple[int, int], channels: int, no_reference: Callable[[bytes], Pixels]
) -> None:
    picture = noise(*size, channels)
    assert same(decode_bytes(interlaced_png(picture)), picture)
    assert same(no_reference(interlaced_png(picture)), picture)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [1, 30, 75, 95, 100])
def test_jpeg_takes_the_fast_way_to_the_references_pixels(
    quality: int, subsampling: int, progressive: bool, no_reference: Callable[[bytes], Pixels]
) -> None:
    for seed, size in enumerate(SIZES):
        for picture in (noise(*size, seed=seed), soft(*size, seed=seed)):
            data = encoded(
                picture, "JPEG", quality=quality, subsampling=subsampling, progressive=progressive
            )
            assert same(decode_bytes(data), no_reference(data))


def test_jpeg_with_restarts_comments_and_profiles_takes_the_fast_way(
    no_reference: Callable[[bytes], Pixels],
) -> None:
    picture = soft(40, 50)
    for options in (
        {"restart_marker_blocks": 2},
        {"comment": b"a comment"},
        {"icc_profile": b"p" * 70_000},
        {"dpi": (72, 72), "optimize": True},
    ):
        data = encoded(picture, "JPEG", **options)  # type: ignore[arg-type]
        assert same(decode_bytes(data), no_reference(data))


@pytest.mark.parametrize(
    "make",
    [
        lambda p: encoded(p, "JPEG", keep_rgb=True, subsampling=0),
        lambda p: encoded(Image.fromarray(p).convert("L"), "JPEG"),
        lambda p: encoded(Image.fromarray(p).convert("CMYK"), "JPEG"),
        lambda p: encoded(p, "WEBP", lossless=True),
        lambda p: encoded(p, "WEBP", quality=50),
        lambda p: encoded(p, "BMP"),
        lambda p: encoded(Image.fromarray(p).convert("L"), "BMP"),
        lambda p: encoded(Image.fromarray(p).convert("P"), "BMP"),
    ],
)
def test_other_kinds_go_to_the_reference(make: Callable[[Pixels], bytes]) -> None:
    data = make(soft(20, 30))
    assert same(decode_bytes(data), decode_with_pillow(data))


def test_cmyk_is_what_pillow_makes_of_it() -> None:
    data = encoded(Image.fromarray(soft(16, 24)).convert("CMYK"), "JPEG", quality=95)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.mode == "CMYK"
        assert same(decode_bytes(data), np.asarray(picture.convert("RGB")))


def test_grey_of_16_bits_is_scaled_and_rounded_never_cut_off() -> None:
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    found = decode_bytes(encoded(Image.fromarray(ramp), "PNG"))
    assert same(found, np.round(ramp / 257).astype(np.uint8))
    assert np.bincount(found.ravel(), minlength=256).min() >= 128


def test_colour_of_16_bits_keeps_the_upper_byte() -> None:
    wide = (np.arange(4 * 6 * 3).reshape(4, 6, 3) * 900).astype(">u2")
    lines = b"".join(b"\0" + row.tobytes() for row in wide)
    header = png_header(6, 4, depth=16, color=2)
    data = png_of([(b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")])
    assert same(decode_bytes(data), (wide >> 8).astype(np.uint8))


def test_a_transparent_colour_of_16_bits_is_refused_because_the_reference_overlooks_it() -> None:
    header = png_header(2, 1, depth=16, color=2)
    lines = zlib.compress(b"\0" + b"\x12\x34" * 3 + b"\x12\x56" * 3)
    chunks = [(b"IHDR", header), (b"tRNS", b"\x12\x34" * 3), (b"IDAT", lines), (b"IEND", b"")]
    with pytest.raises(DataError, match="a transparent colour of 16 bits"):
        decode_bytes(png_of(chunks))
    assert decode_bytes(png_of([chunks[0], *chunks[2:]])).tolist() == [[[0x12] * 3] * 2]


def test_one_bit_is_black_and_white() -> None:
    picture = noise(9, 13, 1) > 127
    found = decode_bytes(encoded(Image.fromarray(picture), "PNG"))
    assert same(found, np.where(picture, 255, 0).astype(np.uint8))


def test_a_palette_is_looked_up() -> None:
    colors = noise(1, 16).reshape(16, 3)
    index = np.random.default_rng(0).integers(0, 16, (10, 12), dtype=np.uint8)
    picture = Image.fromarray(index, "P")
    picture.putpalette(colors.tobytes())
    assert same(decode_bytes(encoded(picture, "PNG")), colors[index])


def over_white(color: Pixels, alpha: Pixels) -> NDArray[np.float64]:
    """Colour laid over a white page."""
    share = alpha[:, :, None] / 255
    return np.asarray(color * share + 255 * (1 - share))


def test_transparent_parts_show_white() -> None:
    color, alpha = noise(10, 12), noise(10, 12, 1, seed=1)
    found = decode_bytes(encoded(np.dstack([color, alpha]), "PNG"))
    assert found.shape == (10, 12, 3)
    assert np.abs(found - over_white(color, alpha)).max() <= 1
    gray = decode_bytes(encoded(np.dstack([color[:, :, 0], alpha]), "PNG"))
    assert gray.shape == (10, 12, 1)
    assert np.abs(gray - over_white(color[:, :, :1], alpha)).max() <= 1


def test_a_colour_that_stands_for_transparent_shows_white() -> None:
    picture = np.full((4, 4, 3), 90, np.uint8)
    picture[0] = (10, 20, 30)
    found = decode_bytes(encoded(picture, "PNG", transparency=(10, 20, 30)))
    assert (found[0] == 255).all()
    assert (found[1:] == 90).all()
    gray = np.full((4, 4), 90, np.uint8)
    gray[0] = 7
    found = decode_bytes(encoded(gray, "PNG", transparency=7))
    assert (found[0] == 255).all()
    assert (found[1:] == 90).all()


TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: p.swapaxes(0, 1)[:, ::-1],
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: p.swapaxes(0, 1)[::-1],
}
XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("before", [0, 5000, 60_000])
def test_a_jpeg_is_turned_as_its_exif_says_wherever_that_stands(
    orientation: int, before: int
) -> None:
    picture = soft(16, 24)
    upright = decode_bytes(encoded(picture, "JPEG", quality=95))
    found = decode_bytes(turned_jpeg(picture, orientation, before))
    assert same(found, TURNS[orientation](upright))


@pytest.mark.parametrize("orientation", TURNS)
def test_a_png_is_turned_as_its_exif_says(orientation: int) -> None:
    picture = noise(5, 8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert same(decode_bytes(encoded(picture, "PNG", exif=exif)), TURNS[orientation](picture))


def test_a_picture_is_turned_as_its_xmp_or_its_texts_say() -> None:
    picture = soft(16, 24)
    data = encoded(picture, "JPEG", xmp=XMP.encode(), quality=95)
    assert same(decode_bytes(data), TURNS[6](decode_bytes(encoded(picture, "JPEG", quality=95))))
    exif = Image.Exif()
    exif[0x0112] = 6
    raw = exif.tobytes()
    for keyword, text in (
        ("XML:com.adobe.xmp", XMP),
        ("Raw profile type exif", f"\nexif\n{len(raw)}\n{raw.hex()}\n"),
    ):
        info = PngImagePlugin.PngInfo()
        info.add_text(keyword, text)
        assert same(decode_bytes(encoded(picture, "PNG", pnginfo=info)), TURNS[6](picture))


def test_only_the_first_frame_of_an_animation_counts() -> None:
    frames = [noise(6, 7, seed=n) for n in range(3)]
    for form in ("PNG", "WEBP"):
        more = [Image.fromarray(frame) for frame in frames[1:]]
        data = encoded(frames[0], form, save_all=True, append_images=more, lossless=True)
        assert same(decode_bytes(data), frames[0])


def test_colour_to_grey_is_pillows_luma_bit_for_bit() -> None:
    levels = np.stack(np.meshgrid(*[np.arange(0, 256, 5)] * 3), -1).reshape(-1, 52, 3)
    colors = levels.astype(np.uint8)
    wanted = np.asarray(Image.fromarray(colors).convert("L"))
    assert same(convert_channels(colors, 1), wanted)


def test_grey_to_colour_repeats_it() -> None:
    gray = noise(5, 6, 1)[:, :, None]
    assert same(convert_channels(gray, 3), np.repeat(gray, 3, axis=2))
    assert convert_channels(gray, 1) is gray


def area_average(picture: Pixels, height: int, width: int) -> NDArray[np.float64]:
    """The exact mean of what each pixel of the smaller picture covers."""

    def shares(large: int, small: int) -> NDArray[np.float64]:
        edges = np.arange(small + 1) * large / small
        low, high = edges[:-1, None], edges[1:, None]
        cells = np.arange(large)[None]
        covered = np.minimum(high, cells + 1) - np.maximum(low, cells)
        return np.asarray(np.clip(covered, 0, None) * small / large)

    rows, columns = shares(picture.shape[0], height), shares(picture.shape[1], width)
    narrow = columns @ picture.astype(float)  # (H, small W, C)
    return np.asarray(np.tensordot(rows, narrow, 1))


SHRINKS = [(57, 61, 28, 28), (31, 31, 28, 28), (100, 333, 64, 28), (224, 224, 128, 128)]


@pytest.mark.parametrize("sizes", SHRINKS)
def test_shrinking_is_the_mean_of_what_is_covered_within_one_level(
    sizes: tuple[int, int, int, int],
) -> None:
    height, width, small_height, small_width = sizes
    for picture in (noise(height, width), soft(height, width)):
        found = resize(picture, small_height, small_width).astype(float)
        assert np.abs(found - area_average(picture, small_height, small_width)).max() <= 1


@pytest.mark.parametrize("sizes", [(56, 56, 28, 28), (84, 112, 28, 28), (128, 96, 64, 32)])
def test_shrinking_by_whole_numbers_is_pillows_box_filter_within_one_level(
    sizes: tuple[int, int, int, int],
) -> None:
    height, width, small_height, small_width = sizes
    for picture in (noise(height, width), soft(height, width)):
        found = resize(picture, small_height, small_width).astype(int)
        box = Image.fromarray(picture).resize((small_width, small_height), Image.Resampling.BOX)
        assert np.abs(found - np.asarray(box)).max() <= 1


def test_shrinking_soft_pictures_by_other_factors_stays_near_pillows_box_filter() -> None:
    # Pillow's box takes whole pixels by their centres; the mean takes shares of them.
    for seed in range(5):
        picture = soft(300, 400, seed)
        found = resize(picture, 64, 64).astype(int)
        box = np.asarray(Image.fromarray(picture).resize((64, 64), Image.Resampling.BOX))
        assert np.abs(found - box).max() <= 6
        assert np.abs(found - box).mean() <= 1


def test_growing_is_pillows_bilinear_filter_within_one_level() -> None:
    for size in ((28, 28), (33, 64)):
        picture = noise(9, 13)
        found = resize(picture, *size).astype(int)
        bilinear = Image.fromarray(picture).resize(size[::-1], Image.Resampling.BILINEAR)
        assert np.abs(found - np.asarray(bilinear)).max() <= 1


def test_a_side_that_shrinks_is_averaged_although_the_other_grows() -> None:
    stripes = np.zeros((4, 100, 1), np.uint8)
    stripes[:, ::2] = 200
    assert np.abs(resize(stripes, 50, 10).astype(int) - 100).max() <= 1


def test_a_flat_picture_stays_flat_at_any_size() -> None:
    for level in (0, 1, 127, 255):
        for size in ((1, 1), (3, 7), (28, 28), (90, 20)):
            flat = np.full((28, 40, 3), level, np.uint8)
            assert (resize(flat, *size) == level).all()


def shaped(fit: str, picture: Pixels, height: int = 8, width: int = 8) -> Pixels:
    """The picture as an input of that size."""
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    return decode(
        picture, Preprocess(channels=channels, height=height, width=width, fit=fit)  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
def test_a_picture_of_the_right_size_is_left_alone(fit: str) -> None:
    picture = noise(8, 8)
    assert same(shaped(fit, picture), picture)


def test_crop_takes_the_centre() -> None:
    picture = noise(8, 20, 1)
    assert same(shaped("crop", picture), picture[:, 6:14])
    assert same(shaped("crop", picture.T.copy()), picture.T[6:14])


def test_pad_shows_all_of_it_on_black() -> None:
    found = shaped("pad", np.full((8, 16), 200, np.uint8))[:, :, 0]
    assert (found[2:6] == 200).all()
    assert (found[:2] == 0).all()
    assert (found[6:] == 0).all()


def test_squash_shows_all_of_it_everywhere() -> None:
    picture = np.zeros((4, 16), np.uint8)
    picture[:, :8] = 200
    found = shaped("squash", picture)[:, :, 0]
    assert (found[:, :4] == 200).all()
    assert (found[:, 4:] == 0).all()


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 3), (7, 8), (9, 8), (100, 99)])
@pytest.mark.parametrize("wanted", [(1, 1), (8, 8), (5, 12)])
def test_every_size_fits_every_input(
    fit: str, size: tuple[int, int], wanted: tuple[int, int]
) -> None:
    found = shaped(fit, np.full(size, 77, np.uint8), *wanted)
    assert found.shape == (*wanted, 1)
    assert set(np.unique(found)) <= ({0, 77} if fit == "pad" else {77})
    assert (found == 77).any()


@pytest.mark.parametrize(
    "array",
    [
        noise(4, 4).astype(np.float32),
        noise(4, 4).astype(np.int64),
        noise(4, 4)[None],
        noise(4, 4).ravel(),
        np.zeros((0, 4), np.uint8),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_of_another_kind_is_refused(array: Pixels) -> None:
    with pytest.raises(DataError):
        decode(array, Preprocess(channels=3, height=8, width=8))


def test_pictures_are_decoded_on_one_thread_each() -> None:
    assert cv2.getNumThreads() == 1
