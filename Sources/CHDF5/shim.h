// HDF5 names its types, property-list classes and defaults by macros that call functions;
// Swift imports functions only, so each macro that we use has an inline here.
#pragma once
#include <hdf5.h>
