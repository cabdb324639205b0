// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLBounds
import CPLCertificates
import CPLFindings
import CPLReference

extension VerificationReport {
  /// Reads a report from an HDF5 file and checks all that a reader relies on.
  ///
  /// - Throws: `ReferenceError.missing`, or `.invalid` saying what is wrong and where.
  public init(path: String) throws {
    let file = try HDF5File.open(path)
    try self.init(file)
  }

  /// Whether an HDF5 file says that it holds results, whatever else is in it.
  package static func isResults(_ path: String) throws -> Bool {
    let file = try HDF5File.open(path)
    let format: String? = try? file.attribute("format", of: "/")
    return format == ReportSchema.format
  }

  /// The same of a file that is open.
  package init(_ file: borrowing HDF5File) throws {
    let format: String? = try? file.attribute("format", of: "/")
    guard format == ReportSchema.format else {
      throw file.invalid(
        "attribute 'format'", expected: ReportSchema.format, found: format ?? "no such text")
    }
    let version: Int = try file.attribute("version", of: "/")
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
    if try file.exists(ReportSchema.training) {
      let fields = EpochFields()
      training = try file.records(
        of: ReportSchema.training, fields.epoch, fields.loss, fields.learningRate,
        fields.selectionAccuracy, make: EpochRecord.init)
    }
    if try file.exists(ReportSchema.bounds) {
      bounds = try NetworkBounds(from: file)
      lipschitzLowerBound = try file.attribute(
        NetworkFields().lipschitzLower, of: ReportSchema.bounds)
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
}

extension ModelSummary {
  fileprivate init(from file: borrowing HDF5File) throws {
    let (fields, group) = (ModelFields(), ReportSchema.model)
    let extents: [Int] = try file.column("image_shape", of: group)
    guard extents.allSatisfy({ (1...1 << 16).contains($0) }),
      let shape = ImageShape(extents: extents)
    else {
      throw file.invalid(
        "\(group)/image_shape", expected: "channels, height and width", found: "\(extents)")
    }
    self.init(
      convolutionLayers: try file.attribute(fields.convolutionLayers, of: group),
      channels: try file.attribute(fields.channels, of: group),
      convolutionInner: try file.attribute(fields.convolutionInner, of: group),
      linearLayers: try file.attribute(fields.linearLayers, of: group),
      linearInner: try file.attribute(fields.linearInner, of: group),
      head: try file.attribute(fields.head, of: group),
      classes: try file.attribute(fields.classes, of: group),
      parameters: try file.attribute(fields.parameters, of: group), imageShape: shape)
    layers = try file.attribute(fields.layers, of: group)
  }
}

extension NetworkBounds {
  fileprivate init(from file: borrowing HDF5File) throws {
    let (fields, group) = (LayerFields(), ReportSchema.bounds)
    let layers = try file.records(
      of: group, fields.name, fields.kind, fields.sigmaLower, fields.sigmaUpper,
      fields.sigmaEstimate, fields.method, fields.sigmaModel, fields.sigmaFresh, fields.stepSize,
      fields.stepRule, fields.lipschitzUpper
    ) { name, kind, lower, upper, estimate, method, model, fresh, step, rule, lipschitz in
      LayerBounds(
        name: name, kind: kind,
        spectralNorm: method.map {
          SpectralNormEnclosure(
            lowerBound: lower ?? .nan, upperBound: upper ?? .nan, estimate: estimate ?? .nan,
            method: $0)
        },
        modelEstimate: model, freshEstimate: fresh, stepSize: step, stepRule: rule,
        lipschitzUpperBound: lipschitz)
    }
    let upper: Double = try file.attribute("lipschitz_upper", of: group, .distance)
    self.init(layers: layers, lipschitzUpperBound: upper)
  }
}

extension EvaluationSummary {
  fileprivate init(from file: borrowing HDF5File) throws {
    let (fields, group) = (EvaluationFields(), ReportSchema.evaluation)
    self.init(
      images: try file.attribute(fields.images, of: group),
      accuracy: try file.attribute(fields.accuracy, of: group))
    binary64Accuracy = try file.attribute(fields.binary64Accuracy, of: group)
    differingPredictions = try file.attribute(fields.differingPredictions, of: group)
    nonFinite = try file.attribute(fields.nonFinite, of: group)
    searched = try file.attribute(fields.searched, of: group)
    let columns = AccuracyFields()
    let names = try file.column(columns.quantity, of: group)
    let epsilons: [Epsilon] = try file.column("epsilon", of: group, rows: names.count)
    let shares = try file.column(columns.share, of: group, rows: names.count)
    for (name, (epsilon, share)) in zip(names, zip(epsilons, shares)) {
      guard let quantity = Self.quantities.first(where: { $0.name == name }) else {
        let kind = String(name.trimmingPrefix(Self.certifiedPrefix))
        throw file.invalid(
          "\(group)/quantity", expected: CertificateKind.expectation,
          found: kind.debugDescription)
      }
      self[keyPath: quantity.shares][epsilon] = share
    }
  }
}

extension CertificateTable {
  fileprivate init(from file: borrowing HDF5File) throws {
    let (fields, group) = (CertificateFields(), ReportSchema.certificates)
    let indices = try file.column(fields.index, of: group)
    let rows = indices.count
    var radii: [CertificateKind: [Double]] = [:]
    for (name, _) in try file.children(of: group)
    where name.hasPrefix(CertificateFields.radiusPrefix) {
      let kind: CertificateKind = try file.value(
        String(name.dropFirst(CertificateFields.radiusPrefix.count)), at: "\(group)/\(name)")
      radii[kind] = try file.column(CertificateFields.radius(kind), of: group, rows: rows)
    }
    let binary64 = "\(group)/\(fields.binary64Prediction.names[.hdf5] ?? "")"
    guard try file.exists(binary64) else {
      throw file.invalid(
        binary64, expected: "the classes that sound radii belong to",
        found: "none: results of an earlier version, whose sound accuracies may be wrong; "
          + "make them again")
    }
    let searched = CertificateFields.isSearched
    let isSearched =
      try file.exists("\(group)/\(searched.names[.hdf5] ?? "")")
      ? try file.column(searched, of: group, rows: rows).compactMap { $0.map { $0 > 0 } } : []
    self.init(
      indices: indices, labels: try file.column(fields.label, of: group, rows: rows),
      predictions: try file.column(fields.prediction, of: group, rows: rows),
      binary64Predictions: try file.column(fields.binary64Prediction, of: group, rows: rows),
      margins: try file.column(fields.margin, of: group, rows: rows), radii: radii,
      isSearched: isSearched.count == rows && radii[.local] != nil ? isSearched : nil)
  }
}

extension AttackRecord {
  fileprivate init(from file: borrowing HDF5File, group: String) throws {
    let fields = AttackedImageFields()
    let indices = try file.column(fields.index, of: group)
    let rows = indices.count
    let distances = try file.column(fields.distance, of: group, rows: rows)
    let path = "\(group)/\(ReportSchema.adversarialImages)"
    let images = try file.exists(path) ? try file.readTensor(of: Float.self, from: path) : nil
    let found = distances.count { $0.isFinite }
    if let images, images.shape.first != found || !images.isFinite {
      throw file.invalid(
        path, expected: "\(found) images of finite numbers, one for each finite distance",
        found: "\(images.shape)" + (images.isFinite ? "" : ", not all finite"))
    }
    self.init(
      epsilon: try file.attribute(AttackFields().epsilon, of: group), indices: indices,
      labels: try file.column(fields.label, of: group, rows: rows),
      predictions: try file.column(fields.prediction, of: group, rows: rows),
      distances: distances,
      forwardPasses: try file.column(fields.forwardPasses, of: group, rows: rows),
      backwardPasses: try file.column(fields.backwardPasses, of: group, rows: rows),
      adversarialImages: images)
  }
}

extension AuditResult {
  fileprivate init(from file: borrowing HDF5File) throws {
    let (fields, rows, group) = (AuditFields(), AuditedImageFields(), ReportSchema.audit)
    let images = try file.records(
      of: group, rows.index, rows.label, rows.prediction, rows.binary32Prediction, rows.radius,
      rows.distance, rows.binary32OnlyDistance, rows.attack, rows.forwardPasses,
      rows.backwardPasses, rows.extent, make: AuditedImage.init)
    self.init(
      certificate: try file.attribute(fields.certificate, of: group),
      plan: try file.attribute(fields.plan, of: group), images: images,
      violations: try Self.violations(from: file),
      excessLayers: try file.attribute(fields.excessLayers, of: group))
    let stored: String = try file.attribute("verdict", of: group)
    // Earlier versions called it "holds" when unproved certificates were not broken.
    let accepted = [verdict.rawValue] + (verdict == .unproved ? [Verdict.holds.rawValue] : [])
    guard accepted.contains(stored) else {
      throw file.invalid(
        "\(group), attribute 'verdict'", expected: "'\(verdict.rawValue)', which the rows come to",
        found: stored.debugDescription)
    }
  }

  private static func violations(from file: borrowing HDF5File) throws -> [Violation] {
    var violations: [ViolationFields.Record] = []
    for (name, _) in try file.children(of: ReportSchema.counterexamples) {
      violations.append(
        try ViolationFields.Record(from: file, group: "\(ReportSchema.counterexamples)/\(name)"))
    }
    return violations.sorted { $0.place.position < $1.place.position }.map(\.part)
  }
}

extension ViolationFields.Record {
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
    let fields = ViolationFields()
    self.init(
      part: Violation(
        index: try file.attribute(fields.index, of: group),
        label: try file.attribute(fields.label, of: group),
        prediction: try file.attribute(fields.prediction, of: group),
        adversarialPrediction: try file.attribute(fields.adversarialPrediction, of: group),
        radius: try file.attribute(fields.radius, of: group),
        distance: try file.attribute(fields.distance, of: group),
        attack: try file.attribute(fields.attack, of: group),
        cause: try file.attribute(fields.cause, of: group), original: images[0],
        adversarial: images[1]),
      place: (try file.attribute(fields.position, of: group), group))
  }
}
