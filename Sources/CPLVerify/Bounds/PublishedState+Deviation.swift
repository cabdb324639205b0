// SPDX-License-Identifier: Apache-2.0

import CPLNetworks

extension PublishedState {
  /// By how much the stored σ̂ that executed steps are made of differ from those of 100 power
  /// iterations from the stored u, in a sentence; nil where there are none.
  package func spectralNormDeviation(from bounds: NetworkBounds) -> String? {
    let layers = bounds.layers.compactMap { layer -> (name: String, share: Double)? in
      guard layer.stepRule == .power, let stored = spectralNorms[layer.name], stored > 0,
        let found = layer.modelEstimate
      else { return nil }
      return (layer.name, Double(stored) / found - 1)
    }
    guard let largest = layers.max(by: { abs($0.share) < abs($1.share) }) else { return nil }
    return "the stored spectral norms of \(layers.count) layers differ from recomputed ones by at "
      + "most \(Float(100 * abs(largest.share))) % (\(largest.name))"
  }
}
