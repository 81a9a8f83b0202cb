// SPDX-License-Identifier: Apache-2.0
// WebP through libwebp: lossy, lossless, alpha; of an animation the first frame on its canvas.
#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>

#include <algorithm>
#include <memory>

#include "base/status.h"
#include "codec/formats.h"

namespace ferry::codec {
namespace {

struct FreeDemuxer {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
using Demuxer = std::unique_ptr<WebPDemuxer, FreeDemuxer>;

struct Frame {
  WebPIterator it{};
  Frame() = default;
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  ~Frame() { WebPDemuxReleaseIterator(&it); }
};

std::string_view status_text(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return "the file is truncated";
    case VP8_STATUS_BITSTREAM_ERROR:
      return "the compressed data is wrong";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "unsupported feature";
    default:
      return "cannot be decoded";
  }
}

int orientation_of(const WebPDemuxer* demuxer) {
  WebPChunkIterator chunk{};
  int orientation = 1;
  if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk) != 0) {
    orientation = exif_orientation({chunk.chunk.bytes, chunk.chunk.size});
  }
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

// The whole bitstream at once, or, where it may be stopped, parts of it that hold some ten thousand
// pixels each.
VP8StatusCode decode_bitstream(const WebPData& data, WebPDecoderConfig& config,
                               const Stopped& stopped) {
  if (!stopped) return WebPDecode(data.bytes, data.size, &config);
  struct Free {
    void operator()(WebPIDecoder* decoder) const { WebPIDelete(decoder); }
  };
  const std::unique_ptr<WebPIDecoder, Free> decoder(WebPIDecode(nullptr, 0, &config));
  if (decoder == nullptr) return VP8_STATUS_OUT_OF_MEMORY;
  constexpr size_t kPixels = 32 << 10, kLeast = 256;
  const auto pixels =
      static_cast<size_t>(config.input.width) * static_cast<size_t>(config.input.height);
  const size_t parts = pixels / kPixels + 1, part = std::max(data.size / parts, kLeast);
  VP8StatusCode status = VP8_STATUS_SUSPENDED;
  for (size_t to = 0; to < data.size && status == VP8_STATUS_SUSPENDED;) {
    if (stopped()) return VP8_STATUS_USER_ABORT;
    to = std::min(data.size, to + part);
    status = WebPIUpdate(decoder.get(), data.bytes, to);
  }
  return status == VP8_STATUS_SUSPENDED ? VP8_STATUS_NOT_ENOUGH_DATA : status;
}

// The frame into its place on the canvas; the rest of the canvas stays transparent black.
Status decode_frame(const WebPIterator& frame, const Stopped& stopped, Image& canvas) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) return internal_error("WebP: another library version");
  const VP8StatusCode known =
      WebPGetFeatures(frame.fragment.bytes, frame.fragment.size, &config.input);
  if (known != VP8_STATUS_OK) return invalid_argument("WebP: damaged: {}", status_text(known));
  if (config.input.width != frame.width || config.input.height != frame.height ||
      frame.x_offset + frame.width > canvas.width ||
      frame.y_offset + frame.height > canvas.height) {
    return invalid_argument("WebP: damaged: a frame of {}x{} does not fit its canvas of {}x{}",
                            config.input.width, config.input.height, canvas.width, canvas.height);
  }
  const size_t channels = static_cast<size_t>(canvas.channels);
  const size_t stride = static_cast<size_t>(canvas.width) * channels;
  const size_t first =
      static_cast<size_t>(frame.y_offset) * stride + static_cast<size_t>(frame.x_offset) * channels;
  config.output.colorspace = canvas.channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = canvas.data.data() + first;
  config.output.u.RGBA.stride = static_cast<int>(stride);
  config.output.u.RGBA.size = canvas.data.size() - first;
  const VP8StatusCode status = decode_bitstream(frame.fragment, config, stopped);
  WebPFreeDecBuffer(&config.output);
  FERRY_RETURN_IF_ERROR(check_stopped(stopped));
  if (status == VP8_STATUS_OUT_OF_MEMORY) return out_of_memory("WebP: no memory left");
  if (status != VP8_STATUS_OK) return invalid_argument("WebP: damaged: {}", status_text(status));
  return {};
}

