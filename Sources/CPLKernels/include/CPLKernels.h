// SPDX-License-Identifier: Apache-2.0

// The heavy arithmetic of training, evaluation and attacks, in binary32 (_f32) and binary64 (_f64).
//
// One property holds for every function here: **each output element is computed by one fixed order
// of operations, stated below, that depends on nothing but the element's own inputs and the shape
// of the sum.** Not on its position in the batch or in a tile, not on how many rows the call has,
// not on how the caller splits ranges over threads, not on the processor. So results are the same
// bits everywhere. (The one thing left open is which NaN a NaN is.)
//
// Conventions
// - `fma(a, b, c)` is a·b + c rounded once. Nothing else is contracted.
// - Sizes and strides are counted in elements, workspaces in bytes. Any alignment that suits the
//   element type will do (for a workspace, none at all); 64 bytes are fastest.
// - Functions are single-threaded, allocate nothing, keep nothing, and may run concurrently as long
//   as what they write is disjoint. A workspace belongs to one call at a time; what it holds before
//   and after a call means nothing.
// - Pointers must not alias unless a function says so.
// - `lanes` is 16 in binary32 and 8 in binary64: the elements of a 64-byte line, the unit in which
//   every kernel is written. Sums over pixels keep `lanes` partial sums and end in a *tree*: add
//   lane l + half to lane l for half = lanes/2, lanes/4, …, 1.
// - relu(t) is `t < 0 ? 0 : t`, which lets a NaN through.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// MARK: - Instruction sets

/// The instruction sets that the kernels are compiled for, in ascending order.
typedef enum {
  /// What every processor of the target has: NEON on arm64; on x86-64 the C library's fma(), which
  /// is right but slow.
  CPL_LEVEL_PORTABLE = 0,
  /// AVX2 and FMA.
  CPL_LEVEL_AVX2 = 1,
  /// AVX-512 F, VL, BW and DQ.
  CPL_LEVEL_AVX512 = 2,
} cpl_kernel_level;

/// Uses `level` from now on, or the best level below it that this processor has and the environment
/// variable CPL_KERNEL_LEVEL (portable, avx2 or avx512; read here and at the first use) allows.
/// Returns the level now in force. Without a call, the best one is in force. Levels differ in speed
/// alone.
cpl_kernel_level cpl_set_kernel_level(cpl_kernel_level level);

// MARK: - Arithmetic

/// How a thread's arithmetic can deviate from what IEEE 754 has by default.
typedef enum {
  /// Results are not rounded to nearest.
  CPL_ARITHMETIC_ROUNDING = 1,
  /// Results below the normal range become 0.
  CPL_ARITHMETIC_FLUSHING = 2,
  /// Operands below the normal range count as 0.
  CPL_ARITHMETIC_IGNORING = 4,
} cpl_arithmetic_deviation;

/// The deviations of the calling thread, added up; 0 for none.
unsigned cpl_arithmetic_deviations(void);

// MARK: - Matrix products

/// The indices from `begin` up to but not including `end`.
typedef struct {
  ptrdiff_t begin, end;
} cpl_range;

/// A read-only matrix: element (i, j) is `elements[i·stride + j]`, or `elements[j·stride + i]` when
/// `transposed`. So {W, d, true} is the transpose of the row-major W with d columns.
typedef struct {
  const float *elements;
  ptrdiff_t stride;
  bool transposed;
} cpl_matrix_f32;

typedef struct {
  const double *elements;
  ptrdiff_t stride;
  bool transposed;
} cpl_matrix_f64;

/// What becomes of a product's element t(i, j), in this order:
///
///     c = addend ? fma(alpha, t, addend[i·addend_stride + j]) : alpha·t
///     c = relu ? relu(c) : c
///     c = gate ? (gate[i·gate_stride + j] > 0 ? c : 0) : c
///
/// A bias per column is an addend of stride 0. The addend and the gate may be the output itself
/// (same pointer and stride), which makes `C += alpha·AB`, or `X ← X − h·AB` in place.
typedef struct {
  float alpha;
  const float *addend;
  ptrdiff_t addend_stride;
  bool relu;
  const float *gate;
  ptrdiff_t gate_stride;
} cpl_epilogue_f32;

