// SPDX-License-Identifier: Apache-2.0
// ScatterElements and ScatterND. Threads share out the results, not the updates, so that updates of
// one place keep their order.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <type_traits>

#include "ops/convert.h"
#include "ops/tensor/scatter.h"
#include "ops_cpu/indices.h"
#include "ops_cpu/mover.h"

namespace ferry {
namespace {

enum class Reduction : uint8_t { kNone, kAdd, kMul, kMax, kMin };

Reduction reduction_of(const std::string& name) {
  if (name == "add") return Reduction::kAdd;
  if (name == "mul") return Reduction::kMul;
  if (name == "max") return Reduction::kMax;
  return name == "min" ? Reduction::kMin : Reduction::kNone;
}

struct Replace {
  template <class T>
  void operator()(T& a, T b) const {
    a = b;
  }
};
struct Sum {
  template <class T>
  void operator()(T& a, T b) const {
    if constexpr (std::is_integral_v<T>)
      a = wrap_add(a, b);
    else
      a += b;
  }
};
struct Product {
  template <class T>
  void operator()(T& a, T b) const {
    if constexpr (std::is_integral_v<T>)
      a = wrap_mul(a, b);
    else
      a *= b;
  }
};
// NaN wins over numbers, the first of two.
struct Largest {
  template <class T>
  void operator()(T& a, T b) const {
    if (a < b || (b != b && a == a)) a = b;
  }
};
struct Smallest {
  template <class T>
  void operator()(T& a, T b) const {
    if (b < a || (b != b && a == a)) a = b;
  }
};

// Calls f(T{}, Apply{}) for a reduction of elements of a numeric type.
template <class T, class F>
void with_reduction(Reduction r, F&& f) {
  switch (r) {
    case Reduction::kAdd:
      return f(T{}, Sum{});
    case Reduction::kMul:
      return f(T{}, Product{});
    case Reduction::kMax:
      return f(T{}, Largest{});
    case Reduction::kMin:
      return f(T{}, Smallest{});
    case Reduction::kNone:
      return f(T{}, Replace{});
  }
}

bool can_reduce(DType type) {
  return type == DType::kFloat32 || type == DType::kFloat64 || type == DType::kInt32 ||
         type == DType::kInt64;
}

template <class F>
void with_apply(Reduction r, DType type, F&& f) {
  if (r == Reduction::kNone) {
    return with_mover_type(type, [&](auto element) { f(element, Replace{}); });
  }
  switch (type) {
    case DType::kFloat32:
      return with_reduction<float>(r, f);
    case DType::kFloat64:
      return with_reduction<double>(r, f);
    case DType::kInt32:
      return with_reduction<int32_t>(r, f);
    default:
      return with_reduction<int64_t>(r, f);
  }
}

void copy_all(Team& team, const Tensor& x, Tensor& y) {
  if (x.raw() == y.raw()) return;
  const auto* from = static_cast<const char*>(x.raw());
  auto* to = static_cast<char*>(y.raw());
  constexpr int64_t kLine = 64;
  const auto bytes = static_cast<int64_t>(x.size_bytes());
  parallel_range(team, (bytes + kLine - 1) / kLine, bytes >= kMinParallelBytes,
                 [&](int64_t u0, int64_t u1, int) {
                   const int64_t begin = u0 * kLine, end = std::min(bytes, u1 * kLine);
                   std::memcpy(to + begin, from + begin, static_cast<size_t>(end - begin));
                 });
}

constexpr int64_t kSlice = 64 << 10;  // elements between two looks at the deadline

// Updates as [outer, n, inner] around the axis; each (outer, inner) is a line of its own in y.
struct Lines {
  Dims outer_dims, outer_strides;  // axes before the scattered one, strides in y
  Dims inner_dims, inner_strides;  // those behind it
  int64_t outer = 1, n = 0, inner = 1;
  int64_t size = 0, stride = 0;  // of the scattered axis in y
};

int64_t offset_of(int64_t i, const Dims& dims, const Dims& strides) {
  int64_t at = 0;
  for (size_t a = dims.size(); a-- > 0;) {
    at += i % dims[a] * strides[a];
    i /= dims[a];
  }
  return at;
}

Lines make_lines(const Dims& x, const Dims& indices, size_t axis) {
  const Dims strides = dense_strides(x);
  Lines l;
  for (size_t a = 0; a < axis; ++a) {
    l.outer_dims.push_back(indices[a]);
    l.outer_strides.push_back(strides[a]);
  }
  for (size_t a = axis + 1; a < x.size(); ++a) {
    l.inner_dims.push_back(indices[a]);
    l.inner_strides.push_back(strides[a]);
  }
  l.outer = indices.count(0, axis);
  l.n = indices[axis];
  l.inner = indices.count(axis + 1, x.size());
  l.size = x[axis];
  l.stride = strides[axis];
  return l;
}

// scatter_lines and scatter_blocks of a type and a reduction, so that what runs them is there once.
using ScatterLines = bool (*)(const Team& team, const Lines& l, int64_t o, int64_t k0, int64_t k1,
                              const void* indices, const void* updates, void* y);
using ScatterBlocks = void (*)(const Team& team, const int64_t* places, const int64_t* which,
                               int64_t from, int64_t to, int64_t inner, const void* updates,
                               void* y);

// Lines of one outer position, those of inner positions [k0, k1), which are the last axis or one.
// Whether all indices lie in [-size, size); others are left out.
template <class T, class I, class Apply>
bool scatter_lines(const Team& team, const Lines& l, int64_t o, int64_t k0, int64_t k1,
                   const void* indices_data, const void* updates_data, void* y) {
  const auto* indices = static_cast<const I*>(indices_data);
  const auto* updates = static_cast<const T*>(updates_data);
  T* base = static_cast<T*>(y) + offset_of(o, l.outer_dims, l.outer_strides);
  const int64_t size = l.size, stride = l.stride;
  bool inside = true;
  const auto put = [&](T* to, I index, T update) {
    const auto given = static_cast<int64_t>(index), at = given < 0 ? given + size : given;
    if (static_cast<uint64_t>(at) < static_cast<uint64_t>(size))
      Apply()(to[at * stride], update);
    else
      inside = false;
  };
  if (l.inner == 1) {
    const I* at = indices + o * l.n;
    const T* from = updates + o * l.n;
    team.in_slices(0, l.n, kSlice, [&](int64_t first, int64_t end) {
      for (int64_t j = first; j < end; ++j) put(base, at[j], from[j]);
    });
    return inside;
  }
  const int64_t run = l.inner_dims.empty() ? 1 : l.inner_dims.back();
  for (int64_t k = k0; k < k1;) {
    const int64_t length = std::min(k1, (k / run + 1) * run) - k;
    T* to = base + offset_of(k, l.inner_dims, l.inner_strides);
    team.in_slices(0, l.n, std::max<int64_t>(kSlice / length, 1), [&](int64_t first, int64_t end) {
      for (int64_t j = first; j < end; ++j) {
        const int64_t row = (o * l.n + j) * l.inner + k;
        for (int64_t i = 0; i < length; ++i) put(to + i, indices[row + i], updates[row + i]);
      }
    });
    k += length;
  }
  return inside;
}

ScatterLines scatter_lines_of(Reduction r, DType type, DType index_type) {
  ScatterLines chosen = nullptr;
  with_apply(r, type, [&]<class T, class Apply>(T, Apply) {
    chosen = index_type == DType::kInt32 ? scatter_lines<T, int32_t, Apply>
                                         : scatter_lines<T, int64_t, Apply>;
  });
  return chosen;
}

Status scatter_elements(StepContext& c, Reduction r, size_t axis, Tensor& y) {
  const Tensor &x = c.input(0), &indices = c.input(1), &updates = c.input(2);
  if (indices.count() == 0) return {};
  std::atomic<bool> inside = true;
  const Lines l = make_lines(x.dims(), indices.dims(), axis);
  const int64_t strips = l.outer >= 4 * c.team().size() ? 1 : std::max<int64_t>(l.inner / 64, 1);
  const ScatterLines scatter = scatter_lines_of(r, x.dtype(), indices.dtype());
  parallel_range(c.team(), l.outer * strips, indices.count() >= kMinParallelValues,
                 [&](int64_t u0, int64_t u1, int) {
                   bool all = true;
                   for (int64_t u = u0; u < u1; ++u) {
                     const int64_t strip = u % strips;
                     all &= scatter(c.team(), l, u / strips, l.inner * strip / strips,
                                    l.inner * (strip + 1) / strips, indices.raw(), updates.raw(),
                                    y.raw());
                   }
                   if (!all) inside = false;
                 });
  // Which says what is wrong.
  return inside ? Status() : check_indices(c, indices, l.size);
}

Status run_elements(const ScatterElements& op, StepContext& c) {
  const Tensor &x = c.input(0), &indices = c.input(1), &updates = c.input(2);
  FERRY_ASSIGN_OR_RETURN(const size_t axis, normalize_axis(op.axis, x.rank()));
  bool fits = indices.rank() == x.rank() && indices.dims() == updates.dims();
  for (size_t a = 0; fits && a < x.rank(); ++a) fits = a == axis || indices.dim(a) <= x.dim(a);
  if (!fits) {
    return shape_mismatch("indices {} and updates {} do not lie in x {}", indices.describe(),
                          updates.describe(), x.describe());
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  copy_all(c.team(), x, y);
  return scatter_elements(c, reduction_of(op.reduction), axis, y);
}

bool fits_nd(const Dims& x, const Dims& indices, const Dims& updates) {
  if (indices.empty()) return false;
  const size_t lead = indices.size() - 1;
  const int64_t m = indices.back();
  if (m > static_cast<int64_t>(x.size())) return false;
  const auto first = static_cast<size_t>(m);
  bool fits = updates.size() == lead + x.size() - first;
  for (size_t a = 0; fits && a < updates.size(); ++a) {
    fits = updates[a] == (a < lead ? indices[a] : x[a - lead + first]);
  }
  return fits;
}

// Blocks which[from, to) of `inner` elements, or blocks [from, to) themselves.
template <class T, class Apply>
void scatter_blocks(const Team& team, const int64_t* places, const int64_t* which, int64_t first,
                    int64_t last, int64_t inner, const void* updates, void* y) {
  const auto* all = static_cast<const T*>(updates);
  T* base = static_cast<T*>(y);
  if (inner == 1) {
    for (int64_t j = first; j < last; ++j) {
      const int64_t i = which != nullptr ? which[j] : j;
      Apply()(base[places[i]], all[i]);
    }
    return;
  }
  for (int64_t j = first; j < last; ++j) {
    const int64_t i = which != nullptr ? which[j] : j;
    T* to = base + places[i] * inner;
    const T* from = all + i * inner;
    team.in_slices(0, inner, kSlice, [&](int64_t k, int64_t end) {
      if constexpr (std::is_same_v<Apply, Replace>) {
        std::memcpy(to + k, from + k, static_cast<size_t>(end - k) * sizeof(T));
      } else {
        for (; k < end; ++k) Apply()(to[k], from[k]);
      }
    });
  }
}

Status run_nd(const ScatterND& op, StepContext& c) {
  const Tensor &x = c.input(0), &indices = c.input(1), &updates = c.input(2);
  if (!fits_nd(x.dims(), indices.dims(), updates.dims())) {
    return shape_mismatch("x {} at indices {} does not take updates {}", x.describe(),
                          indices.describe(), updates.describe());
  }
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), x.dims()));
  copy_all(c.team(), x, y);
  const auto m = static_cast<size_t>(indices.dims().back());
  const int64_t inner = x.dims().count(m, x.rank()), blocks = x.dims().count(0, m);
  const int64_t count = indices.dims().count(0, indices.rank() - 1);
  if (count == 0) return {};
  FERRY_RETURN_IF_ERROR(c.reserve_scratch(1, count * int64_t{sizeof(int64_t)}));
  auto* places = c.scratch<int64_t>(0);
  FERRY_RETURN_IF_ERROR(resolve_tuples(c, indices, 0, count, x.dims(), 0, m, places));
  if (updates.count() == 0) return {};
  const int64_t parts = updates.count() >= kMinParallelValues ? c.team().size() : 1;
  ScatterBlocks scatter = nullptr;
  with_apply(reduction_of(op.reduction), x.dtype(),
             [&]<class T, class Apply>(T, Apply) { scatter = scatter_blocks<T, Apply>; });
  c.team().parallel(static_cast<int>(parts), [&](int part, int) {
    c.team().in_slices(0, count, 1, [&](int64_t from, int64_t to) {
      if (parts == 1)
        return scatter(c.team(), places, nullptr, from, to, inner, updates.raw(), y.raw());
      const int64_t begin = blocks * part / parts, end = blocks * (part + 1) / parts;
      // Listed without jumps: which updates are this part's, nobody foresees.
      std::array<int64_t, 512> own;  // NOLINT(*-member-init)
      for (int64_t i = from; i < to;) {
        const int64_t stop = std::min<int64_t>(to, i + int64_t{own.size()});
        size_t n = 0;
        for (; i < stop; ++i) {
          own[n] = i;
          n +=
              static_cast<uint64_t>(places[i] - begin) < static_cast<uint64_t>(end - begin) ? 1 : 0;
        }
        scatter(c.team(), places, own.data(), 0, static_cast<int64_t>(n), inner, updates.raw(),
                y.raw());
      }
    });
  });
  return {};
}

