// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLCertificates
import CPLFindings
import CPLReference

/// An epoch of the training.
struct EpochFields: FieldList {
  typealias Record = EpochRecord

  let epoch = F("epoch", .ordinal, "from 1 on", \.epoch)
  let loss = F("loss", .ratio, "the mean over the epoch", \.loss)
  let learningRate = F("learning_rate", .ratio, "that of its last step", \.learningRate)
  let selectionAccuracy = F(
    "selection_accuracy", .ratio, "of the images that choose the best epoch; nan: none do",
    \.selectionAccuracy)
}

/// The size of the network.
struct ModelFields: FieldList {
  typealias Record = ModelSummary

  let layers = F(
    "layers", in: .attributes, .text,
    "what the layers are, such as sll; missing: convex potential layers with a step of their own",
    \.layers)
  let convolutionLayers = F(
    "convolution_layers", in: .attributes, .count, "layers that convolve",
    \.convolutionLayers)
  let channels = F("channels", in: .attributes, .count, "their channels", \.channels)
  let convolutionInner = F(
    "convolution_inner", in: .attributes, .count, "their hidden channels", \.convolutionInner)
  let linearLayers = F(
    "linear_layers", in: .attributes, .count, "dense layers", \.linearLayers)
  let linearInner = F(
    "linear_inner", in: .attributes, .count, "their hidden units", \.linearInner)
  let head = F("head", in: .attributes, .text, "the head's kind", \.head)
  let classes = F("classes", in: .attributes, .count, "the classes", \.classes)
  let parameters = F("parameters", in: .attributes, .count, "trained numbers", \.parameters)
}

/// A share of the images, at a radius or without one.
struct AccuracyRow: Sendable {
  let quantity: String
  let epsilon: Epsilon?
  let share: Double
  let images: Int
}

struct AccuracyFields: FieldList {
  typealias Record = AccuracyRow

  let quantity = F(
    "quantity", in: .tables, .text,
    "published certificates are no proof; an accuracy under attack is an upper limit", \.quantity)
  let epsilon = F(
    "epsilon", in: .tables, .pixels, "the radius; empty without one", \.epsilon)
  let share = F(
    "share", in: .tables, .ratio,
    "of the images: classified correctly, and certified or not broken so", \.share)
  let images = F("images", in: [.csv], .count, "of how many images", \.images)
}

/// Accuracies.
struct EvaluationFields: FieldList {
  typealias Record = Placed<EvaluationSummary, VerificationReport>

  let images = F("images", in: .attributes, .count, "how many", \.images)
  let accuracy = F("accuracy", in: .attributes, .ratio, "of the binary32 network", \.accuracy)
  let binary64Accuracy = F(
    "accuracy_binary64", in: .attributes, .ratio,
    "of the binary64 network, which sound certificates are of", \.binary64Accuracy)
  let certifiedAccuracy = J(
    "certified_accuracy", .ratio, "of each kind, at each radius: classified correctly and certified"
  ) { $0.certifiedAccuracy.reduce(into: [:]) { $0[$1.key.rawValue] = shares($1.value) } }
  let pgdAccuracy = J("pgd_accuracy", .ratio, "left under the paper's PGD, at each radius") {
    OrNull($0.pgdAccuracy.isEmpty ? nil : shares($0.pgdAccuracy))
  }
  let autoattackAccuracy = J("autoattack_accuracy", .ratio, "left under AutoAttack") {
    OrNull($0.autoattackAccuracy.isEmpty ? nil : shares($0.autoattackAccuracy))
  }
  let differingPredictions = F(
    "differing_predictions", in: .attributes, .count,
    "images whose classes in binary32 and in binary64 differ", \.differingPredictions)
  let nonFinite = F(
    "non_finite", in: .attributes, .count, "images with logits that are not finite", \.nonFinite)
  let searched = F(
    "local_searched", in: .attributes, .count,
    "images whose search for a local radius came to its end; the others have what time allowed",
    \.searched)
  let secondsPerImage = J(
    "local_seconds_per_image", .ratio, "how long such a search took, with all threads at work"
  ) { OrNull(number: $0.place.provenance.cost.localSecondsPerImage) }
  let lipschitzUpper = F(
    "lipschitz_upper_bound", in: .json, .ratio, "proved, of the map before the head",
    \.place.bounds?.lipschitzUpperBound)
  let profile = F(
    "profile", in: .json, .text, "the quirks under which the network is judged",
    \.place.provenance.profile)
}

private func shares(_ shares: [Epsilon: Double]) -> [String: OrNull<Double>] {
  Dictionary(
    shares.sorted { $0.key < $1.key }.map { ($0.key.description, OrNull(number: $0.value)) },
    uniquingKeysWith: { first, _ in first })
}

