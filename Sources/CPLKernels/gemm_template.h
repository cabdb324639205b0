// SPDX-License-Identifier: Apache-2.0

// C = epilogue(A·B), after Goto and van de Geijn, *Anatomy of high-performance matrix
// multiplication* (ACM TOMS 34(3), 2008), with one difference: the partial sums of a part of the
// depth are stored and taken up again as they are, so that each element is a single chain
// of fma over the whole depth, whatever the blocking.
//
//   For each block of rows and each part of the depth:
//     That part of A is packed into pieces of 8, 4, 2, 1 rows (6, 4, 2, 1 where a line takes two
//     registers), interleaved so that a tile reads the depth in order. It stays in the second cache.
//     For each group of columns:
//       that part of B is packed, one panel a line, and stays in the second cache too;
//       for each piece of rows, for each 3 panels (or 1): a tile of sums in registers.
//       With the last part the epilogue takes the sums to C, which is thus written once.
//
// A workspace is laid out as: packed part of A | packed part of B | sums.
//
// Small products, for which packing would take longer than it saves, read A and B where they are: see
// `is_taken_in_place`.

#define TILE_ROWS (WIDE ? 8 : 6)
#define TILE_PANELS (WIDE ? 3 : 1)
#define GROUP_WIDTH (GROUP_PANELS * LANES)

/// dest[k·width + j] = source(j, k) for j < count, 0 for count ≤ j < width. source(j, k) is
/// `source[j·stride + k]`, or `source[k·stride + j]` when `depth_major`.
INLINE void NAME(interleave)(
    const REAL *source, ptrdiff_t stride, bool depth_major, ptrdiff_t depth, ptrdiff_t count,
    ptrdiff_t width, REAL *dest) {
  if (depth_major) {
    for (ptrdiff_t k = 0; k < depth; k++) {
      for (ptrdiff_t j = 0; j < width; j++) {
        dest[k * width + j] = j < count ? source[k * stride + j] : 0;
      }
    }
    return;
  }
  // Transposed four by four. The depth runs inside, so that only four rows are read at a time:
  // strides are often powers of two, and more rows would evict each other from the first cache.
  typedef REAL quad __attribute__((ext_vector_type(4)));
  typedef quad unaligned_quad __attribute__((aligned(sizeof(REAL)), may_alias));
  ptrdiff_t j = 0;
  for (; j + 4 <= count; j += 4) {
    const REAL *row = source + j * stride;
    REAL *out = dest + j;
    ptrdiff_t k = 0;
    for (; k + 4 <= depth; k += 4) {
      quad r0 = *(const unaligned_quad *)(row + k);
      quad r1 = *(const unaligned_quad *)(row + stride + k);
      quad r2 = *(const unaligned_quad *)(row + 2 * stride + k);
      quad r3 = *(const unaligned_quad *)(row + 3 * stride + k);
      quad low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
      quad low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
      quad high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
      quad high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
      REAL *at = out + k * width;
      *(unaligned_quad *)at = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
      *(unaligned_quad *)(at + width) = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
      *(unaligned_quad *)(at + 2 * width) = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
      *(unaligned_quad *)(at + 3 * width) = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
    }
    for (; k < depth; k++) {
      for (ptrdiff_t i = 0; i < 4; i++) out[k * width + i] = row[i * stride + k];
    }
  }
  for (; j < width; j++) {
    for (ptrdiff_t k = 0; k < depth; k++) {
      dest[k * width + j] = j < count ? source[j * stride + k] : 0;
    }
  }
}

#include "shuffle_template.h"

/// dest[k·count + j] = source[j·stride + k] for j < count and all k that make whole lines; returns how
/// many. By perfect shuffles of all elements of a block, until rows and columns have changed places. `count` is a power of two, and a constant after
/// inlining. Where a line takes two registers, blocks do not fit into them, and 0 lines are done.
INLINE ptrdiff_t NAME(transpose)(
    int count, const REAL *source, ptrdiff_t stride, ptrdiff_t depth, REAL *dest) {
  ptrdiff_t k = 0;
  for (; WIDE && k + LANES <= depth; k += LANES) {
    LINE lines[LANES];
    UNROLL for (int j = 0; j < count; j++) lines[j] = LOAD(source + j * stride + k);
    NAME(shuffle)(count, count, lines);
    UNROLL for (int i = 0; i < count; i++) STORE(dest + k * count + i * LANES, lines[i]);
  }
  return k;
}

