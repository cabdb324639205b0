// SPDX-License-Identifier: Apache-2.0

import CPLKernels

/// A read-only row-major matrix, or its transpose: element (i, j) is `elements[i · stride + j]`, or
/// `elements[j · stride + i]` when `transposed`.
public struct MatrixView<Scalar> {
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
public struct Epilogue<Scalar: TensorScalar> {
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
public struct OuterProducts<Scalar: TensorScalar> {
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

/// What becomes of a convolution's sum t, in this order: t + bias, one number a channel; max(t, 0); addend + scale · t;
/// t/divisor. Each is rounded once.
public struct ConvolutionEnding<Scalar> {
  public var bias: UnsafePointer<Scalar>?
  public var rectifies = false
  public var scale: Scalar
  public var addend: UnsafePointer<Scalar>?
  public var divisor: Scalar
}

extension ConvolutionEnding where Scalar: TensorScalar {
  package init(
    bias: UnsafePointer<Scalar>? = nil, rectifies: Bool = false, scale: Scalar = 1,
    addend: UnsafePointer<Scalar>? = nil, divisor: Scalar = 1
  ) {
    (self.bias, self.rectifies, self.scale) = (bias, rectifies, scale)
    (self.addend, self.divisor) = (addend, divisor)
  }
}

/// A floating-point format for which there are kernels: binary32 or binary64.
///
/// What a kernel computes for one output element is one fixed order of operations (`CPLKernels.h`
/// states it): the same bits in any batch, for any number of threads and on any processor.
public protocol TensorScalar: BinaryFloatingPoint, SIMDScalar, Codable, Sendable {
  /// The given rows and columns of C ← epilogue(A · B), sums over `depth` terms in ascending order.
  static func multiply(
    rows: Range<Int>, columns: Range<Int>, depth: Int, _ a: MatrixView<Self>,
    _ b: MatrixView<Self>, _ epilogue: Epilogue<Self>, to c: UnsafeMutablePointer<Self>,
    stride: Int)

  /// The given rows and columns of the sum of all `products`, in the order of `BatchTree`; within a piece
  /// one chain over the products, then their images.
  static func sumOuterProducts(
    rows: Range<Int>, columns: Range<Int>, images: Int, _ products: [OuterProducts<Self>],
    to c: UnsafeMutablePointer<Self>, stride: Int)

  /// Σ x_i y_i, accumulated in binary64.
  static func dot(_ count: Int, _ x: UnsafePointer<Self>, _ y: UnsafePointer<Self>) -> Double

  /// y ← y + alpha · x, each element rounded once.
  static func add(
    _ count: Int, alpha: Self, _ x: UnsafePointer<Self>, to y: UnsafeMutablePointer<Self>)

  /// One step of Adam.
  static func adamStep(
    _ count: Int, _ adam: cpl_adam, gradient: UnsafePointer<Self>,
    firstMoment: UnsafeMutablePointer<Self>, secondMoment: UnsafeMutablePointer<Self>,
    parameters: UnsafeMutablePointer<Self>)

  /// The kernel of a convolution in the form that the functions below take.
  static func packKernel(_ shape: cpl_conv_shape, _ kernel: UnsafePointer<Self>) -> [Self]

  /// Bytes of workspace for the convolution functions below.
  static func workspaceBytes(_ shape: cpl_conv_shape) -> Int

  /// hidden ← T image.
  static func convolve(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Self>, _ image: UnsafePointer<Self>,
    to hidden: UnsafeMutablePointer<Self>, _ workspace: UnsafeMutableRawPointer)

  /// image ← Tᵀ hidden.
  static func convolveTransposed(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Self>, _ hidden: UnsafePointer<Self>,
    to image: UnsafeMutablePointer<Self>, _ workspace: UnsafeMutableRawPointer)

  /// output ← input − step · Tᵀ relu(T input + bias) for each image, and the activations and where
  /// they are positive. The output may be the input itself.
  static func layerForward(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Self>, bias: UnsafePointer<Self>, step: Self,
    images: Int, _ input: UnsafePointer<Self>, to output: UnsafeMutablePointer<Self>,
    hidden: UnsafeMutablePointer<Self>?, mask: UnsafeMutablePointer<UInt8>?,
    _ workspace: UnsafeMutableRawPointer)

  /// gradient ← gradient + Tᵀ p for each image, p = −step · T gradient where the mask is set and 0 elsewhere.
  static func layerInputGradient(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Self>, step: Self, images: Int,
    mask: UnsafePointer<UInt8>, gradient: UnsafeMutablePointer<Self>,
    _ workspace: UnsafeMutableRawPointer)

  /// As `layerInputGradient`, and adds to the gradients of kernel and bias, and ⟨hidden,
  /// T gradient⟩ to `dot`.
  static func layerBackward(
    _ shape: cpl_conv_shape, _ packed: UnsafePointer<Self>, step: Self, images: Int,
    input: UnsafePointer<Self>, hidden: UnsafePointer<Self>,
    gradient: UnsafeMutablePointer<Self>, kernelGradient: UnsafeMutablePointer<Self>,
    biasGradient: UnsafeMutablePointer<Self>, dot: UnsafeMutablePointer<Self>,
    _ workspace: UnsafeMutableRawPointer)

  /// The kernel of a convolution in the form that `convolveBatch` takes.
  static func packBatchKernel(_ shape: cpl_conv_shape, _ kernel: UnsafePointer<Self>) -> [Self]

  /// result ← what `ending` makes of T x for each image of a batch, or of Tᵀ x; images may wrap round.
  static func convolveBatch(
    _ shape: cpl_conv_shape, wraps: Bool, transposed: Bool, _ packed: UnsafePointer<Self>,
    images: Int, _ x: UnsafePointer<Self>, _ ending: ConvolutionEnding<Self>,
    to result: UnsafeMutablePointer<Self>)

  /// kernelGradient ← kernelGradient + the gradients of Σ ⟨output, T input⟩ with respect to the kernel, over the images of
  /// each pair of batches; biasGradient ← biasGradient + Σ of the first pair's outputs over images and pixels.
  static func addBatchKernelGradients(
    _ shape: cpl_conv_shape, wraps: Bool, images: Int, inputs: [UnsafePointer<Self>],
    outputs: [UnsafePointer<Self>], to kernelGradient: UnsafeMutablePointer<Self>,
    biasGradient: UnsafeMutablePointer<Self>?)
}
