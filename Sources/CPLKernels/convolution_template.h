// SPDX-License-Identifier: Apache-2.0

// The layer on one image after the other. An image is copied to padded planes in the workspace,
// whose margins are cleared once and never written again; from there a *correlation* gives the
// hidden planes, which are padded too; elementwise passes (bias, ReLU, mask) touch those few planes
// only; a second correlation, with the kernel mirrored and its two channel indices exchanged, is
// the transposed convolution, and adds itself to the image on its way out. A correlation keeps the
// sums of 5 output channels × a few lines of pixels in registers; for each tap it reads the pixels
// once and every weight once, as a broadcast.
//
// Where the header says so, correlations go by winograd_template.h instead, straight from the image.

// Sums in registers: 5 × 2 × 2 lines of one register, or 5 × 1 × 1 lines of two.
#define TILE_ROWS (WIDE ? 2 : 1)
#define TILE_LINES (WIDE ? 2 : 1)
// And for the weight gradient: 5 channels × 3 taps of one register, or × 1 tap of two.
#define GRADIENT_TAPS (WIDE ? 3 : 1)

/// Weights as a correlation reads them: [block of outputs][input][tap][output in the block], with
/// zeros for the outputs that the last block lacks. Returns the end of what it wrote.
static REAL *NAME(pack_weights)(
    ptrdiff_t inputs, ptrdiff_t outputs, ptrdiff_t taps, const REAL *kernel, ptrdiff_t input_stride,
    ptrdiff_t output_stride, ptrdiff_t first_tap, ptrdiff_t tap_step, REAL *packed) {
  for (ptrdiff_t first = 0; first < outputs; first += CHANNEL_BLOCK) {
    for (ptrdiff_t c = 0; c < inputs; c++) {
      for (ptrdiff_t tap = 0; tap < taps; tap++) {
        for (ptrdiff_t o = first; o < first + CHANNEL_BLOCK; o++) {
          const ptrdiff_t at = o * output_stride + c * input_stride + first_tap + tap * tap_step;
          *packed++ = o < outputs ? kernel[at] : 0;
        }
      }
    }
  }
  return packed;
}

/// Sets the padding around the pixels of a plane to 0, the leads of its rows included.
static void NAME(clear_margin)(padding p, REAL *plane) {
  for (ptrdiff_t i = 0; i < p.radius * p.pitch; i++) plane[i] = 0;
  for (ptrdiff_t y = p.radius; y < p.radius + p.height; y++) {
    for (ptrdiff_t i = 0; i < p.lead; i += LANES) STORE(plane + y * p.pitch + i, (LINE)0);
  }
  for (ptrdiff_t i = (p.radius + p.height) * p.pitch; i < p.plane; i++) plane[i] = 0;
}

/// Sets all of the padding of so many planes to 0, except beyond the ends of their rows of pixels.
static void NAME(clear_margins)(padding p, ptrdiff_t planes, REAL *padded) {
  for (ptrdiff_t i = 0; i < planes; i++) NAME(clear_margin)(p, padded + i * p.plane);
  for (ptrdiff_t i = 0; i < p.lead; i++) padded[planes * p.plane + i] = 0;
}

/// Copies dense planes into padded ones, whose margins stay as they are.
static void NAME(pad)(padding p, ptrdiff_t planes, const REAL *dense, REAL *padded) {
  const ptrdiff_t width = p.lines * LANES;
  for (ptrdiff_t i = 0; i < planes; i++) {
    REAL *row = padded + i * p.plane + first_pixel(p);
    for (ptrdiff_t y = 0; y < p.height; y++, row += p.pitch, dense += p.width) {
      ptrdiff_t x = 0;
      for (; x + LANES <= p.width; x += LANES) STORE(row + x, LOAD(dense + x));
      for (; x < width; x++) row[x] = x < p.width ? dense[x] : 0;
    }
  }
}

/// Where a correlation's sums t go: out = addend ? fma(scale, t, addend) : t, row y of channel o at
/// o·plane + y·pitch, and so for the addend; `width` elements of each row.
typedef struct {
  REAL *out;
  const REAL *addend;
  REAL scale;
  ptrdiff_t plane, pitch, width;
} NAME(sink);

