import CPLReference

extension VerificationReport {
  /// Each table of the report as text in CSV (RFC 4180, lines ended by a line feed): layers, a row a
  /// layer; certificates, attacks and audit, a row an image. Numbers are written so that they read
  /// back as the same ones; distances and radii are in pixel units.
  public func csv() -> [(name: String, text: String)] {
    var tables: [(name: String, text: String)] = []
    if let bounds {
      tables.append(
        (
          "layers",
          Self.csv(
            [
              "layer", "kind", "sigma_lower", "sigma_model", "sigma_upper", "h",
              "lipschitz_upper",
            ],
            bounds.layers.map {
              [
                $0.name, $0.kind, Self.cell($0.spectralNorm?.lowerBound),
                Self.cell($0.modelEstimate),
                Self.cell($0.spectralNorm?.upperBound), Self.cell($0.stepSize),
                Self.cell($0.lipschitzUpperBound),
              ]
            })
        ))
    }
    if let certificates {
      let kinds = certificates.kinds
      tables.append(
        (
          "certificates",
          Self.csv(
            ["index", "label", "prediction", "prediction_binary64", "margin"]
              + kinds.map { "radius_\($0.rawValue)" },
            (0..<certificates.count).map { row in
              [
                "\(certificates.indices[row])", "\(certificates.labels[row])",
                Self.cell(class: certificates.predictions[row]),
                Self.cell(class: certificates.binary64Predictions[row]),
                Self.cell(certificates.margins[row]),
              ] + kinds.map { Self.cell(certificates.radii[$0]?[row]) }
            })
        ))
    }
    for (name, record) in attacks.sorted(by: { $0.key < $1.key }) {
      tables.append(
        (
          "attack-\(name)",
          Self.csv(
            ["index", "label", "prediction", "distance", "forward_passes", "backward_passes"],
            (0..<record.count).map { row in
              [
                "\(record.indices[row])", "\(record.labels[row])",
                Self.cell(class: record.predictions[row]), Self.cell(record.distances[row]),
                "\(record.forwardPasses[row])",
                "\(record.backwardPasses[row])",
              ]
            })
        ))
    }
    if let audit {
      tables.append(
        (
          "audit",
          Self.csv(
            ["index", "label", "prediction", "radius", "distance", "attack"],
            audit.images.map {
              [
                "\($0.index)", "\($0.label)", Self.cell(class: $0.prediction), Self.cell($0.radius),
                Self.cell($0.distance), $0.attack ?? "",
              ]
            })
        ))
    }
    return tables
  }

  /// A class; empty where a logit was not finite.
  private static func cell(class prediction: Int) -> String {
    prediction < 0 ? "" : "\(prediction)"
  }

  private static func cell(_ number: (some BinaryFloatingPoint & LosslessStringConvertible)?)
    -> String
  {
    number.map { "\($0)" } ?? ""
  }

  private static func csv(_ header: [String], _ rows: [[String]]) -> String {
    ([header] + rows).map { $0.map(quoted).joined(separator: ",") + "\n" }.joined()
  }

  private static func quoted(_ field: String) -> String {
    guard field.contains(where: { "\",\n\r".contains($0) }) else { return field }
    return "\"\(field.replacing("\"", with: "\"\""))\""
  }
}
