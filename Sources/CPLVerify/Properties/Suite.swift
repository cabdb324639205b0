// SPDX-License-Identifier: Apache-2.0

import CPLBounds
import CPLFindings
import CPLReference

/// All checks, family by family. A new check is one line in its family's list.
public enum PropertySuite {
  /// Every check, family by family.
  public static let checks: [any PropertyCheck] =
    FlowChecks.all + PotentialLayerChecks.all + BoundChecks.all + CertificateChecks.all
    + ProofChecks.all + GradientChecks.all + ParityChecks.all + ReproducibilityChecks.all
    + AttackChecks.all + DataChecks.all

  /// Runs checks one after the other.
  ///
  /// - Parameters:
  ///   - budget: the checks that have not begun when the clock passes it are inconclusive.
  ///   - clock: seconds since the run began.
  ///   - report: called before each check with what is done so far; may throw to stop.
  /// - Returns: a result for each check, in order.
  public static func run(
    _ checks: [any PropertyCheck], _ context: CheckContext, budget: Double = .infinity,
    clock: () -> Double, report: (_ done: [CheckResult], _ next: any PropertyCheck) throws -> Void
  ) throws -> [CheckResult] {
    var results: [CheckResult] = []
    for check in checks {
      try report(results, check)
      let start = clock()
      var result =
        start < budget
        ? try run(check, context)
        : CheckResult(check, seed: context.seed, .inconclusive, reason: "the budget ran out")
      result.seconds = clock() - start
      results.append(result)
    }
    return results
  }

  /// Runs one check.
  private static func run(
    _ check: some PropertyCheck, _ context: CheckContext
  ) throws -> CheckResult {
    do {
      return CheckResult(check, seed: context.seed, try check.run(context))
    } catch let error as NotApplicable {
      return CheckResult(check, seed: context.seed, .notApplicable, reason: error.reason)
    } catch let error as Inconclusive {
      return CheckResult(check, seed: context.seed, .inconclusive, reason: error.reason)
    } catch let error as VerificationError {
      return CheckResult(check, seed: context.seed, .inconclusive, reason: "\(error)")
    } catch let error as ReferenceError {
      return CheckResult(check, seed: context.seed, .inconclusive, reason: "\(error)")
    }
  }
}
