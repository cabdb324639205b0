import CPLReference

extension Provenance {
  private typealias Field<Value> = (
    name: String, path: WritableKeyPath<Provenance, Value> & Sendable
  )

  /// Attributes of `/provenance`.
  private static let texts: [Field<String?>] = [
    ("profile", \.profile), ("certificate", \.certificate), ("weights", \.weights),
    ("audit_digest", \.auditDigest), ("steps", \.steps), ("weights_flags", \.weightsFlags),
    ("network_digest", \.networkDigest),
    ("weights_digest", \.weightsDigest), ("git_commit", \.gitCommit),
    ("data_name", \.data.name), ("data_folder", \.data.folder), ("data_split", \.data.split),
    ("data_digest", \.data.digest), ("data_shard", \.data.shard),
    ("splits_digest", \.splits.digest),
    ("program", \.versions.program), ("swift", \.versions.swift),
    ("openblas", \.versions.openblas), ("openblas_core", \.versions.openblasCore),
    ("hdf5", \.versions.hdf5), ("cpu", \.machine.cpu), ("kernel_level", \.machine.kernelLevel),
    ("start", \.cost.start),
  ]
  private static let counts: [Field<Int?>] = [
    ("data_images", \.data.images), ("data_available", \.data.available),
    ("splits_training", \.splits.training),
    ("splits_validation", \.splits.validation), ("cores", \.machine.cores),
    ("memory_bytes", \.machine.memoryBytes), ("threads", \.machine.threads),
  ]
  private static let reals: [Field<Double?>] = [
    ("wall_seconds", \.cost.wallSeconds), ("cpu_seconds", \.cost.cpuSeconds),
    ("joules", \.cost.joules),
  ]
  /// As decimal text: HDF5's attributes here are signed.
  private static let seeds: [Field<UInt64?>] = [
    ("seed", \.seed), ("splits_seed", \.splits.seed),
  ]
  /// Datasets, since attributes end at 64 KiB.
  private static let longTexts: [Field<String?>] = [
    ("command", \.command), ("training_command", \.trainingCommand),
    ("configuration", \.configuration),
  ]
  /// One row a notice: a dataset of kinds and one of texts.
  private static let notices = (kind: "notice_kind", text: "notice")
  private static let digestName = "configuration_digest"
  private static let dirtyName = "git_dirty"

  func write(to file: borrowing HDF5File, group: String) throws {
    try file.createGroup(group)
    for (name, path) in Self.texts {
      if let text = self[keyPath: path] { try file.setAttribute(name, .string(text), of: group) }
    }
    for (name, path) in Self.counts {
      if let count = self[keyPath: path] {
        try file.setAttribute(name, .integer(Int64(count)), of: group)
      }
    }
    for (name, path) in Self.reals {
      if let real = self[keyPath: path] { try file.setAttribute(name, .real(real), of: group) }
    }
    for (name, path) in Self.seeds {
      if let seed = self[keyPath: path] {
        try file.setAttribute(name, .string("\(seed)"), of: group)
      }
    }
    for (name, path) in Self.longTexts {
      if let text = self[keyPath: path] { try file.write([text], to: "\(group)/\(name)") }
    }
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
    let names = Set(try file.attributeNames(of: group))
    for (name, path) in Self.texts where names.contains(name) {
      self[keyPath: path] = try file.text(name, of: group)
    }
    for (name, path) in Self.counts where names.contains(name) {
      self[keyPath: path] = try file.count(name, of: group)
    }
    for (name, path) in Self.reals where names.contains(name) {
      let real = try file.real(name, of: group, .distance)
      guard real.isFinite else {
        throw file.invalid(
          "\(group), attribute '\(name)'", expected: "a finite number", found: "\(real)")
      }
      self[keyPath: path] = real
    }
    for (name, path) in Self.seeds where names.contains(name) {
      let text = try file.text(name, of: group)
      guard let seed = UInt64(text) else {
        throw file.invalid(
          "\(group), attribute '\(name)'", expected: "a seed", found: text.debugDescription)
      }
      self[keyPath: path] = seed
    }
    for (name, path) in Self.longTexts where try file.exists("\(group)/\(name)") {
      self[keyPath: path] = try file.texts(name, of: group, rows: 1)[0]
    }
    if try file.exists("\(group)/\(Self.notices.text)") {
      let texts = try file.texts(Self.notices.text, of: group)
      let kinds = try file.texts(Self.notices.kind, of: group, rows: texts.count)
      notices = try zip(kinds, texts).map { kind, text in
        Notice(try file.value(kind, at: "\(group)/\(Self.notices.kind)"), text)
      }
    }
    if names.contains(Self.dirtyName) { isDirty = try file.count(Self.dirtyName, of: group) != 0 }
    let stored = names.contains(Self.digestName) ? try file.text(Self.digestName, of: group) : nil
    guard stored == configurationDigest else {
      throw file.invalid(
        "\(group), attribute '\(Self.digestName)'",
        expected: "the configuration's digest \(configurationDigest ?? "(there is none)")",
        found: stored ?? "nothing")
    }
  }
}
