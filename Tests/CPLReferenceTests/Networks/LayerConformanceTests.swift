// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport
import Testing

/// What every registered kind of layers has to hold, whatever it is.
@Suite("Every kind of layers")
struct LayerConformanceTests {
  /// A sample of a kind, by name.
  struct Sample: CustomStringConvertible {
    let specification: LayerSpecification
    let description: String

    /// The layer with random parameters; its executed numbers derived from them, as a training step does.
    func layer(derived: Bool = true) -> any Layer<Double> {
      let kind = specification.value
      var layer = kind.makeLayer(
        name: description,
        parameters: kind.parameterShapes.enumerated().map { index, parameter in
          var value = Tensor<Double>.normal(parameter.shape, stream: 500 + UInt32(index))
          value.scale(by: 1 / Double(max(1, specification.fanIn ?? 1)).squareRoot())
          return value
        },
        buffers: kind.bufferShapes.enumerated().map { index, buffer in
          Tensor<Double>.normal(buffer.shape, stream: 600 + UInt32(index))
        })
      if derived { _ = LayerConformanceTests.derive(&layer) }
      return layer
    }

    func input(_ batch: Int, stream: UInt32 = 700) -> Tensor<Double> {
      .normal([batch] + (specification.value.shapes?.input ?? []), stream: stream)
    }
  }

  static let samples: [Sample] = LayerSpecification.kinds.flatMap { kind in
    LayerSpecification.samples(of: kind).map { Sample(specification: $0, description: "\($0)") }
  }

  /// Makes the numbers that a layer derives from its parameters, if it derives any.
  private static func derive(
    _ layer: inout any Layer<Double>
  ) -> GradientThroughDerivation<Double>? {
    guard var derived = layer as? any DerivedWeightsLayer<Double> else { return nil }
    let follow = derived.deriveWeights(densePowerGradient: false)
    layer = derived
    return follow
  }

  @Test("has samples, names of its own, and a place in files")
  func registration() throws {
    for kind in LayerSpecification.kinds { #expect(!kind.samples.isEmpty, "\(kind.name)") }
    #expect(Set(LayerSpecification.kinds.map { $0.name }).count == LayerSpecification.kinds.count)
    #expect(
      Set(LayerSpecification.kinds.map { $0.codingName }).count == LayerSpecification.kinds.count)
    let layers = Self.samples.map(\.specification)
    let json = try JSONEncoder().encode(layers)
    #expect(try JSONDecoder().decode([LayerSpecification].self, from: json) == layers)
  }

