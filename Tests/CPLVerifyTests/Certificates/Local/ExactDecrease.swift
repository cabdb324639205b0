// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify

/// D(t) of local certificates in real arithmetic, to more than 200 bits: a function of the executed preactivations, the
/// multipliers and the constants that the proof takes for granted. It shares nothing with `LocalBound`.
struct ExactDecrease {
  private let sample: LocalCase
  private let preactivations: [[Double]]

  init(_ sample: LocalCase) {
    self.sample = sample
    preactivations = sample.bound.preactivations
  }

  func value(
    radius: Double, featureDistance: Double, _ multipliers: LocalMultipliers
  ) -> FixedPoint {
    let local = sample.local
    let prices = multipliers.prices
    func product(_ a: Double, _ b: Double) -> FixedPoint { FixedPoint(a) * b }
    let first = product(local.residuals.first?.inputLipschitz ?? local.lipschitz, radius)
    var total =
      first * first * prices[0]
      - product(featureDistance, featureDistance) * prices[prices.count - 1]
    var gradient = rowDifference
    // How many inputs an image changes, of the layer that is next in the network's order.
    let occupied = occupiedInputs
    for (place, part) in local.parts.enumerated().reversed() {
      switch part {
      case .linear(let part): gradient = Self.pulled(gradient, through: part.wide)
      case .residual(let part):
        let matrix = sample.definition.matrices[part.index]
        let step = part.stepSize
        let forward = matrix.map { Self.dot($0, gradient) * step }
        let linear = zip(forward, multipliers.slopes[part.index]).map { $0 * $1 }
        for column in gradient.indices {
          gradient[column] = matrix.indices.reduce(gradient[column]) {
            $0 - linear[$1] * matrix[$1][column]
          }
        }
        let touch = multipliers.touches[part.index]
        let back = matrix[0].indices.map { column in
          matrix.indices.reduce(FixedPoint(0)) { $0 + product(matrix[$1][column], touch[$1]) }
        }
        let plane = matrix.indices.map { unit in
          product(part.curvature, touch[unit]) - Self.dot(matrix[unit], back) * step * step
        }
        let price = prices[part.index + 1]
        total =
          total + zip(plane, touch).reduce(FixedPoint(0)) { $0 + $1.0 * $1.1 } * price
        let reach = product(part.inputLipschitz, radius)
        let curvature =
          part.reach > 0
          ? (FixedPoint(prices[part.index]) - FixedPoint(price)) * 2 / part.reach / part.reach
          : FixedPoint(0)
        let unitPrice = UnitPrice(
          price: price, step: step, excess: FixedPoint(part.curvature) - FixedPoint(2 * step),
          curvature: curvature)
        for unit in matrix.indices {
          let row = matrix[unit].prefix(occupied[place] ?? gradient.count)
          let norm = row.reduce(FixedPoint(0)) { $0 + product($1, $1) }.squareRoot
          total =
            total
            + unitPrice.maximum(
              p: FixedPoint(preactivations[part.index][unit]), b: forward[unit], c: linear[unit],
              v: plane[unit], cap: norm * reach)
        }
      }
    }
    let square = gradient.reduce(FixedPoint(0)) { $0 + $1 * $1 }
    return total + square.squareRoot * radius
  }

  /// For each part how many of its inputs an image changes; nil for all.
  private var occupiedInputs: [Int?] {
    var occupied: Int?
    return sample.local.parts.map { part in
      defer {
        if case .linear(let part) = part {
          occupied = part.wide.occupiedOutputs
        } else {
          occupied = nil
        }
      }
      return occupied
    }
  }

  private var rowDifference: [FixedPoint] {
    let (label, other) = sample.pair
    if let head = sample.evaluated.binary64.head as? PoolingLinear<Double>, head.pooling == .mean {
      let share = FixedPoint(head.meanFactor) / Double(head.groupSize)
      return (0..<head.features).map {
        let group = $0 / head.groupSize
        return group == label ? share : group == other ? -share : FixedPoint(0)
      }
    }
    let rows = sample.local.rows
    return zip(rows[label], rows[other]).map { FixedPoint($0) - FixedPoint($1) }
  }

  private static func dot(_ x: [Double], _ y: [FixedPoint]) -> FixedPoint {
    zip(x, y).reduce(FixedPoint(0)) { $0 + $1.1 * $1.0 }
  }

  /// Aᵀg.
  private static func pulled(
    _ gradient: [FixedPoint], through layer: any LinearLayer<Double>
  ) -> [FixedPoint] {
    switch layer {
    case let layer as Normalize<Double>:
      return gradient.indices.map {
        gradient[$0] / Double(layer.standardDeviation[$0 / layer.image.planeCount])
      }
    case let layer as PaddingChannels<Double>:
      let count = layer.inputShape.reduce(1, *)
      guard layer.padding == .clone else { return Array(gradient.prefix(count)) }
      return (0..<count).map { input in
        stride(from: input, to: gradient.count, by: count).reduce(FixedPoint(0)) {
          $0 + gradient[$1]
        } / layer.cloneDivisor
      }
    case let layer as NormPool<Double>:
      let (width, window) = (layer.image.width, layer.window)
      return (0..<layer.inputShape.reduce(1, *)).map { input in
        gradient[input / width / window * (width / window) + input % width / window]
          / Double(window)
      }
    case is Flatten<Double>: return gradient
    default: preconditionFailure("a new kind of layer: \(layer.specification.kind)")
    }
  }

  /// The scalars of U_i, the same for all units of a layer.
  private struct UnitPrice {
    let price: Double
    let step: Double
    /// η.
    let excess: FixedPoint
    /// λ.
    let curvature: FixedPoint

    /// max U(Δ) over |Δ| ≤ cap.
    func maximum(
      p: FixedPoint, b: FixedPoint, c: FixedPoint, v: FixedPoint, cap: FixedPoint
    ) -> FixedPoint {
      let zero = FixedPoint(0)
      let positive = max(p, zero)
      func value(_ move: FixedPoint) -> FixedPoint {
        let change = max(p + move, zero) - positive
        return b * change - c * move - curvature * move * move * 0.5
          - change * (move - change) * step * price * 2 + excess * change * change * price
          - v * change * price * 2
      }
      var points = [-cap, cap]
      func add(_ low: FixedPoint, _ high: FixedPoint, slope: FixedPoint, bend: FixedPoint) {
        points += [low, high]
        guard bend > zero else { return }
        points.append(min(max(slope * bend.reciprocal, low), high))
      }
      if -p <= cap {
        let negative = min(p, zero)
        let lift = excess * price * 2
        add(
          max(-p, -cap), cap,
          slope: b - v * price * 2 + negative * step * price * 2 - c + lift * negative,
          bend: curvature - lift)
      }
      if p <= cap {
        add(-cap, min(-p, cap), slope: positive * step * price * 2 - c, bend: curvature)
      }
      return points.map(value).max()!
    }
  }
}
