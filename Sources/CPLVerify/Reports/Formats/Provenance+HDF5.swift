// SPDX-License-Identifier: Apache-2.0

import CPLReference

extension Provenance {
  /// One field of `/provenance`.
  private struct Stored: Sendable {
    let name: String
    /// Where the object `provenance` of JSON has it.
    let json: String
    let unit: String
    let meaning: String
    let write: @Sendable (Provenance, _ group: String, borrowing HDF5File) throws -> Void
    let read: @Sendable (inout Provenance, _ group: String, borrowing HDF5File) throws -> Void

    /// An attribute.
    init<Value: FieldValue>(
      _ name: String, json: String, _ path: WritableKeyPath<Provenance, Value?> & Sendable,
      range: ReportRange = .any, _ unit: String, _ meaning: String
    ) {
      (self.name, self.json, self.unit, self.meaning) = (name, json, unit, meaning)
      write = { facts, group, file in
        if let attribute = facts[keyPath: path].attribute {
          try file.setAttribute(name, attribute, of: group)
        }
      }
      read = { facts, group, file in
        facts[keyPath: path] = try file.attribute(ifPresent: name, of: group, range)
      }
    }

    /// A dataset, since attributes end at 64 KiB.
    init(
      long name: String, json: String, _ path: WritableKeyPath<Provenance, String?> & Sendable,
      _ unit: String, _ meaning: String
    ) {
      (self.name, self.json, self.unit, self.meaning) = (name, json, unit, meaning)
      write = { facts, group, file in
        if let text = facts[keyPath: path] { try file.write([text], to: "\(group)/\(name)") }
      }
      read = { facts, group, file in
        guard try file.exists("\(group)/\(name)") else { return }
        let texts: [String] = try file.column(name, of: group, rows: 1)
        facts[keyPath: path] = texts[0]
      }
    }
  }

  private static let fields = [
    Stored(
      "profile", json: "profile", \.profile, "text",
      "the quirks under which the network was judged, or \"shipped\": as its file holds it"),
    Stored(
      "certificate", json: "certificate", \.certificate, "text",
      "the kind of certificates that was asked for"),
    Stored(
      "local_plan", json: "local_plan", \.localPlan, "text",
      "what local certificates were asked to prove"),
    Stored("weights", json: "weights", \.weights, "text", "the file of weights"),
    Stored(
      "audit_digest", json: "audit_digest", \.auditDigest, "text",
      "SHA-256 of all that an audit, or local radii, depend on"),
    Stored("steps", json: "steps", \.steps, "text", "how the executed steps were chosen"),
    Stored(
      "weights_flags", json: "weights_flags", \.weightsFlags, "text",
      "the flags with which the weights were read and judged"),
    Stored(
      "network_digest", json: "network_digest", \.networkDigest, "text",
      "SHA-256 of the network that was executed"),
    Stored(
      "weights_digest", json: "weights_digest", \.weightsDigest, "text",
      "SHA-256 of the network in the file"),
    Stored(
      "git_commit", json: "git_commit", \.gitCommit, "text",
      "the commit that the program was built from"),
    Stored("data_name", json: "data.name", \.data.name, "text", "the data set"),
    Stored(
      "data_folder", json: "data.folder", \.data.folder, "text", "where it lay; empty: built in"),
    Stored("data_split", json: "data.split", \.data.split, "text", "which part of it"),
    Stored(
      "data_digest", json: "data.digest", \.data.digest, "text",
      "SHA-256 over the images and their labels"),
    Stored(
      "data_shard", json: "data.shard", \.data.shard, "text",
      "which part of the images these results are of, such as 2/3; empty: all"),
    Stored(
      "splits_digest", json: "splits.digest", \.splits.digest, "text",
      "SHA-256 over the indices of the images that were trained on and of those that chose the epoch"
    ),
    Stored("program", json: "versions.program", \.versions.program, "text", "of this program"),
    Stored("swift", json: "versions.swift", \.versions.swift, "text", "of the compiler"),
    Stored(
      "openblas", json: "versions.openblas", \.versions.openblas, "text",
      "of OpenBLAS, as it describes itself"),
    Stored(
      "openblas_core", json: "versions.openblas_core", \.versions.openblasCore, "text",
      "the kernels that OpenBLAS used"),
    Stored("hdf5", json: "versions.hdf5", \.versions.hdf5, "text", "of the HDF5 library"),
    Stored("cpu", json: "machine.cpu", \.machine.cpu, "text", "the processor"),
    Stored(
      "kernel_level", json: "machine.kernel_level", \.machine.kernelLevel, "text",
      "the instructions that this program's own kernels used"),
    Stored(
      "device", json: "machine.device", \.machine.device, "text",
      "the OpenCL device that evaluated the network; empty: the CPU"),
    Stored(
      "device_driver", json: "machine.device_driver", \.machine.deviceDriver, "text",
      "its driver's version"),
    Stored(
      "device_platform", json: "machine.device_platform", \.machine.devicePlatform, "text",
      "the OpenCL platform that it belongs to"),
    Stored(
      "start", json: "cost.start", \.cost.start, "text", "when the command began, in ISO 8601"),
    Stored(
      "data_images", json: "data.images", \.data.images, "count",
      "images that were judged, by all shards together"),
    Stored(
      "data_available", json: "data.available", \.data.available, "count",
      "images in the set that they were chosen from"),
    Stored(
      "splits_training", json: "splits.training", \.splits.training, "count",
      "images that the weights were fitted to"),
    Stored(
      "splits_validation", json: "splits.validation", \.splits.validation, "count",
      "images that chose the best epoch"),
    Stored("cores", json: "machine.cores", \.machine.cores, "count", "the machine's"),
    Stored(
      "memory_bytes", json: "machine.memory_bytes", \.machine.memoryBytes, "bytes", "the machine's"),
    Stored("threads", json: "machine.threads", \.machine.threads, "count", "that computed"),
    Stored(
      "wall_seconds", json: "cost.wall_seconds", \.cost.wallSeconds, range: .finite, "seconds",
      "by the clock"),
    Stored(
      "cpu_seconds", json: "cost.cpu_seconds", \.cost.cpuSeconds, range: .finite, "seconds",
      "of all cores together"),
    Stored(
      "local_seconds", json: "cost.local_seconds", \.cost.localSeconds, range: .finite, "seconds",
      "by the clock, of the search for local radii"),
    Stored(
      "local_images", json: "cost.local_images", \.cost.localImages, "count",
      "of how many images that was the search"),
    Stored(
      "training_images_per_second", json: "cost.training_images_per_second",
      \.cost.trainingImagesPerSecond, range: .finite, "ratio",
      "how fast the weights' training goes here, measured on its first steps"),
    Stored(
      "training_memory_bytes", json: "cost.training_memory_bytes", \.cost.trainingMemoryBytes,
      "bytes", "the process's memory, at most, in these steps"),
    Stored(
      "joules", json: "cost.joules", \.cost.joules, range: .finite, "joules",
      "the energy, where the machine tells"),
    Stored("seed", json: "seed", \.seed, "ordinal", "of everything random"),
    Stored(
      "splits_seed", json: "splits.seed", \.splits.seed, "ordinal",
      "of the division of the training images"),
    Stored(long: "command", json: "command", \.command, "text", "the command"),
    Stored(
      long: "training_command", json: "training_command", \.trainingCommand, "text",
      "the command that trained the weights"),
    Stored(
      long: "configuration", json: "configuration", \.configuration, "text",
      "of the training, with every default"),
  ]
  /// One row a notice: a dataset of kinds and one of texts.
  private static let notices = (kind: "notice_kind", text: "notice")
  private static let digestName = "configuration_digest"
  private static let dirtyName = "git_dirty"

