// SPDX-License-Identifier: Apache-2.0

// The choice of instruction set, shared by the kernels' dispatchers.
#pragma once

#include "CPLKernels.h"

/// The level in force.
cpl_kernel_level cpl_current_kernel_level(void);

/// The first 64-byte boundary in a workspace, for which every size function leaves room.
static inline void *aligned_to_line(void *workspace) {
  return (void *)(((uintptr_t)workspace + 63) & ~(uintptr_t)63);
}

/// Calls `stem_suffix_level(arguments)` at the level in force.
#if defined(__x86_64__)
#define CPL_DISPATCH(function, ...)                                  \
  switch (cpl_current_kernel_level()) {                              \
    case CPL_LEVEL_AVX512: return function##_avx512(__VA_ARGS__);    \
    case CPL_LEVEL_AVX2: return function##_avx2(__VA_ARGS__);        \
    case CPL_LEVEL_PORTABLE: return function##_portable(__VA_ARGS__); \
  }
#else
#define CPL_DISPATCH(function, ...) return function##_portable(__VA_ARGS__);
#endif
