// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

using Strings = std::vector<std::string>;

TEST(StringSplit, DelimitersAndSpace) {
  OpTester("StringSplit").attr("delimiter", std::string(",")).input(tensor<std::string>({2}, Strings{"a,,b", "c"}))
      .expect(tensor<std::string>({2, 3}, Strings{"a", "", "b", "c", "", ""})).expect(ints({3, 1})).run();
  OpTester("StringSplit").input(tensor<std::string>({3}, Strings{"  hello  world ", "", "x"}))
      .expect(tensor<std::string>({3, 2}, Strings{"hello", "world", "", "", "x", ""})).expect(ints({2, 0, 1})).run();
  OpTester("StringSplit").attr("maxsplit", int64_t{1}).input(tensor<std::string>({1}, Strings{"a b  c "}))
      .expect(tensor<std::string>({1, 2}, Strings{"a", "b  c "})).expect(ints({2})).run();
  OpTester("StringSplit").input(tensor<std::string>({0}, Strings{})).expect(tensor<std::string>({0, 0}, Strings{})).expect(ints({})).run();
}

}  // namespace
}  // namespace ferry
