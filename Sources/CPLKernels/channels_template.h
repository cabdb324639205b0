// SPDX-License-Identifier: Apache-2.0

// Images are turned so that channels come last, filled up to whole lines. A line holds the channels of a
// pixel, so that small images, and images that wrap round, waste nothing: what lies beyond an edge is
// another pixel's line, or zeros. Weights are lines of output channels, and pixels of an input channel
// are broadcast to them; sums of several pixels × up to two lines stay in registers.

// Sums in registers: 8 × 2 lines of one register, or 4 × 1 lines of two.
#define SUMS (WIDE ? 8 : 4)
#define SUM_LINES (WIDE ? 2 : 1)

#include "shuffle_template.h"
#include "winograd_transforms.h"

// MARK: - Turning images

/// The first `count` elements that are `stride` apart, and zeros.
INLINE LINE NAME(gather)(const REAL *source, ptrdiff_t stride, ptrdiff_t count) {
  REAL values[LANES];
  for (ptrdiff_t l = 0; l < LANES; l++) values[l] = l < count ? source[l * stride] : 0;
  return LOAD(values);
}

/// to[p·stride + c] = from[c·pixels + p] for a line of channels c, of which `count` exist.
INLINE void NAME(turn_channels)(
    ptrdiff_t count, ptrdiff_t pixels, const REAL *from, REAL *to, ptrdiff_t stride) {
  LINE lines[LANES];
  ptrdiff_t p = 0;
  if (count == LANES && pixels == 1) {
    STORE(to, LOAD(from));
    return;
  }
  if (count == LANES && pixels == 4) {
    UNROLL for (int i = 0; i < 4; i++) lines[i] = LOAD(from + i * LANES);
    NAME(shuffle)(4, LANES, lines);
    UNROLL for (int i = 0; i < 4; i++) STORE(to + i * stride, lines[i]);
    return;
  }
  if (count == LANES) {
    for (; p + LANES <= pixels; p += LANES) {
      UNROLL for (int i = 0; i < LANES; i++) lines[i] = LOAD(from + i * pixels + p);
      NAME(shuffle)(LANES, LANES, lines);
      UNROLL for (int i = 0; i < LANES; i++) STORE(to + (p + i) * stride, lines[i]);
    }
  }
  for (; p < pixels; p++) STORE(to + p * stride, NAME(gather)(from + p, pixels, count));
}

/// Images channels×pixels as pixels×stride, with zeros for the channels that fill up the last line.
static void NAME(turn)(
    ptrdiff_t images, ptrdiff_t channels, ptrdiff_t pixels, ptrdiff_t stride, const REAL *x,
    REAL *turned) {
  for (ptrdiff_t image = 0; image < images; image++) {
    for (ptrdiff_t c = 0; c < channels; c += LANES) {
      NAME(turn_channels)(
          smaller(LANES, channels - c), pixels, x + (image * channels + c) * pixels,
          turned + image * pixels * stride + c, stride);
    }
  }
}

/// What becomes of sums of a line of pixels, before the channel's bias is added to them.
typedef struct {
  REAL scale;
  bool relu;
} NAME(ending);

INLINE LINE NAME(end_line)(
    NAME(ending) ending, LINE sum, LINE bias, bool adds_bias, const REAL *addend) {
  if (adds_bias) sum += bias;
  if (ending.relu) sum = sum < 0 ? 0 : sum;
  return addend ? FMA((LINE)ending.scale, sum, LOAD(addend)) : ending.scale * sum;
}

/// The way back, for a line of channels of which `count` exist.
INLINE void NAME(turn_channels_back)(
    ptrdiff_t count, ptrdiff_t pixels, const REAL *from, ptrdiff_t stride, const REAL *bias,
    const REAL *addend, NAME(ending) ending, REAL *to) {
  LINE lines[LANES];
  ptrdiff_t p = 0;
  if (count == LANES && pixels == 4) {
    // Lines of several channels.
    UNROLL for (int i = 0; i < 4; i++) lines[i] = LOAD(from + i * stride);
    if (bias) UNROLL for (int i = 0; i < 4; i++) lines[i] += LOAD(bias);
    NAME(shuffle)(4, 4, lines);
    UNROLL for (int i = 0; i < 4; i++) {
      STORE(
          to + i * LANES,
          NAME(end_line)(
              ending, lines[i], lines[i], false, addend ? addend + i * LANES : NULL));
    }
    return;
  }
  for (; p + LANES <= pixels; p += LANES) {
    UNROLL for (int i = 0; i < LANES; i++) lines[i] = LOAD(from + (p + i) * stride);
    NAME(shuffle)(LANES, LANES, lines);
    for (ptrdiff_t i = 0; i < count; i++) {
      const ptrdiff_t at = i * pixels + p;
      STORE(
          to + at,
          NAME(end_line)(
              ending, lines[i], (LINE)(bias ? bias[i] : 0), bias != NULL,
              addend ? addend + at : NULL));
    }
  }
  for (; p < pixels; p++) {
    LINE added = (LINE)0;
    if (addend) added = NAME(gather)(addend + p, pixels, count);
    REAL values[LANES];
    STORE(values, added);
    const LINE sum = LOAD(from + p * stride);
    const LINE end = NAME(end_line)(
        ending, sum, bias ? LOAD(bias) : (LINE)0, bias != NULL, addend ? values : NULL);
    STORE(values, end);
    for (ptrdiff_t i = 0; i < count; i++) to[i * pixels + p] = values[i];
  }
}

