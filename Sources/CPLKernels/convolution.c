// SPDX-License-Identifier: Apache-2.0

// The convolutional convex potential layer. The kernels are in convolution_template.h; here are the
// geometry of the padded planes, the sizes, and the entry points.
#include "CPLKernels.h"
#include "level.h"
#include "winograd.h"

enum {
  /// The output channels whose sums are kept in registers together. The paper's inner width is 5,
  /// and its channel counts are multiples of 5; other counts are filled up with zero weights.
  CHANNEL_BLOCK = 5,
  LINE_BYTES = 64,
  /// How much of the hidden planes the weight gradient keeps in the first cache.
  HIDDEN_BAND_BYTES = 22 << 10,
  /// The planes whose positions the weight gradient transforms together, and lines of sums of each.
  GRADIENT_PLANES = 5,
  WINOGRAD_SUMS = WINOGRAD_POSITIONS * WINOGRAD_TAPS * CHANNEL_BLOCK,
};

/// A plane padded for a convolution: `radius` rows of zeros above and below, and rows that begin
/// with at least `radius` zeros, which serve as the end of the row before as well. A row's pixels
/// begin at a multiple of a line and are filled up with zeros to whole lines, so that kernels never
/// treat an edge apart: whole lines are read at every tap and computed for every row.
typedef struct {
  ptrdiff_t height, width, radius;
  /// Elements before a row's pixels, from row to row, and from plane to plane.
  ptrdiff_t lead, pitch, plane;
  /// Lines of pixels in a row.
  ptrdiff_t lines;
} padding;

static ptrdiff_t lines_for(ptrdiff_t count, ptrdiff_t lanes) { return (count + lanes - 1) / lanes; }

static padding padding_for(cpl_conv_shape shape, ptrdiff_t lanes) {
  padding p = {.height = shape.height, .width = shape.width, .radius = shape.kernel / 2};
  p.lines = lines_for(p.width, lanes);
  p.lead = lines_for(p.radius, lanes) * lanes;
  p.pitch = p.lead + p.lines * lanes;
  p.plane = (p.height + 2 * p.radius) * p.pitch;
  return p;
}

/// Elements of so many padded planes; the last row's end is a lead of its own.
static ptrdiff_t padded_count(padding p, ptrdiff_t planes) { return planes * p.plane + p.lead; }

/// Where the first pixel of a padded plane lies.
static ptrdiff_t first_pixel(padding p) { return p.radius * p.pitch + p.lead; }

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

/// Elements of an image, and of its hidden units.
static ptrdiff_t image_count(cpl_conv_shape shape) {
  return shape.channels * shape.height * shape.width;
}
static ptrdiff_t hidden_count(cpl_conv_shape shape) {
  return shape.inner * shape.height * shape.width;
}

