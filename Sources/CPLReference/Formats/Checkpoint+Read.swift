// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNetworks
import CPLNumerics
import CPLTraining
import Foundation

extension Checkpoint {
  /// Reads a weights file in our format and checks format, version, shapes and digest.
  ///
  /// - Throws: `ReferenceError.missing`, or `.invalid` saying which of these is wrong, and also
  ///   when a weight is not finite.
  public init(path: String) throws {
    let file = try HDF5File.open(path)
    try self.init(file)
  }

  /// The same of a file that is open.
  package init(_ file: borrowing HDF5File) throws {
    let path = file.path
    let version = try Self.version(of: file)
    let specifications = try LayerSpecification.layers(
      json: Data(try Self.text("model", file).utf8), path: path, location: "attribute 'model'")
    let names = CPLNetwork<Float>.names(of: specifications)
    var parameters: [[Tensor<Float>]] = []
    var buffers: [[Tensor<Float>]] = []
    for (specification, name) in zip(specifications, names) {
      parameters.append(
        try specification.parameterShapes.map { parameter in
          try Self.tensor(
            parameter.shape, at: CheckpointSchema.parameter(name, parameter.name), of: file)
        })
      buffers.append(
        try specification.bufferShapes.map { buffer in
          try Self.tensor(buffer.shape, at: CheckpointSchema.buffer(name, buffer.name), of: file)
        })
    }
    network = CPLNetwork(specifications, parameters: parameters, buffers: buffers)
    digest = try network.digest()
    isEarlierFormat = version < CheckpointSchema.firstWithNetworkDigest
    isSummedInTree = version >= CheckpointSchema.firstWithBatchTree
    let stored = try Self.text("digest", file)
    let expected = isEarlierFormat ? network.parametersDigest : digest
    guard stored == expected else {
      throw ReferenceError.invalid(
        path: path, location: "attribute 'digest'",
        expected: "the digest of \(isEarlierFormat ? "the weights" : "the network") \(expected)",
        found: stored)
    }
    description = try Self.description(of: file)
    let progress = CheckpointSchema.progress
    format = CheckpointSchema.format
    published = try Self.published(names, of: file)
    notes = description.assumptions
    let isTraining = try file.exists(progress)
    training = isTraining ? try Self.training(network, of: file) : nil
    if isTraining, try file.attributeNames(of: progress).contains(CheckpointSchema.run) {
      run = try Self.text(CheckpointSchema.run, of: progress, file)
    } else {
      run = nil
    }
  }

  private static func description(
    of file: borrowing HDF5File
  ) throws -> CheckpointDescription {
    let names = try file.attributeNames(of: "/")
    return CheckpointDescription(
      profile: try decode("profile", of: file), createdBy: try text("created_by", file),
      gitCommit: try text("git_commit", file),
      trainedOn: names.contains(CheckpointSchema.dataName)
        ? TrainingData(
          name: try text(CheckpointSchema.dataName, file),
          digest: try text(CheckpointSchema.dataDigest, file)) : nil,
      assumptions: names.contains(CheckpointSchema.assumptions)
        ? try decode(CheckpointSchema.assumptions, of: file) : [])
  }

  /// The version of the format, which must be one that this program reads.
  private static func version(of file: borrowing HDF5File) throws -> Int64 {
    let format = try? text("format", file)
    guard format == CheckpointSchema.format else {
      throw ReferenceError.invalid(
        path: file.path, location: "attribute 'format'", expected: CheckpointSchema.format,
        found: format ?? "no such text")
    }
    let version = Int64(try integer("version", of: "/", file))
    let readable = CheckpointSchema.readableVersions
    guard readable.contains(version) else {
      throw ReferenceError.invalid(
        path: file.path, location: "attribute 'version'",
        expected: "\(readable.lowerBound) to \(readable.upperBound), which this program reads",
        found: "\(version)")
    }
    return version
  }

  /// What came with the weights from a published checkpoint.
  private static func published(
    _ layers: [String], of file: borrowing HDF5File
  ) throws -> PublishedState? {
    guard try file.attributeNames(of: "/").contains(CheckpointSchema.prefix) else { return nil }
    var state = PublishedState()
    state.prefix = try text(CheckpointSchema.prefix, file)
    for layer in layers {
      for (path, numbers) in [
        (CheckpointSchema.spectralNorm(layer), \PublishedState.spectralNorms),
        (CheckpointSchema.alpha(layer), \.alphas),
      ] where try file.exists(path) {
        state[keyPath: numbers][layer] = try tensor([1], at: path, of: file).elements[0]
      }
    }
    return state
  }

