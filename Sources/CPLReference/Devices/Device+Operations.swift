// SPDX-License-Identifier: Apache-2.0

import CPLKernels
import CPLNumerics

/// The operations that layers are made of. Each output element is the chain of operations of the CPU's kernels
/// (`CPLKernels.h`), so that both give the same bits.
extension Device {
  /// The work-items of a group, where neighbours take neighbouring elements.
  static var line: Int { 64 }

  /// A new tensor, of whose elements a kernel's work-items make one each. The kernel takes their number, then
  /// `arguments`, then where they go.
  func make<Scalar: TensorScalar>(
    _ shape: [Int], by kernel: String, _ arguments: [KernelArgument<Scalar>]
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let result = try empty(shape, of: Scalar.self)
    try run(
      kernel, items: [result.count], group: [Self.line],
      [.integer(result.count)] + arguments + [.array(result.array)])
    return result
  }

  func empty<Scalar: TensorScalar>(
    _ shape: [Int], of scalar: Scalar.Type
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    DeviceTensor(shape: shape, array: try DeviceArray(count: shape.reduce(1, *), on: self))
  }

  /// (x − mean)/deviation of images N×C×H×W, channel by channel.
  package func normalizeChannels<Scalar>(
    _ x: DeviceTensor<Scalar>, mean: DeviceTensor<Scalar>, deviation: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      x.shape, by: "normalize_channels",
      [
        .integer(x.shape[1]), .integer(x.shape[2] * x.shape[3]), .array(mean.array),
        .array(deviation.array), .array(x.array),
      ])
  }

  /// The gradient with respect to x, from the one with respect to the result.
  package func normalizeChannelsGradient<Scalar>(
    _ gradient: DeviceTensor<Scalar>, deviation: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let shape = gradient.shape
    return try make(
      shape, by: "normalize_channels_gradient",
      [
        .integer(shape[1]), .integer(shape[2] * shape[3]), .array(deviation.array),
        .array(gradient.array),
      ])
  }

  /// Images N×C×H×W as ones of more channels, which are zeros; or, with a divisor, copies of the image, all
  /// divided by it.
  package func padChannels<Scalar>(
    _ x: DeviceTensor<Scalar>, to channels: Int, cloneDivisor: Scalar?
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      [x.shape[0], channels, x.shape[2], x.shape[3]], by: "pad_channels",
      [
        .integer(x.shape[1]), .integer(channels), .integer(x.shape[2] * x.shape[3]),
        .boolean(cloneDivisor != nil), .scalar(cloneDivisor ?? 1), .array(x.array),
      ])
  }

  /// The gradient with respect to images of so many channels, from the one with respect to the result.
  package func padChannelsGradient<Scalar>(
    _ gradient: DeviceTensor<Scalar>, from channels: Int, cloneDivisor: Scalar?
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let shape = gradient.shape
    return try make(
      [shape[0], channels, shape[2], shape[3]], by: "pad_channels_gradient",
      [
        .integer(channels), .integer(shape[1]), .integer(shape[2] * shape[3]),
        .boolean(cloneDivisor != nil), .scalar(cloneDivisor ?? 1), .array(gradient.array),
      ])
  }

  /// The sums over disjoint squares of images N×C×H×W, divided by the squares' side.
  package func poolWindows<Scalar>(
    _ x: DeviceTensor<Scalar>, side: Int
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let (height, width) = (x.shape[2] / side, x.shape[3] / side)
    return try make(
      [x.shape[0], x.shape[1], height, width], by: "pool_windows",
      [.integer(height), .integer(width), .integer(side), .array(x.array)])
  }

  /// The gradient with respect to the images, from the one with respect to the result.
  package func poolWindowsGradient<Scalar>(
    _ gradient: DeviceTensor<Scalar>, side: Int
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let shape = gradient.shape
    let (height, width) = (shape[2] * side, shape[3] * side)
    return try make(
      [shape[0], shape[1], height, width], by: "pool_windows_gradient",
      [.integer(height), .integer(width), .integer(side), .array(gradient.array)])
  }

  /// How groups of features become one number each.
  package enum FeaturePool<Scalar: TensorScalar> {
    /// The first `classes` features.
    case truncate
    /// A factor times the mean of neighbours.
    case mean(factor: Scalar)
    /// The largest of neighbours.
    case max

    fileprivate var kernel: String {
      switch self {
      case .truncate: "pool_truncate"
      case .mean: "pool_mean"
      case .max: "pool_max"
      }
    }

    fileprivate var factor: Scalar {
      if case .mean(let factor) = self { factor } else { 1 }
    }
  }

  /// One number for each class of features N×d: of ⌊d/classes⌋ neighbours, or the first features.
  package func poolFeatures<Scalar>(
    _ x: DeviceTensor<Scalar>, classes: Int, by pool: FeaturePool<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try make(
      [x.shape[0], classes], by: pool.kernel,
      [
        .integer(classes), .integer(x.shape[1]), .integer(x.shape[1] / classes),
        .scalar(pool.factor), .array(x.array),
      ])
  }

  /// The gradient with respect to the features x, from the one with respect to the result.
  package func poolFeaturesGradient<Scalar>(
    _ gradient: DeviceTensor<Scalar>, of x: DeviceTensor<Scalar>, by pool: FeaturePool<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let (classes, features) = (gradient.shape[1], x.shape[1])
    return try make(
      x.shape, by: pool.kernel + "_gradient",
      [
        .integer(classes), .integer(features), .integer(features / classes),
        .scalar(pool.factor), .array(x.array), .array(gradient.array),
      ])
  }
}

