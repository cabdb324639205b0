// SPDX-License-Identifier: Apache-2.0

// h5py's filter "lzf", which HDF5 does not have: Marc Lehmann's LZF, decompression alone.
#pragma once
#include <hdf5.h>
#include <stdlib.h>

#define CHDF5_FILTER_LZF 32000

// Writes what `from` stands for to `to`; the size, or 0 where that is more than `capacity` or the
// data are damaged. A byte below 32 is followed by so many bytes and one as they are; any other one
// begins a copy of what was written before: three bits of length, thirteen of distance.
static inline size_t chdf5_lzf_inflate(
    const unsigned char *from, size_t count, unsigned char *to, size_t capacity) {
  size_t read = 0, written = 0;
  while (read < count) {
    size_t control = from[read++];
    if (control < 32) {
      size_t length = control + 1;
      if (length > count - read || length > capacity - written) return 0;
      for (size_t i = 0; i < length; i++) to[written++] = from[read++];
    } else {
      size_t length = control >> 5;
      if (length == 7) {
        if (read == count) return 0;
        length += from[read++];
      }
      if (read == count) return 0;
      size_t distance = ((control & 31) << 8 | from[read++]) + 1;
      length += 2;
      if (distance > written || length > capacity - written) return 0;
      for (size_t i = 0; i < length; i++, written++) to[written] = to[written - distance];
    }
  }
  return written;
}

// The filter's callback. Its third parameter is the size of a chunk.
static size_t chdf5_lzf_filter(
    unsigned flags, size_t parameter_count, const unsigned *parameters, size_t count,
    size_t *buffer_size, void **buffer) {
  if (!(flags & H5Z_FLAG_REVERSE) || parameter_count < 3 || parameters[2] == 0) return 0;
  size_t capacity = parameters[2];
  unsigned char *inflated = (unsigned char *)malloc(capacity);
  if (!inflated) return 0;
  size_t size = chdf5_lzf_inflate((const unsigned char *)*buffer, count, inflated, capacity);
  // A chunk that is shorter than it says would be read beyond its end.
  if (size != capacity) {
    free(inflated);
    return 0;
  }
  free(*buffer);
  *buffer = inflated;
  *buffer_size = capacity;
  return size;
}

// Makes the filter known to the library.
static inline herr_t chdf5_register_lzf(void) {
  static const H5Z_class2_t filter = {
      H5Z_CLASS_T_VERS, CHDF5_FILTER_LZF, 0, 1, "lzf", NULL, NULL, chdf5_lzf_filter};
  return H5Zregister(&filter);
}
