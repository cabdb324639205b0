// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Audits in shards")
struct ShardingTests {
  /// What each process runs; the shell knows its number and how many there are.
  private static func shard(_ number: String, of count: String) -> String {
    "audit run/last.h5 --limit 70 --quiet --resume --shard \(number)/\(count) "
      + "--out shard-\(number).h5"
  }

  @Test("a loop over an array's tasks and 'report' come to what one audit does")
  func loop() throws {
    try SampleRun.withCopy { folder in
      let task = Self.shard("$SLURM_ARRAY_TASK_ID", of: "$SLURM_ARRAY_TASK_COUNT")
      let loop = try Program.shell(
        "for i in 1 2 3; do SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_ID=$i sh -c '\"$0\" \(task)' "
          + "\"$0\" || exit; done", in: folder)
      #expect(loop.code == 0 && loop.error.isEmpty, "\(loop)")
      let merged = try Program.run(
        "report shard-2.h5 shard-3.h5 shard-1.h5 --out pages --json", in: folder)
      #expect(merged.code == 0, "\(merged)")
      #expect(try merged.json()["content_digest"] as? String == AuditTests.uninterrupted)
      #expect(exists(folder + "/pages/results.h5") && exists(folder + "/pages/report.html"))
      expectRefusal(
        try Program.run("report shard-2.h5 shard-3.h5 --out other", in: folder), code: 65,
        "all 3 shards", "none for 1/3")
      #expect(!exists(folder + "/other"))
      expectRefusal(
        try Program.run("audit run/last.h5 --limit 2 --shard 3/3", in: folder), code: 65,
        "no more shards than there are images, 2")
    }
  }

  @Test(
    "two processes under mpirun come to what one does",
    .enabled(if: hasMPI, "mpirun is missing: apt-get install openmpi-bin"))
  func mpirun() throws {
    try SampleRun.withCopy { folder in
      let task = Self.shard("$((OMPI_COMM_WORLD_RANK + 1))", of: "$OMPI_COMM_WORLD_SIZE")
      let run = try Program.shell(
        "mpirun --allow-run-as-root --oversubscribe -n 2 sh -c '\"$0\" \(task)' \"$0\"",
        in: folder)
      #expect(run.code == 0, "\(run)")
      let merged = try Program.run("report shard-1.h5 shard-2.h5 --out pages --json", in: folder)
      #expect(try merged.json()["content_digest"] as? String == AuditTests.uninterrupted)
    }
  }

  private static let hasMPI = (try? RunningProgram.tool("mpirun", ["--version"])().code) == 0
}
