// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNumerics

/// A network in training on a device: its parameters are there and move there, with the bits that they have on the
/// CPU.
package struct TrainedDeviceNetwork<Scalar: TensorScalar>: Sendable {
  package let device: Device
  package private(set) var layers: [any LayerOnDevice<Scalar>]

  /// Puts a network on a device, to be trained there.
  ///
  /// - Throws: `DeviceError.unsupported`, which names the layer, for a network with one that devices do not train.
  package init(_ network: CPLNetwork<Scalar>, on device: Device) throws(DeviceError) {
    try network.check(trainsOn: device)
    self.device = device
    var layers: [any LayerOnDevice<Scalar>] = []
    for layer in network.layers {
      if let layer = layer as? any TrainableDeviceLayer<Scalar> {
        layers.append(try layer.trained(on: device))
      } else if let layer = layer as? any DeviceLayer<Scalar> {
        layers.append(FixedLayerOnDevice(passes: try layer.loaded(on: device)))
      }
    }
    self.layers = layers
  }

  /// Runs every layer's power method from its u, and sets u and h: `CPLNetwork.updateSteps`, and the derivation of
  /// a training step with one iteration.
  package mutating func updateSteps(iterations: Int) throws(DeviceError) {
    let each = DevicePower<Scalar>.numbers
    let numbers = try DeviceNumbers(count: each * layers.count, on: device)
    var powers: [DevicePower<Scalar>?] = []
    for (index, layer) in layers.enumerated() {
      powers.append(
        try layer.beginPower(iterations: iterations, numbers: numbers, at: each * index))
    }
    let found = try device.download(numbers)
    for index in layers.indices {
      guard var power = powers[index] else { continue }
      power.finish(found[each * index..<each * (index + 1)])
      layers[index].finishPower(power)
    }
  }

  /// The gradient of a loss with respect to every parameter, with steps as they are.
  ///
  /// - Parameters:
  ///   - images: N×C×H×W in [0, 1].
  ///   - densePowerGradient: the quirk of that name.
  ///   - lossGradient: the gradient with respect to the logits, given the logits; nil to give up.
  ///   - body: called with each layer's position and gradients, the last layer first.
  /// - Returns: whether it was not given up.
  package func backpropagate(
    _ images: Tensor<Scalar>, densePowerGradient: Bool,
    lossGradient: (Tensor<Scalar>) -> Tensor<Scalar>?,
    _ body: (Int, [DeviceTensor<Scalar>]) throws(DeviceError) -> Void
  ) throws(DeviceError) -> Bool {
    var outputs: [TrainedDeviceOutput<Scalar>] = []
    var values = try device.upload(images)
    for layer in layers {
      let output = try layer.forward(values)
      values = output.value
      outputs.append(output)
    }
    guard let logitGradient = lossGradient(try device.download(values)) else { return false }
    var gradient = try device.upload(logitGradient)
    // What a layer has kept of its forward pass goes with it.
    while let output = outputs.popLast() {
      let (input, sums) = try output.backward(gradient)
      gradient = input
      try body(
        outputs.count,
        layers[outputs.count].parameterGradient(sums, densePowerGradient: densePowerGradient))
    }
    return true
  }

  /// Replaces the parameters of the layer at a position.
  package mutating func replaceParameters(
    _ parameters: [DeviceTensor<Scalar>], ofLayer index: Int
  ) throws(DeviceError) {
    try layers[index].replaceParameters(parameters)
  }

  /// Writes what training has moved into the network that this one was made of.
  package func store(in network: inout CPLNetwork<Scalar>) throws(DeviceError) {
    var stored = network.layers
    for (index, layer) in layers.enumerated() { try layer.store(in: &stored[index]) }
    network.layers = stored
  }
}

extension CPLNetwork {
  /// Refuses a network with a layer that devices do not train.
  ///
  /// - Throws: `DeviceError.unsupported`, which names the layer.
  package func check(trainsOn device: Device) throws(DeviceError) {
    for layer in layers {
      let isFixed = layer is any DeviceLayer<Scalar> && layer.parameters.isEmpty
      guard isFixed || layer.trainsOnDevices else {
        throw .unsupported(
          device: device.description.selector, layer: layer.name,
          kind: layer.specification.kind)
      }
    }
  }
}
