// SPDX-License-Identifier: Apache-2.0

// What the kernels that take products tile by tile share.
#pragma once

#include <stddef.h>

static inline ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static inline ptrdiff_t larger(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

/// The panels, each a line wide, of the widest tile.
#define WIDEST_TILE_PANELS 3

/// The common multiple of the tiles' rows over all levels.
#define ROWS_OF_WHOLE_TILES 24

/// How many of `remaining` rows the next tile takes.
static inline int next_piece(ptrdiff_t remaining, int tile_rows) {
  return remaining >= tile_rows ? tile_rows : remaining >= 4 ? 4 : remaining >= 2 ? 2 : 1;
}

/// Elements from panel to panel of a packed part: a line more than a panel has, because panels that
/// begin a multiple of 4 KiB apart would compete for one set of the first cache.
static inline ptrdiff_t part_stride(ptrdiff_t depth, ptrdiff_t lanes) { return (depth + 1) * lanes; }
