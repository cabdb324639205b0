// SPDX-License-Identifier: Apache-2.0

// The kernels of devices other than the CPU, in OpenCL C, for one scalar type REAL: float, or double where
// REAL_IS_DOUBLE is 1.
//
// Each output element is the one chain of operations that CPLKernels.h states, taken by one work-item. So
// results are the CPU's, bit for bit. Whatever rounds goes through an operator of C or one of the macros
// below, which a text in front of this one may define otherwise: for another dialect of C, and in tests for
// devices that compute otherwise.
//
// Tensors are dense, row-major, images N×C×H×W. A work-item whose index is beyond its range does nothing:
// ranges are filled up to whole work-groups.

#ifndef KEEPS_CONTRACTION
#pragma OPENCL FP_CONTRACT OFF
#endif

#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#if REAL_IS_DOUBLE
typedef double REAL;
#else
typedef float REAL;
#endif

#ifndef FMA
#define FMA(a, b, c) fma(a, b, c)
#endif
#ifndef DIVIDE
#define DIVIDE(a, b) ((a) / (b))
#endif
#ifndef SQUARE_ROOT
#define SQUARE_ROOT(a) sqrt(a)
#endif
// The same in binary64, whatever REAL is.
#ifndef WIDE_FMA
#define WIDE_FMA(a, b, c) fma(a, b, c)
#endif
#ifndef WIDE_DIVIDE
#define WIDE_DIVIDE(a, b) ((a) / (b))
#endif
#ifndef WIDE_SQUARE_ROOT
#define WIDE_SQUARE_ROOT(a) sqrt(a)
#endif

#define KERNEL __kernel
#define GLOBAL __global
#define LOCAL __local
#define GROUP_BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define INDEX(dimension) ((int)get_global_id(dimension))
#define LOCAL_INDEX(dimension) ((int)get_local_id(dimension))
#define GROUP_INDEX(dimension) ((int)get_group_id(dimension))

// MARK: - Arithmetic

// The seven results of each triple of operands, result by result: what a device is first compared by.
KERNEL void arithmetic(
    int count, GLOBAL const REAL *a, GLOBAL const REAL *b, GLOBAL const REAL *c,
    GLOBAL REAL *results) {
  const int i = INDEX(0);
  if (i >= count) return;
  results[i] = a[i] + b[i];
  results[count + i] = a[i] * b[i];
  results[2 * count + i] = DIVIDE(a[i], b[i]);
  results[3 * count + i] = SQUARE_ROOT(a[i]);
  results[4 * count + i] = FMA(a[i], b[i], c[i]);
  results[5 * count + i] = a[i] * b[i] + c[i];
  results[6 * count + i] = (a[i] + b[i]) - a[i];
}

// MARK: - Images

// y = (x − mean)/deviation, channel by channel.
KERNEL void normalize_channels(
    int count, int channels, int plane, GLOBAL const REAL *mean, GLOBAL const REAL *deviation,
    GLOBAL const REAL *x, GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i >= count) return;
  const int channel = i / plane % channels;
  y[i] = DIVIDE(x[i] - mean[channel], deviation[channel]);
}

// The gradient of the above: g/deviation.
KERNEL void normalize_channels_gradient(
    int count, int channels, int plane, GLOBAL const REAL *deviation, GLOBAL const REAL *g,
    GLOBAL REAL *dx) {
  const int i = INDEX(0);
  if (i < count) dx[i] = DIVIDE(g[i], deviation[i / plane % channels]);
}

// Images of `channels` channels as ones of `padded`: with zeros, or, where `clones`, with copies, all of them
// divided.
KERNEL void pad_channels(
    int count, int channels, int padded, int plane, int clones, REAL divisor, GLOBAL const REAL *x,
    GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i >= count) return;
  const int image = i / plane / padded, channel = i / plane % padded, pixel = i % plane;
  const int source = (image * channels + channel % channels) * plane + pixel;
  if (clones) y[i] = DIVIDE(x[source], divisor);
  else y[i] = channel < channels ? x[source] : 0;
}

// The gradient of the above: the first channels', or the sum over the copies, in their order, divided.
KERNEL void pad_channels_gradient(
    int count, int channels, int padded, int plane, int clones, REAL divisor, GLOBAL const REAL *g,
    GLOBAL REAL *dx) {
  const int i = INDEX(0);
  if (i >= count) return;
  const int image = i / plane / channels, channel = i / plane % channels, pixel = i % plane;
  GLOBAL const REAL *first = g + image * padded * plane + pixel;
  REAL total = first[channel * plane];
  if (clones) {
    for (int c = channel + channels; c < padded; c += channels) total += first[c * plane];
    total = DIVIDE(total, divisor);
  }
  dx[i] = total;
}

// The sums over disjoint window × window squares, row by row, divided by `window`. `height` and `width` are
// those of the output.
KERNEL void pool_windows(
    int count, int height, int width, int window, GLOBAL const REAL *x, GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i >= count) return;
  const int row = i / width, column = i % width;
  GLOBAL const REAL *corner = x + (row * window * width + column) * window;
  REAL total = 0;
  for (int r = 0; r < window; r++) {
    for (int c = 0; c < window; c++) total += corner[r * width * window + c];
  }
  y[i] = DIVIDE(total, (REAL)window);
}

// The gradient of the above. `height` and `width` are those of the input.
KERNEL void pool_windows_gradient(
    int count, int height, int width, int window, GLOBAL const REAL *g, GLOBAL REAL *dx) {
  const int i = INDEX(0);
  if (i >= count) return;
  const int plane = i / (height * width), row = i / width % height, column = i % width;
  const int rows = height / window, columns = width / window;
  const int square = (plane * rows + row / window) * columns + column / window;
  dx[i] = DIVIDE(g[square], (REAL)window);
}

// MARK: - Layers that choose

// Pairs of planes (the first two, the next two, …) of v, exchanged where x has the smaller number in the first.
KERNEL void exchange_pairs(
    int count, int plane, GLOBAL const REAL *x, GLOBAL const REAL *v, GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i >= count) return;
  const bool is_first = i / plane % 2 == 0;
  const int other = is_first ? i + plane : i - plane;
  const bool swaps = is_first ? x[i] < x[other] : x[other] < x[i];
  y[i] = swaps ? v[other] : v[i];
}

// Each window × window square of a plane as window² planes: pixel (i, j) of all squares is one of them. `height` and
// `width` are those of the output. The inverse where `inverse`.
KERNEL void unshuffle_pixels(
    int count, int height, int width, int window, int inverse, GLOBAL const REAL *x,
    GLOBAL REAL *y) {
  const int o = INDEX(0);
  if (o >= count) return;
  const int column = o % width, row = o / width % height, planes = o / width / height;
  const int j = planes % window, i = planes / window % window, plane = planes / window / window;
  const int pixel =
      ((plane * height + row) * window + i) * width * window + column * window + j;
  if (inverse) y[pixel] = x[o];
  else y[o] = x[pixel];
}

