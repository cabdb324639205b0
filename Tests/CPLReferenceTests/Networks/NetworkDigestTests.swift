// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport
import Testing

@Suite("The digest of a network")
struct NetworkDigestTests {
  private static let model = ModelRecipe(
    convolutionLayers: 1, channels: 6, convolutionInner: 2, linearLayers: 1, linearInner: 4,
    image: [3, 8, 8])

  private func network(
    _ model: ModelRecipe = model, mean: [Float] = [0.5, 0.5, 0.5],
    deviation: [Float] = [1, 1, 1]
  ) -> CPLNetwork<Float> {
    var network = CPLNetwork<Float>(
      model.layers(mean: mean, standardDeviation: deviation), seed: 0)
    network.updateSteps(iterations: 1, workers: .serial)
    return network
  }

  @Test("all that the output depends on is in it")
  func everything() throws {
    var step = network()
    let position = step.steppedLayers[1]
    step[stepped: position].stepSize =
      step[stepped: position].stepSize.nextUp
    var rule = network()
    rule[stepped: position].stepRule = .fixed
    var padding = Self.model
    padding.padding = .clone
    var weight = network()
    weight.layers[position].updateParameters { index, tensor in
      if index == 0 { tensor.elements[0] = tensor.elements[0].nextUp }
    }
    let networks = [
      network(), step, rule, weight, network(mean: [0.5, 0.5, 0.25]),
      network(deviation: [1, 1, 0.5]), network(padding),
    ]
    let digests = try networks.map { try $0.digest() }
    #expect(Set(digests).count == networks.count)
    #expect(try network().digest() == digests[0])
    var heads: Set<String> = []
    for head in ModelRecipe.Head.allCases {
      var model = Self.model
      model.head = head
      heads.insert(try network(model).digest())
    }
    #expect(heads.count == ModelRecipe.Head.allCases.count)
  }

  @Test("the digest of the parameters alone is the same for other steps and means")
  func parameters() {
    #expect(network().parametersDigest == network(mean: [0, 0, 0]).parametersDigest)
  }

  @Test("a file whose steps were edited is refused; the data and the assumptions are kept")
  func stored() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/weights.h5"
      let description = CheckpointDescription(
        profile: .corrected, createdBy: "test", gitCommit: "none",
        trainedOn: TrainingData(name: "synthetic", digest: "0123"), assumptions: ["a guess"])
      try network().write(to: path, description: description)
      let read = try Checkpoint(path: path)
      #expect(read.description == description)
      #expect(read.notes == ["a guess"] && !read.isEarlierFormat)
      #expect(read.digest == (try network().digest()))
      var bytes = try InputFile.bytes(path)
      let number = Array("\"value\":".utf8)
      let place =
        try #require(
          bytes.indices.first { bytes[$0...].starts(with: number) }) + number.count
      bytes[place] = bytes[place] == UInt8(ascii: "1") ? UInt8(ascii: "2") : UInt8(ascii: "1")
      try AtomicFile.write(Data(bytes), to: path)
      #expect(throws: ReferenceError.self) { try Checkpoint(path: path) }
    }
  }

  @Test("a file of the first version is read, checked by its own digest, and known as such")
  func earlierVersion() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/weights.h5"
      let network = network()
      for digest in [network.parametersDigest, try network.digest()] {
        try HDF5File.create(at: path) { file in
          let model = try JSONEncoder().encode(network.layers.map(\.specification))
          for (name, text) in [
            ("format", "cpl-weights"), ("model", String(decoding: model, as: UTF8.self)),
            ("profile", "{}"), ("digest", digest), ("created_by", "test"), ("git_commit", "none"),
          ] {
            try file.setAttribute(name, .string(text), of: "/")
          }
          try file.setAttribute("version", .integer(1), of: "/")
          for layer in network.layers {
            for (name, value) in layer.parameters {
              try file.write(value, to: "/parameters/\(layer.name)/\(name)")
            }
          }
          for position in network.steppedLayers {
            let layer = network[stepped: position]
            try file.write(layer.powerVector, to: "/buffers/\(layer.name)/u")
          }
        }
        guard digest == network.parametersDigest else {
          #expect(throws: ReferenceError.self) { try Checkpoint(path: path) }
          continue
        }
        let read = try Checkpoint(path: path)
        #expect(read.isEarlierFormat)
        #expect(try read.digest == network.digest())
      }
    }
  }
}
