import CPLNetworks
import CPLNumerics

extension CPLNetwork {
  /// The gradient of the loss in training mode with respect to every parameter.
  ///
  /// First each convex potential layer's power method makes one iteration, which moves u and h;
  /// h then depends on the weights through σ̂, and the gradient follows it there.
  ///
  /// - Parameters:
  ///   - images: N×C×H×W in [0, 1].
  ///   - densePowerGradient: the quirk of that name.
  /// - Returns: the loss, and for each layer the gradients in the order of `Layer.parameters`.
  public mutating func trainingGradient(
    images: Tensor<Scalar>, labels: [Int], loss: MarginLoss, densePowerGradient: Bool,
    workers: Workers
  ) -> (loss: Scalar, images: Tensor<Scalar>, layers: [LayerGradient<Scalar>]) {
    let iterations = updateSteps(iterations: 1, workers: workers)
    let pass = record(images, recording: .everything, workers: workers)
    let (value, logitGradient) = loss(pass.logits, labels: labels)
    var (imageGradient, gradients) = backward(logitGradient, pass, workers: workers)
    for (position, iteration) in zip(convexPotentialLayers, iterations) {
      let layer = self[convexPotential: position]
      // ∂h/∂σ̂ for h = c/(σ̂² + 1e-4).
      let factor =
        -(2 / layer.stepNumerator) * layer.stepSize * layer.stepSize * iteration.estimate
        * gradients[position].step!
      iteration.addGradient(
        layer.linearMap, newVectorThroughV: densePowerGradient && layer is CPLLinear<Scalar>,
        scale: factor, to: &gradients[position].parameters[0], workers: workers)
    }
    return (value, imageGradient, gradients)
  }

  /// Runs every layer's power method from its u, and sets u and h = c/(σ̂² + 1e-4).
  @discardableResult
  public mutating func updateSteps(iterations: Int, workers: Workers) -> [PowerMethod<Scalar>] {
    let positions = convexPotentialLayers
    let network = self
    let results = workers.map(positions.count) { index in
      let layer = network[convexPotential: positions[index]]
      return PowerMethod(layer.linearMap, from: layer.powerVector, iterations: iterations)
    }
    for (position, result) in zip(positions, results) {
      self[convexPotential: position].powerVector = result.vector
      self[convexPotential: position].stepSize = StepSize.fromEstimate(
        result.estimate, numerator: network[convexPotential: position].stepNumerator)
      self[convexPotential: position].stepRule = .power
    }
    return results
  }

  /// The number of power iterations of an evaluation.
  public static var evaluationIterations: Int { 100 }
}
