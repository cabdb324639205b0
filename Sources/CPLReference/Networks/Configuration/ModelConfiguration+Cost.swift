extension ModelConfiguration {
  /// The multiplications with addition that one image's way through the layers takes: what tells a costly
  /// network from a cheap one before either has run.
  package var multiplyAdds: Double {
    layers.reduce(0) { sum, layer in
      guard let weights = layer.parameterShapes.first?.shape else { return sum }
      let positions = layer.value.shapes?.output.dropFirst().map(Double.init).reduce(1, *) ?? 1
      // A convex potential layer applies its weights twice.
      let passes = layer.value is any ConvexPotentialKind ? 2.0 : 1.0
      return sum + weights.map(Double.init).reduce(passes * positions, *)
    }
  }
}
