// SPDX-License-Identifier: Apache-2.0

// Sums of outer products over a batch. Tiles and packing are as in gemm_template.h, but a tile is
// accumulated from zero for each piece of images, and pieces are reduced along the tree as they are
// completed, as a binary counter carries: the partial sums of pending subtrees stay in the first cache.
//
//   For each block of rows: the factors alpha·a, in the order in which the chains take them.
//     For each group of columns: the rows b, packed alike into panels a line wide.
//       For each tile: its tree, and one store to C.
//
// A workspace is laid out as: factors | panels | subtrees. A single piece needs none of them.

#define TILE_ROWS (WIDE ? 8 : 6)
#define TILE_PANELS (WIDE ? 3 : 1)

/// Does something for each term of the chains in their order; `k` counts them.
#define FOR_EACH_TERM(...)                                                                    \
  for (ptrdiff_t start = 0, k = 0; start < images; start += piece) {                          \
    const ptrdiff_t end = smaller(start + piece, images);                                     \
    for (const TYPED(cpl_outer) *term = outer; term < outer + outer_count; term++) {          \
      for (ptrdiff_t image = start; image < end; image++, k++) __VA_ARGS__                    \
    }                                                                                         \
  }

/// Packs the factors of `rows` rows of C from `row` on.
INLINE void NAME(pack_factors)(
    ptrdiff_t images, ptrdiff_t piece, const TYPED(cpl_outer) *outer, int outer_count,
    ptrdiff_t row, int rows, REAL *dest) {
  FOR_EACH_TERM({
    const REAL *source = term->a + image * term->a_stride + row;
    for (int r = 0; r < rows; r++) dest[k * rows + r] = term->alpha * source[r];
  })
}

/// Packs `columns` columns from `column` on into panels, with zeros behind the last one.
static void NAME(pack_columns)(
    ptrdiff_t images, ptrdiff_t piece, const TYPED(cpl_outer) *outer, int outer_count,
    ptrdiff_t column, ptrdiff_t columns, ptrdiff_t panel_stride, REAL *dest) {
  FOR_EACH_TERM({
    const REAL *source = term->b + image * term->b_stride + column;
    REAL *out = dest + k * LANES;
    ptrdiff_t j = 0;
    for (; j + LANES <= columns; j += LANES, out += panel_stride) STORE(out, LOAD(source + j));
    for (ptrdiff_t lane = 0; j < columns && lane < LANES; lane++) {
      out[lane] = j + lane < columns ? source[j + lane] : 0;
    }
  })
}

