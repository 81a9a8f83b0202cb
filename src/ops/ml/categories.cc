// SPDX-License-Identifier: Apache-2.0
#include "ops/ml/categories.h"

#include <algorithm>

#include "ops/arguments.h"
#include "ops/convert.h"
#include "ops/in_ranges.h"
#include "ops/ml/rows.h"
#include "ops/registry.h"

namespace ferry {
namespace {

constexpr TypeSet kKeyTypes = {DType::kFloat32, DType::kFloat64, DType::kInt16,
                               DType::kInt32,   DType::kInt64,   DType::kString};

constexpr int64_t kFindWork = 64;  // of a look-up, for in_ranges

template <class T>
Tensor view(const std::vector<T>& v) {
  return Tensor::borrow(dtype_of<T>(), Dims{static_cast<int64_t>(v.size())}, v.data());
}

// The one list that is given, as a tensor that views it; undefined when none is.
Tensor pick(const std::vector<float>& floats, const std::vector<int64_t>& ints,
            const std::vector<std::string>& strings, const Tensor& tensor) {
  if (tensor.defined()) return tensor;
  if (!floats.empty()) return view(floats);
  if (!ints.empty()) return view(ints);
  if (!strings.empty()) return view(strings);
  return {};
}

}  // namespace

Result<Encoding> encoding_of(const LabelEncoder& op) {
  Encoding e{pick(op.keys_floats, op.keys_int64s, op.keys_strings, op.keys_tensor),
             pick(op.values_floats, op.values_int64s, op.values_strings, op.values_tensor)};
  if (!e.keys.defined() || !e.values.defined() || e.keys.count() != e.values.count()) {
    return invalid_model("{} keys and {} values, wanted are as many of each",
                         e.keys.defined() ? e.keys.count() : 0,
                         e.values.defined() ? e.values.count() : 0);
  }
  if (!kKeyTypes.contains(e.keys.dtype()) || !kKeyTypes.contains(e.values.dtype())) {
    return unsupported_type("keys are {}, values {}", e.keys.describe(), e.values.describe());
  }
  if (op.default_tensor.defined() &&
      (op.default_tensor.dtype() != e.values.dtype() || op.default_tensor.count() != 1)) {
    return invalid_model("default_tensor is {}, values are {}", op.default_tensor.describe(),
                         e.values.describe());
  }
  return e;
}

namespace {

Status infer_encoder(const LabelEncoder& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Encoding e, encoding_of(op));
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, TypeSet{e.keys.dtype()}));
  x.dtype = e.values.dtype();
  c.set_type(0, std::move(x));
  return {};
}

// What unknown keys become.
template <class T>
T default_value(const LabelEncoder& op) {
  if (op.default_tensor.defined()) return *op.default_tensor.data<T>();
  if constexpr (std::is_same_v<T, std::string>)
    return op.default_string;
  else if constexpr (std::is_integral_v<T>)
    return static_cast<T>(op.default_int64);
  else
    return T(op.default_float);
}

template <class T>
Status encode(EvalContext& c, const LabelEncoder& op, const Encoding& e, const KeyIndex& index,
              Tensor& y) {
  const Tensor& x = c.input(0);
  const T otherwise = default_value<T>(op);
  return in_ranges(c, x.count(), kFindWork, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      const int64_t place = index.find(x, i);
      y.data<T>()[i] = place < 0 ? otherwise : e.values.data<T>()[place];
    }
  });
}

}  // namespace

Status encode_labels(const LabelEncoder& op, const Encoding& e, const KeyIndex& index,
                     EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, e.values.dtype(), c.input(0).dims()));
  switch (y.dtype()) {
    case DType::kInt16:
      return encode<int16_t>(c, op, e, index, y);
    case DType::kInt32:
      return encode<int32_t>(c, op, e, index, y);
    case DType::kInt64:
      return encode<int64_t>(c, op, e, index, y);
    case DType::kFloat32:
      return encode<float>(c, op, e, index, y);
    case DType::kFloat64:
      return encode<double>(c, op, e, index, y);
    default:
      return encode<std::string>(c, op, e, index, y);
  }
}

namespace {

Status eval_encoder(const LabelEncoder& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Encoding e, encoding_of(op));
  return encode_labels(op, e, KeyIndex(e.keys), c);
}