// The pixel of a square whose number is the largest: the first of equals; the last that is not a number.
int largest_pixel(GLOBAL const REAL *x, int corner, int window, int pitch) {
  int best = corner;
  for (int pixel = 0; pixel < window * window; pixel++) {
    const int i = corner + pixel / window * pitch + pixel % window;
    if (x[i] > x[best] || x[i] != x[i]) best = i;
  }
  return best;
}

// The largest numbers of disjoint window × window squares. `height` and `width` are those of the output.
KERNEL void pool_largest(
    int count, int height, int width, int window, GLOBAL const REAL *x, GLOBAL REAL *y) {
  const int o = INDEX(0);
  if (o >= count) return;
  const int corner = (o / width * window * width + o % width) * window;
  y[o] = x[largest_pixel(x, corner, window, width * window)];
}

// The gradient of the above. `height` and `width` are those of the input x.
KERNEL void pool_largest_gradient(
    int count, int height, int width, int window, GLOBAL const REAL *x, GLOBAL const REAL *g,
    GLOBAL REAL *dx) {
  const int i = INDEX(0);
  if (i >= count) return;
  const int row = i / width, column = i % width;
  const int corner = row / window * window * width + column / window * window;
  const int square = row / window * (width / window) + column / window;
  dx[i] = largest_pixel(x, corner, window, width) == i ? g[square] : 0;
}

// MARK: - Heads without parameters

// The first `classes` of `features` numbers.
KERNEL void pool_truncate(
    int count, int classes, int features, int group, REAL factor, GLOBAL const REAL *x,
    GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i < count) y[i] = x[i / classes * features + i % classes];
}

// factor times the mean of `group` neighbours.
KERNEL void pool_mean(
    int count, int classes, int features, int group, REAL factor, GLOBAL const REAL *x,
    GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i >= count) return;
  GLOBAL const REAL *first = x + i / classes * features + i % classes * group;
  REAL total = 0;
  for (int k = 0; k < group; k++) total += first[k];
  y[i] = factor * DIVIDE(total, (REAL)group);
}

// The largest of `group` neighbours, the first of equals.
KERNEL void pool_max(
    int count, int classes, int features, int group, REAL factor, GLOBAL const REAL *x,
    GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i >= count) return;
  GLOBAL const REAL *first = x + i / classes * features + i % classes * group;
  REAL largest = first[0];
  for (int k = 1; k < group; k++) largest = largest < first[k] ? first[k] : largest;
  y[i] = largest;
}

// The gradients of the three, with respect to each of N×features numbers. `x` is the head's input, which the last
// one alone looks at.
KERNEL void pool_truncate_gradient(
    int count, int classes, int features, int group, REAL factor, GLOBAL const REAL *x,
    GLOBAL const REAL *g, GLOBAL REAL *dx) {
  const int i = INDEX(0);
  if (i >= count) return;
  const int image = i / features, feature = i % features;
  dx[i] = feature < classes ? g[image * classes + feature] : 0;
}

KERNEL void pool_mean_gradient(
    int count, int classes, int features, int group, REAL factor, GLOBAL const REAL *x,
    GLOBAL const REAL *g, GLOBAL REAL *dx) {
  const int i = INDEX(0);
  if (i >= count) return;
  const int image = i / features, label = i % features / group;
  dx[i] = label < classes ? DIVIDE(factor * g[image * classes + label], (REAL)group) : 0;
}

KERNEL void pool_max_gradient(
    int count, int classes, int features, int group, REAL factor, GLOBAL const REAL *x,
    GLOBAL const REAL *g, GLOBAL REAL *dx) {
  const int i = INDEX(0);
  if (i >= count) return;
  const int image = i / features, feature = i % features, label = feature / group;
  dx[i] = 0;
  if (label >= classes) return;
  GLOBAL const REAL *first = x + image * features + label * group;
  int chosen = 0;
  for (int k = 1; k < group; k++) chosen = first[chosen] < first[k] ? k : chosen;
  if (feature == label * group + chosen) dx[i] = g[image * classes + label];
}

// MARK: - Matrix products

// A work-group's tile of C is TILE × TILE, of which a work-item has every GROUP-th row and column; the
// factors go through local memory, DEPTH of the summed index at a time.
#define GROUP 16
#define ITEM 4
#define TILE (GROUP * ITEM)
#define DEPTH 16

// C = gate?(relu?(addend ? fma(alpha, t, addend) : alpha·t)), t the chain of A(i, k)·B(k, j) over ascending k, as
// cpl_gemm has it. A is rows × depth; B is depth × columns, or its transpose where `transposed`. `addend` and
// `gate` count only where `adds` and `gates` say so; the addend's rows are `addend_stride` apart.
KERNEL __attribute__((reqd_work_group_size(GROUP, GROUP, 1))) void multiply(
    int rows, int columns, int depth, GLOBAL const REAL *a, GLOBAL const REAL *b, int transposed,
    REAL alpha, int adds, GLOBAL const REAL *addend, int addend_stride, int rectifies,
    int gates, GLOBAL const REAL *gate, GLOBAL REAL *c) {
  LOCAL REAL a_tile[DEPTH][TILE + 1], b_tile[DEPTH][TILE + 1];
  const int x = LOCAL_INDEX(0), y = LOCAL_INDEX(1), item = y * GROUP + x;
  const int first_row = GROUP_INDEX(1) * TILE, first_column = GROUP_INDEX(0) * TILE;
  REAL sum[ITEM][ITEM];
  for (int r = 0; r < ITEM; r++) {
    for (int s = 0; s < ITEM; s++) sum[r][s] = 0;
  }
  for (int start = 0; start < depth; start += DEPTH) {
    for (int i = item; i < TILE * DEPTH; i += GROUP * GROUP) {
      // Neighbouring work-items read neighbouring elements.
      const int k = start + i % DEPTH, row = first_row + i / DEPTH;
      a_tile[i % DEPTH][i / DEPTH] = row < rows && k < depth ? a[(size_t)row * depth + k] : 0;
      if (transposed) {
        const int column = first_column + i / DEPTH;
        b_tile[i % DEPTH][i / DEPTH] =
            column < columns && k < depth ? b[(size_t)column * depth + k] : 0;
      } else {
        const int column = first_column + i % TILE, line = start + i / TILE;
        b_tile[i / TILE][i % TILE] =
            column < columns && line < depth ? b[(size_t)line * columns + column] : 0;
      }
    }
    GROUP_BARRIER();
    const int part = depth - start < DEPTH ? depth - start : DEPTH;
    for (int k = 0; k < part; k++) {
      REAL factors[ITEM];
      for (int s = 0; s < ITEM; s++) factors[s] = b_tile[k][x + s * GROUP];
      for (int r = 0; r < ITEM; r++) {
        const REAL factor = a_tile[k][y + r * GROUP];
        for (int s = 0; s < ITEM; s++) sum[r][s] = FMA(factor, factors[s], sum[r][s]);
      }
    }
    GROUP_BARRIER();
  }
  for (int r = 0; r < ITEM; r++) {
    const int row = first_row + y + r * GROUP;
    for (int s = 0; s < ITEM; s++) {
      const int column = first_column + x + s * GROUP;
      if (row >= rows || column >= columns) continue;
      REAL value = adds
          ? FMA(alpha, sum[r][s], addend[(size_t)row * addend_stride + column])
          : alpha * sum[r][s];
      if (rectifies) value = value < 0 ? 0 : value;
      const size_t at = (size_t)row * columns + column;
      if (gates) value = gate[at] > 0 ? value : 0;
      c[at] = value;
    }
  }
}

