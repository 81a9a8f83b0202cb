// SPDX-License-Identifier: Apache-2.0
// ExternalData: the one way to tensor bytes outside the model file, for all kinds of tensors.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/mapped_file.h"
#include "onnx/wire.h"

namespace ferry::onnx {

// Bytes and what keeps them alive.
struct OwnedBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<void> owner;  // null: only alive during the import
};

class ExternalData {
 public:
  // `folder` may be empty: then only the named buffers exist.
  ExternalData(std::string folder, std::map<std::string, OwnedBytes, std::less<>> buffers,
               MapOptions options)
      : folder_(std::move(folder)), files_(std::move(buffers)), options_(options) {}

  // The bytes that the entries of TensorProto.external_data name; `size_bytes` of them where no
  // `length` is given. `basepath` says where the writer kept the file and is not followed: a place
  // on the writer's machine, which may lie outside the folder.
  // Errors: kInvalidModel, kIoError, kLimitExceeded.
  Result<OwnedBytes> read(const StringPairs& entries, uint64_t size_bytes);

  // Bytes that were read so far: no more than the files have, however many tensors share them.
  uint64_t bytes_read() const;

 private:
  Result<OwnedBytes> file(const std::string& location);

  std::string folder_;
  std::map<std::string, OwnedBytes, std::less<>> files_;
  std::shared_ptr<Directory> directory_;  // opened on first use
  MapOptions options_;
  uint64_t read_ = 0;
};

}  // namespace ferry::onnx
