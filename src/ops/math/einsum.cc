// SPDX-License-Identifier: Apache-2.0
#include "ops/math/einsum.h"

#include <algorithm>
#include <map>

#include "ops/arguments.h"
#include "ops/registry.h"
#include "ops/walk.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The terms of the equation as text, without spaces. `output` is nullopt when implicit.
struct Text {
  std::vector<std::string> inputs;
  std::optional<std::string> output;
};

Status check_term(const std::string& term) {
  size_t dots = 0;
  for (size_t i = 0; i < term.size(); ++i) {
    if (is_letter(term[i])) continue;
    if (term.compare(i, 3, "...") == 0 && ++dots == 1) {
      i += 2;
      continue;
    }
    return invalid_model("term '{}' has more than letters and one '...'", term);
  }
  return {};
}

Result<Text> split_terms(const std::string& equation) {
  std::string s;
  for (char c : equation) {
    if (c != ' ') s += c;
  }
  Text text;
  const size_t arrow = s.find("->");
  if (arrow != std::string::npos) {
    text.output = s.substr(arrow + 2);
    FERRY_RETURN_IF_ERROR(check_term(*text.output));
    s.resize(arrow);
  }
  for (size_t begin = 0;;) {
    const size_t comma = s.find(',', begin);
    text.inputs.push_back(s.substr(begin, comma - begin));
    FERRY_RETURN_IF_ERROR(check_term(text.inputs.back()));
    if (comma == std::string::npos) return text;
    begin = comma + 1;
  }
}

size_t num_letters(const std::string& term) {
  return static_cast<size_t>(std::count_if(term.begin(), term.end(), is_letter));
}
bool has_ellipsis(const std::string& term) { return term.find("...") != std::string::npos; }

}  // namespace

Result<EinsumTerms> EinsumTerms::parse(const std::string& equation,
                                       const std::vector<size_t>& ranks) {
  FERRY_ASSIGN_OR_RETURN(const Text text, split_terms(equation));
  if (text.inputs.size() != ranks.size()) {
    return invalid_model("equation '{}' has {} terms, the node has {} inputs", equation,
                         text.inputs.size(), ranks.size());
  }
  // Axes of the ellipsis align at their ends.
  size_t wide = 0;
  std::map<char, int> uses;
  for (size_t i = 0; i < ranks.size(); ++i) {
    const std::string& term = text.inputs[i];
    const size_t letters = num_letters(term);
    if (letters > ranks[i] || (!has_ellipsis(term) && letters != ranks[i])) {
      return shape_mismatch("term '{}' does not fit input {} of rank {}", term, i, ranks[i]);
    }
    wide = std::max(wide, ranks[i] - letters);
    for (char c : term) {
      if (is_letter(c)) ++uses[c];
    }
  }
  std::map<char, int> labels;
  for (const auto& [c, n] : uses) labels.emplace(c, static_cast<int>(labels.size()));
  const int first_wide = static_cast<int>(labels.size());

  const auto numbered = [&](const std::string& term, size_t ellipsis,
                            std::vector<int>& out) -> Status {
    for (size_t i = 0; i < term.size(); ++i) {
      if (term[i] == '.') {
        for (size_t k = wide - ellipsis; k < wide; ++k)
          out.push_back(first_wide + static_cast<int>(k));
        i += 2;
        continue;
      }
      const auto at = labels.find(term[i]);
      if (at == labels.end()) {
        return invalid_model("output label '{}' of '{}' is in no input", term[i], equation);
      }
      out.push_back(at->second);
    }
    return {};
  };
  EinsumTerms terms;
  terms.num_labels = first_wide + static_cast<int>(wide);
  for (size_t i = 0; i < ranks.size(); ++i) {
    terms.inputs.emplace_back();
    FERRY_RETURN_IF_ERROR(
        numbered(text.inputs[i], ranks[i] - num_letters(text.inputs[i]), terms.inputs.back()));
  }
  std::string output = text.output.value_or("...");
  if (!text.output) {
    for (const auto& [c, n] : uses) {
      if (n == 1) output += c;
    }
  }
  FERRY_RETURN_IF_ERROR(numbered(output, wide, terms.output));
  std::vector<int> sorted = terms.output;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    return invalid_model("output term '{}' names an axis twice", output);
  }
  FERRY_RETURN_IF_ERROR(check_rank(terms.output.size()));
  return terms;
}

