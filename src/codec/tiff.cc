// SPDX-License-Identifier: Apache-2.0
// TIFF and BigTIFF through libtiff: grey, palette, RGB and CMYK of 1 to 16 bits, strips or tiles,
// with alpha; YCbCr, Lab and the like through libtiff's own conversion to 8-bit RGB.
#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

#include "base/status.h"
#include "codec/convert.h"
#include "codec/formats.h"

namespace ferry::codec {
namespace {

// A file in memory, and the first error that libtiff reported about it.
struct MemoryFile {
  Bytes in;
  Encoded out;
  size_t at = 0;
  char error[256] = "";
};

MemoryFile& file_of(thandle_t handle) { return *static_cast<MemoryFile*>(handle); }

tmsize_t on_read(thandle_t handle, void* to, tmsize_t size) {
  MemoryFile& file = file_of(handle);
  const size_t left = file.in.size() - std::min(file.in.size(), file.at);
  const size_t n = std::min(static_cast<size_t>(size), left);
  if (n > 0) std::memcpy(to, file.in.data() + file.at, n);
  file.at += n;
  return static_cast<tmsize_t>(n);
}

tmsize_t on_write(thandle_t handle, void* from, tmsize_t size) {
  MemoryFile& file = file_of(handle);
  const size_t n = static_cast<size_t>(size);
  try {
    if (file.out.size() < file.at + n) file.out.resize(file.at + n);
  } catch (const std::bad_alloc&) {
    return -1;
  }
  std::memcpy(file.out.data() + file.at, from, n);
  file.at += n;
  return size;
}

toff_t on_size(thandle_t handle) {
  const MemoryFile& file = file_of(handle);
  return std::max(file.in.size(), file.out.size());
}

toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
  MemoryFile& file = file_of(handle);
  const toff_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file.at : on_size(handle);
  file.at = base + offset;
  return file.at;
}

int on_close(thandle_t) { return 0; }

// 1 keeps libtiff from calling its global handlers, which print.
int on_error(TIFF*, void* file, const char*, const char* format, va_list arguments) {
  char* error = static_cast<MemoryFile*>(file)->error;
  if (error[0] == '\0') {
    std::vsnprintf(error, sizeof(MemoryFile::error), format, arguments);
  }
  return 1;
}

int on_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

struct Close {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using Tiff = std::unique_ptr<TIFF, Close>;

// Modes: r read, m no mapping, w write, l little endian.
Tiff open_memory(MemoryFile& file, const char* mode, int64_t max_allocation) {
  struct FreeOptions {
    void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
  };
  const std::unique_ptr<TIFFOpenOptions, FreeOptions> options(TIFFOpenOptionsAlloc());
  if (options == nullptr) return nullptr;
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), max_allocation);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &file);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, nullptr);
  return Tiff(TIFFClientOpenExt("picture", mode, &file, on_read, on_write, on_seek, on_close,
                                on_size, nullptr, nullptr, options.get()));
}

Status damaged(const MemoryFile& file) {
  return invalid_argument("TIFF: damaged: {}",
                          file.error[0] != '\0' ? file.error : "the file is truncated");
}

enum class Alpha { kNone, kStraight, kPremultiplied };

struct Layout {
  uint32_t width = 0, height = 0;
  uint16_t bits = 1, samples = 1, photometric = 0, planar = 1, compression = 1, sample_format = 1;
  uint16_t orientation = 1;
  bool tiled = false;
  uint16_t colours = 1;  // samples that are not extra
  Alpha alpha = Alpha::kNone;

  bool planes() const { return planar == PLANARCONFIG_SEPARATE; }
  // Samples of one pixel that lie together.
  uint32_t together() const { return planes() ? 1u : samples; }
};

Result<Layout> read_layout(TIFF* tiff) {
  Layout l;
  if (TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &l.width) == 0 ||
      TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &l.height) == 0) {
    return invalid_argument("TIFF: damaged: no width or height");
  }
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &l.bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &l.samples);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &l.planar);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &l.compression);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &l.sample_format);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &l.orientation);
  if (TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &l.photometric) == 0) {
    l.photometric = l.samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
  }
  l.tiled = TIFFIsTiled(tiff) != 0;
  // libtiff decodes JPEG's YCbCr itself; the samples then are RGB.
  if (l.compression == COMPRESSION_JPEG && l.photometric == PHOTOMETRIC_YCBCR &&
      TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB) != 0) {
    l.photometric = PHOTOMETRIC_RGB;
  }
  l.colours = l.photometric == PHOTOMETRIC_RGB ? 3 : l.photometric == PHOTOMETRIC_SEPARATED ? 4 : 1;
  uint16_t extra = 0;
  const uint16_t* kinds = nullptr;
  TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra, &kinds);
  if (l.samples > l.colours) {
    // Writers exist that leave the tag away; what they add is straight alpha.
    const uint16_t kind = extra > 0 && kinds != nullptr ? kinds[0] : EXTRASAMPLE_UNASSALPHA;
    l.alpha = kind == EXTRASAMPLE_ASSOCALPHA   ? Alpha::kPremultiplied
              : kind == EXTRASAMPLE_UNASSALPHA ? Alpha::kStraight
                                               : Alpha::kNone;
  }
  return l;
}

