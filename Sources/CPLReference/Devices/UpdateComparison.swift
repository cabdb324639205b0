// SPDX-License-Identifier: Apache-2.0

import CPLKernels
import CPLNumerics

/// The third of the comparisons that a device has to pass: an update of each optimiser's, on the operands of the first
/// one, held against the CPU's bit by bit.
package enum UpdateComparison {
  /// What differs, in a sentence; nil where nothing does.
  package static func difference<Scalar: TensorScalar>(
    on device: Device, in scalar: Scalar.Type
  ) throws(DeviceError) -> String? {
    let (gradients, first, c) = ArithmeticComparison.operands(of: scalar)
    let (second, parameters) = (c.map(\.magnitude), Array(first.reversed()))
    let adam = cpl_adam(
      learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, bias_correction1: 0.271,
      bias_correction2: 0.002997001)
    var (expectedFirst, expectedSecond, expected) = (first, second, parameters)
    gradients.withUnsafeBufferPointer { gradients in
      expectedFirst.withUnsafeMutableBufferPointer { first in
        expectedSecond.withUnsafeMutableBufferPointer { second in
          expected.withUnsafeMutableBufferPointer { parameters in
            Scalar.adamStep(
              gradients.count, adam, gradient: gradients.baseAddress!,
              firstMoment: first.baseAddress!, secondMoment: second.baseAddress!,
              parameters: parameters.baseAddress!)
          }
        }
      }
    }
    func upload(_ elements: [Scalar]) throws(DeviceError) -> DeviceTensor<Scalar> {
      try device.upload(Tensor(shape: [elements.count], elements: elements))
    }
    let found = try device.adamStep(
      adam, gradient: upload(gradients), firstMoment: upload(first),
      secondMoment: upload(second), parameters: upload(parameters))
    let (rate, decay, momentum): (Scalar, Scalar, Scalar) = (0.3, 0.7, 0.9)
    let slopes = zip(gradients, parameters).map { $0 + decay * $1 }
    let moments = zip(first, slopes).map { momentum * $0 + $1 }
    let descended = parameters.indices.map {
      parameters[$0] - rate * (slopes[$0] + momentum * moments[$0])
    }
    let foundDescent = try device.momentumStep(
      rate: rate, decay: decay, momentum: momentum, kept: momentum, gradient: upload(gradients),
      moment: upload(first), parameters: upload(parameters))
    for (name, result, expected) in [
      ("Adam", found.firstMoment, expectedFirst), ("Adam", found.secondMoment, expectedSecond),
      ("Adam", found.parameters, expected),
      ("gradient descent", foundDescent.moment, moments),
      ("gradient descent", foundDescent.parameters, descended),
    ] {
      let elements = try device.download(result).elements
      guard
        let index = elements.indices.first(where: { !elements[$0].isIdentical(to: expected[$0]) })
      else { continue }
      return "\(name) in \(Scalar.formatName): number \(index) is \(elements[index]) there, "
        + "\(expected[index]) on the CPU"
    }
    return nil
  }
}
