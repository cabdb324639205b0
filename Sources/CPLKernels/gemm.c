// SPDX-License-Identifier: Apache-2.0

// Matrix products. The kernels are in gemm_template.h; here are the entry points.
#include "CPLKernels.h"
#include "blocking.h"
#include "level.h"

/// The part of the depth that is taken at a time: a piece of A stays in the first cache.
#define DEPTH_BLOCK 384

/// The panels of B, each a line wide, that are taken at a time: 288 KiB in binary32.
#define GROUP_PANELS 12

/// The packed part of A stays in the second cache while all columns go by. So many elements (396 KiB
/// in binary32) let the usual batch of 256 through in one block.
#define ROW_BLOCK_ELEMENTS (264 * DEPTH_BLOCK)

/// How many rows of A are packed at a time.
static ptrdiff_t rows_in_block(ptrdiff_t rows, ptrdiff_t depth) {
  ptrdiff_t part = smaller(depth, DEPTH_BLOCK);
  ptrdiff_t fitting = ROW_BLOCK_ELEMENTS / (part > 0 ? part : 1);
  fitting = fitting / ROWS_OF_WHOLE_TILES * ROWS_OF_WHOLE_TILES;
  return smaller(rows, fitting);
}

/// Whether a product is so small that it is faster with A and B as they are: the rows of B that a tile reads
/// stay in the first cache. Its columns are whole lines.
static bool is_taken_in_place(
    ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth, bool b_transposed, ptrdiff_t lanes) {
  return !b_transposed && rows <= 128 && depth <= 128 && columns % lanes == 0;
}

/// Elements from row to row of the sums: of all columns where they wait for another part of the
/// depth, and then a line more, because rows that begin a multiple of 4 KiB apart would compete, too.
static ptrdiff_t sum_stride_for(ptrdiff_t columns, ptrdiff_t depth, ptrdiff_t lanes) {
  const ptrdiff_t lines = (columns + lanes - 1) / lanes;
  return (depth <= DEPTH_BLOCK ? WIDEST_TILE_PANELS : lines + 1) * lanes;
}

static size_t workspace_bytes(
    ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth, bool b_transposed, size_t element_size) {
  const ptrdiff_t lanes = 64 / (ptrdiff_t)element_size;
  if (is_taken_in_place(rows, columns, depth, b_transposed, lanes)) return 0;
  const ptrdiff_t block = rows_in_block(rows, depth), part = smaller(depth, DEPTH_BLOCK);
  const ptrdiff_t panels = GROUP_PANELS * part_stride(part, lanes);
  const ptrdiff_t rows_of_sums = depth <= DEPTH_BLOCK ? ROWS_OF_WHOLE_TILES : block;
  const ptrdiff_t sums = rows_of_sums * sum_stride_for(columns, depth, lanes);
  return (size_t)(block * part + panels + sums) * element_size + 64;
}

#define KERNEL_TEMPLATE "gemm_template.h"
#include "instantiate.h"

void cpl_gemm_f32(
    cpl_range rows, cpl_range columns, ptrdiff_t depth, cpl_matrix_f32 a, cpl_matrix_f32 b,
    const cpl_epilogue_f32 *epilogue, float *c, ptrdiff_t c_stride, void *workspace) {
  CPL_DISPATCH(gemm_f32, rows, columns, depth, a, b, epilogue, c, c_stride, workspace)
}

void cpl_gemm_f64(
    cpl_range rows, cpl_range columns, ptrdiff_t depth, cpl_matrix_f64 a, cpl_matrix_f64 b,
    const cpl_epilogue_f64 *epilogue, double *c, ptrdiff_t c_stride, void *workspace) {
  CPL_DISPATCH(gemm_f64, rows, columns, depth, a, b, epilogue, c, c_stride, workspace)
}

size_t cpl_gemm_workspace_f32(
    ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth, bool b_transposed) {
  return workspace_bytes(rows, columns, depth, b_transposed, sizeof(float));
}

size_t cpl_gemm_workspace_f64(
    ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth, bool b_transposed) {
  return workspace_bytes(rows, columns, depth, b_transposed, sizeof(double));
}
