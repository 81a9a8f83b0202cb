// SPDX-License-Identifier: Apache-2.0
#include "ops/nn/pool.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/in_pieces.h"
#include "ops/nn/window.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

constexpr TypeSet kMaxPoolTypes = types::kFloating | TypeSet{DType::kInt8, DType::kUInt8};

Status check_p(PoolKind kind, int64_t p) {
  if (kind != PoolKind::kLp || p >= 1) return {};
  return invalid_model("attribute 'p' is {}, wanted is at least 1", p);
}

Status infer(const Pool& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(check_p(op.kind, op.p));
  FERRY_ASSIGN_OR_RETURN(
      const Type x, c.tensor(0, op.kind == PoolKind::kMax ? kMaxPoolTypes : types::kFloating, 2));
  const size_t spatial_rank = x.has_rank() ? x.rank() - 2 : op.kernel_shape.size();
  FERRY_ASSIGN_OR_RETURN(const Window w, window_of(op, spatial_rank));
  if (op.kernel_shape.size() != spatial_rank) {
    return invalid_model("attribute 'kernel_shape' has {} values, wanted are {}",
                         op.kernel_shape.size(), spatial_rank);
  }
  std::optional<Shape> shape;
  if (x.has_rank()) {
    const ImageAxes axes = image_axes(x.rank(), op.channels_last);
    const Shape& xs = *x.shape;
    Shape spatial;
    for (size_t a = 0; a < spatial_rank; ++a) {
      FERRY_ASSIGN_OR_RETURN(Dim out,
                             window_output_dim(w, a, xs[axes.spatial + a], Dim(w.axes[a].kernel)));
      spatial.push_back(std::move(out));
    }
    shape = image_shape(xs[0], xs[axes.channel], spatial, op.channels_last);
  }
  c.set_tensor(0, x.dtype, shape);
  if (op.kind == PoolKind::kMax) c.set_tensor(1, DType::kInt64, shape);
  return {};
}

template <class T>
class MaxOf {
 public:
  void add(T v, int64_t position) {
    if (at_ >= 0 && !(v > best_) && !is_nan(v)) return;
    if (at_ >= 0 && is_nan(best_)) return;
    best_ = v;
    at_ = position;
  }
  T value() const { return best_; }
  int64_t position() const { return at_; }  // -1: nothing but padding

 private:
  static bool is_nan(T v) {
    if constexpr (is_floating_v<T>)
      return v != v;
    else
      return false;
  }
  static T lowest() {
    if constexpr (is_floating_v<T>)
      return -std::numeric_limits<T>::infinity();
    else
      return std::numeric_limits<T>::lowest();
  }
  T best_ = lowest();
  int64_t at_ = -1;
};

class LpNorm {
 public:
  explicit LpNorm(int64_t p) : p_(p) {}
  void add(double v) {
    const double a = std::fabs(v);
    sum_ += p_ == 1 ? a : p_ == 2 ? a * a : std::pow(a, double(p_));
  }
  double value() const {
    return p_ == 1 ? sum_ : p_ == 2 ? std::sqrt(sum_) : std::pow(sum_, 1 / double(p_));
  }

 private:
  int64_t p_;
  double sum_ = 0;
};

// What kAverage divides by when padding counts: taps that are not beyond the padded input.
double padded_taps(const Window& w, const Dims& in, const Dims& at) {
  double n = 1;
  for (size_t a = 0; a < in.size(); ++a) {
    const WindowAxis& x = w.axes[a];
    const int64_t room = in[a] + x.pad_begin + x.pad_end - at[a] * x.stride;
    n *= double(std::min(x.kernel, ceil_div(room, x.dilation)));
  }
  return n;
}

// A spatial position counted in column-major order.
int64_t column_major(int64_t position, const Dims& in) {
  Dims at = in;
  for (size_t a = in.size(); a-- > 0;) {
    at[a] = position % in[a];
    position /= in[a];
  }
  int64_t index = 0;
  for (size_t a = in.size(); a-- > 0;) index = index * in[a] + at[a];
  return index;
}

// Everything eval needs to walk x and y.
struct Walk {
  Window window;
  Dims in, out;
  int64_t batch, channels;
  ImageIndex x_at, y_at;
};

