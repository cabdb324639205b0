// SPDX-License-Identifier: Apache-2.0

// 3×3 kernels in binary32, by Winograd's minimal filtering algorithm F(4, 3) along the columns of
// pixels (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016): four rows of
// outputs from six rows of inputs with 6 multiplications a tap of the row instead of 12. The header
// states the arithmetic; here an input channel's rows are transformed once for all output channels,
// to a *strip* of six transformed rows a channel, whose margins are zeros; from there six
// correlations with kernels of a single row, one for each *position* of the algorithm, give the
// sums that are transformed back on their way out.

#include "winograd_transforms.h"

/// Planes of pixels to read: row y of plane c at c·plane + y·pitch, `width` elements of it; rows
/// above and below the image count as zeros.
typedef struct {
  const REAL *pixels;
  ptrdiff_t plane, pitch, width;
} NAME(source);

static NAME(source) NAME(dense_planes)(padding p, const REAL *image) {
  return (NAME(source)){
      .pixels = image, .plane = p.height * p.width, .pitch = p.width, .width = p.width};
}

static NAME(source) NAME(padded_planes)(padding p, const REAL *padded) {
  return (NAME(source)){
      .pixels = padded + first_pixel(p), .plane = p.plane, .pitch = p.pitch,
      .width = p.lines * LANES};
}

/// The first `count` pixels of a line, and zeros.
static __attribute__((noinline)) void NAME(fill_line)(
    const REAL *pixels, ptrdiff_t count, REAL line[LANES]) {
  for (ptrdiff_t i = 0; i < LANES; i++) line[i] = i < count ? pixels[i] : 0;
}

/// `count` rows of a line of pixels, from row y and pixel x on, with zeros for what does not exist.
/// `count` is a constant after inlining.
INLINE void NAME(load_rows)(
    int count, padding p, NAME(source) source, const REAL *plane, ptrdiff_t y, ptrdiff_t x,
    LINE *rows) {
  const REAL *at = plane + y * source.pitch + x;
  if (y >= 0 && y + count <= p.height && x + LANES <= source.width) {
    UNROLL for (int r = 0; r < count; r++) rows[r] = LOAD(at + r * source.pitch);
    return;
  }
  UNROLL for (int r = 0; r < count; r++) {
    rows[r] = (LINE)0;
    if (y + r < 0 || y + r >= p.height) continue;
    const REAL *row = at + r * source.pitch;
    REAL line[LANES];
    if (x + LANES > source.width) NAME(fill_line)(row, source.width - x, line);
    rows[r] = LOAD(x + LANES > source.width ? line : row);
  }
}

/// Weights as the strips' correlations read them: [block of outputs][position][input][tap of the
/// row][output in the block], with zeros for the outputs that the last block lacks. Returns the end
/// of what it wrote.
static REAL *NAME(pack_winograd)(
    ptrdiff_t inputs, ptrdiff_t outputs, const REAL *kernel, ptrdiff_t input_stride,
    ptrdiff_t output_stride, bool mirrored, REAL *packed) {
  const int first_tap = mirrored ? WINOGRAD_TAPS * WINOGRAD_TAPS - 1 : 0;
  const int tap_step = mirrored ? -1 : 1;
  const ptrdiff_t position = inputs * WINOGRAD_TAPS * CHANNEL_BLOCK;
  for (ptrdiff_t first = 0; first < outputs; first += CHANNEL_BLOCK) {
    for (ptrdiff_t c = 0; c < inputs; c++) {
      for (int kx = 0; kx < WINOGRAD_TAPS; kx++) {
        for (ptrdiff_t o = first; o < first + CHANNEL_BLOCK; o++, packed++) {
          double column[WINOGRAD_TAPS] = {0}, weights[WINOGRAD_POSITIONS];
          for (int ky = 0; ky < WINOGRAD_TAPS && o < outputs; ky++) {
            const int tap = first_tap + tap_step * (ky * WINOGRAD_TAPS + kx);
            column[ky] = kernel[o * output_stride + c * input_stride + tap];
          }
          winograd_weights(column, weights);
          for (int i = 0; i < WINOGRAD_POSITIONS; i++) packed[i * position] = (REAL)weights[i];
        }
      }
    }
    packed += (WINOGRAD_POSITIONS - 1) * position;
  }
  return packed;
}