// MARK: - Convolutions

// The output channels that a work-item takes together, as the packed weights have them: CHANNEL_BLOCK of
// convolution.c.
#define CHANNELS 5
#define POSITIONS 6
#define ROWS 4
#define TAPS 3

// What becomes of a sum t. ADDS: fma(scale, t, second), with an addend for each element. ACTIVATES:
// relu(t + second), with a bias for each channel. GATES: scale·t where `second` is positive, and 0 elsewhere.
// KEEPS: t.
#define ADDS 0
#define ACTIVATES 1
#define GATES 2
#define KEEPS 3

REAL finished(REAL sum, int end, REAL scale, GLOBAL const REAL *second, int channel, size_t at) {
  if (end == ADDS) return FMA(scale, sum, second[at]);
  if (end == GATES) return second[at] > 0 ? scale * sum : 0;
  if (end == KEEPS) return sum;
  const REAL value = sum + second[channel];
  return value < 0 ? 0 : value;
}

// A correlation of `inputs` planes with kernels of side × side, one chain over the inputs, then the taps.
// Index 0: the pixel, 1: the block of output channels, 2: the image. `weights` begin at `first`.
KERNEL void correlate(
    int inputs, int outputs, int height, int width, int side, GLOBAL const REAL *weights, int first,
    int end, REAL scale, GLOBAL const REAL *second, GLOBAL const REAL *x, GLOBAL REAL *out) {
  const int pixel = INDEX(0), block = INDEX(1), image = INDEX(2), plane = height * width;
  if (pixel >= plane) return;
  const int row = pixel / width - side / 2, column = pixel % width - side / 2;
  GLOBAL const REAL *source = x + (size_t)image * inputs * plane;
  weights += first + block * inputs * side * side * CHANNELS;
  REAL sums[CHANNELS];
  for (int o = 0; o < CHANNELS; o++) sums[o] = 0;
  for (int c = 0; c < inputs; c++) {
    for (int ky = 0; ky < side; ky++) {
      for (int kx = 0; kx < side; kx++) {
        const int i = row + ky, j = column + kx;
        const bool exists = i >= 0 && i < height && j >= 0 && j < width;
        const REAL value = exists ? source[i * width + j] : 0;
        for (int o = 0; o < CHANNELS; o++) sums[o] = FMA(weights[o], value, sums[o]);
        weights += CHANNELS;
      }
    }
    source += plane;
  }
  for (int o = 0; o < CHANNELS && block * CHANNELS + o < outputs; o++) {
    const int channel = block * CHANNELS + o;
    const size_t at = ((size_t)image * outputs + channel) * plane + pixel;
    out[at] = finished(sums[o], end, scale, second, channel, at);
  }
}

// Winograd's points 0, ±a, ±b and ∞, and what is made of them.
#define POINT_A ((REAL)0.75)
#define POINT_B ((REAL)1.5)
#define POINT_A2 ((REAL)0.5625)
#define POINT_B2 ((REAL)2.25)

// t, the six positions of six rows of inputs.
void transform_inputs(const REAL *d, REAL *t) {
  const REAL product = (REAL)1.265625, sum = (REAL)2.8125;
  const REAL even_a = FMA(-POINT_B2, d[2], d[4]), odd_a = FMA(-POINT_B2, d[1], d[3]);
  const REAL even_b = FMA(-POINT_A2, d[2], d[4]), odd_b = FMA(-POINT_A2, d[1], d[3]);
  t[0] = FMA(-sum, d[2], FMA(product, d[0], d[4]));
  t[1] = FMA(POINT_A, odd_a, even_a);
  t[2] = FMA(-POINT_A, odd_a, even_a);
  t[3] = FMA(POINT_B, odd_b, even_b);
  t[4] = FMA(-POINT_B, odd_b, even_b);
  t[5] = FMA(-sum, d[3], FMA(product, d[1], d[5]));
}

// The same of 3×3 kernels by Winograd's F(4, 3) along the columns. Index 0: the first pixel of the four of a
// column, counted through the tiles' rows.
KERNEL void correlate_winograd(
    int inputs, int outputs, int height, int width, GLOBAL const REAL *weights, int first,
    int end, REAL scale, GLOBAL const REAL *second, GLOBAL const REAL *x, GLOBAL REAL *out) {
  const int column = INDEX(0) % width, row = INDEX(0) / width * ROWS;
  const int block = INDEX(1), image = INDEX(2), plane = height * width;
  if (row >= height) return;
  const int position_weights = inputs * TAPS * CHANNELS;
  GLOBAL const REAL *source = x + (size_t)image * inputs * plane;
  weights += first + block * POSITIONS * position_weights;
  REAL m[POSITIONS][CHANNELS];
  for (int p = 0; p < POSITIONS; p++) {
    for (int o = 0; o < CHANNELS; o++) m[p][o] = 0;
  }
  for (int c = 0; c < inputs; c++) {
    for (int kx = 0; kx < TAPS; kx++) {
      const int j = column + kx - 1;
      REAL d[POSITIONS], t[POSITIONS];
      for (int r = 0; r < POSITIONS; r++) {
        const int i = row - 1 + r;
        const bool exists = i >= 0 && i < height && j >= 0 && j < width;
        d[r] = exists ? source[i * width + j] : 0;
      }
      transform_inputs(d, t);
      for (int p = 0; p < POSITIONS; p++) {
        GLOBAL const REAL *at = weights + p * position_weights;
        for (int o = 0; o < CHANNELS; o++) m[p][o] = FMA(at[o], t[p], m[p][o]);
      }
      weights += CHANNELS;
    }
    source += plane;
  }
  for (int o = 0; o < CHANNELS && block * CHANNELS + o < outputs; o++) {
    const int channel = block * CHANNELS + o;
    const REAL even_a = m[1][o] + m[2][o], odd_a = m[1][o] - m[2][o];
    const REAL even_b = m[3][o] + m[4][o], odd_b = m[3][o] - m[4][o];
    REAL y[ROWS];
    y[0] = m[0][o] + even_a + even_b;
    y[1] = FMA(POINT_A, odd_a, POINT_B * odd_b);
    y[2] = FMA(POINT_A2, even_a, POINT_B2 * even_b);
    y[3] = FMA(POINT_A * POINT_A2, odd_a, FMA(POINT_B * POINT_B2, odd_b, m[5][o]));
    for (int r = 0; r < ROWS && row + r < height; r++) {
      const size_t at =
          ((size_t)image * outputs + channel) * plane + (row + r) * width + column;
      out[at] = finished(y[r], end, scale, second, channel, at);
    }
  }
}

