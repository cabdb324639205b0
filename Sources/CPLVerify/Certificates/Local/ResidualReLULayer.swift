// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// A layer z = x − h·Wᵀ relu(W x + b), of which a local certificate needs these parts.
package protocol ResidualReLULayer<Scalar>: Layer {
  /// h, the number that is multiplied by.
  var residualStep: Scalar { get }
  /// W.
  var residualWeights: ResidualWeights<Scalar> { get }
  /// b, one number a hidden unit.
  var residualBias: [Scalar] { get }

  /// ‖W P‖₂ ≤ the result, P the projection on the first `inputs` of the layer's inputs.
  ///
  /// - Parameter spectralNormUpperBound: σ̄ ≥ ‖W‖₂.
  func reachUpperBound(
    inputs: Int, spectralNormUpperBound: Double
  ) throws(VerificationError) -> Double
}

extension CPLConvolution: ResidualReLULayer {
  package var residualStep: Scalar { stepSize }
  package var residualWeights: ResidualWeights<Scalar> { .convolution(kernel, image) }
  package var residualBias: [Scalar] {
    bias.elements.flatMap { repeatElement($0, count: image.planeCount) }
  }

  package func reachUpperBound(
    inputs: Int, spectralNormUpperBound: Double
  ) throws(VerificationError) -> Double {
    guard case .convolution(let kernel, _)? = residualWeights.restricted(to: inputs) else {
      return spectralNormUpperBound
    }
    return try VerifiedSpectralNorm.convolution(
      kernel: kernel.converted(), height: image.height, width: image.width
    ).upperBound
  }
}

extension CPLLinear: ResidualReLULayer {
  package var residualStep: Scalar { stepSize }
  package var residualWeights: ResidualWeights<Scalar> { .dense(weights) }
  package var residualBias: [Scalar] { bias.elements }

  package func reachUpperBound(
    inputs: Int, spectralNormUpperBound: Double
  ) throws(VerificationError) -> Double {
    guard case .dense(let weights)? = residualWeights.restricted(to: inputs) else {
      return spectralNormUpperBound
    }
    return try VerifiedSpectralNorm.dense(weights.converted()).upperBound
  }
}

/// The weights W of such a layer.
package enum ResidualWeights<Scalar: TensorScalar>: Sendable {
  /// A matrix, hidden units × inputs.
  case dense(Tensor<Scalar>)
  /// The kernel, inner×C×k×k, of a zero-padded convolution on images of a shape.
  case convolution(Tensor<Scalar>, ImageShape)

  /// W as a map of many vectors.
  package var map: any BatchedMap<Scalar> {
    switch self {
    case .dense(let weights): DenseMap(weights: weights)
    case .convolution(let kernel, let image):
      Convolution(kernel: kernel, height: image.height, width: image.width)
    }
  }

  /// How W x and Wᵀv are computed by `map`.
  package func sums(
    spectralNormUpperBound: Double
  ) -> (forward: FusedSums, transposed: FusedSums) {
    switch self {
    case .dense(let weights):
      (
        .dense(
          inputs: weights.shape[1], outputs: weights.shape[0],
          spectralNormUpperBound: spectralNormUpperBound),
        .dense(
          inputs: weights.shape[0], outputs: weights.shape[1],
          spectralNormUpperBound: spectralNormUpperBound)
      )
    case .convolution(let kernel, let image):
      FusedSums.convolution(
        kernel: kernel, pixels: image.planeCount, spectralNormUpperBound: spectralNormUpperBound)
    }
  }

  /// W P with the columns of all but the first `inputs` inputs left out; nil when it has all of them, or
  /// when part of a plane would be left.
  package func restricted(to inputs: Int) -> ResidualWeights? {
    switch self {
    case .dense(let weights):
      let columns = weights.shape[1]
      guard 1..<columns ~= inputs else { return nil }
      return .dense(
        Tensor(
          shape: [weights.shape[0], inputs],
          elements: weights.elements.enumerated().compactMap {
            $0.offset % columns < inputs ? $0.element : nil
          }))
    case .convolution(let kernel, let image):
      let (channels, plane) = (kernel.shape[1], image.planeCount)
      guard inputs % plane == 0, 1..<channels ~= inputs / plane else { return nil }
      let taps = kernel.shape[2] * kernel.shape[3]
      return .convolution(
        Tensor(
          shape: [kernel.shape[0], inputs / plane, kernel.shape[2], kernel.shape[3]],
          elements: kernel.elements.enumerated().compactMap {
            $0.offset / taps % channels < inputs / plane ? $0.element : nil
          }), image.with(channels: inputs / plane))
    }
  }

  /// For each hidden unit i an upper bound of ‖w_i‖, w_i the row of W.
  package var rowNormUpperBounds: [Double] {
    switch self {
    case .dense(let weights):
      (0..<weights.shape[0]).map { EuclideanNorm.upperBound(weights.row($0).map { Double($0) }) }
    case .convolution(let kernel, let image): Self.rowNorms(kernel, image)
    }
  }

  /// The taps that meet padding are no part of a row.
  private static func rowNorms(_ kernel: Tensor<Scalar>, _ image: ImageShape) -> [Double] {
    let (inner, channels, side) = (kernel.shape[0], kernel.shape[1], kernel.shape[3])
    let (taps, padding, up) = (side * side, side / 2, Rounding.up)
    return (0..<inner).flatMap { unit -> [Double] in
      let squares = (0..<taps).map { tap in
        EuclideanNorm.squareUpperBound(
          (0..<channels).map { Double(kernel.elements[(unit * channels + $0) * taps + tap]) })
      }
      return (0..<image.planeCount).map { pixel in
        let (row, column) = (pixel / image.width - padding, pixel % image.width - padding)
        var sum = 0.0
        for tap in 0..<taps
        where 0..<image.height ~= row + tap / side && 0..<image.width ~= column + tap % side {
          sum = up.sum(sum, squares[tap])
        }
        return up.squareRoot(sum)
      }
    }
  }
}

