// SPDX-License-Identifier: Apache-2.0
#include "ops/ml/features.h"

#include <algorithm>
#include <cmath>

#include "ops/arguments.h"
#include "ops/in_ranges.h"
#include "ops/ml/rows.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Status infer_same(InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, kMlNumbers));
  c.set_type(0, std::move(x));
  return {};
}

Status infer_binarizer(const Binarizer&, InferContext& c) { return infer_same(c); }
Status eval_binarizer(const Binarizer& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  return visit_numeric(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    return in_ranges(c, x.count(), 2, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        const auto v = static_cast<double>(static_cast<compute_t<T>>(x.data<T>()[i]));
        y.data<T>()[i] = T(v > static_cast<double>(op.threshold) ? 1 : 0);
      }
    });
  });
}

Status infer_imputer(const Imputer&, InferContext& c) { return infer_same(c); }

template <class T, class V>
Status impute(EvalContext& c, const Tensor& x, const std::vector<V>& imputed, V replaced,
              Tensor& y) {
  const int64_t features = x.rank() == 0 ? 1 : x.dims().back();
  const auto n = static_cast<int64_t>(imputed.size());
  if (n != 1 && n != features) return shape_mismatch("{} imputed values for x {}", n, x.describe());
  const int64_t width = n == 1 ? 1 : std::max<int64_t>(features, 1);
  return in_ranges(c, x.count() / width, 4 * width, [&](int64_t begin, int64_t end) {
    const T* from = x.data<T>();
    T* to = y.data<T>();
    for (int64_t i = begin * width; i < end * width; i += width) {
      for (int64_t k = 0; k < width; ++k) {
        const T v = from[i + k];
        bool hit = v == static_cast<T>(replaced);
        if constexpr (std::is_floating_point_v<V>) {
          hit = hit || (std::isnan(replaced) && std::isnan(v));
        }
        to[i + k] = hit ? static_cast<T>(imputed[static_cast<size_t>(k)]) : v;
      }
    }
  });
}

Status eval_imputer(const Imputer& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  switch (x.dtype()) {
    case DType::kFloat32:
      return impute<float>(c, x, op.imputed_value_floats, op.replaced_value_float, y);
    case DType::kFloat64:
      return impute<double>(c, x, op.imputed_value_floats, op.replaced_value_float, y);
    case DType::kInt32:
      return impute<int32_t>(c, x, op.imputed_value_int64s, op.replaced_value_int64, y);
    default:
      return impute<int64_t>(c, x, op.imputed_value_int64s, op.replaced_value_int64, y);
  }
}

// Outputs of f32 with the shape of x.
Status infer_as_float(InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, kMlNumbers, 1, 2));
  x.dtype = DType::kFloat32;
  c.set_type(0, std::move(x));
  return {};
}

Status infer_scaler(const Scaler&, InferContext& c) { return infer_as_float(c); }
Status eval_scaler(const Scaler& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Rows x, read_rows(c, c.input(0)));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kFloat32, c.input(0).dims()));
  const auto features = static_cast<size_t>(x.features);
  const auto fits = [&](const std::vector<float>& v) {
    return v.size() <= 1 || v.size() == features;
  };
  if (!fits(op.offset) || !fits(op.scale)) {
    return shape_mismatch("{} offsets and {} scales for {} features", op.offset.size(),
                          op.scale.size(), features);
  }
  const auto entries = [&](const std::vector<float>& v, double otherwise) {
    std::vector<double> all(features, otherwise);
    for (size_t k = 0; k < features && !v.empty(); ++k) all[k] = double(v[v.size() == 1 ? 0 : k]);
    return all;
  };
  const std::vector<double> offset = entries(op.offset, 0), scale = entries(op.scale, 1);
  float* to = y.data<float>();
  PollEvery polls(c);
  for (int64_t i = 0; i < x.n; ++i, to += features) {
    FERRY_RETURN_IF_ERROR(polls.spend(16 + 4 * x.features));
    const std::span<const double> row = x.row(i);
    for (size_t k = 0; k < features; ++k) {
      to[k] = static_cast<float>((row[k] - offset[k]) * scale[k]);
    }
  }
  return {};
}

