// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLCertificates
import CPLFindings
import CPLReference

/// Checks of the convex potential layers, in binary64.
enum PotentialLayerChecks {
  static let all: [any PropertyCheck] = [
    ConvexPotential(), StepWithinBound(), NonExpansiveLayers(), TightBound(),
  ]
}

/// A convex potential layer under test.
private struct Subject {
  /// In binary64, with the step that is executed.
  let layer: any ConvexPotentialLayer<Double>
  let spectralNorm: SpectralNormEnclosure
  /// The verified bound of the layer's Lipschitz constant with that step.
  let lipschitzUpperBound: Double

  /// The layers of the network at hand.
  static func all(_ context: CheckContext) throws -> [Subject] {
    let verified = try context.network()
    let network = verified.network.converted(to: Double.self)
    let subjects = zip(network.layers, verified.bounds.layers).compactMap { layer, bounds in
      (layer as? any ConvexPotentialLayer<Double>).flatMap { layer in
        bounds.spectralNorm.map {
          Subject(
            layer: layer, spectralNorm: $0, lipschitzUpperBound: bounds.lipschitzUpperBound)
        }
      }
    }
    guard !subjects.isEmpty else {
      throw NotApplicable("the network has no convex potential layer")
    }
    return subjects
  }

  /// Those that are not the identity: of these alone there is something to tell.
  static func moving(_ context: CheckContext) throws -> [Subject] {
    let subjects = try all(context).filter {
      $0.spectralNorm.lowerBound > 0 && $0.layer.stepSize > 0
    }
    guard !subjects.isEmpty else {
      throw NotApplicable(
        "every convex potential layer is the identity: its weights or its step are 0")
    }
    return subjects
  }

  /// h‖W‖², from above.
  var spread: Double { Self.spread(layer.stepSize, spectralNorm.upperBound, .up) }

  /// h‖W‖², from below.
  var leastSpread: Double { Self.spread(layer.stepSize, spectralNorm.lowerBound, .down) }

  static func spread(_ step: Double, _ norm: Double, _ rounding: Rounding) -> Double {
    rounding.product(step, rounding.product(norm, norm))
  }

  /// x − z(x) = h·∇f(x).
  func descent(_ layer: any ConvexPotentialLayer<Double>, _ x: Tensor<Double>) -> Tensor<Double> {
    x.subtracting(layer.value(at: x))
  }

  /// The layer with its bias so large that every unit is active at all x with ‖x‖ ≤ 2, where it is
  /// then affine.
  var active: any ConvexPotentialLayer<Double> {
    // |w_iᵀx| ≤ ‖W‖‖x‖.
    layer.active(above: 2.5 * spectralNorm.upperBound)
  }

  var topDirection: Tensor<Double> { TopDirection.of(layer.linearMap) }

  /// What rounding may change the layer's values at x and y by, in norm and together, and what it may
  /// change their difference by.
  func rounding(
    _ layer: any ConvexPotentialLayer<Double>, _ x: Tensor<Double>, _ y: Tensor<Double>
  ) throws -> Double {
    guard let bounded = layer as? any ForwardErrorBoundedLayer else {
      throw NotApplicable("\(layer.name) has no bound of its rounding error")
    }
    return try [x, y].reduce(0) {
      let norm = $1.normUpperBound
      // x − z rounds once more, and so does z(x) − z(y).
      return try Rounding.up.sum(
        $0,
        Rounding.up.sum(
          bounded.forwardErrorBound(norm: norm, spectralNorm: spectralNorm),
          8 * Rounding.unitRoundoff * norm))
    }
  }

  /// Pairs of points: near, far, and anywhere.
  func pairs(
    _ count: Int, _ random: inout CounterRandom
  ) -> [(x: Tensor<Double>, y: Tensor<Double>)] {
    (0..<count).map { index in
      let x = random.normalVector(layer.inputShape)
      let distance = [1e-6, 1e-2, 1, 100][index % 4]
      return (x, x.adding(random.direction(layer.inputShape), scale: distance))
    }
  }
}

/// Relative errors of norms and products of n numbers, and of quotients of them.
private func productError(_ count: Int) -> Double { 4 * Rounding.gamma(count + 4) }

struct ConvexPotential: PropertyCheck {
  let id = "cpl.potential-convex"
  let statement =
    "the potential's Hessian lies in [0, ‖W‖²]: its gradient is monotone, co-coercive and symmetric"
  let source = "Meunier et al. 2022, equation 8; Baillon and Haddad 1977"

