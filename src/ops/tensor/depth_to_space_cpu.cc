// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "ops/tensor/depth_to_space.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

template <class T>
class BlockStep final : public StepKernel {
 public:
  BlockStep(Isa isa, Op op) : isa_(isa), op_(std::move(op)) {}
  std::string name() const override { return "depth_to_space"; }
  Status run(StepContext& c) const override {
    const T& op = *op_.as<T>();
    constexpr bool kToSpace = std::is_same_v<T, DepthToSpace>;
    const Tensor& x = c.input(0);
    const int64_t b = op.blocksize;
    const bool divides =
        x.rank() == 4 && b > 0 &&
        (kToSpace ? x.dim(1) % (b * b) == 0 : x.dim(2) % b == 0 && x.dim(3) % b == 0);
    if (!divides || x.count() == 0) return op_.def().eval(op_, c);
    const Dims deep =
        kToSpace ? x.dims() : Dims{x.dim(0), x.dim(1) * b * b, x.dim(2) / b, x.dim(3) / b};
    const Dims wide =
        kToSpace ? Dims{x.dim(0), x.dim(1) / (b * b), x.dim(2) * b, x.dim(3) * b} : x.dims();
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), kToSpace ? wide : deep));
    const int64_t h = deep[2], w = deep[3], plane = h * w, channels = wide[1];
    const bool dcr = op.mode == "DCR";
    // [n, channel, h, row, w, column], outer axes first.
    const int64_t sizes[] = {deep[0], channels, h, b, w, b};
    const int64_t in_deep[] = {deep[1] * plane,
                               dcr ? plane : b * b * plane,
                               w,
                               (dcr ? b * channels : b) * plane,
                               1,
                               (dcr ? channels : 1) * plane};
    const int64_t in_wide[] = {channels * b * b * plane, b * b * plane, b * b * w, b * w, b, 1};
    Move m(mover_element(x.dtype()));
    // The longer of the two last axes is walked along what is written.
    for (const int a : kToSpace ? std::array{0, 1, 2, 3, 4, 5} : std::array{0, 1, 2, 3, 5, 4}) {
      m.add(sizes[a], kToSpace ? in_deep[a] : in_wide[a], kToSpace ? in_wide[a] : in_deep[a]);
    }
    run_mover(isa_, c.team(), m, x.raw(), y.raw());
    return {};
  }

 private:
  Isa isa_;
  Op op_;
};

template <class T>
Result<KernelOffer> make(const KernelRequest& request) {
  if (!request.type(0).is_tensor() || mover_element(request.type(0).dtype) == 0) {
    return KernelOffer(std::string("elements of no fixed size"));
  }
  return KernelOffer(std::make_unique<BlockStep<T>>(request.isa, request.node.op));
}

}  // namespace

void register_depth_to_space_cpu(KernelRegistry& r) {
  r.add("DepthToSpace", "depth_to_space", make<DepthToSpace>);
  r.add("SpaceToDepth", "depth_to_space", make<SpaceToDepth>);
}

}  // namespace ferry
