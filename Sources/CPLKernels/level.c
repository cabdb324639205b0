#include "level.h"

#include <stdatomic.h>

static cpl_kernel_level best_level(void) {
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

enum { NOT_CHOSEN = -1 };

// Threads that meet here at the first use all store the same value, so relaxed order is enough.
static atomic_int current_level = NOT_CHOSEN;

cpl_kernel_level cpl_current_kernel_level(void) {
  int level = atomic_load_explicit(&current_level, memory_order_relaxed);
  return level == NOT_CHOSEN ? cpl_set_kernel_level(CPL_LEVEL_AVX512) : (cpl_kernel_level)level;
}

cpl_kernel_level cpl_set_kernel_level(cpl_kernel_level level) {
  cpl_kernel_level best = best_level();
  cpl_kernel_level chosen = level < best ? level : best;
  atomic_store_explicit(&current_level, chosen, memory_order_relaxed);
  return chosen;
}
