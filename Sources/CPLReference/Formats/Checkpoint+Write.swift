// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNetworks
import CPLNumerics
import CPLTraining
import Foundation

extension CPLNetwork<Float> {
  /// Writes the network to a weights file, whole or not at all.
  ///
  /// - Parameter published: what came with it from a published checkpoint.
  public func write(
    to path: String, description: CheckpointDescription, published: PublishedState? = nil
  ) throws {
    try HDF5File.create(at: path) { file in
      try write(to: file, description: description, published: published)
    }
  }

  fileprivate func write(
    to file: borrowing HDF5File, description: CheckpointDescription, published: PublishedState?
  ) throws {
    try file.setAttribute("format", .string(CheckpointSchema.format), of: "/")
    try file.setAttribute("version", .integer(CheckpointSchema.version), of: "/")
    try file.setAttribute("model", .string(json(layers.map(\.specification))), of: "/")
    try file.setAttribute("profile", .string(json(description.profile)), of: "/")
    try file.setAttribute("digest", .string(digest()), of: "/")
    try file.setAttribute("created_by", .string(description.createdBy), of: "/")
    try file.setAttribute("git_commit", .string(description.gitCommit), of: "/")
    if let data = description.trainedOn {
      try file.setAttribute(CheckpointSchema.dataName, .string(data.name), of: "/")
      try file.setAttribute(CheckpointSchema.dataDigest, .string(data.digest), of: "/")
    }
    if !description.assumptions.isEmpty {
      try file.setAttribute(
        CheckpointSchema.assumptions, .string(json(description.assumptions)), of: "/")
    }
    for layer in layers {
      for (name, value) in layer.parameters {
        try file.write(value, to: CheckpointSchema.parameter(layer.name, name))
      }
      for (name, value) in layer.buffers {
        try file.write(value, to: CheckpointSchema.buffer(layer.name, name))
      }
    }
    guard let published else { return }
    try file.setAttribute(CheckpointSchema.prefix, .string(published.prefix), of: "/")
    for layer in layers {
      if let number = published.spectralNorms[layer.name] {
        try file.write([number], to: CheckpointSchema.spectralNorm(layer.name))
      }
      if let number = published.alphas[layer.name] {
        try file.write([number], to: CheckpointSchema.alpha(layer.name))
      }
    }
  }
}

extension TrainingState {
  /// Writes the run, from which it can be taken up again, to a weights file, whole or not at all.
  ///
  /// - Parameters:
  ///   - run: what tells this run from others, for whoever takes it up again.
  ///   - published: the σ̂ of training, where the network's steps are not made from them any more.
  /// - Throws: `ReferenceError.nonFinite` when a number in it is not finite; such a file could not
  ///   be read, and a good one that it would replace is worth more.
  public func write(
    to path: String, description: CheckpointDescription, run: String? = nil,
    published: PublishedState? = nil
  ) throws {
    try checkFinite()
    try HDF5File.create(at: path) { file in
      try network.write(to: file, description: description, published: published)
      let parameters = network.layers.flatMap { layer in
        layer.parameters.map { (layer: layer.name, name: $0.name) }
      }
      for ((moment, _), values) in zip(type(of: optimizer).momentNames, optimizer.moments) {
        for ((layer, name), value) in zip(parameters, values) {
          try file.write(value, to: CheckpointSchema.moment(moment, layer, name))
        }
      }
      try file.createGroup(CheckpointSchema.optimizer)
      try file.setAttribute("step", .integer(Int64(optimizer.step)), of: CheckpointSchema.optimizer)
      if let descent = optimizer as? StochasticGradientDescent<Float> {
        for (name, value) in [
          (CheckpointSchema.momentum, descent.momentum),
          (CheckpointSchema.weightDecay, descent.weightDecay),
        ] {
          try file.setAttribute(name, .real(value), of: CheckpointSchema.optimizer)
        }
      }
      try file.createGroup(CheckpointSchema.progress)
      try file.setAttribute("epoch", .integer(Int64(epoch)), of: CheckpointSchema.progress)
      try file.setAttribute("batch", .integer(Int64(batch)), of: CheckpointSchema.progress)
      try file.setAttribute("loss_sum", .real(lossSum), of: CheckpointSchema.progress)
      if let run {
        try file.setAttribute(CheckpointSchema.run, .string(run), of: CheckpointSchema.progress)
      }
      try history.write(to: file, group: CheckpointSchema.history)
    }
  }
}

extension TrainingState {
  /// Writes the history of the run, a row an epoch, to an HDF5 file of its own.
  package func writeHistory(to path: String) throws {
    try HDF5File.create(at: path) { try history.write(to: $0, group: "/history") }
  }

  /// Reads what `writeHistory` wrote.
  package static func history(from path: String) throws -> [EpochRecord] {
    try [EpochRecord](from: HDF5File.open(path), group: "/history")
  }
}

extension [EpochRecord] {
  /// Writes one dataset a column, a row an epoch.
  func write(to file: borrowing HDF5File, group: String) throws {
    try file.write(map { Int64($0.epoch) }, to: group + "/epoch")
    try file.write(map(\.loss), to: group + "/loss")
    try file.write(map(\.learningRate), to: group + "/learning_rate")
    try file.write(map(\.selectionAccuracy), to: group + "/selection_accuracy")
  }

  /// Reads what `write` wrote.
  init(from file: borrowing HDF5File, group: String) throws {
    let epochs = try file.read(Int64.self, from: group + "/epoch").elements
    let losses = try file.read(Double.self, from: group + "/loss", shape: [epochs.count])
    let rates = try file.read(Double.self, from: group + "/learning_rate", shape: [epochs.count])
    let accuracies = try file.read(
      Double.self, from: group + "/selection_accuracy", shape: [epochs.count])
    self = epochs.indices.map {
      EpochRecord(
        epoch: Int(epochs[$0]), loss: losses[$0], learningRate: rates[$0],
        selectionAccuracy: accuracies[$0])
    }
  }
}
