// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

TEST(Identity, TensorsAndSequences) {
  OpTester("Identity")
      .input(tensor<std::string>({1}, {"a"}))
      .expect(tensor<std::string>({1}, {"a"}))
      .run();
  OpTester("Identity")
      .input(Value(Sequence{Value(iota({2}))}))
      .expect(Value(Sequence{Value(iota({2}))}))
      .run();
}

}  // namespace
}  // namespace ferry
