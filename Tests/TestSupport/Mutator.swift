// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// Makes damaged files of whole ones, the same for the same seed and number.
package struct Mutator {
  private let seeds: [[UInt8]]
  private let seed: UInt64

  /// - Precondition: there is a seed that is not empty.
  package init(_ seeds: [[UInt8]], seed: UInt64) {
    precondition(!seeds.allSatisfy(\.isEmpty), "something to damage")
    self.seeds = seeds
    self.seed = seed
  }

  /// The damaged file of a number: flipped bits, replaced, removed and repeated pieces, pieces of
  /// other files, cut ends, and hostile lengths, up to eight of them.
  package func input(_ number: Int) -> [UInt8] {
    var random = CounterRandom(
      seed: seed, purpose: .test, major: UInt32(truncatingIfNeeded: number),
      minor: UInt32(truncatingIfNeeded: number >> 32))
    var bytes = seeds[random.below(seeds.count)]
    for _ in 0...random.below(8) where !bytes.isEmpty { damage(&bytes, &random) }
    return bytes
  }

  private static let hostileNumbers: [UInt64] = [
    0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
    0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, 0xffff_ffff_ffff_ffff, 1 << 40, 1 << 33,
  ]

  private func damage(_ bytes: inout [UInt8], _ random: inout CounterRandom) {
    let place = random.below(bytes.count)
    let length = min(bytes.count - place, 1 + random.below(random.below(4) == 0 ? 256 : 8))
    switch random.below(9) {
    case 0, 1: bytes[place] ^= 1 << UInt8(random.below(8))
    case 2: bytes[place] = UInt8(truncatingIfNeeded: random.nextUInt32())
    case 3: bytes.removeSubrange(place..<place + length)
    case 4: bytes.insert(contentsOf: bytes[place..<place + length], at: random.below(bytes.count))
    case 5:
      let other = seeds[random.below(seeds.count)]
      let start = random.below(max(1, other.count))
      let piece = other[start..<min(other.count, start + length)]
      bytes.replaceSubrange(place..<min(bytes.count, place + piece.count), with: piece)
    case 6: bytes.removeSubrange(place...)
    case 7:
      let number = Self.hostileNumbers[random.below(Self.hostileNumbers.count)]
      let size = [1, 2, 4, 8][random.below(4)]
      for index in 0..<min(size, bytes.count - place) {
        bytes[place + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index))
      }
    default:
      // In text a number is its digits.
      let number = Self.hostileNumbers[random.below(Self.hostileNumbers.count)]
      bytes.replaceSubrange(
        place..<place + length, with: Array("\(length > 4 ? "-" : "")\(number)".utf8))
    }
  }
}