/// What a tile does with a line of which only `count` pixels exist.
static __attribute__((noinline)) void NAME(sink_some)(
    NAME(sink) sink, ptrdiff_t at, ptrdiff_t count, const REAL *sums) {
  for (ptrdiff_t i = 0; i < count; i++) {
    sink.out[at + i] = sink.addend ? FMA(sink.scale, sums[i], sink.addend[at + i]) : sums[i];
  }
}

/// A line of sums into the sink, at `at`; `left` pixels of the row exist from there on.
INLINE void NAME(sink_line)(NAME(sink) sink, ptrdiff_t at, ptrdiff_t left, LINE sum) {
  if (left < LANES) {
    REAL sums[LANES];
    STORE(sums, sum);
    NAME(sink_some)(sink, at, left, sums);
  } else if (sink.addend) {
    STORE(sink.out + at, FMA((LINE)sink.scale, sum, LOAD(sink.addend + at)));
  } else {
    STORE(sink.out + at, sum);
  }
}

/// One tile: a block of channels × `rows` × `lines` lines of sums, taken through all input channels
/// and taps; the first `channels` of them go into the sink, at `offset`, pixel `x` of the row. `in`
/// is the first tap of the first pixel. `rows` and `lines` are constants after inlining.
INLINE void NAME(tile)(
    int rows, int lines, padding p, ptrdiff_t inputs, ptrdiff_t channels, const REAL *weights,
    const REAL *in, NAME(sink) sink, ptrdiff_t offset, ptrdiff_t x) {
  const ptrdiff_t kernel = 2 * p.radius + 1;
  LINE sum[CHANNEL_BLOCK][TILE_ROWS][TILE_LINES];
  UNROLL for (int o = 0; o < CHANNEL_BLOCK; o++) {
    UNROLL for (int r = 0; r < rows; r++) {
      UNROLL for (int l = 0; l < lines; l++) sum[o][r][l] = (LINE)0;
    }
  }
  for (ptrdiff_t c = 0; c < inputs; c++) {
    for (ptrdiff_t ky = 0; ky < kernel; ky++) {
      for (ptrdiff_t kx = 0; kx < kernel; kx++) {
        const REAL *at = in + c * p.plane + ky * p.pitch + kx;
        LINE pixels[TILE_ROWS][TILE_LINES];
        UNROLL for (int r = 0; r < rows; r++) {
          UNROLL for (int l = 0; l < lines; l++) pixels[r][l] = LOAD(at + r * p.pitch + l * LANES);
        }
        UNROLL for (int o = 0; o < CHANNEL_BLOCK; o++) {
          LINE weight = (LINE)weights[o];
          UNROLL for (int r = 0; r < rows; r++) {
            UNROLL for (int l = 0; l < lines; l++) {
              sum[o][r][l] = FMA(weight, pixels[r][l], sum[o][r][l]);
            }
          }
        }
        weights += CHANNEL_BLOCK;
      }
    }
  }
  // A tile of which all pixels exist has stores without branches between them, which would make the
  // sums wait in memory.
  const bool whole = channels == CHANNEL_BLOCK && x + lines * LANES <= sink.width;
#define CPL_EACH_LINE                                                                  \
  UNROLL for (int o = 0; o < CHANNEL_BLOCK; o++) UNROLL for (int r = 0; r < rows; r++) \
      UNROLL for (int l = 0; l < lines; l++)
#define CPL_AT (offset + o * sink.plane + r * sink.pitch + l * LANES)
  if (whole && sink.addend) {
    CPL_EACH_LINE {
      const LINE addend = LOAD(sink.addend + CPL_AT);
      STORE(sink.out + CPL_AT, FMA((LINE)sink.scale, sum[o][r][l], addend));
    }
  } else if (whole) {
    CPL_EACH_LINE STORE(sink.out + CPL_AT, sum[o][r][l]);
  } else {
    CPL_EACH_LINE {
      if (o < channels) NAME(sink_line)(sink, CPL_AT, sink.width - x - l * LANES, sum[o][r][l]);
    }
  }
#undef CPL_AT
#undef CPL_EACH_LINE
}