// Taps that can lie inside the picture; each costs about four elementary operations.
int64_t work_per_output(const Walk& k) {
  int64_t work = 4;
  for (size_t a = 0; a < k.in.size(); ++a) {
    work *= std::clamp<int64_t>(std::min(k.window.axes[a].kernel, k.in[a]), 1, 1 << 20);
    work = std::min<int64_t>(work, 1 << 30);
  }
  return work;
}

template <class T>
Status max_pool(const Pool& op, const Walk& k, const T* x, T* y, int64_t* indices, EvalContext& c) {
  const int64_t in_count = k.in.count(), out_count = k.out.count();
  PollEvery poll(c);
  for (int64_t n = 0; n < k.batch; ++n) {
    for (int64_t ch = 0; ch < k.channels; ++ch) {
      const T* plane = x + k.x_at(n, ch, 0);
      Dims at = Dims::filled(k.out.size(), 0);
      for (int64_t o = 0; o < out_count; ++o, next_position(at, k.out)) {
        FERRY_RETURN_IF_ERROR(poll.spend(work_per_output(k)));
        MaxOf<compute_t<T>> top;
        for_each_in_window(k.window, k.in, at,
                           [&](int64_t p) { top.add(plane[p * k.x_at.position], p); });
        y[k.y_at(n, ch, o)] = T(top.value());
        if (indices == nullptr) continue;
        int64_t p = std::max<int64_t>(top.position(), 0);
        if (op.storage_order == 1) p = column_major(p, k.in);
        indices[k.y_at(n, ch, o)] = (n * k.channels + ch) * in_count + p;
      }
    }
  }
  return {};
}

template <class T>
Status sum_pool(const Pool& op, const Walk& k, const T* x, T* y, EvalContext& c) {
  using C = compute_t<T>;
  const int64_t out_count = k.out.count();
  PollEvery poll(c);
  for (int64_t n = 0; n < k.batch; ++n) {
    for (int64_t ch = 0; ch < k.channels; ++ch) {
      const T* plane = x + k.x_at(n, ch, 0);
      Dims at = Dims::filled(k.out.size(), 0);
      for (int64_t o = 0; o < out_count; ++o, next_position(at, k.out)) {
        FERRY_RETURN_IF_ERROR(poll.spend(work_per_output(k)));
        double sum = 0, taps = 0;
        LpNorm norm(op.p);
        for_each_in_window(k.window, k.in, at, [&](int64_t p) {
          const double v = double(C(plane[p * k.x_at.position]));
          sum += v;
          taps += 1;
          if (op.kind == PoolKind::kLp) norm.add(v);
        });
        if (op.count_include_pad) taps = padded_taps(k.window, k.in, at);
        y[k.y_at(n, ch, o)] =
            T(static_cast<C>(op.kind == PoolKind::kLp ? norm.value() : sum / taps));
      }
    }
  }
  return {};
}

Status eval(const Pool& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() < 2 || x.rank() - 2 != op.kernel_shape.size()) {
    return shape_mismatch("x is {}, wanted is rank {}", x.describe(), op.kernel_shape.size() + 2);
  }
  const Dims in = spatial_dims(x.dims(), op.channels_last);
  FERRY_ASSIGN_OR_RETURN(Window w, window_of(op, in.size()));
  FERRY_ASSIGN_OR_RETURN(const Dims out, resolve_window(w, in));
  const int64_t batch = x.dim(0);
  const int64_t channels = x.dim(image_axes(x.rank(), op.channels_last).channel);
  const Dims y_dims = image_dims(batch, channels, out, op.channels_last);
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x.dtype(), y_dims));
  Tensor indices;
  if (op.kind == PoolKind::kMax && c.has_output(1)) {
    FERRY_ASSIGN_OR_RETURN(indices, c.output(1, DType::kInt64, y_dims));
  }
  if (y.count() == 0) return {};
  const Walk k{std::move(w),
               in,
               out,
               batch,
               channels,
               ImageIndex(channels, in.count(), op.channels_last),
               ImageIndex(channels, out.count(), op.channels_last)};
  if (op.kind == PoolKind::kMax) {
    int64_t* at = indices.defined() ? indices.data<int64_t>() : nullptr;
    const auto run = [&]<class T>(TypeTag<T>) {
      return max_pool(op, k, x.data<T>(), y.data<T>(), at, c);
    };
    if (x.dtype() == DType::kInt8) return run(TypeTag<int8_t>{});
    if (x.dtype() == DType::kUInt8) return run(TypeTag<uint8_t>{});
    return visit_floating(x.dtype(), run);
  }
  return visit_floating(
      x.dtype(), [&]<class T>(TypeTag<T>) { return sum_pool(op, k, x.data<T>(), y.data<T>(), c); });
}

