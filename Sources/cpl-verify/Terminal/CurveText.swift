// SPDX-License-Identifier: Apache-2.0

import CPLVerify
import Foundation

/// A curve drawn with characters: its name and last value, and below them columns whose heights are its
/// values.
struct CurveText {
  let curve: RunCurves.Curve
  /// Where the first and the last column stand.
  let range: ClosedRange<Double>

  private static let eighths = Array(" ▁▂▃▄▅▆▇█")
  private static let labelWidth = 9

  /// The lines.
  ///
  /// - Parameters:
  ///   - width: of each at most.
  ///   - height: how many rows the columns have.
  func lines(width: Int, height: Int) -> [String] {
    let values = curve.points.map(\.y)
    guard let last = values.last, let least = values.min(), let largest = values.max() else {
      return []
    }
    let title = "\(curve.name): \(text(last))"
    let count = width - Self.labelWidth - 2
    guard height > 0, count >= 8 else { return [String(title.prefix(width))] }
    // From 0, or where the curve varies little from somewhat below its least value.
    let isNarrow = largest > least && largest > 0 && least > 0.8 * largest
    let low = isNarrow ? least - 0.25 * (largest - least) : min(0, least)
    let high = largest > low ? largest : low + 1
    let columns = heights(count).map { value -> Int in
      guard let value else { return 0 }
      // A file may hold numbers whose difference is not finite.
      let share = (value - low) / (high - low)
      return share.isFinite ? max(1, Int((share * Double(8 * height)).rounded())) : 1
    }
    let rows = (0..<height).reversed().map { row in
      let label = row == height - 1 ? text(high) : row == 0 ? text(low) : ""
      let cells = columns.map { Self.eighths[min(max($0 - 8 * row, 0), 8)] }
      return "\(String(label.prefix(Self.labelWidth)).leftPadding(Self.labelWidth)) │"
        + String(cells)
    }
    return [String(title.prefix(width))] + rows.map { $0.trimmingEnd }
  }

  /// The value at each column: the last one at or before it, since nothing is known between; nil before the
  /// first and beyond the last.
  private func heights(_ count: Int) -> [Double?] {
    let step = (range.upperBound - range.lowerBound) / Double(count)
    guard let end = curve.points.last?.x else { return [] }
    var position = 0
    return (0..<count).map { column in
      let left = range.lowerBound + Double(column) * step
      // Beyond the last point nothing is known yet, but it has a column in any case.
      guard left < end else { return nil }
      while position + 1 < curve.points.count, curve.points[position + 1].x <= left + step {
        position += 1
      }
      return curve.points[position].x <= left + step ? curve.points[position].y : nil
    }
  }

  private func text(_ value: Double) -> String {
    switch curve.unit {
    case .share: String(format: "%.1f %%", value * 100)
    case .count: String(format: "%.0f", value)
    case .number: String(format: "%.4g", value)
    }
  }
}

extension String {
  fileprivate func leftPadding(_ width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }

  fileprivate var trimmingEnd: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}

extension RunCurves {
  /// How far the run has come, and its curves, for a terminal of so many columns and rows.
  func lines(width: Int, height: Int) -> [String] {
    let curves = curves
    var lines = [String(status.prefix(width))]
    guard !curves.isEmpty else { return lines }
    // A name, the rows of each, and one line below them.
    let rows = min(6, max(1, (height - 3) / curves.count - 1))
    for curve in curves {
      lines += CurveText(curve: curve, range: range).lines(width: width, height: rows)
    }
    let end = "\(Int(range.upperBound)) \(placeUnit)"
    lines.append(
      "           0" + String(repeating: " ", count: max(1, width - 12 - end.count)) + end)
    return lines.map { String($0.prefix(width)) }
  }

  /// In one line.
  var status: String {
    let place: String? =
      switch work {
      case .train:
        last.flatMap { event in
          event.epoch.map { epoch in
            "epoch \(epoch)\(event.epochs.map { " of \($0)" } ?? "")"
              + (event.step.map { ", step \($0)\(event.steps.map { " of \($0)" } ?? "")" } ?? "")
          }
        }
      case .audit:
        last.flatMap { event in
          event.total.map {
            "\(event.done ?? 0) of \($0) certified images attacked, "
              + "\((event.broken ?? 0) == 0 ? "none" : "\(event.broken ?? 0)") broken"
          }
        }
      case nil: nil
      }
    let ending = verdict.map { ", \($0.words.lowercased())" } ?? ""
    return [work?.rawValue ?? "run", place ?? "nothing yet", state.rawValue + ending]
      .joined(separator: ": ")
  }
}
