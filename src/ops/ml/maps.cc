// SPDX-License-Identifier: Apache-2.0
#include "ops/ml/maps.h"

#include <algorithm>
#include <map>

#include "ops/ml/rows.h"
#include "ops/poll_every.h"
#include "ops/registry.h"
#include "ops/small_tensors.h"
#include "ops/tensor/cast_elements.h"
#include "ops/working_array.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

// A tensor of its own for each value of a map costs an allocation.
constexpr int64_t kWorkPerValue = 256;

ClassLabels labels_of(const ZipMap& op) { return {op.classlabels_int64s, op.classlabels_strings}; }

Status infer_zip(const ZipMap& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(c.tensor(0, {DType::kFloat32}, 1, 2).status());
  const ClassLabels labels = labels_of(op);
  FERRY_RETURN_IF_ERROR(labels.check());
  c.set_type(
      0, Type::sequence_of(Type::map_of(labels.dtype(), Type::tensor(DType::kFloat32, Shape{}))));
  return {};
}

Status eval_zip(const ZipMap& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  const ClassLabels labels = labels_of(op);
  const auto classes = static_cast<int64_t>(labels.size());
  if (x.rank() < 1 || x.rank() > 2 || x.dims().back() != classes) {
    return shape_mismatch("x is {} for {} labels", x.describe(), classes);
  }
  FERRY_ASSIGN_OR_RETURN(Tensor keys, Tensor::allocate(labels.dtype(), Dims{classes}, c.budget()));
  for (int64_t k = 0; k < classes; ++k) labels.write(keys, k, static_cast<size_t>(k));
  // A map takes more memory than its numbers.
  struct Row {
    std::byte bytes[sizeof(Map) + sizeof(Value)];
  };
  const int64_t count = x.rank() == 2 ? x.dim(0) : 1;
  FERRY_ASSIGN_OR_RETURN(const auto room, WorkingArray<Row>::make(c, count));
  Sequence rows;
  reserve_many(rows, count);
  SmallTensors memory(c);
  PollEvery polls(c);
  for (int64_t i = 0; i < count; ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(256));
    Map map;
    map.keys = keys;
    reserve_many(map.values, classes);
    for (int64_t k = 0; k < classes; ++k) {
      FERRY_RETURN_IF_ERROR(polls.spend(kWorkPerValue));
      FERRY_ASSIGN_OR_RETURN(Tensor v, memory.allocate(DType::kFloat32, Dims{}));
      *v.data<float>() = x.data<float>()[i * classes + k];
      map.values.emplace_back(std::move(v));
    }
    rows.emplace_back(std::move(map));
  }
  return c.set_output(0, Value(std::move(rows)));
}

// The element type of the values of map input 0.
Result<DType> infer_map(const InferContext& c, TypeSet values) {
  const Type& x = c.type(0);
  if (x.kind != Type::Kind::kMap || !x.element->is_tensor()) {
    return invalid_model("input 0 is {}, a map to tensors was wanted", x.to_string());
  }
  if (!values.contains(x.element->dtype)) {
    return unsupported_type("input 0 is {}; allowed values are {}", x.to_string(),
                            values.to_string());
  }
  return x.element->dtype;
}

Result<const Map*> read_map(EvalContext& c) {
  const Value& v = c.value(0);
  if (!v.is_map()) return invalid_argument("input 0 is {}, a map was wanted", v.describe());
  const Map& map = v.map();
  const bool keyed = map.keys.dtype() == DType::kInt64 || map.keys.dtype() == DType::kString;
  if (!keyed || map.keys.count() != static_cast<int64_t>(map.values.size())) {
    return invalid_argument("the map has keys {} for {} values", map.keys.describe(),
                            map.values.size());
  }
  PollEvery polls(c);
  for (const Value& e : map.values) {
    FERRY_RETURN_IF_ERROR(polls.spend(16));
    if (!e.is_tensor() || e.tensor().count() != 1 ||
        e.tensor().dtype() != map.values[0].tensor().dtype()) {
      return invalid_argument("a value of the map is {}, wanted is one element", e.describe());
    }
  }
  return &map;
}

Status infer_dict(const DictVectorizer& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const DType dtype, infer_map(c, {DType::kFloat32, DType::kFloat64,
                                                          DType::kInt64, DType::kString}));
  const ClassLabels words{op.int64_vocabulary, op.string_vocabulary};
  FERRY_RETURN_IF_ERROR(words.check());
  c.set_tensor(0, dtype, Shape{1, static_cast<int64_t>(words.size())});
  return {};
}

// Places of the words of a vocabulary.
template <class K>
std::map<K, int64_t> places(const std::vector<K>& words) {
  std::map<K, int64_t> out;
  for (size_t i = 0; i < words.size(); ++i) out.emplace(words[i], static_cast<int64_t>(i));
  return out;
}