  @Test("is what its description says", arguments: samples)
  func shapes(_ sample: Sample) throws {
    let (kind, layer) = (sample.specification.value, sample.layer(derived: false))
    let shapes = try #require(kind.shapes)
    #expect(layer.specification == sample.specification)
    #expect(layer.inputShape == shapes.input)
    #expect(layer.outputShape == shapes.output)
    #expect(layer.parameters.map(\.name) == kind.parameterShapes.map(\.name))
    #expect(layer.parameters.map(\.value.shape) == kind.parameterShapes.map(\.shape))
    #expect(layer.buffers.map(\.name) == kind.bufferShapes.map(\.name))
    #expect(layer.buffers.map(\.value.shape) == kind.bufferShapes.map(\.shape))
    for (published, own) in [
      (kind.publishedParameterShapes, kind.parameterShapes),
      (kind.publishedBufferShapes, kind.bufferShapes),
    ] {
      #expect(
        published.map { $0.shape.reduce(1, *) } == own.map { $0.shape.reduce(1, *) })
    }
    #expect(!kind.summary.isEmpty)
  }

  @Test(
    "computes the same bits alone, in a batch, and with any number of threads", arguments: samples)
  func bits(_ sample: Sample) {
    let (layer, x) = (sample.layer(), sample.input(9))
    let (whole, _) = layer.forward(x, recording: .everything, workers: .serial)
    for threads in [2, 3] {
      let (output, _) = layer.forward(x, recording: .nothing, workers: Workers(threads: threads))
      #expect(output.bytes == whole.bytes)
    }
    for image in 0..<9 {
      let (output, _) = layer.forward(
        x.slice(image..<image + 1), recording: .masks, workers: .serial)
      #expect(output.bytes == whole.slice(image..<image + 1).bytes)
    }
  }

  @Test("has the derivatives of ⟨g, y⟩ by its input and its parameters", arguments: samples)
  func gradients(_ sample: Sample) {
    let start = sample.layer()
    let x = sample.input(2)
    let g = Tensor<Double>.normal([2] + start.outputShape, stream: 701)
    var layer = start
    let follow = Self.derive(&layer)
    let (output, cache) = layer.forward(x, recording: .everything, workers: .serial)
    var (inputGradient, gradient) = layer.backward(g, cache, workers: .serial)
    follow?(&gradient, .serial)

    func expect(
      _ gradient: Tensor<Double>, at value: Tensor<Double>, _ what: String,
      of function: (Tensor<Double>) -> Double
    ) {
      let differences = FiniteDifferences.gradient(at: value, of: function)
      let tolerance = FiniteDifferences.tolerance(
        magnitude: 10 * g.norm * output.norm, roundings: 200 + output.count,
        gradient: differences)
      #expect(relativeError(gradient, differences) <= tolerance, "by \(what)")
    }
    expect(inputGradient, at: x, "input") {
      layer.forward($0, recording: .nothing, workers: .serial).output.dot(g)
    }
    for (index, (name, value)) in start.parameters.enumerated() {
      expect(gradient.parameters[index], at: value, name) { changed in
        var layer = start
        layer.updateParameters { if $0 == index { $1 = changed } }
        _ = Self.derive(&layer)
        return layer.forward(x, recording: .nothing, workers: .serial).output.dot(g)
      }
    }
    #expect(
      layer.inputGradient(g, cache, workers: .serial).bytes == inputGradient.bytes)
  }

  @Test("has a tangent that is its gradient's adjoint, or is a head", arguments: samples)
  func tangent(_ sample: Sample) throws {
    let layer = sample.layer()
    guard type(of: sample.specification.value).place != .head else {
      #expect(layer is any ClassificationHead<Double>)
      return
    }
    let feature = try layer.withTangent
    let (x, v) = (sample.input(3), sample.input(3, stream: 702))
    let u = Tensor<Double>.normal([3] + layer.outputShape, stream: 703)
    let (_, cache) = layer.forward(x, recording: .masks, workers: .serial)
    let pushed = feature.tangent(v, cache, workers: .serial).dot(u)
    let pulled = layer.inputGradient(u, cache, workers: .serial).dot(v)
    #expect(abs(pushed - pulled) <= 1e-12 * v.norm * u.norm)
  }

  @Test("moves no two inputs further apart than its bound says", arguments: samples)
  func bound(_ sample: Sample) throws {
    let narrow = sample.layer().converted(to: Float.self)
    let executed = narrow.converted(to: Double.self)
    let rows = (executed as? any ClassificationHead<Double>)?.unitRows
    let constant =
      try rows == nil
      ? narrow.bounded.lipschitzUpperBound(try narrow.bounded.spectralNorm()) : .infinity
    #expect(constant > 0)
    #expect(!type(of: sample.specification.value).isNonexpansive || constant <= 1)
    for size in [1e-3, 1, 1e3] {
      let x = sample.input(16)
      let moved = x.adding(sample.input(16, stream: 704), scale: size)
      let outputs = [x, moved].map {
        executed.forward($0, recording: .nothing, workers: .serial).output
      }
      for image in 0..<16 {
        let range = image..<image + 1
        let before = moved.slice(range).subtracting(x.slice(range)).norm * (1 + 1e-9)
        let change = outputs[1].slice(range).subtracting(outputs[0].slice(range))
        #expect(change.norm <= constant * before)
        // A head with unit rows is bounded margin by margin.
        guard let rows else { continue }
        for (first, second) in [(0, 1), (2, 1), (3, 0)] {
          let distance = rows.slice(first..<first + 1).subtracting(
            rows.slice(second..<second + 1)
          ).norm
          #expect(abs(change.elements[first] - change.elements[second]) <= distance * before)
        }
      }
    }
  }

  @Test("knows how much binary32 rounds its output", arguments: samples)
  func rounding(_ sample: Sample) throws {
    let narrow = sample.layer().converted(to: Float.self)
    let wide = narrow.converted(to: Double.self)
    let norm = try (narrow as? any LipschitzBoundedLayer)?.spectralNorm()
    let x: Tensor<Float> = sample.input(16).converted()
    let (rounded, _) = narrow.forward(x, recording: .nothing, workers: .serial)
    let (exact, _) = wide.forward(x.converted(), recording: .nothing, workers: .serial)
    let difference = rounded.converted(to: Double.self).subtracting(exact)
    for image in 0..<16 {
      let range = image..<image + 1
      let length = x.slice(range).converted(to: Double.self).norm * (1 + 1e-12)
      let found = difference.slice(range)
      if type(of: sample.specification.value).place == .head {
        let bounds = try narrow.logitErrorBounded.logitErrorBounds(norm: length)
        let own = try wide.logitErrorBounded.logitErrorBounds(norm: length)
        for (logit, (bound, own)) in zip(found.elements, zip(bounds, own)) {
          #expect(abs(logit) <= bound + own)
          #expect(own <= bound)
        }
      } else {
        let bound = try narrow.errorBounded.forwardErrorBound(norm: length, spectralNorm: norm)
        let own = try wide.errorBounded.forwardErrorBound(norm: length, spectralNorm: norm)
        #expect(found.norm <= bound + own)
        #expect(own <= bound && bound < 1e-3 * (1 + length))
      }
    }
  }

  @Test("is stored with a network and read back as it was", arguments: samples)
  func storage(_ sample: Sample) throws {
    let network = try sample.network()
    try withTemporaryFolder { folder in
      let path = "\(folder)/weights.h5"
      try network.write(
        to: path,
        description: CheckpointDescription(
          profile: .corrected, createdBy: "a test", gitCommit: "none"))
      let read = try Checkpoint(path: path).network
      #expect(read.layers.map(\.specification) == network.layers.map(\.specification))
      #expect(try read.digest() == network.digest())
    }
  }

  @Test("plants its faults in its own layers alone")
  func faults() {
    for kind in LayerSpecification.kinds {
      for fault in kind.faults {
        let concerned = Self.samples.filter { fault.make().concerns($0.specification) }
        #expect(!concerned.isEmpty, "\(fault.id)")
        #expect(!fault.statement.isEmpty && !fault.namedChecks.isEmpty)
        for sample in concerned {
          let (layer, planted) = (sample.layer(), fault.make().planted(in: sample.layer()))
          #expect(planted.name == layer.name)
          #expect(planted.outputShape == layer.outputShape)
        }
      }
    }
  }
}

