// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A set of OpenBLAS's kernels for x86-64. Bounds may differ in their last bits between two.
package enum BLASCore: String, CaseIterable {
  case prescott = "Prescott"
  case core2 = "Core2"
  case nehalem = "Nehalem"
  case sandybridge = "Sandybridge"
  case haswell = "Haswell"
  case zen = "Zen"
  case skylakeX = "SkylakeX"
  case cooperlake = "Cooperlake"

  /// A core by its name, in whatever case.
  package init?(named name: String) {
    guard let core = Self.allCases.first(where: { $0.rawValue.lowercased() == name.lowercased() })
    else { return nil }
    self = core
  }

  /// What it takes of a processor, in Linux's words.
  private var features: Set<String> {
    switch self {
    case .prescott: ["pni"]
    case .core2: ["pni", "ssse3"]
    case .nehalem: ["ssse3", "sse4_2"]
    case .sandybridge: ["sse4_2", "avx"]
    case .haswell, .zen: ["avx", "avx2", "fma"]
    case .skylakeX: ["avx2", "fma", "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"]
    case .cooperlake: Self.skylakeX.features.union(["avx512_bf16"])
    }
  }

  /// What this processor lacks for it, in order.
  package var lacking: [String] { features.subtracting(Processor.features).sorted() }
}

/// The processor that the program runs on, as Linux describes it.
package enum Processor {
  package static let model = fact("model name")

  static let features = Set(fact("flags")?.split(separator: " ").map(String.init) ?? [])

  private static func fact(_ name: String) -> String? {
    (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n")
      .first { $0.hasPrefix(name) }?.split(separator: ":").last?
      .trimmingCharacters(in: .whitespaces)
  }
}
