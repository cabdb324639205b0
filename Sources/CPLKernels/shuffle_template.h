// SPDX-License-Identifier: Apache-2.0

// Perfect shuffles of lines, of which transposes are made.

#if LANES == 16
#define ZIP_LOW(a, b) \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH(a, b) \
  __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#else
#define ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#endif

/// Turns the bits of the index of each element of `count` lines, taken as one vector, by one place to the
/// left, as often as `turned` doubles up to `last`. `count` is a power of two; all are constants after
/// inlining.
INLINE void NAME(shuffle)(int count, int last, LINE *lines) {
  UNROLL for (int turned = 1; turned < last; turned *= 2) {
    LINE shuffled[LANES];
    UNROLL for (int i = 0; i < count / 2; i++) {
      shuffled[2 * i] = ZIP_LOW(lines[i], lines[i + count / 2]);
      shuffled[2 * i + 1] = ZIP_HIGH(lines[i], lines[i + count / 2]);
    }
    UNROLL for (int i = 0; i < count; i++) lines[i] = shuffled[i];
  }
}

#undef ZIP_LOW
#undef ZIP_HIGH
