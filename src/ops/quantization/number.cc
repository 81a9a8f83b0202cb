// SPDX-License-Identifier: Apache-2.0
#include "ops/quantization/number.h"

namespace ferry {

Result<std::vector<double>> number_contents(const Tensor& t) {
  std::vector<double> out(static_cast<size_t>(t.count()));
  const DType type = t.dtype();
  if (is_packed(type)) {
    FERRY_ASSIGN_OR_RETURN(const Tensor bytes, unpack_bits(t));
    for (size_t i = 0; i < out.size(); ++i) {
      const uint8_t bits = bytes.data<uint8_t>()[i];
      out[i] = type == DType::kFloat4E2M1 ? double(float4_to_float(bits))
                                          : double(packed_int(type, bits));
    }
    return out;
  }
  if (types::kFloat8.contains(type) || type == DType::kFloat8E8M0) {
    for (size_t i = 0; i < out.size(); ++i) {
      const uint8_t bits = t.data<uint8_t>()[i];
      out[i] =
          double(type == DType::kFloat8E8M0 ? e8m0_to_float(bits) : float8_to_float(type, bits));
    }
    return out;
  }
  if (type == DType::kInt64 || type == DType::kUInt64) {
    return unsupported_type("element type {} is no quantized number", dtype_name(type));
  }
  FERRY_RETURN_IF_ERROR(visit_numeric(type, [&]<class T>(TypeTag<T>) -> Status {
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<double>(compute_t<T>(t.data<T>()[i]));
    }
    return {};
  }));
  return out;
}

Result<QuantizedWriter> QuantizedWriter::make(Tensor& y, bool saturate, MemoryBudget* budget) {
  QuantizedWriter w;
  w.y_ = &y;
  w.saturate_ = saturate;
  w.range_ = int_range(y.dtype());
  if (is_packed(y.dtype())) {
    FERRY_ASSIGN_OR_RETURN(w.bytes_, Tensor::allocate(DType::kUInt8, {y.count()}, budget));
  }
  return w;
}

void QuantizedWriter::put(int64_t i, double v, double zero_point) {
  uint8_t* to = bytes_.defined() ? bytes_.data<uint8_t>() : y_->data<uint8_t>();
  if (!range_) {
    // Adding nothing keeps the sign of a zero.
    const auto f = static_cast<float>(zero_point == 0 ? v : v + zero_point);
    to[i] = y_->dtype() == DType::kFloat4E2M1 ? float4_from_float(f)
                                              : float8_from_float(y_->dtype(), f, saturate_);
    return;
  }
  const int64_t q = quantize_int(v, zero_point, *range_);
  if (y_->dtype() == DType::kInt16 || y_->dtype() == DType::kUInt16) {
    y_->data<uint16_t>()[i] = static_cast<uint16_t>(q);
  } else {
    // Packed types keep the low bits.
    to[i] = static_cast<uint8_t>(q & ((1 << dtype_bits(y_->dtype())) - 1));
  }
}

void QuantizedWriter::finish() {
  if (bytes_.defined()) pack_bits(bytes_, *y_);
}

}  // namespace ferry
