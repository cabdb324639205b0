// SPDX-License-Identifier: Apache-2.0

// HDF5 names its types, property-list classes and defaults by macros that call functions;
// Swift imports functions only, so each macro that we use has an inline here. The few calls whose
// signature differs between HDF5 1.10 and its successors are wrapped here too.
#pragma once
#include <hdf5.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lzf.h"

// Elements are stored as they lie in memory.
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a little-endian machine");

static inline hid_t chdf5_float32_le(void) { return H5T_IEEE_F32LE; }
static inline hid_t chdf5_float32_be(void) { return H5T_IEEE_F32BE; }
static inline hid_t chdf5_float64_le(void) { return H5T_IEEE_F64LE; }
static inline hid_t chdf5_float64_be(void) { return H5T_IEEE_F64BE; }
static inline hid_t chdf5_int32_le(void) { return H5T_STD_I32LE; }
static inline hid_t chdf5_int32_be(void) { return H5T_STD_I32BE; }
static inline hid_t chdf5_int64_le(void) { return H5T_STD_I64LE; }
static inline hid_t chdf5_int64_be(void) { return H5T_STD_I64BE; }
static inline hid_t chdf5_uint8(void) { return H5T_STD_U8LE; }
static inline hid_t chdf5_uint64_le(void) { return H5T_STD_U64LE; }
static inline hid_t chdf5_uint64_be(void) { return H5T_STD_U64BE; }
static inline hid_t chdf5_int8(void) { return H5T_STD_I8LE; }
static inline hid_t chdf5_int16_le(void) { return H5T_STD_I16LE; }
static inline hid_t chdf5_int16_be(void) { return H5T_STD_I16BE; }
static inline hid_t chdf5_uint16_le(void) { return H5T_STD_U16LE; }
static inline hid_t chdf5_uint16_be(void) { return H5T_STD_U16BE; }
static inline hid_t chdf5_uint32_le(void) { return H5T_STD_U32LE; }
static inline hid_t chdf5_uint32_be(void) { return H5T_STD_U32BE; }

// HDF5 1.10 has no name for IEEE's binary16. Made once for each byte order; callers hold the lock.
static inline hid_t chdf5_float16(hid_t model, hid_t *type) {
  if (*type > 0) return *type;
  *type = H5Tcopy(model);
  if (H5Tset_fields(*type, 15, 10, 5, 0, 10) < 0 || H5Tset_size(*type, 2) < 0 ||
      H5Tset_ebias(*type, 15) < 0)
    return -1;
  return *type;
}
static inline hid_t chdf5_float16_le(void) {
  static hid_t type = 0;
  return chdf5_float16(H5T_IEEE_F32LE, &type);
}
static inline hid_t chdf5_float16_be(void) {
  static hid_t type = 0;
  return chdf5_float16(H5T_IEEE_F32BE, &type);
}
static inline hid_t chdf5_c_string(void) { return H5T_C_S1; }

static inline hid_t chdf5_class_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t chdf5_class_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t chdf5_class_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t chdf5_class_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t chdf5_class_link_create(void) { return H5P_LINK_CREATE; }

static inline hid_t chdf5_default(void) { return H5P_DEFAULT; }
static inline hid_t chdf5_all(void) { return H5S_ALL; }
static inline hid_t chdf5_error_stack(void) { return H5E_DEFAULT; }
static inline unsigned chdf5_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned chdf5_truncate(void) { return H5F_ACC_TRUNC; }
static inline unsigned chdf5_local_objects(void) { return H5F_OBJ_ALL | H5F_OBJ_LOCAL; }

// What stands under a name: 0 nothing, 1 a hard link, 2 a soft one, 3 a link of another kind,
// negative a failure.
static inline int chdf5_link_kind(hid_t location, const char *name) {
  htri_t exists = H5Lexists(location, name, H5P_DEFAULT);
  if (exists <= 0) return exists;
  H5L_info_t info;
  if (H5Lget_info(location, name, &info, H5P_DEFAULT) < 0) return -1;
  return info.type == H5L_TYPE_HARD ? 1 : info.type == H5L_TYPE_SOFT ? 2 : 3;
}

// The path that a soft link holds, cut at `size` bytes; a failure for one that is longer.
static inline herr_t chdf5_link_target(
    hid_t location, const char *name, char *target, size_t size) {
  H5L_info_t info;
  if (H5Lget_info(location, name, &info, H5P_DEFAULT) < 0) return -1;
  if (info.type != H5L_TYPE_SOFT || info.u.val_size >= size) return -1;
  target[info.u.val_size] = 0;
  return H5Lget_val(location, name, target, size, H5P_DEFAULT);
}

