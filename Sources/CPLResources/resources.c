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