/// Packs `columns` columns of B from `column` on, over the depth from `start` on, into panels that
/// begin every `panel_stride` elements.
static void NAME(pack_panels)(
    TYPED(cpl_matrix) b, ptrdiff_t column, ptrdiff_t columns, ptrdiff_t start, ptrdiff_t depth,
    ptrdiff_t panel_stride, REAL *dest) {
  ptrdiff_t j = 0;
  if (b.transposed) {
    for (; j < columns; j += LANES, dest += panel_stride) {
      const REAL *source = b.elements + (column + j) * b.stride + start;
      const ptrdiff_t count = smaller(columns - j, LANES);
      const ptrdiff_t done =
          count == LANES ? NAME(transpose)(LANES, source, b.stride, depth, dest) : 0;
      NAME(interleave)(
          source + done, b.stride, false, depth - done, count, LANES, dest + done * LANES);
    }
    return;
  }
  // All whole panels of a row of B at once: rows are often pages apart, and each costs a
  // translation.
  const REAL *source = b.elements + start * b.stride + column;
  const ptrdiff_t panels = columns / LANES;
  for (ptrdiff_t k = 0; k < depth; k++) {
    for (ptrdiff_t panel = 0; panel < panels; panel++) {
      STORE(
          dest + panel * panel_stride + k * LANES, LOAD(source + k * b.stride + panel * LANES));
    }
  }
  if (panels * LANES < columns) {
    NAME(interleave)(
        source + panels * LANES, b.stride, true, depth, columns - panels * LANES, LANES,
        dest + panels * panel_stride);
  }
}

/// Packs `rows` rows of A from `row` on, over the depth from `start` on: one piece after the other,
/// each depth × its rows.
static void NAME(pack_rows)(
    TYPED(cpl_matrix) a, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t start, ptrdiff_t depth,
    REAL *dest) {
  while (rows > 0) {
    int piece = next_piece(rows, TILE_ROWS);
    const REAL *source =
        a.elements + (a.transposed ? start * a.stride + row : row * a.stride + start);
    // The common width as a constant, for the sake of the copying loops.
    if (piece == TILE_ROWS) {
      const ptrdiff_t done =
          a.transposed ? 0 : NAME(transpose)(TILE_ROWS, source, a.stride, depth, dest);
      NAME(interleave)(
          source + done, a.stride, a.transposed, depth - done, TILE_ROWS, TILE_ROWS,
          dest + done * TILE_ROWS);
    } else {
      NAME(interleave)(source, a.stride, a.transposed, depth, piece, piece, dest);
    }
    row += piece;
    rows -= piece;
    dest += piece * depth;
  }
}

/// Takes the chains of a tile, `rows` × `panels` lines, over `depth` more terms: from 0 when
/// `first`, else from what `sums` holds. The sizes of the tile are constants after inlining.
INLINE void NAME(tile)(
    int rows, int panels, ptrdiff_t depth, const REAL *a, const REAL *b, ptrdiff_t panel_stride,
    bool first, REAL *sums, ptrdiff_t sum_stride) {
  LINE sum[TILE_ROWS][TILE_PANELS];
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int p = 0; p < panels; p++) {
      sum[r][p] = first ? (LINE)0 : LOAD(sums + r * sum_stride + p * LANES);
    }
  }
  for (ptrdiff_t k = 0; k < depth; k++) {
    LINE column[TILE_PANELS];
    UNROLL for (int p = 0; p < panels; p++) column[p] = LOAD(b + p * panel_stride + k * LANES);
    UNROLL for (int r = 0; r < rows; r++) {
      LINE factor = (LINE)a[k * rows + r];
      UNROLL for (int p = 0; p < panels; p++) sum[r][p] = FMA(factor, column[p], sum[r][p]);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int p = 0; p < panels; p++) STORE(sums + r * sum_stride + p * LANES, sum[r][p]);
  }
}

