// SPDX-License-Identifier: Apache-2.0

import CPLKernels

/// The instruction set that the kernels use. Levels differ in speed alone, never in a bit.
package enum KernelLevel: String, CaseIterable, Sendable {
  case portable, avx2, avx512

  /// The environment variable that sets an upper limit, such as `avx2`.
  package static let limitVariable = "CPL_KERNEL_LEVEL"

  /// Uses this level, or the best one below it that the processor has and the limit allows.
  ///
  /// - Returns: the level now in force.
  @discardableResult
  package func use() -> KernelLevel {
    let wanted: cpl_kernel_level =
      switch self {
      case .portable: CPL_LEVEL_PORTABLE
      case .avx2: CPL_LEVEL_AVX2
      case .avx512: CPL_LEVEL_AVX512
      }
    return switch cpl_set_kernel_level(wanted) {
    case CPL_LEVEL_AVX512: .avx512
    case CPL_LEVEL_AVX2: .avx2
    default: .portable
    }
  }
}
