// SPDX-License-Identifier: Apache-2.0

// Part of instantiate.h: both scalar types at one level.
#define SUFFIX f32
#define REAL float
#define LANES 16
#define LANE_INTEGER int32_t
#define LINE line_f32
#define UNALIGNED_LINE unaligned_line_f32
#include KERNEL_TEMPLATE
#undef SUFFIX
#undef REAL
#undef LANES
#undef LANE_INTEGER
#undef LINE
#undef UNALIGNED_LINE

#define SUFFIX f64
#define REAL double
#define LANES 8
#define LANE_INTEGER int64_t
#define LINE line_f64
#define UNALIGNED_LINE unaligned_line_f64
#include KERNEL_TEMPLATE
#undef SUFFIX
#undef REAL
#undef LANES
#undef LANE_INTEGER
#undef LINE
#undef UNALIGNED_LINE