static void NAME(tile_of_size)(
    int rows, int panels, ptrdiff_t depth, const REAL *a, const REAL *b, ptrdiff_t panel_stride,
    bool first, REAL *sums, ptrdiff_t sum_stride) {
#define CPL_TILE(r, p)                                                    \
  if (rows == r && panels == p) {                                         \
    NAME(tile)(r, p, depth, a, b, panel_stride, first, sums, sum_stride); \
    return;                                                               \
  }
#define CPL_TILES(p) CPL_TILE(TILE_ROWS, p) CPL_TILE(4, p) CPL_TILE(2, p) CPL_TILE(1, p)
#if WIDE
  CPL_TILES(3)
  CPL_TILES(2)
#endif
  CPL_TILES(1)
#undef CPL_TILES
#undef CPL_TILE
}

/// Asks for a tile's part of C, and its addends, before its sums are taken: these come from afar (a
/// gradient of the weights does not fit a cache), and rows are too far apart for the hardware to
/// foresee.
static void NAME(prefetch)(
    const TYPED(cpl_epilogue) *epilogue, ptrdiff_t row, int rows, ptrdiff_t column,
    ptrdiff_t columns, const REAL *c, ptrdiff_t c_stride) {
  const bool has_addends = epilogue->addend && epilogue->addend_stride != 0;
  for (int r = 0; r < rows; r++) {
    const REAL *out = c + (row + r) * c_stride + column;
    const REAL *addend =
        has_addends ? epilogue->addend + (row + r) * epilogue->addend_stride + column : out;
    for (ptrdiff_t j = 0; j < columns; j += LANES) {
      __builtin_prefetch(out + j, 1);
      if (addend != out) __builtin_prefetch(addend + j);
    }
  }
}

/// What the epilogue makes of a line of sums of row i of C, from column j on.
INLINE LINE NAME(finish)(
    const TYPED(cpl_epilogue) *epilogue, LINE sum, ptrdiff_t i, ptrdiff_t j) {
  const LINE alpha = (LINE)epilogue->alpha;
  LINE value = epilogue->addend
      ? FMA(alpha, sum, LOAD(epilogue->addend + i * epilogue->addend_stride + j))
      : alpha * sum;
  if (epilogue->relu) value = value < 0 ? 0 : value;
  if (epilogue->gate) value = LOAD(epilogue->gate + i * epilogue->gate_stride + j) > 0 ? value : 0;
  return value;
}

/// Takes the first `columns` of a row of sums to row i of C, from `column` on.
static void NAME(finish_row)(
    const TYPED(cpl_epilogue) *epilogue, const REAL *sums, ptrdiff_t i, ptrdiff_t column,
    ptrdiff_t columns, REAL *c_row) {
  REAL alpha = epilogue->alpha;
  const REAL *addend =
      epilogue->addend ? epilogue->addend + i * epilogue->addend_stride + column : NULL;
  const REAL *gate = epilogue->gate ? epilogue->gate + i * epilogue->gate_stride + column : NULL;
  REAL *out = c_row + column;
  ptrdiff_t j = 0;
  for (; j + LANES <= columns; j += LANES) {
    STORE(out + j, NAME(finish)(epilogue, LOAD(sums + j), i, column + j));
  }
  // Less than a line. Vectorised, this would read absent addends and gates under empty masks, which
  // is allowed but slow.
#pragma clang loop vectorize(disable)
  for (; j < columns; j++) {
    REAL value = addend ? FMA(alpha, sums[j], addend[j]) : alpha * sums[j];
    if (epilogue->relu) value = value < 0 ? 0 : value;
    if (gate) value = gate[j] > 0 ? value : 0;
    out[j] = value;
  }
}

