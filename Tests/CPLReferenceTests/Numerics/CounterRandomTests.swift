// SPDX-License-Identifier: Apache-2.0

import Testing

import CPLReference

@Suite("CounterRandom")
struct CounterRandomTests {
  @Test(
    "Philox4x32-10 gives Random123's known answers",
    arguments: [
      (
        counter: SIMD4<UInt32>(repeating: 0), key: SIMD2<UInt32>(repeating: 0),
        expected: SIMD4<UInt32>(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)
      ),
      (
        counter: SIMD4<UInt32>(repeating: .max), key: SIMD2<UInt32>(repeating: .max),
        expected: SIMD4<UInt32>(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
      ),
      (
        counter: SIMD4<UInt32>(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
        key: SIMD2<UInt32>(0xa409_3822, 0x299f_31d0),
        expected: SIMD4<UInt32>(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
      ),
    ])
  func knownAnswers(
    counter: SIMD4<UInt32>, key: SIMD2<UInt32>, expected: SIMD4<UInt32>
  ) {
    #expect(CounterRandom.block(counter: counter, key: key) == expected)
  }

  @Test("a stream is the blocks of consecutive counters")
  func streamOrder() {
    var random = CounterRandom(
      seed: 0x299f_31d0_a409_3822, purpose: .test, major: 3, middle: 2, minor: 1)
    let drawn = (0..<8).map { _ in random.nextUInt32() }
    let blocks = (0..<2).flatMap { (low: UInt32) in
      let block = CounterRandom.block(
        counter: SIMD4(low, 1, 3, 255 << 24 | 2), key: SIMD2(0xa409_3822, 0x299f_31d0))
      return (0..<4).map { block[$0] }
    }
    #expect(drawn == blocks)
  }

  @Test("streams that differ in any of seed, purpose and numbers differ from the start")
  func streamsDiffer() {
    let streams = [
      CounterRandom(seed: 0, purpose: .test), CounterRandom(seed: 1, purpose: .test),
      CounterRandom(seed: 1 << 32, purpose: .test), CounterRandom(seed: 0, purpose: .shuffling),
      CounterRandom(seed: 0, purpose: .test, major: 1),
      CounterRandom(seed: 0, purpose: .test, middle: 1),
      CounterRandom(seed: 0, purpose: .test, minor: 1),
    ]
    let starts = streams.map { stream in
      var random = stream
      return random.next() as UInt64
    }
    #expect(Set(starts).count == streams.count)
  }

  @Test("`below` is uniform", arguments: [2, 3, 9, 10, 1000])
  func belowIsUniform(bound: Int) {
    var random = CounterRandom(seed: 7, purpose: .test, major: UInt32(bound))
    let expected = 200.0
    var counts = [Double](repeating: 0, count: bound)
    for _ in 0..<Int(expected) * bound { counts[random.below(bound)] += 1 }
    let chiSquare = counts.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
    // χ² has mean k and variance 2k; five standard deviations. The seed is fixed, so the test
    // either always holds or never.
    let freedom = Double(bound - 1)
    #expect(abs(chiSquare - freedom) <= 5 * (2 * freedom).squareRoot())
  }

  @Test("uniform numbers are multiples of 2⁻⁵³ in [0, 1) with mean ½")
  func uniformNumbers() {
    var random = CounterRandom(seed: 7, purpose: .test)
    let numbers = (0..<10_000).map { _ in random.uniform() }
    #expect(numbers.allSatisfy { $0 >= 0 && $0 < 1 && ($0 * 0x1p53).rounded() == $0 * 0x1p53 })
    // Five standard deviations of the mean of n uniform numbers: 5 / √(12 n).
    let mean = numbers.reduce(0, +) / 10_000
    let limit = 5 / (12 * 10_000.0).squareRoot()
    #expect(abs(mean - 0.5) <= limit)
  }

  @Test("a permutation holds each number once", arguments: [0, 1, 2, 257, 50_000])
  func permutation(count: Int) {
    var random = CounterRandom(seed: 3, purpose: .test)
    let order = random.permutation(of: count)
    #expect(order.sorted() == Array(0..<count))
    #expect(count < 257 || order != Array(0..<count))
  }

  @Test("every permutation of three is equally likely")
  func permutationsAreUniform() {
    var random = CounterRandom(seed: 5, purpose: .test)
    var counts: [[Int]: Double] = [:]
    for _ in 0..<6000 { counts[random.permutation(of: 3), default: 0] += 1 }
    #expect(counts.count == 6)
    // Five standard deviations of a binomial count with n = 6000, p = 1/6.
    let limit = 5 * (6000.0 * (1 / 6.0) * (5 / 6.0)).squareRoot()
    #expect(counts.values.allSatisfy { abs($0 - 1000) <= limit })
  }
}