// K as correlations read it, from `first` on: [block of outputs][input][tap][output in the block], with zeros
// for the outputs that the last block lacks. K(o, c) begins at o·output_stride + c·input_stride; its taps go
// backwards where it is `mirrored`.
KERNEL void pack_weights(
    int count, int inputs, int outputs, int taps, int input_stride, int output_stride, int mirrored,
    GLOBAL const REAL *k, int first, GLOBAL REAL *packed) {
  const int i = INDEX(0);
  if (i >= count) return;
  const int tap = i / CHANNELS % taps, c = i / CHANNELS / taps % inputs;
  const int o = i / CHANNELS / taps / inputs * CHANNELS + i % CHANNELS;
  const int at = o * output_stride + c * input_stride + (mirrored ? taps - 1 - tap : tap);
  packed[first + i] = o < outputs ? k[at] : 0;
}

// The same for Winograd's algorithm: [block of outputs][position][input][tap of the row][output in the block].
// In binary64, then rounded.
KERNEL void pack_winograd(
    int count, int inputs, int outputs, int input_stride, int output_stride, int mirrored,
    GLOBAL const REAL *k, int first, GLOBAL REAL *packed) {
  const int i = INDEX(0);
  if (i >= count) return;
  const double a = 0.75, b = 1.5, a2 = 0.5625, b2 = 2.25;
  const double scale_0 = 1 / (a2 * b2);
  const double scale_a = 1 / (2 * a2 * (a2 - b2)), scale_b = 1 / (2 * b2 * (b2 - a2));
  const int kx = i / CHANNELS % TAPS, c = i / CHANNELS / TAPS % inputs;
  const int position = i / CHANNELS / TAPS / inputs % POSITIONS;
  const int o = i / CHANNELS / TAPS / inputs / POSITIONS * CHANNELS + i % CHANNELS;
  double column[TAPS];
  for (int ky = 0; ky < TAPS; ky++) {
    const int tap = ky * TAPS + kx;
    const int at = o * output_stride + c * input_stride + (mirrored ? TAPS * TAPS - 1 - tap : tap);
    column[ky] = o < outputs ? k[at] : 0;
  }
  const double even_a = scale_a * (column[0] + a2 * column[2]);
  const double even_b = scale_b * (column[0] + b2 * column[2]);
  const double odd_a = scale_a * a * column[1], odd_b = scale_b * b * column[1];
  double weight = column[2];
  if (position == 0) weight = scale_0 * column[0];
  if (position == 1) weight = even_a + odd_a;
  if (position == 2) weight = even_a - odd_a;
  if (position == 3) weight = even_b + odd_b;
  if (position == 4) weight = even_b - odd_b;
  packed[first + i] = (REAL)weight;
}

// MARK: - Sums over pixels

// A pixel belongs to the lane of its column, modulo LANES: each lane has a chain, of a line that is filled up
// with zeros, and the lanes' sums end in a tree. Index 0 of these kernels counts sums, and the lanes of each.
#define LANES (REAL_IS_DOUBLE ? 8 : 16)
#define LANES_OF_GROUP 64

// The tree over the lanes of sums that are in local memory; whole groups come here, and each sum's first lane
// takes what is returned.
REAL sum_of_lanes(REAL lane_sum, LOCAL REAL *sums) {
  const int item = LOCAL_INDEX(0), lane = item % LANES;
  sums[item] = lane_sum;
  GROUP_BARRIER();
  for (int step = LANES / 2; step > 0; step /= 2) {
    if (lane < step) sums[item] += sums[item + step];
    GROUP_BARRIER();
  }
  return sums[item];
}

// For each of `planes`, the sum of p over its pixels.
KERNEL void sum_planes(
    int planes, int height, int width, GLOBAL const REAL *p, GLOBAL REAL *results) {
  LOCAL REAL sums[LANES_OF_GROUP];
  const int plane = INDEX(0) / LANES, lane = INDEX(0) % LANES;
  REAL sum = 0;
  for (int y = 0; plane < planes && y < height; y++) {
    for (int x = lane; x < width; x += LANES) {
      sum += p[((size_t)plane * height + y) * width + x];
    }
  }
  sum = sum_of_lanes(sum, sums);
  if (plane < planes && lane == 0) results[plane] = sum;
}

// For each image, the sum of s·a over its planes and their pixels.
KERNEL void dot_images(
    int images, int planes, int height, int width, GLOBAL const REAL *s, GLOBAL const REAL *a,
    GLOBAL REAL *results) {
  LOCAL REAL sums[LANES_OF_GROUP];
  const int image = INDEX(0) / LANES, lane = INDEX(0) % LANES;
  REAL sum = 0;
  for (int row = 0; image < images && row < planes * height; row++) {
    for (int start = 0; start < width; start += LANES) {
      const int x = start + lane;
      const size_t at = ((size_t)image * planes * height + row) * width + x;
      sum = x < width ? FMA(s[at], a[at], sum) : FMA((REAL)0, (REAL)0, sum);
    }
  }
  sum = sum_of_lanes(sum, sums);
  if (image < images && lane == 0) results[image] = sum;
}

