// SPDX-License-Identifier: Apache-2.0
// TensorProto to Tensor: views of the mapped file where the bytes are aligned, copies elsewhere.
// Large ones may be views in any case, and are aligned later (ir/constant_memory.h).
// `strict` refuses what has one meaning and is forbidden all the same: data beside external data or
// of another type, sparse indices out of order.
#pragma once

#include "base/allocator.h"
#include "onnx/external_data.h"
#include "onnx/wire.h"

namespace ferry::onnx {

class TensorReader {
 public:
  // `owner` keeps the bytes of `wire` alive; null: the caller may free them, so all is copied.
  TensorReader(Wire& wire, std::shared_ptr<void> owner, ExternalData& external,
               MemoryBudget* budget, bool align_large = true, bool strict = false)
      : wire_(wire),
        owner_(std::move(owner)),
        external_(external),
        budget_(budget),
        align_large_(align_large),
        strict_(strict) {}

  // Errors: kInvalidModel, kUnsupportedType, kLimitExceeded, kOutOfMemory, kIoError; all name the
  // tensor.
  Result<Tensor> read(std::string_view message);
  // A SparseTensorProto as a dense tensor.
  Result<Tensor> read_sparse(std::string_view message);

 private:
  Result<Tensor> convert(const TensorProto& proto);
  Result<Tensor> from_raw(const TensorProto& proto, const Dims& dims, const OwnedBytes& bytes);
  Result<Tensor> from_typed(const TensorProto& proto, const Dims& dims);

  Wire& wire_;
  std::shared_ptr<void> owner_;
  ExternalData& external_;
  MemoryBudget* budget_;
  bool align_large_, strict_;
};

}  // namespace ferry::onnx
