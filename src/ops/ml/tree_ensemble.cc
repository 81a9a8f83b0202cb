// SPDX-License-Identifier: Apache-2.0
#include "ops/ml/tree_ensemble.h"

#include <algorithm>
#include <cmath>

#include "ops/registry.h"
#include "tensor/visit.h"

namespace ferry {
namespace {

// Scores above this would mean a damaged file.
constexpr int64_t kMaxTargets = 1 << 20;

Status check_targets(int64_t n) {
  if (n >= 1 && n <= kMaxTargets) return {};
  return invalid_model("n_targets is {}, wanted is 1 to {}", n, kMaxTargets);
}

Status infer_regressor(const TreeEnsembleRegressor& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(check_sizes(op));
  FERRY_ASSIGN_OR_RETURN(const Dim n, infer_rows(c, 0, kMlNumbers));
  FERRY_RETURN_IF_ERROR(check_targets(op.n_targets));
  FERRY_RETURN_IF_ERROR(parse_post_transform(op.post_transform).status());
  FERRY_RETURN_IF_ERROR(parse_aggregate(op.aggregate_function).status());
  c.set_tensor(0, DType::kFloat32, Shape{n, op.n_targets});
  return {};
}

// One value may stand for all, as classifiers of two classes have it.
Status check_base(const std::vector<double>& base, int64_t outputs) {
  const auto n = static_cast<int64_t>(base.size());
  if (n <= 1 || n == outputs) return {};
  return invalid_model("{} base_values, wanted are {}", n, outputs);
}

Status infer_classifier(const TreeEnsembleClassifier& op, InferContext& c) {
  FERRY_RETURN_IF_ERROR(check_sizes(op));
  FERRY_ASSIGN_OR_RETURN(const Dim n, infer_rows(c, 0, kMlNumbers));
  const ClassLabels labels = labels_of(op);
  FERRY_RETURN_IF_ERROR(labels.check());
  FERRY_RETURN_IF_ERROR(check_targets(static_cast<int64_t>(labels.size())));
  FERRY_RETURN_IF_ERROR(parse_post_transform(op.post_transform).status());
  c.set_tensor(0, labels.dtype(), Shape{n});
  c.set_tensor(1, DType::kFloat32, Shape{n, static_cast<int64_t>(labels.size())});
  return {};
}

Status check_lengths(const TreeEnsemble& op) {
  const size_t n = op.nodes_featureids.size(), m = op.leaf_targetids.size();
  const auto& missing = op.nodes_missing_value_tracks_true;
  const auto count = [](const Tensor& t) { return static_cast<size_t>(t.count()); };
  if (count(op.nodes_modes) != n || count(op.nodes_splits) != n ||
      op.nodes_truenodeids.size() != n || op.nodes_falsenodeids.size() != n ||
      op.nodes_trueleafs.size() != n || op.nodes_falseleafs.size() != n ||
      count(op.leaf_weights) != m || (!missing.empty() && missing.size() != n) ||
      (op.nodes_hitrates.defined() && count(op.nodes_hitrates) != n)) {
    return invalid_model("the lists of {} nodes and {} leaves differ in length", n, m);
  }
  return {};
}

Status infer_ensemble(const TreeEnsemble& op, InferContext& c) {
  if (op.nodes_modes.dtype() != DType::kUInt8) {
    return invalid_model("nodes_modes are {}, wanted are u8", dtype_name(op.nodes_modes.dtype()));
  }
  FERRY_RETURN_IF_ERROR(check_lengths(op));
  constexpr TypeSet kAllowed = {DType::kFloat16, DType::kFloat32, DType::kFloat64};
  FERRY_ASSIGN_OR_RETURN(const Dim n, infer_rows(c, 0, kAllowed));
  FERRY_RETURN_IF_ERROR(check_targets(op.n_targets));
  if (op.aggregate_function < 0 || op.aggregate_function > 3 || op.post_transform < 0 ||
      op.post_transform > 4) {
    return invalid_model("aggregate_function is {}, post_transform {}", op.aggregate_function,
                         op.post_transform);
  }
  c.set_tensor(0, c.type(0).dtype, Shape{n, op.n_targets});
  return {};
}

// Leaves become nodes behind the inner ones.
Result<Forest> make_ensemble(const TreeEnsemble& op, PollEvery& polls) {
  FERRY_ASSIGN_OR_RETURN(const std::vector<double> splits, number_list({}, op.nodes_splits));
  FERRY_ASSIGN_OR_RETURN(const std::vector<double> weights, number_list({}, op.leaf_weights));
  const size_t n = op.nodes_featureids.size(), m = op.leaf_targetids.size();
  const auto& missing = op.nodes_missing_value_tracks_true;
  Forest f;
  f.num_targets = op.n_targets;
  if (op.membership_values.defined()) {
    FERRY_ASSIGN_OR_RETURN(f.members, number_list({}, op.membership_values));
  }
  size_t next_member = 0;
  const auto target = [&](int64_t id, int64_t leaf) {
    if (id < 0 || static_cast<size_t>(id) >= (leaf != 0 ? m : n)) return SIZE_MAX;
    return static_cast<size_t>(id) + (leaf != 0 ? n : 0);
  };
  for (size_t i = 0; i < n; ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(16));
    ForestNode node;
    const uint8_t mode = op.nodes_modes.data<uint8_t>()[i];
    if (mode > static_cast<uint8_t>(BranchMode::kMember))
      return invalid_model("node mode {}", mode);
    node.mode = static_cast<BranchMode>(mode);
    node.missing_is_true = !missing.empty() && missing[i] != 0;
    node.feature = op.nodes_featureids[i];
    node.split = splits[i];
    node.yes = target(op.nodes_truenodeids[i], op.nodes_trueleafs[i]);
    node.no = target(op.nodes_falsenodeids[i], op.nodes_falseleafs[i]);
    if (node.mode == BranchMode::kMember) {
      node.members = next_member;
      while (next_member < f.members.size() && !std::isnan(f.members[next_member])) ++next_member;
      if (next_member == f.members.size()) return invalid_model("a node has no membership_values");
      node.num_members = next_member++ - node.members;
    }
    f.nodes.push_back(node);
  }
  for (size_t i = 0; i < m; ++i) {
    FERRY_RETURN_IF_ERROR(polls.spend(16));
    ForestNode node;
    node.yes = i;
    node.no = i + 1;
    f.nodes.push_back(node);
    f.leaves.push_back({op.leaf_targetids[i], weights[i]});
  }
  for (int64_t r : op.tree_roots) f.roots.push_back(target(r, 0));
  FERRY_RETURN_IF_ERROR(f.check());
  return f;
}

// The scores of every row, as elements of T, and the labels of a classifier.
template <class T, class Op>
Status score_rows(const Op& op, EvalContext& c, const Rows& x, const ForestModel& model, Tensor& y,
                  Tensor* labels) {
  std::vector<double> scores;
  T* to = y.data<T>();
  for (int64_t i = 0; i < x.n; ++i) {
    FERRY_RETURN_IF_ERROR(c.poll());
    FERRY_RETURN_IF_ERROR(model.forest.evaluate(x.row(i), model.how, scores));
    const size_t best = model.finish(scores);
    if constexpr (std::is_same_v<Op, TreeEnsembleClassifier>) labels_of(op).write(*labels, i, best);
    for (double s : scores) *to++ = T(static_cast<compute_t<T>>(s));
  }
  return {};
}

template <class Op>
Status eval(const Op& op, EvalContext& c) {
  PollEvery polls(c);
  FERRY_ASSIGN_OR_RETURN(const Rows x, read_rows(c, c.input(0)));
  FERRY_ASSIGN_OR_RETURN(const ForestModel model, make_forest_model(op, polls));
  FERRY_RETURN_IF_ERROR(model.check_features(x.features));
  const Dims dims{x.n, model.forest.num_targets};
  if constexpr (std::is_same_v<Op, TreeEnsembleClassifier>) {
    FERRY_ASSIGN_OR_RETURN(Tensor labels, c.output(0, labels_of(op).dtype(), Dims{x.n}));
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(1, DType::kFloat32, dims));
    return score_rows<float>(op, c, x, model, y, &labels);
  } else if constexpr (std::is_same_v<Op, TreeEnsembleRegressor>) {
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, DType::kFloat32, dims));
    return score_rows<float>(op, c, x, model, y, nullptr);
  } else {
    FERRY_ASSIGN_OR_RETURN(Tensor y, c.output(0, c.input(0).dtype(), dims));
    return visit_floating(
        y.dtype(), [&]<class T>(TypeTag<T>) { return score_rows<T>(op, c, x, model, y, nullptr); });
  }
}

