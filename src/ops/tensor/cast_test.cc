// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Cast, Numbers) {
  const auto cast = [](const Tensor& x, const Tensor& y) {
    OpTester("Cast").attr("to", static_cast<int64_t>(y.dtype())).input(x).expect(y).run();
    OpTester("CastLike")
        .input(x)
        .input(Tensor::allocate(y.dtype(), Dims{1}).value())
        .expect(y)
        .run();
  };
  cast(tensor<float>({5}, {1.9f, -1.9f, 1e20f, -1e20f, NAN}),
       tensor<int32_t>({5}, {1, -1, INT32_MAX, INT32_MIN, 0}));
  cast(tensor<int64_t>({2}, {200, -1}), tensor<int8_t>({2}, {-56, -1}));
  cast(tensor<float>({3}, {0, -0.0f, NAN}), tensor<bool>({3}, {false, false, true}));
  cast(tensor<bool>({2}, {true, false}), tensor<half>({2}, {1.0f, 0.0f}));
  cast(tensor<double>({2}, {1e300, 1.5}), tensor<float>({2}, {INFINITY, 1.5f}));
  cast(tensor<float>({2}, {65520, 1e-9f}), tensor<half>({2}, {INFINITY, 0.0f}));
  cast(tensor<uint64_t>({1}, {UINT64_MAX}), tensor<double>({1}, {18446744073709551615.0}));
  cast(tensor<float>({4}, {-9, -8, 7.5f, 3}), packed_tensor(DType::kInt4, {4}, {7, 8, 7, 3}));
  cast(packed_tensor(DType::kInt4, {3}, {15, 7, 8}), tensor<int32_t>({3}, {-1, 7, -8}));
  cast(tensor<float>({0}, {}), tensor<int32_t>({0}, {}));
}

TEST(Cast, Strings) {
  const Tensor text = tensor<std::string>({6}, {"1.5", " +2e2 ", "-INF", "inf", "NaN", "1e999"});
  OpTester("Cast")
      .attr("to", int64_t{1})
      .input(text)
      .expect(tensor<float>({6}, {1.5f, 200, -INFINITY, INFINITY, NAN, INFINITY}))
      .run();
  OpTester("Cast")
      .attr("to", int64_t{7})
      .input(tensor<std::string>({3}, {"-7", "3.9", "9223372036854775807"}))
      .expect(ints({-7, 3, INT64_MAX}))
      .run();
  OpTester("Cast")
      .attr("to", int64_t{8})
      .input(tensor<float>({6}, {1, 0.47892547f, 1e-7f, -INFINITY, NAN, 1e20f}))
      .expect(tensor<std::string>({6}, {"1.0", "0.47892547", "1e-07", "-INF", "NaN", "1e+20"}))
      .run();
  OpTester("Cast")
      .attr("to", int64_t{8})
      .input(tensor<uint8_t>({1}, {200}))
      .expect(tensor<std::string>({1}, {"200"}))
      .run();
  OpTester("Cast")
      .attr("to", int64_t{9})
      .input(tensor<std::string>({3}, {"True", "0", "2.5"}))
      .expect(tensor<bool>({3}, {true, false, true}))
      .run();
  OpTester("Cast")
      .attr("to", int64_t{1})
      .input(tensor<std::string>({1}, {"Hello"}))
      .expect_error(Code::kInvalidArgument, "'Hello' is no number")
      .run();
}

TEST(Cast, SmallFloats) {
  const auto bytes = [](DType type, const std::vector<uint8_t>& bits) {
    Tensor t = Tensor::allocate(type, Dims{static_cast<int64_t>(bits.size())}).value();
    std::copy(bits.begin(), bits.end(), t.data<uint8_t>());
    return t;
  };
  OpTester("Cast")
      .attr("to", int64_t{17})
      .input(tensor<float>({3}, {1, 1e6f, NAN}))
      .expect(bytes(DType::kFloat8E4M3FN, {0x38, 0x7e, 0x7f}))
      .run();
  OpTester("Cast")
      .attr("to", int64_t{19})
      .attr("saturate", int64_t{0})
      .input(tensor<float>({2}, {1e6f, -1}))
      .expect(bytes(DType::kFloat8E5M2, {0x7c, 0xbc}))
      .run();
  OpTester("Cast")
      .attr("to", int64_t{1})
      .input(bytes(DType::kFloat8E4M3FN, {0x38, 0x7e}))
      .expect(tensor<float>({2}, {1, 448}))
      .run();
  OpTester("Cast")
      .attr("to", int64_t{24})
      .attr("round_mode", std::string("down"))
      .input(tensor<float>({2}, {3, 4}))
      .expect(bytes(DType::kFloat8E8M0, {128, 129}))
      .run();
  OpTester("Cast")
      .attr("to", int64_t{24})
      .attr("round_mode", std::string("odd"))
      .input(tensor<float>({1}, {3}))
      .expect_error(Code::kInvalidModel, "round_mode is 'odd'")
      .run();
  OpTester("Cast")
      .attr("to", int64_t{14})
      .input(tensor<float>({1}, {3}))
      .expect_error(Code::kUnsupportedType, "cast to c64")
      .run();
}

}  // namespace
}  // namespace ferry
