// SPDX-License-Identifier: Apache-2.0
// Encodes the parts of a model: tensors, types, attributes; and the file of external weights.
#pragma once

#include <protozero/pbf_writer.hpp>
#include <string>

#include "base/output_file.h"
#include "ir/op.h"
#include "onnx/lowest_opset.h"

namespace ferry::onnx {

// The file that large tensors go to. Each starts at a multiple of 64 bytes, those of 64 KiB and
// more at a multiple of 64 KiB, so that they can be mapped on machines of any page size.
class WeightFile {
 public:
  WeightFile(std::string path, std::string name, uint64_t min_bytes)
      : path_(std::move(path)), name_(std::move(name)), min_bytes_(min_bytes) {}

  Status open();
  // Ends the file and the model that refers to it; both take their places.
  Status commit_with(OutputFile& model) { return OutputFile::commit_both(out_, model); }
  bool takes(const Tensor& tensor) const {
    return tensor.dtype() != DType::kString && tensor.size_bytes() >= min_bytes_;
  }
  // The offset at which the tensor was written.
  Result<uint64_t> append(const Tensor& tensor);
  const std::string& name() const { return name_; }

 private:
  std::string path_, name_;
  uint64_t min_bytes_;
  OutputFile out_;
  uint64_t size_ = 0;
};

void write_pair(protozero::pbf_writer& w, uint32_t tag, const std::string& key,
                const std::string& value);
// The fields of a TensorProto; large data goes to `weights` unless that is null.
Status write_tensor(protozero::pbf_writer& w, const Tensor& tensor, const std::string& name,
                    WeightFile* weights);
// The fields of a TypeProto.
void write_type(protozero::pbf_writer& w, const Type& type);
void write_value_info(protozero::pbf_writer& w, uint32_t tag, const std::string& name,
                      const Type& type);
// NodeProto.attribute for every attribute that is required, not at its default, or misread when
// absent.
Status write_attributes(protozero::pbf_writer& w, const Op& op, const NodeForm& form);

}  // namespace ferry::onnx
