// SPDX-License-Identifier: Apache-2.0
// Elements of packed fields, for the typed data of tensors.
#include <cstring>
#include <protozero/varint.hpp>

#include "base/status.h"
#include "onnx/wire.h"

namespace ferry::onnx {
namespace {

Status wrong_count(size_t seen, size_t wanted) {
  return invalid_model("the typed data holds {}{} elements, the dimensions want {}",
                       seen > wanted ? "more than " : "", seen > wanted ? wanted : seen, wanted);
}

template <class T>
Status unpack_fixed(std::span<const std::string_view> pieces, std::span<T> out) {
  size_t n = 0;
  for (std::string_view piece : pieces) {
    const size_t count = piece.size() / sizeof(T);
    if (piece.size() % sizeof(T) != 0) return invalid_model("damaged typed data");
    if (count > out.size() - n) return wrong_count(out.size() + 1, out.size());
    if (count > 0) std::memcpy(out.data() + n, piece.data(), piece.size());
    n += count;
  }
  return n == out.size() ? Status() : wrong_count(n, out.size());
}

template <class T>
Status unpack_varint(std::span<const std::string_view> pieces, std::span<T> out) {
  size_t n = 0;
  try {
    for (std::string_view piece : pieces) {
      const char* at = piece.data();
      const char* end = at + piece.size();
      while (at != end) {
        if (n == out.size()) return wrong_count(out.size() + 1, out.size());
        out[n++] = static_cast<T>(protozero::decode_varint(&at, end));
      }
    }
  } catch (const protozero::exception&) {
    return invalid_model("damaged typed data");
  }
  return n == out.size() ? Status() : wrong_count(n, out.size());
}

}  // namespace

Status unpack(std::span<const std::string_view> pieces, std::span<float> out) {
  return unpack_fixed(pieces, out);
}
Status unpack(std::span<const std::string_view> pieces, std::span<double> out) {
  return unpack_fixed(pieces, out);
}
Status unpack(std::span<const std::string_view> pieces, std::span<int64_t> out) {
  return unpack_varint(pieces, out);
}
Status unpack(std::span<const std::string_view> pieces, std::span<uint64_t> out) {
  return unpack_varint(pieces, out);
}
Status unpack(std::span<const std::string_view> pieces, std::span<int32_t> out) {
  return unpack_varint(pieces, out);
}

}  // namespace ferry::onnx
