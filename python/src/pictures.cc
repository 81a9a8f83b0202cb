// SPDX-License-Identifier: Apache-2.0
#include "pictures.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "errors.h"
#include "ferry/picture.h"
#include "text.h"

namespace nb = nanobind;

namespace ferry::python {
namespace {

PictureOptions options_from(const std::string& layout, const std::string& order,
                            const std::string& range) {
  const auto choose = [](const std::string& name, const std::string& given, const char* first,
                         const char* second) {
    if (given == first) return false;
    if (given == second) return true;
    raise(Code::kInvalidArgument,
          name + " is '" + given + "'; wanted '" + first + "' or '" + second + "'");
  };
  PictureOptions options;
  if (choose("layout", layout, "nchw", "nhwc")) options.layout = PictureLayout::kNhwc;
  if (choose("order", order, "rgb", "bgr")) options.order = PictureOrder::kBgr;
  if (choose("range", range, "unit", "255")) options.range = PictureRange::k255;
  return options;
}

nb::object read(nb::bytes path, const std::string& layout, const std::string& order,
                const std::string& range, int channels) {
  PictureOptions options = options_from(layout, order, range);
  options.channels = channels;
  const std::string file = path_from(path);
  auto picture = [&] {
    const nb::gil_scoped_release release;
    return read_picture(file, options);
  }();
  return to_python(Value(check(std::move(picture)).tensor));
}

std::vector<std::string> write(nb::bytes path, nb::handle array, const std::string& layout,
                               const std::string& order, const std::string& range) {
  const PictureOptions options = options_from(layout, order, range);
  Keep keep;
  const Value value = to_value(array, {"picture", "f32[...]"}, keep);
  if (!value.is_tensor()) refuse("picture", array, "an array");
  std::vector<std::string> notes;
  const std::string file = path_from(path);
  const Status status = [&] {
    const nb::gil_scoped_release release;
    return write_picture(file, value.tensor(), options, &notes);
  }();
  check(status);
  return notes;
}

}  // namespace

void bind_pictures(nb::module_& m) {
  using namespace nb::literals;
  m.def("read_picture", &read, "path"_a, "layout"_a, "order"_a, "range"_a, "channels"_a);
  m.def("write_picture", &write, "path"_a, "picture"_a.none(), "layout"_a, "order"_a, "range"_a);
}

}  // namespace ferry::python
