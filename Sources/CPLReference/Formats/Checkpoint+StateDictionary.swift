// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNetworks
import CPLNumerics
import Foundation

extension Checkpoint {
  /// Reads weights in any format: ours, safetensors, or a checkpoint of PyTorch's with the published
  /// names. Nothing in the file is executed.
  ///
  /// - Parameter settings: what a published checkpoint does not tell of its network.
  /// - Throws: `ReferenceError`, also when settings are given for a file that tells it all itself.
  public static func read(
    _ path: String, settings: UnstoredSettings = UnstoredSettings()
  ) throws -> Checkpoint {
    guard let dictionary = try StateDictionary.inForeignFile(path) else {
      try settings.checkEmpty("\(path), which describes its network itself")
      let file = try HDF5File.open(path)
      if let kind = file.foreignKind {
        throw file.invalid("", expected: "weights that this program wrote", found: kind)
      }
      return try Checkpoint(file)
    }
    return try Checkpoint(dictionary, settings: settings)
  }

  /// The weights in a state dictionary.
  package init(_ dictionary: StateDictionary, settings: UnstoredSettings) throws {
    let reading: StateDictionary.Reading
    if dictionary.metadata[MetadataKey.model] != nil {
      try settings.checkEmpty("\(dictionary.path), which describes its network itself")
      let layers = try LayerSpecification.layers(
        json: dictionary.json(MetadataKey.model), path: dictionary.path,
        location: MetadataKey.model)
      var tensors = try PublishedTensors(dictionary)
      reading = try dictionary.network(of: layers, &tensors)
      description = try dictionary.description()
      isEarlierFormat = dictionary.metadata[MetadataKey.version] == nil
    } else {
      reading = try dictionary.network(settings)
      description = CheckpointDescription(
        profile: .published, createdBy: "PyTorch", gitCommit: "unknown",
        assumptions: reading.notes)
      isEarlierFormat = false
    }
    isSummedInTree = true
    format = dictionary.format.rawValue
    network = reading.network
    digest = try network.digest()
    published = reading.state
    notes =
      Set(reading.notes).isSuperset(of: description.assumptions)
      ? reading.notes : description.assumptions + reading.notes
    (training, run) = (nil, nil)
    let expected = isEarlierFormat ? network.parametersDigest : digest
    guard let stored = dictionary.metadata[MetadataKey.digest], stored != expected else { return }
    throw dictionary.invalid(
      MetadataKey.digest, expected: "the digest of the network \(expected)",
      found: stored.forMessage)
  }

  /// The network's sizes in one line.
  public var architecture: String {
    network.layers.map(\.specification).runs.map {
      "\($0.count > 1 ? "\($0.count) × " : "")\($0.text)"
    }
    .joined(separator: " → ")
  }

  /// Writes the weights in the safetensors format under the published names, each tensor once, so
  /// that PyTorch's users can load them with `safetensors.torch.load_model`. What these names do not
  /// tell, steps and normalisation included, stands in the metadata.
  ///
  /// - Throws: `ReferenceError.mismatch` for a network of another form than the published one.
  public func writeSafetensors(to path: String, description: CheckpointDescription) throws {
    let layers = network.layers.map(\.specification)
    guard ConvexPotentialFamily.canExpress(layers) else {
      throw ReferenceError.mismatch(
        expected: "a network with the published order of layers",
        found: layers.map(\.kind).joined(separator: ", "))
    }
    let state = published ?? PublishedState()
    var tensors: [(name: String, value: Tensor<Float>)] = []
    for (layer, stem) in zip(network.layers, ConvexPotentialFamily().stems(of: layers, under: "")) {
      let stem = state.prefix + stem
      func add(_ name: String, _ value: Tensor<Float>) { tensors.append((stem + name, value)) }
      for (name, value) in layer.parameters { add(name, value) }
      guard let convex = layer as? any SteppedLayer<Float> else { continue }
      for ((name, shape), buffer) in zip(
        layer.specification.value.publishedBufferShapes, layer.buffers)
      {
        add(name, buffer.value.reshaped(shape))
      }
      guard let kind = layer.specification.value as? any SteppedKind else { continue }
      let number = state.spectralNorm(of: convex)
      add(type(of: kind).publishedSpectralNorm, Tensor(shape: [1], elements: [number]))
      if let name = type(of: kind).publishedUnusedNumber {
        add(name, Tensor(shape: [1], elements: [state.alphas[layer.name] ?? 0]))
      }
    }
    var metadata = [
      "format": "pt", MetadataKey.version: "2", MetadataKey.model: try json(layers),
      MetadataKey.profile: try json(description.profile), MetadataKey.digest: digest,
      MetadataKey.createdBy: description.createdBy, MetadataKey.gitCommit: description.gitCommit,
    ]
    if let data = description.trainedOn {
      metadata[MetadataKey.dataName] = data.name
      metadata[MetadataKey.dataDigest] = data.digest
    }
    if !description.assumptions.isEmpty {
      metadata[MetadataKey.assumptions] = try json(description.assumptions)
    }
    try Safetensors.write(tensors, metadata: metadata, to: path)
  }
}

