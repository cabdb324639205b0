// SPDX-License-Identifier: Apache-2.0

import CPLKernels
import CPLNumerics

/// The operations that training is made of beside those of passes, with the bits of the CPU's kernels too.
extension Device {
  /// The sum over a batch x of N×…, in the order of `BatchTree`.
  ///
  /// - Parameters:
  ///   - piece: the images of a piece.
  ///   - start: what a piece's sum begins with; −0 leaves its first number as it is.
  ///   - factor: what a piece's sum is multiplied by.
  package func batchSum<Scalar>(
    _ x: DeviceTensor<Scalar>, piece: Int = BatchTree.imagesPerPiece, from start: Scalar = 0,
    factor: Scalar = 1
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      Array(x.shape.dropFirst()), by: "sum_batch",
      [.integer(x.shape[0]), .integer(piece), .scalar(start), .scalar(factor), .array(x.array)])
  }

  /// Sums over a batch of products of equally many numbers of two tensors, a sum for each piece of `BatchTree`,
  /// in binary64.
  package func pieceDots<Scalar>(
    _ x: DeviceTensor<Scalar>, _ y: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceNumbers {
    let pieces = BatchTree.pieces(of: x.shape[0])
    let length = x.count / max(1, x.shape[0]) * BatchTree.imagesPerPiece
    let numbers = try DeviceNumbers(count: pieces, on: self)
    try dots(
      rows: pieces, length: length, x, stride: length, y, stride: length, to: numbers, at: 0)
    return numbers
  }

  /// For each row of a matrix its product with another matrix's row, or with a vector, in binary64.
  package func rowDots<Scalar>(
    _ x: DeviceTensor<Scalar>, _ y: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceNumbers {
    let (rows, columns) = (x.shape[0], x.shape[1])
    let numbers = try DeviceNumbers(count: rows, on: self)
    try dots(
      rows: rows, length: columns, x, stride: columns, y,
      stride: y.count == x.count ? columns : 0, to: numbers, at: 0)
    return numbers
  }

  /// ⟨x, y⟩ in binary64, to a place among numbers.
  package func dot<Scalar>(
    _ x: DeviceTensor<Scalar>, _ y: DeviceTensor<Scalar>, to numbers: DeviceNumbers, at index: Int
  ) throws(DeviceError) {
    try dots(rows: 1, length: x.count, x, stride: 0, y, stride: 0, to: numbers, at: index)
  }

  private func dots<Scalar: TensorScalar>(
    rows: Int, length: Int, _ x: DeviceTensor<Scalar>, stride xStride: Int,
    _ y: DeviceTensor<Scalar>, stride yStride: Int, to numbers: DeviceNumbers, at index: Int
  ) throws(DeviceError) {
    // CHAINS of the kernel.
    let chains = 32
    try run(
      "dots", items: [rows * chains], group: [Self.line],
      [
        .integer(rows), .integer(length), .integer(x.count), .array(x.array), .integer(xStride),
        .array(y.array), .integer(yStride), .integer(index), .numbers(numbers),
      ])
  }

  /// Numbers rounded, then divided.
  package func rounded<Scalar>(
    _ numbers: DeviceNumbers, shape: [Int], dividedBy divisor: Scalar = 1
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(shape, by: "rounded_dots", [.numbers(numbers), .scalar(divisor)])
  }

  /// x/(n + tiny), by a multiplication with the inverse, n being the root of a number.
  package func scaled<Scalar>(
    _ x: DeviceTensor<Scalar>, toUnitBy squares: DeviceNumbers, at index: Int, tiny: Scalar
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      x.shape, by: "scale_to_unit",
      [.numbers(squares), .integer(index), .scalar(tiny), .array(x.array)])
  }

  /// Rows x divided by their lengths, of which `squares` are the squares, or by `tiny` where they are shorter.
  package func normalizeRows<Scalar>(
    _ x: DeviceTensor<Scalar>, squares: DeviceNumbers, tiny: Scalar
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      x.shape, by: "normalize_rows",
      [.integer(x.shape[1]), .numbers(squares), .scalar(tiny), .array(x.array)])
  }

  /// The gradient with respect to x, from the one with respect to the unit rows.
  package func normalizeRowsGradient<Scalar>(
    _ gradient: DeviceTensor<Scalar>, rows: DeviceTensor<Scalar>, squares: DeviceNumbers,
    tiny: Scalar
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      gradient.shape, by: "normalize_rows_gradient",
      [
        .integer(gradient.shape[1]), .numbers(squares), .scalar(tiny),
        .numbers(try rowDots(rows, gradient)), .array(rows.array), .array(gradient.array),
      ])
  }

  /// Wᵀv.
  package func multiply<Scalar>(
    transposed weights: DeviceTensor<Scalar>, _ v: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      [weights.shape[1]], by: "multiply_vector",
      [.integer(weights.shape[0]), .array(v.array), .array(weights.array)])
  }

  /// factor·x + scale·y: the product is rounded, then the sum once.
  package func combine<Scalar>(
    _ x: DeviceTensor<Scalar>, factor: Scalar, _ y: DeviceTensor<Scalar>, scale: Scalar
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      x.shape, by: "combine",
      [.scalar(factor), .array(x.array), .scalar(scale), .array(y.array)])
  }

  /// scale·x where the activations are positive, and 0 elsewhere.
  package func gate<Scalar>(
    _ x: DeviceTensor<Scalar>, by activations: DeviceTensor<Scalar>, scale: Scalar
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(x.shape, by: "gate", [.scalar(scale), .array(x.array), .array(activations.array)])
  }
}