/// What becomes of the sums of images whose channels stay last.
static void NAME(end_lines)(
    ptrdiff_t pixels, ptrdiff_t channels, ptrdiff_t stride, const REAL *sums, NAME(ending) ending,
    const REAL *bias, const REAL *addend, REAL *y) {
  for (ptrdiff_t c = 0; c < channels; c += LANES) {
    const LINE added = bias ? NAME(gather)(bias + c, 1, channels - c) : (LINE)0;
    for (ptrdiff_t at = c; at < pixels * stride; at += stride) {
      STORE(
          y + at,
          NAME(end_line)(
              ending, LOAD(sums + at), added, bias != NULL, addend ? addend + at : NULL));
    }
  }
}

/// Images pixels×stride as channels×pixels, with what is done to them.
static void NAME(turn_back)(
    ptrdiff_t images, ptrdiff_t channels, ptrdiff_t pixels, ptrdiff_t stride, const REAL *turned,
    NAME(ending) ending, const REAL *bias, const REAL *addend, REAL *y) {
  for (ptrdiff_t image = 0; image < images; image++) {
    for (ptrdiff_t c = 0; c < channels; c += LANES) {
      const ptrdiff_t at = (image * channels + c) * pixels;
      NAME(turn_channels_back)(
          smaller(LANES, channels - c), pixels, turned + image * pixels * stride + c, stride,
          bias ? bias + c : NULL, addend ? addend + at : NULL, ending, y + at);
    }
  }
}

static void NAME(batch_turn)(
    ptrdiff_t images, ptrdiff_t channels, ptrdiff_t pixels, const REAL *x, REAL *turned) {
  NAME(turn)(images, channels, pixels, filled(channels, LANES), x, turned);
}

INLINE NAME(ending) NAME(ending_of)(const TYPED(cpl_batch_end) *end) {
  return (NAME(ending)){.scale = end->scale, .relu = end->relu};
}

static void NAME(batch_turn_back)(
    ptrdiff_t images, ptrdiff_t channels, ptrdiff_t pixels, const REAL *turned,
    const TYPED(cpl_batch_end) *end, REAL *y) {
  NAME(turn_back)(
      images, channels, pixels, filled(channels, LANES), turned, NAME(ending_of)(end), end->bias,
      end->addend, y);
}

// MARK: - What lies beyond the edges

/// Copies an image to a canvas with `radius` more pixels on each side, zeros or those of the opposite edge.
static void NAME(fill_canvas)(geometry g, const REAL *image, REAL *canvas) {
  for (ptrdiff_t y = -g.radius; y < g.height + g.radius; y++) {
    for (ptrdiff_t x = -g.radius; x < g.width + g.radius; x++, canvas += g.input_stride) {
      const bool inside = y >= 0 && y < g.height && x >= 0 && x < g.width;
      const ptrdiff_t row = (y + g.height) % g.height, column = (x + g.width) % g.width;
      const REAL *pixel = image + (row * g.width + column) * g.input_stride;
      for (ptrdiff_t c = 0; c < g.input_stride; c += LANES) {
        STORE(canvas + c, inside || g.wraps ? LOAD(pixel + c) : (LINE)0);
      }
    }
  }
}

/// The six positions of the rows that the outputs of the tile of row y depend on, for each column and those
/// beside the first and the last: column x is at strip + (x + 1)·stride, position i at i·position.
static void NAME(fill_strip)(
    geometry g, const REAL *image, ptrdiff_t y, const REAL *zeros, REAL *strip,
    ptrdiff_t position) {
  const REAL *rows[WINOGRAD_POSITIONS];
  for (ptrdiff_t i = 0; i < WINOGRAD_POSITIONS; i++) {
    ptrdiff_t row = y - 1 + i;
    if (g.wraps && row == -1) row = g.height - 1;
    else if (g.wraps && row == g.height) row = 0;
    rows[i] = row >= 0 && row < g.height ? image + row * g.width * g.input_stride : zeros;
  }
  for (ptrdiff_t x = -1; x <= g.width; x++, strip += g.input_stride) {
    const bool inside = x >= 0 && x < g.width;
    const ptrdiff_t at = (x < 0 ? g.width - 1 : x < g.width ? x : 0) * g.input_stride;
    for (ptrdiff_t c = 0; c < g.input_stride; c += LANES) {
      LINE d[WINOGRAD_POSITIONS], t[WINOGRAD_POSITIONS];
      UNROLL for (int i = 0; i < WINOGRAD_POSITIONS; i++) d[i] = LOAD(rows[i] + at + c);
      NAME(transform_inputs)(d, t);
      UNROLL for (int i = 0; i < WINOGRAD_POSITIONS; i++) {
        STORE(strip + i * position + c, inside || g.wraps ? t[i] : (LINE)0);
      }
    }
  }
}

