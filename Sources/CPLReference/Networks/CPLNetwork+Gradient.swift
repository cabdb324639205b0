// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

extension CPLNetwork {
  /// A forward pass that has been recorded for a backward pass.
  public struct Pass: Sendable {
    /// N×classes.
    public let logits: Tensor<Scalar>
    /// How many images went through the layers on images together.
    fileprivate var pieceSize = 0
    /// The caches of the layers on images, one list a piece of the batch.
    fileprivate var imageCaches: [[ForwardCache]] = []
    /// The caches of the layers after those on images, but for a folded head.
    fileprivate var vectorCaches: [ForwardCache] = []
    /// The last two layers as one, where they went as one, and its activations.
    fileprivate var foldedHead: FoldedHead<Scalar>?
    fileprivate var foldedHidden: Tensor<Scalar>?
    /// The pass where a device computed it, which has all that is kept.
    fileprivate var onDevice: PlacedNetwork<Scalar>.Pass?
  }

  /// The pass on the device; nil where the CPU is to compute it.
  private func recordOnDevice(_ images: Tensor<Scalar>, _ recording: Recording) -> Pass? {
    switch recording {
    case .nothing: place?.logits(images).map { Pass(logits: $0) }
    case .masks: place?.record(images).map { Pass(logits: $0.logits, onDevice: $0) }
    case .everything: nil
    }
  }

  /// How many images go through the layers on images together: so few that they stay in a core's own
  /// cache, and more where the weights, which every piece reads, are larger than a few images. Sums over the batch alone
  /// depend on it.
  private func imagesPerPiece(_ recording: Recording) -> Int {
    if recording == .everything { return BatchTree.imagesPerPiece }
    let weights = layers[..<imageLayers].reduce(0) { sum, layer in
      sum + layer.parameters.reduce(0) { $0 + $1.value.count }
    }
    return (weights < 1 << 18 ? 16 : 64) / MemoryLayout<Scalar>.size
  }

  /// The number of layers whose output is an image.
  private var imageLayers: Int { layers.prefix { $0.outputShape.count == 3 }.count }

  /// The logits of a batch, and what the backward pass needs.
  ///
  /// Layers on images take a few images at a time from the first layer to the last one, each thread
  /// its own.
  public func record(_ images: Tensor<Scalar>, recording: Recording, workers: Workers) -> Pass {
    recordOnDevice(images, recording) ?? recordOnCPU(images, recording, workers)
  }

  private func recordOnCPU(
    _ images: Tensor<Scalar>, _ recording: Recording, _ workers: Workers
  ) -> Pass {
    let batch = images.shape[0]
    let pieceSize = imagesPerPiece(recording)
    let (imageLayers, vectorLayers) = (layers[..<imageLayers], layers[imageLayers...])
    let pieces = map(batch, by: pieceSize, workers: workers) { range, workers in
      Self.forward(
        imageLayers, range.count == batch ? images : images.slice(range), recording, workers)
    }
    let vectors = Tensor(joining: pieces.map(\.output))
    let foldedHead =
      recording == .everything ? nil : FoldedHead(vectorLayers, workers: workers)
    var (logits, caches) = Self.forward(
      foldedHead == nil ? vectorLayers : vectorLayers.dropLast(2), vectors, recording, workers)
    var hidden: Tensor<Scalar>?
    if let foldedHead { (logits, hidden) = foldedHead.forward(logits, workers: workers) }
    return Pass(
      logits: logits, pieceSize: pieceSize, imageCaches: pieces.map(\.caches),
      vectorCaches: caches, foldedHead: foldedHead, foldedHidden: hidden)
  }

  /// The gradient with respect to the images of the number whose gradient with respect to the
  /// logits is given.
  public func inputGradient(
    _ logitGradient: Tensor<Scalar>, _ pass: Pass, workers: Workers
  ) -> Tensor<Scalar> {
    if let onDevice = pass.onDevice {
      return onDevice.inputGradient(logitGradient)
        ?? inputGradient(
          logitGradient, recordOnCPU(onDevice.images, .masks, workers), workers: workers)
    }
    let batch = logitGradient.shape[0]
    let (imageLayers, vectorLayers) = (layers[..<imageLayers], layers[imageLayers...])
    let caches = pass.vectorCaches
    var headGradient = logitGradient
    if let foldedHead = pass.foldedHead, let hidden = pass.foldedHidden {
      headGradient = foldedHead.inputGradient(logitGradient, hidden: hidden, workers: workers)
    }
    let gradient = Self.inputGradient(
      vectorLayers.prefix(caches.count), headGradient, caches, workers)
    return Tensor(
      joining: map(batch, by: pass.pieceSize, workers: workers) { range, workers in
        Self.inputGradient(
          imageLayers, range.count == batch ? gradient : gradient.slice(range),
          pass.imageCaches[range.lowerBound / pass.pieceSize], workers)
      })
  }

