// SPDX-License-Identifier: Apache-2.0

#if MPI
  import CMPI
  import CPLReference
  import Foundation

  /// The processes that `mpirun` or `srun` started, which MPI connects. One such value a process, used by one
  /// thread at a time.
  ///
  /// MPI ends all processes, with a message of its own, when one of them dies.
  struct MPIRanks: Ranks {
    let rank: Int
    let count: Int
    let countOnMachine: Int

    init() {
      cmpi_init()
      (rank, count) = (Int(cmpi_rank()), Int(cmpi_count()))
      countOnMachine = Int(cmpi_count_on_machine())
    }

    func send<Result>(
      _ messages: [(bytes: UnsafeRawBufferPointer, to: Int)], while body: () throws -> Result
    ) rethrows -> Result {
      let requests = messages.map { cmpi_request_count($0.bytes.count) }
      return try withUnsafeTemporaryAllocation(
        of: cmpi_request.self, capacity: max(1, requests.reduce(0, +))
      ) { buffer in
        let first = buffer.baseAddress!
        var next = first
        for (message, requests) in zip(messages, requests) {
          cmpi_start_sending(
            message.bytes.baseAddress, message.bytes.count, Int32(message.to), next)
          next += requests
        }
        defer { cmpi_wait(first, next - first) }
        return try body()
      }
    }

    func receive(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) {
      cmpi_receive(bytes.baseAddress, bytes.count, Int32(rank))
    }

    func gather(_ bytes: [UInt8]) -> [[UInt8]] {
      var counts = [Int32](repeating: 0, count: count)
      cmpi_gather_counts(Int32(bytes.count), &counts)
      let starts = counts.indices.map { counts[..<$0].reduce(0, +) }
      var all = [UInt8](repeating: 0, count: Int(counts.reduce(0, +)))
      cmpi_gather(bytes, Int32(bytes.count), &all, counts, starts)
      return zip(starts, counts).map { Array(all[Int($0)..<Int($0 + $1)]) }
    }

    /// Waits for all and leaves them; nothing is sent any more.
    func finish() { cmpi_finalize() }

    /// Ends all processes at once.
    func abort(_ code: Int32) -> Never {
      cmpi_abort(code)
      exit(code)
    }
  }
#endif