// MARK: - Gradients of a matrix

/// Outer products summed over a batch, Σ_n alpha·a_n b_nᵀ, of the rows of N×m and N×d.
package struct DeviceOuterProducts<Scalar: TensorScalar>: Sendable {
  let alpha: Scalar
  let a: DeviceTensor<Scalar>
  let b: DeviceTensor<Scalar>

  package init(alpha: Scalar = 1, _ a: DeviceTensor<Scalar>, _ b: DeviceTensor<Scalar>) {
    (self.alpha, self.a, self.b) = (alpha, a, b)
  }
}

extension Device {
  /// The sum of one or two sums of outer products over a batch.
  ///
  /// - Throws: `unavailable` for a batch of more than 2¹⁶ pieces, which is what a tile has room for.
  package func sum<Scalar: TensorScalar>(
    _ first: DeviceOuterProducts<Scalar>, _ second: DeviceOuterProducts<Scalar>? = nil
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let (images, rows, columns) = (first.a.shape[0], first.a.shape[1], first.b.shape[1])
    guard BatchTree.pieces(of: images) <= 1 << 16 else {
      throw .unavailable(
        device: description.selector, reasons: ["it does not train on \(images) images at once"])
    }
    let result = try empty([rows, columns], of: Scalar.self)
    // GROUP and ITEM of the kernel.
    let (group, item) = (16, 4)
    try run(
      "outer_products", items: [columns, rows].map { ($0 + item - 1) / item },
      group: [group, group],
      [
        .integer(rows), .integer(columns), .integer(images), .scalar(first.alpha),
        .array(first.a.array), .array(first.b.array), .boolean(second != nil),
        .scalar(second?.alpha ?? 1), .array((second?.a ?? first.a).array),
        .array((second?.b ?? first.b).array), .array(result.array),
      ])
    return result
  }

  /// gradient + s·Σ v xᵀ of one or two pairs (x, v), s = factor·number.
  package func add<Scalar>(
    _ pairs: [(input: DeviceTensor<Scalar>, output: DeviceTensor<Scalar>)], factor: Scalar,
    times number: DeviceTensor<Scalar>, to gradient: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let (first, last) = (pairs[0], pairs[pairs.count - 1])
    return try make(
      gradient.shape, by: "add_outer_products",
      [
        .integer(gradient.shape[1]), .scalar(factor), .array(number.array),
        .boolean(pairs.count > 1), .array(first.output.array), .array(first.input.array),
        .array(last.output.array), .array(last.input.array), .array(gradient.array),
      ])
  }
}

