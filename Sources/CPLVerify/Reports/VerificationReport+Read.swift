import CPLAudit
import CPLBounds
import CPLCertificates
import CPLProperties
import CPLReference
import Foundation

extension VerificationReport {
  /// Reads a report from an HDF5 file and checks all that a reader relies on.
  ///
  /// - Throws: `ReferenceError.missing`, or `.invalid` saying what is wrong and where.
  public init(path: String) throws {
    let file = try HDF5File.open(path)
    try self.init(file)
  }

  /// The same of a file that is open.
  package init(_ file: borrowing HDF5File) throws {
    let format = try? file.text("format", of: "/")
    guard format == ReportSchema.format else {
      throw file.invalid(
        "attribute 'format'", expected: ReportSchema.format, found: format ?? "no such text")
    }
    let version = try file.count("version", of: "/")
    let readable = ReportSchema.readableVersions
    guard readable.contains(version) else {
      throw file.invalid(
        "attribute 'version'",
        expected: "\(readable.lowerBound) to \(readable.upperBound), which this program reads",
        found: "\(version)")
    }
    self.init(provenance: try Provenance(from: file, group: ReportSchema.provenance))
    if version < ReportSchema.version {
      provenance.networkDigest = nil
      provenance.notices =
        [
          Notice(
            .earlierFormat,
            "results of an earlier version, whose digest of the weights leaves out steps, "
              + "normalisation and head: of which network they are is not proved")
        ] + (provenance.notices ?? [])
    }
    if try file.exists(ReportSchema.model) { model = try ModelSummary(from: file) }
    if try file.exists(ReportSchema.training) { training = try Self.training(from: file) }
    if try file.exists(ReportSchema.bounds) {
      bounds = try NetworkBounds(from: file)
      if try file.attributeNames(of: ReportSchema.bounds).contains("lipschitz_lower") {
        lipschitzLowerBound = try file.real("lipschitz_lower", of: ReportSchema.bounds, .notNaN)
      }
    }
    if try file.exists(ReportSchema.evaluation) { evaluation = try EvaluationSummary(from: file) }
    if try file.exists(ReportSchema.certificates) {
      certificates = try CertificateTable(from: file)
    }
    if try file.exists(ReportSchema.attacks) {
      for (name, _) in try file.children(of: ReportSchema.attacks) {
        attacks[name] = try AttackRecord(from: file, group: try ReportSchema.attack(name))
      }
    }
    if try file.exists(ReportSchema.audit) { audit = try AuditResult(from: file) }
    if try file.exists(ReportSchema.checks) { checks = try [CheckResult](from: file) }
    contentDigest = try file.contentDigest(excluding: [ReportSchema.provenance])
  }

  private static func training(from file: borrowing HDF5File) throws -> [EpochRecord] {
    let group = ReportSchema.training
    let epochs = try file.integers("epoch", of: group)
    let losses = try file.reals("loss", of: group, rows: epochs.count, .any)
    let rates = try file.reals("learning_rate", of: group, rows: epochs.count, .any)
    let accuracies = try file.reals("selection_accuracy", of: group, rows: epochs.count, .any)
    return epochs.indices.map {
      EpochRecord(
        epoch: epochs[$0], loss: losses[$0], learningRate: rates[$0],
        selectionAccuracy: accuracies[$0])
    }
  }
}

extension ModelSummary {
  /// Attributes of `/model`.
  static let counts: [(name: String, path: WritableKeyPath<ModelSummary, Int> & Sendable)] = [
    ("convolution_layers", \.convolutionLayers), ("channels", \.channels),
    ("convolution_inner", \.convolutionInner), ("linear_layers", \.linearLayers),
    ("linear_inner", \.linearInner), ("classes", \.classes), ("parameters", \.parameters),
  ]

  init(from file: borrowing HDF5File) throws {
    let group = ReportSchema.model
    let extents = try file.integers("image_shape", of: group)
    guard extents.allSatisfy({ (1...1 << 16).contains($0) }),
      let shape = ImageShape(extents: extents)
    else {
      throw file.invalid(
        "\(group)/image_shape", expected: "channels, height and width", found: "\(extents)")
    }
    self.init(
      convolutionLayers: 0, channels: 0, convolutionInner: 0, linearLayers: 0, linearInner: 0,
      head: try file.text("head", of: group), classes: 0, parameters: 0, imageShape: shape)
    for (name, path) in Self.counts { self[keyPath: path] = try file.count(name, of: group) }
  }
}