// Photometrics that are decoded here, sample by sample.
bool is_direct(const Layout& l) {
  return l.photometric == PHOTOMETRIC_MINISBLACK || l.photometric == PHOTOMETRIC_MINISWHITE ||
         l.photometric == PHOTOMETRIC_RGB || l.photometric == PHOTOMETRIC_PALETTE ||
         l.photometric == PHOTOMETRIC_SEPARATED;
}

Status check_layout(const Layout& l) {
  if (l.sample_format != SAMPLEFORMAT_UINT && l.sample_format != SAMPLEFORMAT_VOID) {
    return unsupported_type("TIFF: {} samples are not read; wanted unsigned integers",
                            l.sample_format == SAMPLEFORMAT_IEEEFP ? "float" : "signed");
  }
  if (l.bits != 1 && l.bits != 2 && l.bits != 4 && l.bits != 8 && l.bits != 16) {
    return unsupported_type("TIFF: {} bits per sample are not read; wanted 1, 2, 4, 8 or 16",
                            l.bits);
  }
  if (l.samples < l.colours || l.samples > 5) {
    return unsupported_type("TIFF: {} samples per pixel are not read with photometric {}",
                            l.samples, l.photometric);
  }
  if (l.photometric == PHOTOMETRIC_PALETTE && l.bits > 8) {
    return unsupported_type("TIFF: a palette of {} bits is not read", l.bits);
  }
  return {};
}

// All samples of the file, interleaved, as they are stored.
struct Raw {
  std::vector<uint8_t> samples8;
  std::vector<uint16_t> samples16;
};

void unpack_row(const uint8_t* row, const Layout& l, size_t count, size_t first, size_t step,
                Raw& raw) {
  for (size_t i = 0; i < count; ++i) {
    // Pixels lie `step` samples apart in `raw`; a row holds all or one of the samples of each.
    const size_t to = l.planes() ? first + i * step : first + i;
    if (l.bits == 16) {
      std::memcpy(&raw.samples16[to], row + i * 2, 2);
    } else if (l.bits == 8) {
      raw.samples8[to] = row[i];
    } else {
      const size_t bit = i * l.bits;
      raw.samples8[to] =
          static_cast<uint8_t>(row[bit / 8] >> (8 - l.bits - bit % 8) & ((1u << l.bits) - 1));
    }
  }
}

struct BlockSize {
  uint32_t width, height;
};

// Of tiles, or of strips.
Result<BlockSize> block_size(TIFF* tiff, const Layout& l, int64_t max_pixels) {
  BlockSize size{l.width, l.height};
  if (l.tiled) {
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &size.width);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &size.height);
  } else {
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &size.height);
    size.height = std::min(size.height, l.height);
  }
  FERRY_RETURN_IF_ERROR(check_size("TIFF: a tile", size.width, size.height, max_pixels));
  return size;
}

struct Block {
  uint32_t index, x, y, width, height;  // width includes what a tile has past the right edge
  uint16_t plane;
};

Status read_block(TIFF* tiff, const Layout& l, const Block& block, const MemoryFile& file,
                  std::vector<uint8_t>& buffer, Raw& raw) {
  const uint64_t row_bytes = l.tiled ? TIFFTileRowSize64(tiff) : TIFFScanlineSize64(tiff);
  if (row_bytes != (uint64_t{block.width} * l.together() * l.bits + 7) / 8) {
    return unsupported_type("TIFF: rows of {} bytes for {} pixels are not read", row_bytes,
                            block.width);
  }
  const tmsize_t size = static_cast<tmsize_t>(buffer.size());
  const tmsize_t seen = l.tiled ? TIFFReadEncodedTile(tiff, block.index, buffer.data(), size)
                                : TIFFReadEncodedStrip(tiff, block.index, buffer.data(), size);
  const uint32_t rows = std::min(block.height, l.height - block.y);
  if (seen < 0 || static_cast<uint64_t>(seen) < rows * row_bytes) return damaged(file);
  const size_t columns = std::min(block.width, l.width - block.x);
  for (uint32_t y = 0; y < rows; ++y) {
    const size_t first = (size_t{block.y + y} * l.width + block.x) * l.samples + block.plane;
    unpack_row(buffer.data() + y * row_bytes, l, columns * l.together(), first, l.samples, raw);
  }
  return {};
}

