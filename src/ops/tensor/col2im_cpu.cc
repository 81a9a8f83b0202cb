// SPDX-License-Identifier: Apache-2.0
// Col2Im: an image per thread, to which the rows of each block element are added.
#include <algorithm>
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

// Rows of n elements that are added to every `stride`-th of others.
struct AddedRows {
  int64_t rows, n, stride;
  int64_t from_pitch, to_pitch;  // elements from row to row
};
using AddRows = void (*)(const AddedRows& r, const void* from, void* to);

template <class T>
void add_rows(const AddedRows& r, const void* given, void* sums) {
  const T* __restrict from = static_cast<const T*>(given);
  T* __restrict to = static_cast<T*>(sums);
  const auto add = [](T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return wrap_add(a, b);
    else
      return a + b;
  };
  const int64_t n = r.n, stride = r.stride;
  for (int64_t i = 0; i < r.rows; ++i, from += r.from_pitch, to += r.to_pitch) {
    if (stride == 1) {
      for (int64_t k = 0; k < n; ++k) to[k] = add(to[k], from[k]);
    } else {
      for (int64_t k = 0; k < n; ++k) to[k * stride] = add(to[k * stride], from[k]);
    }
  }
}

// The blocks along an axis whose element `tap` lies in the image, and where the first one's does.
struct AxisBlocks {
  TapOutputs inside;
  int64_t first;

  AxisBlocks(const Col2ImAxis& a, int64_t tap)
      : inside({a.block, a.stride, a.dilation, a.pad, 0}, a.image, a.blocks, tap),
        first(inside.begin * a.stride + tap * a.dilation - a.pad) {}
  int64_t count() const { return std::max<int64_t>(0, inside.end - inside.begin); }
};

void fold(const Col2ImSizes& s, const char* columns, char* image, int64_t element, AddRows add) {
  // The last two axes are rows and columns; those before them are walked.
  constexpr Col2ImAxis kOne{
      .image = 1, .block = 1, .stride = 1, .dilation = 1, .pad = 0, .blocks = 1};
  const size_t rank = s.axes.size(), outer = rank < 2 ? 0 : rank - 2;
  const Col2ImAxis &across = s.axes.back(), &down = rank < 2 ? kOne : s.axes[rank - 2];
  Dims start = Dims::filled(outer, 0), blocks = start;
  for (size_t i = 0; i < outer; ++i) blocks[i] = s.axes[i].blocks;
  for (int64_t e = 0; e < s.elements; ++e) {
    const AxisBlocks x(across, e % across.block), y(down, e / across.block % down.block);
    const AddedRows rows{y.count(), x.count(), across.stride, across.blocks,
                         down.stride * across.image};
    int64_t rest = e / across.block / down.block;
    for (size_t i = outer; i-- > 0; rest /= s.axes[i].block) {
      start[i] = rest % s.axes[i].block * s.axes[i].dilation - s.axes[i].pad;
    }
    Dims at = Dims::filled(outer, 0);
    do {
      int64_t plane = 0;
      bool meets = rows.rows > 0 && rows.n > 0;
      for (size_t i = 0; i < outer && meets; ++i) {
        const int64_t position = at[i] * s.axes[i].stride + start[i];
        meets = position >= 0 && position < s.axes[i].image;
        plane = plane * s.axes[i].image + position;
      }
      if (meets) {
        const int64_t from = y.inside.begin * across.blocks + x.inside.begin;
        const int64_t to = (plane * down.image + y.first) * across.image + x.first;
        add(rows, columns + from * element, image + to * element);
      }
      columns += down.blocks * across.blocks * element;
    } while (next_position(at, blocks));
  }
}

class Col2ImStep final : public StepKernel {
 public:
  explicit Col2ImStep(Op op) : op_(std::move(op)) {}
  std::string name() const override { return "col2im"; }

  Status run(StepContext& c) const override {
    switch (c.input(0).dtype()) {
      case DType::kFloat32:
        return fold_all(c, 4, add_rows<float>);
      case DType::kFloat64:
        return fold_all(c, 8, add_rows<double>);
      case DType::kInt32:
        return fold_all(c, 4, add_rows<int32_t>);
      default:
        return fold_all(c, 8, add_rows<int64_t>);
    }
  }

 private:
  Status fold_all(StepContext& c, int64_t element, AddRows add) const {
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