/// All output channels of a correlation: out(o, y, x) = Σ weights · padded(c, y + ky, x + kx).
static void NAME(correlate)(
    padding p, ptrdiff_t inputs, ptrdiff_t outputs, const REAL *weights, const REAL *padded,
    NAME(sink) sink) {
  const ptrdiff_t taps = (2 * p.radius + 1) * (2 * p.radius + 1);
  for (ptrdiff_t first = 0; first < outputs; first += CHANNEL_BLOCK) {
    const ptrdiff_t channels = smaller(CHANNEL_BLOCK, outputs - first);
    for (ptrdiff_t y = 0; y < p.height; y += TILE_ROWS) {
      for (ptrdiff_t line = 0; line < p.lines; line += TILE_LINES) {
        const ptrdiff_t x = line * LANES;
        const REAL *in = padded + y * p.pitch + p.lead - p.radius + x;
        const ptrdiff_t offset = first * sink.plane + y * sink.pitch + x;
#define CPL_TILE(r, l) NAME(tile)(r, l, p, inputs, channels, weights, in, sink, offset, x)
#if WIDE
        const bool whole_rows = y + TILE_ROWS <= p.height, whole_lines = line + TILE_LINES <= p.lines;
        if (whole_rows && whole_lines) CPL_TILE(2, 2);
        else if (whole_lines) CPL_TILE(1, 2);
        else if (whole_rows) CPL_TILE(2, 1);
        else CPL_TILE(1, 1);
#else
        CPL_TILE(1, 1);
#endif
#undef CPL_TILE
      }
    }
    weights += inputs * taps * CHANNEL_BLOCK;
  }
}

/// The elementwise passes go by eight pixels, a byte of the mask.
typedef REAL NAME(octet) __attribute__((ext_vector_type(8)));
typedef NAME(octet) NAME(unaligned_octet) __attribute__((aligned(sizeof(REAL)), may_alias));
#define LOAD_OCTET(pointer) (*(const NAME(unaligned_octet) *)(pointer))
#define STORE_OCTET(pointer, octet) (*(NAME(unaligned_octet) *)(pointer) = (octet))

/// The first `count` of eight values, and zeros.
INLINE NAME(octet) NAME(load_some)(const REAL *source, ptrdiff_t count) {
  if (count >= 8) return LOAD_OCTET(source);
  REAL value[8] = {0};
  for (ptrdiff_t i = 0; i < count; i++) value[i] = source[i];
  return LOAD_OCTET(value);
}

/// Eight values with those from `count` on replaced by 0.
INLINE NAME(octet) NAME(keep_some)(NAME(octet) octet, ptrdiff_t count) {
  if (count >= 8) return octet;
  REAL value[8];
  STORE_OCTET(value, octet);
  return NAME(load_some)(value, count);
}

INLINE void NAME(store_some)(REAL *dest, NAME(octet) octet, ptrdiff_t count) {
  if (count >= 8) {
    STORE_OCTET(dest, octet);
    return;
  }
  REAL value[8];
  STORE_OCTET(value, octet);
  for (ptrdiff_t i = 0; i < count; i++) dest[i] = value[i];
}

/// The bits of value > 0, the first value's lowest.
INLINE uint8_t NAME(positive_bits)(NAME(octet) value) {
  typedef bool octet_of_bits __attribute__((ext_vector_type(8)));
  return __builtin_bit_cast(uint8_t, __builtin_convertvector(value > 0, octet_of_bits));
}

INLINE NAME(octet) NAME(keep_where)(uint8_t bits, NAME(octet) value) {
  typedef LANE_INTEGER integers __attribute__((ext_vector_type(8)));
  const integers bit = {1, 2, 4, 8, 16, 32, 64, 128};
  return ((integers)(LANE_INTEGER)bits & bit) != 0 ? value : 0;
}

/// In place, t → relu(t + bias), with copies to `dense` and `mask` where those are given.
static void NAME(activate)(
    padding p, ptrdiff_t inner, const REAL *bias, REAL *padded, REAL *dense, uint8_t *mask) {
  for (ptrdiff_t i = 0; i < inner; i++) {
    REAL *row = padded + i * p.plane + first_pixel(p);
    for (ptrdiff_t y = 0; y < p.height; y++, row += p.pitch) {
      for (ptrdiff_t x = 0; x < p.lines * LANES; x += 8) {
        NAME(octet) value = LOAD_OCTET(row + x) + bias[i];
        value = NAME(keep_some)(value < 0 ? 0 : value, p.width - x);
        STORE_OCTET(row + x, value);
        if (dense) NAME(store_some)(dense + x, value, p.width - x);
        if (mask && x < p.width) *mask++ = NAME(positive_bits)(value);
      }
      if (dense) dense += p.width;
    }
  }
}

