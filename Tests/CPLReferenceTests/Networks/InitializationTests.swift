// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("A network's initialisation")
struct InitializationTests {
  private func network<Scalar: TensorScalar>(
    seed: UInt64, as type: Scalar.Type = Scalar.self
  ) -> CPLNetwork<Scalar> {
    let configuration = ModelRecipe(
      convolutionLayers: 2, channels: 6, linearLayers: 2, linearInner: 40, image: [3, 16, 16])
    return CPLNetwork(
      configuration.layers(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1]), seed: seed)
  }

  @Test(
    "weights and biases are uniform in ±1/√fan_in, a kernel's fan_in being 9 C",
    arguments: precisions)
  func bounds(_ type: any TensorScalar.Type) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      for layer in network(seed: 1, as: type).layers where !layer.parameters.isEmpty {
        let fanIn = layer.parameters[0].value.shape.dropFirst().reduce(1, *)
        let limit = Scalar(1 / Double(fanIn).squareRoot())
        if layer is CPLConvolution<Scalar> { #expect(fanIn == 9 * 6) }
        if layer is CPLLinear<Scalar> { #expect(fanIn == 96) }
        for (name, value) in layer.parameters {
          let numbers = value.elements
          #expect(numbers.allSatisfy { abs($0) <= limit }, "\(layer.name)/\(name)")
          // Of n uniform numbers all fall short of 0.9 of the limit with probability 0.9ⁿ.
          if numbers.count >= 200 {
            #expect(numbers.max()! > 0.9 * limit, "\(layer.name)/\(name)")
            #expect(numbers.min()! < -0.9 * limit, "\(layer.name)/\(name)")
            // Their mean has the standard deviation limit/√(3n); six of them.
            let mean = numbers.reduce(0, +) / Scalar(numbers.count)
            #expect(abs(mean) < 6 * limit / Scalar(3 * numbers.count).squareRoot())
          }
        }
      }
    }
    check(type)
  }

  @Test("u has unit length, to the rounding of its elements", arguments: precisions)
  func unitLength(_ type: any TensorScalar.Type) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      for vector in network(seed: 2, as: type).powerVectors {
        let length = vector.converted(to: Double.self).norm
        #expect(abs(length - 1) <= gamma(2, type) + gamma(vector.count, Double.self))
      }
    }
    check(type)
  }

  @Test("the same seed gives the same bytes, another one others")
  func seeds() {
    #expect(network(seed: 3, as: Float.self).parametersDigest == network(seed: 3).parametersDigest)
    #expect(network(seed: 3, as: Float.self).parametersDigest != network(seed: 4).parametersDigest)
    let (first, again, other): (CPLNetwork<Float>, CPLNetwork<Float>, CPLNetwork<Float>) = (
      network(seed: 3), network(seed: 3), network(seed: 4)
    )
    #expect(first.powerVectors == again.powerVectors)
    #expect(zip(first.powerVectors, other.powerVectors).allSatisfy { $0 != $1 })
  }

  @Test("layers of one shape differ, and so do a layer's weights and bias")
  func layersDiffer() {
    let network: CPLNetwork<Double> = network(seed: 5)
    func parameters(_ name: String) -> [Tensor<Double>] {
      network.layers.first { $0.name == name }!.parameters.map(\.value)
    }
    for kind in ["convolution", "linear"] {
      let (first, second) = (parameters("\(kind).0"), parameters("\(kind).1"))
      for (a, b) in zip(first, second) { #expect(a != b) }
      #expect(first[0].elements[0] != first[1].elements[0])
    }
    #expect(network.powerVectors[0] != network.powerVectors[1])
    #expect(network.powerVectors[2] != network.powerVectors[3])
  }

  @Test("binary32 begins as the rounded binary64")
  func rounded() {
    let (wide, narrow): (CPLNetwork<Double>, CPLNetwork<Float>) = (
      network(seed: 6), network(seed: 6)
    )
    for (a, b) in zip(wide.layers, narrow.layers) {
      for (x, y) in zip(a.parameters, b.parameters) {
        #expect(x.value.converted(to: Float.self) == y.value)
      }
    }
    #expect(wide.powerVectors.map { $0.converted(to: Float.self) } == narrow.powerVectors)
  }

  @Test("a network in binary64 has exactly the parameters, steps and u of the binary32 one")
  func converted() {
    var narrow: CPLNetwork<Float> = network(seed: 7)
    narrow.updateSteps(iterations: 2, workers: .serial)
    narrow[stepped: 2].stepRule = .verified
    narrow[stepped: 2].stepSize = 0.1
    let wide = narrow.converted(to: Double.self)
    #expect(wide.stepSizes == narrow.stepSizes.map { Double($0) })
    #expect(wide.powerVectors == narrow.powerVectors.map { $0.converted() })
    #expect(wide.allParameters == narrow.allParameters)
    #expect(wide.layers.map(\.specification) == narrow.layers.map(\.specification))
    #expect(wide.layers.map(\.name) == narrow.layers.map(\.name))
    #expect(wide.converted(to: Float.self).parametersDigest == narrow.parametersDigest)
    #expect(wide.converted(to: Float.self).stepSizes == narrow.stepSizes)
  }

  @Test("layers that come in numbers are counted by kind")
  func names() {
    #expect(
      network(seed: 8, as: Float.self).layers.map(\.name) == [
        "normalize", "padding", "convolution.0", "convolution.1", "norm-pool", "flatten",
        "linear.0", "linear.1", "last-layer-normalised",
      ])
  }
}
