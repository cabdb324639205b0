// SPDX-License-Identifier: Apache-2.0

// The transforms of Winograd's F(4, 3), a line of numbers at a time.

/// t = Bᵀd, the six positions of six rows of inputs.
INLINE void NAME(transform_inputs)(const LINE d[WINOGRAD_POSITIONS], LINE t[WINOGRAD_POSITIONS]) {
  const LINE a = (LINE)WINOGRAD_A, b = (LINE)WINOGRAD_B;
  const LINE a2 = a * a, b2 = b * b, product = a2 * b2, sum = a2 + b2;
  const LINE even_a = FMA(-b2, d[2], d[4]), odd_a = FMA(-b2, d[1], d[3]);
  const LINE even_b = FMA(-a2, d[2], d[4]), odd_b = FMA(-a2, d[1], d[3]);
  t[0] = FMA(-sum, d[2], FMA(product, d[0], d[4]));
  t[1] = FMA(a, odd_a, even_a);
  t[2] = FMA(-a, odd_a, even_a);
  t[3] = FMA(b, odd_b, even_b);
  t[4] = FMA(-b, odd_b, even_b);
  t[5] = FMA(-sum, d[3], FMA(product, d[1], d[5]));
}

/// y = Aᵀm, four rows of outputs from the six positions.
INLINE void NAME(transform_back)(const LINE m[WINOGRAD_POSITIONS], LINE y[WINOGRAD_ROWS]) {
  const LINE a = (LINE)WINOGRAD_A, b = (LINE)WINOGRAD_B;
  const LINE a2 = a * a, b2 = b * b;
  const LINE even_a = m[1] + m[2], odd_a = m[1] - m[2];
  const LINE even_b = m[3] + m[4], odd_b = m[3] - m[4];
  y[0] = m[0] + even_a + even_b;
  y[1] = FMA(a, odd_a, b * odd_b);
  y[2] = FMA(a2, even_a, b2 * even_b);
  y[3] = FMA(a * a2, odd_a, FMA(b * b2, odd_b, m[5]));
}

/// Au, the six positions of four rows of a gradient: the adjoint of the above.
INLINE void NAME(transform_gradients)(const LINE u[WINOGRAD_ROWS], LINE t[WINOGRAD_POSITIONS]) {
  const LINE a = (LINE)WINOGRAD_A, b = (LINE)WINOGRAD_B;
  const LINE a2 = a * a, b2 = b * b;
  const LINE even_a = FMA(a2, u[2], u[0]), odd_a = a * FMA(a2, u[3], u[1]);
  const LINE even_b = FMA(b2, u[2], u[0]), odd_b = b * FMA(b2, u[3], u[1]);
  t[0] = u[0];
  t[1] = even_a + odd_a;
  t[2] = even_a - odd_a;
  t[3] = even_b + odd_b;
  t[4] = even_b - odd_b;
  t[5] = u[3];
}

/// Gᵀs, the three taps of a column of the kernel's gradient from the six positions.
INLINE void NAME(transform_kernel_gradient)(
    const LINE s[WINOGRAD_POSITIONS], LINE taps[WINOGRAD_TAPS]) {
  const LINE a = (LINE)WINOGRAD_A, b = (LINE)WINOGRAD_B;
  const LINE even_a = (LINE)WINOGRAD_SCALE_A * (s[1] + s[2]);
  const LINE odd_a = (LINE)WINOGRAD_SCALE_A * (s[1] - s[2]);
  const LINE even_b = (LINE)WINOGRAD_SCALE_B * (s[3] + s[4]);
  const LINE odd_b = (LINE)WINOGRAD_SCALE_B * (s[3] - s[4]);
  taps[0] = FMA((LINE)WINOGRAD_SCALE_0, s[0], even_a) + even_b;
  taps[1] = FMA(a, odd_a, b * odd_b);
  taps[2] = FMA(a * a, even_a, FMA(b * b, even_b, s[5]));
}
