// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CPLReference
import Foundation

extension BLASCore: ExpressibleByArgument {
  public init?(argument: String) { self.init(named: argument) }

  /// Makes OpenBLAS use it: the library chooses when it is loaded, so the program starts again with
  /// the choice in its environment.
  func pin() throws {
    let variable = "OPENBLAS_CORETYPE"
    if getenv(variable).map({ String(cString: $0) }) != rawValue {
      setenv(variable, rawValue, 1)
      execv("/proc/self/exe", CommandLine.unsafeArgv)
      throw ReferenceError.inputOutput(
        path: "/proc/self/exe", reason: String(cString: strerror(errno)))
    }
    guard BLAS.coreName == rawValue else {
      throw ValidationError(
        "this OpenBLAS has no kernels for --blas-core \(rawValue); it uses \(BLAS.coreName)")
    }
  }
}

/// A command that computes bounds.
protocol PinnableCommand: ParsableCommand {
  var options: RunOptions { get }
}
