// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import Foundation

/// Multipliers of several problems, how good they are, and their moments.
struct LocalSearchState {
  /// The problems that are left, by their places among all.
  private(set) var rows: [Int]
  private let network: LocalNetwork
  private let parts: [ResidualPart]
  private var problems: [LocalProblem]
  private var layers: [LayerState]
  /// The scalars of each row: log λ of each layer, then log μ.
  private var scalars: [[Double]]
  private var scalarMoments: [(first: [Double], second: [Double])]
  private var step = 0
  /// The gradient of ‖a₀‖ with respect to a₀ at the image, times t.
  private var imageGradient: [Float] = []

  init(_ problems: [LocalProblem], _ network: LocalNetwork) {
    rows = Array(problems.indices)
    self.problems = problems
    self.network = network
    parts = network.residuals
    layers = parts.map { LayerState($0, problems) }
    scalars = problems.map { problem in
      // On the scale of the slope at which the global bound lets the margin fall.
      let reach = network.lipschitz * problem.radius
      let scale = problem.margin / (problem.featureDistance * reach)
      return Array(repeating: log(0.08 * scale), count: network.residuals.count)
        + [log(0.3 * scale)]
    }
    scalarMoments = scalars.map {
      ($0.map { _ in 0.0 }, $0.map { _ in 0.0 })
    }
  }

  /// Leaves all rows but some out.
  mutating func keep(_ kept: [Int]) {
    let pixels = imageGradient.count / rows.count
    imageGradient = kept.flatMap { imageGradient[$0 * pixels..<($0 + 1) * pixels] }
    rows = kept.map { rows[$0] }
    problems = kept.map { problems[$0] }
    scalars = kept.map { scalars[$0] }
    scalarMoments = kept.map { scalarMoments[$0] }
    for index in layers.indices { layers[index].keep(kept) }
  }

  /// π₋₁ … π_{K−1} of a row.
  private func prices(_ row: Int) -> [Double] {
    var prices = [exp(scalars[row][parts.count])]
    for part in parts.reversed() {
      prices.append(
        prices[prices.count - 1] + 0.5 * exp(scalars[row][part.index]) * part.reach * part.reach)
    }
    return prices.reversed()
  }

  /// The multipliers of a row, as the last evaluation took them.
  func multipliers(_ row: Int) -> LocalMultipliers {
    let problem = problems[row]
    return LocalMultipliers(
      slopes: layers.map { $0.row(row, of: $0.slopes) },
      touches: layers.map { layer in
        layer.row(row, of: layer.touches).map { $0 / problem.scales.length }
      },
      prices: prices(row).map { $0 / problem.priceScale })
  }

  /// D of every row, in binary32.
  mutating func evaluate() -> [Double] {
    let count = rows.count
    let prices = rows.indices.map(prices)
    var gradient = problems.flatMap { problem in
      zip(network.rows[problem.pair.label], network.rows[problem.pair.other]).map {
        Float(($0 - $1) * problem.gradientScale)
      }
    }
    var values = zip(problems, prices).map { problem, prices in
      let reach = (parts.first?.inputLipschitz ?? network.lipschitz) * problem.radius
      return prices[0] * reach * reach
        - prices[prices.count - 1] * problem.featureDistance * problem.featureDistance
    }
    for part in network.parts.reversed() {
      switch part {
      case .linear(let part):
        gradient =
          part.narrow.pulled(
            Tensor(shape: [count] + part.narrow.outputShape, elements: gradient)
          ).elements
      case .residual(let part):
        layers[part.index].evaluate(part, problems, prices, &gradient, &values)
      }
    }
    let size = gradient.count / count
    for row in 0..<count {
      let range = row * size..<(row + 1) * size
      let norm = gradient[range].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      values[row] += norm * problems[row].radius
      let scale = Float(norm > 0 ? problems[row].radius / norm : 0)
      for index in range { gradient[index] *= scale }
    }
    imageGradient = gradient
    return values
  }

