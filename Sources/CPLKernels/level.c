// SPDX-License-Identifier: Apache-2.0

#include "level.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static cpl_kernel_level best_of_processor(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
      && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
    return CPL_LEVEL_AVX512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return CPL_LEVEL_AVX2;
  }
#endif
  return CPL_LEVEL_PORTABLE;
}

static cpl_kernel_level best_allowed(void) {
  const char *limit = getenv("CPL_KERNEL_LEVEL");
  if (limit && strcmp(limit, "portable") == 0) return CPL_LEVEL_PORTABLE;
  if (limit && strcmp(limit, "avx2") == 0) return CPL_LEVEL_AVX2;
  return CPL_LEVEL_AVX512;
}

enum { NOT_CHOSEN = -1 };

// Threads that meet here at the first use all store the same value, so relaxed order is enough.
static atomic_int current_level = NOT_CHOSEN;

cpl_kernel_level cpl_current_kernel_level(void) {
  int level = atomic_load_explicit(&current_level, memory_order_relaxed);
  return level == NOT_CHOSEN ? cpl_set_kernel_level(CPL_LEVEL_AVX512) : (cpl_kernel_level)level;
}

cpl_kernel_level cpl_set_kernel_level(cpl_kernel_level level) {
  cpl_kernel_level chosen = level, limits[] = {best_of_processor(), best_allowed()};
  for (int i = 0; i < 2; i++) chosen = limits[i] < chosen ? limits[i] : chosen;
  atomic_store_explicit(&current_level, chosen, memory_order_relaxed);
  return chosen;
}
