// SPDX-License-Identifier: Apache-2.0
// The fields of one protocol buffer message. Checks wire types, which protozero leaves to its
// caller. Throws; only wire.cc, which catches, includes it.
#pragma once

#include <cstring>
#include <protozero/pbf_reader.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace ferry::onnx::wire_detail {

using protozero::pbf_wire_type;

// Thrown inside this file, as protozero's own exceptions are; never leaves it.
struct WireError : protozero::exception {
  Status status;
  explicit WireError(Status s) : status(std::move(s)) {}
};

// One message being read. Checks wire types, which protozero leaves to its caller, and reads
// lengths itself: protozero keeps the low 32 bits of one.
class Fields {
 public:
  explicit Fields(std::string_view message) : reader_(message.data(), message.size()) {}

  bool next() { return reader_.next(); }
  uint32_t tag() const { return reader_.tag(); }
  void skip() {
    if (reader_.wire_type() == pbf_wire_type::length_delimited)
      bytes();
    else
      reader_.skip();
  }

  std::string_view bytes() {
    want(pbf_wire_type::length_delimited);
    const protozero::data_view rest = reader_.data();
    const char* at = rest.data();
    const char* end = at + rest.size();
    const uint64_t length = protozero::decode_varint(&at, end);
    if (length > static_cast<uint64_t>(end - at)) throw protozero::end_of_buffer_exception();
    const std::string_view found(at, length);
    reader_ = protozero::pbf_reader(at + length, rest.size() - (at - rest.data()) - length);
    return found;
  }
  int64_t varint() {
    want(pbf_wire_type::varint);
    return reader_.get_int64();
  }
  float fixed_float() {
    want(pbf_wire_type::fixed32);
    return reader_.get_float();
  }
  // Encoded elements of a repeated number, packed or not.
  std::string_view elements(pbf_wire_type single) {
    if (reader_.wire_type() == pbf_wire_type::length_delimited) return bytes();
    want(single);
    const char* from = reader_.data().data();
    reader_.skip();
    return {from, static_cast<size_t>(reader_.data().data() - from)};
  }

 private:
  void want(pbf_wire_type type) const {
    if (reader_.wire_type() == type) return;
    throw WireError(invalid_model("field {} has wire type {}, wanted is {}", reader_.tag(),
                                  static_cast<int>(reader_.wire_type()), static_cast<int>(type)));
  }
  protozero::pbf_reader reader_;
};

inline void append_varints(std::string_view piece, std::vector<int64_t>& out) {
  const char* at = piece.data();
  const char* end = at + piece.size();
  while (at != end) out.push_back(static_cast<int64_t>(protozero::decode_varint(&at, end)));
}

template <class T>
void append_fixed(std::string_view piece, std::vector<T>& out) {
  if (piece.size() % sizeof(T) != 0) throw protozero::invalid_length_exception();
  const size_t n = piece.size() / sizeof(T);
  const size_t old = out.size();
  out.resize(old + n);
  if (n > 0) std::memcpy(out.data() + old, piece.data(), piece.size());
}

}  // namespace ferry::onnx::wire_detail
