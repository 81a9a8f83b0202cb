// SPDX-License-Identifier: Apache-2.0
#include "errors.h"

#include <nanobind/nanobind.h>

#include "ferry/printable.h"

namespace nb = nanobind;

namespace ferry::python {

void raise(const Status& status) {
  const nb::object module = nb::module_::import_("ferry.errors");
  const std::string name(code_name(status.code()));
  const nb::object type = module.attr(name.c_str());
  const std::string message = printable(status.message());
  PyObject* text =
      PyUnicode_DecodeUTF8(message.data(), static_cast<Py_ssize_t>(message.size()), "replace");
  if (text) {
    PyErr_SetObject(type.ptr(), text);
    Py_DECREF(text);
  }
  throw nb::python_error();
}

void raise(Code code, const std::string& message) { raise(Status(code, message)); }

void refuse(const char* argument, nb::handle value, const char* wanted) {
  nb::module_::import_("ferry.arguments").attr("refuse")(argument, value, wanted);
  throw nb::python_error();  // not reached: `refuse` raises
}

}  // namespace ferry::python