/// A linear map of many vectors at once, which lie one after the other.
package protocol BatchedMap<Scalar>: LinearMap {
  /// outputs ← W inputs.
  func apply(
    _ count: Int, _ inputs: UnsafePointer<Scalar>, to outputs: UnsafeMutablePointer<Scalar>)

  /// outputs ← Wᵀ inputs.
  func applyTransposed(
    _ count: Int, _ inputs: UnsafePointer<Scalar>, to outputs: UnsafeMutablePointer<Scalar>)
}

extension BatchedMap<Double> {
  /// fl(W x).
  package func applied(_ x: [Double]) -> [Double] {
    let size = outputShape.reduce(1, *)
    return [Double](unsafeUninitializedCapacity: size) { outputs, count in
      x.withUnsafeBufferPointer { apply(1, $0.baseAddress!, to: outputs.baseAddress!) }
      count = size
    }
  }

  /// fl(Wᵀv).
  package func appliedTransposed(_ v: [Double]) -> [Double] {
    let size = inputShape.reduce(1, *)
    return [Double](unsafeUninitializedCapacity: size) { outputs, count in
      v.withUnsafeBufferPointer { applyTransposed(1, $0.baseAddress!, to: outputs.baseAddress!) }
      count = size
    }
  }
}

extension DenseMap: BatchedMap {
  package func apply(
    _ count: Int, _ inputs: UnsafePointer<Scalar>, to outputs: UnsafeMutablePointer<Scalar>
  ) {
    multiply(count, inputs, transposed: true, to: outputs)
  }

  package func applyTransposed(
    _ count: Int, _ inputs: UnsafePointer<Scalar>, to outputs: UnsafeMutablePointer<Scalar>
  ) {
    multiply(count, inputs, transposed: false, to: outputs)
  }

  private func multiply(
    _ count: Int, _ inputs: UnsafePointer<Scalar>, transposed: Bool,
    to outputs: UnsafeMutablePointer<Scalar>
  ) {
    let (rows, columns) = (weights.shape[0], weights.shape[1])
    let (depth, width) = transposed ? (columns, rows) : (rows, columns)
    weights.withUnsafeElements { weights in
      Scalar.multiply(
        rows: 0..<count, columns: 0..<width, depth: depth,
        MatrixView(elements: inputs, stride: depth),
        MatrixView(elements: weights, stride: columns, transposed: transposed), Epilogue(),
        to: outputs, stride: width)
    }
  }
}

extension Convolution: BatchedMap {
  package func apply(
    _ count: Int, _ inputs: UnsafePointer<Scalar>, to outputs: UnsafeMutablePointer<Scalar>
  ) {
    let sizes = sizes
    withWorkspace { workspace in
      for image in 0..<count {
        Scalar.convolve(
          shape, packedKernel, inputs + image * sizes.inputs, to: outputs + image * sizes.outputs,
          workspace)
      }
    }
  }

  package func applyTransposed(
    _ count: Int, _ inputs: UnsafePointer<Scalar>, to outputs: UnsafeMutablePointer<Scalar>
  ) {
    let sizes = sizes
    withWorkspace { workspace in
      for image in 0..<count {
        Scalar.convolveTransposed(
          shape, packedKernel, inputs + image * sizes.outputs, to: outputs + image * sizes.inputs,
          workspace)
      }
    }
  }

  private var sizes: (inputs: Int, outputs: Int) {
    (inputShape.reduce(1, *), outputShape.reduce(1, *))
  }
}