// The attributes that both older operators have, where the leaves' are called `leaf`.
template <class Op>
void tree_attrs(OpBuilder<Op>& b, const std::string& leaf) {
  using A = TreeAttributes;
  const auto add = [&]<class M>(const std::string& name, M A::*member) {
    b.attr(name, static_cast<M Op::*>(member));
  };
  add("nodes_treeids", &A::nodes_treeids);
  add("nodes_nodeids", &A::nodes_nodeids);
  add("nodes_featureids", &A::nodes_featureids);
  add("nodes_truenodeids", &A::nodes_truenodeids);
  add("nodes_falsenodeids", &A::nodes_falsenodeids);
  add("nodes_missing_value_tracks_true", &A::nodes_missing_value_tracks_true);
  add("nodes_modes", &A::nodes_modes);
  add("nodes_values", &A::nodes_values);
  add("nodes_hitrates", &A::nodes_hitrates);
  add("nodes_values_as_tensor", &A::nodes_values_as_tensor);
  add("nodes_hitrates_as_tensor", &A::nodes_hitrates_as_tensor);
  add(leaf + "_treeids", &A::leaf_treeids);
  add(leaf + "_nodeids", &A::leaf_nodeids);
  add(leaf + "_ids", &A::leaf_ids);
  add(leaf + "_weights", &A::leaf_weights);
  add(leaf + "_weights_as_tensor", &A::leaf_weights_as_tensor);
  add("base_values", &A::base_values);
  add("base_values_as_tensor", &A::base_values_as_tensor);
}

}  // namespace

