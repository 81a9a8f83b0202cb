// SPDX-License-Identifier: Apache-2.0
// MurmurHash3(x) => the same in operators on u32: one or two words per element, x86_32 variant.
//   NGramRepeatBlock(ids, scores) => ScatterElements of -infinity where a word would repeat n ids
#include <limits>

#include "base/status.h"
#include "onnx/contrib/contrib.h"

namespace ferry::onnx {
namespace {

class Murmur {
 public:
  explicit Murmur(Emitter& e) : e_(e) {}

  ValueId word(ValueId h, ValueId k) {
    k = times(rotated(times(k, 0xcc9e2d51u), 15), 0x1b873593u);
    h = rotated(e_("BitwiseXor", {h, k}), 13);
    return e_("Add", {times(h, 5), number(0xe6546b64u)});
  }
  ValueId finish(ValueId h, uint32_t bytes) {
    h = e_("BitwiseXor", {h, number(bytes)});
    h = times(folded(h, 16), 0x85ebca6bu);
    h = times(folded(h, 13), 0xc2b2ae35u);
    return folded(h, 16);
  }
  ValueId number(uint32_t v) { return e_.scalar(v, DType::kUInt32); }

 private:
  ValueId times(ValueId x, uint32_t by) { return e_("Mul", {x, number(by)}); }
  ValueId shifted(ValueId x, std::string direction, uint32_t by) {
    return e_.with("BitShift", {x, number(by)}, "direction", std::move(direction));
  }
  ValueId rotated(ValueId x, uint32_t by) {
    return e_("BitwiseOr", {shifted(x, "LEFT", by), shifted(x, "RIGHT", 32 - by)});
  }
  ValueId folded(ValueId x, uint32_t by) { return e_("BitwiseXor", {x, shifted(x, "RIGHT", by)}); }

  Emitter& e_;
};

Status murmur_hash(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 1));
  FERRY_ASSIGN_OR_RETURN(const DType type, dtype_of_input(node, r, 0));
  const int bits = dtype_bits(type);
  if (type == DType::kString || (bits != 32 && bits != 64)) {
    return unsupported_op("MurmurHash3 of {}; numbers of 32 or 64 bits are hashed, strings not",
                          dtype_name(type));
  }
  Emitter e(r);
  Murmur m(e);
  const auto bitcast = [&](ValueId x, DType to) {
    return e("BitCast", {x}, {{"to", static_cast<int64_t>(to)}});
  };
  ValueId h = m.number(static_cast<uint32_t>(node.get_int("seed", 0)));
  if (bits == 32) {
    h = m.word(h, bitcast(node.inputs[0], DType::kUInt32));
  } else {
    const ValueId x = bitcast(node.inputs[0], DType::kUInt64);
    const ValueId low = e("BitwiseAnd", {x, e.scalar(UINT32_MAX, DType::kUInt64)});
    const ValueId high =
        e.with("BitShift", {x, e.scalar(32, DType::kUInt64)}, "direction", std::string("RIGHT"));
    h = m.word(m.word(h, e.cast(low, DType::kUInt32)), e.cast(high, DType::kUInt32));
  }
  h = m.finish(h, static_cast<uint32_t>(bits / 8));
  const bool positive = node.get_int("positive", 1) != 0;
  become(node, positive ? "Identity" : "BitCast", {h});
  if (!positive) node.set("to", static_cast<int64_t>(DType::kInt32));
  return e.status();
}

Status block_repeats(SourceNode& node, Rewriter& r) {
  FERRY_RETURN_IF_ERROR(want_inputs(node, 2));
  const int64_t n = node.get_int("ngram_size", 0);
  // One node per place of the n-gram.
  constexpr int64_t kMost = 64;
  if (n < 1 || n > kMost) return invalid_model("ngram_size is {}, wanted is 1 to {}", n, kMost);
  FERRY_ASSIGN_OR_RETURN(const DType type, dtype_of_input(node, r, 1));
  Emitter e(r);
  const ValueId ids = node.inputs[0], axis = e.ints({1});
  const ValueId length = e.size(ids, 1);
  const ValueId count = e("Max", {e("Sub", {length, e.ints({n - 1})}), e.ints({0})});
  // Element j of every n-gram, [batch, count].
  const auto place = [&](int64_t j) {
    return e("Slice", {ids, e.ints({j}), e("Add", {count, e.ints({j})}), axis});
  };
  const ValueId last = place(n - 1);
  ValueId repeats = e("Equal", {last, last});
  for (int64_t j = 0; j + 1 < n; ++j) {
    const ValueId at = e("Add", {count, e.ints({j})});
    const ValueId now = e("Slice", {ids, at, e("Add", {at, e.ints({1})}), axis});
    repeats = e("And", {repeats, e("Equal", {place(j), now})});
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const ValueId update =
      e("Where", {repeats, e.scalar(-kInfinity, type), e.scalar(kInfinity, type)});
  become(node, "ScatterElements", {node.inputs[1], last, update});
  node.set("axis", int64_t{1});
  node.set("reduction", std::string("min"));
  return e.status();
}

}  // namespace

void add_contrib_hashing(std::vector<UpgradeRow>& rows) {
  rows.push_back({"com.microsoft.MurmurHash3", kAnyVersion, murmur_hash});
  rows.push_back({"com.microsoft.NGramRepeatBlock", kAnyVersion, block_repeats});
}

}  // namespace ferry::onnx
