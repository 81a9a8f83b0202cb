// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

#include <algorithm>
#include <cmath>

#include "tensor/packed.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

Type type_of(const Value& value, size_t index, bool symbolic) {
  if (value.is_tensor()) {
    Shape shape = shape_of(value.tensor().dims());
    for (size_t a = 0; symbolic && a < shape.size(); ++a) {
      shape[a] = Dim::symbol(fmt::format("i{}d{}", index, a));
    }
    return Type::tensor(value.tensor().dtype(), std::move(shape));
  }
  if (value.is_sequence()) {
    const Sequence& s = value.sequence();
    Type element = s.empty() ? Type::tensor(DType::kFloat32) : type_of(s[0], index, symbolic);
    element.shape.reset();
    return Type::sequence_of(std::move(element));
  }
  if (value.is_map()) {
    Type element = type_of(value.map().values.at(0), index, symbolic);
    return Type::map_of(value.map().keys.dtype(), std::move(element));
  }
  return Type::optional_of(Type::tensor(DType::kFloat32));
}

bool close(double got, double want, double rtol, double atol) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got);
  if (std::isinf(want) || std::isinf(got)) return want == got;
  return std::fabs(got - want) <= atol + rtol * std::fabs(want);
}

template <class T>
void compare_numbers(const Tensor& got, const Tensor& want, double rtol, double atol,
                     const std::string& what) {
  for (int64_t i = 0; i < want.count(); ++i) {
    bool same;
    if constexpr (is_floating_v<T>) {
      same = close(static_cast<double>(static_cast<compute_t<T>>(got.data<T>()[i])),
                   static_cast<double>(static_cast<compute_t<T>>(want.data<T>()[i])), rtol, atol);
    } else {
      same = got.data<T>()[i] == want.data<T>()[i];
    }
    if (!same) {
      ADD_FAILURE() << what << ": element " << i << " is "
                    << testing::PrintToString(compute_t<T>(got.data<T>()[i])) << ", wanted "
                    << testing::PrintToString(compute_t<T>(want.data<T>()[i]));
      return;
    }
  }
}

void compare_tensors(const Tensor& got, const Tensor& want, double rtol, double atol,
                     const std::string& what) {
  ASSERT_EQ(got.describe(), want.describe()) << what;
  if (want.dtype() == DType::kString) {
    for (int64_t i = 0; i < want.count(); ++i) {
      ASSERT_EQ(got.data<std::string>()[i], want.data<std::string>()[i]) << what << " at " << i;
    }
    return;
  }
  if (want.dtype() == DType::kComplex64 || want.dtype() == DType::kComplex128) {
    const bool single = want.dtype() == DType::kComplex64;
    Dims parts = want.dims();
    parts.push_back(2);
    const DType part = single ? DType::kFloat32 : DType::kFloat64;
    compare_tensors(Tensor::borrow(part, parts, got.raw()), Tensor::borrow(part, parts, want.raw()),
                    rtol, atol, what);
    return;
  }
  const Status status = visit_numeric(want.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    compare_numbers<T>(got, want, rtol, atol, what);
    return {};
  });
  if (status.ok()) return;
  // bool, small floats and packed integers: by bytes.
  EXPECT_EQ(0, std::memcmp(got.raw(), want.raw(), want.size_bytes())) << what;
}

}  // namespace

void expect_equal(const Value& got, const Value& want, double rtol, double atol,
                  const std::string& what) {
  if (want.is_tensor() && got.is_tensor()) {
    compare_tensors(got.tensor(), want.tensor(), rtol, atol, what);
  } else if (want.is_sequence() && got.is_sequence()) {
    ASSERT_EQ(got.sequence().size(), want.sequence().size()) << what;
    for (size_t i = 0; i < want.sequence().size(); ++i) {
      expect_equal(got.sequence()[i], want.sequence()[i], rtol, atol,
                   what + "[" + std::to_string(i) + "]");
    }
  } else if (want.is_map() && got.is_map()) {
    compare_tensors(got.map().keys, want.map().keys, 0, 0, what + " keys");
    ASSERT_EQ(got.map().values.size(), want.map().values.size()) << what;
    for (size_t i = 0; i < want.map().values.size(); ++i) {
      expect_equal(got.map().values[i], want.map().values[i], rtol, atol, what + " values");
    }
  } else {
    EXPECT_EQ(got.describe(), want.describe()) << what;
  }
}

