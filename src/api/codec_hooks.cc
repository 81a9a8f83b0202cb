// SPDX-License-Identifier: Apache-2.0
#include "api/codec_hooks.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/allocator.h"
#include "base/status.h"
#include "codec/image.h"
#include "codec/regex.h"
#include "ops/image/image_decoder.h"
#include "ops/text/regex_full_match.h"

namespace ferry {
namespace {

// Decoders take memory that no budget counts: so many pixels that they and the output fit into what
// is left.
int64_t pixels_that_fit(std::span<const uint8_t> bytes, const MemoryBudget* budget) {
  if (budget == nullptr) return std::numeric_limits<int64_t>::max();
  int64_t bytes_per_pixel = 12;  // 16-bit colour, its 8 bits, and the output
  switch (detect_format(bytes)) {
    case FileFormat::kJpeg2000:
      bytes_per_pixel = 24;  // components of 32 bits before
      break;
    case FileFormat::kTiff:
      bytes_per_pixel = 18;  // the samples of the file before
      break;
    default:
      break;
  }
  const uint64_t used = std::min(budget->used(), budget->limit());
  return static_cast<int64_t>((budget->limit() - used) / static_cast<uint64_t>(bytes_per_pixel));
}

Result<Tensor> decode_picture(std::span<const uint8_t> bytes, PixelFormat format,
                              MemoryBudget* budget, const std::function<bool()>& stopped) {
  DecodeOptions options;
  options.stopped = stopped;
  options.color = format == PixelFormat::kRgb   ? ColorMode::kRgb
                  : format == PixelFormat::kBgr ? ColorMode::kBgr
                                                : ColorMode::kGrey;
  options.apply_orientation = false;  // the operator gives the picture as it is stored
  const int64_t fitting = pixels_that_fit(bytes, budget);
  options.max_pixels = std::min(options.max_pixels, fitting);
  Result<Image> decoded = decode_image(bytes, options);
  if (decoded.status().code() == Code::kLimitExceeded && options.max_pixels == fitting) {
    return out_of_memory("{}; the memory left is {} of {} bytes", decoded.status().message(),
                         budget->limit() - std::min(budget->used(), budget->limit()),
                         budget->limit());
  }
  FERRY_ASSIGN_OR_RETURN(const Image image, std::move(decoded));
  FERRY_ASSIGN_OR_RETURN(
      Tensor pixels,
      Tensor::allocate(DType::kUInt8, {image.height, image.width, image.channels}, budget));
  constexpr size_t kPiece = size_t{1} << 20;
  auto* to = static_cast<uint8_t*>(pixels.raw());
  for (size_t at = 0; at < image.data.size() && !stopped(); at += kPiece) {
    std::memcpy(to + at, image.data.data() + at, std::min(kPiece, image.data.size() - at));
  }
  return pixels;
}

Status match_all(const std::string& pattern, std::span<const std::string> texts, bool* matches) {
  FERRY_ASSIGN_OR_RETURN(const Regex regex, Regex::compile(pattern));
  for (size_t i = 0; i < texts.size(); ++i) matches[i] = regex.full_match(texts[i]);
  return {};
}

Result<std::vector<std::vector<std::string_view>>> find_in_each(
    const std::string& pattern, std::span<const std::string_view> texts) {
  FERRY_ASSIGN_OR_RETURN(const Regex regex, Regex::compile(pattern));
  std::vector<std::vector<std::string_view>> found(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    for (size_t from = 0; from <= texts[i].size();) {
      const std::string_view match = regex.find(texts[i], from);
      if (match.data() == nullptr) break;
      found[i].push_back(match);
      const auto end = static_cast<size_t>(match.data() + match.size() - texts[i].data());
      from = match.empty() ? end + 1 : end;
    }
  }
  return found;
}

}  // namespace

void connect_codecs() {
  set_image_decoder(decode_picture);
  set_regex_engine(match_all, find_in_each);
}

}  // namespace ferry
