// SPDX-License-Identifier: Apache-2.0
#include "ferry/c_api.h"

#include <gtest/gtest.h>
#include <stdlib.h>  // NOLINT: mkdtemp

#include <array>
#include <filesystem>
#include <string>

#include "api/test_model.h"
#include "ferry/limits.h"

extern "C" const char* run_from_c(void);

namespace {

// Takes the status over: its code, and its words for the test.
struct Outcome {
  explicit Outcome(ferry_status* s) : code(ferry_status_code(s)), message(ferry_status_message(s)) {
    ferry_status_free(s);
  }
  ferry_code code;
  std::string message;
};

#define EXPECT_OK(call)                                     \
  do {                                                      \
    const Outcome outcome_(call);                           \
    EXPECT_EQ(outcome_.code, FERRY_OK) << outcome_.message; \
  } while (false)
#define EXPECT_FAILS(call, wanted, words)                                           \
  do {                                                                              \
    const Outcome outcome_(call);                                                   \
    EXPECT_EQ(outcome_.code, wanted) << outcome_.message;                           \
    EXPECT_NE(outcome_.message.find(words), std::string::npos) << outcome_.message; \
  } while (false)

class CApi : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(ferry_model_load_memory(kTestModel, sizeof kTestModel, nullptr, &model_), nullptr);
    ASSERT_EQ(ferry_session_create(model_, nullptr, &session_), nullptr);
  }
  void TearDown() override {
    ferry_session_free(session_);
    ferry_model_free(model_);
  }
  ferry_status* run(const char* in, const ferry_tensor* x, const char* out, ferry_tensor** y,
                    const ferry_run_options* options = nullptr) {
    return ferry_session_run(session_, &in, &x, 1, &out, y, 1, options);
  }
  static ferry_tensor* borrow(std::array<float, 4>& numbers, int64_t rows = 2,
                              int64_t columns = 2) {
    const int64_t dims[] = {rows, columns};
    ferry_tensor* t = nullptr;
    EXPECT_OK(ferry_tensor_borrow(FERRY_FLOAT32, dims, 2, numbers.data(), sizeof numbers, &t));
    return t;
  }
  ferry_model* model_ = nullptr;
  ferry_session* session_ = nullptr;
  std::array<float, 4> numbers_ = {-3, -1, 0, 2};
};

TEST(CApiAlone, FreesTakeNull) {
  ferry_status_free(nullptr);
  ferry_model_free(nullptr);
  ferry_session_free(nullptr);
  ferry_tensor_free(nullptr);
  ferry_cancel_free(nullptr);
  EXPECT_EQ(ferry_status_code(nullptr), FERRY_OK);
  EXPECT_STREQ(ferry_status_message(nullptr), "Ok");
}

TEST(CApiAlone, RunsFromC) { EXPECT_STREQ(run_from_c(), nullptr); }

TEST(CApiAlone, HasAVersion) { EXPECT_EQ(std::string(ferry_version()).substr(0, 2), "0."); }

TEST(CApiAlone, BadModelsAreErrors) {
  ferry_model* model = nullptr;
  EXPECT_FAILS(ferry_model_load("/nowhere/net.onnx", nullptr, &model), FERRY_IO_ERROR, "net.onnx");
  EXPECT_FAILS(ferry_model_load(nullptr, nullptr, &model), FERRY_INVALID_ARGUMENT, "path is NULL");
  EXPECT_FAILS(ferry_model_load_memory("garbage", 7, nullptr, &model), FERRY_INVALID_MODEL, "");
  ferry_load_options unset{};
  EXPECT_FAILS(ferry_model_load("x", &unset, &model), FERRY_INVALID_ARGUMENT, "struct_size");
  EXPECT_EQ(model, nullptr);
}

