// SPDX-License-Identifier: Apache-2.0

// A layer that cpl-verify does not have, defined outside of it: registered, written to a file and read again in a
// network, bounded, certified and attacked like the others.
//
//     swift run -c release new-layer network.h5
import CPLReference
import CPLVerify
import Foundation

guard CommandLine.arguments.count == 2 else { fatalError("usage: new-layer FILE") }
let file = CommandLine.arguments[1]
let workers = Workers(threads: 2)
try LayerSpecification.register(AbsoluteValueKind.self)

// A network as a configuration lists it, with random weights.
let model = try JSONDecoder().decode(
  ModelConfiguration.self,
  from: Data(
    """
    [{"normalize": {"channels": 3, "side": 32}}, {"padding": {"channels": 8}}, {"convolution": {"inner": 4}},
     "absolute-value", {"norm-pool": {"window": 8}}, "flatten", {"linear": {"inner": 16}},
     {"last-layer-normalised": {"classes": 10}}]
    """.utf8))
let layers = model.layers(mean: [0.5, 0.5, 0.5], standardDeviation: [0.25, 0.25, 0.25])
try CPLNetwork<Float>(layers, seed: 0).write(
  to: file,
  description: CheckpointDescription(
    profile: .corrected, createdBy: "new-layer", gitCommit: "unknown"))

let verified = try VerifiedNetwork(
  Checkpoint.read(file).network, profile: .corrected, workers: workers
) { _, _ in }
for layer in verified.bounds.layers {
  print("\(layer.name): at most \(layer.lipschitzUpperBound)")
}
let audit = try CertificateAudit(
  EvaluatedNetwork(verified), certificate: .sound, seed: 0, workers: workers)
let result = try audit.run(SyntheticImages.make(count: 20, seed: 0, split: .test)) { _ in }
print("\(result.certified) of \(result.images.count) images certified: \(result.verdict)")
