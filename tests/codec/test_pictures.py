# SPDX-License-Identifier: Apache-2.0
"""Decodes pictures that Pillow writes and compares every sample with what Pillow reads.

Runs the program ferry_codec_tool, which the build makes with FERRY_BUILD_TESTS; the environment
variable FERRY_CODEC_TOOL names another one.
"""

import io
import os
import pathlib
import struct
import subprocess
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

ROOT = pathlib.Path(__file__).resolve().parents[2]


def find_tool():
    if named := os.environ.get("FERRY_CODEC_TOOL"):
        return pathlib.Path(named)
    built = ROOT.glob("build/*/src/codec/ferry_codec_tool")
    return max(built, key=lambda p: p.stat().st_mtime, default=None)


TOOL = find_tool()
pytestmark = [
    pytest.mark.skipif(TOOL is None, reason="ferry_codec_tool is not built"),
    pytest.mark.filterwarnings("ignore:Palette images with Transparency"),
]


def run(*words):
    done = subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def decode(path, *options):
    raw = path.with_suffix(".raw")
    code, out, err = run("decode", path, raw, *options)
    assert code == 0, err
    assert err == ""
    first, *notes = out.splitlines()
    width, height, channels, bits = map(int, first.split())
    pixels = np.fromfile(raw, np.uint8 if bits == 8 else np.uint16)
    return pixels.reshape(height, width, channels), notes


def rejected(path):
    code, out, err = run("decode", path, path.with_suffix(".raw"))
    assert code == 1 and out == ""
    assert str(path) in err
    return err


def natural(height, width, channels, seed=0):
    """Smooth colours with edges: nothing that a lossy codec would treat as a special case."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = []
    for _ in range(channels):
        a, b, c = rng.uniform(0.02, 0.3, 3)
        planes.append(128 + 60 * np.sin(a * x + b * y) + 60 * np.cos(c * x - a * y))
    picture = np.stack(planes, -1) + rng.normal(0, 4, (height, width, channels))
    picture[height // 4 : height // 2, width // 3 : width // 2] = rng.uniform(0, 255, channels)
    return np.clip(picture, 0, 255).astype(np.uint8)


def save(path, picture, **options):
    picture.save(path, **options)
    return path


RGB = Image.fromarray(natural(45, 67, 3))
GREY = Image.fromarray(natural(45, 67, 1)[:, :, 0])
RGBA = Image.fromarray(natural(45, 67, 4))
GREY_ALPHA = Image.fromarray(natural(45, 67, 2), "LA")


def same_as_pillow(path, tolerance=0):
    with Image.open(path) as picture:
        picture.load()
        for mode, option in (("RGB", "rgb"), ("L", "grey")):
            want = np.array(picture.convert("RGB").convert(mode)).reshape(*picture.size[::-1], -1)
            seen, _ = decode(path, option, "unturned")
            assert seen.shape == want.shape
            assert np.abs(seen.astype(int) - want).max() <= tolerance
        if option == "rgb":
            assert np.array_equal(decode(path, "bgr", "unturned")[0], seen[:, :, ::-1])


# --- PNG ----------------------------------------------------------------------------------------


def png(width, height, depth, kind, rows, extra=(), interlaced=False):
    """A PNG file from packed rows (without filter bytes); `rows` is a list of passes."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(
            ">I", zlib.crc32(name + data)
        )

    raw = b"".join(b"\0" + row for row in rows)
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", head)]
        + [chunk(*e) for e in extra]
        + [chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b"")]
    )


