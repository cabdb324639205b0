// SPDX-License-Identifier: Apache-2.0

#include "CPLKernels.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

void cpl_keep_freed_memory(void) {
#ifdef __GLIBC__
  // The largest threshold that glibc takes on 64-bit machines.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  // Never.
  mallopt(M_TRIM_THRESHOLD, -1);
  // Heaps of threads are given back nevertheless.
  mallopt(M_ARENA_MAX, 1);
#endif
}
