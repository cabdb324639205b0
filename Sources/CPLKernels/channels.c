// SPDX-License-Identifier: Apache-2.0

// Convolutions of batches with channels in the lanes. The kernels are in channels_template.h; here are
// the sizes and the entry points.
#include "CPLKernels.h"
#include "blocking.h"
#include "level.h"
#include "winograd.h"

enum {
  /// The pixels, and input channels of a gradient, whose sums are kept in registers together with up to
  /// two lines of output channels.
  MOST_LINES = 2,
  /// Pixels, in rows of tiles, whose transformed inputs are kept for all output channels.
  STRIP_PIXELS = 32,
  /// Numbers of a group of images, which stay in the second cache.
  GROUP_ELEMENTS = 16 << 10,
};

/// A convolution of images whose channels are filled up to whole lines.
typedef struct {
  ptrdiff_t height, width, kernel, radius;
  /// Channels, and those filled up.
  ptrdiff_t inputs, outputs, input_stride, output_stride;
  bool wraps, winograd;
} geometry;

static ptrdiff_t filled(ptrdiff_t channels, ptrdiff_t lanes) {
  return (channels + lanes - 1) / lanes * lanes;
}

static geometry geometry_for(
    cpl_conv_shape shape, bool wraps, bool transposed, size_t element_size) {
  const ptrdiff_t lanes = 64 / (ptrdiff_t)element_size;
  geometry g = {.height = shape.height, .width = shape.width, .kernel = shape.kernel,
      .radius = shape.kernel / 2, .wraps = wraps};
  g.inputs = transposed ? shape.inner : shape.channels;
  g.outputs = transposed ? shape.channels : shape.inner;
  g.input_stride = filled(g.inputs, lanes);
  g.output_stride = filled(g.outputs, lanes);
  g.winograd = by_winograd(shape, element_size);
  return g;
}

static ptrdiff_t pixels(geometry g) { return g.height * g.width; }

/// Rows of Winograd's tiles in an image.
static ptrdiff_t tile_rows(geometry g) { return (g.height + WINOGRAD_ROWS - 1) / WINOGRAD_ROWS; }

/// Elements of an image's canvas: with what lies beyond its edges.
static ptrdiff_t canvas_count(geometry g) {
  return (g.height + 2 * g.radius) * (g.width + 2 * g.radius) * g.input_stride;
}

/// Matrices of weights, or of sums of a gradient: Winograd's positions times taps of a row, or taps.
static ptrdiff_t matrix_count(geometry g) {
  return (g.winograd ? WINOGRAD_POSITIONS : g.kernel) * g.kernel;
}

static ptrdiff_t weight_count(geometry g) { return matrix_count(g) * g.inputs * g.output_stride; }

/// Images that are taken together, so many that a group has work for all registers.
static ptrdiff_t group_images(geometry g, ptrdiff_t images) {
  const ptrdiff_t fitting = GROUP_ELEMENTS / (pixels(g) * larger(g.input_stride, g.output_stride));
  return smaller(larger(fitting, 1), images);
}

/// Rows of tiles that are taken together.
static ptrdiff_t strip_rows(geometry g, ptrdiff_t images) {
  return smaller(larger(STRIP_PIXELS / g.width, 1), images * tile_rows(g));
}

/// Elements of the transformed inputs of a row of tiles, or of the transformed gradients.
static ptrdiff_t strip_count(geometry g) {
  return WINOGRAD_POSITIONS * (g.width + 2) * g.input_stride;
}
static ptrdiff_t gradient_count(geometry g) {
  return WINOGRAD_POSITIONS * g.width * g.output_stride;
}

/// Elements of the workspace of `product`: zeros, inputs, and sums before they are transformed back.
static ptrdiff_t product_count(geometry g, ptrdiff_t images, ptrdiff_t lanes) {
  if (!g.winograd) return g.kernel > 1 ? canvas_count(g) : 0;
  const ptrdiff_t rows = strip_rows(g, images);
  return g.width * g.input_stride + rows * strip_count(g)
      + WINOGRAD_POSITIONS * rows * g.width * MOST_LINES * lanes;
}

/// The same of `sum_gradients`, but for the sums: zeros, inputs, gradients.
static ptrdiff_t gradients_count(geometry g, ptrdiff_t images) {
  if (!g.winograd) return g.kernel > 1 ? images * canvas_count(g) : 0;
  return g.width * g.input_stride + images * tile_rows(g) * (strip_count(g) + gradient_count(g));
}

