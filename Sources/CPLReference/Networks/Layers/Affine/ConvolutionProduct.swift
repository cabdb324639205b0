// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

/// The convolution of batches of C×H×W images with an outputs×C×k×k kernel, stride 1, with zeros or the opposite edges
/// beyond the edges.
package struct ConvolutionProduct<Scalar: TensorScalar>: AffineProduct {
  package var weights: Tensor<Scalar> {
    didSet { convolution = Self.convolution(weights, canvas) }
  }
  package let padding: ConvolutionPadding
  private let image: ImageShape
  /// What the kernels see: the image itself where zeros lie beyond its edges.
  let canvas: Canvas
  private(set) var convolution: Convolution<Scalar>

  /// - Precondition: k is odd; a torus has at least ⌊k/2⌋ rows and columns.
  package init(kernel: Tensor<Scalar>, padding: ConvolutionPadding, image: ImageShape) {
    weights = kernel
    self.padding = padding
    self.image = image
    canvas = Canvas(
      height: image.height, width: image.width,
      border: padding == .circular ? kernel.shape[3] / 2 : 0)
    convolution = Self.convolution(kernel, canvas)
  }

  private static func convolution(
    _ kernel: Tensor<Scalar>, _ canvas: Canvas
  ) -> Convolution<Scalar> {
    Convolution(
      kernel: kernel, height: canvas.height + 2 * canvas.border,
      width: canvas.width + 2 * canvas.border)
  }

  package var outputs: Int { weights.shape[0] }
  package var inputShape: [Int] { image.extents }
  package var outputShape: [Int] { image.with(channels: outputs).extents }

  package func applied(
    to batch: Tensor<Scalar>, adding bias: Tensor<Scalar>?, workers: Workers
  ) -> Tensor<Scalar> {
    mapped(batch, from: image.channels, to: outputs, adding: bias, workers: workers) {
      Scalar.convolve(convolution.shape, convolution.packedKernel, $0, to: $1, $2)
    }
  }

  /// On a torus too: the transpose of a circular convolution is circular.
  package func appliedTransposed(to batch: Tensor<Scalar>, workers: Workers) -> Tensor<Scalar> {
    mapped(batch, from: outputs, to: image.channels, adding: nil, workers: workers) {
      Scalar.convolveTransposed(convolution.shape, convolution.packedKernel, $0, to: $1, $2)
    }
  }

  /// A map of images of `inputs` channels to such of `outputs` channels, by way of the canvas.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func mapped(
    _ batch: Tensor<Scalar>, from inputs: Int, to outputs: Int, adding bias: Tensor<Scalar>?,
    workers: Workers,
    _ map:
      @Sendable (
        UnsafePointer<Scalar>, UnsafeMutablePointer<Scalar>, UnsafeMutableRawPointer
      ) -> Void
  ) -> Tensor<Scalar> {
    let (count, plane) = (batch.shape[0], canvas.plane)
    return Tensor(shape: [count] + image.with(channels: outputs).extents) { results in
      batch.withUnsafeElements { images in
        nonisolated(unsafe) let (images, results) = (images, results)
        workers.forEachRange(of: count, by: BatchTree.imagesPerPiece) { _, range in
          withCanvases(inputs + outputs) { buffer, workspace in
            for image in range {
              let source = images + image * inputs * plane
              let target = results + image * outputs * plane
              if canvas.border == 0 {
                map(source, target, workspace)
              } else {
                let wide = buffer + inputs * canvas.extendedPlane
                canvas.extend(planes: inputs, source, to: buffer, wraps: true)
                map(buffer, wide, workspace)
                canvas.cut(planes: outputs, wide, to: target)
              }
              if let bias { add(bias, to: target) }
            }
          }
        }
      }
    }
  }

  @inline(__always)
  private func add(_ bias: Tensor<Scalar>, to image: UnsafeMutablePointer<Scalar>) {
    for (channel, number) in bias.elements.enumerated() {
      let pixels = image + channel * canvas.plane
      for pixel in 0..<canvas.plane { pixels[pixel] += number }
    }
  }

  /// Images of a piece go in pairs, which the kernels take together.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func gradients(
    inputs: Tensor<Scalar>, outputs gradients: Tensor<Scalar>, workers: Workers
  ) -> (weights: Tensor<Scalar>, bias: Tensor<Scalar>) {
    let (count, kernelCount, outputs) = (inputs.shape[0], weights.count, outputs)
    let (sumCount, pieces) = (kernelCount + outputs, BatchTree.pieces(of: count))
    let (inputPlanes, outputPlanes) = (
      image.channels * canvas.extendedPlane, outputs * canvas.extendedPlane
    )
    var sums = [Scalar](repeating: 0, count: max(1, pieces) * sumCount)
    sums.withUnsafeMutableBufferPointer { sums in
      inputs.withUnsafeElements { x in
        gradients.withUnsafeElements { g in
          nonisolated(unsafe) let (sums, x, g) = (sums.baseAddress!, x, g)
          workers.forEachRange(of: count, by: BatchTree.imagesPerPiece) { piece, range in
            let sum = sums + piece * sumCount
            withCanvases(2 * (image.channels + outputs)) { buffer, workspace in
              for first in stride(from: range.lowerBound, to: range.upperBound, by: 2) {
                let pair = (0..<2).map { offset in
                  let input = buffer + offset * inputPlanes
                  let output = buffer + 2 * inputPlanes + offset * outputPlanes
                  guard first + offset < range.upperBound else {
                    output.update(repeating: 0, count: outputPlanes)
                    return (UnsafePointer(buffer), UnsafePointer(output))
                  }
                  let image = first + offset
                  canvas.extend(
                    planes: self.image.channels, x + image * self.image.count, to: input,
                    wraps: true)
                  canvas.extend(
                    planes: outputs, g + image * outputs * canvas.plane, to: output, wraps: false)
                  return (UnsafePointer(input), UnsafePointer(output))
                }
                Scalar.addKernelGradients(
                  convolution.shape, pair[0], pair[1], to: sum, workspace)
              }
            }
            for image in range {
              for channel in 0..<outputs {
                let pixels = g + (image * outputs + channel) * canvas.plane
                var total: Scalar = 0
                for pixel in 0..<canvas.plane { total += pixels[pixel] }
                sum[kernelCount + channel] += total
              }
            }
          }
          BatchTree.forEachAddition(of: pieces) { sum, addend in
            Scalar.add(sumCount, alpha: 1, sums + addend * sumCount, to: sums + sum * sumCount)
          }
        }
      }
    }
    return (
      Tensor(shape: weights.shape, elements: Array(sums[0..<kernelCount])),
      Tensor(shape: [outputs], elements: Array(sums[kernelCount..<sumCount]))
    )
  }

  /// Room for so many planes of the canvas, and what the kernels work with.
  @inline(__always)
  private func withCanvases(
    _ planes: Int, _ body: (UnsafeMutablePointer<Scalar>, UnsafeMutableRawPointer) -> Void
  ) {
    convolution.withWorkspace { workspace in
      withUnsafeTemporaryAllocation(of: Scalar.self, capacity: planes * canvas.extendedPlane) {
        body($0.baseAddress!, workspace)
      }
    }
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

  /// By Winograd's algorithm where `CPLKernels.h` says so, which sees the whole canvas.
  package func sums(
    spectralNormUpperBound: Double
  ) throws(VerificationError) -> any RoundedProduct {
    guard let map = winogradMap else {
      return FusedSums.convolution(
        kernel: weights, pixels: canvas.plane, spectralNormUpperBound: spectralNormUpperBound
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
        kernel: weights, pixels: canvas.plane, spectralNormUpperBound: spectralNormUpperBound
      ).transposed
    }
    return ofImages(try WinogradSums(map.transposed))
  }

  /// The convolution of the canvas, where it is computed by Winograd's algorithm.
  private var winogradMap: ZeroPaddedConvolution? {
    let shape = convolution.shape
    guard Scalar.self == Float.self, shape.kernel == 3, shape.height >= 4 else { return nil }
    return ZeroPaddedConvolution(
      kernel: weights.elements.map { Double($0) }, outputs: shape.inner, inputs: shape.channels,
      kernelSide: 3, height: shape.height, width: shape.width)
  }

  /// A product of canvases as one of images.
  private func ofImages(_ sums: any RoundedProduct) -> any RoundedProduct {
    canvas.border == 0 ? sums : RepeatedInput(sums, canvas)
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

  init(_ product: any RoundedProduct, _ canvas: Canvas) {
    self.product = product
    func repetitions(_ extent: Int) -> Int {
      (extent + 2 * canvas.border + extent - 1) / extent
    }
    factor = Rounding.up.squareRoot(
      Double(repetitions(canvas.height) * repetitions(canvas.width)))
  }

  var elements: Int { product.elements }

  func errorBound(norm: Double, in format: BinaryFormat) throws(VerificationError) -> Double {
    try product.errorBound(norm: Rounding.up.product(factor, norm), in: format)
  }
}
