import CPLProperties

/// The checks of properties, as `verify` prints them.
struct ChecksDocument: Encodable {
  let checks: [CheckDocument]
  let verdict: CheckResult.Verdict

  init(_ results: [CheckResult]) {
    checks = results.map(CheckDocument.init)
    verdict = results.verdict
  }
}

struct CheckDocument: Encodable {
  let id: String
  let statement: String
  let source: String
  let seed: UInt64
  let verdict: CheckResult.Verdict
  /// The measurement that decides.
  let measured: OrNull<Double>
  let bound: OrNull<Double>
  let tolerance: OrNull<Double>
  let toleranceOrigin: OrNull<String>
  let measurements: [MeasurementDocument]
  let control: OrNull<ControlDocument>
  let reason: OrNull<String>
  /// In words, what decided against it; null where it holds.
  let finding: OrNull<String>
  let seconds: Double

  init(_ result: CheckResult) {
    id = result.id
    statement = result.statement
    source = result.source
    seed = result.seed
    verdict = result.verdict
    measured = OrNull(number: result.decisive?.value)
    bound = OrNull(number: result.decisive?.bound)
    tolerance = OrNull(number: result.decisive?.tolerance)
    toleranceOrigin = OrNull(result.decisive?.toleranceOrigin)
    measurements = result.measurements.map(MeasurementDocument.init)
    control = OrNull(
      result.control.map {
        ControlDocument(fault: result.controlFault ?? "", measurement: MeasurementDocument($0))
      })
    reason = OrNull(result.reason)
    finding = OrNull(result.verdict == .holds ? nil : result.finding)
    seconds = result.seconds
  }
}

struct ControlDocument: Encodable {
  let fault: String
  let measurement: MeasurementDocument
}

struct MeasurementDocument: Encodable {
  let quantity: String
  /// Such as the name of a layer.
  let subject: OrNull<String>
  let measured: OrNull<Double>
  let relation: Measurement.Relation
  let bound: OrNull<Double>
  let tolerance: OrNull<Double>
  let toleranceOrigin: String
  let cases: Int
  let verdict: Measurement.Verdict

  init(_ measurement: Measurement) {
    quantity = measurement.quantity
    subject = OrNull(measurement.subject)
    measured = OrNull(number: measurement.value)
    relation = measurement.relation
    bound = OrNull(number: measurement.bound)
    tolerance = OrNull(number: measurement.tolerance)
    toleranceOrigin = measurement.toleranceOrigin
    cases = measurement.cases
    verdict = measurement.verdict
  }
}
