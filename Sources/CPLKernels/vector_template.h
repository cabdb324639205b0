// SPDX-License-Identifier: Apache-2.0

// One pass each over vectors. Elementwise loops are plain: the compiler vectorises them, and since
// it may neither contract nor reorder, the bits do not depend on how.

static void NAME(adam_step)(
    ptrdiff_t count, const cpl_adam *adam, const REAL *restrict gradient,
    REAL *restrict first_moment, REAL *restrict second_moment, REAL *restrict parameters) {
  const REAL fresh1 = (REAL)(1 - adam->beta1);
  const REAL fresh2 = (REAL)(1 - adam->beta2);
  const REAL beta2 = (REAL)adam->beta2;
  const REAL epsilon = (REAL)adam->epsilon;
  const REAL step = (REAL)(adam->learning_rate / adam->bias_correction1);
  const REAL root_correction2 = (REAL)__builtin_elementwise_sqrt(adam->bias_correction2);
  for (ptrdiff_t i = 0; i < count; i++) {
    const REAL g = gradient[i];
    const REAL m = FMA(fresh1, g - first_moment[i], first_moment[i]);
    const REAL v = FMA(fresh2 * g, g, beta2 * second_moment[i]);
    const REAL denominator = __builtin_elementwise_sqrt(v) / root_correction2 + epsilon;
    first_moment[i] = m;
    second_moment[i] = v;
    parameters[i] -= step * m / denominator;
  }
}

static void NAME(axpy)(ptrdiff_t count, REAL alpha, const REAL *x, REAL *y) {
  for (ptrdiff_t i = 0; i < count; i++) y[i] = FMA(alpha, x[i], y[i]);
}

static void NAME(sort_pairs)(
    ptrdiff_t count, REAL *restrict first, REAL *restrict second, bool *restrict swapped) {
  for (ptrdiff_t i = 0; swapped && i < count; i++) swapped[i] = first[i] < second[i];
  for (ptrdiff_t i = 0; i < count; i++) {
    const REAL a = first[i], b = second[i];
    first[i] = a < b ? b : a;
    second[i] = a < b ? a : b;
  }
}

static void NAME(swap_pairs)(
    ptrdiff_t count, const bool *restrict swapped, REAL *restrict first, REAL *restrict second) {
  for (ptrdiff_t i = 0; i < count; i++) {
    const REAL a = first[i], b = second[i];
    first[i] = swapped[i] ? b : a;
    second[i] = swapped[i] ? a : b;
  }
}

static void NAME(gate)(
    ptrdiff_t count, REAL factor, const REAL *restrict hidden, REAL *restrict values,
    REAL *restrict scaled) {
  for (ptrdiff_t i = 0; scaled && i < count; i++) scaled[i] = factor * hidden[i];
  for (ptrdiff_t i = 0; i < count; i++) values[i] = hidden[i] > 0 ? factor * values[i] : 0;
}

static double NAME(dot)(ptrdiff_t count, const REAL *x, const REAL *y) {
  enum { SUMS = 32, GROUP = 8, GROUPS = SUMS / GROUP };
  typedef REAL terms __attribute__((ext_vector_type(GROUP)));
  typedef terms unaligned_terms __attribute__((aligned(sizeof(REAL)), may_alias));
  typedef double sums __attribute__((ext_vector_type(GROUP)));

  sums group[GROUPS] = {0};
  ptrdiff_t i = 0;
  for (; i + SUMS <= count; i += SUMS) {
    UNROLL for (int j = 0; j < GROUPS; j++) {
      const terms left = *(const unaligned_terms *)(x + i + j * GROUP);
      const terms right = *(const unaligned_terms *)(y + i + j * GROUP);
      group[j] =
          FMA(__builtin_convertvector(left, sums), __builtin_convertvector(right, sums), group[j]);
    }
  }
  double sum[SUMS];
  for (int j = 0; j < SUMS; j++) sum[j] = group[j / GROUP][j % GROUP];
  for (int j = 0; i < count; i++, j++) sum[j] = FMA((double)x[i], (double)y[i], sum[j]);
  for (int half = SUMS / 2; half > 0; half /= 2) {
    for (int j = 0; j < half; j++) sum[j] += sum[j + half];
  }
  return sum[0];
}
