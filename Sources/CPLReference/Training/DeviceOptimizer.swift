// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics

/// An optimiser whose updates devices make too, with the same bits.
package protocol DeviceOptimizer<Scalar>: Optimizer {
  /// What `update` makes of a parameter and of what is kept of it, in the order of `momentNames`.
  func updated(
    _ parameters: DeviceTensor<Scalar>, _ moments: [DeviceTensor<Scalar>],
    gradient: DeviceTensor<Scalar>, learningRate: Double, on device: Device
  ) throws(DeviceError) -> (parameters: DeviceTensor<Scalar>, moments: [DeviceTensor<Scalar>])
}

extension Adam: DeviceOptimizer {
  package func updated(
    _ parameters: DeviceTensor<Scalar>, _ moments: [DeviceTensor<Scalar>],
    gradient: DeviceTensor<Scalar>, learningRate: Double, on device: Device
  ) throws(DeviceError) -> (parameters: DeviceTensor<Scalar>, moments: [DeviceTensor<Scalar>]) {
    let updated = try device.adamStep(
      numbers(learningRate: learningRate), gradient: gradient, firstMoment: moments[0],
      secondMoment: moments[1], parameters: parameters)
    return (updated.parameters, [updated.firstMoment, updated.secondMoment])
  }
}

extension StochasticGradientDescent: DeviceOptimizer {
  package func updated(
    _ parameters: DeviceTensor<Scalar>, _ moments: [DeviceTensor<Scalar>],
    gradient: DeviceTensor<Scalar>, learningRate: Double, on device: Device
  ) throws(DeviceError) -> (parameters: DeviceTensor<Scalar>, moments: [DeviceTensor<Scalar>]) {
    let updated = try device.momentumStep(
      rate: Scalar(learningRate), decay: Scalar(weightDecay), momentum: Scalar(momentum),
      kept: keptShare, gradient: gradient, moment: moments[0], parameters: parameters)
    return (updated.parameters, [updated.moment])
  }
}
