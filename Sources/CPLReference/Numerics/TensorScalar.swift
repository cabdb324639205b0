// SPDX-License-Identifier: Apache-2.0

import CPLKernels

/// A read-only row-major matrix, or its transpose: element (i, j) is `elements[i · stride + j]`, or
/// `elements[j · stride + i]` when `transposed`.
package struct MatrixView<Scalar> {
  let elements: UnsafePointer<Scalar>
  let stride: Int
  var transposed = false

  package init(elements: UnsafePointer<Scalar>, stride: Int, transposed: Bool = false) {
    self.elements = elements
    self.stride = stride
    self.transposed = transposed
  }
}

/// What becomes of a product's element t at (i, j), in this order: alpha · t, plus the addend's
/// element where there is one; its positive part under `rectifies`; zero where the gate's element
/// is not positive.
package struct Epilogue<Scalar: TensorScalar> {
  var alpha: Scalar = 1
  var addend: UnsafePointer<Scalar>?
  /// The distance between the addend's rows; 0 for one row that is added to all.
  var addendStride = 0
  var rectifies = false
  var gate: UnsafePointer<Scalar>?
  var gateStride = 0

  package init(
    alpha: Scalar = 1, addend: UnsafePointer<Scalar>? = nil, addendStride: Int = 0,
    rectifies: Bool = false, gate: UnsafePointer<Scalar>? = nil, gateStride: Int = 0
  ) {
    self.alpha = alpha
    self.addend = addend
    self.addendStride = addendStride
    self.rectifies = rectifies
    self.gate = gate
    self.gateStride = gateStride
  }
}

/// Outer products summed over the images n of a batch, Σ_n alpha · a_n b_nᵀ, with a_n row n of a matrix.
package struct OuterProducts<Scalar: TensorScalar> {
  let alpha: Scalar
  let a: UnsafePointer<Scalar>
  let aStride: Int
  let b: UnsafePointer<Scalar>
  let bStride: Int

  package init(
    alpha: Scalar = 1, _ a: UnsafePointer<Scalar>, stride aStride: Int,
    _ b: UnsafePointer<Scalar>, stride bStride: Int
  ) {
    (self.alpha, self.a, self.aStride) = (alpha, a, aStride)
    (self.b, self.bStride) = (b, bStride)
  }
}

/// What becomes of a convolution's sum t, in this order: t + bias, one number a channel; max(t, 0); addend + scale · t, or
/// scale · t without an addend. Each is rounded once.
package struct ConvolutionEnding<Scalar> {
  package var bias: UnsafePointer<Scalar>?
  package var rectifies = false
  package var scale: Scalar
  package var addend: UnsafePointer<Scalar>?
}

extension ConvolutionEnding where Scalar: TensorScalar {
  package init(
    bias: UnsafePointer<Scalar>? = nil, rectifies: Bool = false, scale: Scalar = 1,
    addend: UnsafePointer<Scalar>? = nil
  ) {
    (self.bias, self.rectifies, self.scale, self.addend) = (bias, rectifies, scale, addend)
  }
}

/// A floating-point format that tensors are made of: `Float`, binary32, or `Double`, binary64.
///
/// What a kernel computes for one output element is one fixed order of operations (`CPLKernels.h`
/// states it): the same bits in any batch, for any number of threads and on any processor.
public protocol TensorScalar: BinaryFloatingPoint, SIMDScalar, Codable, Sendable {
  /// What computes with it. Only this package makes one, so no other type conforms.
  static var kernels: KernelSet<Self> { get }
}

/// What computes with tensors of one format.
public struct KernelSet<Scalar: TensorScalar>: Sendable {
  package let type: any ScalarKernels<Scalar>.Type
}

