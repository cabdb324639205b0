// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Synchronization
import Testing

@Suite("The search for local radii")
struct LocalRadiiTests {
  private struct Stop: Error {}

  /// A small network and 70 images, of which the last third counts as wrong.
  private struct Sample {
    let verified: VerifiedNetwork
    let images: ImageDataset
    let sound: [Double]
    let isCorrect: [Bool]

    init() throws {
      verified = try LocalCase.network(3, step: 1)
      var random = CounterRandom(seed: 5, purpose: .test, major: 92)
      images = ImageDataset(
        name: "noise", classes: 4, imageShape: ImageShape(channels: 2, height: 4, width: 2),
        pixels: (0..<70 * 16).map { _ in UInt8(60 + random.below(136)) },
        labels: Array(repeating: 0, count: 70))
      let evaluated = EvaluatedImages(images, EvaluatedNetwork(verified), workers: .serial)
      sound = try CertifiedNetwork(evaluated.network, .sound).radii(
        evaluated.batch(at: 0..<70)
      ).map(\.radius)
      isCorrect = (0..<70).map { $0 % 3 < 2 }
    }

    func search(
      _ plan: LocalPlan, known: [Int: Double] = [:],
      report: (LocalRadii.Batch, Int, Int) throws -> Void = { _, _, _ in }
    ) throws -> LocalRadii {
      try LocalRadii(
        of: EvaluatedImages(
          images, EvaluatedNetwork(verified, localPlan: plan), workers: .serial), above: sound,
        isCorrect: isCorrect, known: known, report: report)
    }
  }

  private static let plan = LocalPlan(goal: .radius, steps: 20)

  @Test("images that are classified correctly come first, and of these those with the most to gain")
  func order() throws {
    let sample = try Sample()
    var order: [Int] = []
    var totals: Set<Int> = []
    _ = try sample.search(Self.plan) { new, searched, total in
      order += new.map(\.position)
      totals.insert(total)
      #expect(searched == order.count)
    }
    #expect(totals == [sample.sound.count { $0 > 0 }] && order.count == totals.first)
    for (first, next) in zip(order, order.dropFirst()) {
      if sample.isCorrect[first] == sample.isCorrect[next] {
        #expect(sample.sound[first] >= sample.sound[next])
      } else {
        #expect(sample.isCorrect[first])
      }
    }
  }

  @Test("of targets the gain is how far below them a sound radius is, where any is in reach")
  func gains() throws {
    let sample = try Sample()
    let middle = sample.sound.filter { $0 > 0 }.sorted()[30]
    let target = try #require(Epsilon("\(middle)"))
    var order: [Int] = []
    let found = try sample.search(LocalPlan(goal: .targets([target]), steps: 20)) { new, _, total in
      order += new.map(\.position)
      #expect(total < 60)
    }
    // The target itself is not to be the radius: what is certified lies above it.
    let expected = sample.sound.indices.filter {
      sample.sound[$0] <= middle && 1.7 * sample.sound[$0] > middle
    }
    #expect(Set(order) == Set(expected))
    #expect(!found.isSearched.contains(false))
    #expect(zip(found.radii, sample.sound).allSatisfy { $0 == $1 || $0 == middle.nextUp })
  }

  @Test("a plan's description tells all of it but time")
  func description() {
    for plan in [
      LocalPlan(), LocalPlan(goal: .radius, steps: 7),
      LocalPlan(goal: .targets([Epsilon("0.5")!, Epsilon("2/255")!])),
      LocalPlan(goal: .targets([Epsilon("1")!]), steps: 1),
    ] {
      #expect(LocalPlan(plan.description)?.description == plan.description)
    }
    for text in ["", "200 steps", "targets , 200 steps", "targets x, 3 steps", "largest radius"] {
      #expect(LocalPlan(text) == nil, "\(text)")
    }
  }

  @Test("a search that stops again and again ends with the radii of one that does not")
  func resumption() throws {
    let sample = try Sample()
    let whole = try sample.search(Self.plan)
    #expect(zip(whole.radii, sample.sound).count { $0 > $1 } > 20)
    var known: [Int: Double] = [:]
    var stops = 0
    var found: LocalRadii?
    while found == nil {
      do {
        found = try sample.search(Self.plan, known: known) { new, _, _ in
          for (position, radius) in new {
            #expect(known.updateValue(radius, forKey: position) == nil, "searched twice")
          }
          if !new.isEmpty { throw Stop() }
        }
      } catch is Stop { stops += 1 }
    }
    #expect(stops == 3 && found?.radii == whole.radii && found?.searched == 0)
  }

  @Test("what time does not allow keeps at least its sound radius, and counts as not searched")
  func budget() throws {
    let sample = try Sample()
    let whole = try sample.search(Self.plan)
    let questions = Mutex(0)
    var plan = Self.plan
    plan.mayGoOn = {
      questions.withLock {
        $0 += 1
        return $0 < 400
      }
    }
    let found = try sample.search(plan)
    let left = found.isSearched.count { !$0 }
    #expect(left > 0 && left < 70 && found.searched + left == sample.sound.count { $0 > 0 })
    for position in sample.sound.indices {
      if found.isSearched[position] {
        #expect(found.radii[position] == whole.radii[position])
      } else {
        #expect(found.radii[position] >= sample.sound[position])
      }
    }
  }
}
