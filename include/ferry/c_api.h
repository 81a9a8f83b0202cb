/* SPDX-License-Identifier: Apache-2.0 */
/* The C interface: Ferry's only stable ABI (within a major version).
 *
 *   ferry_model* model = NULL;
 *   ferry_status* status = ferry_model_load("net.onnx", NULL, &model);
 *   if (status != NULL) { fprintf(stderr, "%s\n", ferry_status_message(status)); ... }
 *
 * Errors: every call that can fail returns a ferry_status*: NULL is success, anything else is owned
 * by the caller (ferry_status_free). Out parameters are untouched after an error. A NULL argument
 * is INVALID_ARGUMENT where it may not be; what asks a NULL handle for something gets 0, NULL or
 * FERRY_UNDEFINED. Exceptions never leave a call.
 *
 * Ownership: what a call gives through a `**` parameter is the caller's and freed by the _free of
 * its type; every _free takes NULL. Strings and arrays returned directly belong to the handle and
 * live as long as it. A session keeps its model alive: freeing the model first is fine.
 *
 * Options: structs start with struct_size = sizeof(the struct); zero in every other field is the
 * recommended value. NULL options are all recommended values.
 *
 * Threads: models and sessions may be used from several threads at once; a tensor by one writer or
 * several readers; a status by one thread at a time, whichever it is.
 */
#ifndef FERRY_C_API_H
#define FERRY_C_API_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define FERRY_C_API
#else
#define FERRY_C_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_status ferry_status;
typedef struct ferry_model ferry_model;
typedef struct ferry_session ferry_session;
typedef struct ferry_tensor ferry_tensor;

/* "0.1.0" of the library that is loaded. */
FERRY_C_API const char* ferry_version(void);

/* ---- status ---- */

typedef enum ferry_code {
  FERRY_OK = 0,
  FERRY_INVALID_ARGUMENT = 1,   /* a call's own argument is wrong: a name, a count, an option */
  FERRY_INVALID_MODEL = 2,      /* the file breaks the ONNX specification or is damaged */
  FERRY_UNSUPPORTED_OP = 3,     /* an operator, domain or opset that this build does not know */
  FERRY_UNSUPPORTED_TYPE = 4,   /* an element type that the operator or this build does not take */
  FERRY_SHAPE_MISMATCH = 5,     /* dimensions contradict the model or each other */
  FERRY_OUT_OF_MEMORY = 6,      /* the memory budget or the machine's memory is used up */
  FERRY_IO_ERROR = 7,           /* a file could not be read or written */
  FERRY_DEVICE_ERROR = 8,       /* the device reported a fault */
  FERRY_CANCELLED = 9,          /* the caller cancelled */
  FERRY_DEADLINE_EXCEEDED = 10, /* the caller's deadline passed */
  FERRY_LIMIT_EXCEEDED = 11,    /* a limit on loaded files was met */
  FERRY_INTERNAL = 12           /* a defect of Ferry; please report it */
} ferry_code;

/* FERRY_OK for NULL. Codes may be added: treat unknown ones as FERRY_INTERNAL. */
FERRY_C_API ferry_code ferry_status_code(const ferry_status* status);
/* What happened, with the code's name in front: "ShapeMismatch: ..."; "Ok" for NULL. */
FERRY_C_API const char* ferry_status_message(const ferry_status* status);
FERRY_C_API void ferry_status_free(ferry_status* status);

/* ---- types ---- */

/* Element types, numbered as ONNX TensorProto.DataType. */
typedef enum ferry_dtype {
  FERRY_UNDEFINED = 0,
  FERRY_FLOAT32 = 1,
  FERRY_UINT8 = 2,
  FERRY_INT8 = 3,
  FERRY_UINT16 = 4,
  FERRY_INT16 = 5,
  FERRY_INT32 = 6,
  FERRY_INT64 = 7,
  FERRY_STRING = 8,
  FERRY_BOOL = 9,
  FERRY_FLOAT16 = 10,
  FERRY_FLOAT64 = 11,
  FERRY_UINT32 = 12,
  FERRY_UINT64 = 13,
  FERRY_COMPLEX64 = 14,
  FERRY_COMPLEX128 = 15,
  FERRY_BFLOAT16 = 16,
  FERRY_FLOAT8E4M3FN = 17,
  FERRY_FLOAT8E4M3FNUZ = 18,
  FERRY_FLOAT8E5M2 = 19,
  FERRY_FLOAT8E5M2FNUZ = 20,
  FERRY_UINT4 = 21,
  FERRY_INT4 = 22,
  FERRY_FLOAT4E2M1 = 23,
  FERRY_FLOAT8E8M0 = 24,
  FERRY_UINT2 = 25,
  FERRY_INT2 = 26
} ferry_dtype;

