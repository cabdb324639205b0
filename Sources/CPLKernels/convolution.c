// The convolutional convex potential layer. The kernels are in convolution_template.h; here are the
// geometry of the padded planes, the sizes, and the entry points.
#include "CPLKernels.h"
#include "level.h"

enum {
  /// The output channels whose sums are kept in registers together. The paper's inner width is 5,
  /// and its channel counts are multiples of 5; other counts are filled up with zero weights.
  CHANNEL_BLOCK = 5,
  LINE_BYTES = 64,
  /// How much of the hidden planes the weight gradient keeps in the first cache.
  HIDDEN_BAND_BYTES = 22 << 10,
};

/// A plane padded for a convolution: `radius` rows of zeros above and below, and rows that begin
/// with at least `radius` zeros, which serve as the end of the row before as well. A row's pixels
/// begin at a multiple of a line and are filled up with zeros to whole lines, so that kernels never
/// treat an edge apart: whole lines are read at every tap and computed for every row.
typedef struct {
  ptrdiff_t side, radius;
  /// Elements before a row's pixels, from row to row, and from plane to plane.
  ptrdiff_t lead, pitch, plane;
  /// Lines of pixels in a row.
  ptrdiff_t lines;
} padding;

static ptrdiff_t lines_for(ptrdiff_t count, ptrdiff_t lanes) { return (count + lanes - 1) / lanes; }

static padding padding_for(cpl_conv_shape shape, ptrdiff_t lanes) {
  padding p = {.side = shape.side, .radius = shape.kernel / 2};
  p.lines = lines_for(p.side, lanes);
  p.lead = lines_for(p.radius, lanes) * lanes;
  p.pitch = p.lead + p.lines * lanes;
  p.plane = (p.side + 2 * p.radius) * p.pitch;
  return p;
}

/// Elements of so many padded planes; the last row's end is a lead of its own.
static ptrdiff_t padded_count(padding p, ptrdiff_t planes) { return planes * p.plane + p.lead; }

/// Where the first pixel of a padded plane lies.
static ptrdiff_t first_pixel(padding p) { return p.radius * p.pitch + p.lead; }

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

/// Elements of an image, and of its hidden units.
static ptrdiff_t image_count(cpl_conv_shape shape) {
  return shape.channels * shape.side * shape.side;
}
static ptrdiff_t hidden_count(cpl_conv_shape shape) {
  return shape.inner * shape.side * shape.side;
}

/// Elements of the packed weights of a correlation.
static ptrdiff_t weight_count(cpl_conv_shape shape, ptrdiff_t inputs, ptrdiff_t outputs) {
  ptrdiff_t blocks = (outputs + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
  return blocks * CHANNEL_BLOCK * inputs * shape.kernel * shape.kernel;
}

static size_t workspace_bytes(
    cpl_conv_shape shape, ptrdiff_t images, ptrdiff_t hiddens, size_t element_size) {
  padding p = padding_for(shape, LINE_BYTES / (ptrdiff_t)element_size);
  ptrdiff_t count =
      images * padded_count(p, shape.channels) + hiddens * padded_count(p, shape.inner);
  return (size_t)count * element_size + LINE_BYTES;
}

static size_t backward_workspace_bytes(cpl_conv_shape shape, size_t element_size) {
  size_t lane_sums = (size_t)(shape.kernel * shape.kernel) * CHANNEL_BLOCK * LINE_BYTES;
  return workspace_bytes(shape, 2, 2, element_size) + lane_sums;
}

#define KERNEL_TEMPLATE "convolution_template.h"
#include "instantiate.h"

ptrdiff_t cpl_conv_packed_count(cpl_conv_shape shape) {
  return weight_count(shape, shape.channels, shape.inner)
      + weight_count(shape, shape.inner, shape.channels);
}

ptrdiff_t cpl_conv_mask_bytes(cpl_conv_shape shape) {
  return shape.inner * shape.side * ((shape.side + 7) / 8);
}

#define CPL_CONVOLUTION_ENTRIES(suffix, real)                                                     \
  size_t cpl_conv_workspace_##suffix(cpl_conv_shape shape) {                                      \
    return workspace_bytes(shape, 1, 1, sizeof(real));                                            \
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
