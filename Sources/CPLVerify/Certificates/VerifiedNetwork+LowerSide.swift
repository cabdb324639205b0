import CPLReference

extension VerifiedNetwork {
  /// The empirical lower side of the network's Lipschitz constant before its head: the largest
  /// ‖J(x)‖₂ found at the given images x, by 30 steps of the power method on JᵀJ in binary64.
  ///
  /// The true constant lies between it and `bounds.lipschitzUpperBound`, up to the rounding of a
  /// binary64 evaluation (about 1e-12 relative); the ratio of the two is the slack of the bound.
  public func lipschitzLowerEstimate(at images: Tensor<Float>, workers: Workers) -> Double {
    network.converted(to: Double.self).jacobianNorms(
      at: images.converted(), iterations: 30, seed: 0, workers: workers
    ).max() ?? 0
  }
}
