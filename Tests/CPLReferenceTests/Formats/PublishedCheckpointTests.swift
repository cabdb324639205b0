// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

/// Checkpoints that PyTorch wrote of one network, and what PyTorch computes with it;
/// `fixtures/make_checkpoints.py` made them.
@Suite("Checkpoints with the published names")
struct PublishedCheckpointTests {
  private static func images() throws -> Tensor<Float> {
    let (shape, bytes) = try HDF5File.open(fixturePath("checkpoints/reference.h5"))
      .read(UInt8.self, from: "/images")
    return Tensor(shape: shape, elements: bytes.map { Float($0) / 255 })
  }

  @Test(
    "logits of 100 images are PyTorch's",
    arguments: [
      ("plain", "pytorch", "", "logits"), ("wrapped", "pytorch", "module.model.", "logits"),
      ("training", "pytorch", "model_state_dict.module.model.", "logits"),
      ("legacy", "pytorch-legacy", "", "logits"), ("trunc", "pytorch", "", "logits_trunc"),
    ])
  func logits(name: String, format: String, prefix: String, recorded: String) throws {
    let checkpoint = try Checkpoint.read(fixturePath("checkpoints/\(name).pt"))
    #expect(checkpoint.format == format)
    #expect(checkpoint.published?.prefix == prefix)
    let found = checkpoint.network.logits(try Self.images(), workers: Workers(threads: 2))
    let expected: Tensor<Float> = try HDF5File.open(fixturePath("checkpoints/reference.h5"))
      .readTensor(from: recorded)
    #expect(found.shape == [100, 10])
    #expect(relativeError(found, expected) <= 1e-5)
  }