Status infer_normalizer(const MlNormalizer& op, InferContext& c) {
  if (op.norm != "MAX" && op.norm != "L1" && op.norm != "L2") {
    return invalid_model("norm is '{}', wanted is MAX, L1 or L2", op.norm);
  }
  return infer_as_float(c);
}
Status eval_normalizer(const MlNormalizer& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Rows x, read_rows(c, c.input(0)));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kFloat32, c.input(0).dims()));
  float* to = y.data<float>();
  const bool max = op.norm == "MAX", l1 = op.norm == "L1", l2 = op.norm == "L2";
  PollEvery polls(c);
  for (int64_t i = 0; i < x.n; ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(16 + 16 * x.features));
    double norm = 0;
    for (double v : x.row(i)) {
      if (max)
        norm = std::max(norm, std::fabs(v));
      else
        norm += l1 ? std::fabs(v) : v * v;
    }
    if (l2) norm = std::sqrt(norm);
    if (norm == 0) norm = 1;
    for (double v : x.row(i)) *to++ = static_cast<float>(v / norm);
  }
  return {};
}

Status infer_vectorizer(const FeatureVectorizer& op, InferContext& c) {
  if (op.inputdimensions.size() != c.num_inputs()) {
    return invalid_model("inputdimensions has {} entries, the node {} inputs",
                         op.inputdimensions.size(), c.num_inputs());
  }
  Dim n = Dim::invalid();
  int64_t total = 0;
  for (size_t i = 0; i < c.num_inputs(); ++i) {
    FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(i, kMlNumbers, 1, 2));
    if (x.shape && (n.is_invalid() || (*x.shape)[0].is_constant())) n = (*x.shape)[0];
    const int64_t size = op.inputdimensions[i];
    if (size < 0 || size > INT32_MAX) return invalid_model("inputdimensions has {}", size);
    total += size;
  }
  c.set_tensor(0, DType::kFloat32, Shape{n, total});
  return {};
}
Status eval_vectorizer(const FeatureVectorizer& op, EvalContext& c) {
  int64_t n = 0, total = 0;
  for (size_t i = 0; i < c.num_inputs(); ++i) {
    const Tensor& x = c.input(i);
    if (x.rank() < 1 || x.rank() > 2 || (i > 0 && x.dim(0) != n)) {
      return shape_mismatch("input {} is {}, the first has {} rows", i, x.describe(), n);
    }
    n = x.dim(0);
    total += op.inputdimensions[i];
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kFloat32, Dims{n, total}));
  FERRY_RETURN_IF_ERROR(in_ranges(c, y.count(), 1, [&](int64_t from, int64_t to) {
    std::fill(y.data<float>() + from, y.data<float>() + to, 0.0f);
  }));
  int64_t at = 0;
  for (size_t i = 0; i < c.num_inputs(); ++i) {
    // A vector is a column here.
    const Tensor& x = c.input(i);
    FERRY_ASSIGN_OR_RETURN(const Rows rows, read_rows(c, x.rank() == 1 ? x.reshaped({n, 1}) : x));
    const int64_t size = op.inputdimensions[i], used = std::min(size, rows.features);
    PollEvery polls(c);
    for (int64_t r = 0; r < n; ++r) {
      FERRY_RETURN_IF_ERROR(polls.spend(16 + 4 * used));
      for (int64_t k = 0; k < used; ++k) {
        y.data<float>()[r * total + at + k] =
            static_cast<float>(rows.row(r)[static_cast<size_t>(k)]);
      }
    }
    at += size;
  }
  return {};
}

