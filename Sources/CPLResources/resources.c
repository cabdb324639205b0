// SPDX-License-Identifier: Apache-2.0

#include "CPLResources.h"

/* A part of C23 that clang has for every C. */
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char built_in_weights[] = {
#embed "built-in.h5"
};

static const unsigned char recorded_values[] = {
#embed "../../fixtures/parity.h5"
};

const struct cpl_resource cpl_built_in_weights = {built_in_weights, sizeof built_in_weights};
const struct cpl_resource cpl_recorded_values = {recorded_values, sizeof recorded_values};

static const unsigned char cpl_tiny[] = {
#embed "../../experiments/cpl-tiny.yml"
};

static const unsigned char cpl_small[] = {
#embed "../../experiments/cpl-small.yml"
};

static const unsigned char cpl_small_nonrobust[] = {
#embed "../../experiments/cpl-small-nonrobust.yml"
};

static const unsigned char cpl_s[] = {
#embed "../../experiments/cpl-s.yml"
};

static const unsigned char cpl_m[] = {
#embed "../../experiments/cpl-m.yml"
};

static const unsigned char cpl_l[] = {
#embed "../../experiments/cpl-l.yml"
};

static const unsigned char cpl_xl[] = {
#embed "../../experiments/cpl-xl.yml"
};

#define EXPERIMENT(name, bytes) {name, {bytes, sizeof bytes}}

static const struct cpl_experiment experiments[] = {
    EXPERIMENT("cpl-tiny", cpl_tiny),
    EXPERIMENT("cpl-small", cpl_small),
    EXPERIMENT("cpl-small-nonrobust", cpl_small_nonrobust),
    EXPERIMENT("cpl-s", cpl_s),
    EXPERIMENT("cpl-m", cpl_m),
    EXPERIMENT("cpl-l", cpl_l),
    EXPERIMENT("cpl-xl", cpl_xl),
};

size_t cpl_experiment_count(void) { return sizeof experiments / sizeof *experiments; }

struct cpl_experiment cpl_experiment_at(size_t index) { return experiments[index]; }