/// The six positions of the gradients of the four rows from y on: column x is at strip + x·stride.
static void NAME(fill_gradients)(
    geometry g, const REAL *image, ptrdiff_t y, REAL *strip, ptrdiff_t position) {
  for (ptrdiff_t x = 0; x < g.width; x++, strip += g.output_stride) {
    const REAL *pixel = image + (y * g.width + x) * g.output_stride;
    for (ptrdiff_t c = 0; c < g.output_stride; c += LANES) {
      LINE u[WINOGRAD_ROWS], t[WINOGRAD_POSITIONS];
      UNROLL for (int r = 0; r < WINOGRAD_ROWS; r++) {
        u[r] = y + r < g.height ? LOAD(pixel + r * g.width * g.output_stride + c) : (LINE)0;
      }
      NAME(transform_gradients)(u, t);
      UNROLL for (int i = 0; i < WINOGRAD_POSITIONS; i++) STORE(strip + i * position + c, t[i]);
    }
  }
}

// MARK: - Products

/// Weights as products read them: [line of outputs][position][input][tap][output in the line], with zeros
/// for the outputs that the last line lacks; all k² taps belong to one position without Winograd.
static REAL *NAME(pack)(
    geometry g, const REAL *kernel, ptrdiff_t input_stride, ptrdiff_t output_stride, bool mirrored,
    REAL *packed) {
  const ptrdiff_t kernel_taps = g.kernel * g.kernel;
  const ptrdiff_t taps = g.winograd ? WINOGRAD_TAPS : kernel_taps;
  const ptrdiff_t position = g.inputs * taps * LANES;
  for (ptrdiff_t first = 0; first < g.outputs; first += LANES) {
    for (ptrdiff_t c = 0; c < g.inputs; c++) {
      for (ptrdiff_t tap = 0; tap < taps; tap++) {
        REAL *out = packed + (c * taps + tap) * LANES;
        const REAL *of = kernel + first * output_stride + c * input_stride;
        const ptrdiff_t count = smaller(LANES, g.outputs - first);
        if (!g.winograd) {
          STORE(out, NAME(gather)(of + (mirrored ? taps - 1 - tap : tap), output_stride, count));
          continue;
        }
        double column[WINOGRAD_TAPS][LANES];
        for (int ky = 0; ky < WINOGRAD_TAPS; ky++) {
          const ptrdiff_t at = ky * WINOGRAD_TAPS + tap;
          const REAL *source = of + (mirrored ? kernel_taps - 1 - at : at);
          for (ptrdiff_t l = 0; l < LANES; l++) {
            column[ky][l] = l < count ? source[l * output_stride] : 0;
          }
        }
        for (ptrdiff_t l = 0; l < LANES; l++) {
          const double k[WINOGRAD_TAPS] = {column[0][l], column[1][l], column[2][l]};
          double weights[WINOGRAD_POSITIONS];
          winograd_weights(k, weights);
          for (int i = 0; i < WINOGRAD_POSITIONS; i++) out[i * position + l] = (REAL)weights[i];
        }
      }
    }
    packed += g.winograd ? WINOGRAD_POSITIONS * position : position;
  }
  return packed;
}

static void NAME(batch_conv_pack)(cpl_conv_shape shape, const REAL *kernel, REAL *packed) {
  const ptrdiff_t taps = shape.kernel * shape.kernel, outputs = shape.channels * taps;
  const geometry forward = geometry_for(shape, false, false, sizeof(REAL));
  const geometry transposed = geometry_for(shape, false, true, sizeof(REAL));
  packed = NAME(pack)(forward, kernel, taps, outputs, false, packed);
  NAME(pack)(transposed, kernel, outputs, taps, true, packed);
}

/// The sums of `lines` lines of outputs for the pixels whose first taps are at `in`, over all inputs and
/// taps, tap t being `row`·(t / side) + column·(t % side) further on. `lines` is a constant after inlining,
/// and so is `taps`, the number of taps, but where it is 0.
INLINE void NAME(sum_pixels)(
    int lines, int taps, ptrdiff_t inputs, ptrdiff_t side, ptrdiff_t column, ptrdiff_t row,
    const REAL *weights, ptrdiff_t weight_stride, const REAL *const *in, REAL *out,
    ptrdiff_t out_stride, ptrdiff_t count) {
  const REAL *pixel[SUMS];
  LINE sum[SUMS][SUM_LINES];
  UNROLL for (int i = 0; i < SUMS; i++) {
    pixel[i] = in[i];
    UNROLL for (int l = 0; l < lines; l++) sum[i][l] = (LINE)0;
  }
#define CPL_TAP(at)                                                                       \
  {                                                                                       \
    LINE weight[SUM_LINES];                                                               \
    UNROLL for (int l = 0; l < lines; l++) weight[l] = LOAD(weights + l * weight_stride); \
    UNROLL for (int i = 0; i < SUMS; i++) {                                               \
      const LINE value = (LINE)pixel[i][at];                                              \
      UNROLL for (int l = 0; l < lines; l++) sum[i][l] = FMA(weight[l], value, sum[i][l]); \
    }                                                                                     \
    weights += LANES;                                                                     \
  }
  for (ptrdiff_t c = 0; c < inputs; c++) {
    if (taps > 0) {
      UNROLL for (int tap = 0; tap < taps; tap++) CPL_TAP(c + tap * column)
    } else {
      for (ptrdiff_t ky = 0; ky < side; ky++) {
        for (ptrdiff_t kx = 0; kx < side; kx++) CPL_TAP(c + ky * row + kx * column)
      }
    }
  }
#undef CPL_TAP
  UNROLL for (int i = 0; i < SUMS; i++) {
    if (i >= count) break;
    UNROLL for (int l = 0; l < lines; l++) STORE(out + i * out_stride + l * LANES, sum[i][l]);
  }
}

