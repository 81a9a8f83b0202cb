// SPDX-License-Identifier: Apache-2.0
// Stages one after the other, strip by strip (plan/strips.h): what lies between two of them is a
// ring of rows that stays in the second-level cache. Each part of an image is made by one thread
// with rings of its own; rows at the border of two parts are made twice, the same way.
#include <algorithm>
#include <array>
#include <numeric>

#include "base/status.h"
#include "ops/fusion/group.h"
#include "ops/registry.h"
#include "ops_cpu/kernels.h"
#include "ops_cpu/parallel.h"
#include "ops_cpu/row_stage.h"
#include "plan/panels.h"
#include "plan/strips.h"

namespace ferry {
namespace {

struct Stage {
  std::unique_ptr<StepKernel> kernel;
  RowStage* rows = nullptr;
};

// How runs on one shape are cut up; the same for all threads.
struct Layout final : StepState {
  std::vector<ConvShape> shapes;    // by stage
  std::vector<StripStage> strips;   // the same as the planner sees it
  std::vector<int64_t> kept;        // rows in the ring of each stage
  std::vector<int64_t> ring_at;     // bytes into a thread's scratch
  int64_t height = 1;               // output rows per strip
  int64_t stage_at = 0, bytes = 0;  // scratch of the stage that runs, and the total
};

StripStage strip_stage(const ConvShape& s) {
  StripStage stage;
  stage.rows = static_cast<double>(s.out[1]);
  stage.width = static_cast<double>(s.out[2]);
  stage.channels = static_cast<double>(s.out_channels);
  stage.macs = static_cast<double>(s.taps() * s.group_in() * s.out_channels);
  stage.kernel = s.kernel[1];
  stage.stride = s.stride[1];
  stage.dilation = s.dilation[1];
  return stage;
}

// Output rows [begin, end) of one image.
class Part {
 public:
  Part(const StepContext& c, const std::vector<Stage>& stages, const Layout& layout, int64_t image,
       const RowRing& x, const RowRing& y, char* scratch, int64_t begin)
      : c_(c), stages_(stages), layout_(layout), image_(image), scratch_(scratch), x_(x) {
    const size_t n = stages.size();
    int64_t first = begin;
    for (size_t i = n; i-- > 0;) {
      const ConvShape& s = layout.shapes[i];
      rings_[i] = {reinterpret_cast<float*>(scratch + layout.ring_at[i]), s.out_channels, s.out[2],
                   layout.kept[i], first};
      done_[i] = first;
      first = std::clamp<int64_t>(first * s.stride[1] - s.pad[1], 0, s.in[1]);
    }
    rings_[n - 1] = y;
  }

  // All output rows before `end` that are not done.
  void run_to(int64_t end) { make(stages_.size() - 1, end); }

 private:
  void make(size_t i, int64_t end) {
    if (end <= done_[i]) return;
    const ConvShape& s = layout_.shapes[i];
    if (i > 0) {
      // Rows that lie between two windows are left out.
      const int64_t from = done_[i] * s.stride[1] - s.pad[1];
      done_[i - 1] = std::max(done_[i - 1], std::min(from, s.in[1]));
      const int64_t extent = (s.kernel[1] - 1) * s.dilation[1] + 1;
      make(i - 1, std::min(s.in[1], (end - 1) * s.stride[1] - s.pad[1] + extent));
    }
    stages_[i].rows->run_rows(c_, s, image_, done_[i], end, i == 0 ? x_ : rings_[i - 1], rings_[i],
                              scratch_ + layout_.stage_at);
    done_[i] = end;
  }

  const StepContext& c_;
  const std::vector<Stage>& stages_;
  const Layout& layout_;
  int64_t image_;
  char* scratch_;
  RowRing x_;
  // By stage; rows before done_ are made, or not needed.
  std::array<RowRing, kMostStripStages> rings_;
  std::array<int64_t, kMostStripStages> done_ = {};
};

class StripStep final : public StepKernel {
 public:
  StripStep(std::vector<Stage> stages, int64_t height, const KernelRequest& request)
      : stages_(std::move(stages)),
        image_(static_cast<size_t>(stages_[0].rows->image_input())),
        height_(height) {
    for (const Stage& s : stages_) {
      tactic_ += (tactic_.empty() ? "" : ", ") + s.kernel->name();
      if (!s.kernel->tactic().empty()) tactic_ += " (" + s.kernel->tactic() + ")";
    }
    const Type& x = request.type(image_);
    if (!x.has_rank()) return;
    Dims dims;
    for (const Dim& d : *x.shape) {
      if (!d.is_constant()) return;
      dims.push_back(d.constant());
    }
    const auto layout = lay_out(dims);
    if (layout.ok()) tactic_ += fmt::format("; strips of {} rows", (*layout)->height);
  }