namespace {

Status infer(const Einsum& op, InferContext& c) {
  FERRY_ASSIGN_OR_RETURN(const Type first, c.tensor(0, types::kNumeric));
  std::vector<size_t> ranks;
  for (size_t i = 0; i < c.num_inputs(); ++i) {
    FERRY_ASSIGN_OR_RETURN(const Type x, c.tensor(i, types::kNumeric));
    FERRY_RETURN_IF_ERROR(c.same_dtype(0, i));
    if (x.shape) ranks.push_back(x.rank());
  }
  if (ranks.size() != c.num_inputs()) {
    c.set_tensor(0, first.dtype, std::nullopt);
    return {};
  }
  FERRY_ASSIGN_OR_RETURN(const EinsumTerms terms, EinsumTerms::parse(op.equation, ranks));
  Shape sizes(static_cast<size_t>(terms.num_labels), Dim(1));
  for (size_t i = 0; i < terms.inputs.size(); ++i) {
    for (size_t a = 0; a < terms.inputs[i].size(); ++a) {
      const Dim& d = (*c.type(i).shape)[a];
      Dim& size = sizes[static_cast<size_t>(terms.inputs[i][a])];
      FERRY_ASSIGN_OR_RETURN(const Shape joined, broadcast_shapes({size}, {d}));
      size = joined[0];
    }
  }
  Shape shape;
  for (int label : terms.output) shape.push_back(sizes[static_cast<size_t>(label)]);
  c.set_tensor(0, first.dtype, std::move(shape));
  return {};
}

// The loop nest: output labels first, then the summed ones; a stride per operand and loop.
struct Nest {
  std::vector<int64_t> sizes;
  std::vector<std::vector<int64_t>> strides;  // [operand][loop]
  int64_t outputs = 1, terms = 1;
};

Result<Nest> make_nest(const EinsumTerms& terms, const std::vector<Tensor>& x, Dims& out) {
  const auto n = static_cast<size_t>(terms.num_labels);
  std::vector<int64_t> sizes(n, 1);
  for (size_t i = 0; i < x.size(); ++i) {
    for (size_t a = 0; a < x[i].rank(); ++a) {
      int64_t& size = sizes[static_cast<size_t>(terms.inputs[i][a])];
      const int64_t d = x[i].dim(a);
      if (size != 1 && d != 1 && size != d) {
        return shape_mismatch("axis {} of input {} is {}, its label has size {}", a, i, d, size);
      }
      if (size == 1) size = d;
    }
  }
  std::vector<size_t> order(terms.output.begin(), terms.output.end());
  for (size_t label = 0; label < n; ++label) {
    if (std::find(order.begin(), order.end(), label) == order.end()) order.push_back(label);
  }
  Nest nest;
  for (size_t k = 0; k < order.size(); ++k) {
    const int64_t size = sizes[order[k]];
    nest.sizes.push_back(size);
    int64_t& count = k < terms.output.size() ? nest.outputs : nest.terms;
    if (__builtin_mul_overflow(count, size, &count)) {
      return limit_exceeded("the products of the equation overflow 64 bits");
    }
    if (k < terms.output.size()) out.push_back(size);
  }
  for (size_t i = 0; i < x.size(); ++i) {
    std::vector<int64_t> strides(n, 0);
    const Dims dense = dense_strides(x[i].dims());
    for (size_t a = 0; a < x[i].rank(); ++a) {
      if (x[i].dim(a) == 1) continue;
      const auto at =
          std::find(order.begin(), order.end(), static_cast<size_t>(terms.inputs[i][a]));
      strides[static_cast<size_t>(at - order.begin())] += dense[a];
    }
    nest.strides.push_back(std::move(strides));
  }
  return nest;
}

// Moves `at` and the operands' offsets to the next point of loops [first, last).
void advance(const Nest& nest, size_t first, size_t last, std::vector<int64_t>& at,
             std::vector<int64_t>& offsets) {
  for (size_t k = last; k-- > first;) {
    for (size_t i = 0; i < offsets.size(); ++i) offsets[i] += nest.strides[i][k];
    if (++at[k] < nest.sizes[k]) return;
    at[k] = 0;
    for (size_t i = 0; i < offsets.size(); ++i) offsets[i] -= nest.strides[i][k] * nest.sizes[k];
  }
}

template <class T>
Status run(EvalContext& c, const Nest& nest, size_t output_loops, const std::vector<Tensor>& x,
           T* y) {
  using A = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
  std::vector<int64_t> at(nest.sizes.size(), 0), offsets(x.size(), 0);
  std::vector<const T*> data;
  for (const Tensor& t : x) data.push_back(t.data<T>());
  constexpr int64_t kPollEvery = 4096;
  int64_t until_poll = 0;
  for (int64_t o = 0; o < nest.outputs; ++o) {
    A sum = 0;
    for (int64_t s = 0; s < nest.terms; ++s) {
      if (until_poll-- == 0) {
        until_poll = kPollEvery;
        FERRY_RETURN_IF_ERROR(c.poll());
      }
      A product = 1;
      for (size_t i = 0; i < x.size(); ++i) {
        product *= static_cast<A>(static_cast<compute_t<T>>(data[i][offsets[i]]));
      }
      sum += product;
      advance(nest, output_loops, at.size(), at, offsets);
    }
    y[o] = static_cast<T>(static_cast<compute_t<T>>(sum));
    advance(nest, 0, output_loops, at, offsets);
  }
  return {};
}

Status eval(const Einsum& op, EvalContext& c) {
  std::vector<Tensor> x;
  std::vector<size_t> ranks;
  for (size_t i = 0; i < c.num_inputs(); ++i) {
    x.push_back(c.input(i));
    ranks.push_back(x.back().rank());
  }
  FERRY_ASSIGN_OR_RETURN(const EinsumTerms terms, EinsumTerms::parse(op.equation, ranks));
  Dims dims;
  FERRY_ASSIGN_OR_RETURN(const Nest nest, make_nest(terms, x, dims));
  FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, x[0].dtype(), dims));
  return visit_numeric(x[0].dtype(), [&]<class T>(TypeTag<T>) {
    return run<T>(c, nest, terms.output.size(), x, y.data<T>());
  });
}

}  // namespace

void register_einsum(OpRegistry& r) {
  r.op<Einsum>("Einsum")
      .since(28)
      .inputs(1, Arity::kAny)
      .required("equation", &Einsum::equation)
      .infer(infer)
      .reference(eval);
}

}  // namespace ferry