#if WIDE
// Pixels whose sums are kept in registers: twice as many for a single line.
#define RUN_PIXELS(lines) (2 * SUMS / (lines))

/// The same for `RUN_PIXELS(lines)` pixels in runs of `run` neighbours, run r from first[r] on; an input is read once for
/// all taps. All but `inputs` and the strides are constants after inlining.
INLINE void NAME(sum_runs)(
    int lines, int taps, int run, ptrdiff_t inputs, ptrdiff_t stride, const REAL *weights,
    ptrdiff_t weight_stride, const REAL *const *first, REAL *out, ptrdiff_t out_stride) {
  const int runs = RUN_PIXELS(lines) / run, reads = run + taps - 1, pointers = (reads + 2) / 3;
  LINE sum[2 * SUMS][SUM_LINES];
  UNROLL for (int i = 0; i < RUN_PIXELS(lines); i++) {
    UNROLL for (int l = 0; l < lines; l++) sum[i][l] = (LINE)0;
  }
  // Every third input has a pointer; those between are a stride, or two, further on.
  const REAL *in[2 * SUMS];
  UNROLL for (int r = 0; r < runs; r++) {
    UNROLL for (int j = 0; j < reads; j += 3) in[r * pointers + j / 3] = first[r] + j * stride;
  }
  for (ptrdiff_t c = 0; c < inputs; c++) {
    LINE weight[WINOGRAD_TAPS][SUM_LINES];
    UNROLL for (int tap = 0; tap < taps; tap++) {
      UNROLL for (int l = 0; l < lines; l++) {
        weight[tap][l] = LOAD(weights + tap * LANES + l * weight_stride);
      }
    }
    UNROLL for (int r = 0; r < runs; r++) {
      UNROLL for (int j = 0; j < reads; j++) {
        const LINE value = (LINE)in[r * pointers + j / 3][c + j % 3 * stride];
        UNROLL for (int tap = 0; tap < taps; tap++) {
          if (j < tap || j - tap >= run) continue;
          UNROLL for (int l = 0; l < lines; l++) {
            LINE *to = &sum[r * run + j - tap][l];
            *to = FMA(weight[tap][l], value, *to);
          }
        }
      }
    }
    weights += taps * LANES;
  }
  UNROLL for (int i = 0; i < RUN_PIXELS(lines); i++) {
    UNROLL for (int l = 0; l < lines; l++) STORE(out + i * out_stride + l * LANES, sum[i][l]);
  }
}

/// The sums of as many of the first pixels as fill runs; returns how many.
static ptrdiff_t NAME(sum_all_runs)(
    int lines, int taps, geometry g, const REAL *weights, ptrdiff_t weight_stride, const REAL *in,
    ptrdiff_t in_row, ptrdiff_t rows, REAL *out, ptrdiff_t out_stride) {
  const ptrdiff_t together = RUN_PIXELS(lines), count = rows * g.width / together * together;
#define CPL_RUNS(l, t, run)                                                                      \
  if (lines == l && taps == t && g.width % run == 0) {                                           \
    for (ptrdiff_t done = 0; done < count; done += together) {                                   \
      const REAL *first[RUN_PIXELS(l) / run];                                                    \
      for (int r = 0; r < RUN_PIXELS(l) / run; r++) {                                            \
        const ptrdiff_t pixel = done + r * run;                                                  \
        first[r] = in + pixel / g.width * in_row + pixel % g.width * g.input_stride;             \
      }                                                                                          \
      NAME(sum_runs)(                                                                            \
          l, t, run, g.inputs, g.input_stride, weights, weight_stride, first,                    \
          out + done * out_stride, out_stride);                                                  \
    }                                                                                            \
    return count;                                                                                \
  }
  CPL_RUNS(2, 3, 8)
  CPL_RUNS(2, 3, 4)
  CPL_RUNS(1, 3, 16)
  CPL_RUNS(1, 3, 8)
  CPL_RUNS(1, 3, 4)
  CPL_RUNS(2, 1, 8)
  CPL_RUNS(1, 1, 16)
#undef CPL_RUNS
  return 0;
}
#endif

