// SPDX-License-Identifier: Apache-2.0
// Elementwise f32 nodes, and groups of them, on the tile VM with numpy broadcasting.
#include <algorithm>
#include <array>

#include "base/status.h"
#include "ops_cpu/matrix_product.h"
#include "ops_cpu/row_runs.h"
#include "ops_cpu/row_stage.h"
#include "plan/eltwise_program.h"

namespace ferry {
namespace {

// Where the elements of all operands and of y lie, with axes that run together merged.
struct Geometry final : StepState {
  std::vector<int64_t> dims;                  // outermost first; the last is the row
  std::vector<std::vector<int64_t>> strides;  // by operand, y last, then axis; of the row 0 or 1
  int64_t rows = 1;                           // product of dims but the last
  // Operands that lie as y does; empty unless the others are laid out like that, block by block.
  std::vector<bool> as_y;
};

// The VM walks two axes by itself. Where those hold fewer elements, laying operands out first costs
// less than starting it anew for each index of the other axes.
constexpr int64_t kShortRegion = 512;
// Elements laid out at a time: 4 KB of each operand.
constexpr int64_t kLaidOut = 1024;

void find_short_regions(Geometry& g) {
  const size_t axes = g.dims.size();
  if (axes < 3 || g.dims[axes - 1] * g.dims[axes - 2] >= kShortRegion) return;
  if (!is_dense(g.dims, g.strides.back())) return;
  for (const auto& strides : g.strides) g.as_y.push_back(is_dense(g.dims, strides));
}

// A tensor whose rows are `pitch` elements apart.
struct Operand {
  const Tensor* tensor;
  int64_t pitch;
};

std::vector<int64_t> broadcast_strides(const Operand& x, const Dims& y) {
  std::vector<int64_t> strides(y.size(), 0);
  const size_t rank = x.tensor->rank();
  int64_t stride = 1;
  for (size_t from_end = 1; from_end <= rank; ++from_end) {
    const int64_t d = x.tensor->dim(rank - from_end);
    if (d != 1) strides[y.size() - from_end] = stride;
    stride *= from_end == 1 ? x.pitch : d;
  }
  return strides;
}

// Shapes that only symbols describe may turn out not to fit.
bool broadcasts_to(const Tensor& x, const Dims& y) {
  if (x.rank() > y.size()) return false;
  for (size_t from_end = 1; from_end <= x.rank(); ++from_end) {
    const int64_t d = x.dim(x.rank() - from_end);
    if (d != 1 && d != y[y.size() - from_end]) return false;
  }
  return true;
}

// `operands`: the inputs, then y.
Result<std::unique_ptr<Geometry>> make_geometry(const Dims& y,
                                                const std::vector<Operand>& operands) {
  auto g = std::make_unique<Geometry>();
  for (const Operand& x : operands) {
    if (broadcasts_to(*x.tensor, y)) continue;
    return shape_mismatch("{} does not broadcast to {}", x.tensor->describe(), y.to_string());
  }
  std::vector<std::vector<int64_t>> full;
  for (const Operand& x : operands) full.push_back(broadcast_strides(x, y));
  g->strides.resize(operands.size());
  for (size_t a = 0; a < y.size(); ++a) {
    if (y[a] == 1) continue;
    bool merge = !g->dims.empty();
    for (size_t i = 0; i < operands.size() && merge; ++i) {
      merge = g->strides[i].back() == full[i][a] * y[a];
    }
    if (merge) {
      g->dims.back() *= y[a];
      for (size_t i = 0; i < operands.size(); ++i) g->strides[i].back() = full[i][a];
    } else {
      g->dims.push_back(y[a]);
      for (size_t i = 0; i < operands.size(); ++i) g->strides[i].push_back(full[i][a]);
    }
  }
  // Nothing but axes of one, or rows of one that lie apart.
  if (g->dims.empty() || std::any_of(g->strides.begin(), g->strides.end(),
                                     [](const auto& s) { return s.back() > 1; })) {
    g->dims.push_back(1);
    for (auto& s : g->strides) s.push_back(0);
  }
  for (size_t a = 0; a + 1 < g->dims.size(); ++a) g->rows *= g->dims[a];
  find_short_regions(*g);
  return g;
}

class ElementwiseKernel final : public StepKernel, public RowStage {
 public:
  ElementwiseKernel(Isa isa, EltProgram program, std::vector<int> inputs, int in_place)
      : kernels_(elt_kernels(isa)),
        program_(std::move(program)),
        inputs_(std::move(inputs)),
        in_place_(in_place) {}