/// Adds all pieces of a tile of `rows` × `panels` lines, whose sizes are constants after inlining, and
/// stores its first `columns` columns.
INLINE void NAME(tree)(
    int rows, int panels, ptrdiff_t images, ptrdiff_t piece, int outer_count, const REAL *a,
    const REAL *b, ptrdiff_t panel_stride, REAL *subtrees, ptrdiff_t columns, REAL *c,
    ptrdiff_t c_stride) {
  LINE sum[TILE_ROWS][TILE_PANELS] = {};
  const ptrdiff_t tile = rows * panels * LANES;
  const ptrdiff_t pieces = (images + piece - 1) / piece;
  for (ptrdiff_t p = 0; p < pieces; p++) {
    const ptrdiff_t terms = smaller(piece, images - p * piece) * outer_count;
    UNROLL for (int r = 0; r < rows; r++) {
      UNROLL for (int q = 0; q < panels; q++) sum[r][q] = (LINE)0;
    }
    for (ptrdiff_t k = 0; k < terms; k++) {
      LINE column[TILE_PANELS];
      UNROLL for (int q = 0; q < panels; q++) column[q] = LOAD(b + q * panel_stride + k * LANES);
      UNROLL for (int r = 0; r < rows; r++) {
        LINE factor = (LINE)a[k * rows + r];
        UNROLL for (int q = 0; q < panels; q++) sum[r][q] = FMA(factor, column[q], sum[r][q]);
      }
    }
    a += terms * rows;
    b += terms * LANES;
    // Before piece p a subtree of 2^i pieces waits for each binary digit 1 of p. The next carry joins
    // those of the lowest digits; after the last piece all are joined.
    const bool is_last = p + 1 == pieces;
    REAL *subtree = subtrees;
    for (ptrdiff_t digits = p; is_last ? digits > 0 : digits & 1; digits >>= 1, subtree += tile) {
      if (!(digits & 1)) continue;
      UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int q = 0; q < panels; q++) {
          sum[r][q] = LOAD(subtree + (r * panels + q) * LANES) + sum[r][q];
        }
      }
    }
    if (is_last) break;
    UNROLL for (int r = 0; r < rows; r++) {
      UNROLL for (int q = 0; q < panels; q++) STORE(subtree + (r * panels + q) * LANES, sum[r][q]);
    }
  }
  if (columns == panels * LANES) {
    UNROLL for (int r = 0; r < rows; r++) {
      UNROLL for (int q = 0; q < panels; q++) STORE(c + r * c_stride + q * LANES, sum[r][q]);
    }
    return;
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int q = 0; q < panels; q++) STORE(subtrees + q * LANES, sum[r][q]);
    for (ptrdiff_t j = 0; j < columns; j++) c[r * c_stride + j] = subtrees[j];
  }
}

static void NAME(tree_of_size)(
    int rows, int panels, ptrdiff_t images, ptrdiff_t piece, int outer_count, const REAL *a,
    const REAL *b, ptrdiff_t panel_stride, REAL *subtrees, ptrdiff_t columns, REAL *c,
    ptrdiff_t c_stride) {
#define CPL_TREE(r, q)                                                                          \
  if (rows == r && panels == q) {                                                               \
    NAME(tree)                                                                                  \
    (r, q, images, piece, outer_count, a, b, panel_stride, subtrees, columns, c, c_stride);     \
    return;                                                                                     \
  }
#define CPL_TREES(q) CPL_TREE(TILE_ROWS, q) CPL_TREE(4, q) CPL_TREE(2, q) CPL_TREE(1, q)
#if WIDE
  CPL_TREES(3)
  CPL_TREES(2)
#endif
  CPL_TREES(1)
#undef CPL_TREES
#undef CPL_TREE
}

/// `rows` × `panels` lines of C from row i and column j on, of one piece of terms as they are. The sizes of
/// the tile are constants after inlining.
INLINE void NAME(piece_in_place)(
    int rows, int panels, ptrdiff_t images, const TYPED(cpl_outer) *outer, int outer_count,
    ptrdiff_t i, ptrdiff_t j, REAL *c, ptrdiff_t c_stride) {
  LINE sum[TILE_ROWS][TILE_PANELS];
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int q = 0; q < panels; q++) sum[r][q] = (LINE)0;
  }
  for (const TYPED(cpl_outer) *term = outer; term < outer + outer_count; term++) {
    const REAL *a = term->a + i, *b = term->b + j;
    for (ptrdiff_t image = 0; image < images; image++, a += term->a_stride, b += term->b_stride) {
      LINE column[TILE_PANELS];
      UNROLL for (int q = 0; q < panels; q++) column[q] = LOAD(b + q * LANES);
      UNROLL for (int r = 0; r < rows; r++) {
        LINE factor = (LINE)term->alpha * (LINE)a[r];
        UNROLL for (int q = 0; q < panels; q++) sum[r][q] = FMA(factor, column[q], sum[r][q]);
      }
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int q = 0; q < panels; q++) {
      STORE(c + (i + r) * c_stride + j + q * LANES, sum[r][q]);
    }
  }
}

