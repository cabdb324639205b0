extension ExperimentConfiguration {
  /// A lower bound of the bytes that training on so many images takes: each weight, its gradient
  /// and the optimiser's two moments, and for the images of a step the input of every convex
  /// potential layer.
  ///
  /// It cannot overflow for a model whose `problem` is nil.
  public func minimumMemory(images: Int) -> Int {
    let convolution = model.convolutionInner * model.channels * model.kernel * model.kernel
    let weights =
      model.convolutionLayers * convolution + model.linearLayers * model.linearInner
      * model.features + (model.head == .lln ? model.features * model.classes : 0)
    let inputs =
      model.convolutionLayers * model.channels * model.image.planeCount + model.linearLayers
      * model.features
    return MemoryLayout<Float>.size * (4 * weights + min(training.batch, images) * inputs)
  }
}
