// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops_cpu/step_test.h"

namespace ferry {
namespace {

using Ints = std::vector<int64_t>;

// Counts up, in any type of fixed size.
Tensor counting(DType type, const Dims& dims) {
  Tensor t = Tensor::allocate(type, dims).value();
  auto* bytes = static_cast<uint8_t*>(t.raw());
  for (size_t i = 0; i < t.size_bytes(); ++i) bytes[i] = static_cast<uint8_t>(i * 7 + i / 251);
  return t;
}
Tensor int_vector(const Ints& v) { return ints(v); }

constexpr DType kTypes[] = {DType::kUInt8, DType::kInt16, DType::kInt32, DType::kInt64};

TEST(Mover, TransposesEveryPermutation) {
  for (DType type : kTypes) {
    for (const Dims& dims : {Dims{2, 3, 5, 7}, Dims{1, 37, 19, 33}, Dims{2, 0, 3, 4}}) {
      // Without the identity, which the planner removes; symbolic, so that axes of one stay axes.
      Ints perm = {0, 1, 2, 3};
      while (std::next_permutation(perm.begin(), perm.end())) {
        StepTester("Transpose")
            .attr("perm", perm)
            .input(counting(type, dims))
            .symbolic()
            .kernel("transpose")
            .run();
      }
    }
  }
}

TEST(Mover, TransposesImages) {
  for (const Dims& dims : {Dims{1, 3, 61, 67}, Dims{1, 61, 67, 3}, Dims{2, 64, 28, 28}}) {
    for (const Ints& perm : {Ints{0, 2, 3, 1}, Ints{0, 3, 1, 2}}) {
      StepTester("Transpose")
          .attr("perm", perm)
          .input(counting(DType::kInt32, dims))
          .symbolic()
          .kernel("transpose")
          .run();
    }
  }
  StepTester("Transpose")
      .attr("perm", Ints{})
      .input(counting(DType::kInt32, Dims{}))
      .kernel("transpose")
      .run();
}

TEST(Mover, Slices) {
  for (DType type : kTypes) {
    const Tensor x = counting(type, {5, 17, 40});
    StepTester("Slice")
        .input(x)
        .constant(int_vector({1, 2}))
        .constant(int_vector({-1, 1000}))
        .constant(int_vector({0, 2}))
        .constant(int_vector({2, 3}))
        .kernel("slice")
        .run();
    StepTester("Slice")
        .input(x)
        .input(int_vector({100, -3}))
        .input(int_vector({-100, 3}))
        .constant(int_vector({1, 0}))
        .constant(int_vector({-2, -1}))
        .kernel("slice")
        .run();
    StepTester("Slice")
        .input(x)
        .constant(int_vector({3}))
        .constant(int_vector({3}))
        .kernel("slice")
        .run();
  }
  StepTester("Slice")
      .input(counting(DType::kInt32, {64, 300}))
      .constant(int_vector({1}))
      .constant(int_vector({299}))
      .constant(int_vector({1}))
      .kernel("slice")
      .run();
}

TEST(Mover, Concatenates) {
  for (int64_t axis : {0, 1, 2, -1}) {
    for (DType type : kTypes) {
      StepTester("Concat")
          .attr("axis", axis)
          .input(counting(type, {3, 5, 7}))
          .input(counting(type, {3, 5, 7}))
          .kernel("concat")
          .run();
    }
  }
  StepTester("Concat")
      .attr("axis", int64_t{1})
      .input(counting(DType::kInt32, {2, 300, 9, 7}))
      .input(counting(DType::kInt32, {2, 0, 9, 7}))
      .input(counting(DType::kInt32, {2, 1, 9, 7}))
      .symbolic()
      .kernel("concat")
      .run();
}

TEST(Mover, Splits) {
  for (DType type : kTypes) {
    StepTester("Split")
        .attr("axis", int64_t{1})
        .attr("num_outputs", int64_t{3})
        .input(counting(type, {3, 8, 7}))
        .outputs(3)
        .kernel("split")
        .run();
    StepTester("Split")
        .attr("axis", int64_t{-1})
        .input(counting(type, {3, 80, 70}))
        .constant(int_vector({1, 0, 69}))
        .outputs(3)
        .kernel("split")
        .run();
  }
}

TEST(Mover, ExpandsAndTiles) {
  for (DType type : kTypes) {
    StepTester("Expand")
        .input(counting(type, {3, 1, 7}))
        .constant(int_vector({2, 3, 5, 7}))
        .kernel("expand")
        .run();
    StepTester("Expand")
        .input(counting(type, {3, 7, 1}))
        .constant(int_vector({1, 1, 650}))
        .kernel("expand")
        .run();
    StepTester("Tile")
        .input(counting(type, {3, 1, 7}))
        .constant(int_vector({2, 3, 5}))
        .kernel("tile")
        .run();
    StepTester("Tile")
        .input(counting(type, {3, 2}))
        .constant(int_vector({0, 3}))
        .kernel("tile")
        .run();
    StepTester("Tile")
        .input(counting(type, {64, 100}))
        .constant(int_vector({1, 3}))
        .kernel("tile")
        .run();
  }
}

TEST(Mover, TransposesOfFewRowsOrColumns) {
  for (int64_t few = 2; few < 6; ++few) {
    for (int64_t n : {2, 15, 16, 33, 58, 300}) {
      for (const Dims& dims : {Dims{3, few, n}, Dims{3, n, few}}) {
        StepTester("Transpose")
            .attr("perm", Ints{0, 2, 1})
            .input(counting(DType::kFloat32, dims))
            .kernel("transpose")
            .run();
      }
    }
  }
}

TEST(Mover, GathersElements) {
  for (const DType type : {DType::kInt8, DType::kFloat16, DType::kFloat32, DType::kFloat64}) {
    for (int64_t axis : {0, 1, 2, -1}) {
      Tensor wide = *Tensor::allocate(DType::kInt64, {2, 3, 40});
      Tensor narrow = *Tensor::allocate(DType::kInt32, {2, 3, 40});
      const Dims x_dims = {3, 4, 41};
      const int64_t n = x_dims[axis < 0 ? 2 : static_cast<size_t>(axis)];
      for (int64_t i = 0; i < wide.count(); ++i) {
        wide.data<int64_t>()[i] = i * 7 % (2 * n) - n;
        narrow.data<int32_t>()[i] = static_cast<int32_t>(i * 5 % (2 * n) - n);
      }
      for (const Tensor& indices : {wide, narrow}) {
        StepTester("GatherElements")
            .attr("axis", axis)
            .input(counting(type, x_dims))
            .input(indices)
            .symbolic()
            .kernel("gather_elements")
            .run();
      }
    }
  }
  StepTester("GatherElements")
      .input(counting(DType::kFloat32, {3, 4}))
      .input(*Tensor::allocate(DType::kInt64, {0, 4}))
      .kernel("gather_elements")
      .run();
  // The first of several wrong ones, whichever thread sees another.
  for (const int64_t wrong : {int64_t{4}, int64_t{-5}, INT64_MIN, INT64_MAX}) {
    Tensor indices = *Tensor::allocate(DType::kInt64, {300, 200});
    std::fill_n(indices.data<int64_t>(), indices.count(), 3);
    indices.data<int64_t>()[20'123] = wrong;
    indices.data<int64_t>()[59'999] = 17;
    StepTester("GatherElements")
        .attr("axis", int64_t{0})
        .input(counting(DType::kFloat32, {4, 200}))
        .input(indices)
        .kernel("gather_elements")
        .run_error(std::to_string(wrong) + " outside [-4, 4)");
  }
}

TEST(Mover, Gathers) {
  for (DType type : kTypes) {
    for (int64_t axis : {0, 1, 2}) {
      StepTester("Gather")
          .attr("axis", axis)
          .input(counting(type, {5, 6, 7}))
          .input(tensor<int64_t>({2, 2}, {1, -1, 4, 0}))
          .kernel("gather")
          .run();
    }
    StepTester("Gather")
        .input(counting(type, {50, 260}))
        .input(tensor<int32_t>({}, {7}))
        .kernel("gather")
        .run();
    StepTester("Gather")
        .input(counting(type, {50, 260}))
        .input(tensor<int32_t>({0}, {}))
        .kernel("gather")
        .run();
  }
  Tensor many = Tensor::allocate(DType::kInt64, {200}).value();
  for (int64_t i = 0; i < 200; ++i) many.data<int64_t>()[i] = i * 37 % 50 - 25;
  StepTester("Gather").input(counting(DType::kInt32, {50, 260})).input(many).kernel("gather").run();
}

TEST(Mover, Pads) {
  for (const char* mode : {"constant", "reflect", "edge", "wrap"}) {
    for (DType type : kTypes) {
      StepTester("Pad")
          .attr("mode", std::string(mode))
          .input(counting(type, {4, 5, 6}))
          .constant(int_vector({1, 2, 3, 0, 1, 2}))
          .kernel("pad")
          .run();
      StepTester("Pad")
          .attr("mode", std::string(mode))
          .input(counting(type, {4, 50, 60}))
          .input(int_vector({-1, 2, -3, 0, -1, 2}))
          .kernel("pad")
          .run();
    }
  }
  StepTester("Pad")
      .input(counting(DType::kInt32, {2, 3}))
      .constant(int_vector({1, 1}))
      .constant(tensor<int32_t>({}, {9}))
      .constant(int_vector({-1}))
      .kernel("pad")
      .run();
}

TEST(Mover, Chooses) {
  Tensor condition = Tensor::allocate(DType::kBool, {9, 300}).value();
  for (int64_t i = 0; i < condition.count(); ++i) condition.data<bool>()[i] = i % 3 == 0;
  const Tensor column =
      tensor<bool>({9, 1}, {true, false, true, true, false, false, true, true, false});
  for (DType type : kTypes) {
    for (const Tensor& by : {condition, column, tensor<bool>({}, {true})}) {
      const Tensor full = counting(type, {9, 300}), row = counting(type, {1, 300}),
                   one = counting(type, {});
      for (const auto& [a, b] : {std::pair(full, full), std::pair(one, full), std::pair(full, one),
                                 std::pair(row, one), std::pair(one, row)}) {
        StepTester("Where").input(by).input(a).input(b).kernel("where").run();
      }
    }
  }
}

TEST(Mover, ReversesSequences) {
  for (const DType type : {DType::kUInt8, DType::kFloat16, DType::kFloat32, DType::kInt64}) {
    for (const int64_t inner : {1, 3, 2000}) {
      for (const bool times_first : {true, false}) {
        const Dims dims = times_first ? Dims{7, 5, inner} : Dims{5, 7, inner};
        StepTester("ReverseSequence")
            .attr("time_axis", int64_t{times_first ? 0 : 1})
            .attr("batch_axis", int64_t{times_first ? 1 : 0})
            .input(counting(type, dims))
            .input(ints({0, 1, 4, 6, 7}))
            .kernel("reverse_sequence")
            .run();
      }
    }
  }
}

TEST(Mover, Casts) {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor floats =
      tensor<float>({16}, {0, -0.0f, 1.9f, -1.9f, 255, 256, -1, 2147483648.0f, -2147483648.0f,
                           2147483520.0f, 9.3e18f, -9.3e18f, inf, -inf, std::nanf(""), 1e-40f});
  const Tensor wide = tensor<int64_t>({6}, {0, -1, 256, 1, INT64_MAX, INT64_MIN});
  const Tensor bools = tensor<bool>({2}, {true, false});
  const std::vector<DType> types = {DType::kFloat32, DType::kInt64, DType::kInt32, DType::kUInt8,
                                    DType::kBool};
  for (DType to : types) {
    for (const Tensor& x : {floats, wide, bools, counting(DType::kInt32, {200, 100}),
                            counting(DType::kUInt8, {0, 3})}) {
      if (x.dtype() == to) continue;
      StepTester("Cast").attr("to", static_cast<int64_t>(to)).input(x).kernel("cast").run();
    }
  }
}

}  // namespace
}  // namespace ferry