TEST(CApiAlone, TensorsCheckTheirArguments) {
  ferry_tensor* t = nullptr;
  const int64_t dims[] = {2, 3}, negative[] = {-1}, huge[] = {INT64_MAX, 4};
  EXPECT_OK(ferry_tensor_create(FERRY_FLOAT32, dims, 2, &t));
  EXPECT_EQ(ferry_tensor_size_bytes(t), 24U);
  EXPECT_EQ(static_cast<float*>(ferry_tensor_data(t))[5], 0);
  ferry_tensor_free(t);
  t = nullptr;
  EXPECT_OK(ferry_tensor_create(FERRY_INT64, nullptr, 0, &t));
  EXPECT_EQ(ferry_tensor_count(t), 1);
  EXPECT_EQ(ferry_tensor_rank(t), 0U);
  ferry_tensor_free(t);
  t = nullptr;
  EXPECT_FAILS(ferry_tensor_create(FERRY_FLOAT32, negative, 1, &t), FERRY_INVALID_ARGUMENT, "");
  EXPECT_FAILS(ferry_tensor_create(FERRY_FLOAT32, huge, 2, &t), FERRY_LIMIT_EXCEEDED, "");
  EXPECT_FAILS(ferry_tensor_create(FERRY_FLOAT32, dims, 17, &t), FERRY_INVALID_ARGUMENT,
               "rank is 17");
  EXPECT_FAILS(ferry_tensor_create(FERRY_UNDEFINED, dims, 2, &t), FERRY_INVALID_ARGUMENT, "type");
  float small[5];
  EXPECT_FAILS(ferry_tensor_borrow(FERRY_FLOAT32, dims, 2, small, sizeof small, &t),
               FERRY_INVALID_ARGUMENT, "24 bytes");
  EXPECT_EQ(t, nullptr);
}

TEST(CApiAlone, StringsAreSetAndRead) {
  ferry_tensor* t = nullptr;
  const int64_t dims[] = {2};
  ASSERT_EQ(ferry_tensor_create(FERRY_STRING, dims, 1, &t), nullptr);
  EXPECT_EQ(ferry_tensor_data(t), nullptr);
  EXPECT_OK(ferry_tensor_set_string(t, 1, "a\0b", 3));
  const char* text = nullptr;
  size_t size = 0;
  EXPECT_OK(ferry_tensor_string(t, 1, &text, &size));
  EXPECT_EQ(std::string(text, size), std::string("a\0b", 3));
  EXPECT_FAILS(ferry_tensor_string(t, 2, &text, &size), FERRY_INVALID_ARGUMENT, "no element 2");
  ferry_tensor_free(t);
}

TEST_F(CApi, TellsInputsAndOutputs) {
  EXPECT_EQ(ferry_model_input_count(model_), 1U);
  EXPECT_EQ(ferry_model_output_count(model_), 1U);
  ferry_value_info info{};
  EXPECT_FAILS(ferry_model_input(model_, 0, &info), FERRY_INVALID_ARGUMENT, "struct_size");
  info.struct_size = sizeof info;
  EXPECT_OK(ferry_model_input(model_, 0, &info));
  EXPECT_STREQ(info.name, "x");
  EXPECT_STREQ(info.type, "f32[N,2]");
  EXPECT_EQ(info.dtype, FERRY_FLOAT32);
  ASSERT_EQ(info.rank, 2);
  EXPECT_EQ(info.dims[0], -1);
  EXPECT_EQ(info.dims[1], 2);
  EXPECT_STREQ(info.symbols[0], "N");
  EXPECT_STREQ(info.symbols[1], "");
  EXPECT_FAILS(ferry_model_output(model_, 1, &info), FERRY_INVALID_ARGUMENT, "no output 1");
}

TEST_F(CApi, WritesOutputsInPlace) {
  std::array<float, 4> result = {9, 9, 9, 9};
  ferry_tensor* x = borrow(numbers_);
  ferry_tensor* y = borrow(result);
  EXPECT_OK(run("x", x, "y", &y));
  EXPECT_EQ(ferry_tensor_data(y), result.data());
  EXPECT_EQ(result, (std::array<float, 4>{0, 0, 1, 3}));
  ferry_tensor_free(x);
  ferry_tensor_free(y);
}

TEST_F(CApi, RefusesAnOutputOfOtherDims) {
  std::array<float, 4> result{};
  ferry_tensor* x = borrow(numbers_);
  ferry_tensor* y = borrow(result, 1, 2);
  EXPECT_FAILS(run("x", x, "y", &y), FERRY_SHAPE_MISMATCH, "output 'y'");
  ferry_tensor_free(x);
  ferry_tensor_free(y);
}