Tensor ints(const std::vector<int64_t>& values) {
  return tensor<int64_t>({static_cast<int64_t>(values.size())}, values);
}

Tensor iota(const Dims& dims) {
  Tensor t = Tensor::allocate(DType::kFloat32, dims).value();
  for (int64_t i = 0; i < t.count(); ++i) t.data<float>()[i] = static_cast<float>(i);
  return t;
}

Tensor packed_tensor(DType type, const Dims& dims, const std::vector<uint8_t>& bits) {
  Tensor t = Tensor::allocate(type, dims).value();
  pack_bits(tensor<uint8_t>(dims, bits), t);
  return t;
}

Tensor random_tensor(const Dims& dims, uint64_t seed) {
  Tensor t = Tensor::allocate(DType::kFloat32, dims).value();
  for (int64_t i = 0; i < t.count(); ++i) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    t.data<float>()[i] = static_cast<float>(static_cast<int32_t>(seed >> 32)) * 0x1p-31f;
  }
  return t;
}

Tensor random_doubles(const Dims& dims, uint64_t seed) {
  Tensor t = Tensor::allocate(DType::kFloat64, dims).value();
  for (int64_t i = 0; i < t.count(); ++i) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    t.data<double>()[i] = static_cast<double>(static_cast<int64_t>(seed)) * 0x1p-63;
  }
  return t;
}

std::vector<std::pair<std::string, OpRunner>>& op_runners() {
  static std::vector<std::pair<std::string, OpRunner>> runners;
  return runners;
}

OpTester::OpTester(std::string_view full_name) : name_(full_name) {}

OpTester& OpTester::attr(const std::string& name, AttrValue value) {
  attrs_.emplace_back(name, std::move(value));
  return *this;
}
OpTester& OpTester::input(Value value) {
  inputs_.push_back(std::move(value));
  present_.push_back(true);
  return *this;
}
OpTester& OpTester::no_input() {
  inputs_.emplace_back();
  present_.push_back(false);
  return *this;
}
OpTester& OpTester::body(std::unique_ptr<Graph> graph, uint32_t num_captures) {
  bodies_.push_back(std::move(graph));
  num_captures_ = num_captures;
  return *this;
}
OpTester& OpTester::expect(Value value, double rtol, double atol) {
  expected_.push_back({std::move(value), rtol, atol, true, true});
  return *this;
}
OpTester& OpTester::ignore_output() {
  expected_.push_back({{}, 0, 0, false, true});
  return *this;
}
OpTester& OpTester::no_output() {
  expected_.push_back({{}, 0, 0, false, false});
  return *this;
}
OpTester& OpTester::expect_error(Code code, std::string words) {
  error_ = code;
  error_words_ = std::move(words);
  return *this;
}

// With `symbolic`, float inputs become symbolic-shaped graph inputs; integer ones stay constants,
// as attributes-turned-inputs (axes, pads, shapes) are in real models.
Status OpTester::build(Graph& graph, bool symbolic) {
  const OpDef* def = op_registry().find(name_);
  if (def == nullptr) return unsupported_op("operator '{}' is not registered", name_);
  std::shared_ptr<void> attrs = def->make();
  for (const auto& [name, value] : attrs_) {
    const AttrBinding* binding = def->find_attr(name);
    if (binding == nullptr) return invalid_model("operator has no attribute '{}'", name);
    FERRY_RETURN_IF_ERROR(binding->set(attrs.get(), value));
  }
  Node node;
  node.name = "test";
  node.op = Op(def, std::move(attrs));
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (!present_[i]) {
      node.inputs.push_back(kNone);
      continue;
    }
    const Value& v = inputs_[i];
    const bool constant = symbolic && v.is_tensor() && v.tensor().rank() <= 1 &&
                          types::kIntegers.contains(v.tensor().dtype());
    const std::string input_name = fmt::format("i{}", i);
    node.inputs.push_back(constant ? graph.add_constant(v.tensor(), input_name)
                                   : graph.add_input(input_name, type_of(v, i, symbolic)));
  }
  for (size_t i = 0; i < std::max<size_t>(expected_.size(), 1); ++i) {
    const bool wanted = expected_.empty() || expected_[i].wanted;
    node.outputs.push_back(wanted ? graph.add_value(fmt::format("o{}", i)) : kNone);
  }
  for (const auto& b : bodies_) node.bodies.push_back(b->clone());
  node.num_captures = num_captures_;
  std::vector<ValueId> outputs;
  for (ValueId v : node.outputs) {
    if (v != kNone) outputs.push_back(v);
  }
  const NodeId id = graph.add_node(std::move(node));
  graph.set_outputs(outputs);
  return infer_node(graph, id);
}

