// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics

extension CPLConvolution: DeviceLayer {
  package func loaded(on device: Device) throws(DeviceError) -> DevicePasses<Scalar> {
    let map = try DeviceConvolution(convolution, on: device)
    let (bias, step) = (try device.upload(bias), stepSize)
    return { input throws(DeviceError) in
      let hidden = try device.activations(map, bias: bias, input)
      return DeviceOutput(try device.add(map, transposedOf: hidden, scale: -step, to: input)) {
        gradient throws(DeviceError) in
        let gated = try device.gated(map, by: hidden, scale: -step, gradient)
        return try device.add(map, transposedOf: gated, scale: 1, to: gradient)
      }
    }
  }
}

extension CPLConvolution: TrainableDeviceLayer {
  package var isTrainedOnDevices: Bool { sumsAsDevices }

  package func trained(on device: Device) throws(DeviceError) -> any LayerOnDevice<Scalar> {
    let potential = try ConvolutionOnDevice(
      kernel: device.upload(kernel), bias: device.upload(bias), height: convolution.shape.height,
      width: convolution.shape.width, on: device)
    return try SteppedLayerOnDevice(self, potential, on: device)
  }
}

/// A convolutional convex potential layer on a device.
private struct ConvolutionOnDevice<Scalar: TensorScalar>: DevicePotential {
  private let device: Device
  private let kernel: DeviceTensor<Scalar>
  private let bias: DeviceTensor<Scalar>
  private let (height, width): (Int, Int)
  private let map: DeviceConvolution<Scalar>

  init(
    kernel: DeviceTensor<Scalar>, bias: DeviceTensor<Scalar>, height: Int, width: Int,
    on device: Device
  ) throws(DeviceError) {
    (self.device, self.kernel, self.bias) = (device, kernel, bias)
    (self.height, self.width) = (height, width)
    map = try DeviceConvolution(kernel: kernel, height: height, width: width, on: device)
  }

  var parameters: [DeviceTensor<Scalar>] { [kernel, bias] }

  func replacing(_ parameters: [DeviceTensor<Scalar>]) throws(DeviceError) -> Self {
    try Self(
      kernel: parameters[0], bias: parameters[1], height: height, width: width, on: device)
  }

  func forward(
    _ input: DeviceTensor<Scalar>, step: Scalar
  ) throws(DeviceError) -> TrainedDeviceOutput<Scalar> {
    let (device, map) = (device, map)
    let hidden = try device.activations(map, bias: bias, input)
    return TrainedDeviceOutput(
      try device.add(map, transposedOf: hidden, scale: -step, to: input)
    ) { gradient throws(DeviceError) in
      let product = try device.apply(map, transposed: false, to: gradient)
      let gated = try device.gate(product, by: hidden, scale: -step)
      let kernelGradients = try device.kernelGradients(
        map, first: (input: input, output: gated), scale: -step, input: gradient, output: hidden)
      return (
        try device.add(map, transposedOf: gated, scale: 1, to: gradient),
        [
          try device.batchSum(kernelGradients),
          try device.batchSum(device.planeSums(gated)),
          try device.batchSum(device.imageDots(product, hidden), factor: -1),
        ]
      )
    }
  }

  /// An image is one of a batch.
  func apply(
    transposed: Bool, to x: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    let image = try device.apply(map, transposed: transposed, to: x.reshaped([1] + x.shape))
    return image.reshaped(Array(image.shape.dropFirst()))
  }

  func addWeightGradients(
    _ pairs: [(input: DeviceTensor<Scalar>, output: DeviceTensor<Scalar>)], factor: Scalar,
    times number: DeviceTensor<Scalar>, to gradient: DeviceTensor<Scalar>
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    var terms: [DeviceTensor<Scalar>] = []
    for pair in pairs {
      terms.append(
        try device.batchSum(
          device.kernelGradients(map, scale: 1, input: pair.input, output: pair.output)))
    }
    return try device.add(terms, factor: factor, times: number, to: gradient)
  }
}
