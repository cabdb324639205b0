// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("The layers' gradients")
struct LayerDerivativeTests {
  @Test(
    "every gradient is the derivative of ⟨g, y⟩: by the input, each parameter and the step",
    arguments: SampleLayers.tiny() as [any Layer<Double>])
  func derivatives(layer: any Layer<Double>) {
    let (x, g) = (layer.sampleInput(2), layer.sampleGradient(2))
    let (output, record) = layer.forward(x, recording: .everything, workers: .serial)
    let (inputGradient, parameters) = layer.backward(g, record, workers: .serial)

    func product(_ layer: any Layer<Double>, _ x: Tensor<Double>) -> Double {
      layer.forward(x, recording: .nothing, workers: .serial).output.dot(g)
    }
    func expectDerivative(
      _ gradient: Tensor<Double>, at value: Tensor<Double>, _ what: String,
      of function: (Tensor<Double>) -> Double
    ) {
      let differences = FiniteDifferences.gradient(at: value, of: function)
      // Each element of y is two chained sums of at most 50 products, and ⟨g, y⟩ one of y.count.
      // By Cauchy and Schwarz Σ|g y| ≤ ‖g‖ ‖y‖; sums inside a layer are at most ten times larger.
      let tolerance = FiniteDifferences.tolerance(
        magnitude: 10 * g.norm * output.norm, roundings: 100 + output.count,
        gradient: differences)
      #expect(relativeError(gradient, differences) <= tolerance, "\(layer.name) by \(what)")
    }

    expectDerivative(inputGradient, at: x, "input") { product(layer, $0) }
    #expect(parameters.parameters.count == layer.parameters.count)
    for (index, (name, value)) in layer.parameters.enumerated() {
      expectDerivative(parameters.parameters[index], at: value, name) { changed in
        var layer = layer
        layer.updateParameters { if $0 == index { $1 = changed } }
        return product(layer, x)
      }
    }
    guard let potential = layer as? any SteppedLayer<Double> else {
      #expect(parameters.derived.isEmpty)
      return
    }
    expectDerivative(
      Tensor(shape: [1], elements: parameters.derived),
      at: Tensor(shape: [1], elements: [potential.stepSize]), "step"
    ) { changed in
      var layer = potential
      layer.stepSize = changed.elements[0]
      return product(layer, x)
    }
  }

  @Test(
    "the gradient by the input alone is the same bits as with the parameters'",
    arguments: precisions)
  func inputGradientAlone(_ type: any TensorScalar.Type) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      for layer in SampleLayers.tiny() as [any Layer<Scalar>] {
        let (x, g) = (layer.sampleInput(3), layer.sampleGradient(3))
        let (output, record) = layer.forward(x, recording: .everything, workers: .serial)
        let (masked, masks) = layer.forward(x, recording: .masks, workers: .serial)
        let (plain, _) = layer.forward(x, recording: .nothing, workers: .serial)
        #expect(masked.bytes == output.bytes, "\(layer.name)")
        #expect(plain.bytes == output.bytes, "\(layer.name)")
        #expect(
          layer.inputGradient(g, masks, workers: .serial).bytes
            == layer.backward(g, record, workers: .serial).input.bytes, "\(layer.name)")
      }
    }
    check(type)
  }

  @Test("binary32 follows binary64", arguments: SampleLayers.tiny() as [any Layer<Double>])
  func precisionsAgree(wide: any Layer<Double>) {
    let layers: [any Layer<Float>] = SampleLayers.tiny()
    let narrow = layers.first { $0.name == wide.name }!
    let (x, g) = (narrow.sampleInput(2), narrow.sampleGradient(2))
    let (output, record) = narrow.forward(x, recording: .everything, workers: .serial)
    let (wideOutput, wideRecord) = wide.forward(
      x.converted(), recording: .everything, workers: .serial)
    #expect(relativeError(output, wideOutput) <= ParityBounds.of(Float.self).outputs)
    let gradients = narrow.backward(g, record, workers: .serial)
    let wideGradients = wide.backward(g.converted(), wideRecord, workers: .serial)
    let bound = ParityBounds.of(Float.self).gradients
    #expect(relativeError(gradients.input, wideGradients.input) <= bound)
    for (a, b) in zip(gradients.parameters.parameters, wideGradients.parameters.parameters) {
      #expect(relativeError(a, b) <= bound)
    }
  }
}