  /// The rows of the table in `docs/formats.md`.
  static var documentation: String {
    let rows =
      fields.map { ($0.name, $0.json, $0.unit, $0.meaning) } + [
        (
          dirtyName, "is_dirty", "0 or 1",
          "whether the program was built from that commit with changes"
        ),
        (digestName, "", "text", "SHA-256 of the configuration"),
        (notices.kind, "notices", "text", "what a reader must know first: its kind"),
        (notices.text, "notices", "text", "and in words; a row each"),
      ]
    return rows.map { name, json, unit, meaning in
      "| `\(name)` | HDF5\(json.isEmpty ? "" : ", JSON" + (json == name ? "" : " (`\(json)`)")) | "
        + "\(unit) | \(meaning) |\n"
    }.joined()
  }

  func write(to file: borrowing HDF5File, group: String) throws {
    try file.createGroup(group)
    for field in Self.fields { try field.write(self, group, file) }
    if let notices {
      try file.write(notices.map(\.kind.rawValue), to: "\(group)/\(Self.notices.kind)")
      try file.write(notices.map(\.text), to: "\(group)/\(Self.notices.text)")
    }
    if let isDirty {
      try file.setAttribute(Self.dirtyName, .integer(isDirty ? 1 : 0), of: group)
    }
    if let configurationDigest {
      try file.setAttribute(Self.digestName, .string(configurationDigest), of: group)
    }
  }

  init(from file: borrowing HDF5File, group: String) throws {
    self.init()
    for field in Self.fields { try field.read(&self, group, file) }
    if try file.exists("\(group)/\(Self.notices.text)") {
      let texts: [String] = try file.column(Self.notices.text, of: group)
      let kinds: [Notice.Kind] = try file.column(Self.notices.kind, of: group, rows: texts.count)
      notices = zip(kinds, texts).map { Notice($0, $1) }
    }
    isDirty = try (file.attribute(ifPresent: Self.dirtyName, of: group) as Int?).map { $0 != 0 }
    let stored: String? = try file.attribute(ifPresent: Self.digestName, of: group)
    guard stored == configurationDigest else {
      throw file.invalid(
        "\(group), attribute '\(Self.digestName)'",
        expected: "the configuration's digest \(configurationDigest ?? "(there is none)")",
        found: stored ?? "nothing")
    }
  }
}
