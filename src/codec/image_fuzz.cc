// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: decodes arbitrary bytes. Seeds: src/codec/testdata.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "codec/image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const ferry::Result<ferry::Image> image =
      ferry::decode_image({bytes, size}, {.color = ferry::ColorMode::kKeep,
                                          .alpha = ferry::AlphaMode::kKeep,
                                          .depth = ferry::BitDepth::kKeep,
                                          .max_pixels = 1 << 18});
  if (!image.ok()) return image.status().code() == ferry::Code::kInternal ? std::abort(), 0 : 0;
  const size_t samples = image->bits == 8 ? image->data.size() : image->data16.size();
  if (samples != image->sample_count()) std::abort();
  return 0;
}
