// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// Certificates of the network in real arithmetic with exactly the stored numbers, for every x′ whatever, by one bound
/// of the rounding error, at the image (soundness.md, section 5, *What others can check*).
///
/// φ and z are the real maps to features and logits: steps, means, deviations and the factors of clone padding and
/// of the "mean" head as they are executed, the rows of a normalised last layer exactly w_i/max(‖w_i‖, 10⁻¹²). With
/// e(x) ≥ ‖φ̃(x) − φ(x)‖ for this x alone, ε_cj(x) bounds the error of its margins, and
///
///     z_c(x′) − z_j(x′) ≥ z̃_c(x) − z̃_j(x) − ε_cj(x) − L̄·ν_cj·‖x′ − x‖   for every x′ in ℝᵈ,
///
/// so that c is the class of x and of every x′ closer than r_real = min_j (z̃_c − z̃_j − ε_cj(x))/(L̄·ν_cj). It says
/// nothing of any program's rounding at x′, and so it can be checked by any arithmetic.
package struct RealCertificate: Certificate {
  package static let name = "real"
  package static let arithmetic = CertifiedArithmetic.real
  package static let gap: String? = nil
  /// It evaluates the images once more, layer by layer.
  package static let isCostly = true
  package static let statements = [
    "Covered by real: the network in real arithmetic with exactly the stored numbers, for every image "
      + "whatever, in the box or not: as lipschitz, with each margin reduced by the proved bound of "
      + "its rounding error at the very image. 'prove' writes it so that others can check it.",
    "Not covered by real: what any program computes for an image whose class is a matter of rounding.",
  ]

  private let network: CPLNetwork<Double>
  /// The layers before the head, with the enclosure of each norm and the bound of each constant.
  private let constants: [(spectralNorm: SpectralNormEnclosure?, lipschitz: Double)]
  /// L̄, of the layers as they are executed in binary64.
  package let lipschitz: Double
  private let pairs: PairConstants
  /// ρ ≥ ‖q̃_i − q_i‖ for the executed rows q̃_i of a normalised last layer.
  private let rowError: Double
  private let diameter: Double

  package init(_ network: EvaluatedNetwork) throws(VerificationError) {
    self.network = network.binary64
    var constants: [(spectralNorm: SpectralNormEnclosure?, lipschitz: Double)] = []
    for (layer, bounds) in zip(network.binary64.layers, network.verified.bounds.layers) {
      _ = try layer.errorBounded
      constants.append(
        (bounds.spectralNorm, try layer.bounded.lipschitzUpperBound(bounds.spectralNorm)))
    }
    self.constants = constants
    lipschitz = try LipschitzBound.composition(constants.map(\.lipschitz))
    pairs = try PairConstants(network.binary64)
    _ = try network.binary64.head.logitErrorBounded
    rowError = network.binary64.head.rowErrorUpperBound
    diameter = network.binary64.boxDiameterUpperBound
  }

  package func radii(_ batch: EvaluatedBatch) -> [CertifiedRadius] {
    certify(batch.images, workers: batch.workers).radii.map {
      CertifiedRadius($0, lipschitz: lipschitz, reach: diameter)
    }
  }

  /// For each image the class that the binary64 network computes, and the radius within which it is the class in real
  /// arithmetic: 0 where nothing is proved.
  ///
  /// Rounding errors are bounded beforehand, from norms, and where that is not enough they are measured.
  ///
  /// - Parameter sharpness: 0 also where rounding may take more than this share of the margin: exact arithmetic
  ///   would find radii that are longer by up to twice that share.
  package func certify(
    _ images: Tensor<Float>, sharpness: Double = .infinity, workers: Workers
  ) -> (classes: [Int], radii: [Double]) {
    let (classes, radii) = certify(
      images, sharpness: sharpness, errors: Self.bounded, workers: workers)
    let blurred = radii.indices.filter { radii[$0] == nil }
    guard !blurred.isEmpty else { return (classes, radii.map { $0 ?? 0 }) }
    let measured = certify(
      images.rows(blurred), sharpness: sharpness, errors: Self.measured, workers: workers
    ).radii
    let found = Dictionary(uniqueKeysWithValues: zip(blurred, measured))
    return (classes, radii.indices.map { radii[$0] ?? (found[$0] ?? nil) ?? 0 })
  }

  /// A layer's own rounding error at an input, given the computed output and an enclosure of ‖W‖.
  private typealias LayerError =
    @Sendable (
      any Layer<Double>, ArraySlice<Double>, ArraySlice<Double>, SpectralNormEnclosure?
    ) -> Double

  /// The same with one way of following rounding errors; nil where rounding takes more of a margin than it may.
  private func certify(
    _ images: Tensor<Float>, sharpness: Double,
    errors way: (layer: LayerError, isMeasured: Bool), workers: Workers
  ) -> (classes: [Int], radii: [Double?]) {
    let count = images.shape[0]
    var features: Tensor<Double> = images.converted()
    var errors = [Double](repeating: 0, count: count)
    for (layer, (spectralNorm, constant)) in zip(network.layers, constants) {
      let input = features
      features = layer.forward(features, recording: .nothing, workers: workers).output
      let output = features
      let local = workers.map(count) {
        way.layer(layer, input.row($0), output.row($0), spectralNorm)
      }
      for image in errors.indices {
        errors[image] = Rounding.up.sum(Rounding.up.product(constant, errors[image]), local[image])
      }
    }
    let logits = network.head.forward(features, recording: .nothing, workers: workers).output
    let classes = logits.rowMaxima
    let radii = (0..<count).map { image in
      let measured =
        way.isMeasured
        ? (network.head as? any MeasuredRoundingHead)?.roundingErrors(
          features.row(image), logits.row(image)) : nil
      return radius(
        Array(logits.row(image)), predicted: classes[image], error: errors[image],
        headErrors: measured ?? headErrors(Array(features.row(image))), sharpness: sharpness)
    }
    return (classes, radii)
  }

  /// Rounding errors as they are bounded beforehand, from norms.
  private static let bounded: (layer: LayerError, isMeasured: Bool) = (
    { layer, input, _, spectralNorm in forwardErrorBound(layer, input, spectralNorm) }, false
  )

  /// Rounding errors as they are measured, where they can be. A checker rounds, too: `checkersRoundings` of what each
  /// layer takes in are counted as taken off the margin.
  private static let measured: (layer: LayerError, isMeasured: Bool) = (
    { layer, input, output, spectralNorm in
      let own =
        (layer as? any MeasuredRoundingLayer)?.roundingError(input, output)
        ?? forwardErrorBound(layer, input, spectralNorm)
      let norm = EuclideanNorm.upperBound(Array(input))
      return Rounding.up.sum(
        own, Rounding.up.product(checkersRoundings * Rounding.unitRoundoff, norm))
    }, true
  )

  /// How many roundings of a layer's input are left to a checker.
  private static let checkersRoundings = 8.0

  /// The bound of a layer's own rounding error at one input; infinite where the evaluation might overflow.
  private static func forwardErrorBound(
    _ layer: any Layer<Double>, _ input: ArraySlice<Double>, _ spectralNorm: SpectralNormEnclosure?
  ) -> Double {
    let norm = EuclideanNorm.upperBound(Array(input))
    return (try? layer.errorBounded.forwardErrorBound(norm: norm, spectralNorm: spectralNorm))
      ?? .infinity
  }

  /// For each class an upper bound of how far its logit lies from that of exact rows; infinite where the evaluation might
  /// overflow.
  private func headErrors(_ features: [Double]) -> [Double] {
    let norm = EuclideanNorm.upperBound(features)
    let rowError = Rounding.up.product(rowError, norm)
    let errors = try? network.head.logitErrorBounded.logitErrorBounds(norm: norm)
    return errors?.map { Rounding.up.sum($0, rowError) }
      ?? Array(repeating: .infinity, count: network.classes)
  }

  /// nil where rounding takes more of a margin than it may.
  private func radius(
    _ logits: [Double], predicted: Int, error: Double, headErrors: [Double], sharpness: Double
  ) -> Double? {
    let up = Rounding.up
    guard predicted >= 0 else { return 0 }
    var radius = Double.infinity
    for other in logits.indices where other != predicted {
      guard logits[predicted] > logits[other] else { return 0 }
      let constant = up.sum(pairs[predicted, other], 2 * rowError)
      let rounding = up.sum(
        up.product(constant, error), up.sum(headErrors[predicted], headErrors[other]))
      let margin = Rounding.down.difference(
        Rounding.down.difference(logits[predicted], logits[other]), rounding)
      guard margin > 0, rounding <= sharpness * margin else { return nil }
      let slope = up.product(lipschitz, constant)
      if slope > 0 { radius = min(radius, Rounding.down.quotient(margin, slope)) }
    }
    return max(0, min(radius.nextDown, diameter))
  }
}

extension ClassificationHead {
  /// ρ ≥ ‖q̃_i − q_i‖ for the rows q̃_i that are executed and the exact q_i = w_i/max(‖w_i‖, 10⁻¹²); 0 for a head
  /// without rows.
  ///
  /// *Proof.* The sum of d squares errs by γ_d of itself at most, half of which the root leaves, and root and quotient
  /// round once each; ‖q_i‖ ≤ 1. Squares of binary32 numbers do not underflow.
  fileprivate var rowErrorUpperBound: Double {
    unitRows == nil ? 0 : Rounding.gamma(inputShape[0] + 4)
  }
}
