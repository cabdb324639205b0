// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify

/// The distance from an image to the nearest point, in the whole space, at which a margin of a small dense network
/// is 0 or less: over all activation patterns, the least distance to a polyhedron.
///
/// On a pattern the network is affine, and the points that have it and a margin of at most 0 are {δ : Gδ ≤ h}. The
/// patterns are a tree, a unit on each floor; the least point of what the units so far require is found by a quadratic
/// programme, and where that is no nearer than what is known, no pattern further on is.
struct ExactDistance {
  typealias Layer = (weights: [[Double]], bias: [Double], step: Double)

  private let layers: [Layer]
  private let row: [Double]
  private let offset: Double
  private(set) var distance = Double.infinity

  /// - Parameters:
  ///   - layers: dense convex potential layers.
  ///   - row: q_c − q_j, and `offset` the difference of their biases.
  ///   - input: what the first layer is given.
  init(layers: [Layer], row: [Double], offset: Double, input: [Double]) {
    (self.layers, self.row, self.offset) = (layers, row, offset)
    let identity = input.indices.map { i in input.indices.map { i == $0 ? 1.0 : 0 } }
    follow(
      0, map: identity, constant: input,
      Polyhedron(constraints: [], nearest: input.map { _ in 0 }))
  }

  /// What holds of a part of the tree, and its point that is nearest to 0.
  private struct Polyhedron {
    var constraints: [LeastDistance.Constraint]
    var nearest: [Double]

    /// Nil where nothing is left, or nothing nearer than `limit`.
    func adding(_ constraint: LeastDistance.Constraint, within limit: Double) -> Polyhedron? {
      var smaller = self
      smaller.constraints.append(constraint)
      if LocalDefinition.dot(constraint.normal, nearest) > constraint.limit {
        guard let point = LeastDistance.point(smaller.constraints) else { return nil }
        smaller.nearest = point
      }
      return smaller.length < limit ? smaller : nil
    }

    var length: Double { LocalDefinition.dot(nearest, nearest).squareRoot() }
  }

  /// Branches over the patterns of layer `index`, whose input is map·δ + constant.
  private mutating func follow(
    _ index: Int, map: [[Double]], constant: [Double], _ polyhedron: Polyhedron
  ) {
    guard index < layers.count else {
      let normal = LocalDefinition.multiply(LocalDefinition.transposed(map), row)
      let margin = LocalDefinition.dot(row, constant) + offset
      if let last = polyhedron.adding((normal, -margin), within: distance) {
        distance = last.length
      }
      return
    }
    let layer = layers[index]
    let transposed = LocalDefinition.transposed(map)
    branch(
      index, unit: 0, normals: layer.weights.map { LocalDefinition.multiply(transposed, $0) },
      values: zip(layer.weights, layer.bias).map { LocalDefinition.dot($0, constant) + $1 },
      map: map, constant: constant, polyhedron)
  }

  private mutating func branch(
    _ index: Int, unit: Int, normals: [[Double]], values: [Double], map: [[Double]],
    constant: [Double], _ polyhedron: Polyhedron
  ) {
    let layer = layers[index]
    guard unit < layer.bias.count else {
      return follow(index + 1, map: map, constant: constant, polyhedron)
    }
    let (normal, value) = (normals[unit], values[unit])
    // The side of the nearest point first.
    let isOnThere = LocalDefinition.dot(normal, polyhedron.nearest) + value > 0
    for isOn in [isOnThere, !isOnThere] {
      // On: ⟨normal, δ⟩ + value ≥ 0.
      guard
        let side = polyhedron.adding(
          isOn ? (normal.map { -$0 }, value) : (normal, -value), within: distance)
      else { continue }
      var (map, constant) = (map, constant)
      if isOn {
        for feature in constant.indices {
          let weight = layer.step * layer.weights[unit][feature]
          constant[feature] -= weight * value
          for column in normal.indices { map[feature][column] -= weight * normal[column] }
        }
      }
      branch(
        index, unit: unit + 1, normals: normals, values: values, map: map, constant: constant, side)
    }
  }
}

