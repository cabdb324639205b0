// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The order in which everything is summed over a batch, which depends on the batch's size alone: part of
/// "same seed, same bytes".
///
/// Images that follow each other make pieces, each with a sum of its own. Pieces are added as a binary tree:
/// of P > 1 pieces the first 2^k, the largest power of two below P, are one subtree, the others another one.
/// So 2^k pieces from a multiple of 2^k on, or all from there to the end, are a subtree, whose sum does not
/// depend on who makes the others: another thread, another process, another device.
public enum BatchTree {
  /// The images of a piece, but for the last one, which has what is left.
  public static let imagesPerPiece = 8

  /// The number of pieces of a batch.
  public static func pieces(of images: Int) -> Int {
    (images + imagesPerPiece - 1) / imagesPerPiece
  }

  /// The images of each piece.
  public static func ranges(of images: Int) -> [Range<Int>] {
    stride(from: 0, to: images, by: imagesPerPiece).map {
      $0..<min(images, $0 + imagesPerPiece)
    }
  }

  /// Hands the tree's additions to `add`, each behind those that it needs: what was summed at the index
  /// `addend` is to be added to what was summed at `sum`. The whole is at 0 in the end.
  public static func forEachAddition(of pieces: Int, _ add: (_ sum: Int, _ addend: Int) -> Void) {
    var width = 1
    while width < pieces {
      for sum in stride(from: 0, to: pieces - width, by: 2 * width) { add(sum, sum + width) }
      width *= 2
    }
  }

  /// The fewest subtrees that `range` of so many pieces is made of, in order.
  package static func subtrees(of range: Range<Int>, in pieces: Int) -> [Range<Int>] {
    var (subtrees, start): ([Range<Int>], Int) = ([], range.lowerBound)
    while start < range.upperBound {
      var width = 1
      // A subtree of twice the width begins here, and ends within the range or with all pieces.
      while width < pieces, start % (2 * width) == 0,
        min(start + 2 * width, pieces) <= range.upperBound
      {
        width *= 2
      }
      subtrees.append(start..<min(start + width, pieces))
      start = subtrees[subtrees.count - 1].upperBound
    }
    return subtrees
  }

  /// Hands the additions to `add` that remain where each of the subtrees, which together are all pieces in
  /// order, has been summed: what was summed of the one at the index `addend` is to be added to that at `sum`.
  package static func forEachAddition(
    of subtrees: [Range<Int>], _ add: (_ sum: Int, _ addend: Int) -> Void
  ) {
    let indices = Dictionary(
      uniqueKeysWithValues: zip(subtrees.map(\.lowerBound), subtrees.indices))
    forEachAddition(of: subtrees.last?.upperBound ?? 0) { sum, addend in
      guard let addend = indices[addend], let sum = indices[sum] else { return }
      add(sum, addend)
    }
  }

  /// The sum over `images` images of what `value` is for each piece; 0 of none.
  public static func sum<Value: FloatingPoint>(
    _ images: Int, _ value: (Range<Int>) -> Value
  ) -> Value {
    var sums = ranges(of: images).map(value)
    forEachAddition(of: sums.count) { sums[$0] += sums[$1] }
    return sums.first ?? 0
  }
}

/// The sum of what is made of each piece of a batch, one after the other or at once, in the order of `BatchTree`. Each
/// addition is made as soon as both subtrees have been summed, so that few sums wait.
package final class BatchTreeSum<Sum: Sendable>: Sendable {
  private let pieces: Int
  private let add: @Sendable (inout Sum, Sum) -> Void
  /// Of subtrees that are not yet part of a larger one, of 2^k pieces each but for those at the end.
  private let waiting = Mutex<[Range<Int>: Sum]>([:])

  /// - Parameter add: adds what was summed of later pieces.
  package init(pieces: Int, add: @escaping @Sendable (inout Sum, Sum) -> Void) {
    (self.pieces, self.add) = (pieces, add)
  }

  /// Takes what was made of a piece.
  package func insert(_ sum: consuming Sum, of piece: Int) {
    var (own, subtree): (Sum?, Range<Int>) = (sum, piece..<piece + 1)
    while subtree.count < pieces {
      let width = subtree.count
      let isFirst = subtree.lowerBound % (2 * width) == 0
      let start = isFirst ? subtree.lowerBound : subtree.lowerBound - width
      let neighbour = isFirst ? start + width..<start + 2 * width : start..<start + width
      if neighbour.lowerBound < pieces {
        guard var other = exchange(&own, of: subtree, forThatOf: neighbour), var mine = own.take()
        else { return }
        if isFirst {
          add(&mine, other)
          own = mine
        } else {
          add(&other, mine)
          own = other
        }
      }
      subtree = start..<start + 2 * width
    }
    _ = exchange(&own, of: subtree, forThatOf: subtree)
  }

  /// The sum of another subtree, if it waits; else this one's is left to wait.
  private func exchange(
    _ sum: inout Sum?, of subtree: Range<Int>, forThatOf other: Range<Int>
  ) -> Sum? {
    waiting.withLock { waiting in
      if let other = waiting.removeValue(forKey: other) { return other }
      waiting[subtree] = sum.take()
      return nil
    }
  }

  /// The sum of all pieces, once each was inserted; nil before, and of none.
  package var whole: Sum? {
    waiting.withLock { waiting in waiting.first { $0.key.count >= pieces }?.value }
  }
}