  std::string name() const override { return "elementwise_f32"; }
  bool wants_bodies() const override { return false; }
  int in_place_input() const override { return in_place_; }
  bool takes_pitch(size_t i) const override { return reads_input(i); }
  bool writes_pitch() const override { return true; }
  bool reads_input(size_t i) const override {
    return std::find(inputs_.begin(), inputs_.end(), static_cast<int>(i)) != inputs_.end();
  }

  Status run(StepContext& c) const override {
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.planned_output(0));
    if (!c.state()) {
      std::vector<Operand> operands;
      for (int i : inputs_) {
        const auto in = static_cast<size_t>(i);
        operands.push_back({&c.input(in), c.input_pitch(in)});
      }
      operands.push_back({&y, c.output_pitch(0)});
      FERRY_ASSIGN_OR_RETURN(c.state(), make_geometry(y.dims(), operands));
    }
    if (y.count() == 0) return {};
    const auto& g = static_cast<const Geometry&>(*c.state());
    Team& team = c.team();
    // Below 32 KB waking another core costs more than it saves.
    constexpr int64_t kMinParallel = 8192;
    // Longer rows are stopped in the middle.
    constexpr int64_t kLongRow = 256 << 10;
    const int64_t cols = g.dims.back();
    int64_t parts = 1;
    if (team.size() > 1 && y.count() >= kMinParallel) parts = 2 * team.size();
    int64_t bytes = eltwise_scratch_bytes(program_);
    if (!g.as_y.empty()) bytes += laid_out_bytes();
    FERRY_RETURN_IF_ERROR(c.reserve_scratch(parts > 1 ? team.size() : 1, bytes));
    const bool by_rows = g.rows >= parts;
    team.parallel(static_cast<int>(parts), [&](int part, int thread) {
      // Columns are cut at multiples of 16 floats, so that parts share no cache line.
      const int64_t blocks = (cols + 15) / 16;
      const int64_t r0 = by_rows ? g.rows * part / parts : 0;
      const int64_t r1 = by_rows ? g.rows * (part + 1) / parts : g.rows;
      const int64_t c0 = by_rows ? 0 : std::min(cols, blocks * part / parts * 16);
      const int64_t c1 = by_rows ? cols : std::min(cols, blocks * (part + 1) / parts * 16);
      auto* memory = c.scratch<void>(thread);
      if (r1 - r0 > 1 && c1 - c0 <= kLongRow) {
        team.in_slices(r0, r1, 1, [&](int64_t from, int64_t to) {
          if (!g.as_y.empty() && c1 - c0 == cols) {
            run_laid_out(c, g, y.data<float>(), from, to, memory);
            return;
          }
          run_part(c, g, y.data<float>(), from, to, c0, c1, memory);
        });
        return;
      }
      for (int64_t r = r0; r < r1; ++r) {
        team.in_slices(c0, c1, 16, [&](int64_t from, int64_t to) {
          run_part(c, g, y.data<float>(), r, r + 1, from, to, memory);
        });
      }
    });
    return {};
  }

  Result<ConvShape> row_shape(const Dims& x, Dims& y) const override {
    y = x;
    ConvShape s;
    s.batch = x[0];
    s.in[1] = s.out[1] = x[1];
    s.in[2] = s.out[2] = x[2];
    s.in_channels = s.out_channels = s.groups = x[3];
    return s;
  }
  int64_t row_scratch_bytes(const ConvShape&) const override {
    return eltwise_scratch_bytes(program_);
  }
  int image_input() const override { return in_place_; }
  // As the planner has seen, other operands have a value per image, per pixel or neither, and one
  // per channel or not.
  void run_rows(const StepContext& c, const ConvShape& s, int64_t n, int64_t r0, int64_t r1,
                const RowRing& x, const RowRing& y, void* scratch) const noexcept override {
    std::array<EltOperand, 2 * kMaxEltInstructions + 2> operands;
    const auto run = [&](int64_t from, int64_t to) {
      for (size_t i = 0; i < inputs_.size(); ++i) {
        operands[i] = inputs_[i] == in_place_ ? EltOperand{x.row(from), x.pitch, 1}
                                              : row_operand(c, s, inputs_[i], n, from);
      }
      eltwise_region(kernels_, program_, operands.data(), y.row(from), y.pitch,
                     (to - from) * s.out[2], s.out_channels, scratch);
    };
    for_each_piece(y, r0, r1, [&](int64_t from, int64_t to) { for_each_piece(x, from, to, run); });
  }
  void renumber_inputs(const std::vector<int>& to) override {
    for (int& i : inputs_) i = to[static_cast<size_t>(i)];
    if (in_place_ >= 0) in_place_ = to[static_cast<size_t>(in_place_)];
  }