Status infer_mapper(const CategoryMapper& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, {DType::kInt64, DType::kString}));
  if (op.cats_int64s.size() != op.cats_strings.size()) {
    return invalid_model("{} integers and {} strings", op.cats_int64s.size(),
                         op.cats_strings.size());
  }
  x.dtype = x.dtype == DType::kString ? DType::kInt64 : DType::kString;
  c.set_type(0, std::move(x));
  return {};
}

Status eval_mapper(const CategoryMapper& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  const bool to_int = x.dtype() == DType::kString;
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, to_int ? DType::kInt64 : DType::kString, x.dims()));
  const KeyIndex index(to_int ? view(op.cats_strings) : view(op.cats_int64s));
  return in_ranges(c, x.count(), kFindWork, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      const int64_t place = index.find(x, i);
      const auto at = static_cast<size_t>(place);
      if (to_int)
        y.data<int64_t>()[i] = place < 0 ? op.default_int64 : op.cats_int64s[at];
      else
        y.data<std::string>()[i] = place < 0 ? op.default_string : op.cats_strings[at];
    }
  });
}

Status infer_one_hot(const OneHotEncoder& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, kMlNumbers | types::kString));
  const ClassLabels categories{op.cats_int64s, op.cats_strings};
  FERRY_RETURN_IF_ERROR(categories.check());
  if ((x.dtype == DType::kString) != (categories.dtype() == DType::kString)) {
    return invalid_model("x is {}, categories are {}", x.to_string(),
                         dtype_name(categories.dtype()));
  }
  if (x.shape) {
    FERRY_RETURN_IF_ERROR(check_rank(x.rank() + 1));
    x.shape->push_back(static_cast<int64_t>(categories.size()));
  }
  c.set_tensor(0, DType::kFloat32, std::move(x.shape));
  return {};
}

Status eval_one_hot(const OneHotEncoder& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  const ClassLabels categories{op.cats_int64s, op.cats_strings};
  const auto n = static_cast<int64_t>(categories.size());
  FERRY_RETURN_IF_ERROR(check_rank(x.rank() + 1));
  Dims dims = x.dims();
  dims.push_back(n);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kFloat32, dims));
  std::fill_n(y.data<float>(), y.count(), 0.0f);
  const bool strings = x.dtype() == DType::kString;
  const KeyIndex index(strings ? view(op.cats_strings) : view(op.cats_int64s));
  int64_t unknown = -1;
  FERRY_RETURN_IF_ERROR(in_ranges(c, x.count(), kFindWork, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      // Numbers are looked up as integers.
      const int64_t place = strings ? index.find(x, i) : index.find_number(integer_at(x, i));
      if (place >= 0)
        y.data<float>()[i * n + place] = 1;
      else
        unknown = i;
    }
  }));
  if (unknown >= 0 && !op.zeros) return invalid_argument("element {} is of no category", unknown);
  return {};
}

}  // namespace

void register_categories(OpRegistry& r) {
  using L = LabelEncoder;
  r.op<L>("ai.onnx.ml.LabelEncoder")
      .since(4)
      .attr("keys_floats", &L::keys_floats)
      .attr("values_floats", &L::values_floats)
      .attr("keys_int64s", &L::keys_int64s)
      .attr("values_int64s", &L::values_int64s)
      .attr("keys_strings", &L::keys_strings)
      .attr("values_strings", &L::values_strings)
      .attr("keys_tensor", &L::keys_tensor)
      .attr("values_tensor", &L::values_tensor)
      .attr("default_tensor", &L::default_tensor)
      .attr("default_float", &L::default_float)
      .attr("default_int64", &L::default_int64)
      .attr("default_string", &L::default_string)
      .infer(infer_encoder)
      .reference(eval_encoder);
  using M = CategoryMapper;
  r.op<M>("ai.onnx.ml.CategoryMapper")
      .since(1)
      .attr("cats_int64s", &M::cats_int64s)
      .attr("cats_strings", &M::cats_strings)
      .attr("default_int64", &M::default_int64)
      .attr("default_string", &M::default_string)
      .infer(infer_mapper)
      .reference(eval_mapper);
  using O = OneHotEncoder;
  r.op<O>("ai.onnx.ml.OneHotEncoder")
      .since(1)
      .attr("cats_int64s", &O::cats_int64s)
      .attr("cats_strings", &O::cats_strings)
      .attr("zeros", &O::zeros)
      .infer(infer_one_hot)
      .reference(eval_one_hot);
}

}  // namespace ferry
