// SPDX-License-Identifier: Apache-2.0
#include "arrays.h"

#include <nanobind/ndarray.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "errors.h"
#include "text.h"

namespace nb = nanobind;

namespace ferry::python {
namespace {

// Owned references for the life of the process; null: no array has this type.
std::array<PyArray_Descr*, kNumDTypes> dtypes{};

// Between two looks at the clock: about a millisecond.
constexpr int64_t kTexts = 4096;
constexpr int64_t kElements = 256 << 10;
constexpr int64_t kKeys = 64;

// Calls f(from, to) for ranges that cover [0, n).
template <class F>
void in_ranges(int64_t n, const TimeLeft& time, F&& f) {
  for (int64_t from = 0; from < n; from += kElements) {
    time.check();
    f(from, std::min(n, from + kElements));
  }
}

bool is_packed(DType type) { return dtype_bits(type) == 4 || dtype_bits(type) == 2; }

PyArrayObject* as_array(nb::handle object) {
  return reinterpret_cast<PyArrayObject*>(object.ptr());
}

nb::object steal(PyObject* object) {
  if (!object) throw nb::python_error();
  return nb::steal(object);
}

std::string python_type(nb::handle object) { return Py_TYPE(object.ptr())->tp_name; }

// "a list", "an int"
std::string a_python_type(nb::handle object) {
  const std::string name = python_type(object);
  return (std::string("aeiouAEIOU").find(name[0]) == std::string::npos ? "a " : "an ") + name;
}

// The element type of "f32[N]", "seq(i64[...])", "optional(seq(f32))"; kUndefined for maps.
DType element_type(std::string_view type) {
  for (std::string_view outer : {"optional(", "seq(", "opt("}) {
    if (type.starts_with(outer)) return element_type(type.substr(outer.size()));
  }
  const std::string_view name = type.substr(0, type.find_first_of("[])"));
  for (int i = 1; i < kNumDTypes; ++i) {
    if (dtype_name(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  }
  return DType::kUndefined;
}

DType builtin_type(char kind, size_t size) {
  switch (kind) {
    case 'b':
      return DType::kBool;
    case 'f':
      return size == 2   ? DType::kFloat16
             : size == 4 ? DType::kFloat32
             : size == 8 ? DType::kFloat64
                         : DType::kUndefined;
    case 'i':
      return size == 1   ? DType::kInt8
             : size == 2 ? DType::kInt16
             : size == 4 ? DType::kInt32
                         : DType::kInt64;
    case 'u':
      return size == 1   ? DType::kUInt8
             : size == 2 ? DType::kUInt16
             : size == 4 ? DType::kUInt32
                         : DType::kUInt64;
    case 'c':
      return size == 8 ? DType::kComplex64 : size == 16 ? DType::kComplex128 : DType::kUndefined;
    case 'O':
    case 'U':
    case 'S':
    case 'T':
      return DType::kString;
    default:
      return DType::kUndefined;
  }
}

DType type_of(PyArrayObject* array) {
  const PyArray_Descr* descr = PyArray_DESCR(array);
  if (descr->type_num >= NPY_USERDEF) {
    for (int i = 1; i < kNumDTypes; ++i) {
      if (dtypes[i] && dtypes[i]->type_num == descr->type_num) return static_cast<DType>(i);
    }
    return DType::kUndefined;
  }
  return builtin_type(descr->kind, static_cast<size_t>(PyDataType_ELSIZE(descr)));
}

// Integers stand for the bits of types that NumPy lacks (packed integers: for their values).
bool stands_for(DType given, DType wanted) {
  switch (wanted) {
    case DType::kBFloat16:
      return given == DType::kUInt16;
    case DType::kInt4:
    case DType::kInt2:
      return given == DType::kInt8;
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E4M3FNUZ:
    case DType::kFloat8E5M2:
    case DType::kFloat8E5M2FNUZ:
    case DType::kFloat8E8M0:
    case DType::kUInt4:
    case DType::kUInt2:
    case DType::kFloat4E2M1:
      return given == DType::kUInt8;
    default:
      return false;
  }
}

Dims dims_of(PyArrayObject* array, const std::string& name) {
  const int rank = PyArray_NDIM(array);
  if (rank > static_cast<int>(Dims::kMaxRank)) {
    raise(Code::kInvalidArgument,
          name + " has " + std::to_string(rank) + " dimensions; at most 16 are possible");
  }
  Dims dims;
  for (int i = 0; i < rank; ++i) dims.push_back(PyArray_DIM(array, i));
  return dims;
}

std::string text_of(nb::handle item, const std::string& name, const std::string& wanted) {
  if (PyUnicode_Check(item.ptr())) {
    if (PyUnicode_IS_COMPACT_ASCII(item.ptr())) {
      return {static_cast<const char*>(PyUnicode_DATA(item.ptr())),
              static_cast<size_t>(PyUnicode_GET_LENGTH(item.ptr()))};
    }
    PyObject* made = PyUnicode_AsEncodedString(item.ptr(), "utf-8", "surrogateescape");
    if (!made) {
      const nb::python_error why;
      raise(Code::kInvalidArgument, name + " holds a text that UTF-8 cannot spell (" + why.what() +
                                        "); wanted str without lone surrogates, or bytes");
    }
    const nb::object bytes = nb::steal(made);
    return {PyBytes_AS_STRING(bytes.ptr()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.ptr()))};
  }
  if (PyBytes_Check(item.ptr())) {
    return {PyBytes_AS_STRING(item.ptr()), static_cast<size_t>(PyBytes_GET_SIZE(item.ptr()))};
  }
  raise(Code::kInvalidArgument,
        name + " holds an element of type " + python_type(item) + "; wanted " + wanted);
}

Tensor strings_from(nb::handle object, const std::string& name, const std::string& wanted,
                    const TimeLeft& time) {
  const nb::object items = steal(PyArray_FROM_OTF(object.ptr(), NPY_OBJECT, NPY_ARRAY_IN_ARRAY));
  PyArrayObject* array = as_array(items);
  Tensor tensor = check(Tensor::allocate(DType::kString, dims_of(array, name)));
  auto* const* from = static_cast<PyObject**>(PyArray_DATA(array));
  for (int64_t i = 0; i < tensor.count(); ++i) {
    if (i % kTexts == 0) time.check();
    tensor.data<std::string>()[i] = text_of(from[i], name, wanted);
  }
  return tensor;
}

// One element per byte to packed bits, low bits first.
Tensor pack(DType type, const Dims& dims, const uint8_t* from, const TimeLeft& time) {
  Tensor tensor = check(Tensor::allocate(type, dims));
  const int bits = dtype_bits(type);
  const int per_byte = 8 / bits;
  const int mask = (1 << bits) - 1;
  auto* to = tensor.data<uint8_t>();
  in_ranges(tensor.count(), time, [&](int64_t i, int64_t end) {
    for (; i < end; ++i) {
      const int before = i % per_byte == 0 ? 0 : to[i / per_byte];
      to[i / per_byte] = static_cast<uint8_t>(before | ((from[i] & mask) << (i % per_byte * bits)));
    }
  });
  return tensor;
}

void unpack(const Tensor& tensor, uint8_t* to, const TimeLeft& time) {
  const DType type = tensor.dtype();
  const int bits = dtype_bits(type);
  const int per_byte = 8 / bits;
  const int mask = (1 << bits) - 1;
  const bool is_signed = type == DType::kInt4 || type == DType::kInt2;
  const auto* from = tensor.data<uint8_t>();
  in_ranges(tensor.count(), time, [&](int64_t i, int64_t end) {
    for (; i < end; ++i) {
      int value = (from[i / per_byte] >> (i % per_byte * bits)) & mask;
      if (is_signed && value >> (bits - 1)) value -= 1 << bits;
      to[i] = static_cast<uint8_t>(value);
    }
  });
}

// A dense copy in native byte order, some elements of the first axis that has several at a time.
nb::object dense_copy(nb::handle object, const TimeLeft& time) {
  PyArrayObject* from = as_array(object);
  PyArray_Descr* native = PyArray_DescrNewByteorder(PyArray_DESCR(from), NPY_NATIVE);
  if (!native) throw nb::python_error();
  nb::object to = steal(PyArray_NewLikeArray(from, NPY_CORDER, native, 0));
  int axis = 0;
  while (axis + 1 < PyArray_NDIM(from) && PyArray_DIM(from, axis) == 1) ++axis;
  const npy_intp n = PyArray_NDIM(from) == 0 ? 1 : PyArray_DIM(from, axis);
  const npy_intp each = std::max<npy_intp>(PyArray_SIZE(from) / std::max<npy_intp>(n, 1), 1);
  const npy_intp step = std::max<npy_intp>(kElements / each, 1);
  for (npy_intp at = 0; at < n; at += step) {
    time.check();
    nb::object part = to, source = nb::borrow(object);
    if (step < n) {
      nb::list index;
      for (int i = 0; i < axis; ++i) index.append(nb::slice(nb::none(), nb::none(), nb::none()));
      index.append(nb::slice(nb::int_(at), nb::int_(std::min(n, at + step)), nb::none()));
      part = to[nb::tuple(index)];
      source = source[nb::tuple(index)];
    }
    if (PyArray_CopyInto(as_array(part), as_array(source)) < 0) throw nb::python_error();
  }
  return to;
}

Tensor from_array(nb::handle object, const Wanted& wanted, Keep& keep, const TimeLeft& time) {
  const DType expected = element_type(wanted.type);
  DType type = type_of(as_array(object));
  if (type == DType::kUndefined) {
    raise(Code::kInvalidArgument,
          wanted.name + " is an array of " +
              std::string(nb::str(nb::object(object.attr("dtype"))).c_str()) + "; wanted " +
              wanted.type);
  }
  if (type == DType::kString) {
    const bool numbers = expected != DType::kUndefined && expected != DType::kString;
    return strings_from(object, wanted.name,
                        numbers ? wanted.type +
                                      ", which an array of objects is not; convert it "
                                      "with astype()"
                                : "str or bytes",
                        time);
  }
  if (stands_for(type, expected)) type = expected;

  nb::object dense = nb::borrow(object);
  if (!PyArray_ISCARRAY_RO(as_array(object))) {
    dense = dense_copy(object, time);
  }
  PyArrayObject* array = as_array(dense);
  const Dims dims = dims_of(array, wanted.name);
  const void* data = PyArray_DATA(array);
  if (is_packed(type)) return pack(type, dims, static_cast<const uint8_t*>(data), time);
  keep.push_back(std::move(dense));
  return Tensor::borrow(type, dims, data);
}

DType dlpack_type(nb::dlpack::dtype type) {
  using Kind = nb::dlpack::dtype_code;
  if (type.lanes != 1) return DType::kUndefined;
  const size_t size = type.bits / 8;
  switch (static_cast<Kind>(type.code)) {
    case Kind::Float:
      return builtin_type('f', size);
    case Kind::Int:
      return builtin_type('i', size);
    case Kind::UInt:
      return builtin_type('u', size);
    case Kind::Complex:
      return builtin_type('c', size);
    case Kind::Bool:
      return DType::kBool;
    case Kind::Bfloat:
      return DType::kBFloat16;
    case Kind::Float8_E4M3FN:
      return DType::kFloat8E4M3FN;
    case Kind::Float8_E4M3FNUZ:
      return DType::kFloat8E4M3FNUZ;
    case Kind::Float8_E5M2:
      return DType::kFloat8E5M2;
    case Kind::Float8_E5M2FNUZ:
      return DType::kFloat8E5M2FNUZ;
    case Kind::Float8_E8M0FNU:
      return DType::kFloat8E8M0;
    default:
      return DType::kUndefined;
  }
}

Tensor from_dlpack(nb::handle object, const Wanted& wanted, Keep& keep, const TimeLeft& time) {
  nb::ndarray<nb::ro, nb::device::cpu> view;
  if (!nb::try_cast(object, view)) {
    raise(Code::kInvalidArgument, wanted.name + " is " + a_python_type(object) +
                                      " that is not readable as a CPU tensor through DLPack");
  }
  const DType type = dlpack_type(view.dtype());
  // Integers of 4 bits, say, are none of NumPy's.
  if (type == DType::kUndefined || dtype_bits(type) != view.dtype().bits) {
    raise(Code::kInvalidArgument,
          wanted.name + ": a DLPack tensor of this element type is not supported; wanted " +
              wanted.type);
  }
  if (view.ndim() > Dims::kMaxRank) {
    raise(Code::kInvalidArgument, wanted.name + " has more than 16 dimensions");
  }
  Dims dims;
  for (size_t i = 0; i < view.ndim(); ++i) dims.push_back(static_cast<int64_t>(view.shape(i)));
  const size_t item = static_cast<size_t>(dtype_bits(type)) / 8;
  bool dense = reinterpret_cast<uintptr_t>(view.data()) % item == 0;
  for (int64_t step = 1, i = static_cast<int64_t>(view.ndim()) - 1; i >= 0; --i) {
    dense = dense && (dims[i] == 1 || view.stride(i) == step);
    step *= dims[i];
  }
  if (dense || dims.count() == 0) {
    keep.push_back(nb::cast(view));
    return Tensor::borrow(type, dims, static_cast<const void*>(view.data()));
  }
  Tensor tensor = check(Tensor::allocate(type, dims));
  Dims at = Dims::filled(dims.size(), 0);
  const auto* from = static_cast<const char*>(view.data());
  char* to = tensor.data<char>();
  for (int64_t n = 0; n < tensor.count(); ++n, to += item) {
    if (n % kElements == 0) time.check();
    int64_t offset = 0;
    for (size_t i = 0; i < dims.size(); ++i) offset += at[i] * view.stride(i);
    std::memcpy(to, from + offset * static_cast<int64_t>(item), item);
    for (size_t i = dims.size(); i-- > 0;) {
      if (++at[i] < dims[i]) break;
      at[i] = 0;
    }
  }
  return tensor;
}

// Numbers, text and nested lists, as the element type that the model wants.
Tensor from_plain(nb::handle object, const Wanted& wanted, Keep& keep, const TimeLeft& time) {
  const DType type = element_type(wanted.type);
  PyArray_Descr* descr = nullptr;
  if (type != DType::kUndefined) descr = dtypes[static_cast<size_t>(type)];
  Py_XINCREF(descr);
  PyObject* made = PyArray_FromAny(object.ptr(), descr, 0, 0, NPY_ARRAY_CARRAY_RO, nullptr);
  if (!made) {
    nb::python_error why;
    raise(Code::kInvalidArgument, wanted.name + " is " + a_python_type(object) +
                                      "; wanted an array for " + wanted.type + " (" + why.what() +
                                      ")");
  }
  const nb::object array = nb::steal(made);
  // NumPy cuts off fractions and reads numbers in text.
  if (PyArray_ISNUMBER(as_array(array)) || PyArray_ISBOOL(as_array(array))) {
    nb::module_::import_("ferry.arguments").attr("exact")(wanted.name, object, array, wanted.type);
  }
  return from_array(array, wanted, keep, time);
}

Value from_dict(nb::dict dict, const Wanted& wanted, Keep& keep, const TimeLeft& time) {
  // "map(i64,f32)": keys of the first type, values of the second.
  const size_t open = wanted.type.find("map("), comma = wanted.type.find(',', open);
  const bool known = open != std::string::npos && comma != std::string::npos;
  const Wanted key{wanted.name, known ? wanted.type.substr(open + 4, comma - open - 4) : ""};
  const Wanted item{wanted.name, known ? wanted.type.substr(comma + 1) : ""};
  Map map;
  Keep own;
  nb::list keys = dict.keys();
  map.keys = check(from_plain(keys, key, own, time).clone());
  for (nb::handle value : dict.values()) {
    if (map.values.size() % kKeys == 0) time.check();
    map.values.push_back(to_value(value, item, keep, time));
  }
  return Value(std::move(map));
}

nb::object array_of_strings(const Tensor& tensor, npy_intp* dims, const TimeLeft& time) {
  nb::object made = steal(PyArray_SimpleNew(static_cast<int>(tensor.rank()), dims, NPY_OBJECT));
  auto** to = static_cast<PyObject**>(PyArray_DATA(as_array(made)));
  for (int64_t i = 0; i < tensor.count(); ++i) {
    if (i % kTexts == 0) time.check();
    const std::string& text = tensor.data<std::string>()[i];
    PyObject* item =
        PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogateescape");
    if (!item) throw nb::python_error();
    Py_XDECREF(to[i]);
    to[i] = item;
  }
  return made;
}

nb::object array_from(Tensor tensor, const TimeLeft& time) {
  std::array<npy_intp, Dims::kMaxRank> dims{};
  for (size_t i = 0; i < tensor.rank(); ++i) dims[i] = tensor.dim(i);
  const int rank = static_cast<int>(tensor.rank());
  if (tensor.dtype() == DType::kString) return array_of_strings(tensor, dims.data(), time);
  PyArray_Descr* descr = dtypes[static_cast<size_t>(tensor.dtype())];
  if (!descr) raise(Code::kUnsupportedType, "NumPy has no array for " + tensor.describe());
  Py_INCREF(descr);
  if (is_packed(tensor.dtype())) {
    nb::object made = steal(PyArray_NewFromDescr(&PyArray_Type, descr, rank, dims.data(), nullptr,
                                                 nullptr, 0, nullptr));
    unpack(tensor, static_cast<uint8_t*>(PyArray_DATA(as_array(made))), time);
    return made;
  }
  auto owner = std::make_unique<Tensor>(std::move(tensor));
  nb::object made = steal(PyArray_NewFromDescr(&PyArray_Type, descr, rank, dims.data(), nullptr,
                                               owner->raw(), NPY_ARRAY_CARRAY, nullptr));
  nb::capsule base(owner.get(), [](void* p) noexcept { delete static_cast<Tensor*>(p); });
  owner.release();
  if (PyArray_SetBaseObject(as_array(made), base.release().ptr()) < 0) throw nb::python_error();
  return made;
}

// A number as Python has it, or null for what is none.
PyObject* plain_number(const Value& value) {
  if (!value.is_tensor() || value.tensor().rank() != 0) return nullptr;
  const Tensor& t = value.tensor();
  switch (t.dtype()) {
    case DType::kFloat32:
      return PyFloat_FromDouble(static_cast<double>(*t.data<float>()));
    case DType::kFloat64:
      return PyFloat_FromDouble(*t.data<double>());
    case DType::kInt64:
      return PyLong_FromLongLong(*t.data<int64_t>());
    default:
      return nullptr;
  }
}

// The keys of a map; of those of one ZipMap, which share theirs, made once.
class KeyList {
 public:
  const nb::object& of(const Tensor& keys, const TimeLeft& time) {
    if (!list_.is_valid() || keys.raw() != data_ || keys.count() != count_) {
      list_ = array_from(keys, time).attr("tolist")();
      data_ = keys.raw(), count_ = keys.count();
    }
    return list_;
  }

 private:
  nb::object list_;
  const void* data_ = nullptr;
  int64_t count_ = 0;
};

nb::object dict_from(const Map& map, const TimeLeft& time, KeyList& keys) {
  nb::dict dict;
  size_t i = 0;
  for (nb::handle key : keys.of(map.keys, time)) {
    if (i % kKeys == 0) time.check();
    const Value& item = map.values[i++];
    if (PyObject* number = plain_number(item)) {
      dict[key] = steal(number);
      continue;
    }
    nb::object value = to_python(item, time);
    if (PyArray_Check(value.ptr()) && PyArray_NDIM(as_array(value)) == 0)
      value = value.attr("item")();
    dict[key] = value;
  }
  return dict;
}

bool is_sequence_type(const std::string& type) {
  return type.starts_with("seq(") || type.find("(seq(") != std::string::npos;
}

Wanted element_of(const Wanted& wanted) {
  const size_t open = wanted.type.find("seq(");
  if (open == std::string::npos) return wanted;
  return {wanted.name, wanted.type.substr(open + 4)};
}

}  // namespace

void start_numpy() {
  if (_import_array() < 0) throw nb::python_error();
}

void set_dtypes(nb::list given) {
  for (size_t i = 0; i < dtypes.size() && i < given.size(); ++i) {
    const nb::object item = given[i];
    if (item.is_none()) continue;
    if (!PyArray_DescrCheck(item.ptr())) throw nb::type_error("wanted NumPy dtypes");
    dtypes[i] = reinterpret_cast<PyArray_Descr*>(nb::object(item).release().ptr());
  }
}

nb::object numpy_dtype(DType type) {
  PyArray_Descr* descr = dtypes[static_cast<size_t>(type)];
  return descr ? nb::borrow(reinterpret_cast<PyObject*>(descr)) : nb::none();
}

Value to_value(nb::handle object, const Wanted& wanted, Keep& keep, const TimeLeft& time) {
  if (object.is_none()) return {};
  if (PyArray_Check(object.ptr())) return from_array(object, wanted, keep, time);
  if (PyDict_Check(object.ptr()))
    return from_dict(nb::borrow<nb::dict>(object), wanted, keep, time);
  if ((PyList_Check(object.ptr()) || PyTuple_Check(object.ptr())) &&
      is_sequence_type(wanted.type)) {
    Sequence sequence;
    const Wanted element = element_of(wanted);
    for (nb::handle item : object) {
      if (sequence.size() % kTexts == 0) time.check();
      sequence.push_back(to_value(item, element, keep, time));
    }
    return Value(std::move(sequence));
  }
  // NumPy's scalars are arrays of rank 0 and keep their type.
  if (PyArray_IsScalar(object.ptr(), Generic)) {
    const nb::object array = steal(PyArray_FromAny(object.ptr(), nullptr, 0, 0, 0, nullptr));
    return from_array(array, wanted, keep, time);
  }
  if (PyObject_HasAttrString(object.ptr(), "__dlpack__"))
    return from_dlpack(object, wanted, keep, time);
  return from_plain(object, wanted, keep, time);
}

nb::object to_python(Value value, const TimeLeft& time) {
  if (value.is_tensor()) return array_from(std::move(value.tensor()), time);
  if (value.is_sequence()) {
    nb::list list;
    KeyList keys;
    for (const Value& item : value.sequence()) {
      if (nb::len(list) % kTexts == 0) time.check();
      list.append(item.is_map() ? dict_from(item.map(), time, keys) : to_python(item, time));
    }
    return list;
  }
  if (value.is_map()) {
    KeyList keys;
    return dict_from(value.map(), time, keys);
  }
  return nb::none();
}

Tensor to_target(nb::handle object, const Wanted& wanted) {
  if (!PyArray_Check(object.ptr()) || !PyArray_ISCARRAY(as_array(object))) {
    raise(Code::kInvalidArgument,
          wanted.name +
              " must be a NumPy array that is writable, C-contiguous and in native byte order");
  }
  DType type = type_of(as_array(object));
  const DType expected = element_type(wanted.type);
  if (stands_for(type, expected)) type = expected;
  if (type == DType::kUndefined || type == DType::kString || is_packed(type)) {
    raise(Code::kInvalidArgument,
          wanted.name + ": arrays of this element type cannot be written in place");
  }
  return Tensor::borrow(type, dims_of(as_array(object), wanted.name),
                        PyArray_DATA(as_array(object)));
}

void finish_target(const Value& value, Tensor& target, const std::string& name) {
  const bool fits = value.is_tensor() && value.tensor().dtype() == target.dtype() &&
                    value.tensor().dims() == target.dims();
  if (!fits) {
    raise(Code::kShapeMismatch,
          name + " is " + target.describe() + "; the result is " + value.describe());
  }
  if (value.tensor().raw() != target.raw()) {
    std::memcpy(target.raw(), value.tensor().raw(), target.size_bytes());
  }
}

}  // namespace ferry::python