typedef struct {
  double alpha;
  const double *addend;
  ptrdiff_t addend_stride;
  bool relu;
  const double *gate;
  ptrdiff_t gate_stride;
} cpl_epilogue_f64;

/// C = epilogue(A·B), for the given rows and columns of C only; nothing else of C is touched.
///
///     t = 0;  for k = 0 … depth − 1:  t = fma(A(i, k), B(k, j), t)
///     C[i·c_stride + j] = epilogue(t)
///
/// With activations X, H (batch × features) and weights W (m × d), row-major: X·Wᵀ is
/// a = {X, d, false}, b = {W, d, true}; H·W is b = {W, d, false}.
///
/// - Parameter workspace: `cpl_gemm_workspace_f32(rows, columns, depth, b.transposed)` bytes.
void cpl_gemm_f32(
    cpl_range rows, cpl_range columns, ptrdiff_t depth, cpl_matrix_f32 a, cpl_matrix_f32 b,
    const cpl_epilogue_f32 *epilogue, float *c, ptrdiff_t c_stride, void *workspace);
void cpl_gemm_f64(
    cpl_range rows, cpl_range columns, ptrdiff_t depth, cpl_matrix_f64 a, cpl_matrix_f64 b,
    const cpl_epilogue_f64 *epilogue, double *c, ptrdiff_t c_stride, void *workspace);

/// Bytes of workspace for a product of so many rows and columns (the lengths of the ranges): below
/// 1 MiB (binary64: 2 MiB), and with a depth beyond 384 as much again as 264 rows of the columns; 0 for
/// small products.
size_t cpl_gemm_workspace_f32(
    ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth, bool b_transposed);
size_t cpl_gemm_workspace_f64(
    ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth, bool b_transposed);

// MARK: - Gradients of a weight matrix

/// Outer products summed over the images n of a batch, Σ_n alpha·a_n b_nᵀ: a_n is row n of the matrix
/// at `a`, b_n of the one at `b`.
typedef struct {
  float alpha;
  const float *a;
  ptrdiff_t a_stride;
  const float *b;
  ptrdiff_t b_stride;
} cpl_outer_f32;

typedef struct {
  double alpha;
  const double *a;
  ptrdiff_t a_stride;
  const double *b;
  ptrdiff_t b_stride;
} cpl_outer_f64;

/// C = the sum of `outer_count` sums of outer products over `images` images, for the given rows and
/// columns of C only; nothing else of C is touched. Each `piece` images that follow each other, the
/// last ones perhaps fewer, make one chain,
///
///     t = 0;  for o in outer:  for n in the piece:  t = fma(o.alpha·a_n(i), b_n(j), t)
///
/// and pieces are added as a binary tree: of P > 1 pieces the first 2^k, the largest power of two
/// below P, are one subtree, the others another one.
///
/// - Parameter workspace: `cpl_gradient_workspace_f32(columns, images, piece, outer_count)` bytes.
void cpl_gradient_f32(
    cpl_range rows, cpl_range columns, ptrdiff_t images, ptrdiff_t piece,
    const cpl_outer_f32 *outer, int outer_count, float *c, ptrdiff_t c_stride, void *workspace);
void cpl_gradient_f64(
    cpl_range rows, cpl_range columns, ptrdiff_t images, ptrdiff_t piece,
    const cpl_outer_f64 *outer, int outer_count, double *c, ptrdiff_t c_stride, void *workspace);

/// Bytes of workspace for so many columns (the length of the range): about 2 MiB, more for batches beyond
/// 4,096 images; 0 for a single piece and whole lines.
size_t cpl_gradient_workspace_f32(
    ptrdiff_t columns, ptrdiff_t images, ptrdiff_t piece, int outer_count);
size_t cpl_gradient_workspace_f64(
    ptrdiff_t columns, ptrdiff_t images, ptrdiff_t piece, int outer_count);

// MARK: - Transposes

/// target[j·target_stride + i] = source[i·stride + j] for i < rows and j < columns.
void cpl_transpose_f32(
    ptrdiff_t rows, ptrdiff_t columns, const float *source, ptrdiff_t stride, float *target,
    ptrdiff_t target_stride);
void cpl_transpose_f64(
    ptrdiff_t rows, ptrdiff_t columns, const double *source, ptrdiff_t stride, double *target,
    ptrdiff_t target_stride);

