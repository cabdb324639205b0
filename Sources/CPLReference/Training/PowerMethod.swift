/// The power method of Algorithm 1 (Meunier et al. 2022) for the spectral norm of a linear map W:
///
///     v ← W u / (‖W u‖ + 1e-12),   u ← Wᵀ v / (‖Wᵀ v‖ + 1e-12),   σ̂ = ⟨W u, v⟩
///
/// σ̂ never exceeds ‖W‖₂ in exact arithmetic: it is an estimate from below, used to train and never
/// to certify.
public struct PowerMethod<Scalar: TensorScalar>: Sendable {
  /// The u that the last iteration began with.
  public let previousVector: Tensor<Scalar>
  /// u after the last iteration.
  public let vector: Tensor<Scalar>
  /// v of the last iteration.
  public let outputVector: Tensor<Scalar>
  /// W u with the new u.
  public let image: Tensor<Scalar>
  /// ‖W u‖ with the old u.
  public let previousNorm: Scalar
  /// σ̂.
  public let estimate: Scalar

  /// Keeps quotients finite where W u = 0.
  private static var tiny: Scalar { 1e-12 }

  /// Runs `iterations` ≥ 1 iterations from `start`.
  public init(_ map: any LinearMap<Scalar>, from start: Tensor<Scalar>, iterations: Int) {
    precondition(iterations > 0, "at least one iteration")
    var previous = start
    var current = start
    var output = start
    var norm: Scalar = 0
    for _ in 0..<iterations {
      previous = current
      output = map.apply(previous)
      norm = output.norm
      output.scale(by: 1 / (norm + Self.tiny))
      current = map.applyTransposed(output)
      current.scale(by: 1 / (current.norm + Self.tiny))
    }
    previousVector = previous
    vector = current
    outputVector = output
    previousNorm = norm
    image = map.apply(current)
    estimate = image.dot(output)
  }

  /// The gradient of σ̂ with respect to W's weights: through the last product W u, and through v as
  /// a function of W; the new u is a constant. With q = W u (new u) and n = ‖W u_old‖,
  ///
  ///     ∂σ̂ = v uᵀ + (q/(n + 1e-12) − v ⟨v, q⟩/n) u_oldᵀ
  ///
  /// - Parameter newVectorThroughV: the quirk `dense-power-gradient`, which puts the new u in
  ///   place of u_old.
  public func gradient(_ map: any LinearMap<Scalar>, newVectorThroughV: Bool) -> Tensor<Scalar> {
    var gradient = map.weightGradient(input: vector, output: outputVector)
    guard previousNorm > 0 else { return gradient }
    var towards = image
    towards.scale(by: 1 / (previousNorm + Self.tiny))
    towards.add(outputVector, scale: -outputVector.dot(image) / previousNorm)
    gradient.add(
      map.weightGradient(input: newVectorThroughV ? vector : previousVector, output: towards),
      scale: 1)
    return gradient
  }
}
