// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Two shares of the same images, such as the accuracies of two networks, compared image by image.
///
/// What decides is the images on which the two disagree: by McNemar's test (Psychometrika 1947),
/// carried out exactly, and by Agresti and Min's interval (*Simple improved confidence intervals
/// for comparing matched proportions*, Statistics in Medicine 2005), which keeps its level with few
/// of them too.
package struct PairedProportions: Equatable, Sendable {
  /// The number of images.
  package let count: Int
  /// The images that only the first, and only the second, has right.
  package let onlyFirst: Int
  package let onlySecond: Int
  /// The images that both have right.
  package let both: Int

  package init(count: Int, onlyFirst: Int, onlySecond: Int, both: Int) {
    self.count = count
    self.onlyFirst = onlyFirst
    self.onlySecond = onlySecond
    self.both = both
  }

  /// - Precondition: as many in both.
  package init(_ first: [Bool], _ second: [Bool]) {
    precondition(first.count == second.count, "pairs")
    let pairs = zip(first, second)
    self.init(
      count: first.count, onlyFirst: pairs.count { $0 && !$1 },
      onlySecond: pairs.count { !$0 && $1 }, both: pairs.count { $0 && $1 })
  }

  package var first: Double { Double(both + onlyFirst) / Double(count) }
  package var second: Double { Double(both + onlySecond) / Double(count) }

  /// The second share minus the first.
  package var difference: Double { Double(onlySecond - onlyFirst) / Double(count) }

  /// The probability, were both equally often right alone, of a disagreement at least as one-sided:
  /// 2·P(X ≤ min), at most 1, with X binomial of all images on which they disagree and ½.
  ///
  /// Computed in logarithms, with a relative error of about n·2⁻⁵²; complexity O(n) in the number of
  /// these images.
  package var mcNemar: Double {
    let disagreements = onlyFirst + onlySecond
    let all = lgamma(Double(disagreements) + 1) - Double(disagreements) * log(2)
    let tail = (0...min(onlyFirst, onlySecond)).reduce(0.0) { sum, k in
      sum + exp(all - lgamma(Double(k) + 1) - lgamma(Double(disagreements - k) + 1))
    }
    return min(1, 2 * tail)
  }

  /// Where the difference lies at a confidence of 95 %: Wald's interval with half an image added to
  /// each of the four cells, within −1...1.
  package var interval: ClosedRange<Double> {
    let n = Double(count) + 2
    let (b, c) = (Double(onlyFirst) + 0.5, Double(onlySecond) + 0.5)
    let middle = (c - b) / n
    let width = ObservedShare.normalQuantile * (b + c - (c - b) * (c - b) / n).squareRoot() / n
    return max(-1, middle - width)...min(1, middle + width)
  }
}