/// Sets the leads of so many rows of strips, and what follows the last, to 0.
static void NAME(clear_strip)(padding p, ptrdiff_t rows, REAL *strip) {
  for (ptrdiff_t i = 0; i <= rows; i++) {
    for (ptrdiff_t x = 0; x < p.lead; x += LANES) STORE(strip + i * p.pitch + x, (LINE)0);
  }
}

/// One tile's row of a plane, transformed: the six positions of the inputs that the outputs from row y
/// on depend on, or of the gradients from row y on; position i goes to out + i·stride. `whole` says
/// that all these rows and lines exist. `whole` and `of_gradients` are constants after inlining.
INLINE void NAME(fill_tiles)(
    bool whole, bool of_gradients, padding p, NAME(source) source, const REAL *plane, ptrdiff_t y,
    REAL *out, ptrdiff_t stride) {
  const int count = of_gradients ? WINOGRAD_ROWS : WINOGRAD_POSITIONS;
  const ptrdiff_t first = of_gradients ? y : y - 1;
  for (ptrdiff_t x = 0; x < p.lines * LANES; x += LANES) {
    LINE rows[WINOGRAD_POSITIONS], t[WINOGRAD_POSITIONS];
    if (whole) {
      const REAL *at = plane + first * source.pitch + x;
      UNROLL for (int r = 0; r < count; r++) rows[r] = LOAD(at + r * source.pitch);
    } else {
      NAME(load_rows)(count, p, source, plane, first, x, rows);
    }
    if (of_gradients) NAME(transform_gradients)(rows, t);
    else NAME(transform_inputs)(rows, t);
    UNROLL for (int i = 0; i < WINOGRAD_POSITIONS; i++) STORE(out + i * stride + x, t[i]);
  }
}

/// The rows of an image that an output of the tile of row y depends on, transformed:
/// strip(position·stride + c·pitch + lead + x) for the channels c.
INLINE void NAME(fill_channels)(
    bool whole, padding p, ptrdiff_t channels, NAME(source) source, ptrdiff_t y, REAL *strip,
    ptrdiff_t stride) {
  for (ptrdiff_t c = 0; c < channels; c++) {
    const REAL *plane = source.pixels + c * source.plane;
    // The next tile's rows, or the next image's first: they lie too far apart for the processor.
    const REAL *next = y + WINOGRAD_ROWS < p.height
        ? plane + (y + WINOGRAD_ROWS + 1) * source.pitch : plane + channels * source.plane;
    const ptrdiff_t next_bytes = WINOGRAD_ROWS * source.pitch * (ptrdiff_t)sizeof(REAL);
    for (ptrdiff_t at = 0; at < next_bytes; at += LINE_BYTES) {
      __builtin_prefetch((const char *)next + at, 0, 2);
    }
    NAME(fill_tiles)(whole, false, p, source, plane, y, strip + c * p.pitch + p.lead, stride);
  }
}

// Apart, so that nothing else keeps constants and addresses from staying in registers.
static __attribute__((noinline)) void NAME(fill_strip_inside)(
    padding p, ptrdiff_t channels, NAME(source) source, ptrdiff_t y, REAL *strip,
    ptrdiff_t stride) {
  NAME(fill_channels)(true, p, channels, source, y, strip, stride);
}

static __attribute__((noinline)) void NAME(fill_strip_at_edge)(
    padding p, ptrdiff_t channels, NAME(source) source, ptrdiff_t y, REAL *strip,
    ptrdiff_t stride) {
  NAME(fill_channels)(false, p, channels, source, y, strip, stride);
}