// The gradient of a convolution's kernel, inner × channels × side × side, for each image:
//
//     Σ p(i, y, x)·v(c, y + ky − r, x + kx − r)  +  Σ (scale·a)(i, y, x)·g(c, y + ky − r, x + kx − r)
//
// the second sum's chains going on where the first one's end; without the first where not `both`. Index 0 counts
// channels and taps, 1: the block of inner channels, 2: the image.
KERNEL void kernel_gradient(
    int channels, int inner, int height, int width, int side, int both, GLOBAL const REAL *p,
    GLOBAL const REAL *v, REAL scale, GLOBAL const REAL *a, GLOBAL const REAL *g,
    GLOBAL REAL *results) {
  LOCAL REAL lane_sums[LANES_OF_GROUP];
  const int taps = side * side, lane = INDEX(0) % LANES, plane = height * width;
  const int tap = INDEX(0) / LANES % taps, c = INDEX(0) / LANES / taps;
  const int first = INDEX(1) * CHANNELS, image = INDEX(2);
  const int up = tap / side - side / 2, left = tap % side - side / 2;
  REAL sums[CHANNELS];
  for (int o = 0; o < CHANNELS; o++) sums[o] = 0;
  for (int term = both ? 0 : 1; c < channels && term < 2; term++) {
    GLOBAL const REAL *pixels = (term ? g : v) + ((size_t)image * channels + c) * plane;
    GLOBAL const REAL *units = (term ? a : p) + ((size_t)image * inner + first) * plane;
    for (int y = 0; y < height; y++) {
      for (int start = 0; start < width; start += LANES) {
        const int x = start + lane, i = y + up, j = x + left;
        const bool exists = i >= 0 && i < height && j >= 0 && j < width;
        const REAL pixel = exists ? pixels[i * width + j] : 0;
        for (int o = 0; o < CHANNELS && first + o < inner; o++) {
          const REAL unit = x < width ? units[o * plane + y * width + x] : 0;
          sums[o] = FMA(term ? scale * unit : unit, pixel, sums[o]);
        }
      }
    }
  }
  for (int o = 0; o < CHANNELS; o++) {
    const REAL sum = sum_of_lanes(sums[o], lane_sums);
    if (lane == 0 && c < channels && first + o < inner) {
      results[(((size_t)image * inner + first + o) * channels + c) * taps + tap] = sum;
    }
  }
}

// The same of 3×3 kernels at Winograd's six positions. Index 0 counts channels and the taps of a row.
KERNEL void kernel_gradient_winograd(
    int channels, int inner, int height, int width, int both, GLOBAL const REAL *p,
    GLOBAL const REAL *v, REAL scale, GLOBAL const REAL *a, GLOBAL const REAL *g,
    GLOBAL REAL *results) {
  LOCAL REAL lane_sums[LANES_OF_GROUP];
  const int lane = INDEX(0) % LANES, plane = height * width;
  const int kx = INDEX(0) / LANES % TAPS, c = INDEX(0) / LANES / TAPS;
  const int first = INDEX(1) * CHANNELS, image = INDEX(2);
  REAL s[CHANNELS][POSITIONS];
  for (int o = 0; o < CHANNELS; o++) {
    for (int i = 0; i < POSITIONS; i++) s[o][i] = 0;
  }
  for (int term = both ? 0 : 1; c < channels && term < 2; term++) {
    GLOBAL const REAL *pixels = (term ? g : v) + ((size_t)image * channels + c) * plane;
    GLOBAL const REAL *units = (term ? a : p) + ((size_t)image * inner + first) * plane;
    for (int y = 0; y < height; y += ROWS) {
      for (int start = 0; start < width; start += LANES) {
        const int x = start + lane, j = x + kx - 1;
        REAL d[POSITIONS], t[POSITIONS];
        for (int r = 0; r < POSITIONS; r++) {
          const int i = y - 1 + r;
          const bool exists = i >= 0 && i < height && j >= 0 && j < width;
          d[r] = exists ? pixels[i * width + j] : 0;
        }
        transform_inputs(d, t);
        for (int o = 0; o < CHANNELS && first + o < inner; o++) {
          REAL u[ROWS], q[POSITIONS];
          for (int r = 0; r < ROWS; r++) {
            u[r] = 0;
            if (y + r >= height) continue;
            const REAL unit = x < width ? units[o * plane + (y + r) * width + x] : 0;
            u[r] = term ? scale * unit : unit;
          }
          const REAL even_a = FMA(POINT_A2, u[2], u[0]);
          const REAL odd_a = POINT_A * FMA(POINT_A2, u[3], u[1]);
          const REAL even_b = FMA(POINT_B2, u[2], u[0]);
          const REAL odd_b = POINT_B * FMA(POINT_B2, u[3], u[1]);
          q[0] = u[0];
          q[1] = even_a + odd_a;
          q[2] = even_a - odd_a;
          q[3] = even_b + odd_b;
          q[4] = even_b - odd_b;
          q[5] = u[3];
          for (int i = 0; i < POSITIONS; i++) s[o][i] = FMA(q[i], t[i], s[o][i]);
        }
      }
    }
  }
  const double a2 = 0.5625, b2 = 2.25;
  const REAL scale_0 = (REAL)(1 / (a2 * b2));
  const REAL scale_a = (REAL)(1 / (2 * a2 * (a2 - b2)));
  const REAL scale_b = (REAL)(1 / (2 * b2 * (b2 - a2)));
  for (int o = 0; o < CHANNELS; o++) {
    const REAL even_a = scale_a * (s[o][1] + s[o][2]), odd_a = scale_a * (s[o][1] - s[o][2]);
    const REAL even_b = scale_b * (s[o][3] + s[o][4]), odd_b = scale_b * (s[o][3] - s[o][4]);
    REAL column[TAPS];
    column[0] = FMA(scale_0, s[o][0], even_a) + even_b;
    column[1] = FMA(POINT_A, odd_a, POINT_B * odd_b);
    column[2] = FMA(POINT_A2, even_a, FMA(POINT_B2, even_b, s[o][5]));
    for (int ky = 0; ky < TAPS; ky++) {
      const REAL sum = sum_of_lanes(column[ky], lane_sums);
      if (lane == 0 && c < channels && first + o < inner) {
        const size_t plane_of_k = ((size_t)image * inner + first + o) * channels + c;
        results[(plane_of_k * TAPS + ky) * TAPS + kx] = sum;
      }
    }
  }
}

// MARK: - Sums over a batch

// Images that follow each other make pieces, and pieces are added as a binary tree (BatchTree): before piece n a
// subtree of 2^i pieces waits for each binary digit 1 of n. SUBTREES of them are room for any batch.
#define SUBTREES 28

// For each of `count` numbers, the sum of the images' numbers: a piece's from `start` on, times `factor`. (A start
// of −0 leaves the first number as it is.)
KERNEL void sum_batch(
    int count, int images, int piece, REAL start, REAL factor, GLOBAL const REAL *x,
    GLOBAL REAL *results) {
  const int i = INDEX(0);
  if (i >= count) return;
  REAL subtrees[SUBTREES], total = 0;
  const int pieces = (images + piece - 1) / piece;
  for (int n = 0; n < pieces; n++) {
    REAL sum = start;
    for (int image = n * piece; image < images && image < (n + 1) * piece; image++) {
      sum += x[(size_t)image * count + i];
    }
    sum *= factor;
    const bool is_last = n + 1 == pieces;
    int level = 0;
    for (int digits = n; is_last ? digits > 0 : digits & 1; digits >>= 1, level++) {
      if (digits & 1) sum = subtrees[level] + sum;
    }
    if (is_last) total = sum;
    else subtrees[level] = sum;
  }
  results[i] = total;
}