  @Test("sizes follow from names and shapes")
  func architecture() throws {
    let layers = try Checkpoint.read(fixturePath("checkpoints/wrapped.pt")).network.layers
      .map(\.specification)
    let configuration = ModelRecipe(
      convolutionLayers: 2, channels: 4, convolutionInner: 3, linearLayers: 2, linearInner: 8)
    let expected = configuration.layers(
      mean: DatasetDescriptor.cifar10.statistics.mean, standardDeviation: [1, 1, 1])
    #expect(
      layers.map(\.parameterShapes.description) == expected.map(\.parameterShapes.description))
    #expect(layers.map(\.kind) == expected.map(\.kind))
    #expect(layers.first == expected.first)
    let other = try Checkpoint.read(
      fixturePath("checkpoints/trunc.pt"),
      settings: UnstoredSettings(
        mean: [0, 0, 0.5], standardDeviation: [1, 2, 0.25], padding: .zero, pooling: .mean,
        classes: 7)
    ).network.layers.map(\.specification)
    #expect(
      other.first
        == .normalize(mean: [0, 0, 0.5], standardDeviation: [1, 2, 0.25], image: [3, 32, 32]))
    #expect(other.last == .poolingLinear(.mean, features: 256, classes: 7))
  }

  @Test("what is stored cannot be said to be otherwise")
  func settings() {
    let path = fixturePath("checkpoints/plain.pt")
    for settings in [
      UnstoredSettings(classes: 7), UnstoredSettings(pooling: .max),
      UnstoredSettings(mean: [0, 0, .nan]),
      UnstoredSettings(standardDeviation: [1, 1, 0]),
      UnstoredSettings(mean: [0, 0, 0], standardDeviation: [1, 1]),
      UnstoredSettings(padding: .clone),
    ] {
      #expect(throws: ReferenceError.self, "\(settings)") {
        _ = try Checkpoint.read(path, settings: settings)
      }
    }
  }

  @Test(
    "numbers in other formats are read as PyTorch reads them",
    arguments: [
      "float16.pt", "float16.safetensors", "bfloat16.pt", "bfloat16.safetensors", "float64.pt",
      "float64.safetensors", "channels-last.pt",
    ])
  func formats(file: String) throws {
    let path = fixturePath("formats/\(file)")
    let name = file.prefix { $0 != "." }
    // Images of 8×8 pixels are not CIFAR's.
    let settings = UnstoredSettings(mean: [0.5, 0.5, 0.5])
    let found = try Checkpoint.read(path, settings: settings)
    let expected = try Checkpoint.read(
      fixturePath("formats/\(name)-as-float32.safetensors"), settings: settings)
    #expect(found.digest == expected.digest)
    #expect(found.published?.spectralNorms == expected.published?.spectralNorms)
    let isRounded = found.notes.contains { $0.contains("rounded from float64") }
    #expect(isRounded == (name == "float64"), "\(found.notes)")
  }

  @Test(
    "converted to safetensors and HDF5 and back, every tensor has the same bytes",
    arguments: ["plain", "wrapped", "legacy", "training", "trunc"])
  func roundTrip(name: String) throws {
    let original = fixturePath("checkpoints/\(name).pt")
    try withTemporaryFolder { folder in
      let (first, hdf5, second) = (
        folder + "/1.safetensors", folder + "/x.h5", folder + "/2.safetensors"
      )
      let read = try Checkpoint.read(original)
      try read.writeSafetensors(to: first, description: read.description)
      let again = try Checkpoint.read(first)
      #expect(again.network.layers.map(\.specification) == read.network.layers.map(\.specification))
      try again.network.write(
        to: hdf5, description: again.description, published: again.published)
      let third = try Checkpoint.read(hdf5)
      #expect(third.published == read.published)
      try third.writeSafetensors(to: second, description: third.description)
      #expect(try bytes(of: first) == bytes(of: second))

      let written = try StateDictionary(path: second)
      let stored = try StateDictionary(path: original)
      for tensor in written.tensors {
        let source = try #require(stored.tensors.first { $0.name == tensor.name })
        #expect(tensor.isCopy(of: source), "\(tensor.name)")
      }
      // Nothing is lost but the second names, and what is no part of the network.
      let names = Set(written.tensors.map(\.name))
      for tensor in stored.tensors where !names.contains(tensor.name) {
        #expect(
          tensor.name.contains("base.") || tensor.name.hasPrefix("optimizer."), "\(tensor.name)")
      }
    }
  }

  @Test("a network of our own keeps its steps and its normalisation in safetensors")
  func ownNetwork() throws {
    try withTemporaryFolder { folder in
      let model = ModelRecipe(
        convolutionLayers: 1, channels: 3, linearLayers: 1, linearInner: 4, head: .mean,
        image: [3, 8, 8])
      var network = CPLNetwork<Float>(
        model.layers(mean: [0.1, 0.2, 0.3], standardDeviation: [1, 2, 3]), seed: 1)
      network.updateSteps(iterations: 3, workers: Workers(threads: 1))
      let description = CheckpointDescription(
        profile: .corrected, createdBy: "test", gitCommit: "none")
      try network.write(to: folder + "/a.h5", description: description)
      let path = folder + "/a.safetensors"
      try Checkpoint.read(folder + "/a.h5").writeSafetensors(to: path, description: description)
      let read = try Checkpoint.read(path)
      #expect(read.network.layers.map(\.specification) == network.layers.map(\.specification))
      #expect(read.digest == (try network.digest()))
      #expect(read.description == description)
      #expect(throws: ReferenceError.self, "the file says what its mean is") {
        _ = try Checkpoint.read(path, settings: UnstoredSettings(mean: [0, 0, 0]))
      }
    }
  }

  @Test(
    "PyTorch and safetensors load what is written",
    .enabled(if: Tool.safetensors != nil, "needs a python3 with torch and safetensors"))
  func readByOthers() throws {
    let python = try #require(Tool.safetensors)
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      let read = try Checkpoint.read(fixturePath("checkpoints/wrapped.pt"))
      try read.writeSafetensors(to: path, description: read.description)
      let script = """
        import sys, torch, safetensors.torch as st
        sys.path.insert(0, sys.argv[1])
        import cpl_torch as cpl
        model = torch.nn.DataParallel(cpl.NormalizedNetwork(cpl.CPLNetwork(
          image=(32, 32), channels=4, conv_layers=2, conv_inner=3, linear_layers=2, linear_inner=8)))
        assert st.load_model(model, sys.argv[2]) == (set(), [])
        ours, theirs = model.state_dict(), torch.load(sys.argv[1] + '/checkpoints/wrapped.pt')
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)
        """
      let outcome = try python.run(["-c", script, fixturePath(""), path])
      #expect(outcome.status == 0, "\(outcome.output)")
    }
  }
}

extension Tool {
  /// A Python that has PyTorch and safetensors.
  static let safetensors: Tool? = {
    guard let python = Tool("python3") else { return nil }
    return (try? python.run(["-c", "import torch, safetensors"]).status) == 0 ? python : nil
  }()
}