// MARK: - Matrix products

/// What becomes of a product's element t: alpha·t, plus the addend's element where there is one; its positive part
/// under `rectifies`; 0 where the gate's element is not positive.
package struct DeviceEpilogue<Scalar: TensorScalar>: Sendable {
  var alpha: Scalar
  var addend: DeviceTensor<Scalar>?
  var rectifies: Bool
  var gate: DeviceTensor<Scalar>?

  /// - Parameters:
  ///   - addend: a number for each column, or a tensor of the result's shape.
  ///   - gate: a tensor of the result's shape.
  package init(
    alpha: Scalar = 1, addend: DeviceTensor<Scalar>? = nil, rectifies: Bool = false,
    gate: DeviceTensor<Scalar>? = nil
  ) {
    self.alpha = alpha
    self.addend = addend
    self.rectifies = rectifies
    self.gate = gate
  }
}

extension Device {
  /// epilogue(A·B), or epilogue(A·Bᵀ), of two matrices.
  package func multiply<Scalar>(
    _ a: DeviceTensor<Scalar>, _ b: DeviceTensor<Scalar>, transposed: Bool,
    _ epilogue: DeviceEpilogue<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let (rows, depth) = (a.shape[0], a.shape[1])
    let columns = b.shape[transposed ? 0 : 1]
    precondition(b.shape[transposed ? 1 : 0] == depth, "factors of one depth")
    let result = try empty([rows, columns], of: Scalar.self)
    // GROUP and ITEM of the kernel.
    let (group, item) = (16, 4)
    try run(
      "multiply", items: [columns, rows].map { ($0 + item - 1) / item }, group: [group, group],
      [
        .integer(rows), .integer(columns), .integer(depth), .array(a.array), .array(b.array),
        .boolean(transposed), .scalar(epilogue.alpha), .boolean(epilogue.addend != nil),
        .array((epilogue.addend ?? result).array),
        .integer(epilogue.addend.map { $0.shape.count > 1 ? columns : 0 } ?? 0),
        .boolean(epilogue.rectifies), .boolean(epilogue.gate != nil),
        .array((epilogue.gate ?? result).array), .array(result.array),
      ])
    return result
  }
}

// MARK: - Convolutions

