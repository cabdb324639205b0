import CPLReference

extension Provenance {
  /// One field of `/provenance`.
  private struct Stored: Sendable {
    let write: @Sendable (Provenance, _ group: String, borrowing HDF5File) throws -> Void
    let read: @Sendable (inout Provenance, _ group: String, borrowing HDF5File) throws -> Void

    /// An attribute.
    init<Value: FieldValue>(
      _ name: String, _ path: WritableKeyPath<Provenance, Value?> & Sendable,
      _ range: ReportRange = .any
    ) {
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
    init(long name: String, _ path: WritableKeyPath<Provenance, String?> & Sendable) {
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
    Stored("profile", \.profile), Stored("certificate", \.certificate),
    Stored("local_plan", \.localPlan),
    Stored("weights", \.weights), Stored("audit_digest", \.auditDigest), Stored("steps", \.steps),
    Stored("weights_flags", \.weightsFlags), Stored("network_digest", \.networkDigest),
    Stored("weights_digest", \.weightsDigest), Stored("git_commit", \.gitCommit),
    Stored("data_name", \.data.name), Stored("data_folder", \.data.folder),
    Stored("data_split", \.data.split), Stored("data_digest", \.data.digest),
    Stored("data_shard", \.data.shard), Stored("splits_digest", \.splits.digest),
    Stored("program", \.versions.program), Stored("swift", \.versions.swift),
    Stored("openblas", \.versions.openblas), Stored("openblas_core", \.versions.openblasCore),
    Stored("hdf5", \.versions.hdf5), Stored("cpu", \.machine.cpu),
    Stored("kernel_level", \.machine.kernelLevel), Stored("start", \.cost.start),
    Stored("device", \.machine.device), Stored("device_driver", \.machine.deviceDriver),
    Stored("device_platform", \.machine.devicePlatform),
    Stored("data_images", \.data.images), Stored("data_available", \.data.available),
    Stored("splits_training", \.splits.training),
    Stored("splits_validation", \.splits.validation), Stored("cores", \.machine.cores),
    Stored("memory_bytes", \.machine.memoryBytes), Stored("threads", \.machine.threads),
    Stored("wall_seconds", \.cost.wallSeconds, .finite),
    Stored("cpu_seconds", \.cost.cpuSeconds, .finite),
    Stored("local_seconds", \.cost.localSeconds, .finite),
    Stored("local_images", \.cost.localImages), Stored("joules", \.cost.joules, .finite),
    Stored("seed", \.seed), Stored("splits_seed", \.splits.seed),
    Stored(long: "command", \.command), Stored(long: "training_command", \.trainingCommand),
    Stored(long: "configuration", \.configuration),
  ]
  /// One row a notice: a dataset of kinds and one of texts.
  private static let notices = (kind: "notice_kind", text: "notice")
  private static let digestName = "configuration_digest"
  private static let dirtyName = "git_dirty"

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
