import CPLAudit
import CPLBounds
import CPLCertificates
import CPLReference
import Foundation

extension VerificationReport {
  /// Writes the report to an HDF5 file (`cpl-report`, version 2), whole or not at all.
  ///
  /// Equal results make files with the same content digest, whatever their provenance.
  public func write(to path: String) throws {
    try HDF5File.create(at: path) { file in
      try file.setAttribute("format", .string(ReportSchema.format), of: "/")
      try file.setAttribute("version", .integer(ReportSchema.version), of: "/")
      try provenance.write(to: file, group: ReportSchema.provenance)
      try model?.write(to: file)
      if !training.isEmpty { try writeTraining(to: file) }
      try writeBounds(to: file)
      try evaluation?.write(to: file)
      try certificates?.write(to: file)
      for (name, attack) in attacks.sorted(by: { $0.key < $1.key }) {
        try attack.write(to: file, group: try ReportSchema.attack(name))
      }
      try audit?.write(to: file, imageShape: model?.imageShape)
      try checks.write(to: file)
    }
  }

  /// The digest of the results in a file: SHA-256 over all but its provenance.
  public static func contentDigest(of path: String) throws -> String {
    try HDF5File.open(path).contentDigest(excluding: [ReportSchema.provenance])
  }

  private func writeTraining(to file: borrowing HDF5File) throws {
    let group = ReportSchema.training
    try file.write(column: "epoch", of: group, training.map(\.epoch), .ordinal)
    try file.write(column: "loss", of: group, training.map(\.loss), .ratio)
    try file.write(column: "learning_rate", of: group, training.map(\.learningRate), .ratio)
    try file.write(
      column: "selection_accuracy", of: group, training.map(\.selectionAccuracy), .ratio)
  }

  private func writeBounds(to file: borrowing HDF5File) throws {
    guard let bounds else { return }
    let group = ReportSchema.bounds
    let layers = bounds.layers
    func write(_ name: String, _ value: (LayerBounds) -> Double?) throws {
      try file.write(column: name, of: group, layers.map { value($0) ?? .nan }, .ratio)
    }
    try file.write(column: "name", of: group, layers.map(\.name))
    try file.write(column: "kind", of: group, layers.map(\.kind))
    try write("sigma_lower") { $0.spectralNorm?.lowerBound }
    try write("sigma_upper") { $0.spectralNorm?.upperBound }
    try write("sigma_estimate") { $0.spectralNorm?.estimate }
    try file.write(
      column: "sigma_method", of: group, layers.map { $0.spectralNorm?.method.rawValue ?? "" })
    try write("sigma_model", \.modelEstimate)
    try write("sigma_fresh", \.freshEstimate)
    try file.write(column: "h", of: group, layers.map { $0.stepSize ?? .nan }, .ratio)
    try file.write(column: "step_rule", of: group, layers.map { $0.stepRule?.rawValue ?? "" })
    try write("lipschitz_upper", \.lipschitzUpperBound)
    try file.setAttribute("lipschitz_upper", .real(bounds.lipschitzUpperBound), of: group)
    if let lipschitzLowerBound {
      try file.setAttribute("lipschitz_lower", .real(lipschitzLowerBound), of: group)
    }
  }
}

extension ModelSummary {
  func write(to file: borrowing HDF5File) throws {
    let group = ReportSchema.model
    try file.createGroup(group)
    for (name, path) in Self.counts {
      try file.setAttribute(name, .integer(Int64(self[keyPath: path])), of: group)
    }
    try file.setAttribute("head", .string(head), of: group)
    try file.write(column: "image_shape", of: group, imageShape.extents, .count)
  }
}

extension EvaluationSummary {
  func write(to file: borrowing HDF5File) throws {
    let group = ReportSchema.evaluation
    let rows = quantities.flatMap { name, shares in
      shares.sorted { $0.key < $1.key }.map { (name, $0.key.description, $0.value) }
    }
    try file.write(column: "quantity", of: group, rows.map(\.0))
    try file.write(column: "epsilon", of: group, rows.map(\.1))
    try file.write(column: "share", of: group, rows.map(\.2), .ratio)
    try file.setAttribute("images", .integer(Int64(images)), of: group)
    try file.setAttribute("accuracy", .real(accuracy), of: group)
    if let binary64Accuracy {
      try file.setAttribute("accuracy_binary64", .real(binary64Accuracy), of: group)
    }
    for (name, count) in [
      ("differing_predictions", differingPredictions), ("non_finite", nonFinite),
    ] {
      guard let count else { continue }
      try file.setAttribute(name, .integer(Int64(count)), of: group)
    }
  }

