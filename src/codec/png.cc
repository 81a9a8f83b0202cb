// SPDX-License-Identifier: Apache-2.0
// PNG through libspng: every colour type and depth, interlaced, tRNS.
#include <spng.h>

#include <cstdlib>
#include <memory>

#include "base/status.h"
#include "codec/convert.h"
#include "codec/formats.h"

namespace ferry::codec {
namespace {

// For text, profiles and unknown chunks; pixels are not counted.
constexpr size_t kMaxChunkBytes = size_t{64} << 20;

struct Free {
  void operator()(spng_ctx* png) const { spng_ctx_free(png); }
};
using Png = std::unique_ptr<spng_ctx, Free>;

Status damaged(int error) { return invalid_argument("PNG: damaged: {}", spng_strerror(error)); }

// Deflate shrinks to no less than 1/1032, so that a short file cannot ask for a large picture.
Status check_ratio(const spng_ihdr& header, size_t file_bytes) {
  const int samples[] = {1, 0, 3, 1, 2, 0, 4};
  const uint64_t row = (uint64_t{header.width} * static_cast<uint64_t>(samples[header.color_type]) *
                            header.bit_depth +
                        7) /
                       8;
  if (row * header.height / 1032 > file_bytes) {
    return invalid_argument("PNG: damaged: truncated: {}x{} pixels cannot come out of {} bytes",
                            header.width, header.height, file_bytes);
  }
  return {};
}

// Grey of 1 to 16 bits with an optional transparent value, from rows of whole bytes.
Status unpack_grey(const std::vector<uint8_t>& packed, const spng_ihdr& header, const uint16_t* key,
                   const Stopped& stopped, Image& image) {
  const uint32_t bits = header.bit_depth, max_value = (1u << bits) - 1;
  const size_t row_bytes = (size_t{header.width} * bits + 7) / 8;
  const size_t channels = static_cast<size_t>(image.channels);
  for (size_t y = 0; y < header.height; ++y) {
    FERRY_RETURN_IF_ERROR(check_stopped(stopped));
    const uint8_t* row = &packed[y * row_bytes];
    for (size_t x = 0; x < header.width; ++x) {
      uint32_t value = 0;
      if (bits == 16) {
        value = be16({row, row_bytes}, x * 2);
      } else {
        const size_t first = x * bits;
        value = static_cast<uint32_t>(row[first / 8]) >> (8 - bits - first % 8) & max_value;
      }
      const size_t at = (y * header.width + x) * channels;
      const uint32_t alpha = key != nullptr && value == *key ? 0 : 65535;
      if (bits == 16) {
        image.data16[at] = static_cast<uint16_t>(value);
        if (key != nullptr) image.data16[at + 1] = static_cast<uint16_t>(alpha);
      } else {
        image.data[at] = static_cast<uint8_t>(value * (255 / max_value));
        if (key != nullptr) image.data[at + 1] = static_cast<uint8_t>(alpha >> 8);
      }
    }
  }
  return {};
}

// Row by row, so that decoding can be stopped.
Status decode_rows(spng_ctx* png, uint8_t* to, size_t row_bytes, int format, int flags,
                   const Stopped& stopped) {
  int error = spng_decode_image(png, nullptr, 0, format, flags | SPNG_DECODE_PROGRESSIVE);
  while (error == 0) {
    FERRY_RETURN_IF_ERROR(check_stopped(stopped));
    spng_row_info row{};
    error = spng_get_row_info(png, &row);
    if (error == 0) error = spng_decode_row(png, to + row.row_num * row_bytes, row_bytes);
  }
  return error == SPNG_EOI ? Status() : damaged(error);
}

Status decode_into(spng_ctx* png, const spng_ihdr& header, void* to, size_t size, int format,
                   int flags, const Stopped& stopped) {
  size_t wanted = 0;
  if (const int error = spng_decoded_image_size(png, format, &wanted); error != 0) {
    return damaged(error);
  }
  if (wanted != size) return internal_error("PNG: {} bytes for {} of pixels", size, wanted);
  if (stopped) {
    return decode_rows(png, static_cast<uint8_t*>(to), size / header.height, format, flags,
                       stopped);
  }
  const int error = spng_decode_image(png, to, size, format, flags);
  return error != 0 ? damaged(error) : Status();
}

Result<Image> decode_grey(spng_ctx* png, const spng_ihdr& header, const spng_trns* transparent,
                          const Stopped& stopped) {
  const size_t row_bytes = (size_t{header.width} * header.bit_depth + 7) / 8;
  std::vector<uint8_t> packed;
  FERRY_RETURN_IF_ERROR(grow(packed, row_bytes * header.height, stopped));
  FERRY_RETURN_IF_ERROR(
      decode_into(png, header, packed.data(), packed.size(), SPNG_FMT_RAW, 0, stopped));
  FERRY_ASSIGN_OR_RETURN(Image image,
                         make_image(header.width, header.height, transparent != nullptr ? 2 : 1,
                                    header.bit_depth == 16 ? 16 : 8, stopped));
  FERRY_RETURN_IF_ERROR(unpack_grey(
      packed, header, transparent != nullptr ? &transparent->gray : nullptr, stopped, image));
  if (header.bit_depth < 8) {
    image.notes.push_back(fmt::format("{} bits scaled to 8", header.bit_depth));
  }
  return image;
}

Result<Image> decode_pixels(spng_ctx* png, const spng_ihdr& header, const Stopped& stopped) {
  spng_trns trns{};
  const bool transparent = spng_get_trns(png, &trns) == 0;
  if (header.color_type == SPNG_COLOR_TYPE_GRAYSCALE && (header.bit_depth < 8 || transparent)) {
    return decode_grey(png, header, transparent ? &trns : nullptr, stopped);
  }
  const bool sixteen = header.bit_depth == 16;
  int channels = 3, format = SPNG_FMT_PNG;
  switch (header.color_type) {
    case SPNG_COLOR_TYPE_GRAYSCALE:
      channels = 1;
      break;
    case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA:
      channels = 2;
      break;
    case SPNG_COLOR_TYPE_TRUECOLOR_ALPHA:
      channels = 4;
      break;
    default:
      if (transparent) {
        channels = 4;
        format = sixteen ? SPNG_FMT_RGBA16 : SPNG_FMT_RGBA8;
      } else if (header.color_type == SPNG_COLOR_TYPE_INDEXED) {
        format = SPNG_FMT_RGB8;
      }
  }
  FERRY_ASSIGN_OR_RETURN(
      Image image, make_image(header.width, header.height, channels, sixteen ? 16 : 8, stopped));
  void* to = sixteen ? static_cast<void*>(image.data16.data()) : image.data.data();
  FERRY_RETURN_IF_ERROR(decode_into(png, header, to, image.sample_count() * (sixteen ? 2 : 1),
                                    format, transparent ? SPNG_DECODE_TRNS : 0, stopped));
  if (header.color_type == SPNG_COLOR_TYPE_INDEXED) image.notes.push_back("palette expanded");
  return image;
}

spng_color_type color_type(int channels) {
  switch (channels) {
    case 1:
      return SPNG_COLOR_TYPE_GRAYSCALE;
    case 2:
      return SPNG_COLOR_TYPE_GRAYSCALE_ALPHA;
    case 3:
      return SPNG_COLOR_TYPE_TRUECOLOR;
    default:
      return SPNG_COLOR_TYPE_TRUECOLOR_ALPHA;
  }
}

}  // namespace

Result<Decoded> decode_png(Bytes bytes, int64_t max_pixels, const Stopped& stopped) {
  const Png png(spng_ctx_new(0));
  if (png == nullptr) return out_of_memory("PNG: no memory left");
  spng_set_chunk_limits(png.get(), kMaxChunkBytes, kMaxChunkBytes);
  spng_set_png_buffer(png.get(), bytes.data(), bytes.size());
  spng_ihdr header{};
  if (const int error = spng_get_ihdr(png.get(), &header); error != 0) return damaged(error);
  FERRY_RETURN_IF_ERROR(check_size("PNG", header.width, header.height, max_pixels));
  FERRY_RETURN_IF_ERROR(check_ratio(header, bytes.size()));
  Decoded decoded;
  FERRY_ASSIGN_OR_RETURN(decoded.image, decode_pixels(png.get(), header, stopped));
  // All pixels are there; what follows can only lack metadata.
  if (spng_decode_chunks(png.get()) != 0) {
    decoded.image.notes.push_back("the file is damaged or ends after the pixels");
  }
  spng_exif exif{};
  if (spng_get_exif(png.get(), &exif) == 0) {
    decoded.orientation =
        exif_orientation({reinterpret_cast<const uint8_t*>(exif.data), exif.length});
  }
  return decoded;
}

Result<Encoded> encode_png(const Image& image, const WriteOptions& options) {
  const Png png(spng_ctx_new(SPNG_CTX_ENCODER));
  if (png == nullptr) return out_of_memory("PNG: no memory left");
  spng_set_option(png.get(), SPNG_ENCODE_TO_BUFFER, 1);
  spng_set_option(png.get(), SPNG_IMG_COMPRESSION_LEVEL, options.compression);
  spng_ihdr header{};
  header.width = static_cast<uint32_t>(image.width);
  header.height = static_cast<uint32_t>(image.height);
  header.bit_depth = static_cast<uint8_t>(image.bits);
  header.color_type = static_cast<uint8_t>(color_type(image.channels));
  int error = spng_set_ihdr(png.get(), &header);
  const void* samples =
      image.bits == 8 ? static_cast<const void*>(image.data.data()) : image.data16.data();
  const size_t size = image.sample_count() * static_cast<size_t>(image.bits / 8);
  if (error == 0) {
    error = spng_encode_image(png.get(), samples, size, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
  }
  size_t length = 0;
  struct FreeBuffer {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<void, FreeBuffer> buffer;
  if (error == 0) buffer.reset(spng_get_png_buffer(png.get(), &length, &error));
  if (error == SPNG_EMEM) return out_of_memory("PNG: no memory left");
  if (error != 0) return internal_error("PNG: cannot be encoded: {}", spng_strerror(error));
  const auto* first = static_cast<const uint8_t*>(buffer.get());
  return Encoded(first, first + length);
}

}  // namespace ferry::codec
