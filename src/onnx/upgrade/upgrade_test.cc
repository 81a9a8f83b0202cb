// SPDX-License-Identifier: Apache-2.0
// Old operator versions, imported and run on reference kernels.
#include "onnx/upgrade/upgrade.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ir/eval.h"
#include "ir/verify.h"
#include "onnx/import.h"
#include "onnx/test_model.h"
#include "tensor/int_contents.h"

namespace ferry::onnx {
namespace {

using namespace proto;  // NOLINT: the vocabulary of these tests
using Floats = std::vector<float>;
using Ints = std::vector<int64_t>;

Tensor floats(const Dims& dims, const Floats& values) {
  Tensor t = Tensor::allocate(DType::kFloat32, dims).value();
  std::copy(values.begin(), values.end(), t.data<float>());
  return t;
}

// One node of an old opset whose inputs are constants of the model, so that no shape is unknown, or
// inputs of it with symbolic shapes.
class OldNode {
 public:
  OldNode(std::string op, int64_t opset) : op_(std::move(op)), opset_(opset) {}

  OldNode& attr(std::string message) { return attrs_.push_back(std::move(message)), *this; }
  OldNode& input(const Dims& dims, const Floats& values) {
    names_.push_back("x" + std::to_string(names_.size()));
    inputs_.emplace_back(names_.back(), floats(dims, values));
    return *this;
  }
  OldNode& constant(const Ints& dims, const Floats& values) {
    names_.push_back("c" + std::to_string(names_.size()));
    constants_.push_back(tensor(names_.back(), dims, values));
    return *this;
  }
  OldNode& ints(const Ints& values) {
    names_.push_back("c" + std::to_string(names_.size()));
    constants_.push_back(
        int64_tensor_proto(names_.back(), {static_cast<int64_t>(values.size())}, values));
    return *this;
  }
  OldNode& absent() { return names_.emplace_back(), *this; }
  OldNode& outputs(size_t n) { return num_outputs_ = n, *this; }

  // Runs with the sizes of the inputs known, and unknown.
  void gives(const std::string& dims, const Floats& values, size_t output = 0,
             float tolerance = 1e-5f) {
    for (bool symbolic : {false, true}) {
      SCOPED_TRACE(op_ + "-" + std::to_string(opset_) + (symbolic ? " symbolic" : ""));
      std::vector<Value> out;
      const Status status = run(symbolic, out);
      ASSERT_TRUE(status.ok()) << status.to_string();
      const Tensor& t = out[output].tensor();
      ASSERT_EQ(t.describe(), dims);
      for (size_t i = 0; i < values.size(); ++i) {
        EXPECT_NEAR(at(t, i), values[i], tolerance) << "element " << i;
      }
    }
  }
  void fails(const std::string& words) {
    std::vector<Value> out;
    const Status status = run(false, out);
    EXPECT_NE(status.message().find(words), std::string::npos) << status.to_string();
  }

 private:
  static float at(const Tensor& t, size_t i) {
    if (t.dtype() == DType::kFloat32) return t.data<float>()[i];
    return static_cast<float>(int_contents(t).value()[i]);
  }

  Status run(bool symbolic, std::vector<Value>& out) {
    GraphParts parts;
    std::vector<Value> values;
    for (const auto& [name, t] : inputs_) {
      Names dims;
      for (int64_t d : t.dims()) dims.push_back(symbolic ? "" : std::to_string(d));
      parts.inputs.push_back(value(name, dims));
      values.emplace_back(t);
    }
    Names outputs;
    for (size_t i = 0; i < num_outputs_; ++i) {
      outputs.push_back("y" + std::to_string(i));
      std::string untyped;  // ValueInfoProto with a name only
      untyped += '\x0a';
      untyped += static_cast<char>(outputs.back().size());
      parts.outputs.push_back(untyped + outputs.back());
    }
    parts.initializers = constants_;
    parts.nodes = {node(op_, names_, outputs, attrs_)};
    const std::string m = model(graph(parts), {.ir_version = 4, .opsets = {{"", opset_}}});
    auto imported = import_bytes(bytes(m), nullptr);
    if (!imported.ok()) return std::move(imported).status();
    Status status = verify(*imported->graph);
    return status.ok() ? interpret(*imported->graph, values, out) : status;
  }

