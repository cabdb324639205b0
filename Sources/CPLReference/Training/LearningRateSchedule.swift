/// The piecewise linear learning rate through (0, 0), (⌊2T/5⌋, lr), (⌊4T/5⌋, lr/20), (T, 0), with
/// T = epochs · batches an epoch.
public struct LearningRateSchedule: Sendable {
  private let knots: [(step: Int, rate: Double)]
  /// What the step counter starts ahead by.
  private let offset: Int

  /// The schedule of a run.
  ///
  /// - Parameter offset: the quirk `lr-offset`: the counter starts one epoch ahead, so that the
  ///   last epoch runs at 0.
  public init(epochs: Int, batches: Int, learningRate: Double, offset: Bool) {
    let total = epochs * batches
    knots = [
      (0, 0), (2 * total / 5, learningRate), (4 * total / 5, learningRate / 20), (total, 0),
    ]
    self.offset = offset ? batches : 0
  }

  /// The learning rate of a step, counted from 0.
  public func rate(step: Int) -> Double {
    let position = step + 1 + offset
    for (left, right) in zip(knots, knots.dropFirst())
    where left.step < right.step && position <= right.step {
      let share = Double(position - left.step) / Double(right.step - left.step)
      return left.rate + share * (right.rate - left.rate)
    }
    return 0
  }
}