  func run(_ context: CheckContext) throws -> Findings {
    var cocoercivity: [(subject: String?, value: Double)] = []
    var monotonicity: [(subject: String?, value: Double)] = []
    var asymmetry: [(subject: String?, value: Double)] = []
    var control: [(subject: String?, value: Double)] = []
    for (index, subject) in try Subject.moving(context).enumerated() {
      var random = context.random(for: id, index)
      let (name, spread) = (subject.layer.name, subject.spread)
      for (x, y) in subject.pairs(context.effort.choose(4, 12, 100), &random) {
        let (lack, slope) = try Self.lacks(subject, subject.layer, x, y, spread: spread)
        cocoercivity.append((name, lack))
        monotonicity.append((name, slope))
      }
      // Where the layer is affine, along the direction that leaves no slack.
      let active = subject.active
      let top = subject.topDirection
      let origin = Tensor<Double>(shape: top.shape)
      let (lack, slope) = try Self.lacks(subject, active, top, origin, spread: spread)
      cocoercivity.append((name, lack))
      monotonicity.append((name, slope))
      control.append(
        (name, try Self.lacks(subject, active, top, origin, spread: spread * 0.98).cocoercivity))
      for _ in 0..<context.effort.choose(2, 4, 20) {
        let (u, v) = (
          random.direction(subject.layer.inputShape), random.direction(subject.layer.inputShape)
        )
        let base = subject.descent(active, origin)
        let (du, dv) = (
          subject.descent(active, u).subtracting(base), subject.descent(active, v).subtracting(base)
        )
        let error = try subject.rounding(active, u, origin) + subject.rounding(active, v, origin)
        let excess = (du.dot(v) - u.dot(dv)).magnitude - error - productError(u.count) * spread
        asymmetry.append((name, max(0, excess)))
      }
    }
    let lack = "‖Δg‖²/‖W‖² − ⟨Δg, Δx⟩, over ‖Δx‖²/h and less its rounding error"
    let measurements = [
      Measurement(lack, worstOf: cocoercivity, .atMost, 0),
      Measurement(
        "−⟨Δg, Δx⟩, over ‖Δx‖²/h and less its rounding error", worstOf: monotonicity, .atMost, 0),
      Measurement(
        "|⟨Gu, v⟩ − ⟨u, Gv⟩| for unit vectors, times h and less its rounding error",
        worstOf: asymmetry, .atMost, 0),
    ]
    if measurements.allSatisfy({ $0.verdict == .holds }), control.allSatisfy({ $0.value <= 0 }) {
      throw NotApplicable(
        "every convex potential layer is the identity up to rounding: its h‖W‖² is too small")
    }
    return Findings(
      measurements,
      control: PositiveControl(
        "‖W‖² taken 2 % too small, along the top singular vector",
        Measurement(lack, worstOf: control, .atMost, 0)))
  }

  /// How far the gradient is from co-coercive and from monotone between two points; with d = hΔg,
  /// ‖d‖²/(h‖W‖²) − ⟨d, Δx⟩ and −⟨d, Δx⟩ over ‖Δx‖², less what rounding makes of them: d errs by e,
  /// and ‖d‖ ≤ h‖W‖²‖Δx‖.
  private static func lacks(
    _ subject: Subject, _ layer: any ConvexPotentialLayer<Double>, _ x: Tensor<Double>,
    _ y: Tensor<Double>, spread: Double
  ) throws -> (cocoercivity: Double, monotonicity: Double) {
    let move = x.subtracting(y)
    let descent = subject.descent(layer, x).subtracting(subject.descent(layer, y))
    let length = move.norm
    let error = try subject.rounding(layer, x, y) / length
    let slope = descent.dot(move) / (length * length)
    let share = descent.dot(descent) / (spread * length * length)
    let tolerance =
      (3 + error / spread) * error + productError(move.count) * (spread + 2 * share)
    return (share - slope - tolerance, -slope - tolerance)
  }
}

struct StepWithinBound: PropertyCheck {
  let id = "cpl.step"
  let statement = "the step that is executed satisfies h‖W‖² ≤ 2"
  let source = "Meunier et al. 2022, equation 8; docs/soundness.md, section 3"

  func run(_ context: CheckContext) throws -> Findings {
    let subjects = try Subject.moving(context)
    let quantity = "h‖W‖²"
    // Each layer that is proved to break it, the worst first.
    let broken = subjects.filter { $0.leastSpread > 2 }.sorted { $0.leastSpread > $1.leastSpread }
    if broken.isEmpty, let open = subjects.first(where: { $0.spread > 2 }) {
      throw Inconclusive(
        "\(open.layer.name): \(quantity) lies between \(open.leastSpread) and \(open.spread), "
          + "proved neither to exceed 2 nor not to")
    }
    let first = subjects[0].spectralNorm.lowerBound
    return Findings(
      broken.isEmpty
        ? [
          Measurement(
            quantity, worstOf: subjects.map { ($0.layer.name, $0.leastSpread) }, kind: .lowerBound,
            .atMost, 2)
        ]
        : broken.map {
          Measurement(
            quantity, of: $0.layer.name, $0.leastSpread, kind: .lowerBound, .atMost, 2, cases: 1)
        },
      control: PositiveControl(
        "h = (2 + 1e-6)/‖W‖² in \(subjects[0].layer.name)",
        Measurement(
          quantity, Subject.spread((2 + 1e-6) / (first * first), first, .down), kind: .lowerBound,
          .atMost, 2, cases: 1)))
  }
}

struct NonExpansiveLayers: PropertyCheck {
  let id = "cpl.nonexpansive"
  let statement =
    "a convex potential layer moves no two points farther apart than its verified bound: not at all where h‖W‖² ≤ 2"
  let source = "Meunier et al. 2022, equation 8; docs/soundness.md, sections 3 and 5"