  std::string name() const override { return "strips_f32"; }
  std::string tactic() const override { return tactic_; }
  bool wants_bodies() const override { return false; }
  bool reads_input(size_t i) const override {
    return std::any_of(stages_.begin(), stages_.end(),
                       [&](const Stage& s) { return s.kernel->reads_input(i); });
  }
  bool takes_pitch(size_t i) const override {
    return reads_input(i) && std::all_of(stages_.begin(), stages_.end(), [&](const Stage& s) {
             return !s.kernel->reads_input(i) || s.kernel->takes_pitch(i);
           });
  }
  bool writes_pitch() const override { return stages_.back().kernel->writes_pitch(); }
  size_t packed_bytes() const override {
    size_t bytes = 0;
    for (const Stage& s : stages_) bytes += s.kernel->packed_bytes();
    return bytes;
  }

  Status run(StepContext& c) const override {
    const Tensor& x = c.input(image_);
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    if (y.count() == 0) return shapes_of(x.dims()).status();
    if (!c.state()) {
      FERRY_ASSIGN_OR_RETURN(c.state(), lay_out(x.dims()));
    }
    const auto& layout = static_cast<const Layout&>(*c.state());
    Team& team = c.team();
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(team.size(), layout.bytes));
    const ConvShape &in = layout.shapes.front(), &out = layout.shapes.back();
    const int64_t rows = out.out[1], parts = parts_per_image(layout, team.size());
    const int64_t in_image = in.in[1] * in.in[2] * c.input_pitch(image_);
    const int64_t out_image = rows * out.out[2] * c.output_pitch(0);
    team.parallel(static_cast<int>(in.batch * parts), [&](int part, int thread) {
      const int64_t image = part / parts, begin = rows * (part % parts) / parts;
      const int64_t end = rows * (part % parts + 1) / parts;
      RowRing from{const_cast<float*>(x.data<float>()) + image * in_image, c.input_pitch(image_),
                   in.in[2], std::max<int64_t>(in.in[1], 1), 0};
      RowRing to{y.data<float>() + image * out_image, c.output_pitch(0), out.out[2], rows, 0};
      Part job(c, stages_, layout, image, from, to, c.scratch<char>(thread), begin);
      team.in_slices(begin, end, layout.height, [&](int64_t first, int64_t last) {
        for (int64_t r = first; r < last; r += layout.height) {
          job.run_to(std::min(last, r + layout.height));
        }
      });
    });
    return {};
  }

 private:
  Result<std::vector<ConvShape>> shapes_of(const Dims& x) const {
    std::vector<ConvShape> shapes;
    const bool image = x.size() == 4;
    Dims dims = image ? x : Dims{1, 1, 1, x[x.size() - 1]};
    for (size_t a = 0; !image && a + 1 < x.size(); ++a) dims[1] *= x[a];
    for (const Stage& s : stages_) {
      Dims next;
      FERRY_ASSIGN_OR_RETURN(const ConvShape shape, s.rows->row_shape(dims, next));
      shapes.push_back(shape);
      dims = next;
    }
    return shapes;
  }

  Result<std::unique_ptr<Layout>> lay_out(const Dims& x) const {
    auto made = std::make_unique<Layout>();
    Layout& l = *made;
    FERRY_ASSIGN_OR_RETURN(l.shapes, shapes_of(x));
    for (const ConvShape& shape : l.shapes) l.strips.push_back(strip_stage(shape));
    l.height = height_ > 0 ? height_ : strip_height(l.strips);
    l.kept = strip_rows(l.strips, l.height);
    int64_t stage_bytes = 0;
    for (size_t i = 0; i < stages_.size(); ++i) {
      const ConvShape& s = l.shapes[i];
      l.ring_at.push_back(l.stage_at);
      const int64_t floats = i + 1 < stages_.size() ? l.kept[i] * s.out[2] * s.out_channels : 0;
      l.stage_at += (floats + 15) / 16 * 16 * int64_t{sizeof(float)};
      stage_bytes = std::max(stage_bytes, stages_[i].rows->row_scratch_bytes(s));
    }
    l.bytes = l.stage_at + stage_bytes;
    return made;
  }

