// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLFindings
import CPLReference

/// Layers that are 1-Lipschitz whatever their weights are.
struct NonexpansiveKinds: PropertyCheck {
  let id = "layer.nonexpansive"
  let statement = "layers that are 1-Lipschitz for all weights are so, and their bounds say so"
  let source = "Araujo et al. 2023, theorem 3; Prach and Lampert 2022, theorems 1 and 2"

  func run(_ context: CheckContext) throws -> Findings {
    var (ratios, bounds): ([Double], [Double]) = ([], [])
    var control: [Double] = []
    var (slopes, slopeControl): ([Double], [Double]) = ([], [])
    let samples = LayerSpecification.kinds.filter { $0.isNonexpansive }
      .flatMap(LayerSpecification.samples)
    for (index, specification) in samples.enumerated() {
      for trial in 0..<context.effort.choose(2, 6, 30) {
        var random = context.random(for: id, index, trial)
        var layer: any Layer<Float> = context.network([specification], seed: context.seed).layers[0]
        // Weights of any size, rows of different sizes, and far from the start.
        let size = [1e-3, 1, 1e3][trial % 3]
        layer.updateParameters { parameter, value in
          let numbers = random.normals(value.count, as: Double.self)
          value = Tensor(
            shape: value.shape,
            elements: numbers.map { Float(parameter == 0 ? size * $0 : $0) })
        }
        bounds.append(
          try layer.bounded.lipschitzUpperBound(try layer.bounded.spectralNorm()))
        let wide = layer.converted(to: Double.self)
        if let potential = wide as? any ConvexPotentialLayer<Double> {
          ratios.append(Self.ratio(potential, factor: 1))
          control.append(Self.ratio(potential, factor: 1.01))
        } else {
          slopes.append(Self.slope(of: wide, &random))
          slopeControl.append(1.01 * slopes[slopes.count - 1])
        }
      }
    }
    guard !ratios.isEmpty, !slopes.isEmpty else {
      throw NotApplicable("no kind of layers promises it")
    }
    func measured(_ values: [Double]) -> Measurement {
      Measurement(
        "‖z(x) − z(y)‖/‖x − y‖ along the top singular vector, every unit active", worstOf: values,
        .atMost, 1, tolerance: 1e-9, from: "binary64 sums of at most 2¹⁰ terms at units of size 4")
    }
    func measuredSlopes(_ values: [Double]) -> Measurement {
      Measurement(
        "the norm of the Jacobian that differences give", worstOf: values, .atMost, 1,
        tolerance: 1e-9, from: "binary64 sums of at most 2⁸ terms, their differences over 2⁻⁴")
    }
    return Findings(
      [
        measured(ratios), measuredSlopes(slopes),
        Measurement("the layer's verified Lipschitz bound", worstOf: bounds, .atMost, 1),
      ],
      control: PositiveControl("a descent 1 % longer", measured(control)))
  }

  /// The norm of the Jacobian at a point whose numbers are 1, 2, 3, … in some order: kinks, where two of them are equal,
  /// are far from it.
  private static func slope(
    of layer: any Layer<Double>, _ random: inout CounterRandom
  ) -> Double {
    let (inputs, outputs) = (layer.inputShape.reduce(1, *), layer.outputShape.reduce(1, *))
    let keys: [Double] = random.normals(inputs)
    var point = Tensor<Double>(shape: layer.inputShape)
    for (rank, index) in keys.indices.sorted(by: { keys[$0] < keys[$1] }).enumerated() {
      point.elements[index] = Double(rank + 1)
    }
    let origin = layer.value(at: point)
    let step = 0x1p-4
    var jacobian = [Double](repeating: 0, count: inputs * outputs)
    for input in 0..<inputs {
      var moved = point
      moved.elements[input] += step
      let value = layer.value(at: moved)
      for output in 0..<outputs {
        jacobian[output * inputs + input] =
          (value.elements[output] - origin.elements[output]) / step
      }
    }
    return LAPACK.singularValues(jacobian, rows: outputs, columns: inputs)?.first ?? .nan
  }

  /// How far apart the layer, with a descent that is longer by `factor`, moves 0 and the top singular
  /// vector where every unit is active.
  private static func ratio(
    _ layer: any ConvexPotentialLayer<Double>, factor: Double
  ) -> Double {
    let top = TopDirection.of(layer.linearMap)
    let (layer, origin) = (layer.active(above: 2), Tensor<Double>(shape: top.shape))
    let descents = [top, origin].map { $0.subtracting(layer.value(at: $0)) }
    var moved = descents[1].subtracting(descents[0])
    moved.scale(by: factor)
    return top.adding(moved, scale: 1).norm / top.norm
  }
}
