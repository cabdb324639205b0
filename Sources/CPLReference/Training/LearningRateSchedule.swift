// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The learning rate of each step of a run.
public struct LearningRateSchedule: Sendable {
  /// The course of the learning rate, over T = epochs · batches an epoch.
  public enum Shape: String, Codable, CaseIterable, Sendable {
    /// The paper's: piecewise linear through (0, 0), (⌊2T/5⌋, lr), (⌊4T/5⌋, lr/20), (T, 0).
    case triangular
    /// PyTorch's OneCycleLR with its defaults: from lr/25 up to lr in three tenths of the steps, then down to lr/250,000,
    /// each along half a cosine.
    case oneCycle = "one_cycle"
  }

  private let shape: Shape
  private let total: Int
  private let learningRate: Double
  /// What the step counter starts ahead by.
  private let offset: Int

  /// The schedule of a run.
  ///
  /// - Parameter offset: the quirk `lr-offset`: the counter starts one epoch ahead, so that the
  ///   last epoch runs at the last rate.
  package init(
    _ shape: Shape = .triangular, epochs: Int, batches: Int, learningRate: Double, offset: Bool
  ) {
    self.shape = shape
    total = epochs * batches
    self.learningRate = learningRate
    self.offset = offset ? batches : 0
  }

  /// The learning rate of a step, counted from 0.
  package func rate(step: Int) -> Double {
    switch shape {
    case .triangular: triangular(step + 1 + offset)
    case .oneCycle: oneCycle(min(step + offset, total - 1))
    }
  }

  private func triangular(_ position: Int) -> Double {
    let knots: [(step: Int, rate: Double)] = [
      (0, 0), (2 * total / 5, learningRate), (4 * total / 5, learningRate / 20), (total, 0),
    ]
    for (left, right) in zip(knots, knots.dropFirst())
    where left.step < right.step && position <= right.step {
      let share = Double(position - left.step) / Double(right.step - left.step)
      return left.rate + share * (right.rate - left.rate)
    }
    return 0
  }

  private func oneCycle(_ step: Int) -> Double {
    let (position, peak, last) = (Double(step), 0.3 * Double(total) - 1, Double(total - 1))
    let start = learningRate / 25
    return position <= peak
      ? halfCosine(from: start, to: learningRate, peak > 0 ? position / peak : 1)
      : halfCosine(from: learningRate, to: start / 1e4, (position - peak) / (last - peak))
  }

  private func halfCosine(from start: Double, to end: Double, _ share: Double) -> Double {
    end + (start - end) / 2 * (1 + cos(Double.pi * share))
  }
}
