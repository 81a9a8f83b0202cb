// SPDX-License-Identifier: Apache-2.0
#include "onnx/tensor_proto.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/status.h"
#include "tensor/int_contents.h"
#include "tensor/size.h"

namespace ferry::onnx {
namespace {

Result<Dims> checked_dims(const std::vector<int64_t>& dims) {
  if (dims.size() > Dims::kMaxRank) {
    return limit_exceeded("rank {}; Ferry runs tensors of rank up to {}", dims.size(),
                          Dims::kMaxRank);
  }
  for (int64_t d : dims) {
    if (d < 0) return invalid_model("dimension {} is negative", d);
  }
  return Dims(dims);
}

Result<DType> checked_type(int32_t code) {
  if (code <= 0) return invalid_model("the element type is missing (code {})", code);
  if (code >= kNumDTypes) return unsupported_type("element type {} is not known", code);
  return static_cast<DType>(code);
}

// Copies of less cost nothing that counts.
constexpr size_t kLarge = size_t{64} << 10;

bool has_typed_data(const TensorProto& p) {
  return !p.float_data.empty() || !p.int32_data.empty() || !p.int64_data.empty() ||
         !p.double_data.empty() || !p.uint64_data.empty() || !p.string_data.empty();
}

bool holds_any(const std::vector<std::string_view>& pieces) {
  return std::any_of(pieces.begin(), pieces.end(), [](std::string_view p) { return !p.empty(); });
}

// Data besides those that a reader takes.
Status check_one_place(const TensorProto& p) {
  size_t places = p.string_data.empty() ? 0 : 1;
  if (p.raw && !p.raw->empty()) ++places;
  for (const auto* list :
       {&p.float_data, &p.int32_data, &p.int64_data, &p.double_data, &p.uint64_data}) {
    if (holds_any(*list)) ++places;
  }
  if (p.external && places > 0) {
    return invalid_model("its data are external and in the file as well; drop either");
  }
  if (places > 1) return invalid_model("its data are in {} fields, wanted is one", places);
  return {};
}

// Elements of a narrower integer type, stored one per entry.
template <class Wide, class Narrow>
Status unpack_narrow(std::span<const std::string_view> pieces, std::span<Narrow> out) {
  std::vector<Wide> wide(out.size());
  FERRY_RETURN_IF_ERROR(unpack(pieces, std::span<Wide>(wide)));
  std::transform(wide.begin(), wide.end(), out.begin(),
                 [](Wide w) { return static_cast<Narrow>(w); });
  return {};
}

template <class T>
std::span<T> storage(Tensor& t) {
  return {static_cast<T*>(t.raw()), t.size_bytes() / sizeof(T)};
}

Status fill_strings(const TensorProto& proto, Tensor& t) {
  const auto count = static_cast<size_t>(t.count());
  if (proto.string_data.size() != count) {
    return invalid_model("{} strings, the dimensions want {}", proto.string_data.size(), count);
  }
  std::copy(proto.string_data.begin(), proto.string_data.end(), t.data<std::string>());
  return {};
}

Status fill_typed(const TensorProto& proto, Tensor& t) {
  switch (t.dtype()) {
    case DType::kString:
      return fill_strings(proto, t);
    case DType::kFloat32:
    case DType::kComplex64:
      return unpack(proto.float_data, storage<float>(t));
    case DType::kFloat64:
    case DType::kComplex128:
      return unpack(proto.double_data, storage<double>(t));
    case DType::kInt64:
      return unpack(proto.int64_data, storage<int64_t>(t));
    case DType::kUInt64:
      return unpack(proto.uint64_data, storage<uint64_t>(t));
    case DType::kUInt32:
      return unpack_narrow<uint64_t>(proto.uint64_data, storage<uint32_t>(t));
    case DType::kInt32:
      return unpack(proto.int32_data, storage<int32_t>(t));
    case DType::kBool: {
      FERRY_RETURN_IF_ERROR(unpack_narrow<int32_t>(proto.int32_data, storage<uint8_t>(t)));
      for (uint8_t& b : storage<uint8_t>(t)) b = b != 0;
      return {};
    }
    default:
      break;
  }
  // 16-bit floats and integers, and everything of 8 bits or less: bits in int32_data; packed types
  // have one byte of two or four elements per entry.
  if (dtype_bits(t.dtype()) == 16) {
    return unpack_narrow<int32_t>(proto.int32_data, storage<uint16_t>(t));
  }
  return unpack_narrow<int32_t>(proto.int32_data, storage<uint8_t>(t));
}

// C++ bools hold 0 or 1 and nothing else.
bool has_odd_bools(DType type, std::span<const std::byte> bytes) {
  return type == DType::kBool &&
         std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b > std::byte{1}; });
}