// MARK: - The convolutional convex potential layer, on images that lie one after the other

/// The shape of a layer: images are channels × height × width, hidden units inner × height × width,
/// the kernel K is inner × channels × kernel × kernel, all row-major. `kernel` is odd; stride 1, zero
/// padding ⌊kernel/2⌋. With r = ⌊kernel/2⌋ and x = 0 outside the image:
///
///     conv(x)(i, y, x)  = Σ_c Σ_ky Σ_kx K(i, c, ky, kx) · x(c, y + ky − r, x + kx − r)
///     convT(a)(c, y, x) = Σ_i Σ_ky Σ_kx K(i, c, ky, kx) · a(i, y − ky + r, x − kx + r)
///
/// Both are chains t = fma(weight, pixel, t) from t = 0: conv over c, then ky, then kx ascending;
/// convT over i ascending, then ky, then kx descending. Products with padding are part of them.
///
/// **Except in binary32 with 3×3 kernels and heights from 4 on.** There Winograd's minimal filtering
/// F(4, 3) runs along the columns (Lavin and Gray, *Fast Algorithms for Convolutional Neural
/// Networks*, CVPR 2016; the points are 0, ±a, ±b and ∞ with a = 3/4 and b = 3/2): the output rows
/// y … y + 3, for y a multiple of 4, come from the input rows y − 1 … y + 4 and six chains of 3C
/// terms, C the input channels, instead of four of 9C. With d_r, g_k and y_r the rows of inputs, of
/// weights and of outputs,
///
///     even_a = fma(−b², d2, d4)      t1, t2 = fma(±a, odd_a, even_a)
///     odd_a  = fma(−b², d1, d3)      t3, t4 = fma(±b, odd_b, even_b)
///     even_b = fma(−a², d2, d4)      t0 = fma(−(a² + b²), d2, fma(a²·b², d0, d4))
///     odd_b  = fma(−a², d1, d3)      t5 = fma(−(a² + b²), d3, fma(a²·b², d1, d5))
///
///     u0 = g0/(a²·b²)    u1, u2 = α·(g0 + a²·g2) ± α·a·g1    α = 1/(2a²(a² − b²))
///     u5 = g2            u3, u4 = β·(g0 + b²·g2) ± β·b·g1    β = 1/(2b²(b² − a²))
///
/// (u in binary64, then rounded), and
///
///     m_p = Σ u_p·t_p(x + kx − r), a chain over the input channels, then kx, in the order above
///
/// (for convT of the rows g_k = K(i, c, 2 − k, kx), with t_p(x − kx + r), kx descending),
///
///     y0 = m0 + (m1 + m2) + (m3 + m4)          y1 = fma(a, m1 − m2, b·(m3 − m4))
///     y2 = fma(a², m1 + m2, b²·(m3 + m4))      y3 = fma(a³, m1 − m2, fma(b³, m3 − m4, m5))
///
/// Rounding errors are one and a half times those of the plain chain on normally distributed data.
/// What is not finite spreads over the four rows of a tile.
typedef struct {
  ptrdiff_t channels, inner, height, width, kernel;
} cpl_conv_shape;

/// The kernel in the form that the functions below read, prepared once for as long as K does not
/// change; `cpl_conv_packed_count_…` elements, the same at every level.
void cpl_conv_pack_f32(cpl_conv_shape shape, const float *kernel, float *packed);
void cpl_conv_pack_f64(cpl_conv_shape shape, const double *kernel, double *packed);
ptrdiff_t cpl_conv_packed_count_f32(cpl_conv_shape shape);
ptrdiff_t cpl_conv_packed_count_f64(cpl_conv_shape shape);

/// Bytes of an activity mask: a row of hidden units (i, y) starts at byte (i·height + y)·⌈width/8⌉;
/// unit x of it is bit x mod 8 of byte ⌊x/8⌋. Bits beyond a row's end are 0.
ptrdiff_t cpl_conv_mask_bytes(cpl_conv_shape shape);

/// Bytes of workspace for every convolution function but `cpl_conv_backward`, which needs more.
size_t cpl_conv_workspace_f32(cpl_conv_shape shape);
size_t cpl_conv_workspace_f64(cpl_conv_shape shape);
size_t cpl_conv_backward_workspace_f32(cpl_conv_shape shape);
size_t cpl_conv_backward_workspace_f64(cpl_conv_shape shape);

