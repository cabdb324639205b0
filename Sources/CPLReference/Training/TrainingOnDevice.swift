// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNetworks
import CPLNumerics

/// A training run's network and optimiser on a device, where whole steps are made with the CPU's bits. What crosses
/// in a step are the images, the power method's sums, the logits and their gradient.
struct TrainingOnDevice: Sendable {
  private var network: TrainedDeviceNetwork<Float>
  /// Its moments are those of the beginning; the device's count.
  private var optimizer: any DeviceOptimizer<Float>
  /// For each parameter, in the order of layers and parameters, what is kept of it.
  private var moments: [[DeviceTensor<Float>]]
  /// Where each layer's parameters begin.
  private let positions: [Int]

  /// Puts a run on a device.
  ///
  /// - Throws: `DeviceError.unavailable` for an optimiser whose updates devices do not make, `unsupported` for a
  ///   network with a layer that they do not train, and `outOfMemory`.
  init(_ state: TrainingState, on device: Device) throws(DeviceError) {
    optimizer = try state.optimizer(on: device)
    network = try TrainedDeviceNetwork(state.network, on: device)
    var moments = [[DeviceTensor<Float>]](repeating: [], count: optimizer.moments[0].count)
    for kind in optimizer.moments {
      for (parameter, moment) in kind.enumerated() {
        moments[parameter].append(try device.upload(moment))
      }
    }
    self.moments = moments
    var (positions, position): ([Int], Int) = ([], 0)
    for layer in state.network.layers {
      positions.append(position)
      position += layer.parameters.count
    }
    self.positions = positions
  }

  /// Makes a step.
  ///
  /// - Returns: the loss; nil where it is not finite, and nothing is changed.
  mutating func step(
    images: Tensor<Float>, labels: [Int], loss: any TrainingLoss, densePowerGradient: Bool,
    learningRate: Double
  ) throws(DeviceError) -> Float? {
    var next = self
    try next.network.updateSteps(iterations: 1)
    next.optimizer.beginStep()
    let (device, network, optimizer) = (network.device, next.network, next.optimizer)
    var mean: Float = 0
    let isFinite = try network.backpropagate(
      images, densePowerGradient: densePowerGradient,
      lossGradient: { logits in
        let (sum, gradient) = loss.sum(logits, labels: labels, batch: labels.count)
        mean = sum / Float(labels.count)
        return mean.isFinite ? gradient : nil
      }
    ) { layer, gradients throws(DeviceError) in
      guard !gradients.isEmpty else { return }
      var parameters = network.layers[layer].parameters
      for (index, gradient) in gradients.enumerated() {
        let position = positions[layer] + index
        (parameters[index], next.moments[position]) = try optimizer.updated(
          parameters[index], moments[position], gradient: gradient, learningRate: learningRate,
          on: device)
      }
      try next.network.replaceParameters(parameters, ofLayer: layer)
    }
    guard isFinite else { return nil }
    try device.flush()
    self = next
    return mean
  }

  /// Runs every layer's power method, and sets u and h, as it is done before an evaluation.
  mutating func updateSteps() throws(DeviceError) {
    try network.updateSteps(iterations: CPLNetwork<Float>.evaluationIterations)
  }

  /// Writes the network where the run's is.
  func store(in network: inout CPLNetwork<Float>) throws(DeviceError) {
    try self.network.store(in: &network)
  }

  /// Writes everything that steps have moved.
  func store(in state: inout TrainingState) throws(DeviceError) {
    try store(in: &state.network)
    var stored: any Optimizer<Float> = optimizer
    for (parameter, kept) in moments.enumerated() {
      for (kind, moment) in kept.enumerated() {
        stored.moments[kind][parameter] = try network.device.download(moment)
      }
    }
    state.optimizer = stored
  }
}

extension TrainingState {
  /// Refuses a run that devices do not compute.
  ///
  /// - Throws: `DeviceError.unavailable` for an optimiser whose updates devices do not make, `unsupported`, which
  ///   names the layer, for a network with a layer that they do not train.
  package func check(trainsOn device: Device) throws(DeviceError) {
    _ = try optimizer(on: device)
    try network.check(trainsOn: device)
  }

  fileprivate func optimizer(
    on device: Device
  ) throws(DeviceError) -> any DeviceOptimizer<Float> {
    guard let optimizer = optimizer as? any DeviceOptimizer<Float> else {
      throw .unavailable(
        device: device.description.selector, reasons: ["it does not train with this optimiser"])
    }
    return optimizer
  }
}