TEST_F(CApi, FetchesValuesInside) {
  ferry_tensor* x = borrow(numbers_);
  ferry_tensor* sum = nullptr;
  EXPECT_OK(run("x", x, "sum", &sum));
  ASSERT_NE(sum, nullptr);
  EXPECT_EQ(static_cast<float*>(ferry_tensor_data(sum))[0], -2);
  ferry_tensor_free(x);
  ferry_tensor_free(sum);
}

TEST_F(CApi, NamesWhatIsWrong) {
  ferry_tensor* x = borrow(numbers_);
  ferry_tensor* wide = borrow(numbers_, 1, 4);
  ferry_tensor* y = nullptr;
  EXPECT_FAILS(run("z", x, "y", &y), FERRY_INVALID_ARGUMENT, "'x'");
  EXPECT_FAILS(run("x", x, "q", &y), FERRY_INVALID_ARGUMENT, "'q'");
  EXPECT_FAILS(run("x", nullptr, "y", &y), FERRY_INVALID_ARGUMENT, "'x' is NULL");
  EXPECT_FAILS(run("x", wide, "y", &y), FERRY_SHAPE_MISMATCH, "'x'");
  EXPECT_EQ(y, nullptr);
  ferry_tensor_free(x);
  ferry_tensor_free(wide);
}

TEST_F(CApi, IsCancelled) {
  ferry_cancel* cancel = nullptr;
  ASSERT_EQ(ferry_cancel_create(&cancel), nullptr);
  ferry_cancel_set(cancel);
  ferry_run_options options{};
  options.struct_size = sizeof options;
  options.cancel = cancel;
  ferry_tensor* x = borrow(numbers_);
  ferry_tensor* y = nullptr;
  EXPECT_FAILS(run("x", x, "y", &y, &options), FERRY_CANCELLED, "");
  ferry_tensor_free(x);
  ferry_cancel_free(cancel);
}

TEST(CApiAlone, LimitsOfALoad) {
  ferry_limits limits{};
  limits.struct_size = sizeof limits;
  ferry_load_options options{};
  options.struct_size = sizeof options;
  options.limits = &limits;
  ferry_model* model = nullptr;
  const auto load = [&] {
    return ferry_model_load_memory(kTestModel, sizeof kTestModel, &options, &model);
  };
  EXPECT_OK(load());  // zeros are the defaults
  ferry_model_free(model);
  limits.max_nodes = 1;
  EXPECT_FAILS(load(), FERRY_LIMIT_EXCEEDED, "more than 1 nodes");
  limits.max_nodes = 0;
  limits.max_file_bytes = 10;
  EXPECT_FAILS(load(), FERRY_LIMIT_EXCEEDED, "the limit is 10");
  limits.max_file_bytes = 0;
  limits.max_message_depth = 2;
  EXPECT_FAILS(load(), FERRY_LIMIT_EXCEEDED, "nested more than 2 deep");
  limits.struct_size = 0;
  EXPECT_FAILS(load(), FERRY_INVALID_ARGUMENT, "struct_size is 0");
}

TEST(CApiAlone, StrictLoading) {
  std::vector<unsigned char> twice(std::begin(kTestModel), std::end(kTestModel));
  const unsigned char entry[] = {114, 6, 10, 1, 'a', 18, 1, 'b'};  // a metadata property
  for (int i = 0; i < 2; ++i) twice.insert(twice.end(), std::begin(entry), std::end(entry));
  ferry_load_options options{};
  options.struct_size = sizeof options;
  ferry_model* model = nullptr;
  EXPECT_OK(ferry_model_load_memory(twice.data(), twice.size(), &options, &model));
  ferry_model_free(model);
  options.strict = 1;
  EXPECT_FAILS(ferry_model_load_memory(twice.data(), twice.size(), &options, &model),
               FERRY_INVALID_MODEL, "'a' is given twice");
  EXPECT_OK(ferry_model_load_memory(kTestModel, sizeof kTestModel, &options, &model));
  ferry_model_free(model);
}