Status infer_extractor(const ArrayFeatureExtractor&, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(0, kMlNumbers | types::kString, 1));
  FERRY_ASSIGN_OR_RETURN(const Type indices, c.tensor(1, {DType::kInt64}));
  if (!x.shape) {
    c.set_tensor(0, x.dtype, std::nullopt);
    return {};
  }
  Shape shape = *x.shape;
  Dim count = indices.shape ? Dim(1) : Dim::invalid();
  if (indices.shape) {
    for (const Dim& d : *indices.shape) count = count * d;
  }
  shape.back() = count;
  if (x.rank() == 1) shape.insert(shape.begin(), Dim(1));
  c.set_tensor(0, x.dtype, std::move(shape));
  return {};
}
Status eval_extractor(const ArrayFeatureExtractor&, EvalContext& c) {
  const Tensor &x = c.input(0), &indices = c.input(1);
  if (x.rank() == 0) return shape_mismatch("x is a scalar");
  Dims dims = x.dims();
  dims.back() = indices.count();
  if (x.rank() == 1) dims = {1, indices.count()};
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims));
  const int64_t n = x.dims().back(), rows = x.dims().count(0, x.rank() - 1);
  if (y.count() == 0) return {};
  std::vector<int64_t> at;
  FERRY_RETURN_IF_ERROR(resize_in_ranges(c, at, indices.count()));
  const IndexReader read(indices);
  FERRY_RETURN_IF_ERROR(in_ranges(c, indices.count(), 8, [&](int64_t from, int64_t to) -> Status {
    for (int64_t j = from; j < to; ++j) {
      FERRY_RETURN_IF_ERROR(read.get(j, n, at[static_cast<size_t>(j)]));
    }
    return {};
  }));
  const auto count = static_cast<int64_t>(at.size());
  return visit_storage(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    const auto extract = [&](int64_t r0, int64_t r1, int64_t j0, int64_t j1) {
      for (int64_t r = r0; r < r1; ++r) {
        const T* from = x.data<T>() + r * n;
        T* to = y.data<T>() + r * count;
        for (int64_t j = j0; j < j1; ++j) to[j] = from[at[static_cast<size_t>(j)]];
      }
    };
    constexpr int64_t kWork = 16, kFew = 2048;
    if (count <= kFew) {
      return in_ranges(c, rows, kWork * (count + 1),
                       [&](int64_t r0, int64_t r1) { extract(r0, r1, 0, count); });
    }
    for (int64_t r = 0; r < rows; ++r) {
      FERRY_RETURN_IF_ERROR(
          in_ranges(c, count, kWork, [&](int64_t j0, int64_t j1) { extract(r, r + 1, j0, j1); }));
    }
    return {};
  });
}

}  // namespace

void register_features(OpRegistry& r) {
  r.op<Binarizer>("ai.onnx.ml.Binarizer")
      .since(1)
      .attr("threshold", &Binarizer::threshold)
      .infer(infer_binarizer)
      .reference(eval_binarizer);
  r.op<Imputer>("ai.onnx.ml.Imputer")
      .since(1)
      .attr("imputed_value_floats", &Imputer::imputed_value_floats)
      .attr("imputed_value_int64s", &Imputer::imputed_value_int64s)
      .attr("replaced_value_float", &Imputer::replaced_value_float)
      .attr("replaced_value_int64", &Imputer::replaced_value_int64)
      .infer(infer_imputer)
      .reference(eval_imputer);
  r.op<Scaler>("ai.onnx.ml.Scaler")
      .since(1)
      .attr("offset", &Scaler::offset)
      .attr("scale", &Scaler::scale)
      .infer(infer_scaler)
      .reference(eval_scaler);
  r.op<MlNormalizer>("ai.onnx.ml.Normalizer")
      .since(1)
      .attr("norm", &MlNormalizer::norm)
      .infer(infer_normalizer)
      .reference(eval_normalizer);
  r.op<FeatureVectorizer>("ai.onnx.ml.FeatureVectorizer")
      .since(1)
      .inputs(1, Arity::kAny)
      .attr("inputdimensions", &FeatureVectorizer::inputdimensions)
      .infer(infer_vectorizer)
      .reference(eval_vectorizer);
  r.op<ArrayFeatureExtractor>("ai.onnx.ml.ArrayFeatureExtractor")
      .since(1)
      .inputs(2)
      .infer(infer_extractor)
      .reference(eval_extractor);
}

}  // namespace ferry