/// The same for all pixels of so many rows, row r at in + r·in_row, its pixels a column apart; sums follow each
/// other at out.
static void NAME(sum_rows)(
    int lines, int taps, geometry g, const REAL *weights, ptrdiff_t weight_stride, const REAL *in,
    ptrdiff_t in_row, ptrdiff_t rows, REAL *out, ptrdiff_t out_stride) {
  const ptrdiff_t pixels = rows * g.width;
  ptrdiff_t done = 0;
  (void)lines;
#if WIDE
  done = NAME(sum_all_runs)(
      lines, taps, g, weights, weight_stride, in, in_row, rows, out, out_stride);
#endif
  ptrdiff_t r = done / g.width, x = done % g.width;
  for (ptrdiff_t first = done; first < pixels; first += SUMS) {
    const REAL *pixel[SUMS];
    for (int i = 0; i < SUMS; i++) {
      // Behind the last pixel it is taken again.
      pixel[i] = in + r * in_row + x * g.input_stride;
      if (r < rows - 1 || x < g.width - 1) x++;
      if (x == g.width) (x = 0, r++);
    }
    REAL *to = out + first * out_stride;
    const ptrdiff_t count = pixels - first;
#define CPL_SUMS(l, t)                                                                        \
  NAME(sum_pixels)(                                                                           \
      l, t, g.inputs, g.kernel, g.input_stride, in_row, weights, weight_stride, pixel, to,    \
      out_stride, count)
#if WIDE
    if (lines == 2 && taps == 3) CPL_SUMS(2, 3);
    else if (lines == 2 && taps == 1) CPL_SUMS(2, 1);
    else if (lines == 2) CPL_SUMS(2, 0);
    else
#endif
    if (taps == 3) CPL_SUMS(1, 3);
    else if (taps == 1) CPL_SUMS(1, 1);
    else CPL_SUMS(1, 0);
#undef CPL_SUMS
  }
}

/// The convolution of turned images by Winograd's algorithm, and what becomes of the sums. `workspace` has
/// `product_count` elements.
static void NAME(product_by_winograd)(
    geometry g, ptrdiff_t images, const REAL *weights, const REAL *x, NAME(ending) ending,
    const REAL *bias, const REAL *addend, REAL *y, REAL *workspace) {
  const ptrdiff_t tiles = tile_rows(g), most_rows = strip_rows(g, images);
  const ptrdiff_t in_row = (g.width + 2) * g.input_stride;
  const ptrdiff_t position_weights = g.inputs * WINOGRAD_TAPS * LANES;
  const ptrdiff_t line_weights = WINOGRAD_POSITIONS * position_weights;
  REAL *zeros = workspace, *strip = zeros + g.width * g.input_stride;
  REAL *sums = strip + most_rows * WINOGRAD_POSITIONS * in_row;
  for (ptrdiff_t i = 0; i < g.width * g.input_stride; i++) zeros[i] = 0;
  for (ptrdiff_t first = 0; first < images * tiles; first += most_rows) {
    const ptrdiff_t rows = smaller(most_rows, images * tiles - first), position = rows * in_row;
    for (ptrdiff_t r = 0; r < rows; r++) {
      const ptrdiff_t image = (first + r) / tiles, tile = (first + r) % tiles;
      NAME(fill_strip)(
          g, x + image * pixels(g) * g.input_stride, tile * WINOGRAD_ROWS, zeros,
          strip + r * in_row, position);
    }
    for (ptrdiff_t o = 0; o < g.output_stride; o += SUM_LINES * LANES) {
      const ptrdiff_t lines = smaller(SUM_LINES, (g.output_stride - o) / LANES);
      const ptrdiff_t position_sums = rows * g.width * lines * LANES;
      for (int i = 0; i < WINOGRAD_POSITIONS; i++) {
        NAME(sum_rows)(
            (int)lines, WINOGRAD_TAPS, g, weights + o / LANES * line_weights + i * position_weights,
            line_weights, strip + i * position, in_row, rows, sums + i * position_sums,
            lines * LANES);
      }
      for (ptrdiff_t r = 0; r < rows; r++) {
        const ptrdiff_t image = (first + r) / tiles, row = (first + r) % tiles * WINOGRAD_ROWS;
        const ptrdiff_t of_image = (image * pixels(g) + row * g.width) * g.output_stride;
        const REAL *of_row = sums + r * g.width * lines * LANES;
        for (ptrdiff_t l = 0; l < lines; l++) {
          const ptrdiff_t channel = o + l * LANES;
          const LINE added =
              bias ? NAME(gather)(bias + channel, 1, g.outputs - channel) : (LINE)0;
          for (ptrdiff_t x = 0; x < g.width; x++) {
            LINE m[WINOGRAD_POSITIONS], values[WINOGRAD_ROWS];
            UNROLL for (int i = 0; i < WINOGRAD_POSITIONS; i++) {
              m[i] = LOAD(of_row + i * position_sums + (x * lines + l) * LANES);
            }
            NAME(transform_back)(m, values);
            UNROLL for (int i = 0; i < WINOGRAD_ROWS; i++) {
              if (row + i >= g.height) break;
              const ptrdiff_t at = of_image + (i * g.width + x) * g.output_stride + channel;
              STORE(
                  y + at,
                  NAME(end_line)(
                      ending, values[i], added, bias != NULL, addend ? addend + at : NULL));
            }
          }
        }
      }
    }
  }
}