/// a = relu(conv(x) + bias);  z = fma(−step, convT(a), x).
///
/// - Parameters:
///   - z: may be x itself.
///   - hidden: a, or NULL.
///   - mask: the bits of a > 0, or NULL.
void cpl_conv_forward_f32(
    cpl_conv_shape shape, const float *packed, const float *bias, float step, ptrdiff_t images,
    const float *x, float *z, float *hidden, uint8_t *mask, void *workspace);
void cpl_conv_forward_f64(
    cpl_conv_shape shape, const double *packed, const double *bias, double step, ptrdiff_t images,
    const double *x, double *z, double *hidden, uint8_t *mask, void *workspace);

/// The gradient with respect to x alone, from the mask that the forward pass left:
/// dx = g + convT(p), p = (−step)·conv(g) where the mask is set and 0 elsewhere. dx may be g
/// itself.
void cpl_conv_input_gradient_f32(
    cpl_conv_shape shape, const float *packed, float step, ptrdiff_t images, const uint8_t *mask,
    const float *g, float *dx, void *workspace);
void cpl_conv_input_gradient_f64(
    cpl_conv_shape shape, const double *packed, double step, ptrdiff_t images, const uint8_t *mask,
    const double *g, double *dx, void *workspace);

/// All gradients, given the layer's inputs x, their hidden units a, and the gradients g with respect
/// to the outputs. For each image, one after the other, with s = conv(g), p = (−step)·s where a > 0 and 0 elsewhere,
/// b = (−step)·a:
///
///     dx = g + convT(p)
///     dkernel(i, c, ky, kx) += Σ_{y,x} p(i, y, x)·x(c, y + ky − r, x + kx − r)
///                            + Σ_{y,x} b(i, y, x)·g(c, y + ky − r, x + kx − r)
///     dbias(i) += Σ_{y,x} p(i, y, x)
///     *dot     += Σ_{i,y,x} s(i, y, x)·a(i, y, x)          (so that dstep = −dot)
///
/// Order of the sums: pixel (y, x) belongs to lane x mod lanes; a lane adds its pixels by y, then x
/// ascending, as a chain of fma (of additions for dbias) from 0; for dkernel the chain of the first
/// sum goes on into the second, for dot the channels i follow each other; then the tree; then one
/// addition to what was there. dx may be g itself. dkernel has K's layout.
///
/// Where Winograd's algorithm applies, a lane of dkernel is summed at its six positions: with
/// p_r the four rows of p (of b for the second sum) that belong to a tile and t as above of x (of g),
///
///     e_a = fma(a², p2, p0)    q0 = p0    q1, q2 = e_a ± a·fma(a², p3, p1)
///     e_b = fma(b², p2, p0)    q5 = p3    q3, q4 = e_b ± b·fma(b², p3, p1)
///
/// s_p is a chain of fma(q_p, t_p, s_p) over the tiles, then x; and before the tree, with α, β and
/// 1/(a²·b²) rounded,
///
///     ky = 0: fma(1/(a²·b²), s0, α(s1 + s2)) + β(s3 + s4)
///     ky = 1: fma(a, α(s1 − s2), b·(β(s3 − s4)))
///     ky = 2: fma(a², α(s1 + s2), fma(b², β(s3 + s4), s5))
void cpl_conv_backward_f32(
    cpl_conv_shape shape, const float *packed, float step, ptrdiff_t images, const float *x,
    const float *hidden, const float *g, float *dx, float *dkernel, float *dbias, float *dot,
    void *workspace);
void cpl_conv_backward_f64(
    cpl_conv_shape shape, const double *packed, double step, ptrdiff_t images, const double *x,
    const double *hidden, const double *g, double *dx, double *dkernel, double *dbias, double *dot,
    void *workspace);

/// hidden = conv(x), without a bias.
void cpl_conv_apply_f32(
    cpl_conv_shape shape, const float *packed, const float *x, float *hidden, void *workspace);
void cpl_conv_apply_f64(
    cpl_conv_shape shape, const double *packed, const double *x, double *hidden, void *workspace);

/// image = convT(hidden), the adjoint of the above.
void cpl_conv_apply_transposed_f32(
    cpl_conv_shape shape, const float *packed, const float *hidden, float *image, void *workspace);
