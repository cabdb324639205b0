// SPDX-License-Identifier: Apache-2.0

#include "CPLKernels.h"

#include <fenv.h>
#include <stdint.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

unsigned cpl_arithmetic_deviations(void) {
  unsigned found = fegetround() == FE_TONEAREST ? 0 : CPL_ARITHMETIC_ROUNDING;
#if defined(__x86_64__)
  // MXCSR: rounding control in bits 13 and 14, flush to zero bit 15, denormals are zero bit 6.
  unsigned mode = _mm_getcsr();
  if (mode & 0x6000u) found |= CPL_ARITHMETIC_ROUNDING;
  if (mode & 0x8000u) found |= CPL_ARITHMETIC_FLUSHING;
  if (mode & 0x0040u) found |= CPL_ARITHMETIC_IGNORING;
#elif defined(__aarch64__)
  // FPCR: rounding mode in bits 22 and 23, FZ bit 24 (both ways), FIZ bit 0.
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  if (mode & (UINT64_C(3) << 22)) found |= CPL_ARITHMETIC_ROUNDING;
  if (mode & (UINT64_C(1) << 24)) found |= CPL_ARITHMETIC_FLUSHING | CPL_ARITHMETIC_IGNORING;
  if (mode & UINT64_C(1)) found |= CPL_ARITHMETIC_IGNORING;
#endif
  return found;
}
