// SPDX-License-Identifier: Apache-2.0

// Transposes. The kernels are in transpose_template.h; here are the entry points.
#include "CPLKernels.h"
#include "level.h"

#define KERNEL_TEMPLATE "transpose_template.h"
#include "instantiate.h"

void cpl_transpose_f32(
    ptrdiff_t rows, ptrdiff_t columns, const float *source, ptrdiff_t stride, float *target,
    ptrdiff_t target_stride) {
  CPL_DISPATCH(transpose_f32, rows, columns, source, stride, target, target_stride)
}

void cpl_transpose_f64(
    ptrdiff_t rows, ptrdiff_t columns, const double *source, ptrdiff_t stride, double *target,
    ptrdiff_t target_stride) {
  CPL_DISPATCH(transpose_f64, rows, columns, source, stride, target, target_stride)
}