/// The convolution of turned images.
static void NAME(product)(
    geometry g, ptrdiff_t images, const REAL *weights, const REAL *x, REAL *y, REAL *workspace) {
  if (g.winograd) {
    const NAME(ending) none = {.scale = 1};
    NAME(product_by_winograd)(g, images, weights, x, none, NULL, NULL, y, workspace);
    return;
  }
  const ptrdiff_t line_weights = g.inputs * g.kernel * g.kernel * LANES;
  // Images of a kernel with one tap are all one.
  geometry taken = g;
  if (g.kernel == 1) {
    taken.width = images * pixels(g);
    taken.height = images = 1;
  }
  for (ptrdiff_t image = 0; image < images; image++) {
    const REAL *in = x + image * pixels(taken) * g.input_stride;
    if (g.kernel > 1) {
      NAME(fill_canvas)(g, in, workspace);
      in = workspace;
    }
    REAL *out = y + image * pixels(taken) * g.output_stride;
    for (ptrdiff_t o = 0; o < g.output_stride; o += SUM_LINES * LANES) {
      const ptrdiff_t lines = smaller(SUM_LINES, (g.output_stride - o) / LANES);
      NAME(sum_rows)(
          (int)lines, g.kernel == 1 ? 1 : 0, taken, weights + o / LANES * line_weights,
          line_weights, in, (g.width + 2 * g.radius) * g.input_stride, taken.height, out + o,
          g.output_stride);
    }
  }
}

static void NAME(batch_conv_apply)(
    cpl_conv_shape shape, bool wraps, bool transposed, cpl_channels_last last, const REAL *packed,
    ptrdiff_t images, const REAL *x, const TYPED(cpl_batch_end) *end, REAL *y, void *workspace) {
  const geometry g = geometry_for(shape, wraps, transposed, sizeof(REAL));
  const ptrdiff_t group = group_images(g, images);
  const ptrdiff_t x_image = pixels(g) * (last.input ? g.input_stride : g.inputs);
  const ptrdiff_t y_image = pixels(g) * (last.output ? g.output_stride : g.outputs);
  const NAME(ending) ending = NAME(ending_of)(end);
  if (transposed) packed += weight_count(geometry_for(shape, wraps, false, sizeof(REAL)));
  REAL *turned = aligned_to_line(workspace);
  REAL *sums = turned + group * pixels(g) * g.input_stride;
  REAL *rest = sums + group * pixels(g) * g.output_stride;
  for (ptrdiff_t first = 0; first < images; first += group) {
    const ptrdiff_t count = smaller(group, images - first);
    const REAL *in = x + first * x_image;
    const REAL *addend = end->addend ? end->addend + first * y_image : NULL;
    REAL *out = y + first * y_image;
    if (!last.input) {
      NAME(turn)(count, g.inputs, pixels(g), g.input_stride, in, turned);
      in = turned;
    }
    if (last.output && g.winograd) {
      NAME(product_by_winograd)(g, count, packed, in, ending, end->bias, addend, out, rest);
      continue;
    }
    NAME(product)(g, count, packed, in, sums, rest);
    if (last.output) {
      NAME(end_lines)(
          count * pixels(g), g.outputs, g.output_stride, sums, ending, end->bias, addend, out);
    } else {
      NAME(turn_back)(
          count, g.outputs, pixels(g), g.output_stride, sums, ending, end->bias, addend, out);
    }
  }
}

// MARK: - Gradients

/// Adds to the sums of SUMS input channels × `lines` lines of outputs, the channels LANES apart and the lines
/// `line_stride`, the products of all pixels of so many rows. `lines` is a constant after inlining.
INLINE void NAME(add_products)(
    int lines, ptrdiff_t rows, ptrdiff_t width, const REAL *x, ptrdiff_t x_row, ptrdiff_t x_stride,
    const REAL *v, ptrdiff_t v_stride, REAL *sums, ptrdiff_t line_stride) {
  LINE sum[SUMS][SUM_LINES];
  UNROLL for (int i = 0; i < SUMS; i++) {
    UNROLL for (int l = 0; l < lines; l++) sum[i][l] = LOAD(sums + i * LANES + l * line_stride);
  }
  for (ptrdiff_t r = 0; r < rows; r++) {
    const REAL *pixel = x + r * x_row;
    for (ptrdiff_t column = 0; column < width; column++, pixel += x_stride, v += v_stride) {
      LINE gradient[SUM_LINES];
      UNROLL for (int l = 0; l < lines; l++) gradient[l] = LOAD(v + l * LANES);
      UNROLL for (int i = 0; i < SUMS; i++) {
        const LINE value = (LINE)pixel[i];
        UNROLL for (int l = 0; l < lines; l++) sum[i][l] = FMA(gradient[l], value, sum[i][l]);
      }
    }
  }
  UNROLL for (int i = 0; i < SUMS; i++) {
    UNROLL for (int l = 0; l < lines; l++) STORE(sums + i * LANES + l * line_stride, sum[i][l]);
  }
}

