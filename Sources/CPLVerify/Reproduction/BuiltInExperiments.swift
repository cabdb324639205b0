// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLResources

/// The files of `experiments/`, which are part of the program.
public enum BuiltInExperiments {
  /// The text of each, by its name.
  private static let texts: [(name: String, yaml: String)] = (0..<cpl_experiment_count()).map {
    let experiment = cpl_experiment_at($0)
    let bytes = UnsafeBufferPointer(start: experiment.yaml.bytes, count: experiment.yaml.count)
    return (String(cString: experiment.name), String(decoding: bytes, as: UTF8.self))
  }

  /// Their names.
  public static let names = texts.map(\.name)

  /// The experiment of a name; nil for a name that none has.
  public static func named(_ name: String) throws -> ExperimentConfiguration? {
    try texts.first { $0.name == name }.map {
      try ExperimentConfiguration(yaml: $0.yaml, path: "\($0.name).yml")
    }
  }

  /// The experiments of the paper's table, by how it is asked for.
  package static let tables = [
    "table-cifar10": ["cpl-s", "cpl-m", "cpl-l", "cpl-xl"],
    "table-cifar100": ["cpl-s", "cpl-m", "cpl-l", "cpl-xl"],
  ]
}
