// SPDX-License-Identifier: Apache-2.0
// Convolutions by plain loops in double, and test images: what the tests of this folder compare
// with.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/conv/conv.h"

namespace ferry::reference {

inline constexpr float kGuard = 12345.0f;

inline std::vector<float> random_values(int64_t n, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& v : values) v = uniform(generator);
  return values;
}

// 64-byte aligned storage of floats (or other small types).
template <class T = float>
class Aligned {
 public:
  explicit Aligned(int64_t n) : storage_(static_cast<size_t>(n) * sizeof(T) + 64) {}
  T* get() {
    void* p = storage_.data();
    size_t space = storage_.size();
    return static_cast<T*>(std::align(64, 1, p, space));
  }

 private:
  std::vector<char> storage_;
};

inline void set_output_size(ConvShape& s, const int64_t (&pad_end)[3]) {
  for (int d = 0; d < 3; ++d) {
    s.out[d] =
        (s.in[d] + s.pad[d] + pad_end[d] - (s.kernel[d] - 1) * s.dilation[d] - 1) / s.stride[d] + 1;
  }
}

inline int64_t pixels(int64_t batch, const int64_t (&size)[3]) {
  return batch * size[0] * size[1] * size[2];
}

// A convolution's sum and the sum of magnitudes, before bias and epilogue, of output (n, d, h, w,
// o).
struct Sum {
  double value = 0, size = 1;
};
inline Sum conv_at(const ConvShape& s, const float* x, int64_t x_pitch, const float* weights,
                   int64_t n, const int64_t (&at)[3], int64_t o) {
  Sum sum;
  const int64_t group = o / s.group_out();
  for (int64_t kd = 0; kd < s.kernel[0]; ++kd) {
    for (int64_t kh = 0; kh < s.kernel[1]; ++kh) {
      for (int64_t kw = 0; kw < s.kernel[2]; ++kw) {
        const int64_t d = at[0] * s.stride[0] + kd * s.dilation[0] - s.pad[0];
        const int64_t h = at[1] * s.stride[1] + kh * s.dilation[1] - s.pad[1];
        const int64_t w = at[2] * s.stride[2] + kw * s.dilation[2] - s.pad[2];
        if (d < 0 || h < 0 || w < 0 || d >= s.in[0] || h >= s.in[1] || w >= s.in[2]) continue;
        const float* pixel = x + (((n * s.in[0] + d) * s.in[1] + h) * s.in[2] + w) * x_pitch;
        for (int64_t c = 0; c < s.group_in(); ++c) {
          const float weight =
              weights[(((o * s.group_in() + c) * s.kernel[0] + kd) * s.kernel[1] + kh) *
                          s.kernel[2] +
                      kw];
          const double product = double{pixel[group * s.group_in() + c]} * weight;
          sum.value += product;
          sum.size += std::fabs(product);
        }
      }
    }
  }
  return sum;
}

// Calls visit(n, {d, h, w}, pixel index) for every output pixel.
template <class Visit>
void for_each_output(const ConvShape& s, const Visit& visit) {
  int64_t pixel = 0;
  for (int64_t n = 0; n < s.batch; ++n) {
    for (int64_t d = 0; d < s.out[0]; ++d) {
      for (int64_t h = 0; h < s.out[1]; ++h) {
        for (int64_t w = 0; w < s.out[2]; ++w, ++pixel) {
          const int64_t at[3] = {d, h, w};
          visit(n, at, pixel);
        }
      }
    }
  }
}

inline std::string describe(const ConvShape& s) {
  std::string text = std::to_string(s.batch) + "x" + std::to_string(s.in_channels) + "->" +
                     std::to_string(s.out_channels) + " groups " + std::to_string(s.groups);
  for (int d = 0; d < 3; ++d) {
    text += " [in " + std::to_string(s.in[d]) + " out " + std::to_string(s.out[d]) + " k " +
            std::to_string(s.kernel[d]) + " s " + std::to_string(s.stride[d]) + " d " +
            std::to_string(s.dilation[d]) + " p " + std::to_string(s.pad[d]) + "]";
  }
  return text;
}

}  // namespace ferry::reference
