// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("The normalisation that a checkpoint stores")
struct StoredNormalizationTests {
  private let mean: [Float] = [0.5, 0.25, 0.75]
  private let deviation: [Float] = [0.25, 0.5, 0.125]

  private func first(_ checkpoint: Checkpoint) -> LayerSpecification? {
    checkpoint.network.layers.first?.specification
  }

  @Test(
    "buffers of one number a channel are used, in whatever shape and module",
    arguments: [
      ("mean", "std", "model."), ("normalize.mean", "normalize.std", "model."),
      ("0.mean", "0.std", "1."), ("model.0.mean", "model.0.std", "model.1."),
      ("normalization.mean", "normalization.sigma", "net."), ("norm.mu", "norm.sigma", ""),
    ], [[3], [3, 1, 1], [1, 3, 1, 1]])
  func used(names: (String, String, String), shape: [Int]) throws {
    let buffers = [
      (names.0, PickledValue.tensor(shape: shape, mean)),
      (names.1, .tensor(shape: shape, deviation)),
    ]
    let state = SampleCheckpoint.state(names.2, with: buffers)
    for value in [state, .dictionary([("state_dict", state), ("epoch", .integer(1))])] {
      let found = try SampleCheckpoint.read(value)
      #expect(
        first(found) == .normalize(mean: mean, standardDeviation: deviation, image: [3, 32, 32]),
        "\(found.notes)")
      #expect(found.notes.contains { $0.contains("as the file stores it in") }, "\(found.notes)")
      #expect(!found.notes.contains { $0.contains("is not stored: taken as 1") }, "\(found.notes)")
    }
  }

  @Test("a flag wins over the file, which is said; of a half that is missing the guess is said")
  func conflicts() throws {
    let both = SampleCheckpoint.state(
      "model.",
      with: [
        ("mean", .tensor(shape: [3], mean)), ("std", .tensor(shape: [3], deviation)),
      ])
    let told = try SampleCheckpoint.read(both, settings: UnstoredSettings(mean: [0, 0, 0]))
    #expect(
      first(told) == .normalize(mean: [0, 0, 0], standardDeviation: deviation, image: [3, 32, 32]))
    #expect(
      told.notes.contains { $0.hasPrefix("--mean [0.0, 0.0, 0.0] is used, against the file") },
      "\(told.notes)")
    let half = try SampleCheckpoint.read(
      SampleCheckpoint.state("model.", with: [("mean", .tensor(shape: [3], mean))]))
    #expect(
      first(half) == .normalize(mean: mean, standardDeviation: [1, 1, 1], image: [3, 32, 32]))
    #expect(half.notes.contains { $0.contains("deviation is not stored: taken as 1") })
  }

  @Test("a guess does not replace buffers that cannot be used; a flag does, and they are listed")
  func impossible() throws {
    for (name, shape, values, reason) in [
      ("std", [3], [1, -1, 1], "not a positive number"),
      ("mean", [3], [0, .nan, 0], "not a finite number"),
      ("mean", [3, 3], [Float](repeating: 0, count: 9), "not one number a channel"),
      ("mean", [5], [0, 0, 0, 0, 0], "not one number a channel"),
    ] as [(String, [Int], [Float], String)] {
      let state = SampleCheckpoint.state(
        "model.", with: [(name, .tensor(shape: shape, values))])
      SampleCheckpoint.refuse(state, name, "--\(name)")
      let found = try SampleCheckpoint.read(
        state, settings: UnstoredSettings(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1]))
      #expect(
        found.notes.contains { $0.hasPrefix("\(name) is not used:") && $0.contains(reason) },
        "\(found.notes)")
      #expect(found.notes.contains { $0.contains("passed over: \(name) (1 tensor)") })
    }
    let bytes = SampleCheckpoint.state(
      "model.", with: [("mean", .tensor(shape: [3], mean.map { $0 * 255 }))])
    SampleCheckpoint.refuse(bytes, "that of images in 0…255", "--mean")
  }

  @Test("what looks like another normalisation than the one used is refused, whatever it is called")
  func contradictions() throws {
    let numbers = PickledValue.tensor(shape: [3], mean)
    let deviations = PickledValue.tensor(shape: [3], deviation)
    for (name, used) in [
      ("normalizer.new_", true), ("pixel_", true), ("_", true), ("a.b.", true),
    ] {
      let found = try SampleCheckpoint.read(
        SampleCheckpoint.state(
          "model.", with: [("\(name)mean", numbers), ("\(name)std", deviations)]))
      #expect(
        (first(found) == .normalize(mean: mean, standardDeviation: deviation, image: [3, 32, 32]))
          == used,
        "\(name)")
    }
    for (others, flag) in [
      ([("normalize.mean", numbers), ("normalize.var", deviations)], "--std"),
      ([("norm.mean", numbers), ("norm.inv_std", deviations)], "--std"),
      ([("norm.mean", numbers), ("other.mean", deviations)], "--mean"),
      ([("sub.mean", numbers), ("div.std", deviations)], "--"),
      ([("mean", .list([.real(0.5), .real(0.5), .real(0.5)]))], "--mean"),
      ([("mean", .tensor(shape: [3, 2, 2], [Float](repeating: 0.5, count: 12)))], "--mean"),
    ] as [([(String, PickledValue)], String)] {
      SampleCheckpoint.refuse(SampleCheckpoint.state("model.", with: others), flag)
    }
  }

  @Test("each of several networks has its own")
  func networks() throws {
    // The layers are the same.
    var tensors: [(String, PickledValue)] = []
    for (prefix, factor) in [("model.", Float(1)), ("ema.", 2)] {
      tensors.append((prefix + "mean", .tensor(shape: [3], mean.map { $0 / factor })))
      tensors.append((prefix + "std", .tensor(shape: [3], deviation)))
      for (name, shape, elements) in SampleCheckpoint.tensors {
        tensors.append((prefix + "net." + name, .tensor(shape: shape, elements)))
      }
    }
    SampleCheckpoint.refuse(.dictionary(tensors), "'model.net.' and 'ema.net.', which differ")
    for (network, factor) in [("model", Float(1)), ("ema", 2)] {
      let found = try SampleCheckpoint.read(
        .dictionary(tensors), settings: UnstoredSettings(network: network))
      #expect(
        first(found)
          == .normalize(
            mean: mean.map { $0 / factor }, standardDeviation: deviation, image: [3, 32, 32]))
    }
  }

  @Test("no mean is guessed of images that are not CIFAR's; a flag tells mean and channels")
  func otherImages() throws {
    let path = fixturePath("hostile/good.pt")
    #expect("the flag") {
      _ = try Checkpoint.read(path)
    } throws: {
      "\($0)".contains("give --mean, one number a channel") && "\($0)".contains("8×8 pixels")
    }
    let grey = try Checkpoint.read(path, settings: UnstoredSettings(mean: [0.1307]))
    #expect(grey.network.inputShape == [1, 8, 8])
  }
}