/// In place, t → −step·t where the mask is set, else 0.
static void NAME(apply_mask)(
    padding p, ptrdiff_t inner, REAL step, const uint8_t *mask, REAL *padded) {
  for (ptrdiff_t i = 0; i < inner; i++) {
    REAL *row = padded + i * p.plane + first_pixel(p);
    for (ptrdiff_t y = 0; y < p.height; y++, row += p.pitch) {
      for (ptrdiff_t x = 0; x < p.lines * LANES; x += 8) {
        const uint8_t bits = x < p.width ? *mask++ : 0;
        STORE_OCTET(row + x, NAME(keep_where)(bits, -step * LOAD_OCTET(row + x)));
      }
    }
  }
}

/// The sum of the lanes, by the tree of the header.
INLINE REAL NAME(tree)(const REAL *lanes) {
  REAL sum[LANES];
  for (int l = 0; l < LANES; l++) sum[l] = lanes[l];
  UNROLL for (int half = LANES / 2; half > 0; half /= 2) {
    UNROLL for (int l = 0; l < half; l++) sum[l] += sum[l + half];
  }
  return sum[0];
}

/// The backward pass's elementwise step. With s = conv(g) given in `padded_p`: dot += Σ s·a,
/// p = −step·s where a > 0 in its place, dbias += Σ p, and −step·a goes to `padded_b`.
static void NAME(backpropagate_activation)(
    padding p, ptrdiff_t inner, REAL step, const REAL *hidden, REAL *padded_p, REAL *padded_b,
    REAL *dbias, REAL *dot) {
  REAL dot_lanes[LANES] = {0};
  for (ptrdiff_t i = 0; i < inner; i++) {
    REAL bias_lanes[LANES] = {0};
    REAL *row_p = padded_p + i * p.plane + first_pixel(p);
    REAL *row_b = padded_b + i * p.plane + first_pixel(p);
    for (ptrdiff_t y = 0; y < p.height; y++, row_p += p.pitch, row_b += p.pitch, hidden += p.width) {
      for (ptrdiff_t x = 0; x < p.lines * LANES; x += 8) {
        const NAME(octet) s = NAME(keep_some)(LOAD_OCTET(row_p + x), p.width - x);
        const NAME(octet) a = NAME(load_some)(hidden + x, p.width - x);
        const NAME(octet) gradient = a > 0 ? -step * s : 0;
        REAL *dot_lane = dot_lanes + x % LANES, *bias_lane = bias_lanes + x % LANES;
        STORE_OCTET(dot_lane, FMA(s, a, LOAD_OCTET(dot_lane)));
        STORE_OCTET(bias_lane, LOAD_OCTET(bias_lane) + gradient);
        STORE_OCTET(row_p + x, gradient);
        STORE_OCTET(row_b + x, -step * a);
      }
    }
    dbias[i] += NAME(tree)(bias_lanes);
  }
  *dot += NAME(tree)(dot_lanes);
}

/// lanes[(t·5 + i)·LANES + l] += Σ hidden(i, y, x)·image(y, x + t) over `rows` rows y and all x of
/// lane l, for a block of hidden planes and `taps` neighbouring taps t. Where the block has fewer
/// than 5 planes, the last one fills the sums that nobody reads. `taps` is a constant after
/// inlining.
INLINE void NAME(accumulate_taps)(
    int taps, padding p, ptrdiff_t rows, ptrdiff_t channels, const REAL *hidden, const REAL *image,
    REAL *lanes) {
  ptrdiff_t plane[CHANNEL_BLOCK];
  UNROLL for (int i = 0; i < CHANNEL_BLOCK; i++) plane[i] = smaller(i, channels - 1) * p.plane;

  LINE sum[GRADIENT_TAPS][CHANNEL_BLOCK];
  UNROLL for (int t = 0; t < taps; t++) {
    UNROLL for (int i = 0; i < CHANNEL_BLOCK; i++) {
      sum[t][i] = LOAD(lanes + (t * CHANNEL_BLOCK + i) * LANES);
    }
  }
  for (ptrdiff_t y = 0; y < rows; y++) {
    for (ptrdiff_t x = 0; x < p.lines * LANES; x += LANES) {
      const ptrdiff_t at = y * p.pitch + x;
      UNROLL for (int t = 0; t < taps; t++) {
        const LINE pixels = LOAD(image + at + t);
        UNROLL for (int i = 0; i < CHANNEL_BLOCK; i++) {
          sum[t][i] = FMA(LOAD(hidden + plane[i] + at), pixels, sum[t][i]);
        }
      }
    }
  }
  UNROLL for (int t = 0; t < taps; t++) {
    UNROLL for (int i = 0; i < CHANNEL_BLOCK; i++) {
      STORE(lanes + (t * CHANNEL_BLOCK + i) * LANES, sum[t][i]);
    }
  }
}

