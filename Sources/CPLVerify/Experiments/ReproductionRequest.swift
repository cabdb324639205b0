// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLReference

/// What is asked to be reproduced, and where it goes.
package struct ReproductionRequest: Sendable {
  /// Experiments, files of configurations, tables, or the quirks.
  package let names: [String]
  /// A run each.
  package let seeds: [UInt64]
  /// Nil for those of the experiments.
  package let epochs: Int?
  /// Under which runs are trained and judged.
  package let profile: Profile
  /// How many test images of each run are attacked.
  package let audit: Int
  /// The folder for the pages.
  package let out: String
  /// The folder for weights and results.
  package let runs: String
  package let images: ImageChoice
  /// The command that makes the pages in one process.
  package let command: String
  /// Only these parts of the runs, without pages; nil for all.
  package var shard: Shard?
  /// Whether pages are made of what shards have left, and nothing is run.
  package var collects = false

  package init(
    names: [String], seeds: [UInt64], epochs: Int?, profile: Profile, audit: Int, out: String,
    runs: String, images: ImageChoice, command: String
  ) {
    self.names = names
    self.seeds = seeds
    self.epochs = epochs
    self.profile = profile
    self.audit = audit
    self.out = out
    self.runs = runs
    self.images = images
    self.command = command
  }

  /// Whether this work writes the pages.
  var writesPages: Bool { shard == nil }
}
