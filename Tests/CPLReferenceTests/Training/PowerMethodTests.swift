// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("PowerMethod")
struct PowerMethodTests {
  private func map<Scalar: TensorScalar>(_ kind: String) throws -> any LinearMap<Scalar> {
    kind == "conv"
      ? Convolution(kernel: try Fixture.input("power/conv/kernel"), height: 8, width: 8)
      : DenseMap(weights: try Fixture.input("power/linear/weight"))
  }

  @Test(
    "u, v and σ̂ are PyTorch's after any number of iterations",
    arguments: ["conv", "linear"], [1, 2, 5, 100])
  func iterations(kind: String, count: Int) throws {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) throws {
      let map: any LinearMap<Scalar> = try map(kind)
      let start: Tensor<Scalar> = try Fixture.input("power/\(kind)/u")
      let result = PowerMethod(
        map, from: start.reshaped(map.inputShape), iterations: count)
      let bound = ParityBounds.of(type).outputs
      let group = "power/\(kind)/\(count)"
      try expect(result.vector, isRecordedAs: "\(group)/u", within: bound)
      try expect(result.outputVector, isRecordedAs: "\(group)/v", within: bound)
      try expect(result.estimate, isRecordedAs: "sigma", of: group, within: bound)
      try expect(
        StepSize.fromEstimate(result.estimate), isRecordedAs: "step_size", of: group, within: bound)
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test(
    "σ̂ grows with the iterations and never passes the spectral norm", arguments: ["conv", "linear"])
  func lowerBound(kind: String) throws {
    let map: any LinearMap<Double> = try map(kind)
    let start: Tensor<Double> = try Fixture.input("power/\(kind)/u")
    let norm = try Fixture.number("spectral_norm", of: "power/\(kind)")
    let estimates = [1, 2, 5, 20, 100].map {
      PowerMethod(map, from: start.reshaped(map.inputShape), iterations: $0).estimate
    }
    // A sum of at most 300 products, twice.
    let rounding = 1 + gamma(600, Double.self)
    for (early, late) in zip(estimates, estimates.dropFirst()) {
      #expect(early <= late * rounding)
    }
    #expect(estimates.last! <= norm * rounding)
    #expect(estimates.last! > 0.99 * norm)
  }

  @Test("more iterations go on where fewer stopped", arguments: precisions)
  func resumes(_ type: any TensorScalar.Type) throws {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) throws {
      let map = DenseMap<Scalar>(weights: try Fixture.input("power/linear/weight"))
      let start: Tensor<Scalar> = try Fixture.input("power/linear/u").reshaped([20])
      let first = PowerMethod(map, from: start, iterations: 3)
      let second = PowerMethod(map, from: first.vector, iterations: 4)
      let whole = PowerMethod(map, from: start, iterations: 7)
      #expect(second.vector.bytes == whole.vector.bytes)
      #expect(second.estimate == whole.estimate)
    }
    try check(type)
  }

  @Test("σ̂'s gradient is its derivative with the new u held fixed", arguments: ["conv", "linear"])
  func gradient(kind: String) throws {
    func map(_ weights: Tensor<Double>) -> any LinearMap<Double> {
      kind == "conv"
        ? Convolution(kernel: weights, height: 5, width: 5) : DenseMap(weights: weights)
    }
    let weights = Tensor<Double>.normal(kind == "conv" ? [3, 2, 3, 3] : [4, 6], stream: 1)
    let base = map(weights)
    let start = Tensor<Double>.normal(base.inputShape, stream: 2)
    var unit = start
    unit.scale(by: 1 / start.norm)
    let iteration = PowerMethod(base, from: unit, iterations: 1)
    let differences = FiniteDifferences.gradient(at: weights) { weights in
      let map = map(weights)
      var v = map.apply(unit)
      v.scale(by: 1 / (v.norm + 1e-12))
      return map.apply(iteration.vector).dot(v)
    }
    let tolerance = FiniteDifferences.tolerance(
      magnitude: iteration.estimate, roundings: 200, gradient: differences)
    func gradient(newVectorThroughV: Bool) -> Tensor<Double> {
      var gradient = Tensor<Double>(shape: weights.shape)
      iteration.addGradient(
        base, newVectorThroughV: newVectorThroughV, scale: 1, to: &gradient, workers: .serial)
      return gradient
    }
    let corrected = gradient(newVectorThroughV: false)
    #expect(relativeError(corrected, differences) <= tolerance)
    let published = gradient(newVectorThroughV: true)
    #expect(relativeError(published, differences) > 1000 * tolerance)
  }

  @Test("a map that gives zero has the estimate 0 and a finite step", arguments: precisions)
  func zeroMap(_ type: any TensorScalar.Type) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      let map = DenseMap(weights: Tensor<Scalar>(shape: [3, 4]))
      var start = Tensor<Scalar>.normal([4], stream: 3)
      start.scale(by: 1 / start.norm)
      let result = PowerMethod(map, from: start, iterations: 2)
      #expect(result.estimate == 0)
      #expect(result.vector.isFinite)
      var gradient = Tensor<Scalar>(shape: [3, 4])
      result.addGradient(
        map, newVectorThroughV: false, scale: 1, to: &gradient, workers: .serial)
      #expect(gradient.isFinite)
      #expect(StepSize.fromEstimate(result.estimate) == 2 / Scalar(1e-4))
    }
    check(type)
  }
}
