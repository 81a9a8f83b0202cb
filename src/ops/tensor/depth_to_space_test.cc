// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(DepthToSpace, BothModesThereAndBack) {
  const Tensor deep = iota({1, 8, 1, 2});
  const Tensor dcr =
      tensor<float>({1, 2, 2, 4}, {0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15});
  const Tensor crd =
      tensor<float>({1, 2, 2, 4}, {0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15});
  OpTester("DepthToSpace").attr("blocksize", int64_t{2}).input(deep).expect(dcr).run();
  OpTester("DepthToSpace")
      .attr("blocksize", int64_t{2})
      .attr("mode", std::string("CRD"))
      .input(deep)
      .expect(crd)
      .run();
  OpTester("SpaceToDepth").attr("blocksize", int64_t{2}).input(dcr).expect(deep).run();
  OpTester("SpaceToDepth")
      .attr("blocksize", int64_t{2})
      .attr("mode", std::string("CRD"))
      .input(crd)
      .expect(deep)
      .run();
  OpTester("SpaceToDepth")
      .attr("blocksize", int64_t{3})
      .input(dcr)
      .expect_error(Code::kShapeMismatch, "the height of x")
      .run();
  OpTester("DepthToSpace")
      .attr("blocksize", int64_t{0})
      .input(deep)
      .expect_error(Code::kInvalidModel, "blocksize is 0")
      .run();
}

}  // namespace
}  // namespace ferry