/// `rows` × `panels` lines of C, from row i and column j on, of A and B as they are: element (r, k) of A
/// is at `a[r·row_stride + k·depth_stride]`, line p of row k of B at `b[k·b_stride + p·LANES]`. The sizes of
/// the tile are constants after inlining.
INLINE void NAME(tile_in_place)(
    int rows, int panels, ptrdiff_t depth, const REAL *a, ptrdiff_t row_stride,
    ptrdiff_t depth_stride, const REAL *b, ptrdiff_t b_stride, const TYPED(cpl_epilogue) *epilogue,
    ptrdiff_t i, ptrdiff_t j, REAL *c, ptrdiff_t c_stride) {
  LINE sum[TILE_ROWS][TILE_PANELS];
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int p = 0; p < panels; p++) sum[r][p] = (LINE)0;
  }
  for (ptrdiff_t k = 0; k < depth; k++, a += depth_stride, b += b_stride) {
    LINE column[TILE_PANELS];
    UNROLL for (int p = 0; p < panels; p++) column[p] = LOAD(b + p * LANES);
    UNROLL for (int r = 0; r < rows; r++) {
      LINE factor = (LINE)a[r * row_stride];
      UNROLL for (int p = 0; p < panels; p++) sum[r][p] = FMA(factor, column[p], sum[r][p]);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int p = 0; p < panels; p++) {
      STORE(
          c + (i + r) * c_stride + j + p * LANES,
          NAME(finish)(epilogue, sum[r][p], i + r, j + p * LANES));
    }
  }
}

/// C of A and B as they are, where columns are whole lines.
static void NAME(gemm_in_place)(
    cpl_range rows, cpl_range columns, ptrdiff_t depth, TYPED(cpl_matrix) a, TYPED(cpl_matrix) b,
    const TYPED(cpl_epilogue) *epilogue, REAL *c, ptrdiff_t c_stride) {
  const ptrdiff_t row_stride = a.transposed ? 1 : a.stride;
  const ptrdiff_t depth_stride = a.transposed ? a.stride : 1;
  for (ptrdiff_t j = columns.begin; j < columns.end;) {
    const ptrdiff_t left = (columns.end - j) / LANES;
    // Two and two of four panels, not three and one.
    const int panels = left == 4 ? smaller(2, TILE_PANELS) : (int)smaller(left, TILE_PANELS);
    for (ptrdiff_t i = rows.begin; i < rows.end;) {
      const int piece = next_piece(rows.end - i, TILE_ROWS);
#define CPL_TILE(r, p)                                                                   \
  if (piece == r && panels == p) {                                                       \
    NAME(tile_in_place)                                                                  \
    (r, p, depth, a.elements + i * row_stride, row_stride, depth_stride, b.elements + j, \
     b.stride, epilogue, i, j, c, c_stride);                                             \
  }
#define CPL_TILES(p) CPL_TILE(TILE_ROWS, p) CPL_TILE(4, p) CPL_TILE(2, p) CPL_TILE(1, p)
#if WIDE
      CPL_TILES(3)
      CPL_TILES(2)
#endif
      CPL_TILES(1)
#undef CPL_TILES
#undef CPL_TILE
      i += piece;
    }
    j += panels * LANES;
  }
}

/// Asks for a share of the part of B that is packed next, which comes from main memory, while the
/// sums of this one are taken: rows `share`·rows/`shares` up to the next share's.
static void NAME(prefetch_panels)(
    TYPED(cpl_matrix) b, ptrdiff_t column, ptrdiff_t columns, ptrdiff_t start, ptrdiff_t depth,
    ptrdiff_t share, ptrdiff_t shares) {
  const ptrdiff_t rows = b.transposed ? columns : depth;
  const ptrdiff_t length = b.transposed ? depth : columns;
  const REAL *source = b.elements
      + (b.transposed ? column * b.stride + start : start * b.stride + column);
  for (ptrdiff_t row = share * rows / shares; row < (share + 1) * rows / shares; row++) {
    for (ptrdiff_t i = 0; i < length; i += LANES) {
      __builtin_prefetch(source + row * b.stride + i, 0, 2);
    }
  }
}

