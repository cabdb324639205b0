// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport
import Testing

/// Checkpoints of SDP-based Lipschitz layers as their authors save them; `fixtures/sll/make_sll.py` made one.
@Suite("Checkpoints of numbered modules")
struct SequenceCheckpointTests {
  @Test("logits are PyTorch's, q without effect in convolutions")
  func logits() throws {
    let checkpoint = try Checkpoint.read(fixturePath("sll/released.pth"))
    #expect(checkpoint.published?.prefix == "model_state_dict.module.model.model.")
    let file = try HDF5File.open(fixturePath("sll/released.h5"))
    let images = try file.readTensor(of: Float.self, from: "/images")
    let expected = try file.readTensor(of: Double.self, from: "/logits")
    let network = checkpoint.network
    let found = network.converted(to: Double.self).logits(images.converted(), workers: .serial)
    #expect(relativeError(found, expected) <= 1e-6)
    #expect(checkpoint.architecture.contains("2 × SLL convolution 3×3 inner 4, q without effect"))
    let layers = network.layers.map(\.specification)
    #expect(
      layers.map(\.kind) == [
        "normalize", "padding", "sll-convolution", "sll-convolution", "norm-pool", "flatten",
        "sll-linear", "sll-linear", "last-layer-normalised",
      ])
    #expect(
      layers[0]
        == .normalize(
          mean: [0.4913, 0.4821, 0.4465], standardDeviation: [1, 1, 1],
          image: [3, 32, 32]))
    #expect(checkpoint.notes.contains { $0.contains("32×32") && $0.contains("4×4") })
    #expect(checkpoint.notes.contains { $0.contains("published code subtracts; --mean") })
    #expect(checkpoint.notes.contains { $0.contains("epoch (2)") })
    try withTemporaryFolder { folder in
      let path = "\(folder)/copy.h5"
      try network.write(
        to: path, description: checkpoint.description, published: checkpoint.published)
      let copy = try Checkpoint(path: path)
      #expect(try copy.network.digest() == network.digest())
      #expect(copy.network.layers[2].specification == layers[2])
    }
  }

  /// A small network's tensors.
  private static func tensors(_ prefix: String = "") -> [(name: String, value: PickledValue)] {
    func values(_ shape: [Int]) -> PickledValue {
      .tensor(shape: shape, (0..<shape.reduce(1, *)).map { Float($0 % 7) / 8 - 0.3 })
    }
    return [
      ("1.kernel", values([2, 4, 3, 3])), ("1.bias", values([1, 2, 1, 1])), ("1.q", values([2])),
      ("4.weight", values([3, 256])), ("4.bias", values([1, 3])), ("4.q", values([3])),
      ("5.weight", values([10, 256])), ("5.bias", values([10])),
    ].map { (prefix + $0.0, $0.1) }
  }

  @Test("names may have any prefix, and two networks are told apart")
  func prefixes() throws {
    for prefix in ["", "module.", "net.0."] {
      let checkpoint = try SampleCheckpoint.read(.dictionary(Self.tensors(prefix)))
      #expect(checkpoint.network.layers.count == 7)
      #expect(checkpoint.published?.prefix == prefix)
    }
    #expect(
      try SampleCheckpoint.read(.dictionary(Self.tensors("a.") + Self.tensors("b."))).notes
        .contains { $0.contains("'a.' and 'b.' hold the same network") })
  }

  @Test("what the published code passes over is passed over, and said")
  func alpha() throws {
    let others = [("1.alpha", PickledValue.tensor(shape: [1], [3]))]
    let notes = try SampleCheckpoint.read(.dictionary(Self.tensors() + others)).notes
    #expect(notes.contains { $0.contains("passed over: 1 (1 tensor)") }, "\(notes)")
  }

  @Test(
    "what is no such network is refused with the module that is wrong",
    arguments: [
      ("5.", nil, "one head, last", "sll-linear"),
      ("1.", nil, "convolutions first", "sll-linear"),
      ("4.q", nil, "one head, last", "last-layer-normalised, last-layer-normalised"),
      ("4.", "3.", "sll-linear as module 4", "sll-linear"),
      ("5.", "7.", "last-layer-normalised as module 5", "last-layer-normalised"),
      ("1.q", "1.p", "the tensors of a layer", "p [2]"),
    ] as [(String, String?, String, String)])
  func refusals(name: String, replacement: String?, expected: String, found: String) {
    let tensors = Self.tensors().compactMap { tensor -> (name: String, value: PickledValue)? in
      guard tensor.name.hasPrefix(name) else { return tensor }
      return replacement.map { ($0 + tensor.name.dropFirst(name.count), tensor.value) }
    }
    SampleCheckpoint.refuse(.dictionary(tensors), expected, found)
  }
}