/// The kernels of a format.
package protocol ScalarKernels<Scalar>: SendableMetatype {
  associatedtype Scalar: TensorScalar

  /// The given rows and columns of C ← epilogue(A · B), sums over `depth` terms in ascending order.
  static func multiply(
    rows: Range<Int>, columns: Range<Int>, depth: Int, _ a: MatrixView<Scalar>,
    _ b: MatrixView<Scalar>, _ epilogue: Epilogue<Scalar>, to c: UnsafeMutablePointer<Scalar>,
    stride: Int)

  /// The given rows and columns of the sum of all `products`, in the order of `BatchTree`; within a piece
  /// one chain over the products, then their images.
  static func sumOuterProducts(
    rows: Range<Int>, columns: Range<Int>, images: Int, _ products: [OuterProducts<Scalar>],
    to c: UnsafeMutablePointer<Scalar>, stride: Int)

  /// The transpose of so many rows and columns.
  static func transpose(
    rows: Int, columns: Int, _ source: UnsafePointer<Scalar>, stride: Int,
    to target: UnsafeMutablePointer<Scalar>, stride targetStride: Int)

  /// Σ x_i y_i, accumulated in binary64.
  static func dot(_ count: Int, _ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>) -> Double

  /// y ← y + alpha · x, each element rounded once.
  static func add(
    _ count: Int, alpha: Scalar, _ x: UnsafePointer<Scalar>, to y: UnsafeMutablePointer<Scalar>)

  /// One step of Adam.
  static func adamStep(
    _ count: Int, _ adam: cpl_adam, gradient: UnsafePointer<Scalar>,
    firstMoment: UnsafeMutablePointer<Scalar>, secondMoment: UnsafeMutablePointer<Scalar>,
    parameters: UnsafeMutablePointer<Scalar>)

  /// The kernel of a convolution in the form that the functions below take.
  static func packKernel(_ shape: cpl_conv_shape, _ kernel: UnsafePointer<Scalar>) -> [Scalar]

  /// Bytes of workspace for the convolution functions below.
  static func workspaceBytes(_ shape: cpl_conv_shape) -> Int

  /// hidden ← T image.
  static func convolve(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Scalar>, _ image: UnsafePointer<Scalar>,
    to hidden: UnsafeMutablePointer<Scalar>, _ workspace: UnsafeMutableRawPointer)

  /// image ← Tᵀ hidden.
  static func convolveTransposed(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Scalar>, _ hidden: UnsafePointer<Scalar>,
    to image: UnsafeMutablePointer<Scalar>, _ workspace: UnsafeMutableRawPointer)

  /// output ← input − step · Tᵀ relu(T input + bias) for each image, and the activations and where
  /// they are positive. The output may be the input itself.
  static func layerForward(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Scalar>, bias: UnsafePointer<Scalar>,
    step: Scalar,
    images: Int, _ input: UnsafePointer<Scalar>, to output: UnsafeMutablePointer<Scalar>,
    hidden: UnsafeMutablePointer<Scalar>?, mask: UnsafeMutablePointer<UInt8>?,
    _ workspace: UnsafeMutableRawPointer)

  /// gradient ← gradient + Tᵀ p for each image, p = −step · T gradient where the mask is set and 0 elsewhere.
  static func layerInputGradient(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Scalar>, step: Scalar, images: Int,
    mask: UnsafePointer<UInt8>, gradient: UnsafeMutablePointer<Scalar>,
    _ workspace: UnsafeMutableRawPointer)

  /// As `layerInputGradient`, and adds to the gradients of kernel and bias, and ⟨hidden,
  /// T gradient⟩ to `dot`.
  static func layerBackward(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Scalar>, step: Scalar, images: Int,
    input: UnsafePointer<Scalar>, hidden: UnsafePointer<Scalar>,
    gradient: UnsafeMutablePointer<Scalar>, kernelGradient: UnsafeMutablePointer<Scalar>,
    biasGradient: UnsafeMutablePointer<Scalar>, dot: UnsafeMutablePointer<Scalar>,
    _ workspace: UnsafeMutableRawPointer)

  /// The kernel of a convolution in the form that `convolveBatch` takes.
  static func packBatchKernel(_ shape: cpl_conv_shape, _ kernel: UnsafePointer<Scalar>) -> [Scalar]

  /// result ← what `ending` makes of T x for each image of a batch, or of Tᵀ x; images may wrap round.
  static func convolveBatch(
    _ shape: cpl_conv_shape, wraps: Bool, transposed: Bool, channelsLast: cpl_channels_last,
    _ packed: UnsafePointer<Scalar>, images: Int, _ x: UnsafePointer<Scalar>,
    _ ending: ConvolutionEnding<Scalar>, to result: UnsafeMutablePointer<Scalar>)

  /// kernelGradient ← kernelGradient + the gradients of Σ ⟨output, T input⟩ with respect to the kernel, over the images of
  /// each pair of batches; biasGradient ← biasGradient + Σ of the first pair's outputs over images and pixels.
  static func addBatchKernelGradients(
    _ shape: cpl_conv_shape, wraps: Bool, channelsLast: cpl_channels_last, images: Int,
    inputs: [UnsafePointer<Scalar>], outputs: [UnsafePointer<Scalar>],
    to kernelGradient: UnsafeMutablePointer<Scalar>, biasGradient: UnsafeMutablePointer<Scalar>?)

  /// first, second ← max, min, element by element; swapped ← where first was the smaller one.
  static func sortPairs(
    _ count: Int, _ first: UnsafeMutablePointer<Scalar>, _ second: UnsafeMutablePointer<Scalar>,
    swapped: UnsafeMutablePointer<Bool>?)

  /// Exchanges first and second where they were swapped.
  static func swapPairs(
    _ count: Int, where swapped: UnsafePointer<Bool>, _ first: UnsafeMutablePointer<Scalar>,
    _ second: UnsafeMutablePointer<Scalar>)

  /// values ← factor · 1[hidden > 0] ⊙ values; scaled ← factor · hidden.
  static func gate(
    _ count: Int, factor: Scalar, _ hidden: UnsafePointer<Scalar>,
    _ values: UnsafeMutablePointer<Scalar>, scaled: UnsafeMutablePointer<Scalar>?)

  /// So many channels filled up to whole lines, as images have them that lie channels last.
  static func lineChannels(_ channels: Int) -> Int

  /// turned ← images with their channels last, those that fill up zero.
  static func turnBatch(
    images: Int, channels: Int, pixels: Int, _ x: UnsafePointer<Scalar>,
    to turned: UnsafeMutablePointer<Scalar>)

  /// result ← what `ending` makes of such images, with their channels first.
  static func turnBatchBack(
    images: Int, channels: Int, pixels: Int, _ turned: UnsafePointer<Scalar>,
    _ ending: ConvolutionEnding<Scalar>, to result: UnsafeMutablePointer<Scalar>)
}