typedef herr_t (*chdf5_visit_name)(const char *name, void *context);

typedef struct {
  chdf5_visit_name visit;
  void *context;
} chdf5_visitor;

static herr_t chdf5_visit_link(
    hid_t group, const char *name, const H5L_info_t *info, void *visitor) {
  (void)group, (void)info;
  return ((chdf5_visitor *)visitor)->visit(name, ((chdf5_visitor *)visitor)->context);
}

// Calls `visit` with the name of each link of a group.
static inline herr_t chdf5_each_link(hid_t group, chdf5_visit_name visit, void *context) {
  chdf5_visitor visitor = {visit, context};
  return H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, chdf5_visit_link, &visitor);
}

static herr_t chdf5_visit_attribute(
    hid_t object, const char *name, const H5A_info_t *info, void *visitor) {
  (void)object, (void)info;
  return ((chdf5_visitor *)visitor)->visit(name, ((chdf5_visitor *)visitor)->context);
}

// Calls `visit` with the name of each attribute of an object.
static inline herr_t chdf5_each_attribute(hid_t object, chdf5_visit_name visit, void *context) {
  chdf5_visitor visitor = {visit, context};
  return H5Aiterate2(
      object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, chdf5_visit_attribute, &visitor);
}

// What tells an object of a file from the others: its address, or the token that stands for it.
static inline herr_t chdf5_identity(hid_t object, uint64_t identity[2]) {
  identity[0] = identity[1] = 0;
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info;
  herr_t status = H5Oget_info3(object, &info, H5O_INFO_BASIC);
  if (status >= 0) memcpy(identity, &info.token, 16);
#else
  H5O_info_t info;
  herr_t status = H5Oget_info2(object, &info, H5O_INFO_BASIC);
  if (status >= 0) identity[0] = info.addr;
#endif
  return status;
}

// The bytes of a file that HDF5 lays out in memory; they are there once the file is closed. (They
// are caught on their way to `free`: H5Fget_file_image, meant for this, returns superblocks whose
// checksum is wrong.) To be freed by the owner, and to outlive the file.
typedef struct {
  unsigned char *bytes;
  size_t capacity;
} chdf5_image;

static void *chdf5_image_malloc(size_t size, H5FD_file_image_op_t operation, void *image) {
  (void)operation, (void)image;
  return malloc(size);
}

static void *chdf5_image_memcpy(
    void *to, const void *from, size_t size, H5FD_file_image_op_t operation, void *image) {
  (void)operation, (void)image;
  return memcpy(to, from, size);
}

// Space that is never written is zero, in every file.
static void *chdf5_image_realloc(
    void *bytes, size_t size, H5FD_file_image_op_t operation, void *image) {
  (void)operation;
  unsigned char *larger = (unsigned char *)realloc(bytes, size);
  if (!larger) return NULL;
  size_t *capacity = &((chdf5_image *)image)->capacity;
  if (size > *capacity) memset(larger + *capacity, 0, size - *capacity);
  *capacity = size;
  return larger;
}

static herr_t chdf5_image_free(void *bytes, H5FD_file_image_op_t operation, void *image) {
  if (operation == H5FD_FILE_IMAGE_OP_FILE_CLOSE)
    ((chdf5_image *)image)->bytes = (unsigned char *)bytes;
  else
    free(bytes);
  return 0;
}

static void *chdf5_image_retain(void *image) { return image; }

static herr_t chdf5_image_release(void *image) {
  (void)image;
  return 0;
}

// Has files that are created with these access properties laid out in `image`.
static inline herr_t chdf5_use_image(hid_t access, chdf5_image *image) {
  H5FD_file_image_callbacks_t callbacks = {
      chdf5_image_malloc, chdf5_image_memcpy,  chdf5_image_realloc, chdf5_image_free,
      chdf5_image_retain, chdf5_image_release, image};
  if (H5Pset_fapl_core(access, 1 << 20, 0) < 0) return -1;
  return H5Pset_file_image_callbacks(access, &callbacks);
}

// The size of the file: the address of its end, which its superblock of version 2 or 3 holds in
// bytes 28 to 35. Zero if there is none.
static inline size_t chdf5_image_size(const chdf5_image *image) {
  uint64_t end = 0;
  if (image->bytes && image->capacity >= 36) memcpy(&end, image->bytes + 28, 8);
  return end <= image->capacity ? (size_t)end : 0;
}
