// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("LearningRateSchedule")
struct LearningRateScheduleTests {
  @Test(
    "every step's rate is the recorded one",
    arguments: [("schedule", 3, 7), ("schedule_long", 200, 4)], ["corrected", "published"])
  func parity(run: (group: String, epochs: Int, batches: Int), variant: String) throws {
    let schedule = LearningRateSchedule(
      epochs: run.epochs, batches: run.batches, learningRate: 1e-3,
      offset: variant == "published")
    let rates = (0..<run.epochs * run.batches).map { schedule.rate(step: $0) }
    let recorded = try Fixture.binary64("\(run.group)/\(variant)").elements
    #expect(rates.count == recorded.count)
    for (rate, expected) in zip(rates, recorded) {
      // Interpolation: a quotient, two differences, a product and a sum, of numbers up to 1e-3.
      #expect(abs(rate - expected) <= gamma(8, Double.self) * 1e-3)
      #expect((rate == 0) == (expected == 0))
    }
  }

  @Test("the rate begins above 0, is highest at two fifths and ends at 0")
  func shape() {
    let schedule = LearningRateSchedule(epochs: 10, batches: 5, learningRate: 1, offset: false)
    let rates = (0..<50).map { schedule.rate(step: $0) }
    #expect(rates[0] > 0)
    #expect(rates[19] == 1)
    #expect(rates.max() == 1)
    #expect(abs(rates[39] - 0.05) <= gamma(4, Double.self))
    #expect(rates[49] == 0)
  }

  @Test("under `lr-offset` the whole last epoch runs at 0, and steps are one epoch ahead")
  func offset() {
    let plain = LearningRateSchedule(epochs: 6, batches: 5, learningRate: 1, offset: false)
    let ahead = LearningRateSchedule(epochs: 6, batches: 5, learningRate: 1, offset: true)
    #expect((25..<30).allSatisfy { ahead.rate(step: $0) == 0 })
    #expect((0..<25).allSatisfy { ahead.rate(step: $0) == plain.rate(step: $0 + 5) })
  }

  @Test("one step, two steps and other runs too short for four knots have finite rates")
  func shortRuns() {
    for steps in 1...6 {
      let schedule = LearningRateSchedule(epochs: 1, batches: steps, learningRate: 1, offset: false)
      let rates = (0..<steps).map { schedule.rate(step: $0) }
      #expect(rates.allSatisfy { (0...1).contains($0) }, "\(steps) steps")
      #expect(rates.last == 0)
    }
  }
}