  /// One step of every multiplier, from what `evaluate` left.
  mutating func improve(_ settings: LocalSearch.Settings, rate: Double) {
    guard !rows.isEmpty else { return }
    step += 1
    let count = rows.count
    var adjoint = imageGradient
    // ∂D/∂π of the layers so far, T² included.
    var priceGradients = problems.map { problem in
      let reach = (parts.first?.inputLipschitz ?? network.lipschitz) * problem.radius
      return reach * reach
    }
    var gradients = scalars
    for part in network.parts {
      switch part {
      case .linear(let part):
        adjoint =
          part.narrow.pushed(
            Tensor(shape: [count] + part.narrow.inputShape, elements: adjoint)
          ).elements
      case .residual(let part):
        for row in 0..<count {
          let sums = layers[part.index].sums[row]
          gradients[row][part.index] =
            -0.5 * sums.squares + 0.5 * part.reach * part.reach * priceGradients[row]
          priceGradients[row] += sums.price
        }
        layers[part.index].improve(part, settings, rate: rate, step: step, &adjoint)
      }
    }
    for row in 0..<count {
      let last = parts.count
      gradients[row][last] =
        priceGradients[row] - problems[row].featureDistance * problems[row].featureDistance
      for index in 0...last {
        let gradient = gradients[row][index] * exp(scalars[row][index])
        let first = 0.9 * scalarMoments[row].first[index] + 0.1 * gradient
        let second = 0.999 * scalarMoments[row].second[index] + 0.001 * gradient * gradient
        scalarMoments[row].first[index] = first
        scalarMoments[row].second[index] = second
        let direction =
          first / (1 - pow(0.9, Double(step)))
          / ((second / (1 - pow(0.999, Double(step)))).squareRoot() + 1e-30)
        scalars[row][index] -=
          rate * (index == last ? settings.priceRate : settings.curvatureRate) * direction
      }
    }
  }
}

/// The multipliers of one layer, row by row, and what an evaluation leaves.
struct LayerState {
  let units: Int
  private let rowNorms: [Float]
  private var preactivations: [Float]
  private(set) var slopes: [Float]
  private(set) var touches: [Float]
  private var firstMoments: [Float]
  private var secondMoments: [Float]
  /// b.
  private var forward: [Float]
  /// The mixture's Δ and s, and the s before it.
  private var moves: [Float]
  private var mixtures: [Float]
  private var formerMixtures: [Float]
  /// For each row ΣΔ² and ∂D/∂π of the mixture.
  private(set) var sums: [(squares: Double, price: Double)]

  init(_ part: ResidualPart, _ problems: [LocalProblem]) {
    units = part.units
    rowNorms = part.rowNorms.map { Float($0) }
    let size = problems.count * part.units
    preactivations = problems.flatMap { $0.preactivations[part.index].map { Float($0) } }
    let zeros = [Float](repeating: 0, count: size)
    (touches, firstMoments, secondMoments) = (zeros, zeros, zeros)
    (forward, moves, mixtures, formerMixtures) = (zeros, zeros, zeros, zeros)
    sums = problems.map { _ in (0, 0) }
    slopes = zeros
    for (row, problem) in problems.enumerated() {
      let reach = Float(part.inputLipschitz * problem.radius)
      for unit in 0..<units {
        let (p, cap) = (preactivations[row * units + unit], rowNorms[unit] * reach)
        slopes[row * units + unit] =
          p.magnitude >= cap ? (p > 0 ? 1 : 0) : min(max(0.5 + 0.5 * p / cap, 0.03), 0.97)
      }
    }
  }

  func row(_ row: Int, of elements: [Float]) -> [Double] {
    elements[row * units..<(row + 1) * units].map { Double($0) }
  }

  mutating func keep(_ kept: [Int]) {
    func select(_ elements: [Float]) -> [Float] {
      kept.flatMap { elements[$0 * units..<($0 + 1) * units] }
    }
    preactivations = select(preactivations)
    slopes = select(slopes)
    touches = select(touches)
    firstMoments = select(firstMoments)
    secondMoments = select(secondMoments)
    forward = select(forward)
    moves = select(moves)
    mixtures = select(mixtures)
    formerMixtures = select(formerMixtures)
    sums = kept.map { sums[$0] }
  }

