import CPLCertificates

extension ReportSchema {
  /// The tables of `docs/formats.md`: every list of fields.
  package static var documentation: String {
    [
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
    ].joined(separator: "\n")
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
    return "\(title): \(place)\n\n| field | in | unit | holds |\n| --- | --- | --- | --- |\n"
      + rows.joined()
  }
}