// The sum of one or two sums of outer products over a batch, as cpl_gradient has it: rows × columns, of A
// (images × rows) and B (images × columns). SUBTREES_OF_TILE of the tree are room for 2^16 pieces.
#define SUBTREES_OF_TILE 16
#define PIECE 8

KERNEL __attribute__((reqd_work_group_size(GROUP, GROUP, 1))) void outer_products(
    int rows, int columns, int images, REAL alpha, GLOBAL const REAL *a, GLOBAL const REAL *b,
    int both, REAL alpha2, GLOBAL const REAL *a2, GLOBAL const REAL *b2, GLOBAL REAL *c) {
  LOCAL REAL a_tile[PIECE][TILE + 1], b_tile[PIECE][TILE + 1];
  const int x = LOCAL_INDEX(0), y = LOCAL_INDEX(1), item = y * GROUP + x;
  const int first_row = GROUP_INDEX(1) * TILE, first_column = GROUP_INDEX(0) * TILE;
  const int pieces = (images + PIECE - 1) / PIECE;
  REAL sum[ITEM][ITEM], subtrees[SUBTREES_OF_TILE][ITEM][ITEM];
  for (int r = 0; r < ITEM; r++) {
    for (int s = 0; s < ITEM; s++) sum[r][s] = 0;
  }
  for (int n = 0; n < pieces; n++) {
    const int start = n * PIECE, part = images - start < PIECE ? images - start : PIECE;
    for (int r = 0; r < ITEM; r++) {
      for (int s = 0; s < ITEM; s++) sum[r][s] = 0;
    }
    for (int outer = 0; outer < (both ? 2 : 1); outer++) {
      for (int i = item; i < TILE * PIECE; i += GROUP * GROUP) {
        const int k = i / TILE, image = start + k;
        const int row = first_row + i % TILE, column = first_column + i % TILE;
        const size_t at_a = (size_t)image * rows + row, at_b = (size_t)image * columns + column;
        const bool has_a = row < rows && k < part, has_b = column < columns && k < part;
        if (outer) {
          a_tile[k][i % TILE] = has_a ? alpha2 * a2[at_a] : 0;
          b_tile[k][i % TILE] = has_b ? b2[at_b] : 0;
        } else {
          a_tile[k][i % TILE] = has_a ? alpha * a[at_a] : 0;
          b_tile[k][i % TILE] = has_b ? b[at_b] : 0;
        }
      }
      GROUP_BARRIER();
      for (int k = 0; k < part; k++) {
        REAL factors[ITEM];
        for (int s = 0; s < ITEM; s++) factors[s] = b_tile[k][x + s * GROUP];
        for (int r = 0; r < ITEM; r++) {
          const REAL factor = a_tile[k][y + r * GROUP];
          for (int s = 0; s < ITEM; s++) sum[r][s] = FMA(factor, factors[s], sum[r][s]);
        }
      }
      GROUP_BARRIER();
    }
    const bool is_last = n + 1 == pieces;
    int level = 0;
    for (int digits = n; is_last ? digits > 0 : digits & 1; digits >>= 1, level++) {
      if (!(digits & 1)) continue;
      for (int r = 0; r < ITEM; r++) {
        for (int s = 0; s < ITEM; s++) sum[r][s] = subtrees[level][r][s] + sum[r][s];
      }
    }
    if (is_last) break;
    for (int r = 0; r < ITEM; r++) {
      for (int s = 0; s < ITEM; s++) subtrees[level][r][s] = sum[r][s];
    }
  }
  for (int r = 0; r < ITEM; r++) {
    const int row = first_row + y + r * GROUP;
    for (int s = 0; s < ITEM; s++) {
      const int column = first_column + x + s * GROUP;
      if (row < rows && column < columns) c[(size_t)row * columns + column] = sum[r][s];
    }
  }
}

// MARK: - Vectors

// For each of `rows` parts, `length` numbers each but for the last one where x ends before, the sum of x·y in
// binary64, as cpl_dot has it: 32 chains, then a tree. Parts are `x_stride` and `y_stride` apart; results go to
// `first` and on.
#define CHAINS 32

KERNEL void dots(
    int rows, int length, int x_count, GLOBAL const REAL *x, int x_stride, GLOBAL const REAL *y,
    int y_stride, int first, GLOBAL double *results) {
  LOCAL double sums[LANES_OF_GROUP];
  const int item = LOCAL_INDEX(0), row = INDEX(0) / CHAINS, chain = INDEX(0) % CHAINS;
  double sum = 0;
  if (row < rows) {
    const int left = x_count - row * x_stride, end = left < length ? left : length;
    for (int i = chain; i < end; i += CHAINS) {
      sum = WIDE_FMA(
          (double)x[(size_t)row * x_stride + i], (double)y[(size_t)row * y_stride + i], sum);
    }
  }
  sums[item] = sum;
  GROUP_BARRIER();
  for (int step = CHAINS / 2; step > 0; step /= 2) {
    if (chain < step) sums[item] += sums[item + step];
    GROUP_BARRIER();
  }
  if (row < rows && chain == 0) results[first + row] = sums[item];
}

// Sums of products, rounded, then divided.
KERNEL void rounded_dots(int count, GLOBAL const double *dots, REAL divisor, GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i < count) y[i] = DIVIDE((REAL)dots[i], divisor);
}

// x times 1/(n + tiny), n the rounded root of squares[index].
KERNEL void scale_to_unit(
    int count, GLOBAL const double *squares, int index, REAL tiny, GLOBAL const REAL *x,
    GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i >= count) return;
  const REAL factor = DIVIDE((REAL)1, (REAL)WIDE_SQUARE_ROOT(squares[index]) + tiny);
  y[i] = x[i] * factor;
}

// Rows divided by their lengths, of which `squares` are the squares, or by `tiny` where they are shorter.
KERNEL void normalize_rows(
    int count, int columns, GLOBAL const double *squares, REAL tiny, GLOBAL const REAL *x,
    GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i >= count) return;
  const REAL norm = (REAL)WIDE_SQUARE_ROOT(squares[i / columns]);
  y[i] = DIVIDE(x[i], tiny >= norm ? tiny : norm);
}

// The gradient of the above, from the one with respect to the unit rows q and its product with each of them.
KERNEL void normalize_rows_gradient(
    int count, int columns, GLOBAL const double *squares, REAL tiny, GLOBAL const double *along,
    GLOBAL const REAL *q, GLOBAL const REAL *g, GLOBAL REAL *dx) {
  const int i = INDEX(0);
  if (i >= count) return;
  const REAL norm = (REAL)WIDE_SQUARE_ROOT(squares[i / columns]);
  const REAL product = (REAL)along[i / columns] * q[i];
  dx[i] = DIVIDE(g[i] - product, tiny >= norm ? tiny : norm);
}

