// SPDX-License-Identifier: Apache-2.0
#include "ops/image/image_decoder.h"

#include "base/status.h"
#include "ops/op_tester.h"

namespace ferry {
namespace {

// One pixel of the file's first byte, or nothing when that is 0.
Result<Tensor> decode(std::span<const uint8_t> bytes, PixelFormat format, MemoryBudget*,
                      const std::function<bool()>&) {
  if (bytes.empty() || bytes[0] == 0) return invalid_argument("no picture");
  if (bytes[0] == 1) return limit_exceeded("too large");
  const int64_t channels = format == PixelFormat::kGray ? 1 : 3;
  return tensor<uint8_t>({1, 1, channels}, std::vector<uint8_t>(size_t(channels), bytes[0]));
}

TEST(ImageDecoder, UsesTheConnectedCodec) {
  set_image_decoder(nullptr);
  OpTester("ImageDecoder")
      .input(tensor<uint8_t>({1}, {7}))
      .expect_error(Code::kUnsupportedOp, "needs the codec library")
      .run();
  set_image_decoder(decode);
  OpTester("ImageDecoder")
      .input(tensor<uint8_t>({1}, {7}))
      .expect(tensor<uint8_t>({1, 1, 3}, {7, 7, 7}))
      .run();
  OpTester("ImageDecoder")
      .attr("pixel_format", std::string("Grayscale"))
      .input(tensor<uint8_t>({1}, {7}))
      .expect(tensor<uint8_t>({1, 1, 1}, {7}))
      .run();
  OpTester("ImageDecoder")
      .input(tensor<uint8_t>({1}, {0}))
      .expect(tensor<uint8_t>({0, 0, 3}, {}))
      .run();
  OpTester("ImageDecoder")
      .input(tensor<uint8_t>({1}, {1}))
      .expect_error(Code::kLimitExceeded, "too large")
      .run();
  set_image_decoder(nullptr);
}

}  // namespace
}  // namespace ferry
