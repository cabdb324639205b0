// SPDX-License-Identifier: Apache-2.0

/// What a run takes, as measured on its first steps.
package struct RunCost: Equatable, Sendable {
  package let secondsPerEpoch: Double
  package let secondsToJudge: Double

  package init(secondsPerEpoch: Double, secondsToJudge: Double) {
    self.secondsPerEpoch = secondsPerEpoch
    self.secondsToJudge = secondsToJudge
  }
}