// vᵀW of a matrix of so many rows and columns, one chain over the rows for each column.
KERNEL void multiply_vector(
    int columns, int rows, GLOBAL const REAL *v, GLOBAL const REAL *w, GLOBAL REAL *y) {
  const int j = INDEX(0);
  if (j >= columns) return;
  REAL sum = 0;
  for (int k = 0; k < rows; k++) sum = FMA(v[k], w[(size_t)k * columns + j], sum);
  y[j] = sum;
}

// fma(scale, y, factor·x).
KERNEL void combine(
    int count, REAL factor, GLOBAL const REAL *x, REAL scale, GLOBAL const REAL *y,
    GLOBAL REAL *z) {
  const int i = INDEX(0);
  if (i >= count) return;
  const REAL product = x[i] * factor;
  z[i] = FMA(scale, y[i], product);
}

// g + scale·(v xᵀ + w yᵀ), scale = factor·numbers[0], each operation rounded; without w yᵀ where not `both`.
KERNEL void add_outer_products(
    int count, int columns, REAL factor, GLOBAL const REAL *numbers, int both,
    GLOBAL const REAL *v, GLOBAL const REAL *x, GLOBAL const REAL *w, GLOBAL const REAL *y,
    GLOBAL const REAL *g, GLOBAL REAL *results) {
  const int i = INDEX(0);
  if (i >= count) return;
  const int row = i / columns, column = i % columns;
  REAL sum = (REAL)0 + FMA(v[row], x[column], (REAL)0);
  if (both) sum += FMA(w[row], y[column], (REAL)0);
  results[i] = g[i] + FMA(factor * numbers[0], sum, (REAL)0);
}

// g + scale·(v + w), scale = factor·numbers[0], each operation rounded; without w where not `both`.
KERNEL void add_scaled(
    int count, REAL factor, GLOBAL const REAL *numbers, int both, GLOBAL const REAL *v,
    GLOBAL const REAL *w, GLOBAL const REAL *g, GLOBAL REAL *results) {
  const int i = INDEX(0);
  if (i >= count) return;
  REAL sum = v[i];
  if (both) sum += w[i];
  sum *= factor * numbers[0];
  results[i] = g[i] + sum;
}

// scale·s where a is positive, and 0 elsewhere.
KERNEL void gate(
    int count, REAL scale, GLOBAL const REAL *s, GLOBAL const REAL *a, GLOBAL REAL *p) {
  const int i = INDEX(0);
  if (i < count) p[i] = a[i] > 0 ? scale * s[i] : 0;
}

// A step of Adam, as cpl_adam_step has it.
KERNEL void adam_step(
    int count, REAL fresh1, REAL fresh2, REAL beta2, REAL epsilon, REAL step, REAL root_correction2,
    GLOBAL const REAL *gradient, GLOBAL const REAL *m, GLOBAL const REAL *v, GLOBAL const REAL *x,
    GLOBAL REAL *new_m, GLOBAL REAL *new_v, GLOBAL REAL *new_x) {
  const int i = INDEX(0);
  if (i >= count) return;
  const REAL g = gradient[i];
  const REAL first = FMA(fresh1, g - m[i], m[i]);
  const REAL kept = beta2 * v[i];
  const REAL second = FMA(fresh2 * g, g, kept);
  const REAL denominator = DIVIDE(SQUARE_ROOT(second), root_correction2) + epsilon;
  new_m[i] = first;
  new_v[i] = second;
  new_x[i] = x[i] - DIVIDE(step * first, denominator);
}

// A step of stochastic gradient descent with Nesterov's momentum and weight decay, each operation rounded; `kept` is
// the share of m that stays.
KERNEL void momentum_step(
    int count, REAL rate, REAL decay, REAL momentum, REAL kept, GLOBAL const REAL *gradient,
    GLOBAL const REAL *m, GLOBAL const REAL *x, GLOBAL REAL *new_m, GLOBAL REAL *new_x) {
  const int i = INDEX(0);
  if (i >= count) return;
  const REAL slope = gradient[i] + decay * x[i];
  const REAL moment = kept * m[i] + slope;
  new_m[i] = moment;
  new_x[i] = x[i] - rate * (slope + momentum * moment);
}

// MARK: - Images under attack

// The steps of Ball+Ascent.swift, of many images at once. An image is a row of `columns` numbers of binary32, whatever
// REAL is; what is between two images is binary64. A sum is one chain over its row.
#define PIXEL(value) ((REAL)(float)(value))

// To the box [0, 1].
double clipped(double x) {
  const double above = 0 >= x ? 0 : x;
  return 1 < above ? 1 : above;
}

// steps[row]/max(‖g‖, least) for each row g; 0 where it is 0 or not finite.
KERNEL void step_scales(
    int rows, int columns, GLOBAL const REAL *g, GLOBAL const double *steps, double least,
    GLOBAL double *scales) {
  const int row = INDEX(0);
  if (row >= rows) return;
  g += (size_t)row * columns;
  double sum = 0;
  for (int i = 0; i < columns; i++) sum += (double)g[i] * (double)g[i];
  const double slope = WIDE_SQUARE_ROOT(sum);
  const bool leads = slope > 0 && slope < INFINITY;
  scales[row] = leads ? WIDE_DIVIDE(steps[row], least >= slope ? least : slope) : 0;
}

// x + scale·g where the scale is positive, else x.
KERNEL void ascend(
    int count, int columns, GLOBAL const double *scales, GLOBAL const REAL *x,
    GLOBAL const REAL *g, GLOBAL double *u) {
  const int i = INDEX(0);
  if (i >= count) return;
  const double scale = scales[i / columns], start = (double)x[i];
  u[i] = scale > 0 ? start + scale * (double)g[i] : start;
}

// What brings a row of real points into its ball: target/‖u − center‖, or 1 where it lies inside.
KERNEL void ball_scales(
    int rows, int columns, GLOBAL const double *u, GLOBAL const REAL *centers,
    GLOBAL const double *targets, GLOBAL double *scales) {
  const int row = INDEX(0);
  if (row >= rows) return;
  u += (size_t)row * columns;
  centers += (size_t)row * columns;
  double sum = 0;
  for (int i = 0; i < columns; i++) {
    const double difference = u[i] - (double)centers[i];
    sum += difference * difference;
  }
  const double length = WIDE_SQUARE_ROOT(sum), target = targets[row];
  scales[row] = length > target ? WIDE_DIVIDE(target, length) : 1;
}

// The nearest point of the ball, and then the nearest of the box to that.
KERNEL void into_ball(
    int count, int columns, GLOBAL const REAL *centers, GLOBAL const double *scales,
    GLOBAL const double *u, GLOBAL double *z) {
  const int i = INDEX(0);
  if (i >= count) return;
  const double center = (double)centers[i];
  z[i] = clipped(center + (u[i] - center) * scales[i / columns]);
}

