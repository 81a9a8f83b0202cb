// SPDX-License-Identifier: Apache-2.0
// Dims, types, tensors and attribute values as bytes: the leaves of a saved graph.
//
// Expressions are kept once each, in a table beside the rest, in which an entry refers to earlier
// ones only.
#pragma once

#include <unordered_map>
#include <vector>

#include "ir/op.h"
#include "plan/byte_stream.h"
#include "tensor/type.h"

namespace ferry {

class ValueWriter {
 public:
  ByteWriter& out() { return out_; }
  void dim(const Dim& d);
  void type(const Type& t);
  void dims(const Dims& d);
  // With its elements.
  void tensor(const Tensor& t);
  void attribute(const AttrValue& value);

  // The table of expressions, then everything else that was written.
  std::vector<std::byte> finish();

 private:
  uint32_t expression(const Dim& d);

  ByteWriter out_, table_;
  uint32_t table_size_ = 0;
  std::unordered_map<const DimExpr*, uint32_t> entries_;
};

class ValueReader {
 public:
  // Reads the table. `budget` counts the tensors that are made.
  ValueReader(std::span<const std::byte> bytes, MemoryBudget* budget);

  ByteReader& in() { return in_; }
  Dim dim();
  Type type(int depth = 0);
  Dims dims();
  // Undefined after an error.
  Tensor tensor();
  DType dtype();
  AttrValue attribute();

 private:
  void read_table();
  Dim expression();
  Dim entry();

  ByteReader in_;
  MemoryBudget* budget_;
  std::vector<Dim> entries_;
};

}  // namespace ferry