/// A convolution T of images on a device, with its kernel in the CPU kernels' packed layout.
package struct DeviceConvolution<Scalar: TensorScalar>: Sendable {
  let shape: cpl_conv_shape
  let packed: DeviceTensor<Scalar>

  init(_ shape: cpl_conv_shape, packed: DeviceTensor<Scalar>) {
    (self.shape, self.packed) = (shape, packed)
  }

  package init(_ convolution: Convolution<Scalar>, on device: Device) throws(DeviceError) {
    shape = convolution.shape
    packed = try device.upload(
      Tensor(
        shape: [convolution.packedKernel.count], elements: convolution.packedKernel))
  }

  /// Whether sums go by Winograd's algorithm: `CPLKernels.h` says when.
  var isByWinograd: Bool { Self.isByWinograd(shape) }

  static func isByWinograd(_ shape: cpl_conv_shape) -> Bool {
    Scalar.self == Float.self && shape.kernel == 3 && shape.height >= 4
  }

  /// The output channels that packed weights keep together; the last ones are filled up with zeros.
  static var block: Int { 5 }

  /// How many blocks so many output channels make.
  static func blocks(_ outputs: Int) -> Int { (outputs + block - 1) / block }

  /// The packed weights of one of T and Tᵀ.
  static func weightCount(_ shape: cpl_conv_shape, inputs: Int, outputs: Int) -> Int {
    let tapsOfColumn = isByWinograd(shape) ? 6 : shape.kernel
    return blocks(outputs) * block * inputs * tapsOfColumn * shape.kernel
  }

  /// Where the weights of Tᵀ begin.
  fileprivate var transposedStart: Int {
    Self.weightCount(shape, inputs: shape.channels, outputs: shape.inner)
  }
}

/// What becomes of a convolution's sums, as `kernels.cl` numbers it.
private enum ConvolutionEnd: Int {
  case adds = 0
  case activates = 1
  case gates = 2
  case keeps = 3
}

extension Device {
  /// relu(T x + b) for each image, b one number a channel.
  package func activations<Scalar>(
    _ convolution: DeviceConvolution<Scalar>, bias: DeviceTensor<Scalar>,
    _ x: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try correlate(convolution, transposed: false, .activates, scale: 1, bias, x)
  }

  /// scale · T x for each image where the activations are positive, and 0 elsewhere.
  package func gated<Scalar>(
    _ convolution: DeviceConvolution<Scalar>, by activations: DeviceTensor<Scalar>, scale: Scalar,
    _ x: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try correlate(convolution, transposed: false, .gates, scale: scale, activations, x)
  }

  /// x + scale · Tᵀ hidden for each image, each sum of the two rounded once.
  package func add<Scalar>(
    _ convolution: DeviceConvolution<Scalar>, transposedOf hidden: DeviceTensor<Scalar>,
    scale: Scalar, to x: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try correlate(convolution, transposed: true, .adds, scale: scale, x, hidden)
  }

  /// T x, or Tᵀx, for each image.
  package func apply<Scalar>(
    _ convolution: DeviceConvolution<Scalar>, transposed: Bool, to x: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try correlate(convolution, transposed: transposed, .keeps, scale: 1, x, x)
  }

  /// T x or Tᵀx with an end, whose bias, addend or gate is `second`.
  private func correlate<Scalar>(
    _ convolution: DeviceConvolution<Scalar>, transposed: Bool, _ end: ConvolutionEnd,
    scale: Scalar, _ second: DeviceTensor<Scalar>, _ x: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let shape = convolution.shape
    let (inputs, outputs) =
      transposed ? (shape.inner, shape.channels) : (shape.channels, shape.inner)
    let first = transposed ? convolution.transposedStart : 0
    let result = try empty(
      [x.shape[0], outputs, shape.height, shape.width], of: Scalar.self)
    let isByWinograd = convolution.isByWinograd
    let rows = isByWinograd ? (shape.height + 3) / 4 : shape.height
    let blocks = DeviceConvolution<Scalar>.blocks(outputs)
    var arguments: [KernelArgument<Scalar>] = [
      .integer(inputs), .integer(outputs), .integer(shape.height), .integer(shape.width),
    ]
    if !isByWinograd { arguments.append(.integer(shape.kernel)) }
    arguments += [
      .array(convolution.packed.array), .integer(first), .integer(end.rawValue), .scalar(scale),
      .array(second.array),
    ]
    try run(
      isByWinograd ? "correlate_winograd" : "correlate",
      items: [rows * shape.width, blocks, x.shape[0]], group: [Self.line, 1, 1],
      arguments + [.array(x.array), .array(result.array)])
    return result
  }
}
