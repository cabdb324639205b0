// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// y = |x|, element by element: 1-Lipschitz, and exact in floating point.
struct AbsoluteValue<Scalar: TensorScalar>: ParameterFreeLayer {
  let name: String
  let kind: AbsoluteValueKind

  var specification: LayerSpecification { LayerSpecification(kind) }
  var inputShape: [Int] { kind.shape }
  var outputShape: [Int] { kind.shape }

  func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Tensor<Scalar>) {
    let output = Tensor(shape: input.shape, elements: input.elements.map(\.magnitude))
    return (output, input)
  }

  /// Also J v, since the Jacobian is diagonal.
  func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from input: Tensor<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    Tensor(
      shape: outputGradient.shape,
      elements: zip(outputGradient.elements, input.elements).map { $1 < 0 ? -$0 : $0 })
  }
}

/// It may stand before the head.
extension AbsoluteValue: FeatureLayer {
  func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from input: Tensor<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    inputGradient(inputTangent, from: input, workers: workers)
  }
}

/// ||a| − |b|| ≤ |a − b|.
extension AbsoluteValue: LipschitzBoundedLayer {
  func lipschitzUpperBound(
    _ spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { 1 }
}

/// Only a sign changes.
extension AbsoluteValue: ForwardErrorBoundedLayer {
  func forwardErrorBound(
    norm: Double, spectralNorm: SpectralNormEnclosure?
  ) throws(VerificationError) -> Double { 0 }
}

/// `AbsoluteValue` with its shape: what files and configurations say of it.
struct AbsoluteValueKind: LayerKind {
  static let codingName = "absoluteValue"
  static let name = "absolute-value"
  static let isCounted = true
  static let isNonexpansive = true
  static let samples = [LayerSample([2, 3, 3]), LayerSample([5])]

  let shape: [Int]

  init(following input: [Int], _ options: inout LayerOptions) throws { shape = input }

  /// As many features as any layer of this project takes.
  var shapes: (input: [Int], output: [Int])? {
    let isPossible =
      [1, 3].contains(shape.count) && shape.allSatisfy { (1...1 << 20).contains($0) }
    return isPossible ? (shape, shape) : nil
  }

  var summary: String { "|x| of \(shape.map(String.init).joined(separator: "×"))" }

  func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar> {
    AbsoluteValue(name: name, kind: self)
  }
}
