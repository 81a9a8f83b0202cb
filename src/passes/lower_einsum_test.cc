// SPDX-License-Identifier: Apache-2.0
#include "passes/lower_einsum.h"

#include <gtest/gtest.h>

#include "ops/math/einsum.h"
#include "passes/pass_tester.h"

namespace ferry {
namespace {

// NOLINTNEXTLINE(readability-identifier-naming): as symbols are written
const Dim B = Dim::symbol("B"), S = Dim::symbol("S"), W = Dim::symbol("W");

std::string lowered(const std::string& equation, const std::vector<Shape>& shapes,
                    DType dtype = DType::kFloat32) {
  PassTester t;
  std::vector<ValueId> inputs;
  for (const Shape& s : shapes) inputs.push_back(t.input(s, dtype));
  t.output(t.node(make_op("Einsum", Einsum{equation}), inputs));
  return t.run({lower_einsum()}, 1e-5);
}

TEST(LowerEinsum, Products) {
  EXPECT_EQ(lowered("ij,jk->ik", {{2, 3}, {3, 4}}), "MatMul");
  EXPECT_EQ(lowered("bhqd,bhdk->bhqk", {{B, 2, S, 4}, {B, 2, 4, S}}), "MatMul");
  EXPECT_EQ(lowered("bhqd,bhkd->bhqk", {{B, 2, S, 4}, {B, 2, S, 4}}), "Transpose MatMul");
  EXPECT_EQ(lowered("bqhd,bkhd->bhqk", {{B, 5, 2, 4}, {B, 5, 2, 4}}), "Transpose Transpose MatMul");
  EXPECT_EQ(lowered("bcn,cd->bdn", {{2, 3, 5}, {3, 4}}),
            "Transpose Reshape MatMul Reshape Transpose");
  // Several labels in a group.
  EXPECT_EQ(lowered("bqd,dhe->bhqe", {{B, 5, 4}, {4, 2, 3}}),
            "Reshape Reshape MatMul Reshape Transpose");
  EXPECT_EQ(lowered("bij,bij->b", {{B, 3, 4}, {B, 3, 4}}), "Mul ReduceSum");
  EXPECT_EQ(lowered("bij,jib->b", {{B, 3, 4}, {4, 3, B}}), "Transpose Mul ReduceSum");
  EXPECT_EQ(lowered("...ij,...jk->...ik", {{B, 2, 3, 4}, {B, 2, 4, 5}}), "MatMul");
  EXPECT_EQ(lowered("ij,jk", {{2, 3}, {3, 4}}), "MatMul");
  EXPECT_EQ(lowered("ij,jk->ik", {{2, 3}, {3, 4}}, DType::kFloat64), "MatMul");
}

TEST(LowerEinsum, SeveralOperands) {
  EXPECT_EQ(lowered("ij,jk,kl->il", {{2, 3}, {3, 4}, {4, 5}}), "MatMul MatMul");
  EXPECT_EQ(lowered("bqd,bkd,bkv->bqv", {{B, 5, 4}, {B, 6, 4}, {B, 6, 3}}),
            "Transpose MatMul MatMul");
  EXPECT_EQ(lowered("i,j,ij->", {{2}, {3}, {2, 3}}),
            "Reshape Transpose MatMul Reshape Mul ReduceSum");
  // By size: the last two first.
  EXPECT_EQ(lowered("ij,jk,kl->il", {{9, 3}, {3, 9}, {9, 2}}), "MatMul MatMul");
  EXPECT_EQ(lowered("ij,kl,ik,jl->", {{2, 3}, {4, 5}, {2, 4}, {3, 5}}).find("Einsum"),
            std::string::npos);
  EXPECT_EQ(lowered("ij,kl,mn->", {{2, 3}, {4, 5}, {6, 7}}).find("Einsum"), std::string::npos);
  EXPECT_EQ(lowered("...ij,...jk,...kl->...il", {{B, 2, 3}, {B, 3, 4}, {B, 4, 5}}), "Einsum");
}

TEST(LowerEinsum, SizesThatMayBroadcast) {
  EXPECT_EQ(lowered("bij,bjk->bik", {{2, 3, 4}, {1, 4, 5}}), "MatMul");
  EXPECT_EQ(lowered("...ij,...jk->...ik", {{B, 2, 3, 4}, {S, 2, 4, 5}}), "MatMul");
  EXPECT_EQ(lowered("...hqk,...khd->...qhd", {{B, 2, 3, 4}, {S, 4, 2, 5}}),
            "Transpose MatMul Transpose");
  EXPECT_EQ(lowered("bij,bjk->bik", {{1, 3, 4}, {B, 4, 5}}), "MatMul");
  EXPECT_EQ(lowered("bqd,bdhe->bqhe", {{B, 5, 4}, {1, 4, 2, 3}}), "Reshape MatMul Reshape");
  EXPECT_EQ(lowered("bqd,bdhe->bqhe", {{B, 5, 4}, {S, 4, 2, 3}}), "Reshape MatMul Reshape");
  EXPECT_EQ(lowered("bij,bij->b", {{B, 3, 4}, {S, 3, 4}}), "Mul ReduceSum");
  EXPECT_EQ(lowered("ij,ij->ij", {{2, 3}, {1, 3}}), "Mul");
  // Summed where it may be 1.
  EXPECT_EQ(lowered("ij,jk->ik", {{2, B}, {S, 3}}), "Einsum");
  EXPECT_EQ(lowered("bij,bij->b", {{2, 3, B}, {2, 3, S}}), "Einsum");
}

// Masks of pictures of any size.
TEST(LowerEinsum, ResultsWithSeveralUnknownSizes) {
  EXPECT_EQ(lowered("bqc,bchw->bqhw", {{B, 5, 4}, {B, 4, S, W}}),
            "Reshape MatMul Shape Shape Shape Shape Concat Reshape");
  EXPECT_EQ(lowered("qc,chw->hwq", {{5, 4}, {4, S, W}}),
            "Reshape MatMul Shape Shape Shape Concat Reshape Transpose");
  EXPECT_EQ(lowered("bxyc,cd->bdxy", {{B, S, W, 4}, {4, 3}}),
            "Reshape MatMul Shape Shape Shape Shape Concat Reshape Transpose");
}

TEST(LowerEinsum, WithoutSummedLabels) {
  EXPECT_EQ(lowered("ij,ij->ij", {{B, 3}, {B, 3}}), "Mul");
  EXPECT_EQ(lowered("bi,bj->bij", {{2, 3}, {2, 4}}), "Reshape Reshape Mul");
  EXPECT_EQ(lowered("i,j->ji", {{3}, {4}}), "Reshape Reshape Mul");
  EXPECT_EQ(lowered("...i,i->...i", {{2, 3}, {3}}), "Reshape Mul");
}

TEST(LowerEinsum, OneOperandAndPrivateLabels) {
  EXPECT_EQ(lowered("ij->ji", {{B, 3}}), "Transpose");
  EXPECT_EQ(lowered("ijk->k", {{B, 3, 4}}), "ReduceSum");
  EXPECT_EQ(lowered("ij,k->k", {{B, 3}, {4}}).find("Einsum"), std::string::npos);
  EXPECT_EQ(lowered("ijx,jk->ik", {{2, 3, 5}, {3, 4}}), "ReduceSum MatMul");
  EXPECT_EQ(lowered("i,i->", {{3}, {3}}).find("Einsum"), std::string::npos);
}

TEST(LowerEinsum, Refuses) {
  EXPECT_EQ(lowered("ii->i", {{3, 3}}), "Einsum");                             // a diagonal
  EXPECT_EQ(lowered("ij,jk->ik", {{2, 3}, {3, 4}}, DType::kInt32), "Einsum");  // integers
}

}  // namespace
}  // namespace ferry
