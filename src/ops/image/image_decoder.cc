// SPDX-License-Identifier: Apache-2.0
#include "ops/image/image_decoder.h"

#include <atomic>

#include "ops/registry.h"

namespace ferry {
namespace {

std::atomic<ImageDecodeFunction> decoder{nullptr};

Result<PixelFormat> parse_format(const std::string& text) {
  if (text == "RGB") return PixelFormat::kRgb;
  if (text == "BGR") return PixelFormat::kBgr;
  if (text == "Grayscale") return PixelFormat::kGray;
  return invalid_model("attribute 'pixel_format' is '{}', wanted is RGB, BGR or Grayscale", text);
}

Status infer(const ImageDecoder& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const PixelFormat format, parse_format(op.pixel_format));
  FERRY_RETURN_IF_ERROR(c.tensor(0, {DType::kUInt8}, 1, 1).status());
  c.set_tensor(0, DType::kUInt8,
               Shape{c.fresh_dim(0, 0), c.fresh_dim(0, 1), format == PixelFormat::kGray ? 1 : 3});
  return {};
}

Status eval(const ImageDecoder& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const PixelFormat format, parse_format(op.pixel_format));
  const ImageDecodeFunction decode = decoder.load();
  if (decode == nullptr) {
    return unsupported_op(
        "decoding pictures needs the codec library, which this build or program leaves out");
  }
  const Tensor& bytes = c.input(0);
  const int64_t channels = format == PixelFormat::kGray ? 1 : 3;
  Result<Tensor> image =
      decode(bytes.elements<uint8_t>(), format, c.budget(), [&] { return !c.poll().ok(); });
  FERRY_RETURN_IF_ERROR(c.poll());
  if (!image.ok()) {
    if (image.status().code() != Code::kInvalidArgument) return std::move(image).status();
    return c.output(0, DType::kUInt8, {0, 0, channels}).status();
  }
  if (image->dtype() != DType::kUInt8 || image->rank() != 3 || image->dim(2) != channels) {
    return internal_error("the codec made {} for {} channels", image->describe(), channels);
  }
  return c.set_output(0, *std::move(image));
}

}  // namespace

void set_image_decoder(ImageDecodeFunction decode) { decoder.store(decode); }

void register_image_decoder(OpRegistry& r) {
  r.op<ImageDecoder>("ImageDecoder")
      .since(20)
      .attr("pixel_format", &ImageDecoder::pixel_format)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