  std::string op_;
  int64_t opset_;
  Names names_;
  Messages attrs_, constants_;
  std::vector<std::pair<std::string, Tensor>> inputs_;
  size_t num_outputs_ = 1;
};

TEST(Upgrade, SoftmaxFlattened) {
  const float e = 0.25f;
  OldNode("Softmax", 11).input({2, 2, 2}, Floats(8, 1)).gives("f32[2,2,2]", Floats(8, e));
  OldNode("Softmax", 11)
      .attr(int_attr("axis", 2))
      .input({1, 2, 2}, Floats(4, 1))
      .gives("f32[1,2,2]", Floats(4, 0.5f));
  OldNode("Softmax", 11)
      .attr(int_attr("axis", 0))
      .input({2, 2}, Floats(4, 1))
      .gives("f32[2,2]", Floats(4, e));
  OldNode("LogSoftmax", 1)
      .input({1, 4, 1, 1}, Floats(4, 1))
      .gives("f32[1,4,1,1]", Floats(4, std::log(e)));
  OldNode("Hardmax", 1).input({1, 2, 2}, {1, 3, 3, 2}).gives("f32[1,2,2]", {0, 1, 0, 0});
  OldNode("Softmax", 13).input({2, 2, 2}, Floats(8, 1)).gives("f32[2,2,2]", Floats(8, 0.5f));
}

TEST(Upgrade, AxisOfBroadcast) {
  OldNode("Add", 1)
      .attr(int_attr("broadcast", 1))
      .attr(int_attr("axis", 0))
      .attr(ints_attr("consumed_inputs", {0, 0}))
      .input({2, 3}, Floats(6, 0))
      .input({2}, {1, 2})
      .gives("f32[2,3]", {1, 1, 1, 2, 2, 2});
  OldNode("Mul", 1)
      .attr(int_attr("broadcast", 1))
      .input({2, 2}, {1, 2, 3, 4})
      .input({2}, {1, 10})
      .gives("f32[2,2]", {1, 20, 3, 40});
  OldNode("Sub", 6)
      .attr(int_attr("broadcast", 1))
      .attr(int_attr("axis", 2))
      .input({2, 3}, Floats(6, 0))
      .input({2}, {1, 2})
      .fails("axis 2 does not align");
  OldNode("PRelu", 6)
      .input({1, 2, 2}, Floats(4, -1))
      .input({2}, {1, 2})
      .gives("f32[1,2,2]", {-1, -1, -2, -2});
}

TEST(Upgrade, AttributesThatBecameInputs) {
  OldNode("Squeeze", 11).attr(ints_attr("axes", {1})).input({2, 1}, {1, 2}).gives("f32[2]", {1, 2});
  OldNode("Unsqueeze", 11)
      .attr(ints_attr("axes", {0}))
      .input({2}, {1, 2})
      .gives("f32[1,2]", {1, 2});
  OldNode("Unsqueeze", 11).input({2}, {1, 2}).fails("attribute 'axes' is missing");
  OldNode("ReduceMean", 17)
      .attr(ints_attr("axes", {1}))
      .attr(int_attr("keepdims", 0))
      .input({2, 2}, {1, 3, 5, 7})
      .gives("f32[2]", {2, 6});
  OldNode("ReduceSum", 11).input({2, 2}, {1, 3, 5, 7}).gives("f32[1,1]", {16});
  OldNode("Slice", 9)
      .attr(ints_attr("starts", {1}))
      .attr(ints_attr("ends", {3}))
      .attr(ints_attr("axes", {0}))
      .input({4}, {0, 1, 2, 3})
      .gives("f32[2]", {1, 2});
  OldNode("Pad", 1)
      .attr(ints_attr("paddings", {1, 0}))
      .input({2}, {1, 2})
      .gives("f32[3]", {0, 1, 2});
  OldNode("Pad", 2)
      .attr(ints_attr("pads", {0, 1}))
      .attr(float_attr("value", 7))
      .input({2}, {1, 2})
      .gives("f32[3]", {1, 2, 7});
  OldNode("Reshape", 1)
      .attr(ints_attr("shape", {0, -1}))
      .input({2, 1, 2}, {1, 2, 3, 4})
      .gives("f32[2,2]", {1, 2, 3, 4});
  OldNode("TopK", 9)
      .attr(int_attr("k", 2))
      .outputs(2)
      .input({3}, {1, 3, 2})
      .gives("i64[2]", {1, 2}, 1);
  OldNode("TopK", 9).outputs(2).input({3}, {1, 3, 2}).fails("attribute 'k' is missing");
  OldNode("Clip", 10)
      .attr(float_attr("min", 0))
      .attr(float_attr("max", 6))
      .input({3}, {-1, 3, 9})
      .gives("f32[3]", {0, 3, 6});
  OldNode("Clip", 1).input({1}, {9}).gives("f32[1]", {9});
  OldNode("Tile", 1).ints({3}).input({2}, {1, 2}).fails("has 2 inputs");
  OldNode("Tile", 1).input({2}, {1, 2}).ints({2}).ints({0}).gives("f32[4]", {1, 2, 1, 2});
  OldNode tile("Tile", 1);
  tile.input({2}, {1, 2}).constant({}, {2}).constant({1}, {0}).gives("f32[4]", {1, 2, 1, 2});
  OldNode("Tile", 1).input({2}, {1, 2}).constant({}, {1.5}).constant({1}, {0}).fails("constant");
}

TEST(Upgrade, Split) {
  OldNode("Split", 2)
      .attr(ints_attr("split", {1, 2}))
      .outputs(2)
      .input({3}, {1, 2, 3})
      .gives("f32[2]", {2, 3}, 1);
  OldNode sizes("Split", 1);
  sizes.outputs(2).input({3}, {1, 2, 3}).constant({2}, {1, 2}).gives("f32[2]", {2, 3}, 1);
  OldNode("Split", 11).outputs(2).input({4}, {1, 2, 3, 4}).gives("f32[2]", {3, 4}, 1);
  OldNode("Split", 13).outputs(2).input({4}, {1, 2, 3, 4}).gives("f32[2]", {3, 4}, 1);
  OldNode("Split", 13).outputs(2).input({4}, {1, 2, 3, 4}).ints({3, 1}).gives("f32[1]", {4}, 1);
}

TEST(Upgrade, BatchNormalization) {
  for (int64_t opset : {1, 6, 7, 9, 13}) {
    OldNode n("BatchNormalization", opset);
    if (opset < 6) n.attr(ints_attr("consumed_inputs", {0, 0, 0, 1, 1}));
    if (opset < 7) n.attr(int_attr("is_test", 1));
    n.attr(float_attr("epsilon", 0))
        .input({1, 2, 1}, {3, 3})
        .constant({2}, {1, 2})
        .constant({2}, {0, 1});
    n.constant({2}, {1, 1}).constant({2}, {4, 1}).gives("f32[1,2,1]", {1, 5});
  }
  OldNode("BatchNormalization", 7)
      .attr(int_attr("spatial", 0))
      .attr(float_attr("epsilon", 0))
      .input({2, 2}, {3, 3, 1, 1})
      .constant({2}, {1, 2})
      .constant({2}, {0, 1})
      .constant({2}, {1, 1})
      .constant({2}, {4, 1})
      .gives("f32[2,2]", {1, 5, 0, 1});
}

// Training: mean 2 and variance 1 of the batch, which move running ones of 4 and 3 by a tenth.
TEST(Upgrade, BatchNormalizationWithStatistics) {
  const Floats wanted[] = {{-1, 1}, {3.8f}, {2.8f}, {2}, {1}};
  for (size_t outputs : {2, 3, 4, 5}) {
    for (size_t i = 0; i < outputs; ++i) {
      OldNode n("BatchNormalization", 13);
      n.attr(float_attr("epsilon", 0)).outputs(outputs).input({2, 1}, {1, 3}).constant({1}, {1});
      n.constant({1}, {0}).constant({1}, {4}).constant({1}, {3});
      n.gives(i == 0 ? "f32[2,1]" : "f32[1]", wanted[i], i);
    }
  }
  OldNode("BatchNormalization", 6)
      .attr(int_attr("is_test", 1))
      .outputs(5)
      .input({2, 1}, {1, 3})
      .constant({1}, {1})
      .constant({1}, {0})
      .constant({1}, {4})
      .constant({1}, {3})
      .fails("statistics of the batch with is_test = 1");
}

TEST(Upgrade, Dropout) {
  OldNode("Dropout", 7)
      .attr(float_attr("ratio", 0.5))
      .outputs(2)
      .input({2}, {1, 2})
      .gives("f32[2]", {1, 1}, 1);
  OldNode("Dropout", 10).outputs(2).input({2}, {1, 2}).gives("bool[2]", {1, 1}, 1);
  OldNode("Dropout", 1).attr(int_attr("is_test", 0)).input({2}, {1, 2}).gives("f32[2]", {1, 2});
}

TEST(Upgrade, OldDefaults) {
  OldNode("Concat", 1).input({1, 1}, {1}).input({1, 1}, {2}).gives("f32[1,2]", {1, 2});
  OldNode("Cast", 1)
      .attr(string_attr("to", "INT64"))
      .input({2}, {1.7f, -1.7f})
      .gives("i64[2]", {1, -1});
  OldNode("Cast", 1)
      .attr(string_attr("to", "POTATO"))
      .input({1}, {1})
      .fails("names no element type: 'POTATO'");
  OldNode("Selu", 1).input({1}, {1}).gives("f32[1]", {1.0507f}, 0, 1e-7f);
  OldNode("Gemm", 6)
      .attr(int_attr("broadcast", 1))
      .input({1, 1}, {2})
      .input({1, 2}, {3, 4})
      .input({2}, {1, 1})
      .gives("f32[1,2]", {7, 9});
  OldNode("GlobalLpPool", 1)
      .attr(float_attr("p", 1))
      .input({1, 1, 2}, {-1, 2})
      .gives("f32[1,1,1]", {3});
  OldNode("GlobalLpPool", 1)
      .attr(float_attr("p", 1.5))
      .input({1, 1, 2}, {-1, 2})
      .fails("1.5 is no integer");
}

TEST(Upgrade, Upsample) {
  const Floats doubled = {1, 1, 2, 2};
  OldNode("Upsample", 1)
      .attr(float_attr("height_scale", 1))
      .attr(float_attr("width_scale", 2))
      .input({1, 1, 1, 2}, {1, 2})
      .gives("f32[1,1,1,4]", doubled);
  OldNode("Upsample", 9).input({1, 2}, {1, 2}).constant({2}, {1, 2}).gives("f32[1,4]", doubled);
  OldNode("Upsample", 9)
      .attr(string_attr("mode", "linear"))
      .input({1, 1, 1, 2}, {1, 2})
      .constant({4}, {1, 1, 1, 2})
      .gives("f32[1,1,1,4]", {1, 1.5, 2, 2});
  OldNode("Resize", 10).input({1, 2}, {1, 2}).constant({2}, {1, 2}).gives("f32[1,4]", doubled);
  // The one below where an axis grows, the one above where it shrinks.
  OldNode both("Resize", 10);
  both.input({4, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  both.constant({2}, {0.75, 1.5}).gives("f32[3,3]", {0, 0, 1, 4, 4, 5, 6, 6, 7});
  OldNode computed("Resize", 10);
  computed.input({4, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  computed.input({2}, {0.75, 1.5}).gives("f32[3,3]", {0, 0, 1, 4, 4, 5, 6, 6, 7});
  OldNode("Resize", 11)
      .attr(string_attr("coordinate_transformation_mode", "tf_half_pixel_for_nn"))
      .attr(string_attr("nearest_mode", "floor"))
      .input({4}, {1, 2, 3, 4})
      .constant({0}, {})
      .constant({1}, {0.5})
      .gives("f32[2]", {2, 4});
  OldNode("Resize", 11)
      .attr(string_attr("coordinate_transformation_mode", "tf_half_pixel_for_nn"))
      .attr(string_attr("mode", "linear"))
      .input({4}, {0, 1, 2, 3})
      .constant({0}, {})
      .constant({1}, {2})
      .gives("f32[8]", {0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3, 3});
}

TEST(Upgrade, StftOfSignalsWithoutParts) {
  OldNode("STFT", 17)
      .attr(int_attr("onesided", 1))
      .input({1, 4}, {1, 2, 3, 4})
      .ints({2})
      .constant({2}, {1, 1})
      .gives("f32[1,2,2,2]", {3, 0, -1, 0, 7, 0, -1, 0});
}

TEST(Upgrade, GroupNormalization) {
  OldNode("GroupNormalization", 18)
      .attr(int_attr("num_groups", 1))
      .attr(float_attr("epsilon", 0))
      .input({1, 2, 1}, {-1, 1})
      .constant({1}, {2})
      .constant({1}, {1})
      .gives("f32[1,2,1]", {-1, 3});
}

TEST(Upgrade, OneHotOfNegativeIndices) {
  OldNode("OneHot", 9)
      .input({2}, {-1, 1})
      .ints({2})
      .constant({2}, {0, 5})
      .gives("f32[2,2]", {0, 0, 0, 5});
  OldNode("OneHot", 11)
      .input({2}, {-1, 1})
      .ints({2})
      .constant({2}, {0, 5})
      .gives("f32[2,2]", {0, 5, 0, 5});
}

TEST(Upgrade, ScanOverABatch) {
  // Running sums of each row.
  const std::string body =
      graph({.nodes = {node("Add", {"s", "x"}, {"t"}), node("Add", {"s", "x"}, {"u"})},
             .inputs = {value("s", {}), value("x", {})},
             .outputs = {value("t", {}), value("u", {})}});
  OldNode("Scan", 8)
      .attr(graph_attr("body", body))
      .attr(int_attr("num_scan_inputs", 1))
      .absent()
      .input({2}, {0, 10})
      .input({2, 3}, {1, 2, 3, 4, 5, 6})
      .outputs(2)
      .gives("f32[2,3]", {1, 3, 6, 14, 19, 25}, 1);
}

TEST(Upgrade, Experiments) {
  OldNode("Affine", 1)
      .attr(float_attr("alpha", 2))
      .attr(float_attr("beta", 1))
      .input({1}, {3})
      .gives("f32[1]", {7});
  OldNode("ImageScaler", 1).attr(float_attr("scale", 2)).input({1, 1, 1, 1}, {3}).fails("");
  OldNode("Crop", 1)
      .attr(ints_attr("border", {1, 0, 0, 0}))
      .input({1, 1, 1, 3}, {1, 2, 3})
      .gives("f32[1,1,1,2]", {2, 3});
  OldNode("ScaledTanh", 1)
      .attr(float_attr("alpha", 2))
      .attr(float_attr("beta", 1))
      .input({1}, {0})
      .gives("f32[1]", {0});
}

}  // namespace
}  // namespace ferry::onnx
