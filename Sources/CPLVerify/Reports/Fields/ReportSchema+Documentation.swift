// SPDX-License-Identifier: Apache-2.0

import CPLCertificates
import CPLReference

extension ReportSchema {
  /// The tables of `docs/formats.md`: every list of fields, and what stands beside them.
  package static var documentation: String {
    [
      table(
        "Report: the object that report.json and --json hold, and attributes of `/`", keys),
      table("Bounds of layers", "`/bounds`, `bounds.layers`, layers.csv", LayerFields.all),
      table(
        "Bounds of the network", "attributes of `/bounds`, `bounds.network`, network.csv",
        NetworkFields.all),
      table("Evaluation", "attributes of `/evaluation`, `evaluation`", EvaluationFields.all),
      table("Accuracy at radii", "`/evaluation`, accuracy.csv", AccuracyFields.all),
      table(
        "Certified images", "`/certificates`, `certificates.images`, certificates.csv",
        CertificateFields.all(CertificateKind.allCases)),
      table(
        "Attacks", "attributes of `/attacks/NAME`, `attacks.NAME`, attacks.csv", AttackFields.all),
      table("Attacked images", "`/attacks/NAME`, attack-NAME.csv", AttackedImageFields.all),
      table("Audit", "attributes of `/audit`, `audit`", AuditFields.all),
      table("Audited images", "`/audit`, audit.csv", AuditedImageFields.all),
      table(
        "Violations", "attributes of `/counterexamples/INDEX`, `audit.violations`, violations.csv",
        ViolationFields.all),
      table("Checks", "`/checks`, `checks`, checks.csv", CheckFields.all),
      table("Measurements", "`checks.measurements`, checks.csv", MeasurementFields.all),
      table("Training", "`/training`, `training`, training.csv", EpochFields.all),
      table("Model", "attributes of `/model`, `model`", ModelFields.all),
      heading(
        "Provenance: attributes of `/provenance`, long texts as datasets of it; `provenance`, whose keys "
          + "stand in objects as the dots say") + Provenance.documentation,
      table("Images and shapes: datasets of results", images),
      table(
        "Weights: attributes and datasets of `cpl-weights`; LAYER is a layer's name, NAME a parameter's",
        CheckpointSchema.fields),
      table("Comparison: the object that `report --compare --json` prints", comparison),
      table(
        "Leaderboard: the object that leaderboard.json and `leaderboard --json` hold", leaderboard),
    ].joined(separator: "\n")
  }

  private static let keys = [
    ("format", "HDF5, JSON", "text", "`cpl-report`"),
    ("version", "HDF5, JSON", "ordinal", "of the format"),
    ("headline", "JSON", "text", "the verdict and what it rests on, in one line"),
    (
      "notices", "JSON", "text",
      "what a reader must know first, a list of objects of `kind` and `text`"
    ),
    (
      "verdict", "JSON", "text",
      "holds, unproved, violated or inconclusive; null: nothing was tested"
    ),
    ("unproved", "JSON", "text", "why the verdict is unproved"),
    (
      "contradictions", "JSON", "text",
      "bounds that contradict each other, a bug of this program; a list"
    ),
    ("content_digest", "JSON", "text", "SHA-256 over all but the provenance"),
    ("configuration_digest", "JSON", "text", "SHA-256 of the training's configuration"),
    ("provenance", "JSON", "", "as below"), ("model", "JSON", "", "as below"),
    ("training", "JSON", "", "as below, a list"),
    (
      "bounds", "JSON", "",
      "`layers`, a list, `network`, and `notes`: which bounds are looser, and why"
    ),
    (
      "evaluation", "JSON", "", "as below; with `requirements`: what `evaluate --require` asked for"
    ),
    (
      "certificates", "JSON", "",
      "`images`, a list, and `non_finite`, the indices of images without a class"
    ),
    ("attacks", "JSON", "", "as below, by their names"), ("audit", "JSON", "", "as below"),
    ("checks", "JSON", "", "as below, a list"),
  ]

  private static let images = [
    ("/model/image_shape", "HDF5, JSON", "count", "channels, rows and columns of an image"),
    (
      "/attacks/NAME/adversarial_images", "HDF5", "pixel value in [0, 1]",
      "the nearest adversarial images, in the order of the rows with a finite distance"
    ),
    ("/counterexamples/INDEX/original", "HDF5", "pixel value in [0, 1]", "the certified image"),
    (
      "/counterexamples/INDEX/adversarial", "HDF5", "pixel value in [0, 1]",
      "the image of another class within its radius"
    ),
  ]

