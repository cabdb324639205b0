// SPDX-License-Identifier: Apache-2.0

// Winograd's F(4, 3), as CPLKernels.h states it: what does not depend on a scalar type.
#pragma once

#include "CPLKernels.h"

enum {
  /// Rows of outputs, taps, and the positions, or products, that give them.
  WINOGRAD_ROWS = 4,
  WINOGRAD_TAPS = 3,
  WINOGRAD_POSITIONS = WINOGRAD_ROWS + WINOGRAD_TAPS - 1,
};

// The points of F(4, 3) are 0, ±a, ±b and ∞. These are as well conditioned as any (errors are one
// and a half times those of the sum itself; with the usual 1 and 2, twice), and the transforms' other
// constants are exact in binary32.
#define WINOGRAD_A 0.75
#define WINOGRAD_B 1.5
#define WINOGRAD_A2 (WINOGRAD_A * WINOGRAD_A)
#define WINOGRAD_B2 (WINOGRAD_B * WINOGRAD_B)
#define WINOGRAD_SCALE_0 (1 / (WINOGRAD_A2 * WINOGRAD_B2))
#define WINOGRAD_SCALE_A (1 / (2 * WINOGRAD_A2 * (WINOGRAD_A2 - WINOGRAD_B2)))
#define WINOGRAD_SCALE_B (1 / (2 * WINOGRAD_B2 * (WINOGRAD_B2 - WINOGRAD_A2)))

/// Gk, the weights at the six positions from the three of a column.
static inline void winograd_weights(
    const double k[WINOGRAD_TAPS], double weights[WINOGRAD_POSITIONS]) {
  const double even_a = WINOGRAD_SCALE_A * (k[0] + WINOGRAD_A2 * k[2]);
  const double even_b = WINOGRAD_SCALE_B * (k[0] + WINOGRAD_B2 * k[2]);
  const double odd_a = WINOGRAD_SCALE_A * WINOGRAD_A * k[1];
  const double odd_b = WINOGRAD_SCALE_B * WINOGRAD_B * k[1];
  weights[0] = WINOGRAD_SCALE_0 * k[0];
  weights[1] = even_a + odd_a;
  weights[2] = even_a - odd_a;
  weights[3] = even_b + odd_b;
  weights[4] = even_b - odd_b;
  weights[5] = k[2];
}

/// Whether the arithmetic for 3×3 kernels in binary32 applies.
static inline bool by_winograd(cpl_conv_shape shape, size_t element_size) {
  return element_size == sizeof(float) && shape.kernel == WINOGRAD_TAPS
      && shape.height >= WINOGRAD_ROWS;
}