struct Picture {
  WebPPicture it{};
  WebPMemoryWriter writer{};
  Picture() { WebPMemoryWriterInit(&writer); }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;
  ~Picture() {
    WebPPictureFree(&it);
    WebPMemoryWriterClear(&writer);
  }
};

bool set_config(WebPConfig& config, const WriteOptions& options) {
  constexpr int kLosslessEffort = 6;  // of 0 to 9; the library's own default
  if (WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, static_cast<float>(options.quality)) == 0) {
    return false;
  }
  config.exact = 1;  // colour under full transparency is kept
  return !options.lossless || WebPConfigLosslessPreset(&config, kLosslessEffort) != 0;
}

int import_pixels(const Image& image, WebPPicture& picture) {
  const int stride = image.width * image.channels;
  if (image.channels == 4) return WebPPictureImportRGBA(&picture, image.data.data(), stride);
  if (image.channels == 3) return WebPPictureImportRGB(&picture, image.data.data(), stride);
  const Image colour = convert_image(image, {.alpha = AlphaMode::kKeep});
  return import_pixels(colour, picture);
}

}  // namespace

Result<Decoded> decode_webp(Bytes bytes, int64_t max_pixels, const Stopped& stopped) {
  const WebPData data{bytes.data(), bytes.size()};
  const Demuxer demuxer(WebPDemux(&data));
  if (demuxer == nullptr) {
    return invalid_argument("WebP: damaged: the file is truncated or its chunks are wrong");
  }
  const int64_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  const int64_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  FERRY_RETURN_IF_ERROR(check_size("WebP", width, height, max_pixels));
  Frame frame;
  if (WebPDemuxGetFrame(demuxer.get(), 1, &frame.it) == 0) {
    return invalid_argument("WebP: damaged: no frame");
  }
  const bool partial = frame.it.width != width || frame.it.height != height;
  Decoded decoded;
  FERRY_ASSIGN_OR_RETURN(
      decoded.image,
      make_image(width, height, frame.it.has_alpha != 0 || partial ? 4 : 3, 8, stopped));
  FERRY_RETURN_IF_ERROR(decode_frame(frame.it, stopped, decoded.image));
  const uint32_t frames = WebPDemuxGetI(demuxer.get(), WEBP_FF_FRAME_COUNT);
  if (frames > 1) {
    decoded.image.notes.push_back(fmt::format("first of {} frames of an animation", frames));
  }
  decoded.orientation = orientation_of(demuxer.get());
  return decoded;
}

Result<Encoded> encode_webp(const Image& image, const WriteOptions& options) {
  WebPConfig config;
  Picture picture;
  if (!set_config(config, options) || WebPPictureInit(&picture.it) == 0) {
    return internal_error("WebP: another library version");
  }
  picture.it.width = image.width;
  picture.it.height = image.height;
  picture.it.use_argb = options.lossless ? 1 : 0;
  picture.it.writer = WebPMemoryWrite;
  picture.it.custom_ptr = &picture.writer;
  if (import_pixels(image, picture.it) == 0) return out_of_memory("WebP: no memory left");
  if (WebPEncode(&config, &picture.it) == 0) {
    if (picture.it.error_code == VP8_ENC_ERROR_OUT_OF_MEMORY ||
        picture.it.error_code == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY) {
      return out_of_memory("WebP: no memory left");
    }
    return internal_error("WebP: cannot be encoded: library error {}",
                          static_cast<int>(picture.it.error_code));
  }
  return Encoded(picture.writer.mem, picture.writer.mem + picture.writer.size);
}

}  // namespace ferry::codec
