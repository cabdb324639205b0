// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics

extension CPLLinear: DeviceLayer {
  package func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let (weights, bias) = (try device.upload(weights), try device.upload(bias))
    let step = stepSize
    return { input throws(DeviceError) in
      let hidden = try device.multiply(
        input, weights, transposed: true, DeviceEpilogue(addend: bias, rectifies: true))
      let output = try device.multiply(
        hidden, weights, transposed: false, DeviceEpilogue(alpha: -step, addend: input))
      return DeviceOutput(output) { gradient throws(DeviceError) in
        let gated = try device.multiply(
          gradient, weights, transposed: true, DeviceEpilogue(alpha: -step, gate: hidden))
        return try device.multiply(
          gated, weights, transposed: false, DeviceEpilogue(addend: gradient))
      }
    }
  }
}

extension CPLLinear: TrainableDeviceLayer {
  package func trained(on device: Device) throws(DeviceError) -> any LayerOnDevice<Scalar> {
    let potential = LinearOnDevice(
      device: device, weights: try device.upload(weights), bias: try device.upload(bias))
    return try SteppedLayerOnDevice(self, potential, on: device)
  }
}

/// A dense convex potential layer on a device.
private struct LinearOnDevice<Scalar: TensorScalar>: DevicePotential {
  let device: Device
  let weights: DeviceTensor<Scalar>
  let bias: DeviceTensor<Scalar>

  var parameters: [DeviceTensor<Scalar>] { [weights, bias] }

  func replacing(_ parameters: [DeviceTensor<Scalar>]) -> Self {
    Self(device: device, weights: parameters[0], bias: parameters[1])
  }

  func forward(
    _ input: DeviceTensor<Scalar>, step: Scalar
  ) throws(DeviceError) -> TrainedDeviceOutput<Scalar> {
    let (device, weights) = (device, weights)
    let hidden = try device.multiply(
      input, weights, transposed: true, DeviceEpilogue(addend: bias, rectifies: true))
    let output = try device.multiply(
      hidden, weights, transposed: false, DeviceEpilogue(alpha: -step, addend: input))
    return TrainedDeviceOutput(output) { gradient throws(DeviceError) in
      let gated = try device.multiply(
        gradient, weights, transposed: true, DeviceEpilogue(alpha: -step, gate: hidden))
      let steps = try device.rounded(
        device.pieceDots(hidden, gated), shape: [BatchTree.pieces(of: input.shape[0]), 1],
        dividedBy: step)
      return (
        try device.multiply(gated, weights, transposed: false, DeviceEpilogue(addend: gradient)),
        [
          try device.sum(
            DeviceOuterProducts(gated, input),
            DeviceOuterProducts(alpha: -step, hidden, gradient)),
          try device.batchSum(gated),
          try device.batchSum(steps, piece: 1, from: -0.0),
        ]
      )
    }
  }

  func apply(
    transposed: Bool, to x: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    transposed
      ? try device.multiply(transposed: weights, x)
      : try device.rounded(device.rowDots(weights, x), shape: [weights.shape[0]])
  }

  func addWeightGradients(
    _ pairs: [(input: DeviceTensor<Scalar>, output: DeviceTensor<Scalar>)], factor: Scalar,
    times number: DeviceTensor<Scalar>, to gradient: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    try device.add(pairs, factor: factor, times: number, to: gradient)
  }
}
