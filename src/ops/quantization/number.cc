// SPDX-License-Identifier: Apache-2.0
#include "ops/quantization/number.h"

namespace ferry {

Status read_numbers(const Tensor& t, int64_t from, int64_t to, double* out) {
  const DType type = t.dtype();
  const auto read = [&](auto number) {
    for (int64_t i = from; i < to; ++i) *out++ = double(number(i));
    return Status();
  };
  if (is_packed(type)) {
    const auto* bytes = static_cast<const uint8_t*>(t.raw());
    const int64_t bits = dtype_bits(type);
    const int mask = (1 << bits) - 1;
    float numbers[16] = {};
    for (int i = 0; i <= mask; ++i) {
      const auto element = static_cast<uint8_t>(i);
      numbers[i] = type == DType::kFloat4E2M1 ? float4_to_float(element)
                                              : static_cast<float>(packed_int(type, element));
    }
    return read([&](int64_t i) { return numbers[bytes[i * bits / 8] >> (i * bits % 8) & mask]; });
  }
  if (types::kFloat8.contains(type) || type == DType::kFloat8E8M0) {
    const auto* bytes = t.data<uint8_t>();
    return read([&](int64_t i) {
      return type == DType::kFloat8E8M0 ? e8m0_to_float(bytes[i]) : float8_to_float(type, bytes[i]);
    });
  }
  if (type == DType::kInt64 || type == DType::kUInt64) {
    return unsupported_type("element type {} is no quantized number", dtype_name(type));
  }
  return visit_numeric(type, [&]<class T>(TypeTag<T>) {
    return read([&](int64_t i) { return compute_t<T>(t.data<T>()[i]); });
  });
}

Result<WorkingArray<double>> number_contents(EvalContext& c, const Tensor& t) {
  FERRY_ASSIGN_OR_RETURN(auto out, WorkingArray<double>::make(c, t.count()));
  FERRY_RETURN_IF_ERROR(in_ranges(c, t.count(), 4, [&](int64_t from, int64_t to) {
    return read_numbers(t, from, to, out.data() + from);
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
