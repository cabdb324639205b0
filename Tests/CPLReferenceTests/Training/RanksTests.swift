// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("Ranks that train together")
struct RanksTests {
  private static let images = SyntheticImages.make(count: 200, seed: 7, split: .train)

  /// Four batches an epoch, the first three of six pieces, the last one of two.
  private static var configuration: TrainingConfiguration {
    var configuration = TrainingConfiguration()
    configuration.epochs = 2
    configuration.batch = 48
    configuration.learningRate = 0.01
    configuration.seed = 3
    configuration.validation = 40
    return configuration
  }

  private static func start(_ body: String = ModelRecipe.standard) -> TrainingState {
    var model = ModelRecipe(
      convolutionLayers: 2, channels: 5, convolutionInner: 4, linearLayers: 2, linearInner: 60)
    model.body = body
    return TrainingState(
      network: CPLNetwork(
        model.layers(mean: [0.5, 0.5, 0.5], standardDeviation: [1, 1, 1]), seed: 3))
  }

  /// Trains from a state, until rank `stopping.rank` stops all before its step `stopping.step`.
  private static func train(
    _ start: TrainingState, _ ranks: any Ranks, stopping: (rank: Int, step: Int)? = nil,
    imagesAtOnce: Int? = nil
  ) throws -> TrainingState {
    let trainer = try Trainer(
      configuration, training: images, test: nil, workers: .serial, ranks: ranks,
      imagesAtOnce: imagesAtOnce)
    var state = start
    var steps = 0
    let isDone = try trainer.run(
      &state, shouldStop: { stopping.map { $0 == (ranks.rank, steps) } ?? false }
    ) {
      if case .step = $0 { steps += 1 }
    }
    #expect(isDone == (stopping == nil))
    return state
  }

  @Test("end with the same state as one alone", arguments: ["cpl", "sll"])
  func bytes(body: String) throws {
    let expected = try Self.train(Self.start(body), Alone()).digest()
    for count in 1...6 {
      let digests = ThreadRanks.run(count) { ranks in
        Result { try Self.train(Self.start(body), ranks).digest() }
      }
      for digest in digests { #expect(try digest.get() == expected, "\(count) ranks") }
    }
  }

  @Test("end with the same state whatever each computes at once", arguments: ["cpl", "sll"])
  func parts(body: String) throws {
    let expected = try Self.train(Self.start(body), Alone()).digest()
    for imagesAtOnce in [8, 16, 32] {
      for count in [1, 2] {
        let digests = ThreadRanks.run(count) { ranks in
          Result {
            try Self.train(Self.start(body), ranks, imagesAtOnce: imagesAtOnce).digest()
          }
        }
        for digest in digests {
          #expect(try digest.get() == expected, "\(imagesAtOnce) images, \(count) ranks")
        }
      }
    }
  }

  @Test("go on with what another number of them left, whichever of them stopped it")
  func resumption() throws {
    let expected = try Self.train(Self.start(), Alone()).digest()
    var state = Self.start()
    for (count, stopping) in [(3, (2, 2)), (1, (0, 1)), (2, (1, 3)), (4, nil)] {
      let begun = state
      let states = ThreadRanks.run(count) { ranks in
        Result { try Self.train(begun, ranks, stopping: stopping) }
      }
      state = try states[0].get()
      for other in states { #expect(try other.get().digest() == state.digest()) }
    }
    #expect(try state.digest() == expected)
  }

  @Test("are no more than a batch has pieces")
  func tooMany() {
    let refusals = ThreadRanks.run(7) { ranks in
      #expect(throws: ReferenceError.self) { try Self.train(Self.start(), ranks) }
    }
    #expect(refusals.count == 7)
  }
}
