// SPDX-License-Identifier: Apache-2.0

#pragma once
// Swift imports neither MPI's handles, which are macros, nor calls that take them.
#include <mpi.h>
#include <stddef.h>

// A handle is an integer in one MPI and a pointer in another.
typedef struct {
  MPI_Request request;
} cmpi_request;

// MPI counts in int.
static const size_t cmpi_longest = (size_t)1 << 30;

static inline void cmpi_init(void) {
  int provided;
  MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
}

static inline int cmpi_rank(void) {
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

static inline int cmpi_count(void) {
  int count;
  MPI_Comm_size(MPI_COMM_WORLD, &count);
  return count;
}

// How many ranks share this machine.
static inline int cmpi_count_on_machine(void) {
  MPI_Comm local;
  int count;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &local);
  MPI_Comm_size(local, &count);
  MPI_Comm_free(&local);
  return count;
}

static inline int cmpi_part(size_t bytes) {
  return (int)(bytes < cmpi_longest ? bytes : cmpi_longest);
}

static inline size_t cmpi_request_count(size_t bytes) {
  return (bytes + cmpi_longest - 1) / cmpi_longest;
}

// Starts sending; `requests` has room for cmpi_request_count(bytes).
static inline void cmpi_start_sending(
    const void *bytes, size_t count, int to, cmpi_request *requests) {
  for (size_t start = 0; start < count; start += cmpi_longest)
    MPI_Isend(
        (const char *)bytes + start, cmpi_part(count - start), MPI_BYTE, to, 0, MPI_COMM_WORLD,
        &requests++->request);
}

static inline void cmpi_receive(void *bytes, size_t count, int from) {
  for (size_t start = 0; start < count; start += cmpi_longest)
    MPI_Recv(
        (char *)bytes + start, cmpi_part(count - start), MPI_BYTE, from, 0, MPI_COMM_WORLD,
        MPI_STATUS_IGNORE);
}

static inline void cmpi_wait(cmpi_request *requests, size_t count) {
  for (size_t index = 0; index < count; index++) MPI_Wait(&requests[index].request, MPI_STATUS_IGNORE);
}

// One number of each rank.
static inline void cmpi_gather_counts(int count, int *counts) {
  MPI_Allgather(&count, 1, MPI_INT, counts, 1, MPI_INT, MPI_COMM_WORLD);
}

static inline void cmpi_gather(
    const void *bytes, int count, void *all, const int *counts, const int *starts) {
  MPI_Allgatherv(bytes, count, MPI_BYTE, all, counts, starts, MPI_BYTE, MPI_COMM_WORLD);
}

static inline void cmpi_finalize(void) { MPI_Finalize(); }

static inline void cmpi_abort(int code) { MPI_Abort(MPI_COMM_WORLD, code); }
