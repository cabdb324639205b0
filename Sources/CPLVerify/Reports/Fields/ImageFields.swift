// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates

/// What every list of images has.
private enum Words {
  static let index = "the image's index in its data set"
  static let label = "the class that the data set gives it"
  static let prediction = "the class that is computed; empty: a logit is not finite"
  static let forward = "how often images went through the network"
  static let backward = "how often gradients came back through it"
  static let radius =
    "0: nothing is certified; √d, the box's diameter: any image has this class"
}

/// A certified image.
struct CertificateFields: FieldList {
  typealias Record = TableRow<CertificateTable>

  let index = F("index", .ordinal, Words.index, \.indices)
  let label = F("label", .ordinal, Words.label, \.labels)
  let prediction = F(
    "prediction", .ordinal,
    "the class that binary32 computes, and of the published radius; empty: a logit is not finite",
    range: .classOrNone, \.predictions)
  let binary64Prediction = F(
    "prediction_binary64", hdf5: "binary64_prediction", .ordinal,
    "the class that binary64 computes, and of the other radii; empty: a logit is not finite",
    range: .classOrNone, \.binary64Predictions)
  let margin = F(
    "margin", .logit, "the largest logit less the next; inf: there is one class", \.margins)
  let radii = J("radius", .pixels, "the certified radius of each kind, by its name") { row in
    Dictionary(
      uniqueKeysWithValues: row.table.kinds.map {
        ($0.rawValue, OrNull(number: CertificateFields.radius($0).value(row)))
      })
  }

  /// What precedes a kind in the name of the column of its radii.
  static let radiusPrefix = "radius_"

  /// The radii of a kind.
  static func radius(_ kind: CertificateKind) -> Field<Record, Double> {
    Field(
      radiusPrefix + kind.rawValue, in: .tables, .pixels,
      "the certified radius\(kind.isProved ? "" : ", which is not proved"); \(Words.radius)",
      range: .distance
    ) { $0.table.radii[kind]?[$0.row] ?? .nan }
  }

  /// Of local radii.
  static let isSearched = Field<Record, Int?>(
    "local_searched", .count,
    "1: the search for the local radius came to its end; 0: time ran out before; empty: not recorded"
  ) { row in row.table.isSearched.map { $0[row.row] ? 1 : 0 } }

  /// The fields of a table with radii of some kinds.
  static func all(_ kinds: [CertificateKind]) -> [any RecordField<Record>] {
    all + kinds.map { radius($0) } + (kinds.contains(.local) ? [isSearched] : [])
  }
}

/// An attacked image.
struct AttackedImageFields: FieldList {
  typealias Record = TableRow<AttackRecord>

  let index = F("index", in: .tables, .ordinal, Words.index, \.indices)
  let label = F("label", in: .tables, .ordinal, Words.label, \.labels)
  let prediction = F(
    "prediction", in: .tables, .ordinal, Words.prediction, range: .classOrNone, \.predictions)
  let distance = F(
    "distance", in: .tables, .pixels,
    "of the nearest adversarial image found; 0: the class is wrong without an attack; inf: none "
      + "was found", range: .distance, \.distances)
  let forwardPasses = F("forward_passes", in: .tables, .count, Words.forward, \.forwardPasses)
  let backwardPasses = F("backward_passes", in: .tables, .count, Words.backward, \.backwardPasses)
}

/// What one attack found, by the attack's name.
struct AttackFields: FieldList {
  typealias Record = Placed<AttackRecord, String>

  let name = F("attack", in: [.csv], .text, "its name", \.place)
  let epsilon = F(
    "epsilon", .pixels, "the radius of its ball; empty: it looks at any distance", \.epsilon)
  let images = F("images", in: .documents, .count, "how many it was tried on", \.count)
  let cleanAccuracy = F(
    "clean_accuracy", in: .documents, .ratio,
    "classified correctly without it; nan without images", \.cleanAccuracy)
  let robustAccuracy = F(
    "robust_accuracy", in: .documents, .ratio, "those left under it; nan without images",
    \.robustAccuracy)
  let distances = J("distance", .pixels, "min, median and max of the adversarial images found") {
    OrNull($0.foundDistances.map(DistributionDocument.init))
  }
  let minimum = AttackFields.distance("min", \.foundDistances?.min)
  let median = AttackFields.distance("median", \.foundDistances?.median)
  let maximum = AttackFields.distance("max", \.foundDistances?.max)
  let passes = F(
    "passes", in: .documents, .count, "how often images went through the network, either way",
    \.passes)

  private static func distance(
    _ name: String, _ value: @escaping @Sendable (Record) -> Double?
  ) -> F<Double?> {
    Field(
      "distance_\(name)", in: [.csv], .pixels,
      "of the adversarial images found; empty: none was", value)
  }
}

/// An audited image.
struct AuditedImageFields: FieldList {
  typealias Record = AuditedImage

  let index = F("index", in: .tables, .ordinal, Words.index, \.index)
  let label = F("label", in: .tables, .ordinal, Words.label, \.label)
  let prediction = F(
    "prediction", in: .tables, .ordinal, Words.prediction, range: .classOrNone, \.prediction)
  let radius = F(
    "radius", in: .tables, .pixels, "the certified radius; \(Words.radius)", range: .distance,
    \.radius)
  let distance = F(
    "distance", in: .tables, .pixels,
    "of the nearest adversarial image found; at most the radius: the certificate is broken; inf: "
      + "none was found, or none looked for (see extent)", range: .distance, \.distance)
  let attack = F("attack", in: .tables, .text, "which found it; empty: none did", \.attack)
  let extent = F(
    "extent", in: .tables, .text,
    "none: not attacked, since not certified or out of budget; search: by the first attack alone; "
      + "plan: by all", \.extent)
  let binary32OnlyDistance = F(
    "binary32_only_distance", in: .tables, .pixels,
    "of the nearest image in the radius with another class in binary32 alone, which breaks nothing; "
      + "inf: none was found", range: .distance, \.binary32OnlyDistance)
  let binary32Prediction = F(
    "binary32_prediction", in: .tables, .ordinal, "the class that binary32 computes",
    range: .classOrNone, \.binary32Prediction)
  let forwardPasses = F("forward_passes", in: .tables, .count, Words.forward, \.forwardPasses)
  let backwardPasses = F("backward_passes", in: .tables, .count, Words.backward, \.backwardPasses)
}

/// A broken certificate.
struct ViolationFields: FieldList {
  typealias Record = Placed<Violation, (position: Int, group: String)>

  let position = F("position", in: [.hdf5], .ordinal, "its place among all", \.place.position)
  let index = F("index", .ordinal, Words.index, \.index)
  let label = F("label", .ordinal, Words.label, \.label)
  let prediction = F("prediction", .ordinal, "the certified class", \.prediction)
  let adversarialPrediction = F(
    "adversarial_prediction", .ordinal, "that of the adversarial image", \.adversarialPrediction)
  let radius = F("radius", .pixels, "the certified radius", range: .distance, \.radius)
  let distance = F(
    "distance", .pixels, "of the adversarial image, rounded up", range: .distance, \.distance)
  let attack = F("attack", .text, "which found it", \.attack)
  let cause = F("cause", .text, "what broke it", \.cause)
  let counterexample = F(
    "counterexample", in: .documents, .text, "where the file of results holds both images",
    \.place.group)

  /// The violations of an audit with the groups that hold their images.
  static func records(of audit: AuditResult) -> [Record] {
    zip(audit.violations, ReportSchema.counterexamples(audit)).enumerated().map {
      Placed(part: $1.0, place: ($0, $1.1))
    }
  }
}
