// SPDX-License-Identifier: Apache-2.0
#include "plan/value_codec.h"

#include <utility>

#include "base/status.h"
#include "tensor/size.h"

namespace ferry {
namespace {

// Sequences of optionals of maps: what the importer lets pass is far below.
constexpr int kMaxTypeDepth = 64;

struct WriteAttribute {
  ValueWriter& w;
  void operator()(int64_t v) const { w.out().number(v); }
  void operator()(float v) const { w.out().number(v); }
  void operator()(const std::string& v) const { w.out().text(v); }
  void operator()(const Tensor& v) const { w.tensor(v); }
  void operator()(const Type& v) const { w.type(v); }
  template <class T>
  void operator()(const std::vector<T>& v) const {
    w.out().list(v, *this);
  }
};

}  // namespace

void ValueWriter::dim(const Dim& d) {
  out_.number(static_cast<uint8_t>(d.is_constant() ? 0 : 1));
  if (d.is_constant())
    out_.number(d.constant());
  else
    out_.number(expression(d));
}

uint32_t ValueWriter::expression(const Dim& d) {
  const DimExpr* e = d.expr();
  if (const auto it = entries_.find(e); it != entries_.end()) return it->second;
  ByteWriter own;
  const auto part = [&](const Dim& p) {
    own.number(static_cast<uint8_t>(p.is_constant() ? 0 : 1));
    if (p.is_constant())
      own.number(p.constant());
    else
      own.number(expression(p));
  };
  own.number(static_cast<uint8_t>(e->op));
  own.text(e->name);
  own.number(e->constant);
  own.list(e->terms, [&](const DimTerm& term) {
    own.number(term.coefficient);
    own.list(term.factors, part);
  });
  own.list(e->args, part);
  own.number(e->scale);
  table_.raw(own.bytes().data(), own.bytes().size());
  entries_[e] = table_size_;
  return table_size_++;
}

void ValueWriter::type(const Type& t) {
  out_.number(static_cast<uint8_t>(t.kind));
  out_.number(static_cast<uint8_t>(t.dtype));
  out_.number(static_cast<uint8_t>(t.shape.has_value()));
  if (t.shape) out_.list(*t.shape, [&](const Dim& d) { dim(d); });
  out_.number(static_cast<uint8_t>(t.element != nullptr));
  if (t.element) type(*t.element);
}

void ValueWriter::dims(const Dims& d) {
  out_.list(std::vector<int64_t>(d.begin(), d.end()), [&](int64_t x) { out_.number(x); });
}

void ValueWriter::tensor(const Tensor& t) {
  out_.number(static_cast<uint8_t>(t.dtype()));
  dims(t.dims());
  if (t.dtype() == DType::kString) {
    for (int64_t i = 0; i < t.count(); ++i) out_.text(t.data<std::string>()[i]);
  } else if (t.count() > 0) {
    out_.raw(t.raw(), t.size_bytes());
  }
}

void ValueWriter::attribute(const AttrValue& value) {
  out_.number(static_cast<uint8_t>(value.index()));
  std::visit(WriteAttribute{*this}, value);
}

std::vector<std::byte> ValueWriter::finish() {
  ByteWriter all;
  all.number(table_size_);
  all.raw(table_.bytes().data(), table_.bytes().size());
  all.raw(out_.bytes().data(), out_.bytes().size());
  return all.take();
}

ValueReader::ValueReader(std::span<const std::byte> bytes, MemoryBudget* budget)
    : in_(bytes), budget_(budget) {
  read_table();
}

void ValueReader::read_table() {
  const uint32_t n = in_.length();
  entries_.reserve(n);
  for (uint32_t i = 0; i < n && in_.ok(); ++i) entries_.push_back(entry());
}

Dim ValueReader::expression() {
  const auto i = in_.number<uint32_t>();
  if (i < entries_.size()) return entries_[i];
  in_.fail();
  return {};
}

Dim ValueReader::dim() { return in_.flag() ? expression() : Dim(in_.number<int64_t>()); }

// The functions that made the expression make it again, from its parts.
Dim ValueReader::entry() {
  const auto op =
      static_cast<DimOp>(in_.number_to<uint8_t>(static_cast<uint8_t>(DimOp::kSelectEqual)));
  std::string name = in_.text();
  Dim sum = in_.number<int64_t>();
  const uint32_t terms = in_.length();
  if (terms > Dim::kMaxTerms) in_.fail();
  for (uint32_t t = 0; t < terms && in_.ok(); ++t) {
    Dim term = in_.number<int64_t>();
    for (const Dim& factor : in_.list([&] { return dim(); })) term = term * factor;
    sum = sum + term;
  }
  const std::vector<Dim> args = in_.list([&] { return dim(); });
  const auto scale = in_.number<float>();
  const size_t wanted = op == DimOp::kFloorScale                                             ? 1
                        : op == DimOp::kSelectEqual                                          ? 4
                        : op == DimOp::kInvalid || op == DimOp::kSymbol || op == DimOp::kSum ? 0
                                                                                             : 2;
  if (args.size() != wanted) in_.fail();
  if (!in_.ok()) return {};
  switch (op) {
    case DimOp::kInvalid:
      return Dim::invalid();
    case DimOp::kSymbol:
      return Dim::symbol(std::move(name));
    case DimOp::kSum:
      return sum;
    case DimOp::kFloorDiv:
      return floor_div(args[0], args[1]);
    case DimOp::kCeilDiv:
      return ceil_div(args[0], args[1]);
    case DimOp::kMod:
      return mod(args[0], args[1]);
    case DimOp::kMin:
      return min(args[0], args[1]);
    case DimOp::kMax:
      return max(args[0], args[1]);
    case DimOp::kFloorScale:
      return floor_scale(args[0], scale);
    case DimOp::kBroadcast:
      return broadcast(args[0], args[1]);
    case DimOp::kSelectEqual:
      return select_equal(args[0], args[1], args[2], args[3]);
  }
  return {};
}

DType ValueReader::dtype() {
  return static_cast<DType>(in_.number_to<uint8_t>(static_cast<uint8_t>(kNumDTypes - 1)));
}

Type ValueReader::type(int depth) {
  Type t;
  t.kind = static_cast<Type::Kind>(in_.number_to<uint8_t>(static_cast<uint8_t>(Type::Kind::kMap)));
  t.dtype = dtype();
  if (in_.flag()) t.shape = in_.list([&] { return dim(); });
  const bool nested = t.kind == Type::Kind::kSequence || t.kind == Type::Kind::kOptional ||
                      t.kind == Type::Kind::kMap;
  if (in_.flag() != nested || (nested && depth == kMaxTypeDepth)) {
    in_.fail();
    return {};
  }
  if (!nested) return t;
  t.element = std::make_shared<const Type>(type(depth + 1));
  return t;
}

Dims ValueReader::dims() {
  const std::vector<int64_t> d = in_.list([&] { return in_.number<int64_t>(); }, sizeof(int64_t));
  if (d.size() > Dims::kMaxRank) in_.fail();
  return Dims(d);
}

Tensor ValueReader::tensor() {
  const DType type = dtype();
  const Dims d = dims();
  const Result<int64_t> count = checked_count(d);
  const Result<size_t> bytes = checked_size_bytes(type, d);
  if (!in_.ok() || !count.ok() || !bytes.ok()) {
    in_.fail();
    return {};
  }
  const bool strings = type == DType::kString;
  std::span<const std::byte> from;
  if (!strings) from = in_.raw(*bytes);
  // A string takes its length at least.
  std::vector<std::string> texts;
  for (int64_t i = 0; strings && i < *count && in_.ok(); ++i) texts.push_back(in_.text());
  if (!in_.ok()) return {};
  Result<Tensor> made = Tensor::allocate(type, d, budget_);
  if (!made.ok()) {
    in_.fail();
    return {};
  }
  if (!from.empty()) std::memcpy(made->raw(), from.data(), from.size());
  for (size_t i = 0; i < texts.size(); ++i) made->data<std::string>()[i] = std::move(texts[i]);
  return *std::move(made);
}

AttrValue ValueReader::attribute() {
  switch (in_.number<uint8_t>()) {
    case 0:
      return in_.number<int64_t>();
    case 1:
      return in_.number<float>();
    case 2:
      return in_.text();
    case 3:
      return tensor();
    case 4:
      return type();
    case 5:
      return in_.list([&] { return in_.number<int64_t>(); }, sizeof(int64_t));
    case 6:
      return in_.list([&] { return in_.number<float>(); }, sizeof(float));
    case 7:
      return in_.list([&] { return in_.text(); }, sizeof(uint32_t));
    case 8:
      return in_.list([&] { return tensor(); });
    default:
      in_.fail();
      return int64_t{0};
  }
}

}  // namespace ferry
