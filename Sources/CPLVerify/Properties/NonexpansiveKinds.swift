import CPLBounds
import CPLReference

/// Layers that are 1-Lipschitz whatever their weights are.
struct NonexpansiveKinds: PropertyCheck {
  let id = "layer.nonexpansive"
  let statement = "layers that are 1-Lipschitz for all weights are so, and their bounds say so"
  let source = "Araujo et al. 2023, theorem 3"

  func run(_ context: CheckContext) throws -> Findings {
    var (ratios, bounds): ([Double], [Double]) = ([], [])
    var control: [Double] = []
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
        guard let wide = layer.converted(to: Double.self) as? any ConvexPotentialLayer<Double>
        else { continue }
        ratios.append(Self.ratio(wide, factor: 1))
        control.append(Self.ratio(wide, factor: 1.01))
      }
    }
    guard !ratios.isEmpty else { throw NotApplicable("no kind of layers promises it") }
    func measured(_ values: [Double]) -> Measurement {
      Measurement(
        "‖z(x) − z(y)‖/‖x − y‖ along the top singular vector, every unit active", worstOf: values,
        .atMost, 1, tolerance: 1e-9, from: "binary64 sums of at most 2¹⁰ terms at units of size 4")
    }
    return Findings(
      [
        measured(ratios),
        Measurement("the layer's verified Lipschitz bound", worstOf: bounds, .atMost, 1),
      ],
      control: PositiveControl("a descent 1 % longer", measured(control)))
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