// The same for the rows of a large strip, one after the other.
Status read_rows(TIFF* tiff, const Layout& l, const Block& block, const MemoryFile& file,
                 const Stopped& stopped, std::vector<uint8_t>& buffer, Raw& raw) {
  const auto row_bytes = static_cast<uint64_t>(TIFFScanlineSize64(tiff));
  if (row_bytes != (uint64_t{block.width} * l.together() * l.bits + 7) / 8 ||
      row_bytes > buffer.size()) {
    return unsupported_type("TIFF: rows of {} bytes for {} pixels are not read", row_bytes,
                            block.width);
  }
  const uint32_t rows = std::min(block.height, l.height - block.y);
  for (uint32_t y = 0; y < rows; ++y) {
    FERRY_RETURN_IF_ERROR(check_stopped(stopped));
    if (TIFFReadScanline(tiff, buffer.data(), block.y + y, block.plane) != 1) return damaged(file);
    const size_t first = size_t{block.y + y} * l.width * l.samples + block.plane;
    unpack_row(buffer.data(), l, size_t{l.width} * l.together(), first, l.samples, raw);
  }
  return {};
}

Result<Raw> read_samples(TIFF* tiff, const Layout& l, const MemoryFile& file, int64_t max_pixels,
                         const Stopped& stopped) {
  FERRY_ASSIGN_OR_RETURN(const auto size, block_size(tiff, l, max_pixels));
  const auto [width, height] = size;
  const tmsize_t block_bytes = l.tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
  if (block_bytes <= 0) return damaged(file);
  Raw raw;
  const size_t count = size_t{l.width} * l.height * l.samples;
  FERRY_RETURN_IF_ERROR(l.bits == 16 ? grow(raw.samples16, count, stopped)
                                     : grow(raw.samples8, count, stopped));
  constexpr tmsize_t kLargeStrip = tmsize_t{256} << 10;
  // Others decode only whole strips, or lose what crosses a row.
  const bool has_rows = l.compression == COMPRESSION_NONE || l.compression == COMPRESSION_LZW ||
                        l.compression == COMPRESSION_ADOBE_DEFLATE ||
                        l.compression == COMPRESSION_DEFLATE || l.compression == COMPRESSION_JPEG;
  const bool by_rows = stopped && has_rows && !l.tiled && block_bytes > kLargeStrip;
  std::vector<uint8_t> buffer(static_cast<size_t>(by_rows ? TIFFScanlineSize(tiff) : block_bytes));
  const uint16_t planes = l.planes() ? l.samples : 1;
  for (uint16_t plane = 0; plane < planes; ++plane) {
    for (uint64_t y = 0; y < l.height; y += height) {
      for (uint64_t x = 0; x < l.width; x += width) {
        FERRY_RETURN_IF_ERROR(check_stopped(stopped));
        const auto bx = static_cast<uint32_t>(x), by = static_cast<uint32_t>(y);
        const uint32_t index =
            l.tiled ? TIFFComputeTile(tiff, bx, by, 0, plane) : TIFFComputeStrip(tiff, by, plane);
        const Block block{index, bx, by, width, height, plane};
        FERRY_RETURN_IF_ERROR(by_rows ? read_rows(tiff, l, block, file, stopped, buffer, raw)
                                      : read_block(tiff, l, block, file, buffer, raw));
      }
    }
  }
  return raw;
}

// The first `channels` samples of each pixel, stretched to the full range.
template <class T>
Status pick(const std::vector<T>& samples, const Layout& l, size_t channels, const Stopped& stopped,
            std::vector<T>& out) {
  const size_t pixels = size_t{l.width} * l.height;
  const T scale = static_cast<T>(l.bits >= 8 ? 1 : 255 / ((1 << l.bits) - 1));
  FERRY_RETURN_IF_ERROR(grow(out, pixels * channels, stopped));
  return in_parts(pixels, stopped, [&](size_t i, size_t end) {
    for (; i < end; ++i) {
      for (size_t c = 0; c < channels; ++c) {
        out[i * channels + c] = static_cast<T>(samples[i * l.samples + c] * scale);
      }
    }
  });
}

