// SPDX-License-Identifier: Apache-2.0

// Gradients of a weight matrix. The kernels are in gradient_template.h; here are the entry points.
#include "CPLKernels.h"
#include "blocking.h"
#include "level.h"

/// The terms of a batch of 256 images with two outer products each, for which the blocks are sized.
#define USUAL_TERMS 512

/// Rows of C that are taken at a time, whose factors stay in the second cache (768 KiB in binary32
/// with the usual terms).
static ptrdiff_t rows_in_block(ptrdiff_t terms) {
  const ptrdiff_t fitting = 384 * USUAL_TERMS / larger(terms, 1) / ROWS_OF_WHOLE_TILES;
  return smaller(larger(fitting, 1), 16) * ROWS_OF_WHOLE_TILES;
}

/// Panels of columns that are taken at a time: 384 KiB in binary32 with the usual terms.
static ptrdiff_t panels_in_group(ptrdiff_t terms) {
  const ptrdiff_t fitting = 12 * USUAL_TERMS / larger(terms, 1) / WIDEST_TILE_PANELS;
  return smaller(larger(fitting, 1), 4) * WIDEST_TILE_PANELS;
}

/// Subtrees that can wait at once: the binary digits of a number of pieces.
static ptrdiff_t waiting_subtrees(ptrdiff_t images) {
  ptrdiff_t digits = 1;
  for (; images > 1; images >>= 1) digits++;
  return digits;
}

/// Whether the terms are read where they are: those of one piece are few.
static bool is_taken_in_place(
    ptrdiff_t columns, ptrdiff_t images, ptrdiff_t piece, ptrdiff_t lanes) {
  return images <= piece && columns % lanes == 0;
}

static size_t workspace_bytes(
    ptrdiff_t columns, ptrdiff_t images, ptrdiff_t piece, int outer_count, size_t element_size) {
  const ptrdiff_t lanes = 64 / (ptrdiff_t)element_size, terms = images * outer_count;
  if (is_taken_in_place(columns, images, piece, lanes)) return 0;
  const ptrdiff_t factors = rows_in_block(terms) * terms;
  const ptrdiff_t panels = panels_in_group(terms) * part_stride(terms, lanes);
  const ptrdiff_t subtrees =
      waiting_subtrees(images) * ROWS_OF_WHOLE_TILES * WIDEST_TILE_PANELS * lanes;
  return (size_t)(factors + panels + subtrees) * element_size + 64;
}

#define KERNEL_TEMPLATE "gradient_template.h"
#include "instantiate.h"

void cpl_gradient_f32(
    cpl_range rows, cpl_range columns, ptrdiff_t images, ptrdiff_t piece,
    const cpl_outer_f32 *outer, int outer_count, float *c, ptrdiff_t c_stride, void *workspace) {
  CPL_DISPATCH(
      gradient_f32, rows, columns, images, piece, outer, outer_count, c, c_stride, workspace)
}

void cpl_gradient_f64(
    cpl_range rows, cpl_range columns, ptrdiff_t images, ptrdiff_t piece,
    const cpl_outer_f64 *outer, int outer_count, double *c, ptrdiff_t c_stride, void *workspace) {
  CPL_DISPATCH(
      gradient_f64, rows, columns, images, piece, outer, outer_count, c, c_stride, workspace)
}

size_t cpl_gradient_workspace_f32(
    ptrdiff_t columns, ptrdiff_t images, ptrdiff_t piece, int outer_count) {
  return workspace_bytes(columns, images, piece, outer_count, sizeof(float));
}

size_t cpl_gradient_workspace_f64(
    ptrdiff_t columns, ptrdiff_t images, ptrdiff_t piece, int outer_count) {
  return workspace_bytes(columns, images, piece, outer_count, sizeof(double));
}
