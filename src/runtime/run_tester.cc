// SPDX-License-Identifier: Apache-2.0
#include "runtime/run_tester.h"

#include <cmath>
#include <cstring>

#include "ir/eval.h"
#include "ops_cpu/kernels.h"

namespace ferry {
namespace {

void expect_near(const Value& seen, const Value& wanted, double tolerance) {
  ASSERT_TRUE(seen.is_tensor() && wanted.is_tensor());
  const Tensor &a = seen.tensor(), &b = wanted.tensor();
  ASSERT_EQ(a.describe(), b.describe());
  if (a.dtype() != DType::kFloat32) {
    EXPECT_TRUE(a.size_bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.size_bytes()) == 0);
    return;
  }
  for (int64_t i = 0; i < a.count(); ++i) {
    const double x = a.data<float>()[i], y = b.data<float>()[i];
    if (std::isnan(x) && std::isnan(y)) continue;
    ASSERT_NEAR(x, y, tolerance * (1 + std::abs(y))) << "at " << i << " of " << a.describe();
  }
}

}  // namespace

Engine& RunTester::engine(const SessionOptions& options) {
  if (!engine_) {
    auto made = Engine::create(graph, options, cpu_kernels());
    if (!made.ok()) {
      ADD_FAILURE() << made.status().to_string();
      std::abort();
    }
    engine_ = *std::move(made);
  }
  return *engine_;
}

std::vector<Value> RunTester::inputs(const std::map<std::string, int64_t>& sizes) {
  std::vector<Value> values;
  uint32_t state = 7;
  for (ValueId v : graph.inputs()) {
    const GraphValue& g = graph.value(v);
    if (g.constant) {  // keeps its value
      values.emplace_back();
      continue;
    }
    Dims dims;
    for (const Dim& d : *g.type.shape) {
      dims.push_back(d.is_constant() ? d.constant() : sizes.at(d.symbol_name()));
    }
    Tensor t = *Tensor::allocate(g.type.dtype, dims);
    for (int64_t i = 0; i < t.count(); ++i) {
      state = state * 1664525u + 1013904223u;
      if (t.dtype() == DType::kFloat32) {
        t.data<float>()[i] = static_cast<float>(state >> 8) / static_cast<float>(1 << 23) - 1.0f;
      } else if (t.dtype() == DType::kInt64) {
        t.data<int64_t>()[i] = i;
      } else {
        std::memset(t.raw(), 0, t.size_bytes());
      }
    }
    values.emplace_back(std::move(t));
  }
  return values;
}

void RunTester::check(const std::map<std::string, int64_t>& sizes, double tolerance) {
  const std::vector<Value> in = inputs(sizes);
  std::vector<Value> wanted;
  const Status s = interpret(graph, in, wanted);
  ASSERT_TRUE(s.ok()) << s.to_string();
  std::vector<Value> out;
  for (int run = 0; run < 3; ++run) {
    const Status r = engine().run(in, out, {});
    ASSERT_TRUE(r.ok()) << r.to_string();
    ASSERT_EQ(out.size(), wanted.size());
    for (size_t i = 0; i < out.size(); ++i) {
      SCOPED_TRACE("output " + std::to_string(i) + " of run " + std::to_string(run));
      expect_near(out[i], wanted[i], tolerance);
      if (run > 0 && out[i].tensor().size_bytes() > 0) {
        std::memset(out[i].tensor().raw(), 0x55, out[i].tensor().size_bytes());
      }
    }
    if (run == 0) out.clear();
  }
}

std::string RunTester::steps() {
  std::string text;
  for (const Step& s : engine().program().steps) {
    text += (text.empty() ? "" : " ") + (s.skip ? std::string("view") : s.kernel->name());
  }
  return text;
}

const Slot& RunTester::slot(const std::string& name) {
  const Program& p = engine().program();
  for (ValueId v = 0; v < p.slots.size(); ++v) {
    if (p.graph->value(v).name == name) return p.slots[v];
  }
  ADD_FAILURE() << "no value named " << name;
  return p.slots[0];
}

ValueId RunTester::named(ValueId v, const std::string& name) {
  graph.value(v).name = name;
  return v;
}

}  // namespace ferry
