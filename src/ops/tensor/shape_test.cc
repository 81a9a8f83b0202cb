// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Shape, RangesOfAxes) {
  const auto shape = [](std::vector<int64_t> attrs, std::vector<int64_t> want) {
    OpTester t("Shape");
    if (!attrs.empty()) t.attr("start", attrs[0]);
    if (attrs.size() > 1) t.attr("end", attrs[1]);
    t.input(iota({2, 3, 4})).expect(ints(want)).run();
  };
  shape({}, {2, 3, 4});
  shape({1}, {3, 4});
  shape({-1}, {4});
  shape({0, -1}, {2, 3});
  shape({2, 1}, {});
  shape({-10, 10}, {2, 3, 4});
  OpTester("Shape").input(iota({})).expect(ints({})).run();
  OpTester("Size").input(iota({2, 3})).expect(tensor<int64_t>({}, {6})).run();
  OpTester("Size")
      .input(packed_tensor(DType::kInt4, {0, 3}, {}))
      .expect(tensor<int64_t>({}, {0}))
      .run();
}

}  // namespace
}  // namespace ferry
