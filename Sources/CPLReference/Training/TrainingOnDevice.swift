// SPDX-License-Identifier: Apache-2.0

import CPLDevices
import CPLNetworks
import CPLNumerics

/// A training run's network and optimiser on a device, where whole steps are made with the CPU's bits. What crosses
/// in a step are the images, the power method's sums, the logits and their gradient.
struct TrainingOnDevice: Sendable {
  private var network: TrainedDeviceNetwork<Float>
  /// Its moments are those of the beginning; the device's count.
  private var optimizer: Adam<Float>
  /// A tensor a parameter, in the order of layers and parameters.
  private var firstMoments: [DeviceTensor<Float>]
  private var secondMoments: [DeviceTensor<Float>]
  /// Where each layer's parameters begin.
  private let positions: [Int]

  /// Puts a run on a device.
  ///
  /// - Throws: `DeviceError.unavailable` for another optimiser than Adam, `unsupported` for a network with a layer
  ///   that devices do not train, and `outOfMemory`.
  init(_ state: TrainingState, on device: Device) throws(DeviceError) {
    optimizer = try state.adam(on: device)
    network = try TrainedDeviceNetwork(state.network, on: device)
    func upload(_ moments: [Tensor<Float>]) throws(DeviceError) -> [DeviceTensor<Float>] {
      var uploaded: [DeviceTensor<Float>] = []
      for moment in moments { uploaded.append(try device.upload(moment)) }
      return uploaded
    }
    firstMoments = try upload(optimizer.firstMoments)
    secondMoments = try upload(optimizer.secondMoments)
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
    let adam = next.optimizer.numbers(learningRate: learningRate)
    let (device, network) = (network.device, next.network)
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
        let updated = try device.adamStep(
          adam, gradient: gradient, firstMoment: firstMoments[position],
          secondMoment: secondMoments[position], parameters: parameters[index])
        next.firstMoments[position] = updated.firstMoment
        next.secondMoments[position] = updated.secondMoment
        parameters[index] = updated.parameters
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
    func download(_ moments: [DeviceTensor<Float>]) throws(DeviceError) -> [Tensor<Float>] {
      var downloaded: [Tensor<Float>] = []
      for moment in moments { downloaded.append(try network.device.download(moment)) }
      return downloaded
    }
    state.optimizer = Adam(
      step: optimizer.step, firstMoments: try download(firstMoments),
      secondMoments: try download(secondMoments))
  }
}

extension TrainingState {
  /// Refuses a run that devices do not compute.
  ///
  /// - Throws: `DeviceError.unavailable` for another optimiser than Adam, `unsupported`, which names the layer, for
  ///   a network with a layer that devices do not train.
  package func check(trainsOn device: Device) throws(DeviceError) {
    _ = try adam(on: device)
    try network.check(trainsOn: device)
  }

  fileprivate func adam(on device: Device) throws(DeviceError) -> Adam<Float> {
    guard let adam = optimizer as? Adam<Float> else {
      throw .unavailable(
        device: device.description.selector, reasons: ["it trains with Adam alone"])
    }
    return adam
  }
}
