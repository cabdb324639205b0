// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A configuration that trains in a fraction of a second.
enum TinyConfiguration {
  static let yaml = """
    name: tiny
    model:
      convolution_layers: 2
      channels: 4
      convolution_inner: 3
      linear_layers: 1
      linear_inner: 16
    training:
      epochs: 1
      batch: 32
      learning_rate: 1.0e-2

    """

  /// The configuration with one text replaced by another.
  static func yaml(replacing old: String, by new: String) -> String {
    yaml.replacingOccurrences(of: old, with: new)
  }
}

/// A run that tests only read.
enum SampleRun {
  /// A folder with `tiny.yml` and the finished run `run`, which is removed when the tests end.
  static let folder: String = {
    let folder = NSTemporaryDirectory() + "/cpl-verify-sample-\(UUID().uuidString)"
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      atexit { try? FileManager.default.removeItem(atPath: SampleRun.folder) }
      try write(TinyConfiguration.yaml, to: folder + "/tiny.yml")
      let outcome = try Program.run("train tiny.yml --limit 200 --out run --quiet", in: folder)
      #expect(outcome.code == 0, "\(outcome)")
    } catch {
      Issue.record(error)
    }
    return folder
  }()

  static var weights: String { folder + "/run/last.h5" }

  /// Runs `body` with a folder of its own that holds `tiny.yml` and a copy of the run.
  static func withCopy<Result>(_ body: (String) throws -> Result) throws -> Result {
    try withTemporaryFolder { copy in
      for name in ["tiny.yml", "run"] {
        try FileManager.default.copyItem(atPath: "\(folder)/\(name)", toPath: "\(copy)/\(name)")
      }
      return try body(copy)
    }
  }
}

/// Files in the binary format of CIFAR-10 or CIFAR-100.
enum DataFiles {
  /// Records of noise, labelled 0, 1, …, with a superclass 0 before each label where asked.
  static func records(_ count: Int, hasSuperclass: Bool = false) -> [UInt8] {
    (0..<count).flatMap { index -> [UInt8] in
      let labels: [UInt8] = (hasSuperclass ? [0] : []) + [UInt8(index % 10)]
      return labels
        + (0..<3072).map { UInt8(truncatingIfNeeded: ($0 &* 31 &+ index &* 97) ^ ($0 >> 3)) }
    }
  }

  /// Writes a test file and, with the same images, a training file.
  static func write(_ bytes: [UInt8], to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for name in ["data_batch_1.bin", "test_batch.bin"] {
      try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
  }
}