// x + a(z − x) + (1 − a)(x − previous), a = shares[row].
KERNEL void add_momentum(
    int count, int columns, GLOBAL const double *shares, GLOBAL const REAL *x,
    GLOBAL const REAL *previous, GLOBAL const double *z, GLOBAL double *u) {
  const int i = INDEX(0);
  if (i >= count) return;
  const double share = shares[i / columns], current = (double)x[i];
  u[i] = current + share * (z[i] - current) + (1 - share) * (current - (double)previous[i]);
}

// Real points rounded to images, and where `clips` clipped.
KERNEL void rounded_images(int count, int clips, GLOBAL const double *u, GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i >= count) return;
  const REAL value = PIXEL(u[i]);
  y[i] = clips ? (REAL)clipped((double)value) : value;
}

// a + b rounded, and the error of that sum.
double two_sum(double a, double b, double *error) {
  const double sum = a + b, b_rounded = sum - a;
  *error = (a - (sum - b_rounded)) + (b - b_rounded);
  return sum;
}

// What brings a row of images into its ball: target/d, or −1 where it lies inside; d is Distance.upperBound. Squares
// of differences are 0 or at least 2^-298, so that residuals are exact.
KERNEL void image_scales(
    int rows, int columns, GLOBAL const REAL *x, GLOBAL const REAL *centers,
    GLOBAL const double *targets, GLOBAL double *scales) {
  const int row = INDEX(0);
  if (row >= rows) return;
  x += (size_t)row * columns;
  centers += (size_t)row * columns;
  double high = 0, low = 0;
  for (int i = 0; i < columns; i++) {
    double difference_error, sum_error;
    const double difference = two_sum((double)x[i], -(double)centers[i], &difference_error);
    const double square = difference * difference;
    const double square_error = WIDE_FMA(difference, difference, -square);
    high = two_sum(high, square, &sum_error);
    low += sum_error + (square_error + 2 * difference * difference_error);
  }
  // The root, then the product, each rounded up.
  const double square = high + low, factor = 1 + 0x1p-52;
  double length = WIDE_SQUARE_ROOT(square);
  if (length > 0 && length < INFINITY) {
    if (WIDE_FMA(-length, length, square) > 0) length = nextafter(length, (double)INFINITY);
    const double product = length * factor;
    const bool is_below = WIDE_FMA(-length, factor, product) < 0;
    length = is_below ? nextafter(product, (double)INFINITY) : product;
  }
  const double target = targets[row];
  scales[row] = length > target ? WIDE_DIVIDE(target, length) : -1;
}

// Images brought into their balls, and where `clips` clipped; those whose step has no scale are what they were.
KERNEL void images_into_ball(
    int count, int columns, GLOBAL const double *step_scales, GLOBAL const REAL *before,
    GLOBAL const REAL *centers, GLOBAL const double *scales, int clips, GLOBAL const REAL *x,
    GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i >= count) return;
  const int row = i / columns;
  const double center = (double)centers[i], scale = scales[row];
  const REAL value = scale < 0 ? x[i] : PIXEL(center + ((double)x[i] - center) * scale);
  const REAL ended = clips ? (REAL)clipped((double)value) : value;
  y[i] = step_scales[row] > 0 ? ended : before[i];
}

// margins[row] − share·‖g‖ for each row g.
KERNEL void margins_beyond(
    int rows, int columns, GLOBAL const REAL *g, GLOBAL const double *margins, double share,
    GLOBAL double *values) {
  const int row = INDEX(0);
  if (row >= rows) return;
  g += (size_t)row * columns;
  double sum = 0;
  for (int i = 0; i < columns; i++) sum += (double)g[i] * (double)g[i];
  values[row] = margins[row] - share * WIDE_SQUARE_ROOT(sum);
}

// For each row of points the shortest step within the box to the hyperplane ⟨w, d⟩ = −values[row], as boxStep has it.
KERNEL void box_steps(
    int rows, int columns, GLOBAL const REAL *points, GLOBAL const REAL *w,
    GLOBAL const double *values, GLOBAL double *steps) {
  const int row = INDEX(0);
  if (row >= rows) return;
  points += (size_t)row * columns;
  w += (size_t)row * columns;
  steps += (size_t)row * columns;
  const double value = values[row], amount = fabs(value), sign = value < 0 ? -1 : 1;
  bool leads = amount < INFINITY;
  double largest = 0;
  for (int i = 0; i < columns; i++) {
    const double size = fabs((double)w[i]);
    leads = leads && size < INFINITY;
    largest = size >= largest ? size : largest;
  }
  if (!leads) {
    for (int i = 0; i < columns; i++) steps[i] = 0;
    return;
  }
  // The multiplier at which each coordinate meets the box.
  const double least = 1e-8 * largest;
  double slope = 0;
  for (int i = 0; i < columns; i++) {
    const double v = sign * (double)w[i], x = (double)points[i];
    steps[i] = 0;
    if (fabs(v) > least) {
      steps[i] = WIDE_DIVIDE(v > 0 ? x : x - 1, v);
      slope += v * v;
    }
  }
  double multiplier = slope > 0 ? WIDE_DIVIDE(amount, slope) : 0;
  int moving = -1;
  while (true) {
    double sum = 0;
    int left = 0;
    slope = 0;
    for (int i = 0; i < columns; i++) {
      const double square = (double)w[i] * (double)w[i], reach = steps[i];
      if (reach > multiplier) {
        slope += square;
        left += 1;
      }
      sum += square * (reach < multiplier ? reach : multiplier);
    }
    if (left == moving || left == 0 || !(slope > 0)) break;
    moving = left;
    const double more = WIDE_DIVIDE(amount - sum, slope);
    multiplier += more >= 0 ? more : 0;
  }
  for (int i = 0; i < columns; i++) {
    const double reach = steps[i];
    steps[i] = -(reach < multiplier ? reach : multiplier) * sign * (double)w[i];
  }
}

// x + factor·step, in the box, rounded to images.
KERNEL void add_steps(
    int count, double factor, GLOBAL const double *steps, GLOBAL const REAL *x, GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i < count) y[i] = PIXEL(clipped((double)x[i] + factor * steps[i]));
}

// The rows of x at some positions.
KERNEL void take_rows(
    int count, int columns, GLOBAL const double *positions, GLOBAL const REAL *x, GLOBAL REAL *y) {
  const int i = INDEX(0);
  if (i < count) y[i] = x[(size_t)positions[i / columns] * columns + i % columns];
}

// For each row that of x where its flag is positive, else that of y.
KERNEL void choose_rows(
    int count, int columns, GLOBAL const double *flags, GLOBAL const REAL *x,
    GLOBAL const REAL *y, GLOBAL REAL *z) {
  const int i = INDEX(0);
  if (i < count) z[i] = flags[i / columns] > 0 ? x[i] : y[i];
}
