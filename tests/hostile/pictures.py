# SPDX-License-Identifier: Apache-2.0
"""Hostile pictures: small files that unfold, headers that lie, structures that point at themselves."""

import struct
import zlib

import numpy as np

from .case import TOO_BIG, op

ENDS = ("Ok", "UnsupportedType", "DeadlineExceeded", *TOO_BIG)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks, width=4, height=4, depth=8, color=2, interlace=0):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunk(k, d) for k, d in chunks) + chunk(b"IEND", b"")


def png_cases():
    rows = zlib.compress(bytes(4 * 13))
    yield "png_of_100000_parts", png(*[(b"IDAT", rows[i : i + 1]) for i in range(len(rows))], *[(b"IDAT", b"")] * 100_000)
    yield "png_profile_bomb", png((b"iCCP", b"x\0\0" + zlib.compress(bytes(50 << 20))), (b"IDAT", rows))
    yield "png_text_bomb", png((b"zTXt", b"x\0\0" + zlib.compress(bytes(50 << 20))), (b"IDAT", rows))
    yield "png_palette_outside", png((b"PLTE", bytes(3)), (b"IDAT", zlib.compress((b"\0" + b"\xff" * 4) * 4)), color=3)
    yield "png_palette_missing", png((b"IDAT", zlib.compress((b"\0" + b"\xff" * 4) * 4)), color=3)
    yield "png_interlaced_short", png((b"IDAT", zlib.compress(b"\0")), width=4000, height=4000, interlace=1)
    yield "png_filter_of_9", png((b"IDAT", zlib.compress((b"\x09" + bytes(12)) * 4)))
    yield "png_tall", png((b"IDAT", rows), width=1, height=2**31 - 1)
    yield "png_alpha_lies", png((b"tRNS", bytes(500)), (b"IDAT", rows))


def jpeg(*segments):
    body = b"".join(b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data for marker, data in segments)
    return b"\xff\xd8" + body + b"\xff\xd9"


def jpeg_cases():
    table = (0xDB, b"\0" + bytes([1] * 64))
    huffman = [(0xC4, bytes([kind]) + bytes([1] + [0] * 15) + b"\0") for kind in (0x00, 0x10)]
    scan = (0xDA, b"\1\1\0\0\0\0")

    def frame(kind, height, width, parts=b"\1\x11\0"):
        return (kind, struct.pack(">BHHB", 8, height, width, len(parts) // 3) + parts)

    yield "jpeg_of_10000_scans", jpeg(table, frame(0xC2, 4000, 4000), *huffman, *[scan] * 10_000)
    yield "jpeg_sampling_0", jpeg(table, frame(0xC0, 8, 8, b"\1\0\0"), *huffman, scan)
    yield "jpeg_sampling_15", jpeg(table, frame(0xC0, 8, 8, b"\1\xff\0"), *huffman, scan)
    yield "jpeg_table_outside", jpeg(table, frame(0xC0, 8, 8, b"\1\x11\x7f"), *huffman, scan)
    yield "jpeg_of_255_parts", jpeg(table, frame(0xC0, 8, 8, b"\1\x11\0" * 85), *huffman, scan)
    yield "jpeg_height_0", jpeg(table, frame(0xC0, 0, 60000), *huffman, scan)
    yield "jpeg_huffman_overflows", jpeg(table, frame(0xC0, 8, 8), (0xC4, b"\0" + b"\xff" * 16 + bytes(300)), scan)
    yield "jpeg_exif_loop", jpeg((0xE1, b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 0) + struct.pack("<I", 8)), table, frame(0xC0, 8, 8), *huffman, scan)
    yield "jpeg_exif_count_lies", jpeg((0xE1, b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHII", 65535, 0x112, 3, 2**32 - 1, 2**32 - 1)), table,
                                       frame(0xC0, 8, 8), *huffman, scan)


def tiff(*entries, data=b""):
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries) + bytes(4)
    return b"II*\0\x08\0\0\0" + directory + data


def tiff_cases():
    def picture(width, height, *more, data=b""):
        given = {256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 8), 262: (3, 1, 1), 277: (3, 1, 1), 273: (4, 1, 8), 279: (4, 1, 16), 278: (4, 1, height)}
        given |= {tag: rest for tag, *rest in more}
        return tiff(*[(tag, *given[tag]) for tag in sorted(given)], data=data)

    at = 8 + 2 + 9 * 12 + 4
    yield "tiff_deflate_bomb", picture(20000, 20000, (259, 3, 1, 8), (273, 4, 1, at), (279, 4, 1, 1 << 20), data=zlib.compress(bytes(1 << 26)))
    yield "tiff_strips_2_billion", picture(4, 4, (273, 4, 2**31, 8), (279, 4, 2**31, 8))
    yield "tiff_samples_65535", picture(4, 4, (277, 3, 1, 65535))
    yield "tiff_depth_65535", picture(4, 4, (258, 3, 1, 65535))
    yield "tiff_strip_outside", picture(4, 4, (273, 4, 1, 2**32 - 1), (279, 4, 1, 2**32 - 1))
    yield "tiff_tiles_of_1", picture(60000, 60000, (322, 3, 1, 16), (323, 3, 1, 16))
    yield "tiff_fax_rubbish", picture(10000, 10000, (259, 3, 1, 4), (258, 3, 1, 1), data=b"\x5a" * 1000)
    yield "tiff_rows_0", picture(4, 4, (278, 4, 1, 0))