Status ForestModel::check_features(int64_t features) const {
  if (forest.num_features <= features) return {};
  return shape_mismatch("x has {} features, the trees use {}", features, forest.num_features);
}

size_t ForestModel::finish(std::vector<double>& scores) const {
  if (only_class) {
    const double score = scores[*only_class] + (base.empty() ? 0 : base.back());
    const bool complement = *only_class == 0 && is_probability && post != PostTransform::kLogistic;
    scores = {*only_class == 1 ? 0 : complement ? 1 - score : -score, score};
    if (!complement || post == PostTransform::kProbit) apply_post_transform(post, scores);
    return score > (is_probability ? 0.5 : 0.0) ? 1 : 0;
  }
  for (size_t k = 0; k < scores.size() && !base.empty(); ++k) {
    scores[k] += base[base.size() == 1 ? 0 : std::min(k, base.size() - 1)];
  }
  const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
  apply_post_transform(post, scores);
  return static_cast<size_t>(best);
}

Result<ForestModel> make_forest_model(const TreeEnsembleRegressor& op, PollEvery& polls) {
  ForestModel m;
  FERRY_ASSIGN_OR_RETURN(m.forest, make_forest(op, op.n_targets, polls));
  FERRY_ASSIGN_OR_RETURN(m.how, parse_aggregate(op.aggregate_function));
  FERRY_ASSIGN_OR_RETURN(m.post, parse_post_transform(op.post_transform));
  FERRY_ASSIGN_OR_RETURN(m.base, number_list(op.base_values, op.base_values_as_tensor));
  FERRY_RETURN_IF_ERROR(check_base(m.base, op.n_targets));
  return m;
}

