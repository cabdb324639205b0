import CPLReference
import CPLVerify

extension RunConfiguration {
  /// The images of the run, or those that the flags name instead.
  func dataOptions(overriddenBy flags: DataOptions) -> DataOptions {
    var options = flags
    options.data = flags.data ?? images.data
    options.dataset = flags.dataset ?? images.dataset.flatMap(ImageSource.Kind.init(rawValue:))
    if flags.limit == nil, flags.indices == nil {
      options.limit = images.limit
      options.indices = images.indices.flatMap(Indices.init(argument:))
    }
    return options
  }

  /// What weights files of the run say of themselves.
  ///
  /// - Parameter data: the images that it trains on.
  func description(of data: ImageDataset) -> CheckpointDescription {
    CheckpointDescription(
      profile: experiment.training.profile, createdBy: "cpl-verify \(Program.number)",
      gitCommit: Program.commit,
      trainedOn: TrainingData(name: data.name, digest: images.digest ?? data.digest),
      assumptions: experiment.assumptions(of: data))
  }
}