#define FERRY_MAX_RANK 16

/* ---- model ---- */

/* A file of external data given as memory. */
typedef struct ferry_external_buffer {
  const char* name; /* its location as the model writes it */
  const void* data; /* borrowed until the last model and session of it are freed */
  size_t size_bytes;
} ferry_external_buffer;

/* What a model file may ask for; 0 in a field stands for its default. See docs/limits.md. */
typedef struct ferry_limits {
  size_t struct_size;
  uint64_t max_file_bytes; /* of the model and of each file of external data */
  uint32_t max_message_depth;
  uint32_t max_graph_depth;
  uint64_t max_nodes; /* functions inlined */
  uint64_t max_values;
  uint32_t max_rank;
  uint32_t max_inline_growth;
  uint64_t max_inline_extra_nodes;
} ferry_limits;

typedef struct ferry_load_options {
  size_t struct_size;
  int32_t copy;                /* not 0: read the file into memory (or copy the bytes) instead of
                                  mapping (or borrowing) them */
  const char* external_folder; /* of external data; NULL: that of the file, none from memory */
  const ferry_external_buffer* external_buffers; /* looked at before files; NULL: none */
  size_t external_buffer_count;
  const ferry_limits* limits;  /* NULL: the defaults */
  uint64_t memory_limit_bytes; /* tensors that reading allocates; 0: 80 % of the memory */
  int32_t strict; /* not 0: refuse what the standard forbids even where its meaning is known */
} ferry_load_options;

/* Reads an ONNX file, with its external data from beneath the file's folder unless the options name
 * another, or buffers. `path` is the system's spelling, as for open().
 * Errors: IO_ERROR, INVALID_MODEL, UNSUPPORTED_OP (all of them listed), UNSUPPORTED_TYPE,
 *         LIMIT_EXCEEDED, OUT_OF_MEMORY, INVALID_ARGUMENT. */
FERRY_C_API ferry_status* ferry_model_load(const char* path, const ferry_load_options* options,
                                           ferry_model** model);
/* The same from bytes, which are borrowed until the last model and session of it are freed, unless
 * options->copy is set. */
FERRY_C_API ferry_status* ferry_model_load_memory(const void* data, size_t size_bytes,
                                                  const ferry_load_options* options,
                                                  ferry_model** model);
FERRY_C_API void ferry_model_free(ferry_model* model);

FERRY_C_API size_t ferry_model_input_count(const ferry_model* model);
FERRY_C_API size_t ferry_model_output_count(const ferry_model* model);

/* One input or output of a model. */
typedef struct ferry_value_info {
  size_t struct_size; /* set by the caller before the call */
  const char* name;
  const char* type;           /* "f32[N,3,H,W]" */
  ferry_dtype dtype;          /* FERRY_UNDEFINED when it is no tensor */
  int32_t rank;               /* -1: not known */
  const int64_t* dims;        /* `rank` sizes, -1 where the size is named */
  const char* const* symbols; /* `rank` names: "N", "" where the size is fixed */
  int32_t optional;           /* not 0: an input with a default */
} ferry_value_info;

/* Fills `info`, whose pointers live as long as the model.
 * Errors: INVALID_ARGUMENT  no such index, or struct_size is not set */
FERRY_C_API ferry_status* ferry_model_input(const ferry_model* model, size_t index,
                                            ferry_value_info* info);
FERRY_C_API ferry_status* ferry_model_output(const ferry_model* model, size_t index,
                                             ferry_value_info* info);

/* ---- tensor ---- */

/* New storage, 64-byte aligned, zeroed (strings: empty).
 * Errors: INVALID_ARGUMENT (a negative dim, a rank over FERRY_MAX_RANK, a type), LIMIT_EXCEEDED,
 *         OUT_OF_MEMORY */
FERRY_C_API ferry_status* ferry_tensor_create(ferry_dtype dtype, const int64_t* dims, size_t rank,
                                              ferry_tensor** tensor);
/* A view of the caller's memory, which must outlive the tensor and everything that a run gives from
 * it. Not for strings.
 * Errors: INVALID_ARGUMENT  as above, or size_bytes is less than the elements take */
FERRY_C_API ferry_status* ferry_tensor_borrow(ferry_dtype dtype, const int64_t* dims, size_t rank,
                                              void* data, size_t size_bytes, ferry_tensor** tensor);
FERRY_C_API void ferry_tensor_free(ferry_tensor* tensor);