/// The same for all channels. `v` are the pixels of all rows.
static void NAME(add_all_products)(
    geometry g, ptrdiff_t rows, const REAL *x, ptrdiff_t x_row, const REAL *v, REAL *sums,
    ptrdiff_t line_stride) {
  for (ptrdiff_t o = 0; o < g.output_stride; o += SUM_LINES * LANES) {
    for (ptrdiff_t c = 0; c < g.input_stride; c += SUMS) {
      REAL *to = sums + o / LANES * line_stride + c * LANES;
#define CPL_ADD(l)                                                                             \
  NAME(add_products)(                                                                          \
      l, rows, g.width, x + c, x_row, g.input_stride, v + o, g.output_stride, to, line_stride)
#if WIDE
      if (o + 2 * LANES <= g.output_stride) CPL_ADD(2);
      else CPL_ADD(1);
#else
      CPL_ADD(1);
#endif
#undef CPL_ADD
    }
  }
}

#if WIDE
/// The products of a gradient's line with an input's `SUMS` channels, for the three taps of a row at once, tap t's
/// sums t·`matrix` further on: x begins before the row's first pixel. The width is at least 2.
static void NAME(add_tap_products)(
    ptrdiff_t rows, ptrdiff_t width, const REAL *x, ptrdiff_t x_row, ptrdiff_t x_stride,
    const REAL *v, ptrdiff_t v_stride, REAL *sums, ptrdiff_t matrix) {
  LINE sum[WINOGRAD_TAPS][SUMS];
  UNROLL for (int tap = 0; tap < WINOGRAD_TAPS; tap++) {
    UNROLL for (int i = 0; i < SUMS; i++) sum[tap][i] = LOAD(sums + tap * matrix + i * LANES);
  }
  // Tap t of the input at j goes with the gradient at j − t.
#define CPL_ADD_INPUT(first_tap, last_tap)                                                    \
  {                                                                                           \
    UNROLL for (int i = 0; i < SUMS; i++) {                                                   \
      const LINE value = (LINE)pixel[i];                                                      \
      UNROLL for (int tap = first_tap; tap <= last_tap; tap++) {                              \
        sum[tap][i] = FMA(gradient[tap], value, sum[tap][i]);                                 \
      }                                                                                       \
    }                                                                                         \
    pixel += x_stride;                                                                        \
    gradient[2] = gradient[1];                                                                \
    gradient[1] = gradient[0];                                                                \
  }
  for (ptrdiff_t r = 0; r < rows; r++) {
    const REAL *pixel = x + r * x_row;
    LINE gradient[WINOGRAD_TAPS];
    gradient[0] = LOAD(v);
    CPL_ADD_INPUT(0, 0)
    gradient[0] = LOAD(v + v_stride);
    CPL_ADD_INPUT(0, 1)
    for (ptrdiff_t column = 2; column < width; column++) {
      gradient[0] = LOAD(v + column * v_stride);
      CPL_ADD_INPUT(0, 2)
    }
    CPL_ADD_INPUT(1, 2)
    CPL_ADD_INPUT(2, 2)
    v += width * v_stride;
  }
#undef CPL_ADD_INPUT
  UNROLL for (int tap = 0; tap < WINOGRAD_TAPS; tap++) {
    UNROLL for (int i = 0; i < SUMS; i++) STORE(sums + tap * matrix + i * LANES, sum[tap][i]);
  }
}
#endif

/// Adds the products of a position of Winograd's to its taps' sums.
static void NAME(add_position)(
    geometry g, ptrdiff_t rows, const REAL *x, ptrdiff_t x_row, const REAL *v, REAL *sums,
    ptrdiff_t line_stride) {
  const ptrdiff_t matrix = g.input_stride * LANES;
#if WIDE
  if (g.width >= 2) {
    for (ptrdiff_t o = 0; o < g.output_stride; o += LANES) {
      for (ptrdiff_t c = 0; c < g.input_stride; c += SUMS) {
        NAME(add_tap_products)(
            rows, g.width, x + c, x_row, g.input_stride, v + o, g.output_stride,
            sums + o / LANES * line_stride + c * LANES, matrix);
      }
    }
    return;
  }
#endif
  for (int tap = 0; tap < WINOGRAD_TAPS; tap++) {
    NAME(add_all_products)(
        g, rows, x + tap * g.input_stride, x_row, v, sums + tap * matrix, line_stride);
  }
}

/// Adds the sums of turned images to the matrices of sums, [line of outputs][position or tap][tap][input][output].
static void NAME(sum_gradients)(
    geometry g, ptrdiff_t images, const REAL *x, const REAL *v, REAL *sums, REAL *workspace) {
  const ptrdiff_t matrix = g.input_stride * LANES, line_stride = matrix_count(g) * matrix;
  if (g.winograd) {
    const ptrdiff_t tiles = tile_rows(g), rows = images * tiles;
    const ptrdiff_t in_row = (g.width + 2) * g.input_stride, position = rows * in_row;
    const ptrdiff_t gradient_row = g.width * g.output_stride;
    REAL *zeros = workspace, *strip = zeros + g.width * g.input_stride;
    REAL *gradients = strip + WINOGRAD_POSITIONS * position;
    for (ptrdiff_t i = 0; i < g.width * g.input_stride; i++) zeros[i] = 0;
    for (ptrdiff_t r = 0; r < rows; r++) {
      const ptrdiff_t image = r / tiles * pixels(g), y = r % tiles * WINOGRAD_ROWS;
      NAME(fill_strip)(
          g, x + image * g.input_stride, y, zeros, strip + r * in_row, position);
      NAME(fill_gradients)(
          g, v + image * g.output_stride, y, gradients + r * gradient_row, rows * gradient_row);
    }
    for (int i = 0; i < WINOGRAD_POSITIONS; i++) {
      NAME(add_position)(
          g, rows, strip + i * position, in_row, gradients + i * rows * gradient_row,
          sums + i * WINOGRAD_TAPS * matrix, line_stride);
    }
    return;
  }
  const ptrdiff_t in_row = (g.width + 2 * g.radius) * g.input_stride;
  for (ptrdiff_t image = 0; image < images; image++) {
    const REAL *in = x + image * pixels(g) * g.input_stride;
    if (g.kernel > 1) {
      NAME(fill_canvas)(g, in, workspace);
      in = workspace;
    }
    for (ptrdiff_t tap = 0; tap < g.kernel * g.kernel; tap++) {
      NAME(add_all_products)(
          g, g.height, in + tap / g.kernel * in_row + tap % g.kernel * g.input_stride, in_row,
          v + image * pixels(g) * g.output_stride, sums + tap * matrix, line_stride);
    }
  }
}