static void NAME(fill_strip)(
    padding p, ptrdiff_t channels, NAME(source) source, ptrdiff_t y, REAL *strip,
    ptrdiff_t stride) {
  if (y > 0 && y - 1 + WINOGRAD_POSITIONS <= p.height && source.width >= p.lines * LANES) {
    NAME(fill_strip_inside)(p, channels, source, y, strip, stride);
  } else {
    NAME(fill_strip_at_edge)(p, channels, source, y, strip, stride);
  }
}

/// One position's sums for a block of output channels and `lines` lines, through all inputs and the
/// taps of the row. `in` is the first tap of the first pixel. `lines` is a constant after inlining.
INLINE void NAME(strip_sums)(
    int lines, ptrdiff_t inputs, ptrdiff_t pitch, const REAL *weights, const REAL *in,
    LINE sums[CHANNEL_BLOCK][TILE_LINES]) {
  LINE sum[CHANNEL_BLOCK][TILE_LINES];
  UNROLL for (int o = 0; o < CHANNEL_BLOCK; o++) {
    UNROLL for (int l = 0; l < lines; l++) sum[o][l] = (LINE)0;
  }
  for (ptrdiff_t c = 0; c < inputs; c++) {
    UNROLL for (int kx = 0; kx < WINOGRAD_TAPS; kx++) {
      LINE pixels[TILE_LINES];
      UNROLL for (int l = 0; l < lines; l++) pixels[l] = LOAD(in + c * pitch + kx + l * LANES);
      UNROLL for (int o = 0; o < CHANNEL_BLOCK; o++) {
        LINE weight = (LINE)weights[o];
        UNROLL for (int l = 0; l < lines; l++) sum[o][l] = FMA(weight, pixels[l], sum[o][l]);
      }
      weights += CHANNEL_BLOCK;
    }
  }
  UNROLL for (int o = 0; o < CHANNEL_BLOCK; o++) {
    UNROLL for (int l = 0; l < lines; l++) sums[o][l] = sum[o][l];
  }
}

/// Transforms a tile's sums back and puts them into the sink. Where the tile is `whole`, `adds` says
/// whether there is an addend. `whole`, `adds` and `lines` are constants after inlining.
INLINE void NAME(sink_tile)(
    bool whole, bool adds, int lines, ptrdiff_t channels, ptrdiff_t rows,
    LINE sums[WINOGRAD_POSITIONS][CHANNEL_BLOCK][TILE_LINES], NAME(sink) sink, ptrdiff_t offset,
    ptrdiff_t x) {
  for (ptrdiff_t o = 0; o < channels; o++) {
    UNROLL for (int l = 0; l < lines; l++) {
      LINE m[WINOGRAD_POSITIONS], y[WINOGRAD_ROWS];
      UNROLL for (int i = 0; i < WINOGRAD_POSITIONS; i++) m[i] = sums[i][o][l];
      NAME(transform_back)(m, y);
      const ptrdiff_t first = offset + o * sink.plane + l * LANES;
      UNROLL for (int r = 0; r < WINOGRAD_ROWS; r++) {
        const ptrdiff_t at = first + r * sink.pitch;
        if (whole && adds) {
          STORE(sink.out + at, FMA((LINE)sink.scale, y[r], LOAD(sink.addend + at)));
        } else if (whole) {
          STORE(sink.out + at, y[r]);
        } else if (r < rows) {
          NAME(sink_line)(sink, at, sink.width - x - l * LANES, y[r]);
        }
      }
    }
  }
}

