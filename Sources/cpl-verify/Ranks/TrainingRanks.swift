// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation

/// The processes that were started together to train.
enum TrainingRanks {
  /// The variables by which launchers tell a process how many it is one of.
  private static let countVariables = [
    "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS",
  ]

  /// How many processes were started together, where a launcher did it.
  private static var launched: Int {
    let environment = ProcessInfo.processInfo.environment
    return countVariables.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first ?? 1
  }

  /// Runs `body` with the ranks of which this process is one, and leaves them in order; what `body` throws on
  /// this rank alone ends them all.
  ///
  /// - Throws: `UsageError` when there are several and this program was built without MPI.
  static func run(_ body: (any Ranks) throws -> Void) throws {
    guard launched > 1 else { return try body(Alone()) }
    #if MPI
      let ranks = MPIRanks()
      guard ranks.count == launched else {
        ranks.abort(
          Exit.tell(
            UsageError(
              "\(launched) processes were started together and MPI finds \(ranks.count): start them with "
                + "mpirun, or with the srun --mpi=TYPE that this MPI was built for")))
      }
      do {
        try body(ranks)
        ranks.finish()
      } catch  where error is RankFailure || error is Exit {
        ranks.finish()
        throw error
      } catch {
        ranks.abort(Exit.tell(error))
      }
    #else
      throw UsageError(
        "\(launched) processes were started together, and this program was built without MPI: build it "
          + "with 'swift build -c release --traits MPI', or start one process")
    #endif
  }
}
