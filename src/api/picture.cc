// SPDX-License-Identifier: Apache-2.0
#include "ferry/picture.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <new>

#include "base/status.h"
#include "codec/image.h"
#include "codec/picture.h"

namespace ferry {
namespace {

PictureFormat format_of(const PictureOptions& options) {
  PictureFormat f;
  f.layout = options.layout == PictureLayout::kNchw ? PixelLayout::kNchw : PixelLayout::kNhwc;
  f.order = options.order == PictureOrder::kRgb ? ChannelOrder::kRgb : ChannelOrder::kBgr;
  f.range = options.range == PictureRange::kUnit ? ValueRange::kUnit : ValueRange::k255;
  f.mean = options.mean;
  f.std = options.std;
  f.rounding =
      options.rounding == PictureRounding::kNearest ? Rounding::kNearestEven : Rounding::kDown;
  return f;
}

Status check_options(const PictureOptions& options) {
  if (options.channels != 1 && options.channels != 3 && options.channels != 4) {
    return invalid_argument("picture: channels is {}, wanted 1, 3 or 4", options.channels);
  }
  if (options.dtype == DType::kFloat32) return {};
  if (options.dtype != DType::kUInt8) {
    return unsupported_type("picture: dtype is {}, wanted f32 or u8", dtype_name(options.dtype));
  }
  const PictureOptions plain;
  if (options.mean != plain.mean || options.std != plain.std) {
    return invalid_argument("picture: mean and std are for f32 tensors, dtype is u8");
  }
  return {};
}

DecodeOptions decode_options(int channels) {
  DecodeOptions o;
  o.color = channels == 1 ? ColorMode::kGrey : ColorMode::kRgb;
  o.alpha = channels == 4 ? AlphaMode::kKeep : AlphaMode::kDrop;
  return o;
}

void add_opaque_alpha(Image& image) {
  std::vector<uint8_t> data;
  data.reserve(image.data.size() / 3 * 4);
  for (size_t i = 0; i + 2 < image.data.size(); i += 3) {
    data.insert(data.end(), {image.data[i], image.data[i + 1], image.data[i + 2], 255});
  }
  image.data = std::move(data);
  image.channels = 4;
  image.notes.push_back("no alpha in the file: the fourth channel is opaque (255)");
}

Dims dims_of(const Image& image, PictureLayout layout) {
  if (layout == PictureLayout::kNchw) return {1, image.channels, image.height, image.width};
  return {1, image.height, image.width, image.channels};
}

size_t source_channel(size_t c, size_t channels, PictureOrder order) {
  return order == PictureOrder::kBgr && channels >= 3 && c < 3 ? 2 - c : c;
}

// Interleaved RGB samples to the tensor's layout and order.
void samples_to_tensor(const Image& image, const PictureOptions& options, uint8_t* out) {
  const auto channels = static_cast<size_t>(image.channels);
  const size_t pixels = image.data.size() / channels;
  for (size_t c = 0; c < channels; ++c) {
    const size_t from = source_channel(c, channels, options.order);
    for (size_t p = 0; p < pixels; ++p) {
      const size_t to = options.layout == PictureLayout::kNchw ? c * pixels + p : p * channels + c;
      out[to] = image.data[p * channels + from];
    }
  }
}

void tensor_to_samples(const uint8_t* in, const PictureOptions& options, Image& image) {
  const auto channels = static_cast<size_t>(image.channels);
  const size_t pixels = static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
  image.data.resize(pixels * channels);
  for (size_t c = 0; c < channels; ++c) {
    const size_t to = source_channel(c, channels, options.order);
    for (size_t p = 0; p < pixels; ++p) {
      const size_t from =
          options.layout == PictureLayout::kNchw ? c * pixels + p : p * channels + c;
      image.data[p * channels + to] = in[from];
    }
  }
}

Result<Picture> to_picture(Image image, FileFormat format, const PictureOptions& options) {
  if (options.channels == 4 && image.channels == 3) add_opaque_alpha(image);
  if (image.channels != options.channels) {
    return internal_error("picture: decoded to {} channels, wanted {}", image.channels,
                          options.channels);
  }
  Picture picture;
  picture.width = image.width;
  picture.height = image.height;
  picture.format = format_name(format);
  FERRY_ASSIGN_OR_RETURN(picture.tensor,
                         Tensor::allocate(options.dtype, dims_of(image, options.layout)));
  if (options.dtype == DType::kUInt8) {
    samples_to_tensor(image, options, picture.tensor.data<uint8_t>());
  } else {
    const std::span<float> floats(picture.tensor.data<float>(), image.sample_count());
    FERRY_RETURN_IF_ERROR(picture_to_floats(image, format_of(options), floats));
  }
  picture.notes = std::move(image.notes);
  return picture;
}

FileFormat format_of_file(const std::string& path) {
  std::array<char, 64> head{};
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), head.size());
  return detect_format(
      {reinterpret_cast<const uint8_t*>(head.data()), static_cast<size_t>(file.gcount())});
}

