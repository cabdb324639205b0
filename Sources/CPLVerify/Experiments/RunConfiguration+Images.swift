// SPDX-License-Identifier: Apache-2.0

import CPLReference

extension RunConfiguration {
  /// The images of the run, or those that are chosen instead.
  package func images(overriddenBy choice: ImageChoice) -> ImageChoice {
    var images = choice
    images.data = choice.data ?? self.images.data
    images.dataset =
      choice.dataset ?? self.images.dataset.flatMap(ImageSource.Kind.init(rawValue:))
    if choice.limit == nil, choice.indices == nil {
      images.limit = self.images.limit
      images.indices = self.images.indices.flatMap(Indices.init)
    }
    return images
  }

  /// What weights files of the run say of themselves.
  ///
  /// - Parameters:
  ///   - data: the images that it trains on.
  ///   - program: what writes them.
  func description(
    of data: ImageDataset, by program: Workplace.Program
  ) -> CheckpointDescription {
    CheckpointDescription(
      profile: experiment.training.profile, createdBy: "cpl-verify \(program.number)",
      gitCommit: program.commit,
      trainedOn: TrainingData(name: data.name, digest: images.digest ?? data.digest),
      assumptions: experiment.assumptions(of: data))
  }
}
