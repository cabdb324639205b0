// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLReference

extension PlantedFault {
  /// Faults of the bound D of local certificates, each of which makes it too small.
  static let local = [
    fault("local-energy-sign", "h²‖Wᵀs‖² is added to the energy of local certificates") {
      bound, _ in
      bound.network.alterResiduals { $0.energy = NegatedTranspose(map: $0.energy) }
    },
    fault("local-feature-distance", "2ρ² in place of ρ² in the budget of local certificates") {
      $1 *= 2.0.squareRoot()
    },
    fault("local-fixed-units", "units that may switch are taken for fixed by local certificates") {
      bound, _ in
      bound.preactivations = bound.preactivations.map { $0.map { 0x1p60 * $0 } }
    },
    fault(
      "local-long-step", "2hI − h²WWᵀ is taken for positive semidefinite however long the step"
    ) { bound, _ in
      bound.network.alterResiduals { $0.curvature = 2 * $0.stepSize }
    },
    fault(
      "local-image-energy",
      "the first layer's energy is made of W on the image's channels by local certificates"
    ) { bound, _ in
      let occupied = bound.network.parts.lazy.compactMap {
        if case .linear(let part) = $0 { part.wide.occupiedOutputs } else { nil }
      }.first
      bound.network.alterResiduals { part in
        guard part.index == 0, let occupied,
          let weights = part.layer.residualWeights.restricted(to: occupied)
        else { return }
        part.energy = weights.map
      }
    },
  ]

  private static func fault(
    _ id: String, _ statement: String,
    _ alter: @escaping @Sendable (inout LocalBound, _ featureDistance: inout Double) -> Void
  ) -> PlantedFault {
    PlantedFault(id, statement, [LocalFalls().id]) { context, _ in
      var context = context
      context.localDecrease = { bound, radius, distance, multipliers in
        var (bound, distance) = (bound, distance)
        alter(&bound, &distance)
        return bound.decreaseUpperBound(radius: radius, featureDistance: distance, multipliers)
      }
      return context
    }
  }
}

extension LocalNetwork {
  fileprivate mutating func alterResiduals(_ alter: (inout ResidualPart) -> Void) {
    parts = parts.map { part in
      guard case .residual(var residual) = part else { return part }
      alter(&residual)
      return .residual(residual)
    }
  }
}

/// A map whose transpose has the wrong sign.
private struct NegatedTranspose: BatchedMap {
  let map: any BatchedMap<Double>
  var inputShape: [Int] { map.inputShape }
  var outputShape: [Int] { map.outputShape }

  func apply(_ x: Tensor<Double>) -> Tensor<Double> { map.apply(x) }

  func weightGradient(input x: Tensor<Double>, output v: Tensor<Double>) -> Tensor<Double> {
    map.weightGradient(input: x, output: v)
  }

  func applyTransposed(_ v: Tensor<Double>) -> Tensor<Double> {
    var result = map.applyTransposed(v)
    result.scale(by: -1)
    return result
  }

  func apply(
    _ count: Int, _ inputs: UnsafePointer<Double>, to outputs: UnsafeMutablePointer<Double>
  ) {
    map.apply(count, inputs, to: outputs)
  }

  func applyTransposed(
    _ count: Int, _ inputs: UnsafePointer<Double>, to outputs: UnsafeMutablePointer<Double>
  ) {
    map.applyTransposed(count, inputs, to: outputs)
    for index in 0..<count * inputShape.reduce(1, *) { outputs[index].negate() }
  }
}
