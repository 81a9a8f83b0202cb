// SPDX-License-Identifier: Apache-2.0
// AffineGrid in fp32: what a row shares is added up once, in doubles as the reference does.
#include "base/status.h"
#include "ops/tensor/affine_grid.h"
#include "ops_cpu/parallel.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// One row: the map's first column times each position, plus what is the same for all.
template <int kAxes>
void fill_row(const float* map, const double* at, const double* positions, int64_t width,
              float* y) {
  double base[kAxes];
  for (int r = 0; r < kAxes; ++r) {
    const float* row = map + r * (kAxes + 1);
    base[r] = double(row[kAxes]);
    for (int k = 1; k < kAxes; ++k) base[r] += double(row[k]) * at[k];
  }
  for (int64_t i = 0; i < width; ++i, y += kAxes) {
    for (int r = 0; r < kAxes; ++r) {
      y[r] = static_cast<float>(base[r] + double(map[r * (kAxes + 1)]) * positions[i]);
    }
  }
}

class AffineGridStep final : public StepKernel {
 public:
  explicit AffineGridStep(const AffineGrid& op) : align_(op.align_corners) {}
  std::string name() const override { return "affine_grid_f32"; }

  Status run(StepContext& c) const override {
    const Tensor& theta = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const Dims dims, affine_grid_dims(c));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, theta.dtype(), dims));
    if (y.count() == 0) return {};
    const size_t rank = dims.size();
    const int64_t axes = dims[rank - 1], width = dims[rank - 2], height = dims[rank - 3];
    const int64_t depth = rank == 5 ? dims[1] : 1;
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, width * int64_t{sizeof(double)}));
    auto* positions = c.scratch<double>(0);
    for (int64_t i = 0; i < width; ++i) positions[i] = affine_grid_position(i, width, align_);
    parallel_range(
        c.team(), y.count() / (width * axes), y.count() >= kMinParallelValues,
        [&](int64_t from, int64_t to, int) {
          for (int64_t r = from; r < to; ++r) {
            const double at[] = {0, affine_grid_position(r % height, height, align_),
                                 affine_grid_position(r / height % depth, depth, align_)};
            const float* map = theta.data<float>() + r / (height * depth) * axes * (axes + 1);
            float* row = y.data<float>() + r * width * axes;
            if (axes == 2)
              fill_row<2>(map, at, positions, width, row);
            else
              fill_row<3>(map, at, positions, width, row);
          }
        });
    return {};
  }

 private:
  bool align_;
};

}  // namespace

void register_affine_grid_cpu(KernelRegistry& r) {
  r.add("AffineGrid", "affine_grid_f32", [](const KernelRequest& request) -> Result<KernelOffer> {
    if (request.type(0).dtype != DType::kFloat32) return KernelOffer(std::string("not f32"));
    return KernelOffer(std::make_unique<AffineGridStep>(*request.node.op.as<AffineGrid>()));
  });
}

}  // namespace ferry
