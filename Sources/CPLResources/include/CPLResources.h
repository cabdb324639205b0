// SPDX-License-Identifier: Apache-2.0

#ifndef CPL_RESOURCES_H
#define CPL_RESOURCES_H

#include <stddef.h>

/* Files that are part of the program, wherever it is moved to. */
struct cpl_resource {
  const unsigned char *bytes;
  size_t count;
};

/* A small network trained on the built-in images:
   cpl-verify train experiments/cpl-tiny.yml --epochs 20, best.h5. */
extern const struct cpl_resource cpl_built_in_weights;

/* fixtures/parity.h5: values recorded from PyTorch. */
extern const struct cpl_resource cpl_recorded_values;

/* A file of experiments/, by its name without the ending. */
struct cpl_experiment {
  const char *name;
  struct cpl_resource yaml;
};

size_t cpl_experiment_count(void);

/* The experiment at an index below cpl_experiment_count(). */
struct cpl_experiment cpl_experiment_at(size_t index);

#endif