  private static let comparison = [
    ("headline", "JSON", "text", "what differs, in one line"),
    (
      "notices", "JSON", "text",
      "what a reader must know of each result, `first` and `second`: lists of objects of `kind` and `text`"
    ),
    ("images", "JSON", "count", "which both results are of"),
    ("facts", "JSON", "", "configuration, data, code, weights, results and machine, a list"),
    ("facts.name", "JSON", "text", "which fact"), ("facts.first", "JSON", "text", "of one result"),
    ("facts.second", "JSON", "text", "of the other"),
    ("facts.changed", "JSON", "1", "whether the two differ"),
    (
      "configuration_only_first", "JSON", "text",
      "lines of the configuration that only one has, a list"
    ),
    ("configuration_only_second", "JSON", "text", "and those that only the other has"),
    ("shares", "JSON", "", "of the images, such as accuracy, a list"),
    ("shares.first", "JSON", "1", "the share under one result; `second`: under the other"),
    ("shares.difference", "JSON", "1", "second − first"),
    ("shares.interval", "JSON", "1", "of the difference, at 95 %: two numbers"),
    ("shares.only_first", "JSON", "count", "images that count under one result alone"),
    ("shares.only_second", "JSON", "count", "images that count under the other alone"),
    ("shares.mcnemar_p", "JSON", "1", "McNemar's exact p-value of the two counts"),
    (
      "means", "JSON", "",
      "over images, such as that of radii, a list with `first`, `second`, `difference`, `interval`"
    ),
    ("means.images", "JSON", "count", "that the mean is over"),
    ("means.left_out", "JSON", "count", "images where a number is not finite"),
    ("method", "JSON", "text", "how intervals and p-values are computed"),
  ]

  private static let leaderboard = [
    ("headline", "JSON", "text", "which result is first, and over what, in one line"),
    ("images", "JSON", "count", "which all results are of"),
    ("results", "JSON", "", "a list, the first first; its own `results` is the path of the file"),
    ("results.network", "JSON", "text", "its name"),
    ("results.parameters", "JSON", "count", "numbers that training sets"),
    ("results.epochs", "JSON", "count", "of its training"),
    ("results.training_images", "JSON", "count", "of each epoch"),
    ("results.accuracy", "JSON", "1", "the share of the images that are classified right"),
    ("results.certified_accuracy", "JSON", "1", "by kind of certificate and radius"),
    ("results.empirical_robust_accuracy", "JSON", "1", "under attack at 36/255: an upper limit"),
    ("results.lipschitz_upper_bound", "JSON", "1", "L̄, before the head"),
    ("results.slack", "JSON", "1", "L̄ over the lower side that was found"),
    ("results.tightness_median", "JSON", "1", "of d/r"),
    ("results.verdict", "JSON", "text", "as in a report"),
    ("results.notices", "JSON", "text", "as in a report"),
    ("results.digest", "JSON", "text", "the content digest of the result"),
  ]

  private static func heading(_ title: String) -> String {
    "\(title)\n\n| field | in | unit | holds |\n| --- | --- | --- | --- |\n"
  }

  private static func table(
    _ title: String, _ rows: [(name: String, places: String, unit: String, meaning: String)]
  ) -> String {
    heading(title)
      + rows.map { "| `\($0.name)` | \($0.places) | \($0.unit) | \($0.meaning) |\n" }.joined()
  }

  private static func table<Record>(
    _ title: String, _ place: String, _ fields: [any RecordField<Record>]
  ) -> String {
    let rows = fields.map { field in
      let formats = FieldFormat.allCases.filter { field.names[$0] != nil }
      let name = formats.reversed().compactMap { field.names[$0] }.first ?? ""
      let places = formats.map {
        $0.rawValue + (field.names[$0] == name ? "" : " (`\(field.names[$0] ?? "")`)")
      }
      return "| `\(name)` | \(places.joined(separator: ", ")) | \(field.unit.rawValue) | "
        + "\(field.meaning) |\n"
    }
    return heading("\(title): \(place)") + rows.joined()
  }
}
