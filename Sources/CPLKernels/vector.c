// SPDX-License-Identifier: Apache-2.0

// Passes over vectors. The loops are in vector_template.h; here are the entry points.
#include "CPLKernels.h"
#include "level.h"

#define KERNEL_TEMPLATE "vector_template.h"
#include "instantiate.h"

#define CPL_VECTOR_ENTRIES(suffix, real)                                                        \
  void cpl_adam_step_##suffix(                                                                  \
      ptrdiff_t count, const cpl_adam *adam, const real *gradient, real *first_moment,          \
      real *second_moment, real *parameters) {                                                  \
    CPL_DISPATCH(                                                                               \
        adam_step_##suffix, count, adam, gradient, first_moment, second_moment, parameters)     \
  }                                                                                             \
                                                                                                \
  void cpl_axpy_##suffix(ptrdiff_t count, real alpha, const real *x, real *y) {                 \
    CPL_DISPATCH(axpy_##suffix, count, alpha, x, y)                                             \
  }                                                                                             \
                                                                                                \
  void cpl_sort_pairs_##suffix(ptrdiff_t count, real *first, real *second, bool *swapped) {     \
    CPL_DISPATCH(sort_pairs_##suffix, count, first, second, swapped)                            \
  }                                                                                             \
                                                                                                \
  void cpl_swap_pairs_##suffix(                                                                 \
      ptrdiff_t count, const bool *swapped, real *first, real *second) {                        \
    CPL_DISPATCH(swap_pairs_##suffix, count, swapped, first, second)                            \
  }                                                                                             \
                                                                                                \
  void cpl_gate_##suffix(                                                                       \
      ptrdiff_t count, real factor, const real *hidden, real *values, real *scaled) {           \
    CPL_DISPATCH(gate_##suffix, count, factor, hidden, values, scaled)                          \
  }                                                                                             \
                                                                                                \
  double cpl_dot_##suffix(ptrdiff_t count, const real *x, const real *y) {                      \
    CPL_DISPATCH(dot_##suffix, count, x, y)                                                     \
  }

CPL_VECTOR_ENTRIES(f32, float)
CPL_VECTOR_ENTRIES(f64, double)