/// The same for all `kernel` taps of a row: lanes[(kx·5 + i)·LANES + l].
INLINE void NAME(accumulate_row)(
    ptrdiff_t kernel, padding p, ptrdiff_t rows, ptrdiff_t channels, const REAL *hidden,
    const REAL *image, REAL *lanes) {
  ptrdiff_t kx = 0;
  for (; kx + GRADIENT_TAPS <= kernel; kx += GRADIENT_TAPS) {
    NAME(accumulate_taps)(
        GRADIENT_TAPS, p, rows, channels, hidden, image + kx, lanes + kx * CHANNEL_BLOCK * LANES);
  }
  for (; kx < kernel; kx++) {
    NAME(accumulate_taps)(
        1, p, rows, channels, hidden, image + kx, lanes + kx * CHANNEL_BLOCK * LANES);
  }
}

/// The same for all rows and taps of one image plane: lanes[((ky·kernel + kx)·5 + i)·LANES + l].
static void NAME(accumulate_plane)(
    padding p, ptrdiff_t channels, const REAL *hidden, const REAL *image, REAL *lanes) {
  const ptrdiff_t kernel = 2 * p.radius + 1;
  // All taps read the same rows of the hidden planes; as many at a time as the first cache holds.
  const ptrdiff_t fitting = HIDDEN_BAND_BYTES / (CHANNEL_BLOCK * p.lines * LINE_BYTES);
  const ptrdiff_t band = fitting > 1 ? fitting : 1;
  for (ptrdiff_t y = 0; y < p.height; y += band) {
    const ptrdiff_t rows = smaller(band, p.height - y);
    const REAL *units = hidden + y * p.pitch;
    for (ptrdiff_t ky = 0; ky < kernel; ky++) {
      NAME(accumulate_row)(
          kernel, p, rows, channels, units, image + (y + ky) * p.pitch,
          lanes + ky * kernel * CHANNEL_BLOCK * LANES);
    }
  }
}

/// dkernel += corr(x, p) + corr(g, b), the hidden planes p and b padded. `workspace` holds the padded
/// g, and has room for another image and the sums' lanes.
static void NAME(accumulate_kernel_gradient)(
    padding p, cpl_conv_shape shape, const REAL *x, const REAL *padded_p, const REAL *padded_b,
    REAL *workspace, REAL *dkernel) {
  const REAL *padded_g = workspace;
  REAL *padded_x = workspace + padded_count(p, shape.channels);
  REAL *lanes = padded_x + padded_count(p, shape.channels);
  const ptrdiff_t taps = shape.kernel * shape.kernel;
  const ptrdiff_t corner = p.lead - p.radius;
  NAME(pad)(p, shape.channels, x, padded_x);
  for (ptrdiff_t first = 0; first < shape.inner; first += CHANNEL_BLOCK) {
    const ptrdiff_t channels = smaller(CHANNEL_BLOCK, shape.inner - first);
    const ptrdiff_t hidden_offset = first * p.plane + first_pixel(p);
    for (ptrdiff_t c = 0; c < shape.channels; c++) {
      const ptrdiff_t image_offset = c * p.plane + corner;
      for (ptrdiff_t i = 0; i < taps * CHANNEL_BLOCK * LANES; i++) lanes[i] = 0;
      NAME(accumulate_plane)(
          p, channels, padded_p + hidden_offset, padded_x + image_offset, lanes);
      NAME(accumulate_plane)(
          p, channels, padded_b + hidden_offset, padded_g + image_offset, lanes);
      for (ptrdiff_t i = 0; i < channels; i++) {
        for (ptrdiff_t tap = 0; tap < taps; tap++) {
          dkernel[((first + i) * shape.channels + c) * taps + tap] +=
              NAME(tree)(lanes + (tap * CHANNEL_BLOCK + i) * LANES);
        }
      }
    }
  }
}

#include "winograd_template.h"