template <class T>
Status invert_grey(std::vector<T>& samples, size_t channels, const Stopped& stopped) {
  return in_parts(samples.size() / channels, stopped, [&](size_t from, size_t to) {
    for (size_t i = from * channels; i < to * channels; i += channels) {
      samples[i] = static_cast<T>(~samples[i]);
    }
  });
}

Result<Image> assemble_palette(TIFF* tiff, const Layout& l, const Raw& raw,
                               const Stopped& stopped) {
  std::array<uint16_t*, 3> map{};
  FERRY_ASSIGN_OR_RETURN(Image image, make_image(l.width, l.height, 3, 8, stopped));
  TIFFGetField(tiff, TIFFTAG_COLORMAP, &map[0], &map[1], &map[2]);
  const size_t size = size_t{1} << l.bits;
  // Some writers store 8-bit values where 16-bit ones belong.
  const bool narrow = std::all_of(map.begin(), map.end(), [&](const uint16_t* m) {
    return std::all_of(m, m + size, [](uint16_t v) { return v < 256; });
  });
  FERRY_RETURN_IF_ERROR(in_parts(size_t{l.width} * l.height, stopped, [&](size_t i, size_t end) {
    for (; i < end; ++i) {
      const uint8_t index = raw.samples8[i * l.samples];
      for (size_t c = 0; c < 3; ++c) {
        image.data[i * 3 + c] = static_cast<uint8_t>(map[c][index] >> (narrow ? 0 : 8));
      }
    }
  }));
  image.notes.push_back("palette expanded");
  return image;
}

Result<Image> assemble(const Layout& l, const Raw& raw, const Stopped& stopped) {
  const bool cmyk = l.photometric == PHOTOMETRIC_SEPARATED;
  const bool alpha = l.alpha != Alpha::kNone && !cmyk;
  Image image;
  image.width = static_cast<int>(l.width);
  image.height = static_cast<int>(l.height);
  image.channels = l.colours + (alpha ? 1 : 0);
  image.bits = l.bits == 16 ? 16 : 8;
  const auto channels = static_cast<size_t>(image.channels);
  FERRY_RETURN_IF_ERROR(l.bits == 16 ? pick(raw.samples16, l, channels, stopped, image.data16)
                                     : pick(raw.samples8, l, channels, stopped, image.data));
  if (l.bits < 8) image.notes.push_back(fmt::format("{} bits scaled to 8", l.bits));
  if (l.photometric == PHOTOMETRIC_MINISWHITE) {
    FERRY_RETURN_IF_ERROR(invert_grey(image.data, channels, stopped));
    FERRY_RETURN_IF_ERROR(invert_grey(image.data16, channels, stopped));
    image.notes.push_back("grey inverted: 0 is white in the file");
  }
  if (cmyk) {
    FERRY_RETURN_IF_ERROR(cmyk_to_rgb(image, stopped));
    image.notes.push_back("CMYK converted to RGB without a colour profile");
  }
  if (alpha && l.alpha == Alpha::kPremultiplied) {
    FERRY_RETURN_IF_ERROR(unpremultiply(image, stopped));
    image.notes.push_back("colour divided by its alpha");
  }
  if (l.samples > l.colours + (alpha ? 1 : 0)) image.notes.push_back("extra samples dropped");
  return image;
}

// YCbCr, Lab, LogLuv, old JPEG: libtiff converts strips and tiles to 8-bit RGB.
Result<Image> read_converted(TIFF* tiff, const Layout& l, const MemoryFile& file,
                             int64_t max_pixels, const Stopped& stopped) {
  char why[1024] = "";
  if (TIFFRGBAImageOK(tiff, why) == 0) return unsupported_type("TIFF: {}", why);
  TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  FERRY_ASSIGN_OR_RETURN(const BlockSize block, block_size(tiff, l, max_pixels));
  std::vector<uint32_t> pixels;
  FERRY_RETURN_IF_ERROR(grow(pixels, size_t{block.width} * block.height, stopped));
  FERRY_ASSIGN_OR_RETURN(Image image, make_image(l.width, l.height, 3, 8, stopped));
  for (uint64_t y = 0; y < l.height; y += block.height) {
    for (uint64_t x = 0; x < l.width; x += block.width) {
      FERRY_RETURN_IF_ERROR(check_stopped(stopped));
      const auto bx = static_cast<uint32_t>(x), by = static_cast<uint32_t>(y);
      const int ok = l.tiled ? TIFFReadRGBATileExt(tiff, bx, by, pixels.data(), 1)
                             : TIFFReadRGBAStripExt(tiff, by, pixels.data(), 1);
      if (ok == 0) return damaged(file);
      const uint32_t rows = std::min(block.height, l.height - by);
      const uint32_t columns = std::min(block.width, l.width - bx);
      // Rows come from the bottom up: of a strip those that it has, of a tile all.
      const uint32_t last = (l.tiled ? block.height : rows) - 1;
      for (uint32_t i = 0; i < rows; ++i) {
        const uint32_t* from = &pixels[size_t{last - i} * block.width];
        uint8_t* to = &image.data[(size_t{by + i} * l.width + bx) * 3];
        for (uint32_t j = 0; j < columns; ++j) {
          *to++ = static_cast<uint8_t>(TIFFGetR(from[j]));
          *to++ = static_cast<uint8_t>(TIFFGetG(from[j]));
          *to++ = static_cast<uint8_t>(TIFFGetB(from[j]));
        }
      }
    }
  }
  image.notes.push_back(fmt::format("photometric {} converted to 8-bit RGB", l.photometric));
  return image;
}

