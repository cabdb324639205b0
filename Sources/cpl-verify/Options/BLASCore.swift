import ArgumentParser
import CPLReference
import Foundation

/// A set of OpenBLAS's kernels for x86-64. Bounds may differ in their last bits between two.
enum BLASCore: String, CaseIterable, ExpressibleByArgument {
  case prescott = "Prescott"
  case core2 = "Core2"
  case nehalem = "Nehalem"
  case sandybridge = "Sandybridge"
  case haswell = "Haswell"
  case zen = "Zen"
  case skylakeX = "SkylakeX"
  case cooperlake = "Cooperlake"

  /// The case does not matter.
  init?(argument: String) {
    guard
      let core = Self.allCases.first(where: {
        $0.rawValue.lowercased() == argument.lowercased()
      })
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
  var lacking: [String] { features.subtracting(Self.processorFeatures).sorted() }

  private static let processorFeatures: Set<String> = {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?
      .split(separator: "\n")
    let flags = lines?.first { $0.hasPrefix("flags") }?.split(separator: ":").last
    return Set(flags?.split(separator: " ").map(String.init) ?? [])
  }()

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
