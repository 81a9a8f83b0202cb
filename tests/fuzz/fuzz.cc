// SPDX-License-Identifier: Apache-2.0
#include "fuzz.h"

namespace ferry::fuzz {

std::unique_ptr<Graph> import(std::span<const std::byte> bytes, MemoryBudget& budget) {
  auto imported = onnx::import_bytes(bytes, nullptr, {.limits = kLimits, .budget = &budget});
  if (imported.ok()) return std::move(imported->graph);
  check(imported.status());
  return nullptr;
}

DType any_dtype(FuzzedDataProvider& in) {
  return static_cast<DType>(in.ConsumeIntegralInRange<int>(1, kNumDTypes - 1));
}

Dims any_dims(FuzzedDataProvider& in, size_t max_rank) {
  Dims dims;
  const auto rank = in.ConsumeIntegralInRange<size_t>(0, max_rank);
  for (size_t i = 0; i < rank; ++i) dims.push_back(in.ConsumeIntegralInRange<int64_t>(0, 5));
  return dims;
}

Result<Tensor> any_tensor(FuzzedDataProvider& in, DType dtype, const Dims& dims,
                          MemoryBudget* budget) {
  FERRY_ASSIGN_OR_RETURN(Tensor t, Tensor::allocate(dtype, dims, budget));
  if (dtype == DType::kString) {
    for (int64_t i = 0; i < t.count(); ++i) {
      t.data<std::string>()[i] = in.ConsumeRandomLengthString(20);
    }
    return t;
  }
  auto* to = static_cast<uint8_t*>(t.raw());
  const size_t size = t.size_bytes();
  const size_t given = size == 0 ? 0 : in.ConsumeData(to, size);
  for (size_t i = given; i < size; ++i) to[i] = static_cast<uint8_t>(i % 7 == 0);
  if (dtype == DType::kBool) {
    for (size_t i = 0; i < size; ++i) to[i] &= 1;
  }
  return t;
}

namespace {

Result<Value> any_tensor_of(FuzzedDataProvider& in, const Type& type, Symbols& symbols,
                            MemoryBudget* budget) {
  Dims dims;
  if (!type.has_rank()) dims = any_dims(in);
  for (size_t a = 0; type.has_rank() && a < type.rank() && a < Dims::kMaxRank; ++a) {
    const Dim& d = (*type.shape)[a];
    int64_t n = d.is_constant() ? d.constant() : in.ConsumeIntegralInRange<int64_t>(0, 5);
    if (d.is_symbol()) n = symbols.emplace(d.symbol_name(), n).first->second;
    dims.push_back(n);
  }
  FERRY_ASSIGN_OR_RETURN(Tensor t, any_tensor(in, type.dtype, dims, budget));
  return Value(std::move(t));
}

}  // namespace

Result<Value> any_value(FuzzedDataProvider& in, const Type& type, Symbols& symbols,
                        MemoryBudget* budget) {
  const bool named =
      type.kind != Type::Kind::kUnknown && (!type.is_tensor() || type.dtype != DType::kUndefined);
  if (!named) return invalid_argument("{} has no element type", type.to_string());
  if (type.is_tensor()) return any_tensor_of(in, type, symbols, budget);
  if (type.kind == Type::Kind::kOptional) {
    return in.ConsumeBool() ? any_value(in, *type.element, symbols, budget) : Value();
  }
  const auto count = in.ConsumeIntegralInRange<int64_t>(0, 3);
  std::vector<Value> items;
  for (int64_t i = 0; i < count; ++i) {
    FERRY_ASSIGN_OR_RETURN(Value item, any_value(in, *type.element, symbols, budget));
    items.push_back(std::move(item));
  }
  if (type.kind == Type::Kind::kSequence) return Value(Sequence(items.begin(), items.end()));
  Map map;
  FERRY_ASSIGN_OR_RETURN(map.keys, any_tensor(in, type.dtype, Dims{count}, budget));
  map.values.assign(items.begin(), items.end());
  return Value(std::move(map));
}

bool any_inputs(FuzzedDataProvider& in, const Graph& graph, MemoryBudget* budget,
                std::vector<Value>& values) {
  Symbols symbols;
  for (ValueId v : graph.inputs()) {
    if (graph.value(v).constant) {
      values.emplace_back();
      continue;
    }
    Result<Value> value = any_value(in, graph.value(v).type, symbols, budget);
    if (!value.ok()) return false;
    values.push_back(*std::move(value));
  }
  return true;
}

}  // namespace ferry::fuzz
