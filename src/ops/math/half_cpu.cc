// SPDX-License-Identifier: Apache-2.0
// Elementwise operators on f16 and bf16: a block at a time becomes f32, is computed and rounded.
#include <algorithm>
#include <array>
#include <optional>

#include "base/status.h"
#include "kernels/typed/typed.h"
#include "ops/arguments.h"
#include "ops/math/binary.h"
#include "ops_cpu/typed_rows.h"
#include "plan/eltwise_program.h"
#include "plan/step_kernel.h"

namespace ferry {
namespace {

class HalfStep final : public StepKernel {
 public:
  // `binary`: null for operators of one input.
  HalfStep(Isa isa, const EltInstruction& instruction, DType type, const Binary* binary)
      : kernels_(elt_kernels(isa)),
        instruction_(instruction),
        type_(type),
        widen_(typed_kernels(isa).cast(type, DType::kFloat32)),
        narrow_(typed_kernels(isa).cast(DType::kFloat32, type)),
        a_(instruction.a),
        b_(instruction.b) {
    if (binary != nullptr) binary_ = *binary;
  }
  std::string name() const override { return "elementwise_half"; }
  Status run(StepContext& c) const override {
    const Tensor &a = c.input(a_), &b = c.input(b_);
    Dims dims = a.dims();
    if (binary_) {
      FERRY_ASSIGN_OR_RETURN(dims, binary_dims(*binary_, dims, b.dims()));
    }
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, type_, dims));
    auto* to = static_cast<uint16_t*>(y.raw());
    // Below, widening and narrowing a row cost more than copying operands.
    constexpr int64_t kShortRow = 64;
    parallel_rows<2>(c.team(), dims, {&a, &b}, kShortRow,
                     [&](int64_t n, const auto& at, const auto& step, int64_t begin) {
                       row(reinterpret_cast<const uint16_t*>(at[0]), step[0],
                           reinterpret_cast<const uint16_t*>(at[1]), step[1], to + begin, n);
                     });
    return {};
  }

 private:
  static constexpr int64_t kBlock = 1024;

  void row(const uint16_t* a, int64_t a_step, const uint16_t* b, int64_t b_step, uint16_t* y,
           int64_t n) const {
    std::array<float, kBlock> u, v;
    for (int64_t i = 0; i < n; i += kBlock) {
      const int64_t m = std::min(kBlock, n - i);
      if (a_step != 0 || i == 0) load(a + i * a_step, a_step, u.data(), m);
      if (a_ != b_ && (b_step != 0 || i == 0)) load(b + i * b_step, b_step, v.data(), m);
      std::array<float, kBlock> result;
      kernels_.apply(instruction_.op, u.data(), a_ != b_ ? v.data() : u.data(), result.data(), m,
                     instruction_.p, instruction_.q);
      narrow_(result.data(), y + i, m);
    }
  }

  void load(const uint16_t* x, int64_t step, float* y, int64_t n) const {
    widen_(x, y, step == 0 ? 1 : n);
    if (step == 0) kernels_.fill(*y, y, n);
  }

  const EltKernels& kernels_;
  EltInstruction instruction_;
  DType type_;
  TypedUnaryRow widen_, narrow_;
  std::optional<Binary> binary_;
  size_t a_, b_;  // the inputs that the instruction reads
};

Result<KernelOffer> make(const KernelRequest& request) {
  const Node& node = request.node;
  const DType type = request.type(0).dtype;
  if (type != DType::kFloat16 && type != DType::kBFloat16) {
    return KernelOffer(std::string("neither f16 nor bf16"));
  }
  EltCompiler compiler;
  for (size_t i = 0; i < num_elt_operands(node); ++i) {
    if (i >= node.inputs.size() || request.type(i).dtype != type) {
      return KernelOffer(std::string("inputs of several types"));
    }
    compiler.operand(node.inputs[i]);
  }
  if (!compiler.add(node, std::vector<const Tensor*>(node.inputs.size()))) {
    return KernelOffer(std::string("no instruction"));
  }
  const EltInstruction instruction = std::move(compiler).finish().code[0];
  return KernelOffer(
      std::make_unique<HalfStep>(request.isa, instruction, type, node.op.as<Binary>()));
}

}  // namespace

void register_half_cpu(KernelRegistry& r) {
  for (const char* op :
       {"Sign",        "Exp",       "Sqrt",      "Reciprocal", "Floor", "Ceil",  "Round",
        "Tanh",        "Erf",       "Sigmoid",   "Softsign",   "Elu",   "Selu",  "Celu",
        "HardSigmoid", "HardSwish", "LeakyRelu", "Swish",      "Gelu",  "Log",   "Sin",
        "Cos",         "Tan",       "Asin",      "Acos",       "Atan",  "Sinh",  "Cosh",
        "Asinh",       "Acosh",     "Atanh",     "Softplus",   "Mish",  "PRelu", "ThresholdedRelu",
        "Shrink"}) {
    r.add(op, "elementwise_half", make);
  }
}

}  // namespace ferry