template <class K>
Status vectorize(EvalContext& c, const Map& map, const std::vector<K>& words, Tensor& y) {
  const std::map<K, int64_t> place = places(words);
  return visit_storage(y.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    std::fill_n(y.data<T>(), y.count(), T{});
    PollEvery polls(c);
    for (size_t i = 0; i < map.values.size(); ++i) {
      FERRY_RETURN_IF_ERROR(polls.spend(kWorkPerValue));
      const auto at = place.find(map.keys.data<K>()[i]);
      if (at != place.end()) y.data<T>()[at->second] = *map.values[i].tensor().data<T>();
    }
    return {};
  });
}

Status eval_dict(const DictVectorizer& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Map* map, read_map(c));
  const ClassLabels words{op.int64_vocabulary, op.string_vocabulary};
  if (map->keys.dtype() != words.dtype()) {
    return invalid_argument("the map has keys {}, the vocabulary {}", map->keys.describe(),
                            dtype_name(words.dtype()));
  }
  DType dtype = map->values.empty() ? c.output_type(0).dtype : map->values[0].tensor().dtype();
  if (dtype == DType::kUndefined) dtype = DType::kFloat32;
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, dtype, Dims{1, static_cast<int64_t>(words.size())}));
  if (words.dtype() == DType::kString) return vectorize(c, *map, op.string_vocabulary, y);
  return vectorize(c, *map, op.int64_vocabulary, y);
}

Result<DType> cast_target(const CastMap& op) {
  if (op.map_form != "DENSE" && op.map_form != "SPARSE") {
    return invalid_model("map_form is '{}', wanted is DENSE or SPARSE", op.map_form);
  }
  if (op.max_map < 0) return invalid_model("max_map is {}", op.max_map);
  if (op.cast_to == "TO_FLOAT") return DType::kFloat32;
  if (op.cast_to == "TO_INT64") return DType::kInt64;
  if (op.cast_to == "TO_STRING") return DType::kString;
  return invalid_model("cast_to is '{}', wanted is TO_FLOAT, TO_INT64 or TO_STRING", op.cast_to);
}

Status infer_cast(const CastMap& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(infer_map(c, {DType::kFloat32, DType::kString}).status());
  FERRY_ASSIGN_OR_RETURN(const DType dtype, cast_target(op));
  c.set_tensor(0, dtype, Shape{1, op.map_form == "SPARSE" ? Dim(op.max_map) : c.fresh_dim(0, 1)});
  return {};
}

Status eval_cast(const CastMap& op, EvalContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Map* map, read_map(c));
  FERRY_ASSIGN_OR_RETURN(const DType dtype, cast_target(op));
  if (map->keys.dtype() != DType::kInt64)
    return invalid_argument("the map has keys {}", map->keys.describe());
  std::map<int64_t, const Tensor*> ordered;
  PollEvery polls(c);
  for (size_t i = 0; i < map->values.size(); ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(kWorkPerValue));
    ordered[map->keys.data<int64_t>()[i]] = &map->values[i].tensor();
  }
  const bool sparse = op.map_form == "SPARSE";
  const int64_t n = sparse ? op.max_map : static_cast<int64_t>(ordered.size());
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, dtype, Dims{1, n}));
  return visit_storage(dtype, [&]<class T>(TypeTag<T>) -> Status {
    std::fill_n(y.data<T>(), n, T{});
    int64_t next = 0;
    for (const auto& [key, value] : ordered) {
      FERRY_RETURN_IF_ERROR(polls.spend(kWorkPerValue));
      if (sparse && (key < 0 || key >= n))
        return invalid_argument("key {} outside [0, {})", key, n);
      Tensor cell = Tensor::borrow(dtype, value->dims(), y.data<T>() + (sparse ? key : next++));
      FERRY_RETURN_IF_ERROR(cast_elements(*value, cell, {dtype, true, "up"}, c.budget()));
    }
    return {};
  });
}

}  // namespace

void register_maps(OpRegistry& r) {
  r.op<ZipMap>("ai.onnx.ml.ZipMap")
      .since(1)
      .attr("classlabels_int64s", &ZipMap::classlabels_int64s)
      .attr("classlabels_strings", &ZipMap::classlabels_strings)
      .infer(infer_zip)
      .reference(eval_zip);
  r.op<DictVectorizer>("ai.onnx.ml.DictVectorizer")
      .since(1)
      .attr("int64_vocabulary", &DictVectorizer::int64_vocabulary)
      .attr("string_vocabulary", &DictVectorizer::string_vocabulary)
      .infer(infer_dict)
      .reference(eval_dict);
  r.op<CastMap>("ai.onnx.ml.CastMap")
      .since(1)
      .attr("cast_to", &CastMap::cast_to)
      .attr("map_form", &CastMap::map_form)
      .attr("max_map", &CastMap::max_map)
      .infer(infer_cast)
      .reference(eval_cast);
}

}  // namespace ferry
