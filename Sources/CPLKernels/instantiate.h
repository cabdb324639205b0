// SPDX-License-Identifier: Apache-2.0

// Compiles KERNEL_TEMPLATE once for every pair of scalar type and instruction set.
//
// A template sees
//   REAL      the scalar type
//   LANES     scalars in a 64-byte line
//   LANE_INTEGER  an integer of the scalar's width
//   NAME(s)   s_f32_avx2 and the like, TYPED(s) s_f32 and the like
//   WIDE      whether a line is one register out of 32, or else two (AVX2) out of 16
//
// Every product that is to be fused is written as FMA, and nothing else may be: the compiler's own
// contraction would depend on the target, and results with it. So the pragma, in all levels alike.
#pragma clang fp contract(off)

// Vectors wider than the target's registers are passed to inlined functions only.
#pragma clang diagnostic ignored "-Wpsabi"

#define FMA __builtin_elementwise_fma
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

#define CPL_JOIN(stem, suffix, level) stem##_##suffix##_##level
#define CPL_JOIN_EXPANDED(stem, suffix, level) CPL_JOIN(stem, suffix, level)
#define NAME(stem) CPL_JOIN_EXPANDED(stem, SUFFIX, LEVEL)
#define CPL_JOIN2(stem, suffix) stem##_##suffix
#define CPL_JOIN2_EXPANDED(stem, suffix) CPL_JOIN2(stem, suffix)
#define TYPED(stem) CPL_JOIN2_EXPANDED(stem, SUFFIX)

// A line of scalars. Loads and stores go through the unaligned type; on this project's processors
// they cost nothing where the address is aligned after all.
typedef float line_f32 __attribute__((ext_vector_type(16)));
typedef double line_f64 __attribute__((ext_vector_type(8)));
typedef line_f32 unaligned_line_f32 __attribute__((aligned(4), may_alias));
typedef line_f64 unaligned_line_f64 __attribute__((aligned(8), may_alias));

#define LOAD(pointer) (*(const UNALIGNED_LINE *)(pointer))
#define STORE(pointer, line) (*(UNALIGNED_LINE *)(pointer) = (line))

#define LEVEL portable
#define WIDE 0
#include "instantiate_types.h"
#undef LEVEL
#undef WIDE

#if defined(__x86_64__)
#define LEVEL avx2
#define WIDE 0
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "instantiate_types.h"
#pragma clang attribute pop
#undef LEVEL
#undef WIDE

#define LEVEL avx512
#define WIDE 1
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,fma"))), apply_to = function)
#include "instantiate_types.h"
#pragma clang attribute pop
#undef LEVEL
#undef WIDE
#endif
