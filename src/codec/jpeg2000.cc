// SPDX-License-Identifier: Apache-2.0
// JPEG 2000 (JP2 files and bare codestreams) through OpenJPEG: 1 to 4 components of 1 to 16 bits.
#include <openjpeg.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/status.h"
#include "codec/convert.h"
#include "codec/formats.h"

namespace ferry::codec {
namespace {

constexpr uint32_t kMaxComponents = 4;
// OpenJPEG takes about 10 KB per tile before it reads any of them.
constexpr uint64_t kMaxTiles = 1 << 14;

struct MemoryFile {
  Bytes bytes;
  const Stopped& stopped;
  size_t at = 0;
};

constexpr auto kEndOfFile = static_cast<OPJ_SIZE_T>(-1);

OPJ_SIZE_T on_read(void* to, OPJ_SIZE_T size, void* user) {
  auto* file = static_cast<MemoryFile*>(user);
  const size_t n = std::min<size_t>(size, file->bytes.size() - file->at);
  if (n == 0 || (file->stopped && file->stopped())) return kEndOfFile;
  std::memcpy(to, file->bytes.data() + file->at, n);
  file->at += n;
  return n;
}

OPJ_OFF_T on_skip(OPJ_OFF_T size, void* user) {
  auto* file = static_cast<MemoryFile*>(user);
  if (size < 0) return -1;
  const size_t left = file->bytes.size() - file->at;
  const size_t n = std::min(static_cast<size_t>(size), left);
  file->at += n;
  return static_cast<OPJ_OFF_T>(n);
}

OPJ_BOOL on_seek(OPJ_OFF_T to, void* user) {
  auto* file = static_cast<MemoryFile*>(user);
  if (to < 0 || static_cast<size_t>(to) > file->bytes.size()) return OPJ_FALSE;
  file->at = static_cast<size_t>(to);
  return OPJ_TRUE;
}

struct ErrorText {
  char text[256] = "";
};

void on_error(const char* message, void* user) {
  auto* error = static_cast<ErrorText*>(user);
  if (error->text[0] != '\0') return;
  std::snprintf(error->text, sizeof error->text, "%s", message);
  error->text[std::strcspn(error->text, "\r\n")] = '\0';
}

void on_note(const char*, void*) {}

Status damaged(std::string_view what) { return invalid_argument("JPEG 2000: damaged: {}", what); }

// The codestream of a JP2 file is the content of its jp2c box.
Result<Bytes> find_codestream(Bytes bytes) {
  if (bytes[0] == 0xff) return bytes;
  while (bytes.size() >= 8) {
    uint64_t size = be32(bytes, 0), header = 8;
    if (size == 1 && bytes.size() >= 16) size = be64(bytes, 8), header = 16;
    if (std::memcmp(bytes.data() + 4, "jp2c", 4) == 0) {
      return bytes.subspan(std::min<size_t>(header, bytes.size()));
    }
    if (size < header || size > bytes.size()) break;
    bytes = bytes.subspan(size);
  }
  return damaged("the file is truncated: no codestream");
}

// OpenJPEG takes memory by the numbers of the SIZ marker, so they are checked before it sees them.
Status check_header(Bytes bytes, int64_t max_pixels) {
  FERRY_ASSIGN_OR_RETURN(const Bytes code, find_codestream(bytes));
  constexpr size_t kFixedPart = 4 + 38;  // markers SOC and SIZ, then up to Csiz
  if (code.size() < kFixedPart || be32(code, 0) != 0xff4fff51) {
    return damaged("the codestream has no size");
  }
  const uint32_t x1 = be32(code, 8), y1 = be32(code, 12), x0 = be32(code, 16), y0 = be32(code, 20);
  const uint32_t tile_w = be32(code, 24), tile_h = be32(code, 28);
  const uint32_t tile_x = be32(code, 32), tile_y = be32(code, 36), components = be16(code, 40);
  if (x1 <= x0 || y1 <= y0 || tile_w == 0 || tile_h == 0 || tile_x > x0 || tile_y > y0) {
    return damaged("the sizes of picture and tiles contradict each other");
  }
  FERRY_RETURN_IF_ERROR(check_size("JPEG 2000", x1 - x0, y1 - y0, max_pixels));
  const uint64_t tiles = ((uint64_t{x1} - tile_x + tile_w - 1) / tile_w) *
                         ((uint64_t{y1} - tile_y + tile_h - 1) / tile_h);
  if (tiles > kMaxTiles) {
    return limit_exceeded("JPEG 2000: {} tiles are more than the limit of {}", tiles, kMaxTiles);
  }
  if (components < 1 || components > kMaxComponents) {
    return unsupported_type("JPEG 2000: {} components are not read; wanted 1 to {}", components,
                            kMaxComponents);
  }
  return {};
}

struct FreeCodec {
  void operator()(opj_codec_t* codec) const { opj_destroy_codec(codec); }
};
struct FreeStream {
  void operator()(opj_stream_t* stream) const { opj_stream_destroy(stream); }
};
struct FreeImage {
  void operator()(opj_image_t* image) const { opj_image_destroy(image); }
};
using Components = std::unique_ptr<opj_image_t, FreeImage>;

// Stopped where more of the file is read, between tiles.
Result<Components> decode_components(Bytes bytes, const Stopped& stopped) {
  constexpr size_t kBuffer = 1 << 14;
  const std::unique_ptr<opj_codec_t, FreeCodec> codec(
      opj_create_decompress(bytes[0] == 0xff ? OPJ_CODEC_J2K : OPJ_CODEC_JP2));
  const std::unique_ptr<opj_stream_t, FreeStream> stream(opj_stream_create(kBuffer, OPJ_TRUE));
  if (codec == nullptr || stream == nullptr) return out_of_memory("JPEG 2000: no memory left");
  MemoryFile file{bytes, stopped};
  ErrorText error;
  opj_set_error_handler(codec.get(), on_error, &error);
  opj_set_warning_handler(codec.get(), on_note, nullptr);
  opj_set_info_handler(codec.get(), on_note, nullptr);
  opj_stream_set_user_data(stream.get(), &file, nullptr);
  opj_stream_set_user_data_length(stream.get(), bytes.size());
  opj_stream_set_read_function(stream.get(), on_read);
  opj_stream_set_skip_function(stream.get(), on_skip);
  opj_stream_set_seek_function(stream.get(), on_seek);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  opj_image_t* image = nullptr;
  bool ok = opj_setup_decoder(codec.get(), &parameters) != 0 &&
            opj_decoder_set_strict_mode(codec.get(), OPJ_TRUE) != 0 &&
            opj_read_header(stream.get(), codec.get(), &image) != 0;
  Components components(image);
  ok = ok && opj_decode(codec.get(), stream.get(), image) != 0 &&
       opj_end_decompress(codec.get(), stream.get()) != 0;
  FERRY_RETURN_IF_ERROR(check_stopped(stopped));
  if (!ok) return damaged(error.text[0] != '\0' ? error.text : "the file is truncated");
  return components;
}

Status check_components(const opj_image_t& image) {
  if (image.numcomps < 1 || image.numcomps > kMaxComponents) {
    return unsupported_type("JPEG 2000: {} components are not read; wanted 1 to {}", image.numcomps,
                            kMaxComponents);
  }
  if (image.color_space == OPJ_CLRSPC_EYCC) {
    return unsupported_type("JPEG 2000: the colour space e-YCC is not read");
  }
  for (uint32_t i = 0; i < image.numcomps; ++i) {
    const opj_image_comp_t& c = image.comps[i];
    if (c.prec < 1 || c.prec > 16) {
      return unsupported_type("JPEG 2000: {} bits per sample are not read; wanted 1 to 16", c.prec);
    }
    if (c.data == nullptr || c.w == 0 || c.h == 0 || c.dx == 0 || c.dy == 0) {
      return damaged("a component has no samples");
    }
  }
  return {};
}

// One component into its channel; components of lower resolution are repeated.
Status put_channel(const opj_image_t& from, uint32_t channel, const Stopped& stopped, Image& to) {
  const opj_image_comp_t& c = from.comps[channel];
  const int64_t offset = c.sgnd != 0 ? int64_t{1} << (c.prec - 1) : 0;
  const uint32_t from_max = (1u << c.prec) - 1, to_max = to.bits == 8 ? 255 : 65535;
  const auto channels = static_cast<size_t>(to.channels);
  for (uint32_t y = 0; y < static_cast<uint32_t>(to.height); ++y) {
    FERRY_RETURN_IF_ERROR(check_stopped(stopped));
    const uint64_t cy =
        std::min<uint64_t>((uint64_t{from.y0} + y) / c.dy - uint64_t{from.y0} / c.dy, c.h - 1);
    for (uint32_t x = 0; x < static_cast<uint32_t>(to.width); ++x) {
      const uint64_t cx =
          std::min<uint64_t>((uint64_t{from.x0} + x) / c.dx - uint64_t{from.x0} / c.dx, c.w - 1);
      const int64_t stored = c.data[cy * c.w + cx] + offset;
      const auto value = static_cast<uint32_t>(std::clamp<int64_t>(stored, 0, from_max));
      const size_t at = (size_t{y} * static_cast<size_t>(to.width) + x) * channels + channel;
      if (to.bits == 8) {
        to.data[at] = static_cast<uint8_t>(rescale(value, from_max, to_max));
      } else {
        to.data16[at] = static_cast<uint16_t>(rescale(value, from_max, to_max));
      }
    }
  }
  return {};
}

// ITU-R BT.601, full range, as in JPEG.
template <class T>
Status ycc_to_rgb(std::vector<T>& samples, size_t channels, const Stopped& stopped) {
  constexpr float kMax = sizeof(T) == 1 ? 255.0f : 65535.0f, kMiddle = (kMax + 1) / 2;
  const auto put = [=](float v) { return static_cast<T>(std::clamp(v + 0.5f, 0.0f, kMax)); };
  return in_parts(samples.size() / channels, stopped, [&](size_t from, size_t to) {
    for (size_t i = from * channels; i < to * channels; i += channels) {
      const float y = samples[i], cb = samples[i + 1] - kMiddle, cr = samples[i + 2] - kMiddle;
      samples[i] = put(y + 1.402f * cr);
      samples[i + 1] = put(y - 0.344136f * cb - 0.714136f * cr);
      samples[i + 2] = put(y + 1.772f * cb);
    }
  });
}

Status finish_colour(const opj_image_t& from, const Stopped& stopped, Image& image) {
  if (from.color_space == OPJ_CLRSPC_SYCC && image.channels >= 3) {
    const auto channels = static_cast<size_t>(image.channels);
    FERRY_RETURN_IF_ERROR(image.bits == 8 ? ycc_to_rgb(image.data, channels, stopped)
                                          : ycc_to_rgb(image.data16, channels, stopped));
    image.notes.push_back("YCbCr converted to RGB");
  }
  if (from.color_space == OPJ_CLRSPC_CMYK && image.channels == 4) {
    FERRY_RETURN_IF_ERROR(cmyk_to_rgb(image, stopped));
    image.notes.push_back("CMYK converted to RGB without a colour profile");
  }
  return {};
}

}  // namespace

Result<Decoded> decode_jpeg2000(Bytes bytes, int64_t max_pixels, const Stopped& stopped) {
  FERRY_RETURN_IF_ERROR(check_header(bytes, max_pixels));
  FERRY_ASSIGN_OR_RETURN(const Components components, decode_components(bytes, stopped));
  const opj_image_t& from = *components;
  FERRY_RETURN_IF_ERROR(check_components(from));
  FERRY_RETURN_IF_ERROR(
      check_size("JPEG 2000", int64_t{from.x1} - from.x0, int64_t{from.y1} - from.y0, max_pixels));
  uint32_t bits = 0;
  for (uint32_t i = 0; i < from.numcomps; ++i) bits = std::max(bits, from.comps[i].prec);
  Decoded decoded;
  FERRY_ASSIGN_OR_RETURN(decoded.image,
                         make_image(from.x1 - from.x0, from.y1 - from.y0,
                                    static_cast<int>(from.numcomps), bits > 8 ? 16 : 8, stopped));
  for (uint32_t i = 0; i < from.numcomps; ++i) {
    FERRY_RETURN_IF_ERROR(put_channel(from, i, stopped, decoded.image));
  }
  if (bits != 8 && bits != 16) {
    decoded.image.notes.push_back(fmt::format("{} bits scaled to {}", bits, decoded.image.bits));
  }
  FERRY_RETURN_IF_ERROR(finish_colour(from, stopped, decoded.image));
  return decoded;
}

}  // namespace ferry::codec