  /// Every map under its name in files, in a fixed order.
  private var quantities: [(name: String, shares: [Epsilon: Double])] {
    CertificateKind.allCases.map {
      (Self.certifiedPrefix + $0.rawValue, certifiedAccuracy[$0] ?? [:])
    } + [(Self.pgd, pgdAccuracy), (Self.autoattack, autoattackAccuracy)]
  }

  static let certifiedPrefix = "certified_accuracy."
  static let pgd = "pgd_accuracy"
  static let autoattack = "autoattack_accuracy"
}

extension CertificateTable {
  func write(to file: borrowing HDF5File) throws {
    let group = ReportSchema.certificates
    try file.write(column: "index", of: group, indices, .ordinal)
    try file.write(column: "label", of: group, labels, .ordinal)
    try file.write(column: "prediction", of: group, predictions, .ordinal)
    try file.write(
      column: ReportSchema.binary64Prediction, of: group, binary64Predictions, .ordinal)
    try file.write(column: "margin", of: group, margins, .logit)
    for kind in kinds {
      try file.write(
        column: ReportSchema.radius(kind), of: group, radii[kind] ?? [], .pixels)
    }
  }
}

extension AttackRecord {
  func write(to file: borrowing HDF5File, group: String) throws {
    try file.write(column: "index", of: group, indices, .ordinal)
    try file.write(column: "label", of: group, labels, .ordinal)
    try file.write(column: "prediction", of: group, predictions, .ordinal)
    try file.write(column: "distance", of: group, distances, .pixels)
    try file.write(column: "forward_passes", of: group, forwardPasses, .count)
    try file.write(column: "backward_passes", of: group, backwardPasses, .count)
    if let adversarialImages {
      let path = "\(group)/\(ReportSchema.adversarialImages)"
      try file.write(adversarialImages, to: path)
      try file.setAttribute("unit", .string(ReportUnit.intensity.rawValue), of: path)
    }
    if let epsilon {
      try file.setAttribute("epsilon", .string(epsilon.description), of: group)
    }
  }
}

extension AuditResult {
  func write(to file: borrowing HDF5File, imageShape: ImageShape?) throws {
    let group = ReportSchema.audit
    try file.write(column: "index", of: group, images.map(\.index), .ordinal)
    try file.write(column: "label", of: group, images.map(\.label), .ordinal)
    try file.write(column: "prediction", of: group, images.map(\.prediction), .ordinal)
    try file.write(
      column: "binary32_prediction", of: group, images.map(\.binary32Prediction), .ordinal)
    try file.write(column: "radius", of: group, images.map(\.radius), .pixels)
    try file.write(column: "distance", of: group, images.map(\.distance), .pixels)
    try file.write(
      column: "binary32_only_distance", of: group, images.map(\.binary32OnlyDistance), .pixels)
    try file.write(column: "attack", of: group, images.map { $0.attack ?? "" })
    try file.write(column: "forward_passes", of: group, images.map(\.forwardPasses), .count)
    try file.write(column: "backward_passes", of: group, images.map(\.backwardPasses), .count)
    try file.write(column: "extent", of: group, images.map(\.extent.rawValue))
    try file.setAttribute("certificate", .string(certificate.rawValue), of: group)
    try file.setAttribute("verdict", .string(verdict.rawValue), of: group)
    // Text that a list is read back from, whatever the names in it.
    for (name, list) in [("excess_layers", excessLayers), ("plan", plan)] {
      let text = String(decoding: try JSONEncoder().encode(list), as: UTF8.self)
      try file.setAttribute(name, .string(text), of: group)
    }
    try file.createGroup(ReportSchema.counterexamples)
    for (position, path) in ReportSchema.counterexamples(self).enumerated() {
      try violations[position].write(
        to: file, group: path, position: position, imageShape: imageShape)
    }
  }
}

extension Violation {
  static let adversarialPredictionName = "adversarial_prediction"

  /// Writes all that it takes, beside the weights, to see the certificate break again.
  fileprivate func write(
    to file: borrowing HDF5File, group: String, position: Int, imageShape: ImageShape?
  ) throws {
    for (name, image) in [("original", original), ("adversarial", adversarial)] {
      let shape = imageShape.flatMap { $0.count == image.count ? $0.extents : nil }
      try file.write(image, shape: shape, to: "\(group)/\(name)")
      try file.setAttribute(
        "unit", .string(ReportUnit.intensity.rawValue), of: "\(group)/\(name)")
    }
    for (name, value) in [
      ("position", position), ("index", index), ("label", label), ("prediction", prediction),
      (Self.adversarialPredictionName, adversarialPrediction),
    ] {
      if let value { try file.setAttribute(name, .integer(Int64(value)), of: group) }
    }
    try file.setAttribute("radius", .real(radius), of: group)
    try file.setAttribute("distance", .real(distance), of: group)
    try file.setAttribute("attack", .string(attack), of: group)
    try file.setAttribute("cause", .string(cause.rawValue), of: group)
  }
}