Result<ForestModel> make_forest_model(const TreeEnsembleClassifier& op, PollEvery& polls) {
  ForestModel m;
  const auto classes = static_cast<int64_t>(labels_of(op).size());
  FERRY_ASSIGN_OR_RETURN(m.forest, make_forest(op, classes, polls));
  FERRY_ASSIGN_OR_RETURN(m.post, parse_post_transform(op.post_transform));
  FERRY_ASSIGN_OR_RETURN(m.base, number_list(op.base_values, op.base_values_as_tensor));
  FERRY_RETURN_IF_ERROR(check_base(m.base, classes));
  const auto& leaves = m.forest.leaves;
  if (classes == 2 && !leaves.empty() &&
      std::all_of(leaves.begin(), leaves.end(),
                  [&](const ForestLeaf& l) { return l.target == leaves[0].target; })) {
    m.only_class = static_cast<size_t>(leaves[0].target);
    m.is_probability = std::all_of(leaves.begin(), leaves.end(),
                                   [](const ForestLeaf& l) { return l.weight >= 0; });
  }
  return m;
}

Result<ForestModel> make_forest_model(const TreeEnsemble& op, PollEvery& polls) {
  ForestModel m;
  FERRY_ASSIGN_OR_RETURN(m.forest, make_ensemble(op, polls));
  m.how = static_cast<Aggregate>(op.aggregate_function);
  m.post = static_cast<PostTransform>(op.post_transform);
  return m;
}

void register_tree_ensemble(OpRegistry& r) {
  using R = TreeEnsembleRegressor;
  auto regressor = r.op<R>("ai.onnx.ml.TreeEnsembleRegressor");
  tree_attrs(regressor, "target");
  regressor.since(3)
      .attr("aggregate_function", &R::aggregate_function)
      .attr("n_targets", &R::n_targets)
      .attr("post_transform", &R::post_transform)
      .infer(infer_regressor)
      .reference(eval<R>);
  using C = TreeEnsembleClassifier;
  auto classifier = r.op<C>("ai.onnx.ml.TreeEnsembleClassifier");
  tree_attrs(classifier, "class");
  classifier.since(3)
      .outputs(1, 2)
      .attr("classlabels_int64s", &C::classlabels_int64s)
      .attr("classlabels_strings", &C::classlabels_strings)
      .attr("post_transform", &C::post_transform)
      .infer(infer_classifier)
      .reference(eval<C>);
  using T = TreeEnsemble;
  r.op<T>("ai.onnx.ml.TreeEnsemble")
      .since(5)
      .attr("aggregate_function", &T::aggregate_function)
      .attr("post_transform", &T::post_transform)
      .attr("n_targets", &T::n_targets)
      .required("tree_roots", &T::tree_roots)
      .required("nodes_featureids", &T::nodes_featureids)
      .required("nodes_truenodeids", &T::nodes_truenodeids)
      .required("nodes_falsenodeids", &T::nodes_falsenodeids)
      .required("nodes_trueleafs", &T::nodes_trueleafs)
      .required("nodes_falseleafs", &T::nodes_falseleafs)
      .attr("nodes_missing_value_tracks_true", &T::nodes_missing_value_tracks_true)
      .required("nodes_modes", &T::nodes_modes)
      .required("nodes_splits", &T::nodes_splits)
      .attr("nodes_hitrates", &T::nodes_hitrates)
      .attr("membership_values", &T::membership_values)
      .required("leaf_targetids", &T::leaf_targetids)
      .required("leaf_weights", &T::leaf_weights)
      .infer(infer_ensemble)
      .reference(eval<T>);
}

}  // namespace ferry