/// An audit.
struct AuditFields: FieldList {
  typealias Record = Placed<AuditResult, VerificationReport>

  let certificate = F(
    "certificate", in: .attributes, .text, "the kind of certificates", \.certificate)
  let images = F("images", in: .json, .count, "how many", \.images.count)
  let certified = F("certified", in: .json, .count, "those with a radius above 0", \.certified)
  let violations = J("violations", .text, "the broken certificates, a list of objects") {
    ViolationFields.records(of: $0.part).documents(ViolationFields.all)
  }
  let excessLayers = F(
    "excess_layers", in: .attributes, .text, "layers whose verified bound exceeds 1",
    \.excessLayers)
  let binary32Only = F(
    "binary32_only", in: .json, .count,
    "images with a change of class in the radius that binary32 alone shows", \.binary32Only)
  let differingPredictions = F(
    "differing_predictions", in: .json, .count,
    "images whose classes in binary32 and in the executed network differ", \.differingPredictions)
  let nonFinite = F(
    "non_finite", in: .json, .count, "images with logits that are not finite", \.nonFinite)
  let lipschitzUpper = F(
    "lipschitz_upper_bound", in: .json, .ratio, "proved, of the map before the head",
    \.place.bounds?.lipschitzUpperBound)
  let tightness = J("tightness", .ratio, "min, median and max of distance over radius") {
    OrNull(Distribution($0.tightness).map(DistributionDocument.init))
  }
  let plan = F("plan", in: .attributes, .text, "the attacks, in their order", \.plan)
  let passes = F(
    "passes", in: .json, .count, "how often images went through the network, either way", \.passes)
  let searched = F(
    "searched", in: .json, .count, "certified images that the budget left with the search alone",
    \.searched)
  let unattacked = F(
    "unattacked", in: .json, .count, "certified images that the budget left unattacked",
    \.unattacked)
  let verdict = F(
    "verdict", in: .attributes, .text, "holds, unproved, violated or inconclusive", \.verdict)
  let unproved = F("unproved", in: .json, .text, "why the verdict is \"unproved\"") {
    $0.place.unprovedReason()
  }
}

/// The check of a property.
struct CheckFields: FieldList {
  typealias Record = CheckResult

  let id = F("id", csv: "check", .text, "its name", \.id)
  let verdict = F("verdict", .text, "what it came to", \.verdict)
  let statement = F("statement", .text, "what is checked", \.statement)
  let source = F("source", in: .documents, .text, "where the statement comes from", \.source)
  let reason = F(
    "reason", in: .documents, .text, "why the check is inconclusive or not applicable", \.reason)
  let seed = J("seed", .ordinal, "that of everything random", \.seed)
  let measured = F(
    "measured", in: .attributes, .ratio, "the value that decides", \.decisive?.value)
  let bound = F("bound", in: .attributes, .ratio, "its bound", \.decisive?.bound)
  let tolerance = F("tolerance", in: .json, .ratio, "its tolerance", \.decisive?.tolerance)
  let toleranceOrigin = F(
    "tolerance_origin", in: .json, .text, "where that comes from", \.decisive?.toleranceOrigin)
  let measurements = J("measurements", .text, "all that was measured, a list of objects") {
    $0.measurements.documents(MeasurementFields.all)
  }
  let control = J("control", .text, "the positive control: its fault and what was measured") {
    OrNull(ControlDocument($0))
  }
  let finding = J("finding", .text, "what decided against it; null where it holds") {
    OrNull($0.verdict == .holds ? nil : $0.finding)
  }
  let seconds = J("seconds", .ratio, "how long it took", \.seconds)
}

/// What a check measured.
struct MeasurementFields: FieldList {
  typealias Record = Measurement

  let quantity = F(
    "quantity", in: .documents, .text, "a row each: what was measured; empty: nothing was",
    \.quantity)
  let subject = F("subject", in: .json, .text, "of what, such as a layer", \.subject)
  let measured = F("measured", in: .documents, .ratio, "its value", \.value)
  let relation = F("relation", in: .documents, .text, "that it is to have", \.relation)
  let bound = F("bound", in: .documents, .ratio, "to this", \.bound)
  let tolerance = F("tolerance", in: .documents, .ratio, "give or take", \.tolerance)
  let toleranceOrigin = F(
    "tolerance_origin", in: .documents, .text, "where the tolerance comes from",
    \.toleranceOrigin)
  let cases = F("cases", in: .json, .count, "of how many the value is the worst", \.cases)
  let verdict = F("verdict", in: .json, .text, "holds, violated or inconclusive", \.verdict)
}
