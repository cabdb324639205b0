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

#if REAL_IS_DOUBLE
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
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
#define ADDS 0
#define ACTIVATES 1
#define GATES 2

REAL finished(REAL sum, int end, REAL scale, GLOBAL const REAL *second, int channel, size_t at) {
  if (end == ADDS) return FMA(scale, sum, second[at]);
  if (end == GATES) return second[at] > 0 ? scale * sum : 0;
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

// The same of 3×3 kernels by Winograd's F(4, 3) along the columns. Index 0: the first pixel of the four of a
// column, counted through the tiles' rows.
KERNEL void correlate_winograd(
    int inputs, int outputs, int height, int width, GLOBAL const REAL *weights, int first,
    int end, REAL scale, GLOBAL const REAL *second, GLOBAL const REAL *x, GLOBAL REAL *out) {
  const int column = INDEX(0) % width, row = INDEX(0) / width * ROWS;
  const int block = INDEX(1), image = INDEX(2), plane = height * width;
  if (row >= height) return;
  const REAL a = (REAL)0.75, b = (REAL)1.5, a2 = (REAL)0.5625, b2 = (REAL)2.25;
  const REAL product = (REAL)1.265625, sum = (REAL)2.8125;
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
      const REAL even_a = FMA(-b2, d[2], d[4]), odd_a = FMA(-b2, d[1], d[3]);
      const REAL even_b = FMA(-a2, d[2], d[4]), odd_b = FMA(-a2, d[1], d[3]);
      t[0] = FMA(-sum, d[2], FMA(product, d[0], d[4]));
      t[1] = FMA(a, odd_a, even_a);
      t[2] = FMA(-a, odd_a, even_a);
      t[3] = FMA(b, odd_b, even_b);
      t[4] = FMA(-b, odd_b, even_b);
      t[5] = FMA(-sum, d[3], FMA(product, d[1], d[5]));
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
    y[1] = FMA(a, odd_a, b * odd_b);
    y[2] = FMA(a2, even_a, b2 * even_b);
    y[3] = FMA(a * a2, odd_a, FMA(b * b2, odd_b, m[5][o]));
    for (int r = 0; r < ROWS && row + r < height; r++) {
      const size_t at =
          ((size_t)image * outputs + channel) * plane + (row + r) * width + column;
      out[at] = finished(y[r], end, scale, second, channel, at);
    }
  }
}
