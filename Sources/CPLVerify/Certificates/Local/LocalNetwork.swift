// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLNetworks

/// A binary64 network as local certificates see it: linear maps and residual layers
/// z = x − h·Wᵀ relu(W x + b) one after the other, and linear margins at the end, each with the constants
/// that the proof needs. All bounds are rounded up.
package struct LocalNetwork: Sendable {
  /// The layers before the head, in order.
  package var parts: [LocalPart]
  /// For each class the row q of its logit ⟨q, φ⟩ + b as it is executed, and an upper bound of the norm
  /// of what q lacks of the exact one.
  package let rows: [[Double]]
  package let rowError: Double
  /// ‖δ_K‖ ≤ `lipschitz`·‖δ‖ for a perturbation δ of the image and what it makes of the features.
  package let lipschitz: Double

  /// The number of residual layers.
  package var residuals: [ResidualPart] { parts.compactMap(\.residual) }

  /// - Throws: `VerificationError` for a layer or a head that is neither linear nor residual, and for a
  ///   linear layer between residual ones that could enlarge a perturbation.
  package init(_ network: EvaluatedNetwork) throws(VerificationError) {
    let features = try network.marginBounds.features
    let (wide, narrow) = (network.binary64, network.binary32)
    var parts: [LocalPart] = []
    var occupied: Int?
    for index in wide.layers.indices.dropLast() {
      let (layer, input) = (wide.layers[index], features.inputs[index])
      let spectralNorm = network.verified.bounds.layers[index].spectralNorm
      if let linear = layer as? any LinearLayer<Double>,
        let twin = narrow.layers[index] as? any LinearLayer<Float>
      {
        let lipschitz = try layer.bounded.lipschitzUpperBound(nil)
        guard lipschitz <= 1 || !parts.contains(where: { $0.residual != nil }) else {
          throw .invalid(
            what: "layer \(layer.name)",
            expected: "a linear layer that enlarges nothing, between layers with an energy",
            found: "the constant \(lipschitz)")
        }
        occupied = linear.occupiedOutputs
        parts.append(
          .linear(
            LinearPart(
              wide: linear, narrow: twin, lipschitz: lipschitz, inputLipschitz: input.lipschitz)))
      } else if let residual = layer.executedLayer as? any ResidualReLULayer<Double>,
        let twin = narrow.layers[index].executedLayer as? any ResidualReLULayer<Float>,
        let spectralNorm
      {
        parts.append(
          .residual(
            try ResidualPart(
              residual, twin, index: parts.count { $0.residual != nil },
              spectralNormUpperBound: spectralNorm.upperBound, input: input, occupied: occupied)))
        occupied = nil
      } else {
        throw .invalid(
          what: "layer \(layer.name)",
          expected: "a linear layer, or one of the form x − h·Wᵀ relu(W x + b)",
          found: layer.specification.value.summary)
      }
    }
    guard let head = wide.head as? any LinearHead else {
      throw .invalid(
        what: "head", expected: "a linear head", found: wide.head.specification.kind)
    }
    guard let (rows, rowError) = head.marginRows else {
      throw .invalid(what: "head", expected: "a linear head", found: "\(head.specification)")
    }
    (self.parts, self.rows, self.rowError) = (parts, rows, rowError)
    lipschitz = features.lipschitz
  }

  /// The preactivations p̃ of each residual layer at an image, as they are executed, and nothing else: each
  /// differs from the real network's by `preactivationError` of its layer in norm.
  package func preactivations(_ image: Tensor<Double>) -> [[Double]] {
    var values = image
    var preactivations: [[Double]] = []
    for part in parts {
      switch part {
      case .linear(let part):
        values = part.wide.forward(values, recording: .nothing, workers: .serial).output
      case .residual(let part):
        preactivations.append(part.preactivations(values))
        values = part.layer.forward(values, recording: .nothing, workers: .serial).output
      }
    }
    return preactivations
  }
}

/// A layer before the head.
package enum LocalPart: Sendable {
  case linear(LinearPart)
  case residual(ResidualPart)

  package var residual: ResidualPart? {
    if case .residual(let part) = self { part } else { nil }
  }
}

/// A linear layer A in both precisions.
package struct LinearPart: Sendable {
  package let wide: any LinearLayer<Double>
  package let narrow: any LinearLayer<Float>
  /// ‖A‖₂ ≤ the result.
  package let lipschitz: Double
  /// What reaches the layer of an image's perturbation δ has norm at most this times ‖δ‖.
  package let inputLipschitz: Double
}