extension PublishedState {
  /// The σ̂ with which PyTorch executes the layer's step: the one that came with it where it makes
  /// that step. 0 makes PyTorch compute it.
  fileprivate func spectralNorm(of layer: some SteppedLayer<Float>) -> Float {
    let stored = spectralNorms[layer.name]
    let (numerator, regularization) = (layer.stepNumerator, layer.stepRegularization)
    if let stored,
      StepSize.fromEstimate(stored, numerator: numerator, regularization: regularization)
        == layer.stepSize
    {
      return stored
    }
    return StepSize.estimate(
      of: layer.stepSize, numerator: numerator, regularization: regularization) ?? stored ?? 0
  }
}

extension StateDictionary {
  /// The names of the tensors that a checkpoint is read from, those of its normalisation included.
  package func usedTensors(_ settings: UnstoredSettings) throws -> Set<String> {
    let found = try PublishedTensors(self, network: settings.network)
    return Set(tensors.map(\.name).filter(found.isUsed))
  }

  /// What the file says of itself under `key`; no bytes where it says nothing.
  fileprivate func json(_ key: String) -> Data { Data((metadata[key] ?? "").utf8) }

  /// What a safetensors file of ours says of itself beside the network.
  fileprivate func description() throws -> CheckpointDescription {
    func decoded<Value: Decodable>(_ key: String) throws -> Value {
      try decodeJSON(json(key), path: path, location: key)
    }
    let data = metadata[MetadataKey.dataName].map {
      TrainingData(name: $0, digest: metadata[MetadataKey.dataDigest] ?? "")
    }
    return CheckpointDescription(
      profile: try decoded(MetadataKey.profile),
      createdBy: metadata[MetadataKey.createdBy] ?? "unknown",
      gitCommit: metadata[MetadataKey.gitCommit] ?? "unknown", trainedOn: data,
      assumptions: metadata[MetadataKey.assumptions] == nil
        ? [] : try decoded(MetadataKey.assumptions))
  }
}

/// What a safetensors file of ours says of itself.
private enum MetadataKey {
  static let model = "cpl-weights.model"
  static let profile = "cpl-weights.profile"
  /// Missing in files of the first version, whose digest is one of the parameters alone.
  static let version = "cpl-weights.version"
  static let digest = "cpl-weights.digest"
  static let dataName = "cpl-weights.trained_on"
  static let dataDigest = "cpl-weights.trained_on_digest"
  static let assumptions = "cpl-weights.assumptions"
  static let createdBy = "cpl-weights.created_by"
  static let gitCommit = "cpl-weights.git_commit"
}

extension [LayerSpecification] {
  /// The layers' descriptions, equal neighbours taken together.
  fileprivate var runs: [(text: String, count: Int)] {
    reduce(into: []) { runs, layer in
      if runs.last?.text == layer.value.summary {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((layer.value.summary, 1))
      }
    }
  }
}
