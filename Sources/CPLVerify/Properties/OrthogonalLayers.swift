// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLFindings
import CPLReference

/// Layers that keep distances.
struct OrthogonalLayers: PropertyCheck {
  let id = "layer.orthogonal"
  let statement = "an orthogonal layer keeps distances, or with fewer outputs those along its rows"
  let source = "Trockman and Kolter, ICLR 2021, section 3"

  func run(_ context: CheckContext) throws -> Findings {
    var ratios: [Double] = []
    let samples =
      LayerSpecification.samples(of: CayleyLinearKind.self)
      + LayerSpecification.samples(of: CayleyConvolutionKind.self)
    for (index, specification) in samples.enumerated() {
      for trial in 0..<context.effort.choose(2, 6, 30) {
        var random = context.random(for: id, index, trial)
        var layer: any Layer<Double> = context.network([specification], seed: context.seed).layers[
          0]
        let size = [1e-2, 1, 10][trial % 3]
        layer.updateParameters { _, value in
          value = random.normalVector(value.shape)
          value.scale(by: size)
        }
        // A direction along the rows: Qᵀv.
        let direction = random.direction([1] + layer.outputShape)
        let (_, cache) = layer.forward(
          Tensor(shape: [1] + layer.inputShape), recording: .masks, workers: .serial)
        let along = layer.inputGradient(direction, cache, workers: .serial)
          .reshaped(layer.inputShape)
        let origin = layer.value(at: Tensor(shape: along.shape))
        ratios.append(layer.value(at: along).subtracting(origin).norm / along.norm)
      }
    }
    func measured(_ values: [Double], _ relation: Measurement.Relation) -> Measurement {
      Measurement(
        "‖y(x) − y(0)‖/‖x‖", worstOf: values, relation, 1, tolerance: 1e-10,
        from: "binary64, an inverse of condition 10⁴ at most")
    }
    return Findings(
      [measured(ratios, .atMost), measured(ratios, .atLeast)],
      control: PositiveControl(
        "lengths that are a millionth smaller",
        measured(ratios.map { $0 * (1 - 1e-6) }, .atLeast)))
  }
}
