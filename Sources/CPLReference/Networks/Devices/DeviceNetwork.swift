// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics

/// A network on a device: its numbers are there, images go there and logits come back, with the bits that the
/// network has on the CPU.
package struct DeviceNetwork<Scalar: TensorScalar>: Sendable {
  package let device: Device
  private let layers: [DevicePasses<Scalar>]

  /// How many images go through at once, where memory allows.
  package static var batch: Int { 256 }

  /// Puts a network on a device.
  ///
  /// - Throws: `DeviceError.unsupported`, which names the layer, for a network with one that devices do not
  ///   compute.
  package init(
    _ network: CPLNetwork<Scalar>, on device: Device, workers: Workers
  ) throws(DeviceError) {
    try network.check(runsOn: device)
    self.device = device
    let foldedHead = FoldedHead(network.layers[...], workers: workers)
    let alone = foldedHead == nil ? network.layers[...] : network.layers.dropLast(2)
    var layers: [DevicePasses<Scalar>] = []
    for layer in alone {
      guard let layer = layer.executedLayer as? any DeviceLayer<Scalar> else { continue }
      layers.append(try layer.loaded(on: device))
    }
    if let foldedHead { layers.append(try foldedHead.loaded(on: device)) }
    self.layers = layers
  }

  /// The logits, N×classes, of images N×C×H×W in [0, 1].
  ///
  /// - Throws: `DeviceError.outOfMemory` where fewer images may fit.
  package func logits(_ images: Tensor<Scalar>) throws(DeviceError) -> Tensor<Scalar> {
    var values = try device.upload(images)
    for layer in layers { values = try layer(values).value }
    return try device.download(values)
  }

  /// A forward pass that has been recorded on the device for a backward pass.
  package struct Pass: Sendable {
    /// N×classes.
    package let logits: Tensor<Scalar>
    fileprivate let outputs: [DeviceOutput<Scalar>]
  }

  /// The logits of images, and what the gradient with respect to the images needs.
  ///
  /// - Throws: as `logits`.
  package func record(_ images: Tensor<Scalar>) throws(DeviceError) -> Pass {
    try record(device.upload(images))
  }

  /// The same of images that are on the device.
  package func record(_ images: DeviceTensor<Scalar>) throws(DeviceError) -> Pass {
    var outputs: [DeviceOutput<Scalar>] = []
    var values = images
    for layer in layers {
      let output = try layer(values)
      outputs.append(output)
      values = output.value
    }
    return Pass(logits: try device.download(values), outputs: outputs)
  }

  /// The gradient with respect to the images of the number whose gradient with respect to the logits is given.
  package func inputGradient(
    _ logitGradient: Tensor<Scalar>, _ pass: Pass
  ) throws(DeviceError) -> Tensor<Scalar> {
    try device.download(backward(logitGradient, pass))
  }

  /// The same, which stays on the device.
  package func backward(
    _ logitGradient: Tensor<Scalar>, _ pass: Pass
  ) throws(DeviceError) -> DeviceTensor<Scalar> {
    var gradient = try device.upload(logitGradient)
    for output in pass.outputs.reversed() { gradient = try output.inputGradient(gradient) }
    return gradient
  }
}

extension CPLNetwork {
  /// Refuses a network with a layer that devices do not compute.
  ///
  /// - Throws: `DeviceError.unsupported`, which names the layer.
  package func check(runsOn device: Device) throws(DeviceError) {
    for layer in layers where !(layer.executedLayer is any DeviceLayer<Scalar>) {
      throw .unsupported(
        device: device.description.selector, layer: layer.name, kind: layer.specification.kind)
    }
  }
}