/// Adds a line of outputs' part of the sums to the kernel's gradient. `taps` has room for a line each input
/// and tap.
static void NAME(add_gradient)(
    geometry g, const REAL *sums, ptrdiff_t outputs, REAL *taps, REAL *dkernel) {
  const ptrdiff_t matrix = g.input_stride * LANES, tap_count = g.kernel * g.kernel;
  for (ptrdiff_t c = 0; c < g.inputs; c++) {
    REAL *out = taps + c * tap_count * LANES;
    for (ptrdiff_t tap = 0; tap < (g.winograd ? WINOGRAD_TAPS : tap_count); tap++) {
      const REAL *sum = sums + tap * matrix + c * LANES;
      if (!g.winograd) {
        STORE(out + tap * LANES, LOAD(sum));
        continue;
      }
      LINE s[WINOGRAD_POSITIONS], column[WINOGRAD_TAPS];
      UNROLL for (int i = 0; i < WINOGRAD_POSITIONS; i++) {
        s[i] = LOAD(sum + i * WINOGRAD_TAPS * matrix);
      }
      NAME(transform_kernel_gradient)(s, column);
      UNROLL for (int ky = 0; ky < WINOGRAD_TAPS; ky++) {
        STORE(out + (ky * WINOGRAD_TAPS + tap) * LANES, column[ky]);
      }
    }
  }
  const NAME(ending) adding = {.scale = 1};
  NAME(turn_back)(1, outputs, g.inputs * tap_count, LANES, taps, adding, NULL, dkernel, dkernel);
}

static void NAME(batch_conv_gradient)(
    cpl_conv_shape shape, bool wraps, cpl_channels_last last, ptrdiff_t images, int pairs,
    const REAL *const *x, const REAL *const *v, REAL *dkernel, REAL *dbias, void *workspace) {
  const geometry g = geometry_for(shape, wraps, false, sizeof(REAL));
  const ptrdiff_t group = group_images(g, images);
  const ptrdiff_t line_sums = matrix_count(g) * g.input_stride * LANES;
  const ptrdiff_t x_image = pixels(g) * (last.input ? g.input_stride : g.inputs);
  const ptrdiff_t v_image = pixels(g) * (last.output ? g.output_stride : g.outputs);
  REAL *turned = aligned_to_line(workspace);
  REAL *gradients = turned + group * pixels(g) * g.input_stride;
  REAL *sums = gradients + group * pixels(g) * g.output_stride;
  REAL *bias = sums + g.output_stride / LANES * line_sums;
  REAL *taps = bias + g.output_stride;
  REAL *rest = taps + g.kernel * g.kernel * g.inputs * LANES;
  for (REAL *sum = sums; sum < taps; sum++) *sum = 0;
  for (ptrdiff_t first = 0; first < images; first += group) {
    const ptrdiff_t count = smaller(group, images - first);
    for (int pair = 0; pair < pairs; pair++) {
      const REAL *in = x[pair] + first * x_image, *out = v[pair] + first * v_image;
      if (!last.input) {
        NAME(turn)(count, g.inputs, pixels(g), g.input_stride, in, turned);
        in = turned;
      }
      if (!last.output) {
        NAME(turn)(count, g.outputs, pixels(g), g.output_stride, out, gradients);
        out = gradients;
      }
      NAME(sum_gradients)(g, count, in, out, sums, rest);
      for (ptrdiff_t p = 0; pair == 0 && dbias && p < count * pixels(g); p++) {
        for (ptrdiff_t o = 0; o < g.output_stride; o += LANES) {
          STORE(bias + o, LOAD(bias + o) + LOAD(out + p * g.output_stride + o));
        }
      }
    }
  }
  for (ptrdiff_t o = 0; o < g.outputs; o += LANES) {
    NAME(add_gradient)(
        g, sums + o / LANES * line_sums, smaller(LANES, g.outputs - o), taps,
        dkernel + o * g.inputs * g.kernel * g.kernel);
  }
  for (ptrdiff_t o = 0; dbias && o < g.outputs; o++) dbias[o] += bias[o];
}

#undef SUMS
#undef SUM_LINES
