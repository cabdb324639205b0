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

  /// The layers of the network at hand.
  static func all(_ context: CheckContext) throws -> [Subject] {
    let verified = try context.network()
    let network = verified.network.converted(to: Double.self)
    let subjects = zip(network.layers, verified.bounds.layers).compactMap { layer, bounds in
      (layer as? any ConvexPotentialLayer<Double>).flatMap { layer in
        bounds.spectralNorm.map { Subject(layer: layer, spectralNorm: $0) }
      }
    }
    guard !subjects.isEmpty else { throw NotApplicable("the network has no such layer") }
    return subjects
  }

  /// h‖W‖², from above.
  var spread: Double {
    Rounding.up.product(
      layer.stepSize,
      Rounding.up.product(spectralNorm.upperBound, spectralNorm.upperBound))
  }

  /// x − z(x) = h·∇f(x).
  func descent(_ layer: any ConvexPotentialLayer<Double>, _ x: Tensor<Double>) -> Tensor<Double> {
    x.subtracting(layer.value(at: x))
  }

  /// The layer with its bias so large that every unit is active at all x with ‖x‖ ≤ 2, where it is
  /// then affine.
  var active: any ConvexPotentialLayer<Double> {
    var active = layer
    // |w_iᵀx| ≤ ‖W‖‖x‖.
    let level = 2.5 * spectralNorm.upperBound
    active.updateParameters { index, value in
      if index == 1 { value = Tensor(repeating: level, shape: value.shape) }
    }
    return active
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
    var cocoercivity: [Double] = []
    var monotonicity: [Double] = []
    var asymmetry: [Double] = []
    var control: [Double] = []
    for (index, subject) in try Subject.all(context).enumerated() where subject.layer.stepSize > 0 {
      var random = context.random(for: id, index)
      let spread = subject.spread
      for (x, y) in subject.pairs(context.effort.choose(4, 12, 100), &random) {
        let (lack, slope) = try Self.lacks(subject, subject.layer, x, y, spread: spread)
        cocoercivity.append(lack)
        monotonicity.append(slope)
      }
      // Where the layer is affine, along the direction that leaves no slack.
      let active = subject.active
      let top = subject.topDirection
      let origin = Tensor<Double>(shape: top.shape)
      let (lack, slope) = try Self.lacks(subject, active, top, origin, spread: spread)
      cocoercivity.append(lack)
      monotonicity.append(slope)
      control.append(
        try Self.lacks(subject, active, top, origin, spread: spread * 0.98).cocoercivity)
      for _ in 0..<context.effort.choose(2, 4, 20) {
        let (u, v) = (
          random.direction(subject.layer.inputShape), random.direction(subject.layer.inputShape)
        )
        let base = subject.descent(active, origin)
        let (du, dv) = (
          subject.descent(active, u).subtracting(base), subject.descent(active, v).subtracting(base)
        )
        let error = try subject.rounding(active, u, origin) + subject.rounding(active, v, origin)
        asymmetry.append(
          max(0, (du.dot(v) - u.dot(dv)).magnitude - error - productError(u.count) * spread))
      }
    }
    let lack = "‖Δg‖²/‖W‖² − ⟨Δg, Δx⟩, over ‖Δx‖²/h and less its rounding error"
    return Findings(
      [
        Measurement(lack, worstOf: cocoercivity, .atMost, 0),
        Measurement(
          "−⟨Δg, Δx⟩, over ‖Δx‖²/h and less its rounding error", worstOf: monotonicity, .atMost, 0),
        Measurement(
          "|⟨Gu, v⟩ − ⟨u, Gv⟩| for unit vectors, times h and less its rounding error",
          worstOf: asymmetry, .atMost, 0),
      ],
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
    let subjects = try Subject.all(context)
    let lower = subjects.map { subject in
      let (step, norm) = (subject.layer.stepSize, subject.spectralNorm.lowerBound)
      return Rounding.down.product(step, Rounding.down.product(norm, norm))
    }
    for (subject, proved) in zip(subjects, lower) where subject.spread > 2 && proved <= 2 {
      throw VerificationError.enclosureNotFound(
        what: subject.layer.name,
        reason: "h‖W‖² lies between \(proved) and \(subject.spread): neither above 2 nor below")
    }
    let quantity = "h‖W‖², a proved lower bound"
    let first = subjects[0].spectralNorm.lowerBound
    return Findings(
      [Measurement(quantity, worstOf: lower, .atMost, 2)],
      control: PositiveControl(
        "h = (2 + 1e-6)/‖W‖² in \(subjects[0].layer.name)",
        Measurement(
          quantity, (2 + 1e-6) / (first * first) * first * first, .atMost, 2,
          cases: first > 0 ? 1 : 0)))
  }
}