def pack(values, depth):
    """Rows of samples into rows of bytes, most significant bit first."""
    if depth == 16:
        return [row.astype(">u2").tobytes() for row in values]
    bits = ((values[:, :, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
    return [np.packbits(row.reshape(-1)).tobytes() for row in bits]


PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def adam7(values, depth, channels=1):
    height, width = values.shape[:2]
    pixels = values.reshape(height, width, channels)
    rows = []
    for x, y, dx, dy in PASSES:
        part = pixels[y::dy, x::dx]
        if part.size:
            rows += pack(part.reshape(part.shape[0], -1), depth)
    return rows


@pytest.mark.parametrize("picture", [RGB, GREY, RGBA, GREY_ALPHA], ids=lambda p: p.mode)
def test_png_modes(tmp_path, picture):
    path = save(tmp_path / "a.png", picture)
    same_as_pillow(path)
    seen, _ = decode(path, "keep", "alpha")
    assert np.array_equal(seen, np.array(picture).reshape(seen.shape))


def test_png_alpha_is_dropped_with_a_note(tmp_path):
    path = save(tmp_path / "a.png", RGBA)
    seen, notes = decode(path)
    assert np.array_equal(seen, np.array(RGBA)[:, :, :3])
    assert "alpha dropped" in notes


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_png_grey_depths(tmp_path, depth, interlaced):
    values = np.random.default_rng(depth).integers(0, 1 << depth, (13, 21))
    rows = adam7(values, depth) if interlaced else pack(values, depth)
    path = tmp_path / "a.png"
    path.write_bytes(png(21, 13, depth, 0, rows, interlaced=interlaced))
    seen, _ = decode(path, "keep", "deep")
    full = 65535 if depth == 16 else 255
    assert np.array_equal(seen[:, :, 0], values * (full // ((1 << depth) - 1)))


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_png_grey_with_transparent_value(tmp_path, depth):
    values = np.random.default_rng(depth).integers(0, 1 << depth, (13, 21))
    key = int(values[3, 3])
    extra = [(b"tRNS", struct.pack(">H", key))]
    path = tmp_path / "a.png"
    path.write_bytes(png(21, 13, depth, 0, pack(values, depth), extra))
    seen, _ = decode(path, "keep", "alpha", "deep")
    full = 65535 if depth == 16 else 255
    assert np.array_equal(seen[:, :, 0], values * (full // ((1 << depth) - 1)))
    assert np.array_equal(seen[:, :, 1], np.where(values == key, 0, full))


@pytest.mark.parametrize("channels,kind", [(2, 4), (3, 2), (4, 6)])
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", [8, 16])
def test_png_colour_depths(tmp_path, channels, kind, depth, interlaced):
    values = np.random.default_rng(5).integers(0, 1 << depth, (11, 9, channels))
    rows = adam7(values, depth, channels) if interlaced else pack(values.reshape(11, -1), depth)
    path = tmp_path / "a.png"
    path.write_bytes(png(9, 11, depth, kind, rows, interlaced=interlaced))
    seen, _ = decode(path, "keep", "alpha", "deep")
    assert np.array_equal(seen, values)
    rounded, notes = decode(path, "keep", "alpha")
    assert np.array_equal(rounded, np.rint(values / (257 if depth == 16 else 1)))
    assert ("16 bits rounded to 8" in notes) == (depth == 16)


@pytest.mark.parametrize("depth", [8, 16])
def test_png_colour_with_transparent_value(tmp_path, depth):
    values = np.random.default_rng(6).integers(0, 1 << depth, (5, 7, 3))
    extra = [(b"tRNS", struct.pack(">HHH", *map(int, values[2, 2])))]
    path = tmp_path / "a.png"
    path.write_bytes(png(7, 5, depth, 2, pack(values.reshape(5, -1), depth), extra))
    seen, _ = decode(path, "alpha", "deep")
    assert np.array_equal(seen[:, :, :3], values)
    assert seen[2, 2, 3] == 0 and np.count_nonzero(seen[:, :, 3] == 0) == 1


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_png_palettes(tmp_path, depth, interlaced):
    rng = np.random.default_rng(depth)
    colours = rng.integers(0, 256, (1 << depth, 4)).astype(np.uint8)
    values = rng.integers(0, 1 << depth, (13, 21))
    extra = [(b"PLTE", colours[:, :3].tobytes()), (b"tRNS", colours[:, 3].tobytes())]
    rows = adam7(values, depth) if interlaced else pack(values, depth)
    path = tmp_path / "a.png"
    path.write_bytes(png(21, 13, depth, 3, rows, extra, interlaced))
    same_as_pillow(path)
    seen, notes = decode(path, "keep", "alpha")
    assert np.array_equal(seen, colours[values])
    assert "palette expanded" in notes


def test_png_exif(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "a.png", RGB, exif=exif)
    assert np.array_equal(decode(path)[0], np.array(ImageOps.exif_transpose(Image.open(path))))


def test_png_that_claims_more_than_it_can_hold(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(15000, 15000, 8, 2, [b"\0" * 45000]))
    assert "cannot come out of" in rejected(path)
    path.write_bytes(png(60000, 60000, 8, 2, [b"\0" * 45000]))
    assert "LimitExceeded" in rejected(path)


# --- JPEG ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("size", [(67, 45), (1, 1), (16, 8), (33, 2)])
def test_jpeg(tmp_path, subsampling, progressive, size):
    picture = Image.fromarray(natural(size[1], size[0], 3))
    path = save(tmp_path / "a.jpg", picture, quality=85, subsampling=subsampling, progressive=progressive)
    same_as_pillow(path)


def test_jpeg_grey(tmp_path):
    path = save(tmp_path / "a.jpg", GREY, quality=85)
    same_as_pillow(path)
    assert decode(path, "keep")[0].shape == (45, 67, 1)


def test_jpeg_rgb_and_restarts(tmp_path):
    same_as_pillow(save(tmp_path / "a.jpg", RGB, keep_rgb=True))
    same_as_pillow(save(tmp_path / "b.jpg", RGB, restart_marker_rows=1))


def test_jpeg_cmyk(tmp_path):
    picture = Image.fromarray(natural(45, 67, 4), "CMYK")
    path = save(tmp_path / "a.jpg", picture, quality=95)
    same_as_pillow(path)
    assert any("CMYK" in note for note in decode(path)[1])


@pytest.mark.parametrize("orientation", range(0, 10))
def test_jpeg_orientation(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x010F] = "maker"
    exif[0x0112] = orientation
    path = save(tmp_path / "a.jpg", RGB, exif=exif)
    with Image.open(path) as picture:
        upright = np.array(ImageOps.exif_transpose(picture))
        stored = np.array(picture)
    seen, notes = decode(path)
    assert np.array_equal(seen, upright)
    assert any("turned" in note for note in notes) == (2 <= orientation <= 8)
    assert np.array_equal(decode(path, "unturned")[0], stored)


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_truncated(tmp_path, progressive):
    whole = save(tmp_path / "a.jpg", RGB, progressive=progressive).read_bytes()
    path = tmp_path / "b.jpg"
    for cut in range(4, len(whole) - 40, 17):
        path.write_bytes(whole[:cut])
        assert "truncated" in rejected(path)
    path.write_bytes(whole[:-2])
    if progressive:
        assert "truncated" in rejected(path)
    else:
        assert "the file has no end marker" in decode(path)[1]


# --- WebP ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("picture", [RGB, RGBA], ids=lambda p: p.mode)
def test_webp(tmp_path, picture, lossless):
    path = save(tmp_path / "a.webp", picture, lossless=lossless, exact=True)
    same_as_pillow(path)
    seen, _ = decode(path, "alpha")
    assert np.array_equal(seen, np.array(Image.open(path)))
    if lossless:
        assert np.array_equal(seen, np.array(picture))


def test_webp_animation_gives_its_first_frame(tmp_path):
    second = Image.fromarray(natural(45, 67, 3, seed=9))
    path = save(tmp_path / "a.webp", RGB, save_all=True, append_images=[second], lossless=True)
    seen, notes = decode(path)
    assert np.array_equal(seen, np.array(RGB))
    assert any("first of 2 frames" in note for note in notes)


def test_webp_exif(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    path = save(tmp_path / "a.webp", RGB, exif=exif, lossless=True)
    assert np.array_equal(decode(path)[0], np.array(ImageOps.exif_transpose(Image.open(path))))


def test_webp_truncated(tmp_path):
    whole = save(tmp_path / "a.webp", RGB).read_bytes()
    path = tmp_path / "b.webp"
    for cut in range(12, len(whole) - 1, 31):
        path.write_bytes(whole[:cut])
        assert "damaged" in rejected(path)


# --- TIFF ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("picture", [RGB, GREY, RGBA, GREY_ALPHA], ids=lambda p: p.mode)
def test_tiff(tmp_path, picture, compression):
    path = save(tmp_path / "a.tif", picture, compression=compression)
    seen, _ = decode(path, "keep", "alpha")
    assert np.array_equal(seen, np.array(picture).reshape(seen.shape))


@pytest.mark.parametrize("compression", [None, "group4", "tiff_lzw"])
def test_tiff_one_bit(tmp_path, compression):
    picture = GREY.convert("1")
    path = save(tmp_path / "a.tif", picture, compression=compression)
    assert np.array_equal(decode(path, "keep")[0][:, :, 0], np.array(picture) * 255)


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_tiff_converted_strip_by_strip(tmp_path, mode):
    picture = Image.frombytes(mode, RGB.size, RGB.tobytes())
    read = [decode(save(tmp_path / "a.tif", picture, tiffinfo={278: rows})) for rows in (5, 1000)]
    assert np.array_equal(read[0][0], read[1][0]) and len(np.unique(read[0][0])) > 50


def test_tiff_palette_cmyk_jpeg_16_bits(tmp_path):
    same_as_pillow(save(tmp_path / "a.tif", RGB.quantize(40)))
    same_as_pillow(save(tmp_path / "b.tif", Image.fromarray(natural(45, 67, 4), "CMYK")))
    same_as_pillow(save(tmp_path / "c.tif", RGB, compression="jpeg"))
    deep = np.random.default_rng(1).integers(0, 65536, (9, 7)).astype(np.uint16)
    path = save(tmp_path / "d.tif", Image.fromarray(deep))
    assert np.array_equal(decode(path, "keep", "deep")[0][:, :, 0], deep)


def test_tiff_of_tifffile(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    picture = natural(70, 90, 3)
    deep = picture.astype(np.uint16) * 200
    for name, options in {
        "tiles": {"tile": (32, 48)},
        "planes": {"planarconfig": "separate"},
        "planes-tiles": {"planarconfig": "separate", "tile": (16, 16)},
        "strips": {"rowsperstrip": 7},
        "big": {"bigtiff": True},
        "big-endian": {"byteorder": ">"},
    }.items():
        for samples in (picture, deep):
            path = tmp_path / f"{name}.tif"
            stored = np.moveaxis(samples, -1, 0) if "planes" in name else samples
            tifffile.imwrite(path, stored, photometric="rgb", **options)
            assert np.array_equal(decode(path, "deep")[0], samples), name
    white = tmp_path / "white.tif"
    tifffile.imwrite(white, picture[:, :, 0], photometric="miniswhite")
    assert np.array_equal(decode(white, "keep")[0][:, :, 0], 255 - picture[:, :, 0])
    multiplied = tmp_path / "multiplied.tif"
    alpha = np.full((70, 90, 1), 128, np.uint8)
    tifffile.imwrite(multiplied, np.concatenate([picture // 2, alpha], -1), photometric="rgb",
                     extrasamples=["assocalpha"])
    want = np.minimum(255, (picture // 2).astype(int) * 255 // 128)
    assert np.array_equal(decode(multiplied)[0], want)
    floats = tmp_path / "floats.tif"
    tifffile.imwrite(floats, picture.astype(np.float32), photometric="rgb")
    assert "float samples are not read" in rejected(floats)
    pages = tmp_path / "pages.tif"
    tifffile.imwrite(pages, np.stack([picture, picture[::-1]]), photometric="rgb")
    seen, notes = decode(pages)
    assert np.array_equal(seen, picture) and any("several pictures" in n for n in notes)


def test_tiff_orientation(tmp_path):
    for orientation in range(1, 9):
        path = save(tmp_path / "a.tif", RGB, tiffinfo={274: orientation})
        assert np.array_equal(decode(path)[0], np.array(Image.open(path))), orientation


# --- JPEG 2000, BMP, PNM ------------------------------------------------------------------------


@pytest.mark.parametrize("picture", [RGB, GREY, RGBA, GREY_ALPHA], ids=lambda p: p.mode)
@pytest.mark.parametrize("name", ["a.jp2", "a.j2k"])
def test_jpeg2000(tmp_path, picture, name):
    path = save(tmp_path / name, picture)
    seen, _ = decode(path, "keep", "alpha")
    assert np.array_equal(seen, np.array(picture).reshape(seen.shape))


def test_jpeg2000_lossy_tiled_deep(tmp_path):
    same_as_pillow(
        save(tmp_path / "a.jp2", RGB, irreversible=True, quality_layers=[20], tile_size=(32, 32))
    )
    deep = np.random.default_rng(1).integers(0, 65536, (9, 7)).astype(np.uint16)
    path = save(tmp_path / "b.jp2", Image.fromarray(deep))
    assert np.array_equal(decode(path, "keep", "deep")[0][:, :, 0], deep)


def test_jpeg2000_truncated(tmp_path):
    whole = save(tmp_path / "a.jp2", RGB).read_bytes()
    path = tmp_path / "b.jp2"
    for cut in range(12, len(whole) - 2, 61):
        path.write_bytes(whole[:cut])
        assert "JPEG 2000" in rejected(path), cut


@pytest.mark.parametrize("picture", [RGB, GREY, RGBA, RGB.quantize(16), GREY.convert("1")],
                         ids=lambda p: p.mode)
def test_bmp(tmp_path, picture):
    same_as_pillow(save(tmp_path / "a.bmp", picture))


def bmp(width, height, bits, compression, pixels, palette=b"", masks=b""):
    at = 14 + 40 + len(masks) + len(palette)
    head = struct.pack("<2sIII", b"BM", at + len(pixels), 0, at)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(pixels), 0, 0,
                       len(palette) // 4, 0)
    return head + info + masks + palette + pixels


def test_bmp_variants(tmp_path):
    rng = np.random.default_rng(3)
    palette = rng.integers(0, 256, 64).astype(np.uint8).tobytes()
    half = rng.integers(0, 65536, 6 * 4).astype("<u2").tobytes()
    whole = rng.integers(0, 1 << 32, 6 * 4).astype("<u4").tobytes()
    files = {
        "555": bmp(6, 4, 16, 0, half),
        "565": bmp(6, 4, 16, 3, half, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)),
        "x888": bmp(6, 4, 32, 0, whole),
        "888x": bmp(6, 4, 32, 3, whole, masks=struct.pack("<III", 0xFF000000, 0xFF0000, 0xFF00)),
        "top": bmp(6, -4, 32, 0, whole),
        "4": bmp(6, 4, 4, 0, half[:16], palette),
        "rle8": bmp(6, 3, 8, 1, b"\x06\x01\0\0\0\x05\1\2\3\4\5\0\1\6\0\0\3\7\3\x08\0\1", palette),
        "rle4": bmp(6, 2, 4, 2, b"\x06\x12\0\0\0\x05\x12\x34\x50\0\1\x60\0\1", palette),
    }
    for name, data in files.items():
        path = tmp_path / f"{name}.bmp"
        path.write_bytes(data)
        same_as_pillow(path)


@pytest.mark.parametrize("picture", [RGB, GREY, GREY.convert("1")], ids=lambda p: p.mode)
def test_pnm(tmp_path, picture):
    same_as_pillow(save(tmp_path / "a.ppm", picture))


def test_pnm_variants(tmp_path):
    deep = np.random.default_rng(1).integers(0, 65536, (3, 4)).astype(">u2")
    files = {
        "P1": b"P1 # words\n4 3\n1 0 1 0\n0110\n1 1 1 1\n",
        "P2": b"P2\n3 2\n# more words\n15\n0 1 2\n13 14 15\n",
        "P3": b"P3\n2 1\n255\n0 100 200 255 1 2\n",
        "P4": b"P4\n11 2\n\xaa\xa0\x0f\x20",
        "P5": b"P5\n3 2\n100\n\0\1\2\x32\x63\x64",
    }
    for name, data in files.items():
        path = tmp_path / f"{name}.pnm"
        path.write_bytes(data)
        same_as_pillow(path)
    path = tmp_path / "deep.pgm"
    path.write_bytes(b"P5 4 3 65535\n" + deep.tobytes())
    assert np.array_equal(decode(path, "keep", "deep")[0][:, :, 0], deep)
    pam = tmp_path / "a.pam"
    pam.write_bytes(b"P7\nWIDTH 1\nHEIGHT 2\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
                    + bytes(range(8)))
    assert np.array_equal(decode(pam, "alpha")[0].reshape(-1), np.arange(8))


# --- Writing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["o.png", "o.tif", "o.bmp"])
@pytest.mark.parametrize("picture", [RGB, GREY, RGBA, GREY_ALPHA], ids=lambda p: p.mode)
def test_lossless_files_that_pillow_reads(tmp_path, picture, name):
    code, _, err = run("convert", save(tmp_path / "a.png", picture), tmp_path / name)
    if picture.mode == "LA" and name == "o.bmp":
        assert code == 1 and "BMP cannot hold the alpha channel" in err
        return
    assert code == 0, err
    with Image.open(tmp_path / name) as seen:
        assert np.array_equal(np.array(seen), np.array(picture))


def test_lossy_files_equal_pillows(tmp_path):
    source = save(tmp_path / "a.png", RGB)
    for quality in (10, 75, 95):
        assert run("convert", source, tmp_path / "o.jpg", quality)[0] == 0
        save(tmp_path / "p.jpg", RGB, quality=quality, subsampling=2)
        assert np.array_equal(np.array(Image.open(tmp_path / "o.jpg")),
                              np.array(Image.open(tmp_path / "p.jpg")))
    assert run("convert", source, tmp_path / "o.jpg", 90, "full-chroma")[0] == 0
    save(tmp_path / "p.jpg", RGB, quality=90, subsampling=0)
    assert np.array_equal(np.array(Image.open(tmp_path / "o.jpg")),
                          np.array(Image.open(tmp_path / "p.jpg")))
    assert run("convert", source, tmp_path / "o.webp", "lossless")[0] == 0
    assert np.array_equal(np.array(Image.open(tmp_path / "o.webp")), np.array(RGB))


# --- Errors -------------------------------------------------------------------------------------


def test_errors_name_the_file_and_the_reason(tmp_path):
    buffer = io.BytesIO()
    GREY.save(buffer, "GIF")
    for name, data, words in [
        ("a.png", b"hello, this is no picture", "looks like text"),
        ("b.png", b"", "is empty"),
        ("c.png", buffer.getvalue(), "unsupported picture format GIF"),
        ("d.jpg", bytes(range(200, 256)), "not a picture"),
    ]:
        path = tmp_path / name
        path.write_bytes(data)
        assert words in rejected(path)
    assert "No such file" in rejected(tmp_path / "missing.png")
    assert "is a directory" in rejected(tmp_path)


def test_the_name_does_not_matter(tmp_path):
    path = tmp_path / "a.jpg"
    RGB.save(path, "PNG")
    assert np.array_equal(decode(path)[0], np.array(RGB))
