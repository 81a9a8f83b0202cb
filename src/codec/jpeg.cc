// SPDX-License-Identifier: Apache-2.0
// JPEG through libjpeg-turbo: baseline and progressive; grey, YCbCr, RGB, CMYK, YCCK.
//
// libjpeg reports errors by a longjmp out of its own frames. Each function that calls setjmp keeps
// only plain variables and leaves everything with a destructor to its caller.
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

// jpeglib.h needs <cstdio>, jerror.h needs jpeglib.h.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "base/status.h"
#include "codec/convert.h"
#include "codec/formats.h"

namespace ferry::codec {
namespace {

// Files with endless scans over a large picture are made to burn time; real ones have about ten.
constexpr int kMaxScans = 200;
constexpr int kExifMarker = JPEG_APP0 + 1;

struct Errors {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
  char warning[JMSG_LENGTH_MAX];
  int code;
  bool past_end;  // the decoder asked for more bytes than there are
  const Stopped* stopped;
  bool was_stopped;
};

Errors* errors_of(j_common_ptr info) { return reinterpret_cast<Errors*>(info->err); }

void on_error(j_common_ptr info) {
  Errors* errors = errors_of(info);
  errors->code = info->err->msg_code;
  info->err->format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  if (info->err->num_warnings++ == 0) info->err->format_message(info, errors_of(info)->warning);
}

void on_output(j_common_ptr) {}

void set_up(Errors& errors) {
  jpeg_std_error(&errors.base);
  errors.base.error_exit = on_error;
  errors.base.emit_message = on_message;
  errors.base.output_message = on_output;
}

// An end marker in place of the missing bytes, so that libjpeg stops; `past_end` remembers it.
boolean on_end_of_bytes(j_decompress_ptr info) {
  static const JOCTET kEnd[2] = {0xff, JPEG_EOI};
  errors_of(reinterpret_cast<j_common_ptr>(info))->past_end = true;
  info->src->next_input_byte = kEnd;
  info->src->bytes_in_buffer = 2;
  return TRUE;
}

void on_progress(j_common_ptr info) {
  auto* jpeg = reinterpret_cast<j_decompress_ptr>(info);
  Errors* errors = errors_of(info);
  if (*errors->stopped && (*errors->stopped)()) {
    errors->was_stopped = true;
    std::longjmp(errors->jump, 1);
  }
  if (jpeg->input_scan_number <= kMaxScans) return;
  std::snprintf(errors->message, sizeof errors->message, "more than %d scans", kMaxScans);
  std::longjmp(errors->jump, 1);
}

class Reader {
 public:
  // `stopped` outlives the reader.
  explicit Reader(const Stopped& stopped) {
    set_up(errors_);
    errors_.stopped = &stopped;
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { jpeg_destroy_decompress(&jpeg_); }

  bool read_header(const uint8_t* bytes, size_t size) {
    jpeg_.err = &errors_.base;
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&jpeg_);
    progress_.progress_monitor = on_progress;
    jpeg_.progress = &progress_;
    jpeg_save_markers(&jpeg_, kExifMarker, 0xffff);
    jpeg_mem_src(&jpeg_, bytes, size);
    jpeg_.src->fill_input_buffer = on_end_of_bytes;
    return jpeg_read_header(&jpeg_, TRUE) == JPEG_HEADER_OK;
  }

  // Rows of `stride` bytes into `to`. False after an error or when bytes were missing.
  bool read_pixels(uint8_t* to, size_t stride) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_.dct_method = JDCT_ISLOW;
    jpeg_.do_fancy_upsampling = TRUE;
    jpeg_start_decompress(&jpeg_);
    while (jpeg_.output_scanline < jpeg_.output_height) {
      JSAMPROW row = to + stride * jpeg_.output_scanline;
      jpeg_read_scanlines(&jpeg_, &row, 1);
    }
    // Scans that never came leave no warning in a picture of several scans; in one of a single
    // scan every missing row does.
    if (errors_.past_end) return !jpeg_has_multiple_scans(&jpeg_) && errors_.base.num_warnings == 0;
    jpeg_finish_decompress(&jpeg_);
    return true;
  }

  void set_output(J_COLOR_SPACE space) { jpeg_.out_color_space = space; }
  const jpeg_decompress_struct& info() const { return jpeg_; }
  const Errors& errors() const { return errors_; }

  Status failure() const {
    if (errors_.was_stopped) return {Code::kCancelled, "decoding was stopped"};
    if (errors_.code == JERR_BAD_PRECISION || errors_.code == JERR_SOF_UNSUPPORTED) {
      return unsupported_type("JPEG: {}", errors_.message);
    }
    if (errors_.code == JERR_OUT_OF_MEMORY) return out_of_memory("JPEG: {}", errors_.message);
    if (errors_.past_end) return invalid_argument("JPEG: damaged: the file is truncated");
    return invalid_argument("JPEG: damaged: {}", errors_.message);
  }