struct NonExpansiveLayers: PropertyCheck {
  let id = "cpl.nonexpansive"
  let statement = "a convex potential layer never moves two points apart"
  let source = "Meunier et al. 2022, equation 8; docs/soundness.md, section 5"

  func run(_ context: CheckContext) throws -> Findings {
    var ratios: [Double] = []
    var control: [Double] = []
    for (index, subject) in try Subject.all(context).enumerated() {
      var random = context.random(for: id, index)
      let layer = subject.layer
      var pairs = subject.pairs(context.effort.choose(8, 24, 200), &random)
      let (top, center) = (subject.topDirection, Self.activePoint(subject, &random))
      pairs += [1e-6, 1e-3, 1].map { (center, center.adding(top, scale: $0)) }
      for (x, y) in pairs {
        ratios.append(try Self.ratio(subject, layer, x, y))
        // Up the ratio: the direction in which the layer's difference is largest.
        let moved = layer.value(at: y).subtracting(layer.value(at: x))
        let (length, distance) = (moved.norm, y.subtracting(x).norm)
        guard length > 0 else { continue }
        ratios.append(
          try Self.ratio(subject, layer, x, x.adding(moved, scale: distance / length)))
      }
      var excessive = subject.active
      excessive.stepSize =
        (2 + 1e-3)
        / (subject.spectralNorm.lowerBound
          * subject.spectralNorm.lowerBound)
      control.append(
        try Self.ratio(subject, excessive, Tensor(shape: top.shape), top))
    }
    let quantity = "(‖z(x) − z(y)‖ − local(x) − local(y))/‖x − y‖"
    func measured(_ values: [Double]) -> Measurement {
      Measurement(
        quantity, worstOf: values, .atMost, 1,
        tolerance: productError(1 << 16), from: "norms of up to 2¹⁶ numbers in binary64")
    }
    return Findings(
      [measured(ratios)],
      control: PositiveControl(
        "h = (2 + 1e-3)/‖W‖², along the top singular vector with every unit active",
        measured(control)))
  }

  private static func ratio(
    _ subject: Subject, _ layer: any ConvexPotentialLayer<Double>, _ x: Tensor<Double>,
    _ y: Tensor<Double>
  ) throws -> Double {
    let distance = layer.value(at: x).subtracting(layer.value(at: y)).norm
    return (distance - (try subject.rounding(layer, x, y))) / x.subtracting(y).norm
  }

  /// A point at which as many units as possible are active, by gradient descent on
  /// Σ relu(margin − (Wx + b))².
  private static func activePoint(
    _ subject: Subject, _ random: inout CounterRandom
  ) -> Tensor<Double> {
    let map = subject.layer.linearMap
    let norm = subject.spectralNorm.upperBound
    guard norm > 0 else { return random.normalVector(map.inputShape) }
    let bias = subject.layer.parameters[1].value.elements
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
    "with h = 2/‖W‖² and all units active the top singular vector is turned round: the bound is attained"
  let source = "Meunier et al. 2022, equation 8"

  func run(_ context: CheckContext) throws -> Findings {
    var attained: [Double] = []
    var control: [Double] = []
    for subject in try Subject.all(context) where subject.spectralNorm.lowerBound > 0 {
      var layer = subject.active
      let square = subject.spectralNorm.lowerBound * subject.spectralNorm.lowerBound
      layer.stepSize = 2 / square
      let top = subject.topDirection
      attained.append(Self.eigenvalue(layer, top))
      layer.stepSize = 1.999 / square
      control.append(Self.eigenvalue(layer, top))
    }
    // The direction is found as an enclosure's lower bound is, which may fall short of ‖W‖ by 1e-6;
    // the eigenvalue 1 − h‖Wv‖² then by four times as much.
    func measured(_ values: [Double]) -> Measurement {
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