  func run(_ context: CheckContext) throws -> Findings {
    var ratios: [(subject: String?, value: Double)] = []
    var control: [(subject: String?, value: Double)] = []
    for (index, subject) in try Subject.moving(context).enumerated() {
      var random = context.random(for: id, index)
      let layer = subject.layer
      func ratio(
        _ layer: any ConvexPotentialLayer<Double>, _ x: Tensor<Double>, _ y: Tensor<Double>
      ) throws -> (subject: String?, value: Double) {
        let distance = layer.value(at: x).subtracting(layer.value(at: y)).norm
        let proved = distance - (try subject.rounding(layer, x, y))
        return (layer.name, proved / x.subtracting(y).norm / subject.lipschitzUpperBound)
      }
      var pairs = subject.pairs(context.effort.choose(8, 24, 200), &random)
      let (top, center) = (subject.topDirection, Self.activePoint(subject, &random))
      pairs += [1e-6, 1e-3, 1].map { (center, center.adding(top, scale: $0)) }
      for (x, y) in pairs {
        ratios.append(try ratio(layer, x, y))
        // Up the ratio: the direction in which the layer's difference is largest.
        let moved = layer.value(at: y).subtracting(layer.value(at: x))
        let (length, distance) = (moved.norm, y.subtracting(x).norm)
        guard length > 0 else { continue }
        ratios.append(try ratio(layer, x, x.adding(moved, scale: distance / length)))
      }
      var excessive = subject.active
      let square = subject.spectralNorm.lowerBound * subject.spectralNorm.lowerBound
      excessive.stepSize = (1 + subject.lipschitzUpperBound + 1e-3) / square
      control.append(try ratio(excessive, Tensor(shape: top.shape), top))
    }
    func measured(_ values: [(subject: String?, value: Double)]) -> Measurement {
      Measurement(
        "(‖z(x) − z(y)‖ − local(x) − local(y))/‖x − y‖, over the layer's verified bound L̄",
        worstOf: values, .atMost, 1, tolerance: productError(1 << 16),
        from: "norms of up to 2¹⁶ numbers in binary64")
    }
    return Findings(
      [measured(ratios)],
      control: PositiveControl(
        "h = (1 + L̄ + 1e-3)/‖W‖², along the top singular vector with every unit active",
        measured(control)),
      figures: [try .distancesByDepth(context)].compactMap(\.self))
  }

  /// A point at which as many units as possible are active, by gradient descent on
  /// Σ relu(margin − (Wx + b))².
  private static func activePoint(
    _ subject: Subject, _ random: inout CounterRandom
  ) -> Tensor<Double> {
    let map = subject.layer.linearMap
    let norm = subject.spectralNorm.upperBound
    let bias = subject.layer.bias.elements
    let perUnit = map.outputShape.reduce(1, *) / bias.count
    var x = random.normalVector(map.inputShape)
    for _ in 0..<60 {
      var lack = map.apply(x)
      for index in lack.elements.indices {
        lack.elements[index] = max(0, 3 * norm - lack.elements[index] - bias[index / perUnit])
      }
      x.add(map.applyTransposed(lack), scale: 1.9 / (norm * norm))
    }
    return x
  }
}

struct TightBound: PropertyCheck {
  let id = "cpl.tight"
  let statement =
    "with h = 2/‖W‖² and all units active the top singular vector is reversed: the bound is attained"
  let source = "Meunier et al. 2022, equation 8"

  func run(_ context: CheckContext) throws -> Findings {
    var attained: [(subject: String?, value: Double)] = []
    var control: [(subject: String?, value: Double)] = []
    for subject in try Subject.moving(context) {
      var layer = subject.active
      let square = subject.spectralNorm.lowerBound * subject.spectralNorm.lowerBound
      layer.stepSize = 2 / square
      let top = subject.topDirection
      attained.append((layer.name, Self.eigenvalue(layer, top)))
      layer.stepSize = 1.999 / square
      control.append((layer.name, Self.eigenvalue(layer, top)))
    }
    // The direction is found as an enclosure's lower bound is, which may fall short of ‖W‖ by 1e-6;
    // the eigenvalue 1 − h‖Wv‖² then by four times as much.
    func measured(_ values: [(subject: String?, value: Double)]) -> Measurement {
      Measurement(
        "⟨J v, v⟩ for the top singular vector v", worstOf: values, .atMost, -1, tolerance: 4e-6,
        from: "four times the width that an enclosure of ‖W‖ may have")
    }
    return Findings(
      [measured(attained)],
      control: PositiveControl("h = 1.999/‖W‖²", measured(control)))
  }

  private static func eigenvalue(
    _ layer: any ConvexPotentialLayer<Double>, _ direction: Tensor<Double>
  ) -> Double {
    let origin = Tensor<Double>(shape: direction.shape)
    return layer.value(at: direction).subtracting(layer.value(at: origin)).dot(direction)
      / direction.dot(direction)
  }
}