  /// `body` of each piece of a batch; one piece alone has all workers to itself.
  private func map<Result: Sendable>(
    _ batch: Int, by size: Int, workers: Workers,
    _ body: @Sendable (Range<Int>, Workers) -> Result
  ) -> [Result] {
    guard batch > size else { return [body(0..<batch, workers)] }
    return workers.map((batch + size - 1) / size) { piece in
      body(piece * size..<min(batch, (piece + 1) * size), .serial)
    }
  }

  private static func forward(
    _ layers: ArraySlice<any Layer<Scalar>>, _ input: Tensor<Scalar>, _ recording: Recording,
    _ workers: Workers
  ) -> (output: Tensor<Scalar>, caches: [ForwardCache]) {
    var values = input
    var caches: [ForwardCache] = []
    for layer in layers {
      let (output, cache) = layer.forward(
        consume values, recording: recording, workers: workers)
      values = output
      caches.append(cache)
    }
    return (values, caches)
  }

  private static func inputGradient(
    _ layers: ArraySlice<any Layer<Scalar>>, _ outputGradient: Tensor<Scalar>,
    _ caches: [ForwardCache], _ workers: Workers
  ) -> Tensor<Scalar> {
    var gradient = outputGradient
    for (layer, cache) in zip(layers, caches).reversed() {
      gradient = layer.inputGradient(consume gradient, cache, workers: workers)
    }
    return gradient
  }

  /// The gradients with respect to the images and to each layer's parameters (steps among them, σ̂
  /// not yet followed: see `PowerMethod`).
  ///
  /// - Precondition: `pass` was recorded with `.everything`.
  package func backward(
    _ logitGradient: Tensor<Scalar>, _ pass: Pass, workers: Workers
  ) -> (images: Tensor<Scalar>, layers: [LayerGradient<Scalar>]) {
    let (images, sums) = backwardSums(logitGradient, pass, workers: workers)
    return (images, zip(layers, sums).map { layer, sums in layer.parameterGradient(sums) })
  }

  /// The gradient with respect to the images, and each layer's sums over the batch, in the order of
  /// `BatchTree`.
  package func backwardSums(
    _ logitGradient: Tensor<Scalar>, _ pass: Pass, workers: Workers
  ) -> (images: Tensor<Scalar>, layers: [LayerGradient<Scalar>]) {
    let batch = logitGradient.shape[0]
    let (imageLayers, vectorLayers) = (layers[..<imageLayers], layers[imageLayers...])
    let (gradient, vectorSums) = Self.backwardSums(
      vectorLayers, logitGradient, pass.vectorCaches, workers)
    let sums = BatchTreeSum<[LayerGradient<Scalar>]>(pieces: pass.imageCaches.count) { sum, other in
      for index in sum.indices { sum[index].add(other[index]) }
    }
    let images = map(batch, by: pass.pieceSize, workers: workers) { range, workers in
      let piece = range.lowerBound / pass.pieceSize
      let (images, layers) = Self.backwardSums(
        imageLayers, range.count == batch ? gradient : gradient.slice(range),
        pass.imageCaches[piece], workers)
      sums.insert(layers, of: piece)
      return images
    }
    return (Tensor(joining: images), (sums.whole ?? []) + vectorSums)
  }

  private static func backwardSums(
    _ layers: ArraySlice<any Layer<Scalar>>, _ outputGradient: Tensor<Scalar>,
    _ caches: [ForwardCache], _ workers: Workers
  ) -> (images: Tensor<Scalar>, layers: [LayerGradient<Scalar>]) {
    var gradient = outputGradient
    var sums: [LayerGradient<Scalar>] = []
    for (layer, cache) in zip(layers, caches).reversed() {
      let (input, layerSums) = layer.backwardSums(consume gradient, cache, workers: workers)
      gradient = input
      sums.append(layerSums)
    }
    return (gradient, sums.reversed())
  }

  /// The name of the first layer whose output on `images` has an element that is not finite, or
  /// whose parameters have one.
  package func firstNonFiniteLayer(_ images: Tensor<Scalar>, workers: Workers) -> String? {
    var values = images
    for layer in layers {
      values = layer.forward(values, recording: .nothing, workers: workers).output
      if !values.isFinite || layer.parameters.contains(where: { !$0.value.isFinite }) {
        return layer.name
      }
    }
    return nil
  }
}
