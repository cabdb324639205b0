// SPDX-License-Identifier: Apache-2.0

extension ModelConfiguration {
  /// The multiplications with addition that one image's way through the layers takes: what tells a costly
  /// network from a cheap one before either has run.
  package var multiplyAdds: Double {
    layers.reduce(0) { sum, layer in
      guard let weights = layer.parameterShapes.first?.shape else { return sum }
      let positions = layer.value.shapes?.output.dropFirst().map(Double.init).reduce(1, *) ?? 1
      let passes = Double(layer.value.passes)
      return sum + weights.map(Double.init).reduce(passes * positions, *)
    }
  }
}