  private static func training(
    _ network: CPLNetwork<Float>, of file: borrowing HDF5File
  ) throws -> TrainingState {
    let group = CheckpointSchema.progress
    return TrainingState(
      network: network, optimizer: try optimizer(of: network, file),
      epoch: try integer("epoch", of: group, file), batch: try integer("batch", of: group, file),
      lossSum: try real("loss_sum", of: group, file),
      history: try [EpochRecord](from: file, group: CheckpointSchema.history))
  }

  private static func optimizer(
    of network: CPLNetwork<Float>, _ file: borrowing HDF5File
  ) throws -> any Optimizer<Float> {
    let group = CheckpointSchema.optimizer
    let step = try integer("step", of: group, file)
    guard try file.attributeNames(of: group).contains(CheckpointSchema.momentum) else {
      let names = Adam<Float>.momentNames
      return Adam(
        step: step, firstMoments: try moments(names[0].name, of: network, file),
        secondMoments: try moments(names[1].name, of: network, file))
    }
    return StochasticGradientDescent(
      step: step,
      moments: try moments(
        StochasticGradientDescent<Float>.momentNames[0].name, of: network, file),
      momentum: try real(CheckpointSchema.momentum, of: group, file),
      weightDecay: try real(CheckpointSchema.weightDecay, of: group, file))
  }

  private static func moments(
    _ moment: String, of network: CPLNetwork<Float>, _ file: borrowing HDF5File
  ) throws -> [Tensor<Float>] {
    var moments: [Tensor<Float>] = []
    for layer in network.layers {
      for (name, value) in layer.parameters {
        moments.append(
          try tensor(
            value.shape, at: CheckpointSchema.moment(moment, layer.name, name), of: file))
      }
    }
    return moments
  }

  private static func real(
    _ name: String, of group: String, _ file: borrowing HDF5File
  ) throws -> Double {
    guard case .real(let number) = try file.attribute(name, of: group), number.isFinite else {
      throw ReferenceError.invalid(
        path: file.path, location: "attribute '\(name)' of \(group)", expected: "a finite number",
        found: "something else")
    }
    return number
  }

  private static func tensor(
    _ shape: [Int], at path: String, of file: borrowing HDF5File
  ) throws -> Tensor<Float> {
    let tensor = Tensor(shape: shape, elements: try file.read(Float.self, from: path, shape: shape))
    if let position = tensor.elements.firstIndex(where: { !$0.isFinite }) {
      throw ReferenceError.invalid(
        path: file.path, location: path, expected: "finite numbers",
        found: "\(tensor.elements[position]) at element \(position)")
    }
    return tensor
  }

  private static func text(
    _ name: String, of group: String = "/", _ file: borrowing HDF5File
  ) throws -> String {
    guard case .string(let text) = try file.attribute(name, of: group) else {
      throw ReferenceError.invalid(
        path: file.path, location: "attribute '\(name)'", expected: "text", found: "a number")
    }
    return text
  }

  /// A number that counts something: not negative, and within what any run reaches.
  private static func integer(
    _ name: String, of group: String, _ file: borrowing HDF5File
  ) throws -> Int {
    guard case .integer(let number) = try file.attribute(name, of: group),
      (0...1 << 48).contains(number)
    else {
      throw ReferenceError.invalid(
        path: file.path, location: "attribute '\(name)' of \(group)", expected: "a count",
        found: "something else")
    }
    return Int(number)
  }

  private static func decode<Value: Decodable>(
    _ name: String, of file: borrowing HDF5File
  ) throws -> Value {
    try decodeJSON(
      Data(try text(name, file).utf8), path: file.path, location: "attribute '\(name)'")
  }
}

extension LayerSpecification {
  /// The layers of a network as a file describes them, checked to fit together.
  package static func layers(
    json: Data, path: String, location: String
  ) throws -> [LayerSpecification] {
    let layers: [LayerSpecification] = try decodeJSON(json, path: path, location: location)
    if let problem = problem(in: layers) {
      throw ReferenceError.invalid(
        path: path, location: location, expected: problem.expected, found: problem.found)
    }
    return layers
  }
}