/// The kernels by the format alone.
extension TensorScalar {
  @specialized(where Self == Float)
  @specialized(where Self == Double)
  package static func multiply(
    rows: Range<Int>, columns: Range<Int>, depth: Int, _ a: MatrixView<Self>, _ b: MatrixView<Self>,
    _ epilogue: Epilogue<Self>, to c: UnsafeMutablePointer<Self>, stride: Int
  ) {
    kernels.type.multiply(
      rows: rows, columns: columns, depth: depth, a, b, epilogue, to: c, stride: stride)
  }

  @specialized(where Self == Float)
  @specialized(where Self == Double)
  package static func sumOuterProducts(
    rows: Range<Int>, columns: Range<Int>, images: Int, _ products: [OuterProducts<Self>],
    to c: UnsafeMutablePointer<Self>, stride: Int
  ) {
    kernels.type.sumOuterProducts(
      rows: rows, columns: columns, images: images, products, to: c, stride: stride)
  }

  package static func transpose(
    rows: Int, columns: Int, _ source: UnsafePointer<Self>, stride: Int,
    to target: UnsafeMutablePointer<Self>, stride targetStride: Int
  ) {
    kernels.type.transpose(
      rows: rows, columns: columns, source, stride: stride, to: target, stride: targetStride)
  }

  package static func dot(_ count: Int, _ x: UnsafePointer<Self>, _ y: UnsafePointer<Self>)
    -> Double
  {
    kernels.type.dot(count, x, y)
  }

  package static func add(
    _ count: Int, alpha: Self, _ x: UnsafePointer<Self>, to y: UnsafeMutablePointer<Self>
  ) {
    kernels.type.add(count, alpha: alpha, x, to: y)
  }

  package static func adamStep(
    _ count: Int, _ adam: cpl_adam, gradient: UnsafePointer<Self>,
    firstMoment: UnsafeMutablePointer<Self>, secondMoment: UnsafeMutablePointer<Self>,
    parameters: UnsafeMutablePointer<Self>
  ) {
    kernels.type.adamStep(
      count, adam, gradient: gradient, firstMoment: firstMoment, secondMoment: secondMoment,
      parameters: parameters)
  }

  package static func packKernel(_ shape: cpl_conv_shape, _ kernel: UnsafePointer<Self>) -> [Self] {
    kernels.type.packKernel(shape, kernel)
  }

  package static func workspaceBytes(_ shape: cpl_conv_shape) -> Int {
    kernels.type.workspaceBytes(shape)
  }

  package static func convolve(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Self>, _ image: UnsafePointer<Self>,
    to hidden: UnsafeMutablePointer<Self>, _ workspace: UnsafeMutableRawPointer
  ) {
    kernels.type.convolve(shape, packed, image, to: hidden, workspace)
  }

  package static func convolveTransposed(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Self>, _ hidden: UnsafePointer<Self>,
    to image: UnsafeMutablePointer<Self>, _ workspace: UnsafeMutableRawPointer
  ) {
    kernels.type.convolveTransposed(shape, packed, hidden, to: image, workspace)
  }