/// K for conv, then K with its taps mirrored and its channel indices exchanged for convT.
static void NAME(conv_pack)(cpl_conv_shape shape, const REAL *kernel, REAL *packed) {
  const ptrdiff_t taps = shape.kernel * shape.kernel;
  if (by_winograd(shape, sizeof(REAL))) {
    packed = NAME(pack_winograd)(
        shape.channels, shape.inner, kernel, taps, shape.channels * taps, false, packed);
    NAME(pack_winograd)(
        shape.inner, shape.channels, kernel, shape.channels * taps, taps, true, packed);
    return;
  }
  packed = NAME(pack_weights)(
      shape.channels, shape.inner, taps, kernel, taps, shape.channels * taps, 0, 1, packed);
  NAME(pack_weights)(
      shape.inner, shape.channels, taps, kernel, shape.channels * taps, taps, taps - 1, -1, packed);
}

/// Where the weights of convT begin.
static const REAL *NAME(mirrored)(cpl_conv_shape shape, const REAL *packed) {
  return packed + weight_count(shape, shape.channels, shape.inner, sizeof(REAL));
}

/// conv(x) into the sink. `workspace` holds the padded image, or the strip.
static void NAME(conv_from_image)(
    padding p, cpl_conv_shape shape, const REAL *packed, const REAL *image, REAL *workspace,
    NAME(sink) sink) {
  if (by_winograd(shape, sizeof(REAL))) {
    const NAME(source) source = NAME(dense_planes)(p, image);
    NAME(winograd)(p, shape.channels, shape.inner, packed, source, workspace, sink);
  } else {
    NAME(pad)(p, shape.channels, image, workspace);
    NAME(correlate)(p, shape.channels, shape.inner, packed, workspace, sink);
  }
}

/// conv(x) into the pixels of padded hidden planes. What fills up a row's last line is left
/// undefined, for the elementwise pass that follows to set to 0.
static void NAME(conv_to_hidden)(
    padding p, cpl_conv_shape shape, const REAL *packed, const REAL *image, REAL *workspace,
    REAL *hidden) {
  const NAME(sink) sink = {
      .out = hidden + first_pixel(p), .plane = p.plane, .pitch = p.pitch, .width = p.lines * LANES};
  NAME(conv_from_image)(p, shape, packed, image, workspace, sink);
}

/// fma(scale, convT(hidden), addend), or convT(hidden) without an addend, into an image.
/// `workspace` holds the strip.
static void NAME(conv_to_image)(
    padding p, cpl_conv_shape shape, const REAL *packed, const REAL *padded_hidden,
    REAL *workspace, REAL scale, const REAL *addend, REAL *image) {
  const NAME(sink) sink = {
      .out = image, .addend = addend, .scale = scale, .plane = p.height * p.width,
      .pitch = p.width, .width = p.width};
  const REAL *weights = NAME(mirrored)(shape, packed);
  if (by_winograd(shape, sizeof(REAL))) {
    const NAME(source) source = NAME(padded_planes)(p, padded_hidden);
    NAME(winograd)(p, shape.inner, shape.channels, weights, source, workspace, sink);
  } else {
    NAME(correlate)(p, shape.inner, shape.channels, weights, padded_hidden, sink);
  }
}

/// Clears what the workspace of a correlation must have at 0: the margins of `images` padded
/// images, or the leads of the strip.
static void NAME(prepare)(padding p, cpl_conv_shape shape, ptrdiff_t images, REAL *workspace) {
  if (by_winograd(shape, sizeof(REAL))) {
    NAME(clear_strip)(p, strip_rows(shape), workspace);
  } else {
    for (ptrdiff_t i = 0; i < images; i++) {
      NAME(clear_margins)(p, shape.channels, workspace + i * padded_count(p, shape.channels));
    }
  }
}

static void NAME(conv_forward)(
    cpl_conv_shape shape, const REAL *packed, const REAL *bias, REAL step, ptrdiff_t images,
    const REAL *x, REAL *z, REAL *hidden, uint8_t *mask, void *workspace) {
  const padding p = padding_for(shape, LANES);
  REAL *padded_hidden = aligned_to_line(workspace);
  REAL *rest = padded_hidden + padded_count(p, shape.inner);
  NAME(clear_margins)(p, shape.inner, padded_hidden);
  NAME(prepare)(p, shape, 1, rest);
  for (ptrdiff_t image = 0; image < images; image++) {
    const ptrdiff_t at = image * image_count(shape);
    NAME(conv_to_hidden)(p, shape, packed, x + at, rest, padded_hidden);
    NAME(activate)(
        p, shape.inner, bias, padded_hidden, hidden ? hidden + image * hidden_count(shape) : NULL,
        mask ? mask + image * cpl_conv_mask_bytes(shape) : NULL);
    NAME(conv_to_image)(p, shape, packed, padded_hidden, rest, -step, x + at, z + at);
  }
}

