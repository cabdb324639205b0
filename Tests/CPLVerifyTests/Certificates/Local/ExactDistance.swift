import CPLReference
import CPLVerify

/// The distance from an image to the nearest point, in the whole space, at which a margin of a small dense network
/// is 0 or less: over all activation patterns, the least distance to a polyhedron.
///
/// On a pattern the network is affine, and the points that have it and a margin of at most 0 are {δ : Gδ ≤ h}. The
/// nearest one is the projection of 0 on the affine hull of the constraints that are active there; so all sets of
/// at most dim δ constraints are tried.
struct ExactDistance {
  private let layers: [(weights: [[Double]], bias: [Double], step: Double)]
  private let row: [Double]
  private let offset: Double
  private let input: [Double]
  private(set) var distance = Double.infinity

  /// - Parameters:
  ///   - layers: dense convex potential layers.
  ///   - row: q_c − q_j, and `offset` the difference of their biases.
  ///   - input: what the first layer is given.
  init(
    layers: [(weights: [[Double]], bias: [Double], step: Double)], row: [Double], offset: Double,
    input: [Double]
  ) {
    (self.layers, self.row, self.offset, self.input) = (layers, row, offset, input)
    let size = input.count
    let identity = (0..<size).map { i in (0..<size).map { i == $0 ? 1.0 : 0 } }
    follow(0, map: identity, constant: input, constraints: [])
  }

  /// One constraint ⟨normal, δ⟩ ≤ limit.
  private typealias Constraint = (normal: [Double], limit: Double)

  /// Branches over the patterns of layer `index`, whose input is map·δ + constant.
  private mutating func follow(
    _ index: Int, map: [[Double]], constant: [Double], constraints: [Constraint]
  ) {
    guard index < layers.count else {
      let normal = LocalOracle.multiply(LocalOracle.transposed(map), row)
      let margin = LocalOracle.dot(row, constant) + offset
      return project(constraints + [(normal, -margin)])
    }
    let layer = layers[index]
    let normals = layer.weights.map { LocalOracle.multiply(LocalOracle.transposed(map), $0) }
    let values = zip(layer.weights, layer.bias).map { LocalOracle.dot($0, constant) + $1 }
    for pattern in 0..<(1 << layer.bias.count) {
      var (map, constant, constraints) = (map, constant, constraints)
      for unit in layer.bias.indices {
        let isOn = pattern >> unit & 1 == 1
        // On: ⟨normal, δ⟩ + value ≥ 0.
        constraints.append(
          isOn ? (normals[unit].map { -$0 }, values[unit]) : (normals[unit], -values[unit]))
        guard isOn else { continue }
        for feature in constant.indices {
          let weight = layer.step * layer.weights[unit][feature]
          constant[feature] -= weight * values[unit]
          for column in normals[unit].indices {
            map[feature][column] -= weight * normals[unit][column]
          }
        }
      }
      follow(index + 1, map: map, constant: constant, constraints: constraints)
    }
  }

  /// The projection of 0 on the polyhedron, if it is nearer than what is known.
  private mutating func project(_ constraints: [Constraint]) {
    choose(constraints, from: 0, [])
  }

  private mutating func choose(_ constraints: [Constraint], from start: Int, _ active: [Int]) {
    if let point = Self.solve(active.map { constraints[$0] }) {
      let length = LocalOracle.dot(point, point).squareRoot()
      // More active constraints make no nearer point.
      guard length < distance else { return }
      if constraints.allSatisfy({ LocalOracle.dot($0.normal, point) <= $0.limit + 1e-10 }) {
        distance = length
        return
      }
    }
    guard active.count < input.count else { return }
    for next in start..<max(start, constraints.count) {
      choose(constraints, from: next + 1, active + [next])
    }
  }

  /// The least δ with ⟨normal, δ⟩ = limit for all: Gᵀ(GGᵀ)⁻¹h; nil when the normals are dependent.
  private static func solve(_ constraints: [Constraint]) -> [Double]? {
    guard let first = constraints.first else { return nil }
    var basis: [[Double]] = []
    var point = first.normal.map { _ in 0.0 }
    // Gram and Schmidt: each new direction moves the point onto the next constraint.
    for constraint in constraints {
      var direction = constraint.normal
      for _ in 0..<2 {
        for vector in basis {
          let along = LocalOracle.dot(direction, vector)
          direction = zip(direction, vector).map { $0 - along * $1 }
        }
      }
      let length = LocalOracle.dot(direction, direction).squareRoot()
      let scale = LocalOracle.dot(constraint.normal, constraint.normal).squareRoot()
      guard length > 1e-9 * scale, scale > 0 else { return nil }
      let unit = direction.map { $0 / length }
      let miss = constraint.limit - LocalOracle.dot(constraint.normal, point)
      let along = LocalOracle.dot(constraint.normal, unit)
      point = zip(point, unit).map { $0 + miss / along * $1 }
      basis.append(unit)
    }
    return point
  }
}