struct Extent {
  int width = 0, height = 0, channels = 0;
};

// The picture that dims describe.
Result<Extent> extent_of(const Tensor& tensor, PictureLayout layout) {
  std::vector<int64_t> dims(tensor.dims().begin(), tensor.dims().end());
  const bool planar = layout == PictureLayout::kNchw;
  const auto wrong = [&](const char* why) {
    return shape_mismatch("{} is no picture: {}; wanted {} with 1 to 4 channels, or [H,W]",
                          tensor.describe(), why, planar ? "[1,C,H,W]" : "[1,H,W,C]");
  };
  if (dims.size() == 4) {
    if (dims[0] != 1) return wrong("it holds not one picture");
    dims.erase(dims.begin());
  }
  if (dims.size() == 2) dims.insert(planar ? dims.begin() : dims.end(), 1);
  if (dims.size() != 3) return wrong("it has not 2 to 4 dims");
  if (!planar) std::rotate(dims.begin(), dims.begin() + 2, dims.end());
  if (dims[0] < 1 || dims[0] > 4) return wrong("its channels are not 1 to 4");
  constexpr int64_t kMaxSide = 1 << 30;
  if (dims[1] < 1 || dims[2] < 1) return wrong("it is empty");
  if (dims[1] > kMaxSide || dims[2] > kMaxSide) return wrong("it is too large");
  return Extent{static_cast<int>(dims[2]), static_cast<int>(dims[1]), static_cast<int>(dims[0])};
}

Result<Image> to_image(const Tensor& tensor, const PictureOptions& options) {
  FERRY_ASSIGN_OR_RETURN(const Extent extent, extent_of(tensor, options.layout));
  if (tensor.dtype() == DType::kUInt8) {
    Image image;
    image.width = extent.width;
    image.height = extent.height;
    image.channels = extent.channels;
    tensor_to_samples(tensor.data<uint8_t>(), options, image);
    return image;
  }
  if (tensor.dtype() != DType::kFloat32) {
    return unsupported_type("{} is no picture: wanted elements of f32 or u8", tensor.describe());
  }
  return floats_to_picture(tensor.elements<float>(), extent.width, extent.height, extent.channels,
                           format_of(options));
}

template <class F>
auto guarded(const F& f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return out_of_memory("picture: the machine's memory is used up");
  }
}

}  // namespace

Result<Picture> read_picture(const std::string& path, const PictureOptions& options) {
  return guarded([&]() -> Result<Picture> {
    FERRY_RETURN_IF_ERROR(check_options(options));
    FERRY_ASSIGN_OR_RETURN(Image image, read_image(path, decode_options(options.channels)));
    return to_picture(std::move(image), format_of_file(path), options);
  });
}

Result<Picture> decode_picture(std::span<const std::byte> bytes, const PictureOptions& options) {
  return guarded([&]() -> Result<Picture> {
    FERRY_RETURN_IF_ERROR(check_options(options));
    const std::span<const uint8_t> file(reinterpret_cast<const uint8_t*>(bytes.data()),
                                        bytes.size());
    FERRY_ASSIGN_OR_RETURN(Image image, decode_image(file, decode_options(options.channels)));
    return to_picture(std::move(image), detect_format(file), options);
  });
}

Status write_picture(const std::string& path, const Tensor& tensor, const PictureOptions& options,
                     std::vector<std::string>* notes) {
  return guarded([&]() -> Status {
    FERRY_ASSIGN_OR_RETURN(const Image image, to_image(tensor, options));
    FERRY_RETURN_IF_ERROR(write_image(path, image));
    if (notes != nullptr) notes->insert(notes->end(), image.notes.begin(), image.notes.end());
    return {};
  });
}

bool is_picture_path(const std::string& path) noexcept {
  try {
    return format_of_extension(path) != FileFormat::kUnknown;
  } catch (...) {
    return false;
  }
}

}  // namespace ferry