FERRY_C_API ferry_dtype ferry_tensor_dtype(const ferry_tensor* tensor);
FERRY_C_API size_t ferry_tensor_rank(const ferry_tensor* tensor);
FERRY_C_API const int64_t* ferry_tensor_dims(const ferry_tensor* tensor);
/* Elements, and their bytes; 0 bytes for strings. */
FERRY_C_API int64_t ferry_tensor_count(const ferry_tensor* tensor);
FERRY_C_API size_t ferry_tensor_size_bytes(const ferry_tensor* tensor);
/* Row-major elements; NULL for strings. A run that writes this tensor in place keeps the address.
 */
FERRY_C_API void* ferry_tensor_data(ferry_tensor* tensor);
FERRY_C_API const void* ferry_tensor_const_data(const ferry_tensor* tensor);
/* One element of a tensor of strings; it ends with a zero byte, and size_bytes (may be NULL) tells
 * its length, for it may hold zeros too. Errors: INVALID_ARGUMENT */
FERRY_C_API ferry_status* ferry_tensor_string(const ferry_tensor* tensor, int64_t index,
                                              const char** text, size_t* size_bytes);
FERRY_C_API ferry_status* ferry_tensor_set_string(ferry_tensor* tensor, int64_t index,
                                                  const char* text, size_t size_bytes);

/* ---- session ---- */

typedef struct ferry_session_options {
  size_t struct_size;
  int32_t threads;       /* of one run, the caller included; 0: chosen */
  int32_t exact;         /* not 0: no Winograd, no re-association, subnormals kept */
  int32_t prefer_memory; /* not 0: no transformed weights, nothing kept between runs but an arena */
  int32_t no_optimize;   /* not 0: run the model as written */
  int32_t reference_kernels;   /* not 0: only the slow kernels that fast ones are tested against */
  uint64_t memory_limit_bytes; /* bytes of tensors; 0: 80 % of the machine's or cgroup's memory */
  const char* isa; /* "scalar", "avx2", "avx512"; NULL: as FERRY_ISA says, or the machine's best */
  uint64_t max_fold_bytes_per_value; /* of one folded constant; 0: 64 MiB */
  uint64_t max_fold_bytes; /* of all; 0: 64 MiB or twice the model and its external data */
  int32_t tuning_ms; /* of the first runs, to measure what is fastest; 0: 200; negative: none */
  /* Folder of the program cache, made when it is missing; NULL or "": as the environment's
   * FERRY_CACHE says, else none; "off": none. Copied. */
  const char* cache;
  uint64_t cache_limit_bytes; /* that the folder may hold; 0: 8 GiB */
  int32_t verify_cache;       /* not 0: weights in the cache are checked too */
} ferry_session_options;

/* Optimises, plans and packs. Errors: INVALID_ARGUMENT, OUT_OF_MEMORY, UNSUPPORTED_OP. */
FERRY_C_API ferry_status* ferry_session_create(const ferry_model* model,
                                               const ferry_session_options* options,
                                               ferry_session** session);
FERRY_C_API void ferry_session_free(ferry_session* session);

/* Stops runs from another thread: those given a token that is set fail with CANCELLED. A token may
 * be given to many runs, and stays set. */
typedef struct ferry_cancel ferry_cancel;
FERRY_C_API ferry_status* ferry_cancel_create(ferry_cancel** cancel);
FERRY_C_API void ferry_cancel_set(ferry_cancel* cancel);
FERRY_C_API void ferry_cancel_free(ferry_cancel* cancel);

typedef struct ferry_run_options {
  size_t struct_size;
  int64_t timeout_ns;         /* 0: no limit; past it, or if negative, DEADLINE_EXCEEDED */
  const ferry_cancel* cancel; /* NULL, or what stops the run. Borrowed for the call */
} ferry_run_options;

/* Runs the model once.
 *
 *   input_names, inputs    `input_count` tensors by name, in any order; those with a default may be
 *                          left out. Borrowed for the call.
 *   output_names           `output_count` names; values inside the model may be asked for too.
 *   outputs                `output_count` tensors. One that is NULL at entry receives a new tensor,
 *                          the caller's to free. One that is not is written in place and must have
 *                          the type and dims of the result.
 *
 * After an error no tensor was made; contents of outputs that were given are undefined.
 * Errors: INVALID_ARGUMENT   a name the model lacks, a missing input, a wrong element type
 *         SHAPE_MISMATCH     dims contradict the model, each other, or an output that was given
 *         UNSUPPORTED_TYPE   an input or output that is no tensor: use the C++ interface
 *         OUT_OF_MEMORY, CANCELLED, DEADLINE_EXCEEDED
 */
FERRY_C_API ferry_status* ferry_session_run(ferry_session* session, const char* const* input_names,
                                            const ferry_tensor* const* inputs, size_t input_count,
                                            const char* const* output_names, ferry_tensor** outputs,
                                            size_t output_count, const ferry_run_options* options);

#ifdef __cplusplus
}
#endif

#endif /* FERRY_C_API_H */