  /// Adds the layer's terms of D and carries the gradient back through it.
  mutating func evaluate(
    _ part: ResidualPart, _ problems: [LocalProblem], _ prices: [[Double]],
    _ gradient: inout [Float], _ values: inout [Double]
  ) {
    let count = problems.count
    let step = Float(part.stepSize)
    var linear = [Float](repeating: 0, count: count * units)
    var plane = [Float](repeating: 0, count: count * units)
    var back = [Float](repeating: 0, count: count * part.inputs)
    part.narrow.apply(count, gradient, to: &forward)
    for index in forward.indices {
      forward[index] *= step
      linear[index] = forward[index] * slopes[index]
    }
    part.narrow.applyTransposed(count, linear, to: &back)
    for index in gradient.indices { gradient[index] -= back[index] }
    part.narrow.applyTransposed(count, touches, to: &back)
    part.narrow.apply(count, back, to: &plane)
    for index in plane.indices {
      plane[index] = 2 * step * touches[index] - step * step * plane[index]
    }
    swap(&formerMixtures, &mixtures)
    for row in 0..<count {
      let (price, before) = (prices[row][part.index + 1], prices[row][part.index])
      let curvature = 2 * (before - price) / (part.reach * part.reach)
      var step = UnitStep(
        price: Float(price), step: step, curvature: Float(curvature),
        reach: Float(part.inputLipschitz * problems[row].radius))
      let start = row * units
      linear.withUnsafeBufferPointer { linear in
        plane.withUnsafeBufferPointer { plane in
          preactivations.withUnsafeBufferPointer { preactivations in
            forward.withUnsafeBufferPointer { forward in
              touches.withUnsafeBufferPointer { touches in
                moves.withUnsafeMutableBufferPointer { moves in
                  mixtures.withUnsafeMutableBufferPointer { mixtures in
                    step.run(
                      units, rowNorms, preactivations: preactivations.baseAddress! + start,
                      forward: forward.baseAddress! + start, linear: linear.baseAddress! + start,
                      plane: plane.baseAddress! + start, touches: touches.baseAddress! + start,
                      moves: moves.baseAddress! + start, mixtures: mixtures.baseAddress! + start)
                  }
                }
              }
            }
          }
        }
      }
      values[row] += step.value + price * step.height
      sums[row] = (step.squares, step.price)
    }
  }

  /// Moves slopes and touching points; `adjoint`, the perturbation of the layer's input that the multipliers
  /// imply with the opposite sign, becomes that of its output.
  mutating func improve(
    _ part: ResidualPart, _ settings: LocalSearch.Settings, rate: Double, step: Int,
    _ adjoint: inout [Float]
  ) {
    let count = adjoint.count / part.inputs
    var image = [Float](repeating: 0, count: count * units)
    var back = [Float](repeating: 0, count: count * part.inputs)
    part.narrow.apply(count, adjoint, to: &image)
    let correction1 = Float(1 - pow(0.9, Double(step)))
    let correction2 = Float(1 - pow(0.999, Double(step)))
    let slopeRate = Float(rate * settings.slopeRate) / correction1
    let root = 1 / correction2.squareRoot()
    let momentum = step > 1 ? settings.momentum : 0
    for index in image.indices {
      let slope = slopes[index]
      let miss = -moves[index] - image[index]
      image[index] = mixtures[index] + slope * miss
      let isFixed = slope == 0 || slope == 1
      let gradient = isFixed ? 0 : forward[index] * miss
      let first = 0.9 * firstMoments[index] + 0.1 * gradient
      let second = 0.999 * secondMoments[index] + 0.001 * gradient * gradient
      firstMoments[index] = first
      secondMoments[index] = second
      let moved = slope - slopeRate * first / (second.squareRoot() * root + 1e-30)
      slopes[index] = isFixed ? slope : min(max(moved, 0.001), 0.999)
      touches[index] = mixtures[index] + momentum * (mixtures[index] - formerMixtures[index])
    }
    part.narrow.applyTransposed(count, image, to: &back)
    let scale = Float(part.stepSize)
    for index in adjoint.indices { adjoint[index] += scale * back[index] }
  }
}
