// SPDX-License-Identifier: Apache-2.0
// NonMaxSuppression: classes in parallel. Candidates are sorted as far as they are needed, and each
// is compared with several of the chosen boxes at a time.
#include <algorithm>
#include <bit>
#include <cmath>

#include "base/status.h"
#include "kernels/order/order.h"
#include "ops/image/non_max_suppression.h"
#include "ops/in_ranges.h"
#include "ops/poll_every.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/sliced_order.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

// Falling order is that of falling scores, then of rising indices.
uint64_t sort_key(float score, uint32_t index) {
  const auto bits = std::bit_cast<uint32_t>(score + 0.0f);  // one zero
  const uint32_t rising = (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
  return uint64_t{rising} << 32 | (UINT32_MAX - index);
}

int64_t list_candidates(const float* scores, int64_t n, const NmsLimits& limits, uint64_t* keys) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; ++i) {
    keys[count] = sort_key(scores[i], static_cast<uint32_t>(i));
    const bool real = scores[i] == scores[i];
    count += (limits.has_score ? scores[i] > limits.score : real) ? 1 : 0;
  }
  return count;
}

// What a thread works with.
struct Scratch {
  uint64_t* keys;   // 2 n: the second half is for sorting
  float* sides[4];  // of chosen boxes, `room` each
};

// Writes the chosen boxes to `chosen`, in order; returns how many.
int64_t select(const OrderKernels& kernels, StepContext& c, const float* boxes, const float* scores,
               int64_t n, const NmsLimits& limits, const Scratch& s, int32_t* chosen) {
  int64_t k = 0;
  const int64_t count = list_candidates(scores, n, limits, s.keys);
  constexpr int64_t kFirst = 256;
  PollEvery polls(c);
  for (int64_t done = 0; done < count;) {
    const int64_t next = std::min(count, std::max(2 * done, kFirst));
    if (next < count) move_largest_first(c.team(), s.keys + done, count - done, next - done);
    sort_falling(c.team(), s.keys + done, next - done, s.keys + n);
    if (c.team().stopped()) return 0;
    for (; done < next; ++done) {
      if (k >= limits.per_class) return k;
      if (!polls.spend(16 + k / 4).ok()) return 0;
      const uint32_t at = UINT32_MAX - static_cast<uint32_t>(s.keys[done]);
      const float* box = boxes + int64_t{at} * 4;
      if (kernels.overlaps_any(s.sides, k, box, limits.iou)) continue;
      for (int side = 0; side < 4; ++side) s.sides[side][k] = box[side];
      chosen[k++] = static_cast<int32_t>(at);
    }
  }
  return k;
}

class NmsStep final : public StepKernel {
 public:
  NmsStep(Isa isa, Op op) : kernels_(order_kernels(isa)), op_(std::move(op)) {}
  std::string name() const override { return "nms_f32"; }

  Status run(StepContext& c) const override {
    const Tensor &boxes = c.input(0), &scores = c.input(1);
    FERRY_ASSIGN_OR_RETURN(const NmsLimits limits, nms_limits(c));
    const int64_t n = boxes.dim(1), classes = scores.dim(1);
    if (n >= INT32_MAX) return op_.def().eval(op_, c);
    Chosen chosen;
    if (limits.per_class > 0 && boxes.count() > 0 && classes > 0) {
      FERRY_RETURN_IF_ERROR(select_all(c, limits, chosen));
      FERRY_RETURN_IF_ERROR(c.poll());
    }
    int64_t total = 0;
    for (int64_t t = 0; t < chosen.tasks; ++t) total += chosen.counts.data<int64_t>()[t];
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kInt64, {total, 3}));
    auto* to = y.data<int64_t>();
    for (int64_t t = 0; t < chosen.tasks; ++t) {
      const int32_t* boxes_of_task = chosen.boxes.data<int32_t>() + t * chosen.room;
      for (int64_t i = 0; i < chosen.counts.data<int64_t>()[t]; ++i) {
        *to++ = t / classes;
        *to++ = t % classes;
        *to++ = boxes_of_task[i];
      }
    }
    return {};
  }

 private:
  // A task is a class of a batch.
  struct Chosen {
    Tensor boxes, counts;  // i32 [tasks, room], i64 [tasks]
    int64_t tasks = 0, room = 0;
  };

  Status select_all(StepContext& c, const NmsLimits& limits, Chosen& chosen) const {
    const Tensor &boxes = c.input(0), &scores = c.input(1);
    const int64_t n = boxes.dim(1), classes = scores.dim(1);
    chosen.tasks = boxes.dim(0) * classes;
    chosen.room = std::min(limits.per_class, n);
    FERRY_ASSIGN_OR_RETURN(
        chosen.boxes, Tensor::allocate(DType::kInt32, {chosen.tasks, chosen.room}, c.budget()));
    FERRY_ASSIGN_OR_RETURN(chosen.counts,
                           Tensor::allocate(DType::kInt64, {chosen.tasks}, c.budget()));
    FERRY_ASSIGN_OR_RETURN(Tensor sorted,
                           Tensor::allocate(DType::kFloat32, boxes.dims(), c.budget()));
    const bool centered = op_.as<NonMaxSuppression>()->center_point_box;
    FERRY_RETURN_IF_ERROR(in_ranges(c, boxes.dim(0) * n, 8, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        const NmsBox b = nms_box(boxes.data<float>() + 4 * i, centered);
        const float sides[] = {b.y0, b.x0, b.y1, b.x1};
        std::copy_n(sides, 4, sorted.data<float>() + 4 * i);
      }
    }));
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(
        c.team().size(),
        2 * n * int64_t{sizeof(uint64_t)} + 4 * chosen.room * int64_t{sizeof(float)}));
    parallel_range(c.team(), chosen.tasks, scores.count() >= kMinParallelValues,
                   [&](int64_t t0, int64_t t1, int thread) {
                     Scratch s{c.scratch<uint64_t>(thread), {}};
                     auto* floats = reinterpret_cast<float*>(s.keys + 2 * n);
                     for (int side = 0; side < 4; ++side)
                       s.sides[side] = floats + side * chosen.room;
                     for (int64_t t = t0; t < t1; ++t) {
                       chosen.counts.data<int64_t>()[t] =
                           select(kernels_, c, sorted.data<float>() + t / classes * n * 4,
                                  scores.data<float>() + t * n, n, limits, s,
                                  chosen.boxes.data<int32_t>() + t * chosen.room);
                     }
                   });
    return {};
  }

  const OrderKernels& kernels_;
  Op op_;
};

Result<KernelOffer> make(const KernelRequest& request) {
  return KernelOffer(std::make_unique<NmsStep>(request.isa, request.node.op));
}

}  // namespace

void register_non_max_suppression_cpu(KernelRegistry& r) {
  r.add("NonMaxSuppression", "nms_f32", make);
}

}  // namespace ferry
