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

// What ferry/pictures.py has made of the options.
struct Asked {
  bool nhwc, bgr, range_255;
  std::vector<float> mean, std;
};

void set_channels(const char* name, const std::vector<float>& given, int64_t channels,
                  std::array<float, 4>& numbers) {
  if (given.size() == 1) return numbers.fill(given[0]);
  if (static_cast<int64_t>(given.size()) != channels) {
    raise(Code::kInvalidArgument, std::string(name) + " has " + std::to_string(given.size()) +
                                      " numbers, the picture has " + std::to_string(channels) +
                                      " channels; wanted one number, or one for each");
  }
  std::copy(given.begin(), given.end(), numbers.begin());
}

PictureOptions options_from(const Asked& asked, int64_t channels) {
  PictureOptions options;
  if (asked.nhwc) options.layout = PictureLayout::kNhwc;
  if (asked.bgr) options.order = PictureOrder::kBgr;
  if (asked.range_255) options.range = PictureRange::k255;
  set_channels("mean", asked.mean, channels, options.mean);
  set_channels("std", asked.std, channels, options.std);
  return options;
}

PictureOptions reading(const Asked& asked, int channels, bool bytes) {
  PictureOptions options = options_from(asked, channels);
  options.channels = channels;
  if (bytes) options.dtype = DType::kUInt8;
  return options;
}

nb::tuple to_tuple(Result<Picture> result) {
  Picture picture = check(std::move(result));
  return nb::make_tuple(to_python(Value(std::move(picture.tensor))), picture.width, picture.height,
                        picture.format, picture.notes);
}

nb::tuple read(nb::bytes path, bool nhwc, bool bgr, bool range_255, const std::vector<float>& mean,
               const std::vector<float>& std, int channels, bool bytes) {
  const PictureOptions options = reading({nhwc, bgr, range_255, mean, std}, channels, bytes);
  const std::string file = path_from(path);
  return to_tuple([&] {
    const nb::gil_scoped_release release;
    return read_picture(file, options);
  }());
}

nb::tuple decode(nb::bytes data, bool nhwc, bool bgr, bool range_255,
                 const std::vector<float>& mean, const std::vector<float>& std, int channels,
                 bool bytes) {
  const PictureOptions options = reading({nhwc, bgr, range_255, mean, std}, channels, bytes);
  const std::span file(static_cast<const std::byte*>(data.data()), data.size());
  return to_tuple([&] {
    const nb::gil_scoped_release release;
    return decode_picture(file, options);
  }());
}

// Of a picture's tensor; 0 where its rank is no picture's, of which write_picture tells.
int64_t channels_of(const Tensor& t, bool nhwc) {
  if (t.rank() == 2) return 1;
  return t.rank() == 3 || t.rank() == 4 ? t.dim(t.rank() - (nhwc ? 1 : 3)) : 0;
}

std::vector<std::string> write(nb::bytes path, nb::handle array, bool nhwc, bool bgr,
                               bool range_255, const std::vector<float>& mean,
                               const std::vector<float>& std, bool down) {
  Keep keep;
  const Value value = to_value(array, {"picture", "f32[...]"}, keep);
  if (!value.is_tensor()) refuse("picture", array, "an array");
  const int64_t channels = channels_of(value.tensor(), nhwc);
  PictureOptions options;
  if (channels > 0) options = options_from({nhwc, bgr, range_255, mean, std}, channels);
  if (down) options.rounding = PictureRounding::kDown;
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
  m.def("read_picture", &read, "path"_a, "layout"_a, "order"_a, "range"_a, "mean"_a, "std"_a,
        "channels"_a, "bytes"_a);
  m.def("decode_picture", &decode, "data"_a, "layout"_a, "order"_a, "range"_a, "mean"_a, "std"_a,
        "channels"_a, "bytes"_a);
  m.def("write_picture", &write, "path"_a, "picture"_a.none(), "layout"_a, "order"_a, "range"_a,
        "mean"_a, "std"_a, "rounding"_a);
}

}  // namespace ferry::python