// MARK: - Gradients of a convolution

extension DeviceConvolution {
  /// The convolution with a kernel that is on the device already.
  package init(
    kernel: DeviceTensor<Scalar>, height: Int, width: Int, on device: Device
  ) throws(DeviceError) {
    let (inner, channels, side) = (kernel.shape[0], kernel.shape[1], kernel.shape[2])
    let shape = cpl_conv_shape(
      channels: channels, inner: inner, height: height, width: width, kernel: side)
    let count = Self.weightCount(shape, inputs: channels, outputs: inner)
    let transposedCount = Self.weightCount(shape, inputs: inner, outputs: channels)
    let packed = try device.empty([count + transposedCount], of: Scalar.self)
    let (isByWinograd, taps) = (Self.isByWinograd(shape), side * side)
    func pack(transposed: Bool) throws(DeviceError) {
      let count = transposed ? transposedCount : count
      var arguments: [KernelArgument<Scalar>] = [
        .integer(count), .integer(transposed ? inner : channels),
        .integer(transposed ? channels : inner),
      ]
      if !isByWinograd { arguments.append(.integer(taps)) }
      arguments += [
        .integer(transposed ? channels * taps : taps),
        .integer(transposed ? taps : channels * taps), .boolean(transposed),
        .array(kernel.array), .integer(transposed ? packed.count - count : 0),
        .array(packed.array),
      ]
      try device.run(
        isByWinograd ? "pack_winograd" : "pack_weights", items: [count], group: [Device.line],
        arguments)
    }
    try pack(transposed: false)
    try pack(transposed: true)
    self.init(shape, packed: packed)
  }

  package var kernelShape: [Int] { [shape.inner, shape.channels, shape.kernel, shape.kernel] }
}

extension Device {
  /// The lanes of a sum over pixels: LANES of the kernels.
  private func lanes<Scalar>(_ scalar: Scalar.Type) -> Int { 64 / MemoryLayout<Scalar>.stride }

  /// The sum of each plane of hidden images N×I×H×W, N×I.
  package func planeSums<Scalar: TensorScalar>(
    _ p: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let result = try empty(Array(p.shape.prefix(2)), of: Scalar.self)
    try run(
      "sum_planes", items: [result.count * lanes(Scalar.self)], group: [Self.line],
      [
        .integer(result.count), .integer(p.shape[2]), .integer(p.shape[3]), .array(p.array),
        .array(result.array),
      ])
    return result
  }

  /// The sum of s·a over each of the images N×I×H×W, N×1.
  package func imageDots<Scalar: TensorScalar>(
    _ s: DeviceTensor<Scalar>, _ a: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let result = try empty([s.shape[0], 1], of: Scalar.self)
    try run(
      "dot_images", items: [result.count * lanes(Scalar.self)], group: [Self.line],
      [
        .integer(s.shape[0]), .integer(s.shape[1]), .integer(s.shape[2]), .integer(s.shape[3]),
        .array(s.array), .array(a.array), .array(result.array),
      ])
    return result
  }