/// A layer z = x − h·Wᵀ relu(W x + b) with its constants. δ is the perturbation of its input and Δ = Wδ.
package struct ResidualPart: Sendable {
  package let layer: any ResidualReLULayer<Double>
  /// Its place among such layers.
  package let index: Int
  /// W in both precisions.
  package let wide: any BatchedMap<Double>
  package let narrow: any BatchedMap<Float>
  /// W as the energy has it: all of it, whatever an image can change.
  package var energy: any BatchedMap<Double>
  package let sums: (forward: FusedSums, transposed: FusedSums)
  /// h ≥ 0, as executed.
  package let stepSize: Double
  package let bias: [Double]
  package let inputs: Int
  package let units: Int
  /// ‖δ‖ ≤ this times the norm of the image's perturbation.
  package let inputLipschitz: Double
  /// σ̄ ≥ ‖W‖₂.
  package let spectralNorm: Double
  /// ‖Δ‖ ≤ reach·‖δ‖: σ̄ of W on those inputs that an image can change.
  package let reach: Double
  /// For each unit |Δ_i| ≤ rowNorm_i·‖δ‖.
  package let rowNorms: [Double]
  /// α with αI − h²WWᵀ positive semidefinite: 2h, or RU(h²σ̄²) where that is more.
  package var curvature: Double
  /// ‖p̃ − p‖ ≤ this for the preactivations p of the real network and the executed ones, for every image.
  package let preactivationError: Double

  /// - Parameters:
  ///   - input: what is proved of the layer's input.
  ///   - occupied: how many inputs, the first ones, an image can change; nil for all.
  init(
    _ layer: any ResidualReLULayer<Double>, _ twin: any ResidualReLULayer<Float>, index: Int,
    spectralNormUpperBound: Double, input: (error: Double, norm: Double, lipschitz: Double),
    occupied: Int?
  ) throws(VerificationError) {
    let up = Rounding.up
    let weights = layer.residualWeights
    self.layer = layer
    self.index = index
    (wide, narrow) = (weights.map, twin.residualWeights.map)
    energy = wide
    sums = weights.sums(spectralNormUpperBound: spectralNormUpperBound)
    stepSize = layer.residualStep
    bias = layer.residualBias
    inputs = layer.inputShape.reduce(1, *)
    units = bias.count
    inputLipschitz = input.lipschitz
    spectralNorm = spectralNormUpperBound
    let narrowed = occupied.flatMap { weights.restricted(to: $0) }
    reach =
      narrowed == nil
      ? spectralNormUpperBound
      : try layer.reachUpperBound(
        inputs: occupied ?? inputs, spectralNormUpperBound: spectralNormUpperBound)
    rowNorms = (narrowed ?? weights).rowNormUpperBounds
    let scaled = up.product(stepSize, spectralNormUpperBound)
    curvature = max(2 * stepSize, up.product(scaled, scaled))
    // fl(fl(W x̃) + b) − (W x + b): the input's error, the product's, and one rounding of the sum.
    let productError = try sums.forward.errorBound(norm: input.norm, in: BinaryFormat(Double.self))
    let preactivation = up.sum(
      up.sum(up.product(spectralNormUpperBound, input.norm), EuclideanNorm.upperBound(bias)),
      productError)
    preactivationError = up.sum(
      up.sum(up.product(spectralNormUpperBound, input.error), productError),
      up.product(Rounding.unitRoundoff, preactivation))
  }

  /// fl(fl(W x) + b).
  fileprivate func preactivations(_ input: Tensor<Double>) -> [Double] {
    var hidden = apply(input.elements)
    for unit in hidden.indices { hidden[unit] += bias[unit] }
    return hidden
  }

  /// fl(W x).
  package func apply(_ x: [Double]) -> [Double] { wide.applied(x) }

  /// fl(Wᵀv).
  package func applyTransposed(_ v: [Double]) -> [Double] { wide.appliedTransposed(v) }
}

extension ClassificationHead {
  /// Whether its logits are linear in the features, up to constants.
  package var isLinear: Bool { (converted(to: Double.self) as? any LinearHead)?.marginRows != nil }
}

/// A head that is a linear map, up to constants.
protocol LinearHead: Layer where Scalar == Double {
  /// The rows q_i of the logits, and an upper bound of the norms of what they lack of the exact ones; nil
  /// for a head that is not linear after all.
  var marginRows: (rows: [[Double]], error: Double)? { get }
}

extension LastLayerNormalised: LinearHead where Scalar == Double {
  /// The rows that are executed are the exact ones.
  var marginRows: (rows: [[Double]], error: Double)? {
    ((0..<classes).map { Array(normalized.rows.row($0)) }, 0)
  }
}

extension PoolingLinear: LinearHead where Scalar == Double {
  /// One for `trunc`; f/k for `mean`, whose one rounding makes an error of u·f/√k at most in norm. The
  /// largest of several features is not linear.
  var marginRows: (rows: [[Double]], error: Double)? {
    let share = pooling == .mean ? meanFactor / Double(groupSize) : 1
    let group = pooling == .mean ? groupSize : 1
    guard pooling != .max else { return nil }
    let rows = (0..<classes).map { label in
      (0..<features).map { $0 / group == label ? share : 0 }
    }
    guard pooling == .mean else { return (rows, 0) }
    return (
      rows,
      Rounding.up.product(2 * Rounding.unitRoundoff, EuclideanNorm.upperBound(rows[0]))
    )
  }
}
