// SPDX-License-Identifier: Apache-2.0
#include "ops/op_tester.h"

namespace ferry {
namespace {

using Strings = std::vector<std::string>;
using Ints = std::vector<int64_t>;

Value map_of(Tensor keys, std::vector<Tensor> values) {
  Map m;
  m.keys = std::move(keys);
  m.values.assign(values.begin(), values.end());
  return Value(std::move(m));
}
Tensor scalar(float v) { return tensor<float>({}, {v}); }

TEST(Maps, ZipMap) {
  const Value want(Sequence{map_of(ints({7, 8}), {scalar(1), scalar(2)}),
                            map_of(ints({7, 8}), {scalar(3), scalar(4)})});
  OpTester("ai.onnx.ml.ZipMap")
      .attr("classlabels_int64s", Ints{7, 8})
      .input(tensor<float>({2, 2}, {1, 2, 3, 4}))
      .expect(want)
      .run();
  OpTester("ai.onnx.ml.ZipMap")
      .attr("classlabels_int64s", Ints{7})
      .input(tensor<float>({2, 2}, {1, 2, 3, 4}))
      .expect_error(Code::kShapeMismatch, "for 1 labels")
      .run();
}

TEST(Maps, ToTensors) {
  const Value named = map_of(tensor<std::string>({2}, Strings{"b", "q"}), {scalar(5), scalar(6)});
  OpTester("ai.onnx.ml.DictVectorizer")
      .attr("string_vocabulary", Strings{"a", "b"})
      .input(named)
      .expect(tensor<float>({1, 2}, {0, 5}))
      .run();
  const Value numbered = map_of(ints({3, 1}), {scalar(5), scalar(6)});
  OpTester("ai.onnx.ml.CastMap").input(numbered).expect(tensor<float>({1, 2}, {6, 5})).run();
  OpTester("ai.onnx.ml.CastMap")
      .attr("map_form", std::string("SPARSE"))
      .attr("max_map", int64_t{4})
      .attr("cast_to", std::string("TO_INT64"))
      .input(numbered)
      .expect(tensor<int64_t>({1, 4}, {0, 6, 0, 5}))
      .run();
  // Texts longer than what a string holds in place.
  const std::string left = "the first of two texts that are long",
                    right = "and the second one of them";
  OpTester("ai.onnx.ml.CastMap")
      .attr("cast_to", std::string("TO_STRING"))
      .input(
          map_of(ints({3, 1}), {tensor<std::string>({}, {left}), tensor<std::string>({}, {right})}))
      .expect(tensor<std::string>({1, 2}, {right, left}))
      .run();
  OpTester("ai.onnx.ml.CastMap")
      .attr("map_form", std::string("SPARSE"))
      .attr("max_map", int64_t{2})
      .input(numbered)
      .expect_error(Code::kInvalidArgument, "key 3 outside [0, 2)")
      .run();
  OpTester("ai.onnx.ml.CastMap")
      .attr("cast_to", std::string("TO_BOOL"))
      .input(numbered)
      .expect_error(Code::kInvalidModel, "cast_to is 'TO_BOOL'")
      .run();
}

}  // namespace
}  // namespace ferry
