// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLReference

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
      if !training.isEmpty {
        try file.write(rows: training, EpochFields.all, to: ReportSchema.training)
      }
      if let bounds {
        try file.write(rows: bounds.layers, LayerFields.all, to: ReportSchema.bounds)
        try file.write(attributes: self, NetworkFields.all, to: ReportSchema.bounds)
      }
      try evaluation?.write(to: file, of: self)
      if let certificates {
        try file.write(
          rows: certificates.rows, CertificateFields.all(certificates.kinds),
          to: ReportSchema.certificates)
      }
      for attack in namedAttacks { try attack.write(to: file) }
      if let audit { try Placed(part: audit, place: self).write(to: file) }
      try checks.write(to: file)
    }
  }

  /// The digest of the results in a file: SHA-256 over all but its provenance.
  package static func contentDigest(of path: String) throws -> String {
    try HDF5File.open(path).contentDigest(excluding: [ReportSchema.provenance])
  }
}

extension ModelSummary {
  fileprivate func write(to file: borrowing HDF5File) throws {
    let group = ReportSchema.model
    try file.createGroup(group)
    try file.write(attributes: self, ModelFields.all, to: group)
    try file.write(column: "image_shape", of: group, imageShape.extents, .count)
  }
}

extension EvaluationSummary {
  fileprivate func write(to file: borrowing HDF5File, of report: VerificationReport) throws {
    let group = ReportSchema.evaluation
    try file.write(rows: accuracyRows, AccuracyFields.all, to: group)
    try file.write(
      attributes: Placed(part: self, place: report), EvaluationFields.all, to: group)
  }
}

extension AttackFields.Record {
  fileprivate func write(to file: borrowing HDF5File) throws {
    let group = try ReportSchema.attack(place)
    try file.write(rows: part.rows, AttackedImageFields.all, to: group)
    if let images = part.adversarialImages {
      let path = "\(group)/\(ReportSchema.adversarialImages)"
      try file.write(images, to: path)
      try file.setAttribute("unit", .string(ReportUnit.intensity.rawValue), of: path)
    }
    try file.write(attributes: self, AttackFields.all, to: group)
  }
}

extension AuditFields.Record {
  fileprivate func write(to file: borrowing HDF5File) throws {
    try file.write(rows: part.images, AuditedImageFields.all, to: ReportSchema.audit)
    try file.write(attributes: self, AuditFields.all, to: ReportSchema.audit)
    try file.createGroup(ReportSchema.counterexamples)
    for violation in ViolationFields.records(of: part) {
      try violation.write(to: file, imageShape: place.model?.imageShape)
    }
  }
}

extension ViolationFields.Record {
  /// Writes all that it takes, beside the weights, to see the certificate break again.
  fileprivate func write(to file: borrowing HDF5File, imageShape: ImageShape?) throws {
    for (name, image) in [("original", self.original), ("adversarial", self.adversarial)] {
      let shape = imageShape.flatMap { $0.count == image.count ? $0.extents : nil }
      try file.write(image, shape: shape, to: "\(place.group)/\(name)")
      try file.setAttribute(
        "unit", .string(ReportUnit.intensity.rawValue), of: "\(place.group)/\(name)")
    }
    try file.write(attributes: self, ViolationFields.all, to: place.group)
  }
}
