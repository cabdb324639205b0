// SPDX-License-Identifier: Apache-2.0

#include "shuffle_template.h"

/// The transpose of a square of `count` rows, whose size is a constant after inlining.
INLINE void NAME(transpose_square)(
    int count, const REAL *source, ptrdiff_t stride, REAL *target, ptrdiff_t target_stride) {
#if WIDE
  LINE lines[LANES];
  UNROLL for (int i = 0; i < LANES; i++) lines[i] = LOAD(source + i * stride);
  NAME(shuffle)(LANES, LANES, lines);
  UNROLL for (int i = 0; i < LANES; i++) STORE(target + i * target_stride, lines[i]);
#else
  UNROLL for (int i = 0; i < count; i++) {
    UNROLL for (int j = 0; j < count; j++) target[j * target_stride + i] = source[i * stride + j];
  }
#endif
}

static void NAME(transpose)(
    ptrdiff_t rows, ptrdiff_t columns, const REAL *source, ptrdiff_t stride, REAL *target,
    ptrdiff_t target_stride) {
  const ptrdiff_t whole_rows = rows / LANES * LANES, whole_columns = columns / LANES * LANES;
  for (ptrdiff_t i = 0; i < whole_rows; i += LANES) {
    for (ptrdiff_t j = 0; j < whole_columns; j += LANES) {
      NAME(transpose_square)(
          LANES, source + i * stride + j, stride, target + j * target_stride + i, target_stride);
    }
  }
  for (ptrdiff_t i = 0; i < rows; i++) {
    for (ptrdiff_t j = i < whole_rows ? whole_columns : 0; j < columns; j++) {
      target[j * target_stride + i] = source[i * stride + j];
    }
  }
}
