/* SPDX-License-Identifier: Apache-2.0 */
/* The C interface used from C. c_api_test.cc runs it. */
#include <string.h>

#include "api/test_model.h"
#include "ferry/c_api.h"

const char* run_from_c(void);

/* NULL, or what went wrong (static text). */
const char* run_from_c(void) {
  ferry_model* model = NULL;
  ferry_session* session = NULL;
  ferry_tensor* x = NULL;
  ferry_tensor* y = NULL;
  float numbers[4] = {-3, -1, 0, 2};
  const int64_t dims[2] = {2, 2};
  const char* input_name = "x";
  const char* output_name = "y";
  ferry_session_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.threads = 1;

  if (ferry_model_load_memory(kTestModel, sizeof kTestModel, NULL, &model) != NULL) return "load";
  if (ferry_session_create(model, &options, &session) != NULL) return "create";
  ferry_model_free(model); /* the session keeps what it needs */
  if (ferry_tensor_borrow(FERRY_FLOAT32, dims, 2, numbers, sizeof numbers, &x) != NULL) {
    return "borrow";
  }
  {
    const ferry_tensor* inputs[1];
    inputs[0] = x;
    if (ferry_session_run(session, &input_name, inputs, 1, &output_name, &y, 1, NULL) != NULL) {
      return "run";
    }
  }
  {
    const float* values = (const float*)ferry_tensor_const_data(y);
    if (ferry_tensor_count(y) != 4 || values[0] != 0.0f || values[2] != 1.0f || values[3] != 3.0f) {
      return "values";
    }
  }
  ferry_tensor_free(x);
  ferry_tensor_free(y);
  ferry_session_free(session);
  return NULL;
}
