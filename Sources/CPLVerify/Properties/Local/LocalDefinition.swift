// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLReference

/// D(t) of local certificates in plain binary64, written down from its definition with the layers' matrices, and
/// what a perturbation really does: what the proof is held to. It shares nothing with it.
package struct LocalDefinition {
  /// What is wrong with a bound, to see that such a bound is found out.
  package enum Fault: CaseIterable, Sendable {
    /// h²‖Wᵀs‖² is added to the energy instead of subtracted.
    case energySign
    /// The distance of the features is squared once too often into the budget: 2ρ² in place of ρ².
    case featureDistance
    /// Units that may switch are taken for fixed.
    case fixedUnits
    /// 2hI − h²WWᵀ is taken for positive semidefinite, however long the step.
    case longStep
    /// The energy of the first layer is made of W on the image's channels alone.
    case restrictedEnergy
  }

  private enum Part {
    case linear([[Double]])
    case residual(matrix: [[Double]], step: Double, preactivations: [Double])
  }

  private var parts: [Part] = []
  private let network: CPLNetwork<Double>
  private let image: [Double]
  private let pair: (label: Int, other: Int)

  package init(_ network: CPLNetwork<Double>, image: [Double], pair: (label: Int, other: Int)) {
    self.network = network
    self.image = image
    self.pair = pair
    var values = image
    for layer in network.layers.dropLast() {
      func apply(_ x: [Double]) -> [Double] {
        layer.forward(
          Tensor(shape: [1] + layer.inputShape, elements: x), recording: .nothing, workers: .serial
        ).output.elements
      }
      if let convex = layer as? any ConvexPotentialLayer<Double> {
        let matrix = Self.matrix(convex.linearMap)
        let bias = layer.parameters[1].value.elements
        let plane = matrix.count / bias.count
        parts.append(
          .residual(
            matrix: matrix, step: convex.stepSize,
            preactivations: zip(Self.multiply(matrix, values), matrix.indices).map {
              $0 + bias[$1 / plane]
            }))
      } else {
        let origin = apply(values.map { _ in 0 })
        let columns = values.indices.map { index in
          zip(apply(values.indices.map { $0 == index ? 1 : 0 }), origin).map(-)
        }
        parts.append(.linear(Self.transposed(columns)))
      }
      values = apply(values)
    }
  }

  private static func matrix(_ map: some LinearMap<Double>) -> [[Double]] {
    let count = map.inputShape.reduce(1, *)
    return transposed(
      (0..<count).map { index in
        map.apply(
          Tensor(shape: map.inputShape, elements: (0..<count).map { $0 == index ? 1 : 0 })
        ).elements
      })
  }

  package static func transposed(_ matrix: [[Double]]) -> [[Double]] {
    matrix[0].indices.map { column in matrix.map { $0[column] } }
  }

  package static func multiply(_ matrix: [[Double]], _ x: [Double]) -> [Double] {
    matrix.map { dot($0, x) }
  }

  package static func dot(_ x: [Double], _ y: [Double]) -> Double {
    zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// What the margin falls by when the image moves by δ.
  package func decrease(_ perturbation: [Double]) -> Double {
    margin(perturbation.map { _ in 0 }) - margin(perturbation)
  }

  /// The margin at the image moved by δ, from the layers as they are evaluated.
  private func margin(_ perturbation: [Double]) -> Double {
    let logits = network.logits(
      Tensor(shape: [1] + network.inputShape, elements: zip(image, perturbation).map(+)),
      workers: .serial)
    return logits.elements[pair.label] - logits.elements[pair.other]
  }

  /// q_c − q_j, by what the head makes of unit vectors.
  private var rowDifference: [Double] {
    let head = network.head
    let count = head.inputShape.reduce(1, *)
    func margin(_ x: [Double]) -> Double {
      let logits = head.forward(
        Tensor(shape: [1, count], elements: x), recording: .nothing, workers: .serial
      ).output.elements
      return logits[pair.label] - logits[pair.other]
    }
    let origin = margin(Array(repeating: 0, count: count))
    return (0..<count).map { index in
      margin((0..<count).map { $0 == index ? 1 : 0 }) - origin
    }
  }

  /// What each residual layer sees of a perturbation, and what reaches the features: δ_k, Δ, s; δ_K.
  package func follow(
    _ perturbation: [Double]
  ) -> (layers: [(input: [Double], move: [Double], change: [Double])], output: [Double]) {
    var delta = perturbation
    var layers: [(input: [Double], move: [Double], change: [Double])] = []
    for part in parts {
      switch part {
      case .linear(let matrix): delta = Self.multiply(matrix, delta)
      case .residual(let matrix, let step, let preactivations):
        let move = Self.multiply(matrix, delta)
        let change = zip(preactivations, move).map { max($0 + $1, 0) - max($0, 0) }
        layers.append((delta, move, change))
        let back = Self.multiply(Self.transposed(matrix), change)
        delta = zip(delta, back).map { $0 - step * $1 }
      }
    }
    return (layers, delta)
  }

  /// The numbers a₀, b, c of given slopes.
  package func backward(
    _ slopes: [[Double]]
  ) -> (image: [Double], layers: [(forward: [Double], linear: [Double])]) {
    var gradient = rowDifference
    var layers: [(forward: [Double], linear: [Double])] = []
    for part in parts.reversed() {
      switch part {
      case .linear(let matrix): gradient = Self.multiply(Self.transposed(matrix), gradient)
      case .residual(let matrix, let step, _):
        let forward = Self.multiply(matrix, gradient).map { step * $0 }
        let linear = zip(forward, slopes[slopes.count - 1 - layers.count]).map(*)
        gradient = zip(gradient, Self.multiply(Self.transposed(matrix), linear)).map(-)
        layers.append((forward, linear))
      }
    }
    return (gradient, layers.reversed())
  }

  /// D(t) where `at` is nil. For a perturbation the same with what it is in place of what it could be at most: each
  /// U_i at its Δ_i, −⟨a₀, δ⟩ and norms as they are. This is no less than what the margin falls by, nor more than D.
  package func bound(
    _ multipliers: LocalMultipliers, _ local: LocalNetwork, radius: Double, featureDistance: Double,
    at perturbation: [Double]? = nil, fault: Fault? = nil
  ) -> Double {
    let backward = backward(multipliers.slopes)
    let prices = multipliers.prices
    let followed = perturbation.map(follow)
    func square(_ x: [Double]) -> Double { Self.dot(x, x) }
    let first = local.residuals.first?.inputLipschitz ?? local.lipschitz
    let start =
      followed.map { square($0.layers.first?.input ?? $0.output) }
      ?? (first * radius) * (first * radius)
    let end = followed.map { square($0.output) } ?? featureDistance * featureDistance
    var total =
      prices[0] * start - prices[prices.count - 1] * (fault == .featureDistance ? 2 : 1) * end
    total +=
      perturbation.map { -Self.dot(backward.image, $0) }
      ?? square(backward.image).squareRoot() * radius
    for part in local.residuals {
      let index = part.index
      guard case .residual(let matrix, let step, let preactivations) = residuals[index] else {
        continue
      }
      let (price, before) = (prices[index + 1], prices[index])
      let curvature = 2 * (before - price) / (part.reach * part.reach)
      let touch = multipliers.touches[index]
      let energyMatrix =
        fault == .restrictedEnergy && index == 0
        ? matrix.map { row in row.indices.map { $0 < occupied ? row[$0] : 0 } }
        : matrix
      let alpha = fault == .longStep ? 2 * step : part.curvature
      let product = Self.multiply(
        energyMatrix, Self.multiply(Self.transposed(energyMatrix), touch))
      let sign: Double = fault == .energySign ? 1 : -1
      let plane = zip(touch, product).map { alpha * $0 + sign * step * step * $1 }
      total += price * Self.dot(touch, plane)
      let reach = part.inputLipschitz * radius
      for unit in preactivations.indices {
        let (p, b, c) = (
          preactivations[unit], backward.layers[index].forward[unit],
          backward.layers[index].linear[unit]
        )
        func value(_ move: Double) -> Double {
          let change =
            fault == .fixedUnits ? (p > 0 ? move : 0) : max(p + move, 0) - max(p, 0)
          return b * change - c * move - 0.5 * curvature * move * move
            - 2 * price * step * change * (move - change)
            + price * (alpha - 2 * step) * change * change - 2 * price * plane[unit] * change
        }
        if let followed {
          total += value(followed.layers[index].move[unit])
        } else {
          total += Self.maximum(value, kinks: [-p], reach: part.rowNorms[unit] * reach)
        }
      }
    }
    return total
  }

  /// W of each residual layer.
  package var matrices: [[[Double]]] {
    parts.compactMap { if case .residual(let matrix, _, _) = $0 { matrix } else { nil } }
  }

  private var residuals: [Part] {
    parts.filter { if case .residual = $0 { true } else { false } }
  }

  /// How many inputs of the first residual layer an image reaches.
  private var occupied: Int { image.count }

  /// The maximum over [−reach, reach] of a function that is quadratic between its kinks.
  private static func maximum(
    _ value: (Double) -> Double, kinks: [Double], reach: Double
  ) -> Double {
    let ends = [-reach, reach] + kinks.filter { abs($0) < reach }
    var candidates = ends
    for (low, high) in zip(ends.sorted(), ends.sorted().dropFirst()) {
      // The vertex of the parabola through three points.
      let (middle, half) = ((low + high) / 2, (high - low) / 2)
      let (left, centre, right) = (value(low), value(middle), value(high))
      let bend = left - 2 * centre + right
      if bend < 0 {
        candidates.append(min(max(middle - half * (right - left) / (2 * bend), low), high))
      }
    }
    return candidates.map(value).max()!
  }
}
