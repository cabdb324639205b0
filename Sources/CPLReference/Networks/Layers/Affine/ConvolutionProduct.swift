// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

/// The convolution of batches of C×H×W images with an outputs×C×k×k kernel, stride 1, with zeros or the opposite edges
/// beyond the edges.
package struct ConvolutionProduct<Scalar: TensorScalar>: AffineProduct {
  package var weights: Tensor<Scalar> {
    didSet { convolution = Self.convolution(weights, padding, image) }
  }
  package let padding: ConvolutionPadding
  private let image: ImageShape
  package private(set) var convolution: BatchConvolution<Scalar>

  /// - Precondition: k is odd; a torus has at least ⌊k/2⌋ rows and columns.
  package init(kernel: Tensor<Scalar>, padding: ConvolutionPadding, image: ImageShape) {
    (weights, self.padding, self.image) = (kernel, padding, image)
    convolution = Self.convolution(kernel, padding, image)
  }

  private static func convolution(
    _ kernel: Tensor<Scalar>, _ padding: ConvolutionPadding, _ image: ImageShape
  ) -> BatchConvolution<Scalar> {
    BatchConvolution(
      kernel: kernel, height: image.height, width: image.width, wraps: padding == .circular)
  }

  package var outputs: Int { weights.shape[0] }
  package var inputShape: [Int] { image.extents }
  package var outputShape: [Int] { image.with(channels: outputs).extents }

  package func applied(
    to batch: Tensor<Scalar>, adding bias: Tensor<Scalar>?, workers: Workers
  ) -> Tensor<Scalar> {
    convolution.apply(to: batch, bias: bias, workers: workers)
  }

  package func appliedTransposed(to batch: Tensor<Scalar>, workers: Workers) -> Tensor<Scalar> {
    convolution.apply(transposed: true, to: batch, workers: workers)
  }

  package func gradients(
    inputs: Tensor<Scalar>, outputs gradients: Tensor<Scalar>, workers: Workers
  ) -> (weights: Tensor<Scalar>, bias: Tensor<Scalar>) {
    let (kernel, bias) = convolution.gradients([(inputs, gradients)], workers: workers)
    return (kernel, bias)
  }

  /// A kernel of one tap is a matrix that maps each pixel by itself.
  package func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure {
    switch padding {
    case _ where weights.shape[3] == 1:
      try VerifiedSpectralNorm.dense(weights.converted().reshaped([outputs, image.channels]))
    case .zero:
      try VerifiedSpectralNorm.convolution(
        kernel: weights.converted(), height: image.height, width: image.width)
    case .circular:
      try VerifiedSpectralNorm.circularConvolution(
        kernel: weights.converted(), height: image.height, width: image.width)
    }
  }

  /// By Winograd's algorithm where `CPLKernels.h` says so, which sees a canvas: the image with what lies beyond its edges.
  package func sums(
    spectralNormUpperBound: Double
  ) throws(VerificationError) -> any RoundedProduct {
    guard let map = winogradMap else {
      return FusedSums.convolution(
        kernel: weights, pixels: image.planeCount, spectralNormUpperBound: spectralNormUpperBound
      ).forward
    }
    return ofImages(try WinogradSums(map))
  }

  /// How Pᵀg is computed.
  ///
  /// - Parameter spectralNormUpperBound: σ̄ ≥ ‖P‖₂.
  func transposedSums(
    spectralNormUpperBound: Double
  ) throws(VerificationError) -> any RoundedProduct {
    guard let map = winogradMap else {
      return FusedSums.convolution(
        kernel: weights, pixels: image.planeCount, spectralNormUpperBound: spectralNormUpperBound
      ).transposed
    }
    return ofImages(try WinogradSums(map.transposed))
  }

  /// The rows and columns that a canvas has more than the image, on each side.
  private var border: Int { padding == .circular ? weights.shape[3] / 2 : 0 }

  /// The convolution of the canvas, where it is computed by Winograd's algorithm. Where images wrap round, the tiles begin
  /// with the image's own rows, not with the canvas's: four rows more than enough for the canvas from such a tile on.
  private var winogradMap: ZeroPaddedConvolution? {
    guard Scalar.self == Float.self, weights.shape[3] == 3, image.height >= 4 else { return nil }
    return ZeroPaddedConvolution(
      kernel: weights.elements.map { Double($0) }, outputs: outputs, inputs: image.channels,
      kernelSide: 3, height: image.height + 6 * border, width: image.width + 2 * border)
  }

  /// A product of canvases as one of images.
  private func ofImages(_ sums: any RoundedProduct) -> any RoundedProduct {
    border == 0 ? sums : RepeatedInput(sums, image, border: border)
  }

  package func biasNormUpperBound(_ bias: Tensor<Scalar>) -> Double {
    Rounding.up.product(bias.normUpperBound, image.planeNormUpperBound)
  }
}

/// A product of what a canvas makes of an image: of a vector that is longer by √n at most, n how often the canvas
/// repeats a pixel.
private struct RepeatedInput: RoundedProduct {
  private let product: any RoundedProduct
  private let factor: Double

  init(_ product: any RoundedProduct, _ image: ImageShape, border: Int) {
    self.product = product
    func repetitions(_ extent: Int) -> Int { (extent + 2 * border + extent - 1) / extent }
    factor = Rounding.up.squareRoot(
      Double(repetitions(image.height) * repetitions(image.width)))
  }

  var elements: Int { product.elements }

  func errorBound(norm: Double, in format: BinaryFormat) throws(VerificationError) -> Double {
    try product.errorBound(norm: Rounding.up.product(factor, norm), in: format)
  }
}