  /// For each image the gradient of ⟨first.output, T first.input⟩ + scale·⟨output, T input⟩ with respect to the
  /// kernel, N×I×C×k×k; without the first where there is none.
  package func kernelGradients<Scalar: TensorScalar>(
    _ convolution: DeviceConvolution<Scalar>,
    first: (input: DeviceTensor<Scalar>, output: DeviceTensor<Scalar>)? = nil, scale: Scalar,
    input: DeviceTensor<Scalar>, output: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let shape = convolution.shape
    let images = input.count / (shape.channels * shape.height * shape.width)
    let result = try empty([images] + convolution.kernelShape, of: Scalar.self)
    let isByWinograd = convolution.isByWinograd
    var arguments: [KernelArgument<Scalar>] = [
      .integer(shape.channels), .integer(shape.inner), .integer(shape.height),
      .integer(shape.width),
    ]
    if !isByWinograd { arguments.append(.integer(shape.kernel)) }
    arguments += [
      .boolean(first != nil), .array((first?.output ?? output).array),
      .array((first?.input ?? input).array), .scalar(scale), .array(output.array),
      .array(input.array), .array(result.array),
    ]
    let sums = shape.channels * (isByWinograd ? 1 : shape.kernel) * shape.kernel
    try run(
      isByWinograd ? "kernel_gradient_winograd" : "kernel_gradient",
      items: [
        sums * lanes(Scalar.self), DeviceConvolution<Scalar>.blocks(shape.inner), images,
      ], group: [Self.line, 1, 1], arguments)
    return result
  }

  /// gradient + s·(the sum of one or two tensors), s = factor·number, each operation rounded.
  package func add<Scalar>(
    _ terms: [DeviceTensor<Scalar>], factor: Scalar, times number: DeviceTensor<Scalar>,
    to gradient: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      gradient.shape, by: "add_scaled",
      [
        .scalar(factor), .array(number.array), .boolean(terms.count > 1), .array(terms[0].array),
        .array(terms[terms.count - 1].array), .array(gradient.array),
      ])
  }
}

// MARK: - Updates

extension Device {
  /// A step of Adam: the new moments and parameters.
  package func adamStep<Scalar: TensorScalar>(
    _ adam: cpl_adam, gradient: DeviceTensor<Scalar>, firstMoment: DeviceTensor<Scalar>,
    secondMoment: DeviceTensor<Scalar>, parameters: DeviceTensor<Scalar>
  ) throws(DeviceError) -> (
    firstMoment: DeviceTensor<Scalar>, secondMoment: DeviceTensor<Scalar>,
    parameters: DeviceTensor<Scalar>
  ) {
    let shape = parameters.shape
    let first = try empty(shape, of: Scalar.self)
    let second = try empty(shape, of: Scalar.self)
    let updated = try empty(shape, of: Scalar.self)
    let scalars: [Double] = [
      1 - adam.beta1, 1 - adam.beta2, adam.beta2, adam.epsilon,
      adam.learning_rate / adam.bias_correction1, adam.bias_correction2.squareRoot(),
    ]
    let arrays = [
      gradient.array, firstMoment.array, secondMoment.array, parameters.array,
      first.array, second.array, updated.array,
    ]
    try run(
      "adam_step", items: [parameters.count], group: [Self.line],
      [.integer(parameters.count)] + scalars.map { .scalar(Scalar($0)) }
        + arrays.map { .array($0) })
    return (first, second, updated)
  }

  /// A step of stochastic gradient descent with Nesterov's momentum and weight decay: the new moment and parameters.
  ///
  /// - Parameter kept: the share of the moment that stays.
  package func momentumStep<Scalar: TensorScalar>(
    rate: Scalar, decay: Scalar, momentum: Scalar, kept: Scalar, gradient: DeviceTensor<Scalar>,
    moment: DeviceTensor<Scalar>, parameters: DeviceTensor<Scalar>
  ) throws(DeviceError) -> (moment: DeviceTensor<Scalar>, parameters: DeviceTensor<Scalar>) {
    let updatedMoment = try empty(parameters.shape, of: Scalar.self)
    let updated = try empty(parameters.shape, of: Scalar.self)
    try run(
      "momentum_step", items: [parameters.count], group: [Self.line],
      [
        .integer(parameters.count), .scalar(rate), .scalar(decay), .scalar(momentum),
        .scalar(kept), .array(gradient.array), .array(moment.array), .array(parameters.array),
        .array(updatedMoment.array), .array(updated.array),
      ])
    return (updatedMoment, updated)
  }
}