template <class T>
class ScatterStep final : public StepKernel {
 public:
  using Run = Status (*)(const T& op, StepContext& c);
  ScatterStep(const T& op, Run function) : op_(op), run_(function) {}
  std::string name() const override { return "scatter"; }
  int in_place_input() const override { return 0; }
  Status run(StepContext& c) const override { return run_(op_, c); }

 private:
  T op_;
  Run run_;
};

template <class T>
void add_scatter(KernelRegistry& r, const char* name, typename ScatterStep<T>::Run run) {
  r.add(name, "scatter", [run](const KernelRequest& request) -> Result<KernelOffer> {
    const auto& op = *request.node.op.as<T>();
    const DType type = request.type(0).dtype;
    if (mover_element(type) == 0) return KernelOffer(std::string("elements of no fixed size"));
    if (op.reduction != "none" && !can_reduce(type)) {
      return KernelOffer("no kernel that reduces " + std::string(dtype_name(type)));
    }
    return KernelOffer(std::make_unique<ScatterStep<T>>(op, run));
  });
}

}  // namespace

void register_scatter_cpu(KernelRegistry& r) {
  add_scatter<ScatterElements>(r, "ScatterElements", run_elements);
  add_scatter<ScatterND>(r, "ScatterND", run_nd);
}

}  // namespace ferry