extension LayerConformanceTests.Sample {
  /// A network with the layer.
  fileprivate func network() throws -> CPLNetwork<Float> {
    let shapes = try #require(specification.value.shapes)
    let place = type(of: specification.value).place
    let image =
      ImageShape(extents: shapes.input)
      ?? ImageShape(channels: 1, height: 1, width: shapes.input[0])
    var layers: [LayerSpecification] = []
    if place != .first {
      layers.append(
        .normalize(
          mean: Array(repeating: 0.5, count: image.channels),
          standardDeviation: Array(repeating: 0.25, count: image.channels), image: image))
    }
    if shapes.input.count == 1 { layers.append(.flatten(image: image)) }
    layers.append(specification)
    if let output = ImageShape(extents: shapes.output) { layers.append(.flatten(image: output)) }
    if place != .head {
      layers.append(
        .lastLayerNormalised(features: shapes.output.reduce(1, *), classes: 3))
    }
    return CPLNetwork(layers, seed: 7)
  }
}

extension Tensor<Double> {
  /// self + scale · other.
  fileprivate func adding(_ other: Tensor, scale: Double) -> Tensor {
    var sum = self
    sum.add(other, scale: scale)
    return sum
  }

  /// self − other.
  fileprivate func subtracting(_ other: Tensor) -> Tensor { adding(other, scale: -1) }
}