extension NetworkBounds {
  init(from file: borrowing HDF5File) throws {
    let group = ReportSchema.bounds
    let names = try file.texts("name", of: group)
    let rows = names.count
    let kinds = try file.texts("kind", of: group, rows: rows)
    let lowers = try file.reals("sigma_lower", of: group, rows: rows, .any)
    let uppers = try file.reals("sigma_upper", of: group, rows: rows, .any)
    let estimates = try file.reals("sigma_estimate", of: group, rows: rows, .any)
    let methods = try file.cases(
      SpectralNormEnclosure.Method.self, "sigma_method", of: group, rows: rows)
    let models = try file.reals("sigma_model", of: group, rows: rows, .any)
    let fresh = try file.reals("sigma_fresh", of: group, rows: rows, .any)
    let steps = try file.column(Float.self, "h", of: group, rows: rows)
    let rules = try file.cases(StepRule.self, "step_rule", of: group, rows: rows)
    let lipschitz = try file.reals("lipschitz_upper", of: group, rows: rows, .distance)
    self.init(
      layers: names.indices.map { row in
        LayerBounds(
          name: names[row], kind: kinds[row],
          spectralNorm: methods[row].map {
            SpectralNormEnclosure(
              lowerBound: lowers[row], upperBound: uppers[row], estimate: estimates[row], method: $0
            )
          },
          modelEstimate: models[row].isNaN ? nil : models[row],
          freshEstimate: fresh[row].isNaN ? nil : fresh[row],
          stepSize: steps[row].isNaN ? nil : steps[row], stepRule: rules[row],
          lipschitzUpperBound: lipschitz[row])
      },
      lipschitzUpperBound: try file.real("lipschitz_upper", of: group, .distance))
  }
}

extension EvaluationSummary {
  init(from file: borrowing HDF5File) throws {
    let group = ReportSchema.evaluation
    self.init(
      images: try file.count("images", of: group),
      accuracy: try file.real("accuracy", of: group, .any))
    let names = try file.attributeNames(of: group)
    if names.contains("accuracy_binary64") {
      binary64Accuracy = try file.real("accuracy_binary64", of: group, .any)
    }
    if names.contains("differing_predictions") {
      differingPredictions = try file.count("differing_predictions", of: group)
    }
    if names.contains("non_finite") { nonFinite = try file.count("non_finite", of: group) }
    let quantities = try file.texts("quantity", of: group)
    let epsilons = try file.texts("epsilon", of: group, rows: quantities.count)
    let shares = try file.reals("share", of: group, rows: quantities.count, .any)
    for (quantity, (text, share)) in zip(quantities, zip(epsilons, shares)) {
      let epsilon = try file.epsilon(text, at: "\(group)/epsilon")
      switch quantity {
      case Self.pgd: pgdAccuracy[epsilon] = share
      case Self.autoattack: autoattackAccuracy[epsilon] = share
      default:
        let kind = try file.certificate(
          quantity.hasPrefix(Self.certifiedPrefix)
            ? String(quantity.dropFirst(Self.certifiedPrefix.count)) : quantity,
          at: "\(group)/quantity")
        certifiedAccuracy[kind, default: [:]][epsilon] = share
      }
    }
  }
}

extension CertificateTable {
  init(from file: borrowing HDF5File) throws {
    let group = ReportSchema.certificates
    let indices = try file.integers("index", of: group)
    let rows = indices.count
    var radii: [CertificateKind: [Double]] = [:]
    for (name, _) in try file.children(of: group) where name.hasPrefix(ReportSchema.radius) {
      let kind = try file.certificate(
        String(name.dropFirst(ReportSchema.radius.count)), at: "\(group)/\(name)")
      radii[kind] = try file.reals(name, of: group, rows: rows, .distance)
    }
    let binary64 = ReportSchema.binary64Prediction
    guard try file.exists("\(group)/\(binary64)") else {
      throw file.invalid(
        "\(group)/\(binary64)", expected: "the classes that sound radii belong to",
        found: "none: results of an earlier version, whose sound accuracies may be wrong; "
          + "make them again")
    }
    self.init(
      indices: indices, labels: try file.integers("label", of: group, rows: rows),
      predictions: try file.predictions("prediction", of: group, rows: rows),
      binary64Predictions: try file.predictions(binary64, of: group, rows: rows),
      margins: try file.reals("margin", of: group, rows: rows, .any), radii: radii)
  }
}

extension AttackRecord {
  init(from file: borrowing HDF5File, group: String) throws {
    let indices = try file.integers("index", of: group)
    let rows = indices.count
    let hasRadius = try file.attributeNames(of: group).contains("epsilon")
    let distances = try file.reals("distance", of: group, rows: rows, .distance)
    let path = "\(group)/\(ReportSchema.adversarialImages)"
    let images = try file.exists(path) ? try file.readTensor(of: Float.self, from: path) : nil
    let found = distances.count { $0.isFinite }
    if let images, images.shape.first != found || !images.isFinite {
      throw file.invalid(
        path, expected: "\(found) images of finite numbers, one for each finite distance",
        found: "\(images.shape)" + (images.isFinite ? "" : ", not all finite"))
    }
    self.init(
      epsilon: hasRadius
        ? try file.epsilon(
          try file.text("epsilon", of: group), at: "\(group), attribute 'epsilon'") : nil,
      indices: indices, labels: try file.integers("label", of: group, rows: rows),
      predictions: try file.predictions("prediction", of: group, rows: rows),
      distances: distances,
      forwardPasses: try file.integers("forward_passes", of: group, rows: rows),
      backwardPasses: try file.integers("backward_passes", of: group, rows: rows),
      adversarialImages: images)
  }
}