/// Elements of the packed weights of a correlation.
static ptrdiff_t weight_count(
    cpl_conv_shape shape, ptrdiff_t inputs, ptrdiff_t outputs, size_t element_size) {
  const ptrdiff_t blocks = (outputs + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
  const ptrdiff_t taps_of_column =
      by_winograd(shape, element_size) ? WINOGRAD_POSITIONS : shape.kernel;
  return blocks * CHANNEL_BLOCK * inputs * taps_of_column * shape.kernel;
}

/// Tiles of four rows in an image.
static ptrdiff_t tile_count(cpl_conv_shape shape) {
  return (shape.height + WINOGRAD_ROWS - 1) / WINOGRAD_ROWS;
}

/// Rows of a strip, which serves images and hidden planes, and its elements; the last row's end is
/// a lead of its own.
static ptrdiff_t strip_rows(cpl_conv_shape shape) {
  const ptrdiff_t planes = shape.channels > shape.inner ? shape.channels : shape.inner;
  return WINOGRAD_POSITIONS * planes;
}
static ptrdiff_t strip_count(padding p, cpl_conv_shape shape) {
  return strip_rows(shape) * p.pitch + p.lead;
}

/// Elements that Winograd's weight gradient works with: lanes of sums, then the positions of the
/// planes of x and g, and of the hidden units' two.
static ptrdiff_t gradient_count(padding p, cpl_conv_shape shape, ptrdiff_t lanes) {
  const ptrdiff_t plane = WINOGRAD_POSITIONS * tile_count(shape) * p.pitch;
  return GRADIENT_PLANES * WINOGRAD_SUMS * lanes + 2 * (GRADIENT_PLANES + CHANNEL_BLOCK) * plane
      + 2 * p.lead;
}

static size_t workspace_bytes(cpl_conv_shape shape, size_t element_size) {
  const padding p = padding_for(shape, LINE_BYTES / (ptrdiff_t)element_size);
  const ptrdiff_t image = by_winograd(shape, element_size) ? strip_count(p, shape)
                                                          : padded_count(p, shape.channels);
  return (size_t)(padded_count(p, shape.inner) + image) * element_size + LINE_BYTES;
}

static size_t backward_workspace_bytes(cpl_conv_shape shape, size_t element_size) {
  const ptrdiff_t lanes = LINE_BYTES / (ptrdiff_t)element_size;
  const padding p = padding_for(shape, lanes);
  const ptrdiff_t images = by_winograd(shape, element_size)
      ? strip_count(p, shape) + gradient_count(p, shape, lanes)
      : 2 * padded_count(p, shape.channels) + shape.kernel * shape.kernel * CHANNEL_BLOCK * lanes;
  return (size_t)(2 * padded_count(p, shape.inner) + images) * element_size + LINE_BYTES;
}

#define KERNEL_TEMPLATE "convolution_template.h"
#include "instantiate.h"

ptrdiff_t cpl_conv_mask_bytes(cpl_conv_shape shape) {
  return shape.inner * shape.height * ((shape.width + 7) / 8);
}

#define CPL_CONVOLUTION_ENTRIES(suffix, real)                                                     \
  ptrdiff_t cpl_conv_packed_count_##suffix(cpl_conv_shape shape) {                                \
    return weight_count(shape, shape.channels, shape.inner, sizeof(real))                         \
        + weight_count(shape, shape.inner, shape.channels, sizeof(real));                         \
  }                                                                                               \
                                                                                                  \
  size_t cpl_conv_workspace_##suffix(cpl_conv_shape shape) {                                      \
    return workspace_bytes(shape, sizeof(real));                                                  \
  }                                                                                               \
                                                                                                  \
  size_t cpl_conv_backward_workspace_##suffix(cpl_conv_shape shape) {                             \
    return backward_workspace_bytes(shape, sizeof(real));                                         \
  }                                                                                               \
                                                                                                  \
  void cpl_conv_pack_##suffix(cpl_conv_shape shape, const real *kernel, real *packed) {           \
    CPL_DISPATCH(conv_pack_##suffix, shape, kernel, packed)                                       \
  }                                                                                               \
                                                                                                  \
  void cpl_conv_forward_##suffix(                                                                 \
      cpl_conv_shape shape, const real *packed, const real *bias, real step, ptrdiff_t images,    \
      const real *x, real *z, real *hidden, uint8_t *mask, void *workspace) {                     \
    CPL_DISPATCH(                                                                                 \
        conv_forward_##suffix, shape, packed, bias, step, images, x, z, hidden, mask, workspace)  \
  }                                                                                               \
                                                                                                  \
  void cpl_conv_input_gradient_##suffix(                                                          \
      cpl_conv_shape shape, const real *packed, real step, ptrdiff_t images,                      \
      const uint8_t *mask, const real *g, real *dx, void *workspace) {                            \
    CPL_DISPATCH(                                                                                 \
        conv_input_gradient_##suffix, shape, packed, step, images, mask, g, dx, workspace)        \
  }                                                                                               \
                                                                                                  \
  void cpl_conv_backward_##suffix(                                                                \
      cpl_conv_shape shape, const real *packed, real step, ptrdiff_t images, const real *x,       \
      const real *hidden, const real *g, real *dx, real *dkernel, real *dbias, real *dot,         \
      void *workspace) {                                                                          \
    CPL_DISPATCH(                                                                                 \
        conv_backward_##suffix, shape, packed, step, images, x, hidden, g, dx, dkernel, dbias,    \
        dot, workspace)                                                                           \
  }                                                                                               \
                                                                                                  \
  void cpl_conv_apply_##suffix(                                                                   \
      cpl_conv_shape shape, const real *packed, const real *x, real *hidden, void *workspace) {   \
    CPL_DISPATCH(conv_apply_##suffix, shape, packed, x, hidden, workspace)                        \
  }                                                                                               \
                                                                                                  \
  void cpl_conv_apply_transposed_##suffix(                                                        \
      cpl_conv_shape shape, const real *packed, const real *hidden, real *image,                  \
      void *workspace) {                                                                          \
    CPL_DISPATCH(conv_apply_transposed_##suffix, shape, packed, hidden, image, workspace)         \
  }

CPL_CONVOLUTION_ENTRIES(f32, float)
CPL_CONVOLUTION_ENTRIES(f64, double)