/// Four rows × `lines` lines of a block of output channels, into the sink at `offset`, pixel x.
INLINE void NAME(winograd_tile)(
    int lines, padding p, ptrdiff_t inputs, ptrdiff_t channels, ptrdiff_t rows,
    const REAL *weights, const REAL *strip, NAME(sink) sink, ptrdiff_t offset, ptrdiff_t x) {
  LINE sums[WINOGRAD_POSITIONS][CHANNEL_BLOCK][TILE_LINES];
  const REAL *in = strip + p.lead - p.radius + x;
  for (int position = 0; position < WINOGRAD_POSITIONS; position++) {
    NAME(strip_sums)(lines, inputs, p.pitch, weights, in, sums[position]);
    weights += inputs * WINOGRAD_TAPS * CHANNEL_BLOCK;
    in += inputs * p.pitch;
  }
  const bool whole = rows == WINOGRAD_ROWS && x + lines * LANES <= sink.width;
#define CPL_SINK(whole, adds) \
  NAME(sink_tile)(whole, adds, lines, channels, rows, sums, sink, offset, x)
  if (whole && sink.addend) CPL_SINK(true, true);
  else if (whole) CPL_SINK(true, false);
  else CPL_SINK(false, false);
#undef CPL_SINK
}

/// All output channels of a 3×3 correlation. `strip` is workspace whose leads are zeros.
static void NAME(winograd)(
    padding p, ptrdiff_t inputs, ptrdiff_t outputs, const REAL *weights, NAME(source) source,
    REAL *strip, NAME(sink) sink) {
  const ptrdiff_t block_weights =
      WINOGRAD_POSITIONS * inputs * WINOGRAD_TAPS * CHANNEL_BLOCK;
  for (ptrdiff_t y = 0; y < p.height; y += WINOGRAD_ROWS) {
    const ptrdiff_t rows = smaller(WINOGRAD_ROWS, p.height - y);
    NAME(fill_strip)(p, inputs, source, y, strip, inputs * p.pitch);
    const REAL *block = weights;
    for (ptrdiff_t first = 0; first < outputs; first += CHANNEL_BLOCK, block += block_weights) {
      const ptrdiff_t channels = smaller(CHANNEL_BLOCK, outputs - first);
      for (ptrdiff_t line = 0; line < p.lines; line += TILE_LINES) {
        const ptrdiff_t x = line * LANES, offset = first * sink.plane + y * sink.pitch + x;
#define CPL_TILE(l) \
  NAME(winograd_tile)(l, p, inputs, channels, rows, block, strip, sink, offset, x)
#if WIDE
        if (line + TILE_LINES <= p.lines) CPL_TILE(2);
        else CPL_TILE(1);
#else
        CPL_TILE(1);
#endif
#undef CPL_TILE
      }
    }
  }
}

/// The six positions of all tiles of a plane of images, or of gradients: row `tile` of a position is
/// at position·stride + tile·pitch.
INLINE void NAME(fill_planes)(
    bool of_gradients, padding p, NAME(source) source, REAL *out, ptrdiff_t stride) {
  for (ptrdiff_t y = 0; y < p.height; y += WINOGRAD_ROWS, out += p.pitch) {
    NAME(fill_tiles)(false, of_gradients, p, source, source.pixels, y, out, stride);
  }
}

/// One image channel's part of the kernel's gradient, from the lanes of its sums.
static void NAME(add_kernel_gradient)(
    ptrdiff_t units, ptrdiff_t channels, const REAL *lanes, REAL *dkernel) {
  for (ptrdiff_t i = 0; i < units; i++) {
    REAL *gradient = dkernel + i * channels * WINOGRAD_TAPS * WINOGRAD_TAPS;
    for (int kx = 0; kx < WINOGRAD_TAPS; kx++) {
      LINE s[WINOGRAD_POSITIONS], taps[WINOGRAD_TAPS];
      UNROLL for (int position = 0; position < WINOGRAD_POSITIONS; position++) {
        s[position] = LOAD(lanes + ((position * WINOGRAD_TAPS + kx) * CHANNEL_BLOCK + i) * LANES);
      }
      NAME(transform_kernel_gradient)(s, taps);
      UNROLL for (int ky = 0; ky < WINOGRAD_TAPS; ky++) {
        REAL lane[LANES];
        STORE(lane, taps[ky]);
        gradient[ky * WINOGRAD_TAPS + kx] += NAME(tree)(lane);
      }
    }
  }
}