void cpl_conv_apply_transposed_f64(
    cpl_conv_shape shape, const double *packed, const double *hidden, double *image,
    void *workspace);

// MARK: - Convolutions of batches, with channels in the lanes

/// For images of many channels, however small, and for images that wrap round. `shape` is that of the layer above, and
/// conv and convT are its, of each image of a batch; where images wrap round, x is the pixel of the opposite edge
/// outside the image, once: beyond the first pixels there, which a tile of Winograd's may read though no output
/// depends on them, rows are 0. Each output is the chain stated above, or stated there for Winograd's algorithm.

/// What becomes of a sum t of output channel c, in this order:
///
///     t = bias ? t + bias[c] : t
///     t = relu ? relu(t) : t
///     t = addend ? fma(scale, t, addend) : scale·t
///
/// The addend is a batch of outputs, and may be the output itself.
typedef struct {
  const float *bias;
  bool relu;
  float scale;
  const float *addend;
} cpl_batch_end_f32;

typedef struct {
  const double *bias;
  bool relu;
  double scale;
  const double *addend;
} cpl_batch_end_f64;

/// How a batch lies: images×channels×pixels, or, channels last, images×pixels×channels with zeros that fill the
/// channels up to `cpl_line_channels`.
typedef struct {
  /// What is convolved; of a gradient, x.
  bool input;
  /// The result and an addend; of a gradient, v.
  bool output;
} cpl_channels_last;

/// Channels filled up to whole lines of 64 bytes.
ptrdiff_t cpl_line_channels_f32(ptrdiff_t channels);
ptrdiff_t cpl_line_channels_f64(ptrdiff_t channels);

/// Images with their channels last, and the way back, with `end`.
void cpl_batch_turn_f32(
    ptrdiff_t images, ptrdiff_t channels, ptrdiff_t pixels, const float *x, float *turned);
void cpl_batch_turn_f64(
    ptrdiff_t images, ptrdiff_t channels, ptrdiff_t pixels, const double *x, double *turned);
void cpl_batch_turn_back_f32(
    ptrdiff_t images, ptrdiff_t channels, ptrdiff_t pixels, const float *turned,
    const cpl_batch_end_f32 *end, float *y);
void cpl_batch_turn_back_f64(
    ptrdiff_t images, ptrdiff_t channels, ptrdiff_t pixels, const double *turned,
    const cpl_batch_end_f64 *end, double *y);

/// The kernel in the form that `cpl_batch_conv_apply` reads; `cpl_batch_conv_packed_count` elements.
void cpl_batch_conv_pack_f32(cpl_conv_shape shape, const float *kernel, float *packed);
void cpl_batch_conv_pack_f64(cpl_conv_shape shape, const double *kernel, double *packed);
ptrdiff_t cpl_batch_conv_packed_count_f32(cpl_conv_shape shape);
ptrdiff_t cpl_batch_conv_packed_count_f64(cpl_conv_shape shape);

/// Bytes of workspace for batches of up to so many images.
size_t cpl_batch_conv_workspace_f32(cpl_conv_shape shape, ptrdiff_t images);
size_t cpl_batch_conv_workspace_f64(cpl_conv_shape shape, ptrdiff_t images);
size_t cpl_batch_conv_gradient_workspace_f32(cpl_conv_shape shape, ptrdiff_t images);
size_t cpl_batch_conv_gradient_workspace_f64(cpl_conv_shape shape, ptrdiff_t images);

/// y = end(conv(x)), or end(convT(x)) where `transposed`.
///
/// - Parameters:
///   - wraps: whether images wrap round, else zeros are beyond their edges.
///   - last: whether x, and y with the addend, lie channels last.
///   - workspace: `cpl_batch_conv_workspace` bytes.
void cpl_batch_conv_apply_f32(
    cpl_conv_shape shape, bool wraps, bool transposed, cpl_channels_last last, const float *packed,
    ptrdiff_t images, const float *x, const cpl_batch_end_f32 *end, float *y, void *workspace);
void cpl_batch_conv_apply_f64(
    cpl_conv_shape shape, bool wraps, bool transposed, cpl_channels_last last, const double *packed,
    ptrdiff_t images, const double *x, const cpl_batch_end_f64 *end, double *y, void *workspace);

