// SPDX-License-Identifier: Apache-2.0
#include "operators.h"

namespace ferry::fuzz {
namespace {

// Numbers that operators treat specially, and any other.
int64_t any_int(FuzzedDataProvider& in) {
  static constexpr int64_t kSpecial[] = {0, 1,         -1,        2,         3,         4, -2,
                                         8, INT32_MAX, INT64_MAX, INT64_MIN, INT32_MIN, 16};
  const auto i = in.ConsumeIntegral<uint8_t>();
  return i < std::size(kSpecial) ? kSpecial[i] : in.ConsumeIntegralInRange<int64_t>(-6, 20);
}

float any_float(FuzzedDataProvider& in) {
  return in.ConsumeBool() ? in.ConsumeFloatingPoint<float>() : static_cast<float>(any_int(in));
}

AttrValue any_attr(FuzzedDataProvider& in, const AttrValue& like, MemoryBudget& budget) {
  const auto count = in.ConsumeIntegralInRange<size_t>(0, 6);
  switch (like.index()) {
    case 0:
      return any_int(in);
    case 1:
      return any_float(in);
    case 2:
      return in.ConsumeRandomLengthString(24);
    case 3: {
      Result<Tensor> t = any_tensor(in, any_dtype(in), any_dims(in, 2), &budget);
      return t.ok() ? *std::move(t) : Tensor();
    }
    case 5: {
      std::vector<int64_t> list;
      for (size_t i = 0; i < count; ++i) list.push_back(any_int(in));
      return list;
    }
    case 6: {
      std::vector<float> list;
      for (size_t i = 0; i < count; ++i) list.push_back(any_float(in));
      return list;
    }
    case 7: {
      std::vector<std::string> list;
      for (size_t i = 0; i < count; ++i) list.push_back(in.ConsumeRandomLengthString(8));
      return list;
    }
    default:
      return like;
  }
}

void set_attrs(FuzzedDataProvider& in, const OpDef& def, MemoryBudget& budget, void* attrs) {
  for (const AttrBinding& binding : def.attrs) {
    if (!in.ConsumeBool() && !binding.required) continue;
    // An optional attribute that is not set does not say its kind: kinds are tried in turn.
    const std::optional<AttrValue> now = binding.get(attrs);
    static const AttrValue kKinds[] = {int64_t{0},
                                       0.0f,
                                       std::string(),
                                       Tensor(),
                                       std::vector<int64_t>(),
                                       std::vector<float>(),
                                       std::vector<std::string>()};
    for (const AttrValue& kind : kKinds) {
      if (now && now->index() != kind.index()) continue;
      if (binding.set(attrs, any_attr(in, now ? *now : kind, budget)).ok()) break;
    }
  }
}

// Now and then, the type of a sequence, map or optional of such tensors.
std::optional<Type> nested_type(FuzzedDataProvider& in, DType dtype, const Dims& dims) {
  const auto kind = in.ConsumeIntegralInRange<int>(0, 23);
  if (kind > 3) return std::nullopt;
  Type tensor =
      Type::tensor(dtype, in.ConsumeBool() ? std::optional(shape_of(dims)) : std::nullopt);
  if (kind == 0) return Type::sequence_of(std::move(tensor));
  if (kind == 1) return Type::optional_of(std::move(tensor));
  if (kind == 2) return Type::optional_of(Type::sequence_of(std::move(tensor)));
  return Type::map_of(in.ConsumeBool() ? DType::kInt64 : DType::kString,
                      Type::tensor(dtype, Shape{}));
}

}  // namespace

bool make_node(FuzzedDataProvider& in, MemoryBudget& budget, OneNode& one) {
  static const std::vector<const OpDef*> kOps = [] {
    std::vector<const OpDef*> ops;
    for (const auto& [name, def] : op_registry().all()) {
      if (def->bodies.empty() && def->eval && def->infer) ops.push_back(def.get());
    }
    return ops;
  }();
  const OpDef& def = *kOps[in.ConsumeIntegral<uint16_t>() % kOps.size()];
  const std::shared_ptr<void> attrs = def.make();
  set_attrs(in, def, budget, attrs.get());
  one.graph = std::make_unique<Graph>();
  Node node;
  node.name = "n";
  node.op = Op(&def, attrs);
  const size_t most = std::min<size_t>(def.inputs.max, def.inputs.min + 3);
  const auto count = in.ConsumeIntegralInRange<size_t>(def.inputs.min, most);
  // Most operators want the same type, and related dims, of all inputs.
  DType dtype = any_dtype(in);
  Dims dims = any_dims(in);
  for (size_t i = 0; i < count; ++i) {
    const auto how = in.ConsumeIntegral<uint8_t>();
    if (how >= 250 && i >= def.inputs.min) {
      node.inputs.push_back(kNone);
      continue;
    }
    if ((how & 3) == 0) dtype = any_dtype(in);
    if ((how & 3) == 1) dtype = DType::kInt64;
    if ((how & 12) == 0) dims = any_dims(in);
    if ((how & 12) == 4 && dims.size() > 0) dims = Dims{dims[dims.size() - 1]};
    const std::string name = "x" + std::to_string(i);
    if (std::optional<Type> type = nested_type(in, dtype, dims)) {
      Symbols symbols;
      Result<Value> value = any_value(in, *type, symbols, &budget);
      if (!value.ok()) return false;
      node.inputs.push_back(one.graph->add_input(name, *std::move(type)));
      one.inputs.push_back(*std::move(value));
      continue;
    }
    Result<Tensor> t = any_tensor(in, dtype, dims, &budget);
    if (!t.ok()) return false;
    if ((how & 16) != 0) {
      node.inputs.push_back(one.graph->add_constant(*std::move(t), name));
      continue;
    }
    Shape shape = shape_of(dims);
    for (size_t a = 0; (how & 32) != 0 && a < shape.size(); ++a) {
      shape[a] = Dim::symbol(name + "d" + std::to_string(a));
    }
    const bool ranked = (how & 192) != 192;
    node.inputs.push_back(one.graph->add_input(
        name, Type::tensor(dtype, ranked ? std::optional(std::move(shape)) : std::nullopt)));
    one.inputs.emplace_back(*std::move(t));
  }
  const size_t outputs =
      std::min<size_t>(def.outputs.max, def.outputs.min + (in.ConsumeBool() ? 2 : 0));
  for (size_t i = 0; i < outputs; ++i) {
    node.outputs.push_back(one.graph->add_value("y" + std::to_string(i)));
  }
  const std::vector<ValueId> ids = node.outputs;
  one.node = one.graph->add_node(std::move(node));
  one.graph->set_outputs(ids);
  return true;
}

void check_types(const OneNode& one, const std::vector<Value>& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Type& type = one.graph->value(one.graph->outputs()[i]).type;
    if (!type.is_tensor() || !outputs[i].is_tensor() || !outputs[i].tensor().defined()) continue;
    const Tensor& t = outputs[i].tensor();
    bool fits = type.dtype == DType::kUndefined || type.dtype == t.dtype();
    if (type.has_rank()) fits = fits && type.rank() == t.rank();
    for (size_t a = 0; fits && type.has_rank() && a < t.rank(); ++a) {
      const Dim& d = (*type.shape)[a];
      fits = !d.is_constant() || d.constant() == t.dim(a);
    }
    if (fits) continue;
    std::fprintf(stderr, "%s: output %zu is %s where %s was inferred\n",
                 one.graph->node(one.node).describe().c_str(), i, t.describe().c_str(),
                 type.to_string().c_str());
    std::abort();
  }
}

}  // namespace ferry::fuzz
