// SPDX-License-Identifier: Apache-2.0
// MaxUnpool: threads share out the result, not the values, so that the last of one place stays.
#include <algorithm>

#include "base/status.h"
#include "ops/nn/max_unpool.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

// Puts the values whose places lie in [begin, end) of y there, zeros elsewhere.
template <class T>
void place(const T* x, const int64_t* indices, int64_t n, const MaxUnpoolDims& dims, int64_t begin,
           int64_t end, T* y) {
  std::fill(y + begin, y + end, T(0));
  const bool dense = dims.full == dims.y;
  for (int64_t i = 0; i < n; ++i) {
    int64_t at = indices[i];
    if (!dense) {
      int64_t rest = at, stride = 1;
      at = 0;
      for (size_t a = dims.full.size(); a-- > 0;) {
        at += rest % dims.full[a] * stride;
        rest /= dims.full[a];
        stride *= dims.y[a];
      }
    }
    if (at >= begin && at < end) y[at] = x[i];
  }
}

class MaxUnpoolStep final : public StepKernel {
 public:
  explicit MaxUnpoolStep(Op op) : op_(std::move(op)) {}
  std::string name() const override { return "max_unpool"; }

  Status run(StepContext& c) const override {
    const Tensor &x = c.input(0), &indices = c.input(1);
    FERRY_ASSIGN_OR_RETURN(const MaxUnpoolDims dims, max_unpool_dims(*op_.as<MaxUnpool>(), c));
    const auto count = static_cast<uint64_t>(dims.full.count());
    const auto* at = indices.data<int64_t>();
    bool inside = true;
    for (int64_t i = 0; i < x.count(); ++i) inside &= static_cast<uint64_t>(at[i]) < count;
    if (!inside) return op_.def().eval(op_, c);  // which says what is wrong
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), dims.y));
    if (y.count() == 0) return {};
    const int64_t parts = y.count() >= kMinParallelValues ? c.team().size() : 1;
    const auto run = [&]<class T>(T) {
      c.team().parallel(static_cast<int>(parts), [&](int part, int) {
        place(static_cast<const T*>(x.raw()), at, x.count(), dims, y.count() * part / parts,
              y.count() * (part + 1) / parts, static_cast<T*>(y.raw()));
      });
    };
    with_mover_type(x.dtype(), run);
    return {};
  }

 private:
  Op op_;
};

}  // namespace

void register_max_unpool_cpu(KernelRegistry& r) {
  r.add("MaxUnpool", "max_unpool", [](const KernelRequest& request) -> Result<KernelOffer> {
    return KernelOffer(std::make_unique<MaxUnpoolStep>(request.node.op));
  });
}

}  // namespace ferry