TEST(CApiNull, HandlesHaveNothing) {
  EXPECT_EQ(ferry_model_input_count(nullptr), 0U);
  EXPECT_EQ(ferry_model_output_count(nullptr), 0U);
  EXPECT_EQ(ferry_tensor_dtype(nullptr), FERRY_UNDEFINED);
  EXPECT_EQ(ferry_tensor_rank(nullptr), 0U);
  EXPECT_EQ(ferry_tensor_dims(nullptr), nullptr);
  EXPECT_EQ(ferry_tensor_count(nullptr), 0);
  EXPECT_EQ(ferry_tensor_size_bytes(nullptr), 0U);
  EXPECT_EQ(ferry_tensor_data(nullptr), nullptr);
  EXPECT_EQ(ferry_tensor_const_data(nullptr), nullptr);
  EXPECT_EQ(ferry_status_code(nullptr), FERRY_OK);
  EXPECT_STREQ(ferry_status_message(nullptr), "Ok");
  ferry_cancel_set(nullptr);
  ferry_cancel_free(nullptr);
  ferry_tensor_free(nullptr);
  ferry_session_free(nullptr);
  ferry_model_free(nullptr);
  ferry_status_free(nullptr);
}

TEST_F(CApi, NullArgumentsAreErrors) {
  const ferry_code wrong = FERRY_INVALID_ARGUMENT;
  ferry_model* model = nullptr;
  ferry_tensor* tensor = nullptr;
  ferry_session* session = nullptr;
  EXPECT_FAILS(ferry_model_load(nullptr, nullptr, &model), wrong, "path is NULL");
  EXPECT_FAILS(ferry_model_load("x", nullptr, nullptr), wrong, "model is NULL");
  EXPECT_FAILS(ferry_model_load_memory(nullptr, 4, nullptr, &model), wrong, "data is NULL");
  EXPECT_FAILS(ferry_model_load_memory("x", 1, nullptr, nullptr), wrong, "model is NULL");
  EXPECT_FAILS(ferry_model_input(nullptr, 0, nullptr), wrong, "model is NULL");
  EXPECT_FAILS(ferry_model_input(model_, 0, nullptr), wrong, "info is NULL");
  EXPECT_FAILS(ferry_model_output(nullptr, 0, nullptr), wrong, "model is NULL");
  EXPECT_FAILS(ferry_model_output(model_, 0, nullptr), wrong, "info is NULL");
  EXPECT_FAILS(ferry_tensor_create(FERRY_FLOAT32, nullptr, 1, &tensor), wrong, "dims is NULL");
  EXPECT_FAILS(ferry_tensor_create(FERRY_FLOAT32, nullptr, 0, nullptr), wrong, "tensor is NULL");
  EXPECT_FAILS(ferry_tensor_borrow(FERRY_FLOAT32, nullptr, 0, nullptr, 4, &tensor), wrong,
               "data is NULL");
  EXPECT_FAILS(ferry_tensor_borrow(FERRY_FLOAT32, nullptr, 0, nullptr, 4, nullptr), wrong,
               "tensor is NULL");
  EXPECT_FAILS(ferry_tensor_string(nullptr, 0, nullptr, nullptr), wrong, "tensor is NULL");
  EXPECT_FAILS(ferry_tensor_set_string(nullptr, 0, nullptr, 0), wrong, "tensor is NULL");
  EXPECT_OK(ferry_tensor_create(FERRY_STRING, nullptr, 0, &tensor));
  EXPECT_FAILS(ferry_tensor_string(tensor, 0, nullptr, nullptr), wrong, "text is NULL");
  EXPECT_FAILS(ferry_tensor_set_string(tensor, 0, nullptr, 1), wrong, "text is NULL");
  EXPECT_FAILS(ferry_session_create(nullptr, nullptr, &session), wrong, "model is NULL");
  EXPECT_FAILS(ferry_session_create(model_, nullptr, nullptr), wrong, "session is NULL");
  EXPECT_FAILS(ferry_cancel_create(nullptr), wrong, "cancel is NULL");
  const char *x = "x", *y = "y", *none = nullptr;
  const ferry_tensor* no_tensor = nullptr;
  ferry_tensor* out = nullptr;
  EXPECT_FAILS(ferry_session_run(nullptr, nullptr, nullptr, 0, nullptr, nullptr, 0, nullptr), wrong,
               "session is NULL");
  EXPECT_FAILS(ferry_session_run(session_, nullptr, nullptr, 1, &y, &out, 1, nullptr), wrong,
               "input_names is NULL");
  EXPECT_FAILS(ferry_session_run(session_, &x, nullptr, 1, &y, &out, 1, nullptr), wrong,
               "inputs is NULL");
  EXPECT_FAILS(ferry_session_run(session_, &none, &no_tensor, 1, &y, &out, 1, nullptr), wrong,
               "input_names[0] is NULL");
  EXPECT_FAILS(ferry_session_run(session_, &x, &no_tensor, 1, &y, &out, 1, nullptr), wrong,
               "input 'x' is NULL");
  const ferry_tensor* given = tensor;
  EXPECT_FAILS(ferry_session_run(session_, &x, &given, 1, nullptr, &out, 1, nullptr), wrong,
               "output_names is NULL");
  EXPECT_FAILS(ferry_session_run(session_, &x, &given, 1, &y, nullptr, 1, nullptr), wrong,
               "outputs is NULL");
  EXPECT_FAILS(ferry_session_run(session_, &x, &given, 1, &none, &out, 1, nullptr), wrong,
               "output_names[0] is NULL");
  EXPECT_EQ(out, nullptr);
  ferry_tensor_free(tensor);
}

