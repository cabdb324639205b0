// Matrix products. The kernels are in gemm_template.h; here are the entry points.
#include "CPLKernels.h"
#include "level.h"

/// The part of the depth that is taken at a time: a panel of it stays in the near caches.
#define DEPTH_BLOCK 768

/// The panels of B, each a line wide, that are taken at a time.
#define GROUP_PANELS 6

/// The common multiple of the tiles' rows over all levels.
#define ROWS_OF_WHOLE_TILES 24

/// The packed block of A streams from the last-level cache once a column group. So many elements
/// (3 MiB in binary32) let the usual batch of 256 through in one block, and so many rows the weight
/// gradient of the widest layer.
#define ROW_BLOCK_ELEMENTS (3 << 18)
#define ROW_BLOCK_ROWS 3072

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

/// How many rows of A are packed at a time.
static ptrdiff_t rows_in_block(ptrdiff_t rows, ptrdiff_t depth) {
  ptrdiff_t fitting = smaller(ROW_BLOCK_ELEMENTS / (depth > 0 ? depth : 1), ROW_BLOCK_ROWS);
  fitting = fitting / ROWS_OF_WHOLE_TILES * ROWS_OF_WHOLE_TILES;
  return smaller(rows, fitting > 0 ? fitting : ROWS_OF_WHOLE_TILES);
}

/// How many of `remaining` rows the next tile takes.
static int next_piece(ptrdiff_t remaining, int tile_rows) {
  return remaining >= tile_rows ? tile_rows : remaining >= 4 ? 4 : remaining >= 2 ? 2 : 1;
}

/// Elements from panel to panel of a packed part: a line more than a panel has, because panels that
/// begin a multiple of 4 KiB apart would compete for one set of the first cache.
static ptrdiff_t part_stride(ptrdiff_t depth, ptrdiff_t lanes) { return (depth + 1) * lanes; }

static size_t workspace_bytes(ptrdiff_t rows, ptrdiff_t depth, size_t element_size) {
  const ptrdiff_t lanes = 64 / (ptrdiff_t)element_size;
  const ptrdiff_t block = rows_in_block(rows, depth);
  const ptrdiff_t part = GROUP_PANELS * part_stride(smaller(depth, DEPTH_BLOCK), lanes);
  const ptrdiff_t sums = block * GROUP_PANELS * lanes;
  return (size_t)(block * depth + part + sums) * element_size + 64;
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

size_t cpl_gemm_workspace_f32(ptrdiff_t rows, ptrdiff_t depth) {
  return workspace_bytes(rows, depth, sizeof(float));
}

size_t cpl_gemm_workspace_f64(ptrdiff_t rows, ptrdiff_t depth) {
  return workspace_bytes(rows, depth, sizeof(double));
}