Status OpTester::evaluate(std::vector<Value>& results) {
  Graph graph;
  FERRY_RETURN_IF_ERROR(build(graph, false));
  std::vector<Value> inputs;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (present_[i]) inputs.push_back(inputs_[i]);
  }
  return interpret(graph, inputs, results);
}

Result<std::vector<Value>> OpTester::outputs() {
  std::vector<Value> results;
  FERRY_RETURN_IF_ERROR(evaluate(results));
  return results;
}

void OpTester::check_types(const Graph& graph, const std::vector<Value>& results, bool symbolic) {
  for (size_t i = 0; i < results.size(); ++i) {
    const Type& type = graph.value(graph.outputs()[i]).type;
    const Value& got = results[i];
    if (!got.is_tensor()) continue;
    ASSERT_TRUE(type.is_tensor() || type.kind == Type::Kind::kOptional)
        << name_ << ": output " << i << " was inferred as " << type.to_string();
    if (!type.is_tensor()) continue;
    EXPECT_EQ(dtype_name(type.dtype), dtype_name(got.tensor().dtype())) << name_ << " output " << i;
    if (!type.shape) continue;
    ASSERT_EQ(type.shape->size(), got.tensor().rank())
        << name_ << " output " << i << " was inferred as " << type.to_string();
    const SymbolLookup lookup = [&](std::string_view s) -> const int64_t* {
      size_t in = 0, axis = 0;
      if (std::sscanf(std::string(s).c_str(), "i%zud%zu", &in, &axis) != 2) return nullptr;
      return inputs_[in].tensor().dims().begin() + axis;
    };
    for (size_t a = 0; a < type.shape->size(); ++a) {
      const Result<int64_t> d = (*type.shape)[a].eval(lookup);
      if (!d.ok()) {
        // A symbol born at run time stands for any size.
        EXPECT_EQ(d.status().code(), Code::kInvalidArgument) << d.status().to_string();
        continue;
      }
      EXPECT_EQ(*d, got.tensor().dim(a))
          << name_ << (symbolic ? " (symbolic)" : "") << ": output " << i << " was inferred as "
          << type.to_string() << " and is " << got.describe();
    }
  }
}

void OpTester::run() {
  SCOPED_TRACE(name_);
  std::vector<Value> results;
  const Status status = evaluate(results);
  if (error_ != Code::kOk) {
    EXPECT_EQ(code_name(status.code()), code_name(error_)) << status.to_string();
    EXPECT_NE(status.message().find(error_words_), std::string::npos)
        << "message: " << status.message() << "\nwanted words: " << error_words_;
    return;
  }
  ASSERT_TRUE(status.ok()) << status.to_string();
  for (const bool symbolic : {false, true}) {
    Graph graph;
    const Status built = build(graph, symbolic);
    ASSERT_TRUE(built.ok()) << (symbolic ? "symbolic: " : "") << built.to_string();
    check_types(graph, results, symbolic);
  }
  size_t r = 0;
  for (size_t i = 0; i < expected_.size(); ++i) {
    if (!expected_[i].wanted) continue;
    if (expected_[i].compare) {
      expect_equal(results[r], expected_[i].value, expected_[i].rtol, expected_[i].atol,
                   fmt::format("{} output {}", name_, i));
    }
    ++r;
  }
  for (const auto& [device, runner] : op_runners()) {
    Graph graph;
    ASSERT_TRUE(build(graph, false).ok());
    std::vector<Value> inputs, got;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (present_[i]) inputs.push_back(inputs_[i]);
    }
    const Status ran = runner(graph, inputs, got);
    ASSERT_TRUE(ran.ok()) << device << ": " << ran.to_string();
    for (size_t i = 0, j = 0; i < expected_.size(); ++i) {
      if (!expected_[i].wanted) continue;
      if (expected_[i].compare) {
        expect_equal(got[j], expected_[i].value, std::max(expected_[i].rtol, 1e-4),
                     std::max(expected_[i].atol, 1e-5), fmt::format("{} on {}", name_, device));
      }
      ++j;
    }
  }
}

}  // namespace ferry