TEST_F(CApi, AMisspeltInputIsNamed) {
  ferry_tensor* tensor = nullptr;
  const int64_t dims[] = {1, 2};
  EXPECT_OK(ferry_tensor_create(FERRY_FLOAT32, dims, 2, &tensor));
  const char *name = "X", *y = "y", *sum = "Sum";
  const ferry_tensor* given = tensor;
  ferry_tensor* out = nullptr;
  EXPECT_FAILS(ferry_session_run(session_, &name, &given, 1, &y, &out, 1, nullptr),
               FERRY_INVALID_ARGUMENT,
               "the model has no input 'X'; its inputs are 'x'; did you mean 'x'?");
  name = "x";
  EXPECT_FAILS(ferry_session_run(session_, &name, &given, 1, &sum, &out, 1, nullptr),
               FERRY_INVALID_ARGUMENT,
               "no value named 'Sum'; its outputs are 'y'; did you mean 'sum'?");
  ferry_tensor_free(tensor);
}

TEST(Limits, AreSetByName) {
  ferry::Limits limits;
  EXPECT_TRUE(ferry::set_limit(limits, "max_nodes", 7).ok());
  EXPECT_TRUE(ferry::set_limit(limits, "max_rank", 5).ok());
  EXPECT_EQ(limits.max_nodes, 7U);
  EXPECT_EQ(limits.max_rank, 5U);
  EXPECT_NE(ferry::set_limit(limits, "max_joy", 1).message().find("max_graph_depth"),
            std::string::npos);
  EXPECT_EQ(ferry::set_limit(limits, "max_rank", uint64_t{1} << 32).code(),
            ferry::Code::kInvalidArgument);
}

TEST_F(CApi, BadOptionsAreErrors) {
  ferry_session_options options{};
  options.struct_size = sizeof options;
  options.isa = "abacus";
  ferry_session* session = nullptr;
  EXPECT_FAILS(ferry_session_create(model_, &options, &session), FERRY_INVALID_ARGUMENT, "abacus");
  options.isa = nullptr;
  options.threads = -1;
  EXPECT_FAILS(ferry_session_create(model_, &options, &session), FERRY_INVALID_ARGUMENT, "threads");
  EXPECT_EQ(session, nullptr);
}

TEST_F(CApi, TuningTimeIsTheDefaultUnlessNegative) {
  ferry_session_options options{};
  options.struct_size = sizeof options;
  for (const int32_t tuning_ms : {0, 5, -1}) {
    options.tuning_ms = tuning_ms;
    ferry_session* session = nullptr;
    ferry_status* status = ferry_session_create(model_, &options, &session);
    EXPECT_EQ(status, nullptr);
    ferry_session_free(session);
  }
}

TEST_F(CApi, AProgramIsKeptInAFolder) {
  std::string folder = (std::filesystem::temp_directory_path() / "ferry-c-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  ferry_session_options options{};
  options.struct_size = sizeof options;
  options.cache = folder.c_str();
  for (int i = 0; i < 2; ++i) {
    ferry_session* session = nullptr;
    ASSERT_EQ(ferry_session_create(model_, &options, &session), nullptr);
    ferry_session_free(session);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder),
                            std::filesystem::directory_iterator()),
              1);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
