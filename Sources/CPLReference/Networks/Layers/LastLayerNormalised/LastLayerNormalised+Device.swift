// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics

extension LastLayerNormalised: DeviceLayer {
  /// With the unit rows as they are executed.
  package func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let (rows, bias) = (try device.upload(normalized.rows), try device.upload(bias))
    return { input throws(DeviceError) in
      let logits = try device.multiply(
        input, rows, transposed: true, DeviceEpilogue(addend: bias))
      return DeviceOutput(logits) { gradient throws(DeviceError) in
        try device.multiply(gradient, rows, transposed: false, DeviceEpilogue())
      }
    }
  }
}

extension LastLayerNormalised: TrainableDeviceLayer {
  package func trained(on device: Device) throws(DeviceError) -> any LayerOnDevice<Scalar> {
    try NormalisedHeadOnDevice(
      weights: device.upload(weights), bias: device.upload(bias), on: device)
  }
}

/// A normalised head in training on a device.
private struct NormalisedHeadOnDevice<Scalar: TensorScalar>: LayerOnDevice {
  private let device: Device
  private var weights: DeviceTensor<Scalar>
  private var bias: DeviceTensor<Scalar>
  /// ‖w_i‖², and the rows q_i.
  private var squares: DeviceNumbers
  private var rows: DeviceTensor<Scalar>

  init(
    weights: DeviceTensor<Scalar>, bias: DeviceTensor<Scalar>, on device: Device
  ) throws(DeviceError) {
    (self.device, self.weights, self.bias) = (device, weights, bias)
    squares = try device.rowDots(weights, weights)
    rows = try device.normalizeRows(
      weights, squares: squares, tiny: LastLayerNormalised<Scalar>.tiny)
  }

  var parameters: [DeviceTensor<Scalar>] { [weights, bias] }

  mutating func replaceParameters(_ parameters: [DeviceTensor<Scalar>]) throws(DeviceError) {
    self = try Self(weights: parameters[0], bias: parameters[1], on: device)
  }

  func forward(_ input: DeviceTensor<Scalar>) throws(DeviceError) -> TrainedDeviceOutput<Scalar> {
    let (device, rows) = (device, rows)
    let logits = try device.multiply(
      input, rows, transposed: true, DeviceEpilogue(addend: bias))
    return TrainedDeviceOutput(logits) { gradient throws(DeviceError) in
      (
        try device.multiply(gradient, rows, transposed: false, DeviceEpilogue()),
        [
          try device.sum(DeviceOuterProducts(gradient, input)), try device.batchSum(gradient),
        ]
      )
    }
  }

  func parameterGradient(
    _ sums: [DeviceTensor<Scalar>], densePowerGradient: Bool
  ) throws(DeviceError) -> [DeviceTensor<Scalar>] {
    [
      try device.normalizeRowsGradient(
        sums[0], rows: rows, squares: squares, tiny: LastLayerNormalised<Scalar>.tiny), sums[1],
    ]
  }

  func store(in layer: inout any Layer<Scalar>) throws(DeviceError) {
    try storeParameters(of: device, in: &layer)
  }
}