 private:
  Errors errors_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct jpeg_{};
};

int orientation_of(const jpeg_decompress_struct& jpeg) {
  for (jpeg_saved_marker_ptr m = jpeg.marker_list; m != nullptr; m = m->next) {
    const Bytes data(m->data, m->data_length);
    if (data.size() > 6 && data[0] == 'E' && data[1] == 'x' && data[2] == 'i') {
      return exif_orientation(data);
    }
  }
  return 1;
}

class Writer {
 public:
  Writer() { set_up(errors_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    jpeg_destroy_compress(&jpeg_);
    std::free(buffer_);
  }

  bool write(const Image& image, const WriteOptions& options) {
    jpeg_.err = &errors_.base;
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_compress(&jpeg_);
    jpeg_mem_dest(&jpeg_, &buffer_, &size_);
    jpeg_.image_width = static_cast<JDIMENSION>(image.width);
    jpeg_.image_height = static_cast<JDIMENSION>(image.height);
    jpeg_.input_components = image.channels;
    jpeg_.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&jpeg_);
    jpeg_set_quality(&jpeg_, options.quality, TRUE);
    jpeg_.dct_method = JDCT_ISLOW;
    if (!options.subsample_chroma) {
      jpeg_.comp_info[0].h_samp_factor = 1;
      jpeg_.comp_info[0].v_samp_factor = 1;
    }
    jpeg_start_compress(&jpeg_, TRUE);
    const size_t stride = static_cast<size_t>(image.width) * static_cast<size_t>(image.channels);
    while (jpeg_.next_scanline < jpeg_.image_height) {
      auto* row = const_cast<JSAMPROW>(image.data.data() + stride * jpeg_.next_scanline);
      jpeg_write_scanlines(&jpeg_, &row, 1);
    }
    jpeg_finish_compress(&jpeg_);
    return true;
  }

  Encoded bytes() const { return {buffer_, buffer_ + size_}; }
  const Errors& errors() const { return errors_; }

 private:
  Errors errors_{};
  jpeg_compress_struct jpeg_{};
  unsigned char* buffer_ = nullptr;
  unsigned long size_ = 0;
};

// All CMYK files that matter store 255 for no ink, as Adobe does.
Status finish_cmyk(Image& image, const Stopped& stopped) {
  FERRY_RETURN_IF_ERROR(in_parts(image.data.size(), stopped, [&](size_t i, size_t end) {
    for (; i < end; ++i) image.data[i] = static_cast<uint8_t>(255 - image.data[i]);
  }));
  FERRY_RETURN_IF_ERROR(cmyk_to_rgb(image, stopped));
  image.notes.push_back("CMYK converted to RGB without a colour profile");
  return {};
}

}  // namespace

Result<Decoded> decode_jpeg(Bytes bytes, int64_t max_pixels, const Stopped& stopped) {
  Reader reader(stopped);
  if (!reader.read_header(bytes.data(), bytes.size())) return reader.failure();
  const jpeg_decompress_struct& info = reader.info();
  FERRY_RETURN_IF_ERROR(check_size("JPEG", info.image_width, info.image_height, max_pixels));
  const int components = info.num_components;
  if (components != 1 && components != 3 && components != 4) {
    return unsupported_type("JPEG: {} components are not read; wanted 1, 3 or 4", components);
  }
  reader.set_output(components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK);
  Decoded decoded;
  decoded.orientation = orientation_of(info);
  Image& image = decoded.image;
  FERRY_ASSIGN_OR_RETURN(image,
                         make_image(info.image_width, info.image_height, components, 8, stopped));
  const size_t stride = static_cast<size_t>(image.width) * static_cast<size_t>(components);
  if (!reader.read_pixels(image.data.data(), stride)) return reader.failure();
  const Errors& errors = reader.errors();
  if (errors.base.num_warnings > 0) {
    image.notes.push_back(fmt::format("the file is damaged: {} ({} warnings)", errors.warning,
                                      errors.base.num_warnings));
  }
  if (errors.past_end) image.notes.push_back("the file has no end marker");
  if (components == 4) FERRY_RETURN_IF_ERROR(finish_cmyk(image, stopped));
  return decoded;
}

Result<Encoded> encode_jpeg(const Image& image, const WriteOptions& options) {
  Writer writer;
  if (writer.write(image, options)) return writer.bytes();
  if (writer.errors().code == JERR_OUT_OF_MEMORY) {
    return out_of_memory("JPEG: {}", writer.errors().message);
  }
  return internal_error("JPEG: cannot be encoded: {}", writer.errors().message);
}

}  // namespace ferry::codec
