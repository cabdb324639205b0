// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics

/// What a convex potential layer executes on a device but for its step: W and b.
protocol DevicePotential<Scalar>: DeviceLinearMap {
  /// W and b, in the order of `Layer.parameters`.
  var parameters: [DeviceTensor<Scalar>] { get }

  /// The same with other parameters.
  func replacing(_ parameters: [DeviceTensor<Scalar>]) throws(DeviceError) -> Self

  /// The layer's passes with a step, whose sums over the batch end with the gradient with respect to it.
  func forward(
    _ input: DeviceTensor<Scalar>, step: Scalar
  ) throws(DeviceError) -> TrainedDeviceOutput<Scalar>
}

/// A convex potential layer in training on a device, whose step comes from the power method there.
struct SteppedLayerOnDevice<Potential: DevicePotential>: LayerOnDevice {
  typealias Scalar = Potential.Scalar

  private let device: Device
  private let hasPowerGradientQuirk: Bool
  private let numerator: Scalar
  private let regularization: Double
  private var potential: Potential
  private var powerVector: DeviceTensor<Scalar>
  private var step: Scalar
  /// The method's last result; nil before the first.
  private var power: DevicePower<Scalar>?

  init<Stepped: SteppedLayer<Scalar>>(
    _ layer: Stepped, _ potential: Potential, on device: Device
  ) throws(DeviceError) {
    self.device = device
    self.potential = potential
    hasPowerGradientQuirk = Stepped.hasPowerGradientQuirk
    (numerator, regularization) = (layer.stepNumerator, layer.stepRegularization)
    (powerVector, step) = (try device.upload(layer.powerVector), layer.stepSize)
  }

  var parameters: [DeviceTensor<Scalar>] { potential.parameters }

  mutating func replaceParameters(_ parameters: [DeviceTensor<Scalar>]) throws(DeviceError) {
    potential = try potential.replacing(parameters)
  }

  func forward(_ input: DeviceTensor<Scalar>) throws(DeviceError) -> TrainedDeviceOutput<Scalar> {
    try potential.forward(input, step: step)
  }

  func beginPower(
    iterations: Int, numbers: DeviceNumbers, at index: Int
  ) throws(DeviceError) -> DevicePower<Scalar>? {
    try DevicePower(
      potential, from: powerVector, iterations: iterations, on: device, numbers: numbers,
      at: index)
  }

  mutating func finishPower(_ power: DevicePower<Scalar>) {
    self.power = power
    powerVector = power.vector
    step = StepSize.fromEstimate(
      power.estimate, numerator: numerator, regularization: regularization)
  }

  func parameterGradient(
    _ sums: [DeviceTensor<Scalar>], densePowerGradient: Bool
  ) throws(DeviceError) -> [DeviceTensor<Scalar>] {
    guard let power else { return [sums[0], sums[1]] }
    let weights = try power.addGradient(
      potential, newVectorThroughV: densePowerGradient && hasPowerGradientQuirk,
      factor: -(2 / numerator) * step * step * power.estimate, times: sums[2], to: sums[0],
      on: device)
    return [weights, sums[1]]
  }

  func store(in layer: inout any Layer<Scalar>) throws(DeviceError) {
    try storeParameters(of: device, in: &layer)
    guard power != nil, var stepped = layer as? any SteppedLayer<Scalar> else { return }
    stepped.powerVector = try device.download(powerVector)
    stepped.stepSize = step
    stepped.stepRule = .power
    layer = stepped
  }
}
