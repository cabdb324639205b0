// SPDX-License-Identifier: Apache-2.0

/// Where long work tells how far it has come and asks whether it is to stop: the terminal and its
/// signals, or a test's stand-in.
package protocol WorkObserver: Sendable {
  /// Work begins, which has a rate of its own.
  func begin()

  /// The work has come so far; often called.
  func update(_ progress: WorkProgress)

  /// Tells something that is to stay.
  func note(_ text: String)

  /// Work of one kind has ended.
  func finish()

  /// Whether the work is to stop where it can be saved.
  var isInterrupted: Bool { get }

  /// Throws if the work is to stop.
  func checkInterruption() throws

  /// Called, from any thread, amid work that may take minutes, has nothing to save and cannot throw:
  /// may end the process.
  func leaveIfInterrupted()
}

/// How far some work has come.
package struct WorkProgress: Sendable {
  package let label: String
  /// What is done of `total`.
  package let done: Int
  /// What the work in hand is worth so far, of what is not done yet.
  package let begun: Double
  /// What was done when the work began. Of work after another kind has ended it is what the first
  /// call says that is done.
  package let from: Int
  package let total: Int
  /// What is counted, in the plural.
  package let unit: String
  package let note: String

  package init(
    _ label: String, done: Int, begun: Double = 0, from: Int = 0, total: Int, unit: String,
    note: String = ""
  ) {
    self.label = label
    self.done = done
    self.begun = begun
    self.from = from
    self.total = total
    self.unit = unit
    self.note = note
  }
}
