// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("Adam")
struct AdamTests {
  @Test("parameters and moments are PyTorch's after each of five steps", arguments: precisions)
  func parity(_ type: any TensorScalar.Type) throws {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) throws {
      let bound = ParityBounds.of(type).outputs
      var parameters: Tensor<Scalar> = try Fixture.input("adam/parameters")
      let gradients: Tensor<Scalar> = try Fixture.input("adam/gradients")
      var adam = Adam<Scalar>(shapes: [[50]])
      var (values, first, second): ([Scalar], [Scalar], [Scalar]) = ([], [], [])
      for (step, rate) in try Fixture.rates("adam/learning_rates").enumerated() {
        adam.beginStep()
        adam.update(
          &parameters, at: 0, gradient: gradients.slice(step..<step + 1).reshaped([50]),
          learningRate: rate, workers: .serial)
        values += parameters.elements
        first += adam.firstMoments[0].elements
        second += adam.secondMoments[0].elements
      }
      #expect(adam.step == 5)
      for (name, elements) in [
        ("parameters", values), ("first_moment", first), ("second_moment", second),
      ] {
        try expect(
          Tensor(shape: [5, 50], elements: elements), isRecordedAs: "adam/\(name)", within: bound)
        // Gradients range over twelve decades. Each column by itself, so that the large ones do
        // not hide the small.
        let recorded = try Fixture.binary64("adam/\(name)")
        for column in 0..<50 {
          let ours = stride(from: column, to: 250, by: 50).map { Double(elements[$0]) }
          let theirs = stride(from: column, to: 250, by: 50).map { recorded.elements[$0] }
          #expect(relativeError(ours, theirs) <= bound, "\(name), column \(column)")
        }
      }
    }
    try check(type)
  }

  @Test("a learning rate of 0 leaves every byte of the parameters", arguments: precisions)
  func zeroRate(_ type: any TensorScalar.Type) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      let start = Tensor<Scalar>.normal([100], stream: 11)
      var parameters = start
      var adam = Adam<Scalar>(shapes: [[100]])
      adam.beginStep()
      adam.update(
        &parameters, at: 0, gradient: .normal([100], stream: 12), learningRate: 0,
        workers: .serial)
      #expect(parameters.bytes == start.bytes)
      #expect(adam.firstMoments[0].elements.contains { $0 != 0 })
    }
    check(type)
  }

  @Test("an update is the same bits for any number of workers", arguments: precisions)
  func workers(_ type: any TensorScalar.Type) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      // Three pieces of 65536, the last one short.
      let count = 150_001
      let results = [1, 2, 3, 8].map { threads in
        var parameters = Tensor<Scalar>.normal([count], stream: 13)
        var adam = Adam<Scalar>(shapes: [[count]])
        for step in 0..<2 {
          adam.beginStep()
          adam.update(
            &parameters, at: 0, gradient: .normal([count], stream: 14 + UInt32(step)),
            learningRate: 0.01, workers: Workers(threads: threads))
        }
        return parameters.bytes + adam.firstMoments[0].bytes + adam.secondMoments[0].bytes
      }
      #expect(results.allSatisfy { $0 == results[0] })
    }
    check(type)
  }
}
