// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify

extension AuditCommand {
  /// Puts stored counterexamples through the executed network again.
  func replayViolations(of path: String) throws {
    let (count, broken) = try AuditReplay(of: path).run(
      try weights.read(), at: weights.weights, under: weights.judging, flags: weights.flags,
      indices: dataOptions.indices, workers: options.workers
    ) { violation, again in
      try Output.line(
        "image \(violation.index): class \(again.originalClass) certified to \(again.radius), "
          + "class \(again.adversarialClass) at \(again.distance): "
          + (again.isBroken ? "broken" : "holds"))
    }
    guard count > 0 else {
      try Output.line("\(path) holds no such violation: nothing to replay")
      throw Exit.inconclusive
    }
    try Output.line("\(broken) of \(count) stored violations are violated again")
    if broken > 0 { throw Exit.violated }
  }
}