/// dkernel += the gradient with respect to the kernel of Σ ⟨v, conv(x)⟩ over `pairs` pairs of batches x and v;
/// dbias += Σ v over images and pixels of the first pair, unless it is NULL.
///
/// The images are taken in groups of g = max(1, ⌊2¹⁴/n⌋), n the pixels of an image times the larger one of its channels
/// and the inner channels, each filled up to whole lines. A gradient is one chain of fma from 0 over the groups, in a group
/// the pairs, then the images, then y and x ascending, and one addition to what was there; dbias, of additions, likewise.
/// By Winograd's algorithm there are six chains over the tiles in the place of y, as for `cpl_conv_backward`.
///
/// - Parameter workspace: `cpl_batch_conv_gradient_workspace` bytes.
void cpl_batch_conv_gradient_f32(
    cpl_conv_shape shape, bool wraps, cpl_channels_last last, ptrdiff_t images, int pairs,
    const float *const *x, const float *const *v, float *dkernel, float *dbias, void *workspace);
void cpl_batch_conv_gradient_f64(
    cpl_conv_shape shape, bool wraps, cpl_channels_last last, ptrdiff_t images, int pairs,
    const double *const *x, const double *const *v, double *dkernel, double *dbias, void *workspace);

// MARK: - Devices

/// The kernels of devices other than the CPU, in OpenCL C: a text that ends in a zero.
const char *cpl_device_source(void);

// MARK: - Vectors

/// Adam as PyTorch has it, without weight decay. The caller passes the bias corrections
/// 1 − beta1ᵗ and 1 − beta2ᵗ of step t. Scalars are combined in binary64 and rounded once.
typedef struct {
  double learning_rate, beta1, beta2, epsilon, bias_correction1, bias_correction2;
} cpl_adam;

/// One step, with every operation rounded:
///
///     m = fma(1 − beta1, g − m, m)
///     v = fma((1 − beta2)·g, g, beta2·v)
///     θ = θ − (learning_rate/bias_correction1)·m / (√v/√bias_correction2 + epsilon)
///
/// (the factor is applied to m before the division).
void cpl_adam_step_f32(
    ptrdiff_t count, const cpl_adam *adam, const float *gradient, float *first_moment,
    float *second_moment, float *parameters);
void cpl_adam_step_f64(
    ptrdiff_t count, const cpl_adam *adam, const double *gradient, double *first_moment,
    double *second_moment, double *parameters);

/// y = fma(alpha, x, y), element by element. x may be y.
void cpl_axpy_f32(ptrdiff_t count, float alpha, const float *x, float *y);
void cpl_axpy_f64(ptrdiff_t count, double alpha, const double *x, double *y);

/// first, second = max, min, element by element; swapped = first < second before, unless it is NULL.
void cpl_sort_pairs_f32(ptrdiff_t count, float *first, float *second, bool *swapped);
void cpl_sort_pairs_f64(ptrdiff_t count, double *first, double *second, bool *swapped);

/// Exchanges first and second where swapped.
void cpl_swap_pairs_f32(
    ptrdiff_t count, const bool *swapped, float *first, float *second);
void cpl_swap_pairs_f64(
    ptrdiff_t count, const bool *swapped, double *first, double *second);

/// values = hidden > 0 ? factor·values : 0, and scaled = factor·hidden, unless it is NULL.
void cpl_gate_f32(
    ptrdiff_t count, float factor, const float *hidden, float *values, float *scaled);
void cpl_gate_f64(
    ptrdiff_t count, double factor, const double *hidden, double *values, double *scaled);

/// Σ x_i·y_i, accumulated in binary64 also for binary32 vectors: 32 partial sums, term i goes to
/// partial sum i mod 32 by fma in ascending order; then add sum l + half to sum l for half = 16, 8,
/// 4, 2, 1. x may be y, which gives the squared norm.
double cpl_dot_f32(ptrdiff_t count, const float *x, const float *y);
double cpl_dot_f64(ptrdiff_t count, const double *x, const double *y);

/// Makes the C library's allocator keep what is freed, in one heap that never shrinks; does nothing
/// where it is not glibc.
void cpl_keep_freed_memory(void);

#ifdef __cplusplus
}
#endif