  // So that images times parts share out evenly, unless parts would mostly make rows twice.
  static int64_t parts_per_image(const Layout& l, int threads) {
    double work = 0;
    int64_t shared = 0;
    for (size_t i = l.strips.size(); i-- > 0;) {
      const StripStage& s = l.strips[i];
      work += s.macs * s.rows * s.width;
      shared = std::max<int64_t>(0, shared * s.stride + s.extent() - s.stride);
    }
    if (threads == 1 || work < kMinParallelWork) return 1;
    const int64_t even = threads / std::gcd(l.shapes[0].batch, int64_t{threads});
    const int64_t rows = l.shapes.back().out[1];
    if (shared == 0) return std::clamp<int64_t>(rows / l.height, 1, 4 * even);
    return std::clamp<int64_t>(l.shapes[0].out[1] / (4 * shared), 1, even);
  }

  std::vector<Stage> stages_;
  size_t image_;    // the input that the first stage reads
  int64_t height_;  // rows of a strip; 0: as many as the cache holds
  std::string tactic_;
};

// A kernel for `node` of the body, as if it stood in the graph.
Result<KernelOffer> make_stage(const KernelRequest& request, const Graph& body, NodeId id) {
  const Node& node = body.node(id);
  KernelRequest stage{.graph = body,
                      .node = node,
                      .id = id,
                      .isa = request.isa,
                      .exact = request.exact,
                      .prefer_memory = request.prefer_memory,
                      .threads = request.threads,
                      .outputs_planned = request.outputs_planned,
                      .budget = request.budget,
                      .panels = request.panels};
  std::string why;
  for (const KernelCandidate& candidate : cpu_kernels().candidates(node.op.def().full_name())) {
    FERRY_ASSIGN_OR_RETURN(KernelOffer offer, candidate.make(stage));
    if (std::holds_alternative<std::unique_ptr<StepKernel>>(offer)) return offer;
    why += (why.empty() ? "" : "; ") + std::get<std::string>(offer);
  }
  return KernelOffer(fmt::format("{} has no kernel: {}", node.describe(), why));
}

Result<KernelOffer> make(const KernelRequest& request) {
  if (!request.node.op.as<Group>()->strips) return KernelOffer(std::string("one stage"));
  if (request.node.bodies.size() != 1) return KernelOffer(std::string("no body"));
  if (!request.outputs_planned) return KernelOffer(std::string("output size depends on data"));
  const std::unique_ptr<Graph> body = request.node.bodies[0]->clone();
  for (size_t i = 0; i < body->inputs().size(); ++i) {
    if (const Tensor* t = request.constant(i)) body->value(body->inputs()[i]).constant = *t;
  }
  std::vector<Stage> stages;
  std::vector<size_t> uses(body->inputs().size()), packed(uses.size());
  for (NodeId id : body->order()) {
    const Node& node = body->node(id);
    FERRY_ASSIGN_OR_RETURN(KernelOffer offer, make_stage(request, *body, id));
    if (auto* why = std::get_if<std::string>(&offer)) return KernelOffer(std::move(*why));
    Stage stage;
    stage.kernel = std::move(std::get<std::unique_ptr<StepKernel>>(offer));
    stage.rows = dynamic_cast<RowStage*>(stage.kernel.get());
    if (stage.rows == nullptr) {
      return KernelOffer(
          fmt::format("{} runs as {}, which has no rows", node.describe(), stage.kernel->name()));
    }
    std::vector<int> input_of_step;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const auto& inputs = body->inputs();
      const auto at = std::find(inputs.begin(), inputs.end(), node.inputs[i]);
      input_of_step.push_back(at == inputs.end() ? -1 : static_cast<int>(at - inputs.begin()));
      if (at == inputs.end()) continue;
      ++uses[static_cast<size_t>(at - inputs.begin())];
      packed[static_cast<size_t>(at - inputs.begin())] += request.panels->was_packed(*body, id, i);
    }
    stage.rows->renumber_inputs(input_of_step);
    stages.push_back(std::move(stage));
  }
  if (stages.empty() || stages.size() > kMostStripStages || stages[0].rows->image_input() < 0) {
    return KernelOffer(std::string("no image, or too many stages"));
  }
  for (size_t i = 0; i < uses.size(); ++i) {
    if (packed[i] > 0 && packed[i] == uses[i]) request.panels->note_packed(request, i);
  }
  return KernelOffer(std::make_unique<StripStep>(
      std::move(stages), request.node.op.as<Group>()->strip_height, request));
}

}  // namespace

void register_group_cpu(KernelRegistry& r) { r.add("ferry.Group", "strips_f32", make); }

}  // namespace ferry
