// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNetworks
import CPLNumerics

/// Everything that a training run carries from one step to the next.
public struct TrainingState: Sendable {
  /// The network as it is trained so far.
  public var network: CPLNetwork<Float>
  package var optimizer: any Optimizer<Float>
  /// Epochs completed.
  public var epoch = 0
  /// Steps completed in the epoch under way.
  package var batch = 0
  /// The sum, over the images of the epoch under way, of their loss.
  package var lossSum = 0.0
  /// One entry for each completed epoch.
  public var history: [EpochRecord] = []

  /// The start of a run that is configured so.
  public init(
    network: CPLNetwork<Float>, for configuration: TrainingConfiguration = TrainingConfiguration()
  ) {
    self.network = network
    optimizer = configuration.optimizer(
      of: network.layers.flatMap { $0.parameters.map(\.value.shape) })
  }

  /// A run as it was stored.
  package init(
    network: CPLNetwork<Float>, optimizer: any Optimizer<Float>, epoch: Int, batch: Int,
    lossSum: Double,
    history: [EpochRecord]
  ) {
    self.network = network
    self.optimizer = optimizer
    self.epoch = epoch
    self.batch = batch
    self.lossSum = lossSum
    self.history = history
  }

  /// The epoch whose selection accuracy is the highest, the first of equals.
  public var bestEpoch: EpochRecord? {
    history.reduce(nil) { best, record in
      guard let best, best.selectionAccuracy >= record.selectionAccuracy else { return record }
      return best
    }
  }
}

extension TrainingState {
  /// Throws `ReferenceError.nonFinite`, naming the last step made and the first layer, when a
  /// weight or what the optimiser keeps of it is not finite.
  package func checkFinite() throws {
    var position = 0
    let (names, moments) = (type(of: optimizer).momentNames, optimizer.moments)
    for layer in network.layers {
      var values = layer.parameters.map { ("a weight", $0.value) }
      for index in position..<position + values.count {
        values += zip(names, moments).map { ($0.quantity, $1[index]) }
      }
      position += layer.parameters.count
      values += layer.buffers.map { ("the power method's vector", $0.value) }
      if let layer = layer as? any ConvexPotentialLayer<Float> {
        values.append(("the step size", Tensor(shape: [1], elements: [layer.stepSize])))
      }
      for (quantity, value) in values where !value.isFinite {
        throw ReferenceError.nonFinite(
          quantity: quantity, step: optimizer.step, layer: layer.name)
      }
    }
  }
}

extension TrainingState {
  /// SHA-256 over all from which training goes on.
  package func digest() throws -> String {
    var digest = Digest()
    digest.update(field: try network.digest())
    digest.update(field: "\(optimizer.step) \(epoch) \(batch) \(lossSum.bitPattern)")
    let buffers = network.layers.flatMap { $0.buffers.map(\.value) }
    for tensor in buffers + optimizer.moments.flatMap(\.self) {
      tensor.elements.withUnsafeBytes { digest.update(field: $0) }
    }
    return digest.hex()
  }
}

/// What one epoch of training came to.
public struct EpochRecord: Codable, Equatable, Sendable {
  /// Counted from 1.
  public let epoch: Int
  /// The mean training loss.
  public let loss: Double
  /// The last step's learning rate.
  public let learningRate: Double
  /// The accuracy on the images that choose the best epoch: held-out ones, or under the quirk
  /// `best-on-test` the test set.
  public let selectionAccuracy: Double

  package init(epoch: Int, loss: Double, learningRate: Double, selectionAccuracy: Double) {
    self.epoch = epoch
    self.loss = loss
    self.learningRate = learningRate
    self.selectionAccuracy = selectionAccuracy
  }

  enum CodingKeys: String, CodingKey {
    case epoch, loss
    case learningRate = "learning_rate"
    case selectionAccuracy = "selection_accuracy"
  }
}

/// What a training run reports as it goes.
public enum TrainingEvent: Sendable {
  /// A step is done.
  case step(epoch: Int, batch: Int, batches: Int, images: Int, loss: Double, learningRate: Double)
  /// An epoch is done; it is the best so far or not. `counted`: of the images that choose the best epoch, if
  /// anything is (`Trainer.Counting`).
  case epoch(TrainingState, isBest: Bool, counted: Int?)
}
