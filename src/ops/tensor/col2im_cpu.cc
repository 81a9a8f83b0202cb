// SPDX-License-Identifier: Apache-2.0
// Col2Im: an image per thread, to which the rows of each block element are added.
#include <cstring>
#include <type_traits>

#include "base/status.h"
#include "ops/convert.h"
#include "ops/nn/window.h"
#include "ops/tensor/col2im.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/window_taps.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Adds n elements to every `stride`-th of others.
using AddRow = void (*)(const void* from, void* to, int64_t stride, int64_t n);

template <class T>
void add_row(const void* given, void* sums, int64_t stride, int64_t n) {
  const T* __restrict from = static_cast<const T*>(given);
  T* __restrict to = static_cast<T*>(sums);
  const auto add = [](T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return wrap_add(a, b);
    else
      return a + b;
  };
  if (stride == 1) {
    for (int64_t i = 0; i < n; ++i) to[i] = add(to[i], from[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * stride] = add(to[i * stride], from[i]);
  }
}

void fold(const Col2ImSizes& s, const char* columns, char* image, int64_t element, AddRow add) {
  const Col2ImAxis& last = s.axes.back();
  const WindowAxis axis{last.block, last.stride, last.dilation, last.pad, 0};
  const size_t outer = s.axes.size() - 1;  // axes whose blocks are rows
  Dims start = Dims::filled(outer, 0), rows = start;
  for (size_t i = 0; i < outer; ++i) rows[i] = s.axes[i].blocks;
  for (int64_t e = 0; e < s.elements; ++e) {
    const int64_t tap = e % last.block;
    const TapOutputs inside(axis, last.image, last.blocks, tap);
    const int64_t first = inside.begin * last.stride + tap * last.dilation - last.pad;
    for (size_t i = outer, rest = static_cast<size_t>(e / last.block); i-- > 0;) {
      const auto block = static_cast<size_t>(s.axes[i].block);
      start[i] = static_cast<int64_t>(rest % block) * s.axes[i].dilation - s.axes[i].pad;
      rest /= block;
    }
    Dims at = Dims::filled(outer, 0);
    do {
      int64_t row = 0;
      bool meets = inside.begin < inside.end;
      for (size_t i = 0; i < outer && meets; ++i) {
        const int64_t position = at[i] * s.axes[i].stride + start[i];
        meets = position >= 0 && position < s.axes[i].image;
        row = row * s.axes[i].image + position;
      }
      if (meets) {
        add(columns + inside.begin * element, image + (row * last.image + first) * element,
            last.stride, inside.end - inside.begin);
      }
      columns += last.blocks * element;
    } while (next_position(at, rows));
  }
}

class Col2ImStep final : public StepKernel {
 public:
  explicit Col2ImStep(Op op) : op_(std::move(op)) {}
  std::string name() const override { return "col2im"; }

  Status run(StepContext& c) const override {
    switch (c.input(0).dtype()) {
      case DType::kFloat32:
        return fold_all(c, 4, add_row<float>);
      case DType::kFloat64:
        return fold_all(c, 8, add_row<double>);
      case DType::kInt32:
        return fold_all(c, 4, add_row<int32_t>);
      default:
        return fold_all(c, 8, add_row<int64_t>);
    }
  }

 private:
  Status fold_all(StepContext& c, int64_t element, AddRow add) const {
    const Tensor& x = c.input(0);
    FERRY_ASSIGN_OR_RETURN(const Col2ImSizes s, col2im_sizes(*op_.as<Col2Im>(), c));
    if (s.axes.empty()) return op_.def().eval(op_, c);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), s.dims));
    if (y.count() == 0) return {};
    const int64_t images = s.dims[0] * s.dims[1], pixels = y.count() / images;
    const int64_t column = s.elements * s.blocks;
    const auto* columns = static_cast<const char*>(x.raw());
    auto* image = static_cast<char*>(y.raw());
    parallel_range(c.team(), images, x.count() + y.count() >= kMinParallelValues,
                   [&](int64_t from, int64_t to, int) {
                     for (int64_t i = from; i < to; ++i) {
                       char* to_image = image + i * pixels * element;
                       std::memset(to_image, 0, static_cast<size_t>(pixels * element));
                       if (column > 0)
                         fold(s, columns + i * column * element, to_image, element, add);
                     }
                   });
    return {};
  }

  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  const DType type = request.type(0).dtype;
  if (type != DType::kFloat32 && type != DType::kFloat64 && type != DType::kInt32 &&
      type != DType::kInt64) {
    return KernelOffer("no kernel that adds " + std::string(dtype_name(type)));
  }
  return KernelOffer(std::make_unique<Col2ImStep>(request.node.op));
}

}  // namespace

void register_col2im_cpu(KernelRegistry& r) { r.add("Col2Im", "col2im", make); }

}  // namespace ferry