extension AuditResult {
  init(from file: borrowing HDF5File) throws {
    let group = ReportSchema.audit
    let indices = try file.integers("index", of: group)
    let rows = indices.count
    let labels = try file.integers("label", of: group, rows: rows)
    let predictions = try file.predictions("prediction", of: group, rows: rows)
    let radii = try file.reals("radius", of: group, rows: rows, .distance)
    let distances = try file.reals("distance", of: group, rows: rows, .distance)
    let binary32 = try file.predictions("binary32_prediction", of: group, rows: rows)
    let binary32Only = try file.reals("binary32_only_distance", of: group, rows: rows, .distance)
    let attacks = try file.texts("attack", of: group, rows: rows)
    let forward = try file.integers("forward_passes", of: group, rows: rows)
    let backward = try file.integers("backward_passes", of: group, rows: rows)
    let extents = try file.cases(
      AuditedImage.Extent.self, "extent", of: group, rows: rows)
    let (layers, plan) = (
      try Self.names("excess_layers", of: group, file), try Self.names("plan", of: group, file)
    )
    self.init(
      certificate: try file.certificate(
        try file.text("certificate", of: group), at: "\(group), attribute 'certificate'"),
      plan: plan,
      images: indices.indices.map {
        AuditedImage(
          stored: indices[$0], label: labels[$0], prediction: predictions[$0],
          binary32Prediction: binary32[$0], radius: radii[$0], distance: distances[$0],
          binary32OnlyDistance: binary32Only[$0], attack: attacks[$0].isEmpty ? nil : attacks[$0],
          forwardPasses: forward[$0], backwardPasses: backward[$0],
          extent: extents[$0] ?? .none)
      },
      violations: try Self.violations(from: file), excessLayers: layers)
    let stored = try file.text("verdict", of: group)
    // Earlier versions called it "holds" when unproved certificates were not broken.
    let accepted = [verdict.rawValue] + (verdict == .unproved ? [Verdict.holds.rawValue] : [])
    guard accepted.contains(stored) else {
      throw file.invalid(
        "\(group), attribute 'verdict'", expected: "'\(verdict.rawValue)', which the rows come to",
        found: stored.debugDescription)
    }
  }

  /// An attribute that holds a list of names.
  private static func names(
    _ name: String, of group: String, _ file: borrowing HDF5File
  ) throws -> [String] {
    let text = try file.text(name, of: group)
    guard let names = try? JSONDecoder().decode([String].self, from: Data(text.utf8)) else {
      throw file.invalid(
        "\(group), attribute '\(name)'", expected: "a list of names in JSON",
        found: text.debugDescription)
    }
    return names
  }

  private static func violations(from file: borrowing HDF5File) throws -> [Violation] {
    let parent = ReportSchema.counterexamples
    var violations: [(position: Int, violation: Violation)] = []
    for (name, _) in try file.children(of: parent) {
      let group = "\(parent)/\(name)"
      violations.append(
        (try file.count("position", of: group), try Violation(from: file, group: group)))
    }
    return violations.sorted { $0.position < $1.position }.map(\.violation)
  }
}

extension Violation {
  fileprivate init(from file: borrowing HDF5File, group: String) throws {
    let images = try ["original", "adversarial"].map { name in
      let image = try file.read(Float.self, from: "\(group)/\(name)").elements
      guard image.allSatisfy(\.isFinite) else {
        throw file.invalid(
          "\(group)/\(name)", expected: "finite numbers", found: "one that is not")
      }
      return image
    }
    guard images[0].count == images[1].count else {
      throw file.invalid(
        group, expected: "two images of the same size",
        found: "\(images[0].count) and \(images[1].count) numbers")
    }
    let name = Self.adversarialPredictionName
    self.init(
      index: try file.count("index", of: group), label: try file.count("label", of: group),
      prediction: try file.count("prediction", of: group),
      adversarialPrediction: try file.attributeNames(of: group).contains(name)
        ? try file.count(name, of: group) : nil,
      radius: try file.real("radius", of: group, .distance),
      distance: try file.real("distance", of: group, .distance),
      attack: try file.text("attack", of: group),
      cause: try file.value(try file.text("cause", of: group), at: "\(group), attribute 'cause'"),
      original: images[0], adversarial: images[1])
  }
}