// Errors: kInvalidModel for an element given twice; when `sorted`, for elements out of order too.
Status check_sparse_order(std::vector<int64_t> places, bool sorted) {
  for (size_t i = 1; sorted && i < places.size(); ++i) {
    if (places[i] < places[i - 1]) {
      return invalid_model(
          "sparse index {} lies before the one ahead of it, wanted is ascending order", i);
    }
  }
  if (!sorted) std::sort(places.begin(), places.end());
  const auto twice = std::adjacent_find(places.begin(), places.end());
  if (twice == places.end()) return {};
  return invalid_model("element {} (row-major) is given twice by the sparse indices", *twice);
}

Status scatter_sparse(const Tensor& values, const Tensor& indices, Tensor& dense, bool sorted) {
  const auto n = static_cast<size_t>(values.count());
  const size_t rank = dense.rank();
  const bool linear = indices.rank() == 1;
  if (indices.dtype() != DType::kInt64) return invalid_model("sparse indices are not i64");
  const bool fits = linear ? indices.dim(0) == values.count()
                           : indices.rank() == 2 && indices.dim(0) == values.count() &&
                                 indices.dim(1) == static_cast<int64_t>(rank);
  if (values.rank() != 1 || !fits) {
    return invalid_model("sparse values {} and indices {} do not fit a tensor {}",
                         values.describe(), indices.describe(), dense.describe());
  }
  const auto* index = indices.data<int64_t>();
  const size_t size = static_cast<size_t>(dtype_bits(values.dtype())) / 8;
  std::vector<int64_t> places;
  for (size_t i = 0; i < n; ++i) {
    int64_t at = linear ? index[i] : 0;
    bool inside = !linear || (at >= 0 && at < dense.count());
    for (size_t a = 0; !linear && a < rank; ++a) {
      const int64_t x = index[i * rank + a];
      inside = inside && x >= 0 && x < dense.dim(a);
      if (inside) at = at * dense.dim(a) + x;
    }
    if (!inside) return invalid_model("sparse index {} lies outside {}", i, dense.describe());
    places.push_back(at);
    const auto to = static_cast<size_t>(at);
    if (values.dtype() == DType::kString) {
      dense.data<std::string>()[to] = values.data<std::string>()[i];
    } else {
      std::memcpy(static_cast<std::byte*>(dense.raw()) + to * size,
                  static_cast<const std::byte*>(values.raw()) + i * size, size);
    }
  }
  return check_sparse_order(std::move(places), sorted);
}

Result<size_t> raw_size(DType type, const Dims& dims) {
  if (type == DType::kString) return invalid_model("strings cannot be raw data");
  return checked_size_bytes(type, dims);
}

std::string label(std::string_view name) {
  return name.empty() ? "tensor" : fmt::format("tensor '{}'", name);
}

}  // namespace

Result<Tensor> TensorReader::from_raw(const TensorProto& proto, const Dims& dims,
                                      const OwnedBytes& bytes) {
  const auto type = static_cast<DType>(proto.data_type);
  FERRY_ASSIGN_OR_RETURN(const size_t size, raw_size(type, dims));
  if (bytes.bytes.size() != size) {
    return invalid_model("{} bytes of data, {}{} wants {}", bytes.bytes.size(), dtype_name(type),
                         dims.to_string(), size);
  }
  const auto address = reinterpret_cast<uintptr_t>(bytes.bytes.data());
  const bool odd_bools = has_odd_bools(type, bytes.bytes);
  const bool lies_well =
      address % alignment_of(type) == 0 || (!align_large_ && bytes.bytes.size() >= kLarge);
  if (bytes.owner && !odd_bools && lies_well) {
    return Tensor::share(type, dims, const_cast<std::byte*>(bytes.bytes.data()), bytes.owner);
  }
  FERRY_ASSIGN_OR_RETURN(Tensor t, Tensor::allocate(type, dims, budget_));
  if (size > 0) std::memcpy(t.raw(), bytes.bytes.data(), size);
  if (odd_bools) {
    for (uint8_t& b : storage<uint8_t>(t)) b = b != 0;
  }
  return t;
}