static void NAME(gemm)(
    cpl_range rows, cpl_range columns, ptrdiff_t depth, TYPED(cpl_matrix) a, TYPED(cpl_matrix) b,
    const TYPED(cpl_epilogue) *epilogue, REAL *c, ptrdiff_t c_stride, void *workspace) {
  if (is_taken_in_place(
          rows.end - rows.begin, columns.end - columns.begin, depth, b.transposed, LANES)) {
    NAME(gemm_in_place)(rows, columns, depth, a, b, epilogue, c, c_stride);
    return;
  }
  const ptrdiff_t row_block = rows_in_block(rows.end - rows.begin, depth);
  const ptrdiff_t longest_part = smaller(depth, DEPTH_BLOCK);
  const ptrdiff_t sum_stride = sum_stride_for(columns.end - columns.begin, depth, LANES);
  REAL *packed_a = aligned_to_line(workspace);
  REAL *packed_b = packed_a + row_block * longest_part;
  REAL *all_sums = packed_b + GROUP_PANELS * part_stride(longest_part, LANES);

  for (ptrdiff_t row = rows.begin; row < rows.end; row += row_block) {
    const ptrdiff_t block_rows = smaller(row_block, rows.end - row);
    // A depth of 0 goes round once, too, so that C gets the epilogue of an empty sum.
    ptrdiff_t start = 0;
    do {
      const ptrdiff_t part = smaller(DEPTH_BLOCK, depth - start);
      const bool first = start == 0, last = start + part == depth;
      const ptrdiff_t panel_stride = part_stride(part, LANES);
      NAME(pack_rows)(a, row, block_rows, start, part, packed_a);

      for (ptrdiff_t column = columns.begin; column < columns.end; column += GROUP_WIDTH) {
        const ptrdiff_t group_end = smaller(column + GROUP_WIDTH, columns.end);
        NAME(pack_panels)(b, column, group_end - column, start, part, panel_stride, packed_b);
        // The next group's columns, or the next part's first.
        const bool in_part = group_end < columns.end;
        const ptrdiff_t next_column = in_part ? group_end : columns.begin;
        const ptrdiff_t next_columns = smaller(GROUP_WIDTH, columns.end - next_column);
        const ptrdiff_t next_start = in_part ? start : start + part;
        const ptrdiff_t next_part = smaller(DEPTH_BLOCK, depth - next_start);
        const ptrdiff_t tiles_across =
            (group_end - column + TILE_PANELS * LANES - 1) / (TILE_PANELS * LANES);
        const ptrdiff_t shares = (block_rows + TILE_ROWS - 1) / TILE_ROWS * tiles_across;
        ptrdiff_t share = 0;
        for (ptrdiff_t i = 0; i < block_rows;) {
          const int piece = next_piece(block_rows - i, TILE_ROWS);
          for (ptrdiff_t j = column; j < group_end; j += TILE_PANELS * LANES) {
            const ptrdiff_t tile_columns = smaller(TILE_PANELS * LANES, group_end - j);
            const int tile_panels = (int)((tile_columns + LANES - 1) / LANES);
            // Sums that need not wait for another part all use the same few lines.
            REAL *sums = first && last ? all_sums : all_sums + i * sum_stride + j - columns.begin;
            if (share < shares) {
              NAME(prefetch_panels)(
                  b, next_column, next_columns, next_start, next_part, share++, shares);
            }
            if (last) NAME(prefetch)(epilogue, row + i, piece, j, tile_columns, c, c_stride);
            NAME(tile_of_size)(
                piece, tile_panels, part, packed_a + i * part,
                packed_b + (j - column) / LANES * panel_stride, panel_stride, first, sums,
                sum_stride);
            for (int r = 0; last && r < piece; r++) {
              NAME(finish_row)(
                  epilogue, sums + r * sum_stride, row + i + r, j, tile_columns,
                  c + (row + i + r) * c_stride);
            }
          }
          i += piece;
        }
      }
      start += part;
    } while (start < depth);
  }
}

#undef GROUP_WIDTH
#undef TILE_ROWS
#undef TILE_PANELS
