// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How often labels agree with predictions, against labels that know nothing of the images.
///
/// Such labels are as likely in any order as in the given one: the null hypothesis is a uniformly
/// random permutation of them. With P_c predictions and Y_c labels of class c, the expected number of
/// k-subsets of the A images that agree is
///
///     E (A choose k) = r_k (n − k)!/n!,
///     Σ_k r_k xᵏ = Π_c Σ_k (P_c choose k)(Y_c choose k) k! xᵏ,
///
/// exactly, and by Markov's inequality P(A ≥ m) ≤ E (A choose k)/(m choose k) for every k ≤ m, of
/// which the least is taken. For a single class, and where all must agree, that is the exact tail.
package struct LabelAgreement {
  /// How often labels that know nothing may pass for ones that do.
  static let falseAlarmRate = 1e-6

  /// Subsets of more images sharpen a tail of 1e-6 no more.
  private static let largestSubset = 200

  private let predicted: [Int]
  private let labelled: [Int]
  private let count: Int
  /// ln E (A choose k), from k = 0.
  private let logMoments: [Double]

  /// - Parameters:
  ///   - predicted: how many predictions there are of each class.
  ///   - labelled: how many labels there are of each class. There is one for each image, where a
  ///     prediction may be missing.
  package init(predicted: [Int], labelled: [Int]) {
    self.predicted = predicted
    self.labelled = labelled
    count = labelled.reduce(0, +)
    var rooks = [0.0]
    for (p, y) in zip(predicted, labelled) where min(p, y) > 0 {
      let block = (0...min(p, y, Self.largestSubset)).map {
        Self.logChoose(p, $0) + Self.logChoose(y, $0) + Self.logFactorial($0)
      }
      let length = min(rooks.count + block.count - 1, Self.largestSubset + 1)
      rooks = (0..<length).map { total in
        let terms = (max(0, total - block.count + 1)...min(total, rooks.count - 1)).map {
          rooks[$0] + block[total - $0]
        }
        let largest = terms.max() ?? 0
        return largest + log(terms.reduce(0) { $0 + exp($1 - largest) })
      }
    }
    let images = count
    logMoments = rooks.enumerated().map {
      $1 + Self.logFactorial(images - $0) - Self.logFactorial(images)
    }
  }

  package init(predictions: [Int], labels: [Int], classes: Int) {
    func counts(_ values: [Int]) -> [Int] {
      (0..<classes).map { label in values.count { $0 == label } }
    }
    self.init(predicted: counts(predictions), labelled: counts(labels))
  }

  /// E A.
  var expected: Double {
    zip(predicted, labelled).reduce(0) { $0 + Double($1.0) * Double($1.1) } / Double(max(count, 1))
  }

  /// How many could agree at most.
  var most: Int { zip(predicted, labelled).reduce(0) { $0 + min($1.0, $1.1) } }

  /// An upper bound of P(A ≥ m).
  package func tail(_ agreements: Int) -> Double {
    let subsets = 0...max(0, min(agreements, logMoments.count - 1))
    return subsets.map { min(1, exp(logMoments[$0] - Self.logChoose(agreements, $0))) }.min() ?? 1
  }

  /// The least number of agreements that chance reaches at most once in 1/`rate`; nil where none is
  /// so many.
  package func threshold(_ rate: Double) -> Int? {
    // The bound falls with the number of agreements.
    var (low, high) = (0, most)
    guard tail(high) <= rate else { return nil }
    while low < high {
      let middle = (low + high) / 2
      if tail(middle) <= rate { high = middle } else { low = middle + 1 }
    }
    return high
  }

  /// Whether a network that is right about a share `known` of images like these, or about half as many
  /// more than chance, so seldom agrees so little: Chernoff's bound e^(−n·KL) of the binomial
  /// distribution's lower tail.
  func isFarBelow(_ known: Double, agreements: Int) -> Bool {
    let share = Double(agreements) / Double(count)
    let half = (known + expected / Double(count)) / 2
    guard share < half, half < 1 else { return false }
    let divergence =
      (share > 0 ? share * log(share / half) : 0)
      + (1 - share) * log((1 - share) / (1 - half))
    return exp(-Double(count) * divergence) <= Self.falseAlarmRate
  }

  /// About how many images like these would tell an agreement of `share` from chance; nil where that
  /// is not above chance, or where millions would not.
  func imagesNeeded(for share: Double) -> Int? {
    guard count > 0, share > expected / Double(count) else { return nil }
    var factor = 1
    while factor * count < 1 << 21 {
      let larger = Self(
        predicted: predicted.map { $0 * factor }, labelled: labelled.map { $0 * factor })
      let agreements = Int((share * Double(factor * count)).rounded(.down))
      if larger.tail(agreements) <= Self.falseAlarmRate { return factor * count }
      factor += max(1, factor / 8)
    }
    return nil
  }

  private static func logFactorial(_ n: Int) -> Double { lgamma(Double(n) + 1) }

  private static func logChoose(_ n: Int, _ k: Int) -> Double {
    logFactorial(n) - logFactorial(k) - logFactorial(n - k)
  }
}