/// Least-distance programmes: the point nearest to 0 with ⟨normal, δ⟩ ≤ limit for all of some constraints (Lawson and
/// Hanson, Solving Least Squares Problems, chapter 23).
enum LeastDistance {
  typealias Constraint = (normal: [Double], limit: Double)

  /// Nil where no point satisfies all.
  ///
  /// With E's columns (−normal, −limit) and f the last unit vector, r = f − Eu of the least squares with u ≥ 0 gives the
  /// point −r₁…−r_n over r_{n+1}; that is 0 where there is none.
  static func point(_ constraints: [Constraint]) -> [Double]? {
    let size = constraints[0].normal.count
    let columns = constraints.map { normal, limit -> [Double] in
      let length = max(LocalDefinition.dot(normal, normal).squareRoot(), 1e-300)
      return normal.map { -$0 / length } + [-limit / length]
    }
    let residual = residual(columns)
    let last = residual[size]
    guard last > 1e-12 else { return nil }
    return residual.prefix(size).map { -$0 / last }
  }

  /// f − Eu for the u ≥ 0 that makes it least.
  private static func residual(_ columns: [[Double]]) -> [Double] {
    let goal = columns[0].indices.map { $0 == columns[0].count - 1 ? 1.0 : 0 }
    var passive: [Int] = []
    var weights = columns.map { _ in 0.0 }
    var residual = goal
    for _ in 0..<10 * (columns.count + 1) {
      let gains = columns.indices.map { column in
        passive.contains(column) ? 0 : LocalDefinition.dot(columns[column], residual)
      }
      guard let next = gains.indices.max(by: { gains[$0] < gains[$1] }), gains[next] > 1e-13,
        solve(passive + [next], columns, goal) != nil
      else { return residual }
      passive.append(next)
      while let solution = solve(passive, columns, goal) {
        guard solution.weights.contains(where: { $0 <= 0 }) else {
          for (column, weight) in zip(passive, solution.weights) { weights[column] = weight }
          residual = solution.residual
          break
        }
        // As far towards the solution as no weight becomes negative.
        var share = 1.0
        for (column, weight) in zip(passive, solution.weights) where weight <= 0 {
          share = min(share, weights[column] / (weights[column] - weight))
        }
        for (column, weight) in zip(passive, solution.weights) {
          weights[column] += share * (weight - weights[column])
        }
        passive.removeAll { weights[$0] <= 1e-15 }
        if passive.isEmpty {
          residual = goal
          break
        }
      }
    }
    return residual
  }

  /// The least squares with some columns, by Gram and Schmidt; nil when these are dependent.
  private static func solve(
    _ chosen: [Int], _ columns: [[Double]], _ goal: [Double]
  ) -> (weights: [Double], residual: [Double])? {
    var basis: [[Double]] = []
    // Each column in terms of the basis.
    var triangle: [[Double]] = []
    for column in chosen {
      var vector = columns[column]
      var shares = basis.map { _ in 0.0 }
      for _ in 0..<2 {
        for (index, other) in basis.enumerated() {
          let along = LocalDefinition.dot(vector, other)
          shares[index] += along
          for element in vector.indices { vector[element] -= along * other[element] }
        }
      }
      let length = LocalDefinition.dot(vector, vector).squareRoot()
      guard length > 1e-11 else { return nil }
      basis.append(vector.map { $0 / length })
      triangle.append(shares + [length])
    }
    var residual = goal
    var heights: [Double] = []
    for vector in basis {
      let along = LocalDefinition.dot(residual, vector)
      heights.append(along)
      for element in residual.indices { residual[element] -= along * vector[element] }
    }
    var weights = heights
    for index in chosen.indices.reversed() {
      weights[index] /= triangle[index][index]
      for row in 0..<index { weights[row] -= weights[index] * triangle[index][row] }
    }
    return (weights, residual)
  }
}