/// C of one piece of terms as they are, where columns are whole lines.
static void NAME(gradient_in_place)(
    cpl_range rows, cpl_range columns, ptrdiff_t images, const TYPED(cpl_outer) *outer,
    int outer_count, REAL *c, ptrdiff_t c_stride) {
  for (ptrdiff_t j = columns.begin; j < columns.end;) {
    const int panels = (int)smaller((columns.end - j) / LANES, TILE_PANELS);
    for (ptrdiff_t i = rows.begin; i < rows.end;) {
      const int height = next_piece(rows.end - i, TILE_ROWS);
#define CPL_TREE(r, q)                                                             \
  if (height == r && panels == q) {                                                \
    NAME(piece_in_place)(r, q, images, outer, outer_count, i, j, c, c_stride);     \
  }
#define CPL_TREES(q) CPL_TREE(TILE_ROWS, q) CPL_TREE(4, q) CPL_TREE(2, q) CPL_TREE(1, q)
#if WIDE
      CPL_TREES(3)
      CPL_TREES(2)
#endif
      CPL_TREES(1)
#undef CPL_TREES
#undef CPL_TREE
      i += height;
    }
    j += panels * LANES;
  }
}

static void NAME(gradient)(
    cpl_range rows, cpl_range columns, ptrdiff_t images, ptrdiff_t piece,
    const TYPED(cpl_outer) *outer, int outer_count, REAL *c, ptrdiff_t c_stride, void *workspace) {
  if (is_taken_in_place(columns.end - columns.begin, images, piece, LANES)) {
    NAME(gradient_in_place)(rows, columns, images, outer, outer_count, c, c_stride);
    return;
  }
  const ptrdiff_t terms = images * outer_count;
  const ptrdiff_t row_block = rows_in_block(terms), group_panels = panels_in_group(terms);
  const ptrdiff_t panel_stride = part_stride(terms, LANES);
  REAL *factors = aligned_to_line(workspace);
  REAL *packed = factors + row_block * terms;
  REAL *subtrees = packed + group_panels * panel_stride;

  for (ptrdiff_t row = rows.begin; row < rows.end; row += row_block) {
    const ptrdiff_t block_end = smaller(row + row_block, rows.end);
    for (ptrdiff_t i = row; i < block_end;) {
      const int height = next_piece(block_end - i, TILE_ROWS);
      REAL *dest = factors + (i - row) * terms;
      // The common height as a constant, for the sake of the copying loop.
      if (height == TILE_ROWS) {
        NAME(pack_factors)(images, piece, outer, outer_count, i, TILE_ROWS, dest);
      } else {
        NAME(pack_factors)(images, piece, outer, outer_count, i, height, dest);
      }
      i += height;
    }
    for (ptrdiff_t column = columns.begin; column < columns.end; column += group_panels * LANES) {
      const ptrdiff_t group_end = smaller(column + group_panels * LANES, columns.end);
      NAME(pack_columns)(
          images, piece, outer, outer_count, column, group_end - column, panel_stride, packed);
      for (ptrdiff_t i = row; i < block_end;) {
        const int height = next_piece(block_end - i, TILE_ROWS);
        for (ptrdiff_t j = column; j < group_end; j += TILE_PANELS * LANES) {
          const ptrdiff_t width = smaller(TILE_PANELS * LANES, group_end - j);
          REAL *out = c + i * c_stride + j;
          // C comes from afar, and its rows are too far apart for the hardware to foresee.
          for (int r = 0; r < height; r++) {
            for (ptrdiff_t at = 0; at < width; at += LANES) {
              __builtin_prefetch(out + r * c_stride + at, 1);
            }
          }
          NAME(tree_of_size)(
              height, (int)((width + LANES - 1) / LANES), images, piece, outer_count,
              factors + (i - row) * terms, packed + (j - column) / LANES * panel_stride,
              panel_stride, subtrees, width, out, c_stride);
        }
        i += height;
      }
    }
  }
}

#undef FOR_EACH_TERM
#undef TILE_ROWS
#undef TILE_PANELS
