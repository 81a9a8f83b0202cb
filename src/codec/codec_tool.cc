// SPDX-License-Identifier: Apache-2.0
// A small program for tests/codec: decodes a picture file into raw samples, or writes one.
//
//   ferry_codec_tool decode IN OUT.raw [rgb|bgr|grey|keep] [alpha] [deep] [unturned]
//       prints "width height channels bits", then one note per line; 16-bit samples in host order
//   ferry_codec_tool convert IN OUT.ext [quality] [lossless] [full-chroma]
//       keeps colour, alpha and depth
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "codec/image.h"

namespace {

int fail(const ferry::Status& status) {
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return 1;
}

ferry::DecodeOptions decode_options(int count, char** words) {
  ferry::DecodeOptions options;
  for (int i = 0; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "rgb") options.color = ferry::ColorMode::kRgb;
    if (word == "bgr") options.color = ferry::ColorMode::kBgr;
    if (word == "grey") options.color = ferry::ColorMode::kGrey;
    if (word == "keep") options.color = ferry::ColorMode::kKeep;
    if (word == "alpha") options.alpha = ferry::AlphaMode::kKeep;
    if (word == "deep") options.depth = ferry::BitDepth::kKeep;
    if (word == "unturned") options.apply_orientation = false;
  }
  return options;
}

int decode(const char* from, const char* to, const ferry::DecodeOptions& options) {
  const ferry::Result<ferry::Image> image = ferry::read_image(from, options);
  if (!image.ok()) return fail(image.status());
  std::printf("%d %d %d %d\n", image->width, image->height, image->channels, image->bits);
  for (const std::string& note : image->notes) std::printf("%s\n", note.c_str());
  std::FILE* file = std::fopen(to, "wb");
  if (file == nullptr) return 1;
  const bool wide = image->bits == 16;
  const void* samples = wide ? static_cast<const void*>(image->data16.data()) : image->data.data();
  const size_t written = std::fwrite(samples, wide ? 2 : 1, image->sample_count(), file);
  return std::fclose(file) == 0 && written == image->sample_count() ? 0 : 1;
}

int convert(const char* from, const char* to, int count, char** words) {
  ferry::WriteOptions options;
  for (int i = 0; i < count; ++i) {
    if (std::strcmp(words[i], "lossless") == 0) {
      options.lossless = true;
    } else if (std::strcmp(words[i], "full-chroma") == 0) {
      options.subsample_chroma = false;
    } else {
      options.quality = std::atoi(words[i]);
    }
  }
  const ferry::Result<ferry::Image> image =
      ferry::read_image(from, {.color = ferry::ColorMode::kKeep,
                               .alpha = ferry::AlphaMode::kKeep,
                               .depth = ferry::BitDepth::kKeep});
  if (!image.ok()) return fail(image.status());
  const ferry::Status status = ferry::write_image(to, *image, options);
  return status.ok() ? 0 : fail(status);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 4 && std::strcmp(argv[1], "decode") == 0) {
    return decode(argv[2], argv[3], decode_options(argc - 4, argv + 4));
  }
  if (argc >= 4 && std::strcmp(argv[1], "convert") == 0) {
    return convert(argv[2], argv[3], argc - 4, argv + 4);
  }
  std::fprintf(stderr, "usage: ferry_codec_tool decode|convert IN OUT [options]\n");
  return 2;
}
