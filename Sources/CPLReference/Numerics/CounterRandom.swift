// SPDX-License-Identifier: Apache-2.0

/// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, *Parallel random
/// numbers: as easy as 1, 2, 3* (SC 2011).
///
/// A draw is a function of (seed, stream, position) alone: no state is shared between streams, so
/// the order in which images, layers or threads come to draw does not matter.
package struct CounterRandom: RandomNumberGenerator, Sendable {
  /// What a stream is for. Two uses never share numbers; the raw values are part of "same seed,
  /// same bytes" and never change.
  package enum Purpose: UInt8, Sendable {
    case initialization = 1
    case powerMethodStart = 2
    case shuffling = 3
    case augmentation = 4
    case validationSplit = 5
    case syntheticImages = 6
    case projectedGradientDescent = 7
    case bounds = 8
    case roundingSearch = 9
    case autoProjectedGradientDescent = 10
    case squareAttack = 11
    case properties = 12
    case bootstrap = 13
    case deviceComparison = 14
    case test = 255
  }

  private let key: SIMD2<UInt32>
  private var counter: SIMD4<UInt32>
  private var block = SIMD4<UInt32>()
  private var used = 4

  /// The stream of `seed` for one purpose, numbered by three integers, such as the image's index
  /// in its data set (`major`), the restart (`middle`, 24 bits) and the iteration (`minor`).
  ///
  /// A stream holds 2³⁴ draws of 32 bits.
  package init(
    seed: UInt64, purpose: Purpose, major: UInt32 = 0, middle: UInt32 = 0, minor: UInt32 = 0
  ) {
    precondition(middle < 1 << 24, "the middle index of a stream has 24 bits")
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    counter = SIMD4(0, minor, major, UInt32(purpose.rawValue) << 24 | middle)
  }

  /// Ten rounds of Philox4x32 on one counter.
  package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    // Numbers of their own: within vectors the compiler would move them in and out, ten times.
    var (x0, x1, x2, x3) = (counter[0], counter[1], counter[2], counter[3])
    var (k0, k1) = (key[0], key[1])
    for _ in 0..<10 {
      let p0 = UInt64(x0) &* 0xD251_1F53
      let p1 = UInt64(x2) &* 0xCD9E_8D57
      x0 = UInt32(truncatingIfNeeded: p1 >> 32) ^ x1 ^ k0
      x2 = UInt32(truncatingIfNeeded: p0 >> 32) ^ x3 ^ k1
      x1 = UInt32(truncatingIfNeeded: p1)
      x3 = UInt32(truncatingIfNeeded: p0)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return SIMD4(x0, x1, x2, x3)
  }

  /// The next 32 bits.
  package mutating func nextUInt32() -> UInt32 {
    if used == 4 {
      block = Self.block(counter: counter, key: key)
      counter[0] &+= 1
      used = 0
    }
    defer { used += 1 }
    return block[used]
  }

  package mutating func next() -> UInt64 {
    let low = nextUInt32()
    return UInt64(nextUInt32()) << 32 | UInt64(low)
  }

  /// Uniform in [0, 1), a multiple of 2⁻⁵³.
  package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform among 0 ..< `bound`, without bias (Lemire 2019).
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0 && bound <= Int(UInt32.max), "a bound is in 1 ... 2³² − 1")
    let range = UInt32(bound)
    while true {
      let product = UInt64(nextUInt32()) &* UInt64(range)
      let low = UInt32(truncatingIfNeeded: product)
      // The threshold is below the range, so that the division is seldom needed.
      if low >= range || low >= (0 &- range) % range { return Int(product >> 32) }
    }
  }

  /// A permutation of 0 ..< `count`, each equally likely (Fisher and Yates).
  package mutating func permutation(of count: Int) -> [Int] {
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, below(last + 1))
    }
    return order
  }
}
