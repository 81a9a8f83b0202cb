// SPDX-License-Identifier: Apache-2.0
// OneHot of integer indices: strips of columns are filled and then marked while they are in cache.
#include <algorithm>

#include "ops/arguments.h"
#include "ops/tensor/one_hot.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

// [outer, depth, inner].
struct Sizes {
  int64_t outer = 1, depth = 0, inner = 1;
};

// Columns [k0, k1) of one outer position.
template <class T>
void mark(const Sizes& s, const IndexReader& read, int64_t o, int64_t k0, int64_t k1, T off, T on,
          T* y) {
  T* to = y + o * s.depth * s.inner;
  if (k1 - k0 == s.inner) {
    std::fill_n(to, s.depth * s.inner, off);
  } else {
    for (int64_t d = 0; d < s.depth; ++d) std::fill_n(to + d * s.inner + k0, k1 - k0, off);
  }
  for (int64_t k = k0; k < k1; ++k) {
    const int64_t index = read[o * s.inner + k];
    if (index < -s.depth || index >= s.depth) continue;
    to[(index < 0 ? index + s.depth : index) * s.inner + k] = on;
  }
}

template <class T>
void mark_all(Team& team, const Sizes& s, const Tensor& indices, const Tensor& values, Tensor& y) {
  const T off = static_cast<const T*>(values.raw())[0], on = static_cast<const T*>(values.raw())[1];
  const IndexReader read(indices);
  // 16 KiB of a strip at most, where that is a line or more of each row.
  const int64_t columns = std::max<int64_t>(
      64, (16 << 10) / (static_cast<int64_t>(sizeof(T)) * std::max<int64_t>(s.depth, 1)));
  const int64_t strips = (s.inner + columns - 1) / columns;
  parallel_range(team, s.outer * strips,
                 y.count() * static_cast<int64_t>(sizeof(T)) >= kMinParallelBytes,
                 [&](int64_t u0, int64_t u1, int) {
                   for (int64_t u = u0; u < u1; ++u) {
                     const int64_t k = u % strips * columns;
                     mark(s, read, u / strips, k, std::min(s.inner, k + columns), off, on,
                          static_cast<T*>(y.raw()));
                   }
                 });
}

class OneHotStep final : public StepKernel {
 public:
  explicit OneHotStep(Op op) : op_(std::move(op)) {}
  std::string name() const override { return "one_hot"; }
  Status run(StepContext& c) const override {
    const Tensor &indices = c.input(0), &depth = c.input(1), &values = c.input(2);
    const bool plain = depth.count() == 1 && values.count() == 2 && depth.dtype() == DType::kInt64;
    // What is wrong, or of a rarer type, the reference kernel knows.
    if (!plain || *depth.data<int64_t>() < 0) return op_.def().eval(op_, c);
    Sizes s;
    s.depth = *depth.data<int64_t>();
    FERRY_RETURN_IF_ERROR(check_rank(indices.rank() + 1));
    FERRY_ASSIGN_OR_RETURN(const size_t axis,
                           normalize_axis(op_.as<OneHot>()->axis, indices.rank() + 1));
    Dims dims(std::span(indices.dims().begin(), axis));
    dims.push_back(s.depth);
    for (size_t a = axis; a < indices.rank(); ++a) dims.push_back(indices.dim(a));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, values.dtype(), dims));
    if (y.count() == 0) return {};
    s.outer = dims.count(0, axis);
    s.inner = dims.count(axis + 1, dims.size());
    with_mover_type(values.dtype(),
                    [&]<class T>(T) { mark_all<T>(c.team(), s, indices, values, y); });
    return {};
  }

 private:
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const DType indices = request.type(0).dtype;
  if (indices != DType::kInt64 && indices != DType::kInt32) {
    return KernelOffer(std::string("indices are not i32 or i64"));
  }
  if (mover_element(request.type(2).dtype) == 0) {
    return KernelOffer(std::string("elements of no fixed size"));
  }
  return KernelOffer(std::make_unique<OneHotStep>(request.node.op));
}

}  // namespace

void register_one_hot_cpu(KernelRegistry& r) { r.add("OneHot", "one_hot", make); }

}  // namespace ferry