/// dkernel += corr(x, p) + corr(g, b), the hidden planes p and b padded. `workspace` has room for
/// `gradient_count` elements.
static void NAME(winograd_kernel_gradient)(
    padding p, cpl_conv_shape shape, const REAL *x, const REAL *padded_p, const REAL *g,
    const REAL *padded_b, REAL *workspace, REAL *dkernel) {
  // A position's rows of a plane, one a tile; and those of a plane's six positions.
  padding tiles = p;
  tiles.plane = tile_count(shape) * p.pitch;
  const ptrdiff_t plane = WINOGRAD_POSITIONS * tiles.plane;
  const ptrdiff_t position_units = CHANNEL_BLOCK * tiles.plane;
  const ptrdiff_t corner = p.lead - p.radius;
  REAL *lanes = workspace;
  REAL *strip_x = lanes + GRADIENT_PLANES * WINOGRAD_SUMS * LANES;
  REAL *strip_g = strip_x + GRADIENT_PLANES * plane;
  REAL *units_p = strip_g + GRADIENT_PLANES * plane + p.lead;
  REAL *units_b = units_p + CHANNEL_BLOCK * plane;
  NAME(clear_strip)(p, 2 * GRADIENT_PLANES * WINOGRAD_POSITIONS * tile_count(shape), strip_x);

  for (ptrdiff_t first = 0; first < shape.inner; first += CHANNEL_BLOCK) {
    const ptrdiff_t channels = smaller(CHANNEL_BLOCK, shape.inner - first);
    for (ptrdiff_t i = 0; i < channels; i++) {
      NAME(source) of_p = NAME(padded_planes)(p, padded_p + (first + i) * p.plane);
      NAME(source) of_b = NAME(padded_planes)(p, padded_b + (first + i) * p.plane);
      NAME(fill_planes)(true, p, of_p, units_p + p.lead + i * tiles.plane, position_units);
      NAME(fill_planes)(true, p, of_b, units_b + p.lead + i * tiles.plane, position_units);
    }
    for (ptrdiff_t c = 0; c < shape.channels; c += GRADIENT_PLANES) {
      const ptrdiff_t planes = smaller(GRADIENT_PLANES, shape.channels - c);
      for (ptrdiff_t i = 0; i < planes; i++) {
        NAME(source) of_x = NAME(dense_planes)(p, x + (c + i) * p.height * p.width);
        NAME(source) of_g = NAME(dense_planes)(p, g + (c + i) * p.height * p.width);
        NAME(fill_planes)(false, p, of_x, strip_x + p.lead + i * plane, tiles.plane);
        NAME(fill_planes)(false, p, of_g, strip_g + p.lead + i * plane, tiles.plane);
      }
      for (ptrdiff_t i = 0; i < planes * WINOGRAD_SUMS * LANES; i++) lanes[i] = 0;
      for (int position = 0; position < WINOGRAD_POSITIONS; position++) {
        const REAL *p_units = units_p + p.lead + position * position_units;
        const REAL *b_units = units_b + p.lead + position * position_units;
        for (ptrdiff_t i = 0; i < planes; i++) {
          const ptrdiff_t row = i * plane + position * tiles.plane + corner;
          REAL *sums = lanes
              + (i * WINOGRAD_POSITIONS + position) * WINOGRAD_TAPS * CHANNEL_BLOCK * LANES;
          NAME(accumulate_row)(
              WINOGRAD_TAPS, tiles, tile_count(shape), channels, p_units, strip_x + row, sums);
          NAME(accumulate_row)(
              WINOGRAD_TAPS, tiles, tile_count(shape), channels, b_units, strip_g + row, sums);
        }
      }
      for (ptrdiff_t i = 0; i < planes; i++) {
        NAME(add_kernel_gradient)(
            channels, shape.channels, lanes + i * WINOGRAD_SUMS * LANES,
            dkernel + (first * shape.channels + c + i) * WINOGRAD_TAPS * WINOGRAD_TAPS);
      }
    }
  }
}