def other_cases():
    def bmp(width, height, depth, packing=0, colors=0, offset=54, data=b""):
        return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, offset) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, depth, packing, 0, 0, 0, colors, 0) + data

    yield "bmp_runs_outside", bmp(4, 4, 8, 1, 2, 62, bytes(8) + b"\xff\x01" * 500)
    yield "bmp_colors_4_billion", bmp(4, 4, 8, 0, 2**32 - 1)
    yield "bmp_offset_outside", bmp(4, 4, 24, 0, 0, 2**32 - 1)
    yield "bmp_lowest", bmp(-2**31, -2**31, 24)
    yield "bmp_depth_77", bmp(4, 4, 77)
    yield "pnm_maximum_0", b"P5\n4 4\n0\n" + bytes(16)
    yield "pnm_maximum_huge", b"P5\n4 4\n99999999999999999999\n" + bytes(16)
    yield "pnm_comment_without_end", b"P5\n#" + b"x" * 100_000
    yield "pnm_text_of_a_billion", b"P3\n30000 30000\n255\n" + b"1 " * 1000
    yield "webp_of_frames", b"RIFF" + struct.pack("<I", 2**31) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\x12\0\0\0" + bytes(6) + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    yield "webp_lossless_16383", b"RIFF" + struct.pack("<I", 40) + b"WEBPVP8L" + struct.pack("<I", 20) + b"\x2f\xff\xff\xff\x0f" + b"\xff" * 15
    tile = struct.pack(">HHIIIIIIII", 41, 0, 30000, 30000, 0, 0, 1, 1, 0, 0) + struct.pack(">H", 1) + b"\x07\x01\x01"
    yield "jpeg2000_900_million_tiles", b"\xff\x4f\xff\x51" + tile + b"\xff\xd9"
    parts = struct.pack(">HHIIIIIIII", 38 + 3 * 16384, 0, 64, 64, 0, 0, 64, 64, 0, 0) + struct.pack(">H", 16384) + b"\x07\x01\x01" * 16384
    yield "jpeg2000_of_16384_parts", b"\xff\x4f\xff\x51" + parts + b"\xff\xd9"
    yield "gif", b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0xF7, 0, 0) + bytes(768)


def cases():
    for family in (png_cases, jpeg_cases, tiff_cases, other_cases):
        for name, content in family():
            # What does not decode is an empty picture.
            yield from op("picture_" + name, "ImageDecoder", [np.frombuffer(content, np.uint8)], ENDS, opset=20)