 private:
  // An operand from row `row` of image n on.
  static EltOperand row_operand(const StepContext& c, const ConvShape& s, int input, int64_t n,
                                int64_t row) {
    const Tensor& t = c.input(static_cast<size_t>(input));
    const auto dim = [&](size_t axis) {  // of [N, H, W, C]
      return axis + t.rank() < 4 ? 1 : t.dim(axis + t.rank() - 4);
    };
    const bool per_pixel = dim(1) * dim(2) > 1;
    int64_t at = dim(0) > 1 ? n : 0;
    if (per_pixel) at = (at * s.out[1] + row) * s.out[2];
    const int64_t pitch = c.input_pitch(static_cast<size_t>(input));
    return {t.data<float>() + at * pitch, per_pixel ? pitch : 0, dim(3) > 1 ? 1 : 0};
  }

  // Rows in runs of the last outer axis, which the VM walks by itself.
  void run_part(const StepContext& c, const Geometry& g, float* y, int64_t r0, int64_t r1,
                int64_t c0, int64_t c1, void* scratch) const {
    const size_t outer = g.dims.size() - 1;
    const int64_t run = outer == 0 ? 1 : g.dims[outer - 1];
    const auto row_stride = [&](size_t i) { return outer == 0 ? 0 : g.strides[i][outer - 1]; };
    const auto start_of = [&](size_t i, int64_t row) {
      int64_t at = 0;
      for (size_t a = outer; a-- > 0;) {
        at += row % g.dims[a] * g.strides[i][a];
        row /= g.dims[a];
      }
      return at + c0 * g.strides[i][outer];
    };
    std::array<EltOperand, 2 * kMaxEltInstructions + 2> operands;
    for (int64_t r = r0; r < r1;) {
      const int64_t n = std::min(r1, (r / run + 1) * run) - r;
      for (size_t i = 0; i < inputs_.size(); ++i) {
        const auto* p = c.input(static_cast<size_t>(inputs_[i])).data<float>();
        operands[i] = {p + start_of(i, r), row_stride(i), static_cast<int>(g.strides[i][outer])};
      }
      const size_t last = inputs_.size();
      eltwise_region(kernels_, program_, operands.data(), y + start_of(last, r), row_stride(last),
                     n, c1 - c0, scratch);
      r += n;
    }
  }

  int64_t laid_out_bytes() const {
    return static_cast<int64_t>(inputs_.size()) * kLaidOut * int64_t{sizeof(float)};
  }

  // Whole rows, each operand laid out as y is.
  void run_laid_out(const StepContext& c, const Geometry& g, float* y, int64_t r0, int64_t r1,
                    void* scratch) const {
    const int64_t cols = g.dims.back(), block = kLaidOut / cols;
    auto* laid = static_cast<float*>(scratch);
    void* rest = laid + static_cast<int64_t>(inputs_.size()) * kLaidOut;
    std::array<EltOperand, 2 * kMaxEltInstructions + 2> operands;
    for (int64_t r = r0; r < r1; r += block) {
      const int64_t n = std::min(block, r1 - r);
      for (size_t i = 0; i < inputs_.size(); ++i) {
        const Tensor& x = c.input(static_cast<size_t>(inputs_[i]));
        const auto* p = x.data<float>();
        if (g.as_y[i]) {
          operands[i] = {p + r * cols, 0, 1};
        } else if (x.count() == 1) {
          operands[i] = {p, 0, 0};
        } else {
          float* to = laid + static_cast<int64_t>(i) * kLaidOut;
          lay_out(g, g.strides[i], p, r, n, to);
          operands[i] = {to, 0, 1};
        }
      }
      eltwise_region(kernels_, program_, operands.data(), y + r * cols, n * cols, 1, n * cols,
                     rest);
    }
  }

  // Rows [row, row + n) of an operand at `x`, one after the other.
  void lay_out(const Geometry& g, const std::vector<int64_t>& strides, const float* x, int64_t row,
               int64_t n, float* to) const {
    const size_t outer = g.dims.size() - 1;
    const int64_t cols = g.dims[outer], step = strides[outer - 1];
    for_each_row_run(g.dims, strides, row, n, [&](int64_t offset, int64_t rows) {
      if (strides[outer] == 1) {
        kernels_.copy_rows(x + offset, step, to, cols, rows, cols);
      } else {
        kernels_.spread(x + offset, step, to, rows, cols);
      }
      to += rows * cols;
    });
  }

