#include <hdf5.h>

// HDF5's type and property-list constants are macros that open the library first; Swift cannot import such macros.
// IEEE half precision, as h5py and numpy have it; the library itself names the type from 1.14.4 on. Made once, under the caller's lock, and never closed.
static inline hid_t heal_h5_float16(void) {
    static hid_t type = -1;
    if (type < 0) {
        type = H5Tcopy(H5T_IEEE_F32LE);
        H5Tset_fields(type, 15, 10, 5, 0, 10);
        H5Tset_size(type, 2);
        H5Tset_ebias(type, 15);
    }
    return type;
}
static inline hid_t heal_h5_float32(void) { return H5T_IEEE_F32LE; }
static inline hid_t heal_h5_float64(void) { return H5T_IEEE_F64LE; }
static inline hid_t heal_h5_uint8(void) { return H5T_STD_U8LE; }
static inline hid_t heal_h5_int8(void) { return H5T_STD_I8LE; }
static inline hid_t heal_h5_uint16(void) { return H5T_STD_U16LE; }
static inline hid_t heal_h5_int32(void) { return H5T_STD_I32LE; }
static inline hid_t heal_h5_uint32(void) { return H5T_STD_U32LE; }
static inline hid_t heal_h5_int64(void) { return H5T_STD_I64LE; }
static inline hid_t heal_h5_uint64(void) { return H5T_STD_U64LE; }
static inline hid_t heal_h5_c_string(void) { return H5T_C_S1; }
static inline size_t heal_h5_variable(void) { return H5T_VARIABLE; }

static inline hid_t heal_h5_default(void) { return H5P_DEFAULT; }
static inline hid_t heal_h5_all(void) { return H5S_ALL; }
static inline hid_t heal_h5_file_create_list(void) { return H5Pcreate(H5P_FILE_CREATE); }
static inline hid_t heal_h5_file_access_list(void) { return H5Pcreate(H5P_FILE_ACCESS); }
static inline hid_t heal_h5_dataset_create_list(void) { return H5Pcreate(H5P_DATASET_CREATE); }
static inline hid_t heal_h5_group_create_list(void) { return H5Pcreate(H5P_GROUP_CREATE); }
static inline hid_t heal_h5_link_create_list(void) { return H5Pcreate(H5P_LINK_CREATE); }

static inline unsigned heal_h5_create_flags(void) { return H5F_ACC_TRUNC; }
static inline unsigned heal_h5_read_flags(void) { return H5F_ACC_RDONLY; }

static inline herr_t heal_h5_silence(void) { return H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }
static inline herr_t heal_h5_walk_errors(H5E_walk2_t visit, void *context) {
    return H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, visit, context);
}

// Files are replaced by renaming, so locks protect nothing here, and many cluster file systems have none.
static inline herr_t heal_h5_no_locking(hid_t list) {
#if H5_VERSION_GE(1, 10, 7)
    return H5Pset_file_locking(list, 0, 1);
#else
    return list < 0 ? -1 : 0;
#endif
}

// A link of a group and the object it leads to. The structures behind it changed with the library's versions.
typedef struct {
    int is_hard, is_group, is_dataset;
    unsigned references;
} heal_h5_link;
static inline herr_t heal_h5_link_at(hid_t group, const char *name, heal_h5_link *link) {
#if H5_VERSION_GE(1, 12, 0)
    H5L_info2_t found;
    H5O_info2_t object;
    if (H5Lget_info2(group, name, &found, H5P_DEFAULT) < 0) return -1;
#else
    H5L_info_t found;
    H5O_info_t object;
    if (H5Lget_info(group, name, &found, H5P_DEFAULT) < 0) return -1;
#endif
    link->is_hard = found.type == H5L_TYPE_HARD;
    link->is_group = link->is_dataset = 0;
    link->references = 0;
    if (!link->is_hard) return 0;
#if H5_VERSION_GE(1, 12, 0)
    if (H5Oget_info_by_name3(group, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return -1;
#else
    if (H5Oget_info_by_name2(group, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return -1;
#endif
    link->is_group = object.type == H5O_TYPE_GROUP;
    link->is_dataset = object.type == H5O_TYPE_DATASET;
    link->references = object.rc;
    return 0;
}