static void NAME(conv_input_gradient)(
    cpl_conv_shape shape, const REAL *packed, REAL step, ptrdiff_t images, const uint8_t *mask,
    const REAL *g, REAL *dx, void *workspace) {
  const padding p = padding_for(shape, LANES);
  REAL *padded_hidden = aligned_to_line(workspace);
  REAL *rest = padded_hidden + padded_count(p, shape.inner);
  NAME(clear_margins)(p, shape.inner, padded_hidden);
  NAME(prepare)(p, shape, 1, rest);
  for (ptrdiff_t image = 0; image < images; image++) {
    const ptrdiff_t at = image * image_count(shape);
    NAME(conv_to_hidden)(p, shape, packed, g + at, rest, padded_hidden);
    NAME(apply_mask)(p, shape.inner, step, mask + image * cpl_conv_mask_bytes(shape), padded_hidden);
    NAME(conv_to_image)(p, shape, packed, padded_hidden, rest, 1, g + at, dx + at);
  }
}

static void NAME(conv_backward)(
    cpl_conv_shape shape, const REAL *packed, REAL step, ptrdiff_t images, const REAL *x,
    const REAL *hidden, const REAL *g, REAL *dx, REAL *dkernel, REAL *dbias, REAL *dot,
    void *workspace) {
  const padding p = padding_for(shape, LANES);
  REAL *padded_p = aligned_to_line(workspace);
  REAL *padded_b = padded_p + padded_count(p, shape.inner);
  REAL *rest = padded_b + padded_count(p, shape.inner);
  NAME(clear_margins)(p, shape.inner, padded_p);
  NAME(clear_margins)(p, shape.inner, padded_b);
  NAME(prepare)(p, shape, 2, rest);
  for (ptrdiff_t image = 0; image < images; image++) {
    const ptrdiff_t at = image * image_count(shape);
    NAME(conv_to_hidden)(p, shape, packed, g + at, rest, padded_p);
    NAME(backpropagate_activation)(
        p, shape.inner, step, hidden + image * hidden_count(shape), padded_p, padded_b, dbias, dot);
    if (by_winograd(shape, sizeof(REAL))) {
      NAME(winograd_kernel_gradient)(
          p, shape, x + at, padded_p, g + at, padded_b, rest + strip_count(p, shape), dkernel);
    } else {
      NAME(accumulate_kernel_gradient)(p, shape, x + at, padded_p, padded_b, rest, dkernel);
    }
    NAME(conv_to_image)(p, shape, packed, padded_p, rest, 1, g + at, dx + at);
  }
}

static void NAME(conv_apply)(
    cpl_conv_shape shape, const REAL *packed, const REAL *x, REAL *hidden, void *workspace) {
  const padding p = padding_for(shape, LANES);
  REAL *rest = aligned_to_line(workspace);
  NAME(prepare)(p, shape, 1, rest);
  const NAME(sink) sink = {
      .out = hidden, .plane = p.height * p.width, .pitch = p.width, .width = p.width};
  NAME(conv_from_image)(p, shape, packed, x, rest, sink);
}

static void NAME(conv_apply_transposed)(
    cpl_conv_shape shape, const REAL *packed, const REAL *hidden, REAL *image, void *workspace) {
  const padding p = padding_for(shape, LANES);
  REAL *padded_hidden = aligned_to_line(workspace);
  REAL *rest = padded_hidden + padded_count(p, shape.inner);
  NAME(clear_margins)(p, shape.inner, padded_hidden);
  NAME(prepare)(p, shape, 0, rest);
  NAME(pad)(p, shape.inner, hidden, padded_hidden);
  NAME(conv_to_image)(p, shape, packed, padded_hidden, rest, 1, NULL, image);
}

#undef TILE_ROWS
#undef TILE_LINES
#undef GRADIENT_TAPS
#undef LOAD_OCTET
#undef STORE_OCTET