  const EltKernels& kernels_;
  EltProgram program_;
  std::vector<int> inputs_;  // the step's input of each operand
  int in_place_;
};

// The first operand whose type is the output's.
int in_place_of(const KernelRequest& request, const std::vector<int>& inputs) {
  for (int i : inputs) {
    if (request.type(static_cast<size_t>(i)) == request.output_type(0) &&
        request.constant(static_cast<size_t>(i)) == nullptr) {
      return i;
    }
  }
  return -1;
}

Result<KernelOffer> offer(const KernelRequest& request, EltProgram program,
                          std::vector<int> inputs) {
  const int in_place = in_place_of(request, inputs);
  return KernelOffer(std::make_unique<ElementwiseKernel>(request.isa, std::move(program),
                                                         std::move(inputs), in_place));
}

Result<KernelOffer> make_single(const KernelRequest& request) {
  if (!request.outputs_planned) return KernelOffer(std::string("output size depends on data"));
  if (!is_elt_node(request.graph, request.node)) {
    return KernelOffer(std::string("not f32, or bounds that are not constant"));
  }
  EltCompiler compiler;
  std::vector<int> inputs;
  std::vector<const Tensor*> constants;
  for (size_t i = 0; i < request.node.inputs.size(); ++i) {
    constants.push_back(request.constant(i));
    if (i < num_elt_operands(request.node) &&
        compiler.operand(request.node.inputs[i]) == inputs.size()) {
      inputs.push_back(static_cast<int>(i));
    }
  }
  if (!compiler.add(request.node, constants)) return KernelOffer(std::string("no instruction"));
  return offer(request, std::move(compiler).finish(), std::move(inputs));
}

Result<KernelOffer> make_group(const KernelRequest& request) {
  if (!request.outputs_planned) return KernelOffer(std::string("output size depends on data"));
  const Graph& body = *request.node.bodies[0];
  EltCompiler compiler;
  std::vector<int> step_input(body.num_values(), -1), inputs;
  for (size_t i = 0; i < body.inputs().size(); ++i)
    step_input[body.inputs()[i]] = static_cast<int>(i);
  for (NodeId id : body.order()) {
    const Node& n = body.node(id);
    for (size_t i = 0; i < num_elt_operands(n) && i < n.inputs.size(); ++i) {
      const int in = step_input[n.inputs[i]];
      if (in >= 0 && compiler.operand(n.inputs[i]) == inputs.size()) inputs.push_back(in);
    }
  }
  for (NodeId id : body.order()) {
    std::vector<const Tensor*> constants;
    for (ValueId v : body.node(id).inputs) {
      const int in = v == kNone ? -1 : step_input[v];
      constants.push_back(in < 0 ? nullptr : request.constant(static_cast<size_t>(in)));
    }
    if (!compiler.add(body.node(id), constants)) {
      return KernelOffer(std::string("not all nodes are elementwise"));
    }
  }
  return offer(request, std::move(compiler).finish(), std::move(inputs));
}

}  // namespace

void register_elementwise_cpu(KernelRegistry& r) {
  for (const char* op : {"Abs",
                         "Neg",
                         "Sign",
                         "Relu",
                         "Exp",
                         "Sqrt",
                         "Reciprocal",
                         "Floor",
                         "Ceil",
                         "Round",
                         "Tanh",
                         "Erf",
                         "Sigmoid",
                         "Softsign",
                         "HardSigmoid",
                         "HardSwish",
                         "Elu",
                         "LeakyRelu",
                         "ThresholdedRelu",
                         "Shrink",
                         "Swish",
                         "Gelu",
                         "Log",
                         "Sin",
                         "Cos",
                         "Tan",
                         "Asin",
                         "Acos",
                         "Atan",
                         "Sinh",
                         "Cosh",
                         "Asinh",
                         "Acosh",
                         "Atanh",
                         "Softplus",
                         "Mish",
                         "Selu",
                         "Celu",
                         "ferry.FakeQuantize",
                         "Add",
                         "Sub",
                         "Mul",
                         "Div",
                         "PRelu",
                         "Pow",
                         "Clip"}) {
    r.add(op, "elementwise_f32", make_single);
  }
  r.add("ferry.Group", "elementwise_f32", make_group);
}

}  // namespace ferry