Result<Image> read_pixels(TIFF* tiff, const Layout& l, const MemoryFile& file, int64_t max_pixels,
                          const Stopped& stopped) {
  if (!is_direct(l)) return read_converted(tiff, l, file, max_pixels, stopped);
  FERRY_RETURN_IF_ERROR(check_layout(l));
  FERRY_ASSIGN_OR_RETURN(const Raw raw, read_samples(tiff, l, file, max_pixels, stopped));
  return l.photometric == PHOTOMETRIC_PALETTE ? assemble_palette(tiff, l, raw, stopped)
                                              : assemble(l, raw, stopped);
}

bool set_fields(TIFF* tiff, const Image& image, const WriteOptions& options) {
  const bool colour = image.channels >= 3;
  bool ok = TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, image.width) != 0 &&
            TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, image.height) != 0 &&
            TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, image.bits) != 0 &&
            TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, image.channels) != 0 &&
            TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) != 0 &&
            TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC,
                         colour ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK) != 0;
  if (image.has_alpha()) {
    const uint16_t kind = EXTRASAMPLE_UNASSALPHA;
    ok = ok && TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &kind) != 0;
  }
  if (options.compression > 0) {
    ok = ok && TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE) != 0 &&
         TIFFSetField(tiff, TIFFTAG_ZIPQUALITY, options.compression) != 0 &&
         TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL) != 0;
  }
  return ok && TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, TIFFDefaultStripSize(tiff, 0)) != 0;
}

}  // namespace

Result<Decoded> decode_tiff(Bytes bytes, int64_t max_pixels, const Stopped& stopped) {
  constexpr int64_t kDirectoryBytes = int64_t{16} << 20;
  MemoryFile file;
  file.in = bytes;
  const Tiff tiff =
      open_memory(file, "rm", kDirectoryBytes + std::clamp<int64_t>(max_pixels, 0, 1ll << 40) * 4);
  if (tiff == nullptr) return damaged(file);
  FERRY_ASSIGN_OR_RETURN(const Layout layout, read_layout(tiff.get()));
  FERRY_RETURN_IF_ERROR(check_size("TIFF", layout.width, layout.height, max_pixels));
  Decoded decoded;
  FERRY_ASSIGN_OR_RETURN(decoded.image, read_pixels(tiff.get(), layout, file, max_pixels, stopped));
  decoded.orientation = layout.orientation;
  if (TIFFLastDirectory(tiff.get()) == 0) {
    decoded.image.notes.push_back("first of several pictures in the file");
  }
  return decoded;
}

Result<Encoded> encode_tiff(const Image& image, const WriteOptions& options) {
  MemoryFile file;
  Tiff tiff = open_memory(file, "wl", 0);
  if (tiff == nullptr) return out_of_memory("TIFF: no memory left");
  bool ok = set_fields(tiff.get(), image, options);
  const size_t sample_bytes = static_cast<size_t>(image.bits / 8);
  const size_t row_samples = image.sample_count() / static_cast<size_t>(image.height);
  const auto* samples =
      image.bits == 8 ? image.data.data() : reinterpret_cast<const uint8_t*>(image.data16.data());
  std::vector<uint8_t> row(row_samples * sample_bytes);  // libtiff codes rows in place
  for (uint32_t y = 0; ok && y < static_cast<uint32_t>(image.height); ++y) {
    std::memcpy(row.data(), samples + y * row.size(), row.size());
    ok = TIFFWriteScanline(tiff.get(), row.data(), y, 0) == 1;
  }
  ok = ok && TIFFFlush(tiff.get()) == 1;
  tiff.reset();
  if (!ok || file.error[0] != '\0') {
    return internal_error("TIFF: cannot be encoded: {}", file.error);
  }
  return std::move(file.out);
}

}  // namespace ferry::codec
