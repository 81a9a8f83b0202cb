// SPDX-License-Identifier: Apache-2.0
#include "pictures.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "errors.h"
#include "ferry/picture.h"

namespace nb = nanobind;

namespace ferry::python {
namespace {

PictureOptions options_from(const std::string& layout, const std::string& order,
                            const std::string& range) {
  const auto choose = [](const std::string& given, const char* first, const char* second) {
    if (given == first) return false;
    if (given == second) return true;
    raise(Code::kInvalidArgument,
          "'" + given + "' is not known; wanted '" + first + "' or '" + second + "'");
  };
  PictureOptions options;
  if (choose(layout, "nchw", "nhwc")) options.layout = PictureLayout::kNhwc;
  if (choose(order, "rgb", "bgr")) options.order = PictureOrder::kBgr;
  if (choose(range, "unit", "255")) options.range = PictureRange::k255;
  return options;
}

nb::object read(const std::string& path, const std::string& layout, const std::string& order,
                const std::string& range, int channels) {
  PictureOptions options = options_from(layout, order, range);
  options.channels = channels;
  auto picture = [&] {
    const nb::gil_scoped_release release;
    return read_picture(path, options);
  }();
  return to_python(Value(check(std::move(picture)).tensor));
}

std::vector<std::string> write(const std::string& path, nb::handle array, const std::string& layout,
                               const std::string& order, const std::string& range) {
  const PictureOptions options = options_from(layout, order, range);
  Keep keep;
  const Value value = to_value(array, {"picture", "f32[...]"}, keep);
  if (!value.is_tensor()) raise(Code::kInvalidArgument, "picture is no array");
  std::vector<std::string> notes;
  const Status status = [&] {
    const nb::gil_scoped_release release;
    return write_picture(path, value.tensor(), options, &notes);
  }();
  check(status);
  return notes;
}

}  // namespace

void bind_pictures(nb::module_& m) {
  using namespace nb::literals;
  m.def("read_picture", &read, "path"_a, "layout"_a = "nchw", "order"_a = "rgb", "range"_a = "unit",
        "channels"_a = 3,
        "The picture in a file as f32[1,C,H,W] or, for layout 'nhwc', f32[1,H,W,C]; `range` is "
        "'unit' "
        "(0 to 1) or '255'.\nErrors: IoError, InvalidArgument, UnsupportedType, LimitExceeded, "
        "OutOfMemory.");
  m.def(
      "write_picture", &write, "path"_a, "picture"_a, "layout"_a = "nchw", "order"_a = "rgb",
      "range"_a = "unit",
      "Writes f32 or u8 samples as a picture by the extension of `path`; returns notes of what was "
      "clamped or dropped.\nErrors: ShapeMismatch, UnsupportedType, InvalidArgument, IoError.");
}

}  // namespace ferry::python