static size_t apply_workspace_bytes(cpl_conv_shape shape, ptrdiff_t images, size_t element_size) {
  const ptrdiff_t lanes = 64 / (ptrdiff_t)element_size;
  ptrdiff_t most = 0;
  for (int transposed = 0; transposed < 2; transposed++) {
    const geometry g = geometry_for(shape, false, transposed, element_size);
    const ptrdiff_t group = group_images(g, images);
    most = larger(
        most, group * pixels(g) * (g.input_stride + g.output_stride) + product_count(g, group, lanes));
  }
  return (size_t)most * element_size + 64;
}

static size_t gradient_workspace_bytes(
    cpl_conv_shape shape, ptrdiff_t images, size_t element_size) {
  const ptrdiff_t lanes = 64 / (ptrdiff_t)element_size;
  const geometry g = geometry_for(shape, false, false, element_size);
  const ptrdiff_t group = group_images(g, images);
  const ptrdiff_t elements = group * pixels(g) * (g.input_stride + g.output_stride)
      + gradients_count(g, group) + matrix_count(g) * g.input_stride * g.output_stride
      + g.output_stride + g.kernel * g.kernel * g.inputs * lanes;
  return (size_t)elements * element_size + 64;
}

#define KERNEL_TEMPLATE "channels_template.h"
#include "instantiate.h"

#define CPL_BATCH_CONVOLUTION_ENTRIES(suffix, real)                                                 \
  ptrdiff_t cpl_batch_conv_packed_count_##suffix(cpl_conv_shape shape) {                            \
    return weight_count(geometry_for(shape, false, false, sizeof(real)))                            \
        + weight_count(geometry_for(shape, false, true, sizeof(real)));                             \
  }                                                                                                 \
                                                                                                    \
  void cpl_batch_conv_pack_##suffix(cpl_conv_shape shape, const real *kernel, real *packed) {       \
    CPL_DISPATCH(batch_conv_pack_##suffix, shape, kernel, packed)                                   \
  }                                                                                                 \
                                                                                                    \
  size_t cpl_batch_conv_workspace_##suffix(cpl_conv_shape shape, ptrdiff_t images) {                \
    return apply_workspace_bytes(shape, images, sizeof(real));                                      \
  }                                                                                                 \
                                                                                                    \
  size_t cpl_batch_conv_gradient_workspace_##suffix(cpl_conv_shape shape, ptrdiff_t images) {       \
    return gradient_workspace_bytes(shape, images, sizeof(real));                                   \
  }                                                                                                 \
                                                                                                    \
  ptrdiff_t cpl_line_channels_##suffix(ptrdiff_t channels) {                                        \
    return filled(channels, 64 / (ptrdiff_t)sizeof(real));                                          \
  }                                                                                                 \
                                                                                                    \
  void cpl_batch_turn_##suffix(                                                                     \
      ptrdiff_t images, ptrdiff_t channels, ptrdiff_t pixels, const real *x, real *turned) {        \
    CPL_DISPATCH(batch_turn_##suffix, images, channels, pixels, x, turned)                          \
  }                                                                                                 \
                                                                                                    \
  void cpl_batch_turn_back_##suffix(                                                                \
      ptrdiff_t images, ptrdiff_t channels, ptrdiff_t pixels, const real *turned,                   \
      const cpl_batch_end_##suffix *end, real *y) {                                                 \
    CPL_DISPATCH(batch_turn_back_##suffix, images, channels, pixels, turned, end, y)                \
  }                                                                                                 \
                                                                                                    \
  void cpl_batch_conv_apply_##suffix(                                                               \
      cpl_conv_shape shape, bool wraps, bool transposed, cpl_channels_last last,                    \
      const real *packed, ptrdiff_t images, const real *x, const cpl_batch_end_##suffix *end,       \
      real *y, void *workspace) {                                                                   \
    CPL_DISPATCH(                                                                                   \
        batch_conv_apply_##suffix, shape, wraps, transposed, last, packed, images, x, end, y,       \
        workspace)                                                                                  \
  }                                                                                                 \
                                                                                                    \
  void cpl_batch_conv_gradient_##suffix(                                                            \
      cpl_conv_shape shape, bool wraps, cpl_channels_last last, ptrdiff_t images, int pairs,        \
      const real *const *x, const real *const *v, real *dkernel, real *dbias, void *workspace) {    \
    CPL_DISPATCH(                                                                                   \
        batch_conv_gradient_##suffix, shape, wraps, last, images, pairs, x, v, dkernel, dbias,      \
        workspace)                                                                                  \
  }

CPL_BATCH_CONVOLUTION_ENTRIES(f32, float)
CPL_BATCH_CONVOLUTION_ENTRIES(f64, double)