Result<Tensor> TensorReader::from_typed(const TensorProto& proto, const Dims& dims) {
  const auto type = static_cast<DType>(proto.data_type);
  FERRY_ASSIGN_OR_RETURN(const int64_t count, checked_count(dims));
  // A file holds at least a bit per element, so what it does not hold is not allocated.
  if (count > 0 && !has_typed_data(proto)) return invalid_model("the tensor has no data");
  uint64_t most = proto.string_data.size();
  for (const auto* list : {&proto.float_data, &proto.int32_data, &proto.int64_data,
                           &proto.double_data, &proto.uint64_data}) {
    for (std::string_view piece : *list) most += 4 * piece.size();
  }
  if (static_cast<uint64_t>(count) > most) {
    return invalid_model("the typed data holds too few elements, the dimensions want {}", count);
  }
  FERRY_ASSIGN_OR_RETURN(Tensor t, Tensor::allocate(type, dims, budget_));
  FERRY_RETURN_IF_ERROR(fill_typed(proto, t));
  return t;
}

Result<Tensor> TensorReader::convert(const TensorProto& proto) {
  FERRY_RETURN_IF_ERROR(checked_type(proto.data_type).status());
  FERRY_ASSIGN_OR_RETURN(const Dims dims, checked_dims(proto.dims));
  if (proto.has_segment) return invalid_model("segments of tensors are not supported");
  if (strict_) FERRY_RETURN_IF_ERROR(check_one_place(proto));
  if (proto.external) {
    FERRY_ASSIGN_OR_RETURN(const size_t size, raw_size(static_cast<DType>(proto.data_type), dims));
    FERRY_ASSIGN_OR_RETURN(const OwnedBytes bytes, external_.read(proto.external_data, size));
    return from_raw(proto, dims, bytes);
  }
  if (proto.raw) {
    if (!proto.raw->empty() && has_typed_data(proto)) {
      return invalid_model("both raw and typed data are given");
    }
    const std::span<const char> raw(proto.raw->data(), proto.raw->size());
    return from_raw(proto, dims, {std::as_bytes(raw), owner_});
  }
  return from_typed(proto, dims);
}

Result<Tensor> TensorReader::read(std::string_view message) {
  FERRY_ASSIGN_OR_RETURN(const TensorProto proto, wire_.tensor(message));
  Result<Tensor> t = convert(proto);
  if (!t.ok()) return std::move(t).status().with_context(label(proto.name));
  return t;
}

Result<Tensor> TensorReader::read_sparse(std::string_view message) {
  FERRY_ASSIGN_OR_RETURN(const SparseTensorProto proto, wire_.sparse_tensor(message));
  FERRY_ASSIGN_OR_RETURN(const Tensor values, read(proto.values));
  // A tensor of zeros may come without indices.
  const bool none = proto.indices.empty() && values.count() == 0;
  FERRY_ASSIGN_OR_RETURN(const Tensor indices,
                         none ? Tensor::allocate(DType::kInt64, {0}) : read(proto.indices));
  const auto fill = [&]() -> Result<Tensor> {
    FERRY_ASSIGN_OR_RETURN(const Dims dims, checked_dims(proto.dims));
    const bool empty =
        std::any_of(proto.dims.begin(), proto.dims.end(), [](auto d) { return d == 0; });
    if (strict_ && (empty || dims.empty())) {
      return invalid_model(
          "a sparse tensor {} has no elements to choose from, wanted are dimensions of 1 "
          "or more",
          dims.to_string());
    }
    if (dtype_bits(values.dtype()) % 8 != 0) {
      return unsupported_type("sparse tensors of {}", dtype_name(values.dtype()));
    }
    FERRY_ASSIGN_OR_RETURN(Tensor dense, Tensor::allocate(values.dtype(), dims, budget_));
    if (values.dtype() != DType::kString && dense.count() > 0) {
      std::memset(dense.raw(), 0, dense.size_bytes());
    }
    FERRY_RETURN_IF_ERROR(scatter_sparse(values, indices, dense, strict_));
    return dense;
  };
  Result<Tensor> dense = fill();
  if (dense.ok()) return dense;
  FERRY_ASSIGN_OR_RETURN(const TensorProto named, wire_.tensor(proto.values));
  return std::move(dense).status().with_context("sparse " + label(named.name));
}

}  // namespace ferry::onnx