  package static func layerForward(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Self>, bias: UnsafePointer<Self>, step: Self,
    images: Int, _ input: UnsafePointer<Self>, to output: UnsafeMutablePointer<Self>,
    hidden: UnsafeMutablePointer<Self>?, mask: UnsafeMutablePointer<UInt8>?,
    _ workspace: UnsafeMutableRawPointer
  ) {
    kernels.type.layerForward(
      shape, packed, bias: bias, step: step, images: images, input, to: output, hidden: hidden,
      mask: mask, workspace)
  }

  package static func layerInputGradient(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Self>, step: Self, images: Int,
    mask: UnsafePointer<UInt8>, gradient: UnsafeMutablePointer<Self>,
    _ workspace: UnsafeMutableRawPointer
  ) {
    kernels.type.layerInputGradient(
      shape, packed, step: step, images: images, mask: mask, gradient: gradient, workspace)
  }

  package static func layerBackward(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Self>, step: Self, images: Int,
    input: UnsafePointer<Self>, hidden: UnsafePointer<Self>, gradient: UnsafeMutablePointer<Self>,
    kernelGradient: UnsafeMutablePointer<Self>, biasGradient: UnsafeMutablePointer<Self>,
    dot: UnsafeMutablePointer<Self>, _ workspace: UnsafeMutableRawPointer
  ) {
    kernels.type.layerBackward(
      shape, packed, step: step, images: images, input: input, hidden: hidden, gradient: gradient,
      kernelGradient: kernelGradient, biasGradient: biasGradient, dot: dot, workspace)
  }

  package static func packBatchKernel(
    _ shape: cpl_conv_shape, _ kernel: UnsafePointer<Self>
  ) -> [Self] {
    kernels.type.packBatchKernel(shape, kernel)
  }

  package static func convolveBatch(
    _ shape: cpl_conv_shape, wraps: Bool, transposed: Bool, channelsLast: cpl_channels_last,
    _ packed: UnsafePointer<Self>, images: Int, _ x: UnsafePointer<Self>,
    _ ending: ConvolutionEnding<Self>, to result: UnsafeMutablePointer<Self>
  ) {
    kernels.type.convolveBatch(
      shape, wraps: wraps, transposed: transposed, channelsLast: channelsLast, packed,
      images: images, x, ending, to: result)
  }

  package static func addBatchKernelGradients(
    _ shape: cpl_conv_shape, wraps: Bool, channelsLast: cpl_channels_last, images: Int,
    inputs: [UnsafePointer<Self>], outputs: [UnsafePointer<Self>],
    to kernelGradient: UnsafeMutablePointer<Self>, biasGradient: UnsafeMutablePointer<Self>?
  ) {
    kernels.type.addBatchKernelGradients(
      shape, wraps: wraps, channelsLast: channelsLast, images: images, inputs: inputs,
      outputs: outputs, to: kernelGradient, biasGradient: biasGradient)
  }

  package static func sortPairs(
    _ count: Int, _ first: UnsafeMutablePointer<Self>, _ second: UnsafeMutablePointer<Self>,
    swapped: UnsafeMutablePointer<Bool>?
  ) {
    kernels.type.sortPairs(count, first, second, swapped: swapped)
  }

  package static func swapPairs(
    _ count: Int, where swapped: UnsafePointer<Bool>, _ first: UnsafeMutablePointer<Self>,
    _ second: UnsafeMutablePointer<Self>
  ) {
    kernels.type.swapPairs(count, where: swapped, first, second)
  }

  package static func gate(
    _ count: Int, factor: Self, _ hidden: UnsafePointer<Self>,
    _ values: UnsafeMutablePointer<Self>, scaled: UnsafeMutablePointer<Self>?
  ) {
    kernels.type.gate(count, factor: factor, hidden, values, scaled: scaled)
  }

  package static func lineChannels(_ channels: Int) -> Int {
    kernels.type.lineChannels(channels)
  }

  package static func turnBatch(
    images: Int, channels: Int, pixels: Int, _ x: UnsafePointer<Self>,
    to turned: UnsafeMutablePointer<Self>
  ) {
    kernels.type.turnBatch(images: images, channels: channels, pixels: pixels, x, to: turned)
  }

  package static func turnBatchBack(
    images: Int, channels: Int, pixels: Int, _ turned: UnsafePointer<Self>,
    _ ending: ConvolutionEnding<Self>, to result: UnsafeMutablePointer<Self>
  ) {
    kernels.type.turnBatchBack(
      images: images, channels: channels, pixels: pixels, turned, ending, to: result)
  }
}