Status infer_global(const GlobalPool& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(check_p(op.kind, op.p));
  FERRY_ASSIGN_OR_RETURN(Type x, c.tensor(0, types::kFloating, 2));
  if (x.has_rank()) {
    const ImageAxes axes = image_axes(x.rank(), op.channels_last);
    for (size_t a = 0; a < x.rank() - 2; ++a) (*x.shape)[axes.spatial + a] = 1;
  }
  c.set_type(0, std::move(x));
  return {};
}

template <class T>
Status global_pool(const GlobalPool& op, const T* x, T* y, int64_t count, int64_t stride,
                   PollEvery& polls) {
  using C = compute_t<T>;
  MaxOf<C> top;
  double sum = 0;
  LpNorm norm(op.p);
  FERRY_RETURN_IF_ERROR(in_pieces(polls, count, 4, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      const C v = x[i * stride];
      switch (op.kind) {
        case PoolKind::kMax:
          top.add(v, i);
          break;
        case PoolKind::kAverage:
          sum += double(v);
          break;
        case PoolKind::kLp:
          norm.add(double(v));
          break;
      }
    }
  }));
  switch (op.kind) {
    case PoolKind::kMax:
      *y = T(top.value());
      break;
    case PoolKind::kAverage:
      *y = T(static_cast<C>(sum / double(count)));
      break;
    case PoolKind::kLp:
      *y = T(static_cast<C>(norm.value()));
      break;
  }
  return {};
}

Status eval_global(const GlobalPool& op, EvalContext& c) {
  const Tensor& x = c.input(0);
  if (x.rank() < 2) return shape_mismatch("x is {}, wanted is rank 2 or more", x.describe());
  const Dims in = spatial_dims(x.dims(), op.channels_last);
  const int64_t batch = x.dim(0);
  const int64_t channels = x.dim(image_axes(x.rank(), op.channels_last).channel);
  const Dims ones = Dims::filled(in.size(), 1);
  FERRY_ASSIGN_OR_RETURN(
      Tensor y, c.output(0, x.dtype(), image_dims(batch, channels, ones, op.channels_last)));
  if (y.count() == 0) return {};
  const ImageIndex x_at(channels, in.count(), op.channels_last);
  return visit_floating(x.dtype(), [&]<class T>(TypeTag<T>) -> Status {
    PollEvery polls(c);
    for (int64_t n = 0; n < batch; ++n) {
      for (int64_t ch = 0; ch < channels; ++ch) {
        FERRY_RETURN_IF_ERROR(global_pool(op, x.data<T>() + x_at(n, ch, 0),
                                          y.data<T>() + n * channels + ch, in.count(),
                                          x_at.position, polls));
      }
    }
    return {};
  });
}

}  // namespace

bool pools_planes(const Pool& op) {
  constexpr int64_t kMostTaps = 1024;
  if (op.kernel_shape.empty() || op.kernel_shape.size() > 3) return false;
  int64_t taps = 1;
  for (int64_t k : op.kernel_shape) taps = k > kMostTaps ? kMostTaps + 1 : taps * k;
  return taps <= kMostTaps;
}

void register_pool(OpRegistry& r) {
  const auto sliding = [&](const char* name, PoolKind kind) {
    Pool defaults;
    defaults.kind = kind;
    auto b = r.op<Pool>(name, defaults);
    window_attrs(b, true).since(22).attr("ceil_mode", &Pool::ceil_mode);
    b.infer(infer).reference(eval);
    return b;
  };
  sliding("MaxPool", PoolKind::kMax).outputs(1, 2).attr("storage_order", &Pool::storage_order);
  sliding("AveragePool", PoolKind::kAverage).attr("count_include_pad", &Pool::count_include_pad);
  sliding("LpPool", PoolKind::kLp).attr("p", &Pool::p);

  const auto global = [&](const char* name, PoolKind kind) {
    auto b = r.op<GlobalPool>(name, GlobalPool{kind, 2, false});
    b.since(22).infer(infer_global).reference(eval_global);
    return b;
  };
  global("GlobalMaxPool", PoolKind::kMax);
  global("GlobalAveragePool", PoolKind::kAverage);
  global("GlobalLpPool", PoolKind::kLp).attr("p", &GlobalPool::p);
}

}  // namespace ferry
