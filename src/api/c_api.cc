// SPDX-License-Identifier: Apache-2.0
#include "ferry/c_api.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "ferry/ferry.h"

struct ferry_status {
  ferry::Status status;
  std::string text;
};

namespace {
// ValueInfo with its dims as C arrays.
struct ValueView {
  const ferry::ValueInfo* info = nullptr;
  std::vector<int64_t> dims;
  std::vector<const char*> symbols;
};
}  // namespace

struct ferry_model {
  ferry::Model model;
  std::vector<ValueView> inputs, outputs;
};

struct ferry_session {
  ferry::Session session;
};

struct ferry_tensor {
  ferry::Tensor tensor;
};

struct ferry_cancel {
  std::atomic<bool> flag{false};
};

namespace {

using ferry::invalid_argument;
using ferry::Status;

// What is returned when there is no memory for a status; never freed.
ferry_status* no_memory() noexcept {
  static ferry_status status{Status(ferry::Code::kOutOfMemory, ""), "OutOfMemory"};
  return &status;
}

ferry_status* to_c(Status status) {
  if (status.ok()) return nullptr;
  std::string text = status.to_string();
  return new ferry_status{std::move(status), std::move(text)};
}

// Runs f() -> Status; nothing thrown leaves it.
template <class F>
ferry_status* guarded(const F& f) noexcept {
  try {
    try {
      return to_c(f());
    } catch (const std::bad_alloc&) {
      return to_c(Status(ferry::Code::kOutOfMemory, "the machine's memory is used up"));
    } catch (const std::length_error&) {
      return to_c(Status(ferry::Code::kOutOfMemory, "a list longer than memory was wanted"));
    } catch (const std::exception& e) {
      return to_c(Status(ferry::Code::kInternal, e.what()));
    }
  } catch (...) {
    return no_memory();
  }
}

// The caller's options at the size it was compiled with; newer fields keep their zero.
template <class T>
Status read_options(const T* given, T& options) {
  if (given == nullptr) return {};
  if (given->struct_size < sizeof(size_t)) {
    return invalid_argument("options: struct_size is {}; set it to sizeof the struct",
                            given->struct_size);
  }
  std::memcpy(&options, given, std::min(given->struct_size, sizeof(T)));
  return {};
}

Status need(const void* pointer, const char* name) {
  return pointer != nullptr ? Status() : invalid_argument("{} is NULL", name);
}

std::vector<ValueView> views_of(const std::vector<ferry::ValueInfo>& infos) {
  std::vector<ValueView> views;
  for (const ferry::ValueInfo& info : infos) {
    ValueView v{&info, {}, {}};
    for (const ferry::DimInfo& d : info.dims) {
      v.dims.push_back(d.size);
      v.symbols.push_back(d.symbol.c_str());
    }
    views.push_back(std::move(v));
  }
  return views;
}

Status fill_info(const std::vector<ValueView>& views, size_t index, const char* what,
                 ferry_value_info* info) {
  FERRY_RETURN_IF_ERROR(need(info, "info"));
  if (index >= views.size()) {
    return invalid_argument("the model has {} {}s, there is no {} {}", views.size(), what, what,
                            index);
  }
  if (info->struct_size < sizeof(size_t)) {
    return invalid_argument("info: struct_size is {}; set it to sizeof the struct",
                            info->struct_size);
  }
  const ValueView& v = views[index];
  const ferry_value_info full = {
      info->struct_size,
      v.info->name.c_str(),
      v.info->type.c_str(),
      static_cast<ferry_dtype>(v.info->is_tensor ? v.info->dtype : ferry::DType::kUndefined),
      v.info->has_rank ? static_cast<int32_t>(v.dims.size()) : -1,
      v.dims.data(),
      v.symbols.data(),
      v.info->optional ? 1 : 0};
  std::memcpy(info, &full, std::min(info->struct_size, sizeof(full)));
  return {};
}

Status read_limits(const ferry_limits* given, ferry::Limits& limits) {
  ferry_limits l{};
  FERRY_RETURN_IF_ERROR(read_options(given, l));
  const auto set = [](auto value, auto& field) {
    if (value != 0) field = value;
  };
  set(l.max_file_bytes, limits.max_file_bytes);
  set(l.max_message_depth, limits.max_message_depth);
  set(l.max_graph_depth, limits.max_graph_depth);
  set(l.max_nodes, limits.max_nodes);
  set(l.max_values, limits.max_values);
  set(l.max_rank, limits.max_rank);
  set(l.max_inline_growth, limits.max_inline_growth);
  set(l.max_inline_extra_nodes, limits.max_inline_extra_nodes);
  return {};
}

ferry::Result<ferry::LoadOptions> load_options(const ferry_load_options* given) {
  ferry_load_options o{};
  FERRY_RETURN_IF_ERROR(read_options(given, o));
  ferry::LoadOptions options;
  options.map = o.copy == 0;
  options.strict = o.strict != 0;
  FERRY_RETURN_IF_ERROR(read_limits(o.limits, options.limits));
  options.memory_limit_bytes = o.memory_limit_bytes;
  if (o.external_folder != nullptr) options.external_folder = o.external_folder;
  if (o.external_buffer_count > 0)
    FERRY_RETURN_IF_ERROR(need(o.external_buffers, "external_buffers"));
  for (size_t i = 0; i < o.external_buffer_count; ++i) {
    const ferry_external_buffer& b = o.external_buffers[i];
    FERRY_RETURN_IF_ERROR(need(b.name, "the name of an external buffer"));
    if (b.size_bytes > 0) FERRY_RETURN_IF_ERROR(need(b.data, "the data of an external buffer"));
    options.external_buffers[b.name] = {static_cast<const std::byte*>(b.data), b.size_bytes};
  }
  return options;
}

Status finish_load(ferry::Result<ferry::Model> loaded, ferry_model** model) {
  if (!loaded.ok()) return std::move(loaded).status();
  auto made = std::make_unique<ferry_model>(ferry_model{*std::move(loaded), {}, {}});
  made->inputs = views_of(made->model.inputs());
  made->outputs = views_of(made->model.outputs());
  *model = made.release();
  return {};
}

ferry::Result<ferry::Dims> dims_of(ferry_dtype dtype, const int64_t* dims, size_t rank) {
  if (dtype <= FERRY_UNDEFINED || static_cast<int>(dtype) >= ferry::kNumDTypes) {
    return invalid_argument("{} is no element type", static_cast<int>(dtype));
  }
  if (rank > ferry::Dims::kMaxRank) {
    return invalid_argument("rank is {}, wanted at most {}", rank, ferry::Dims::kMaxRank);
  }
  if (rank > 0) FERRY_RETURN_IF_ERROR(need(dims, "dims"));
  return ferry::Dims(std::span(dims, rank));
}

// Bytes of a tensor that is not allocated. Errors as Tensor::allocate.
ferry::Result<size_t> bytes_of(ferry::DType type, const ferry::Dims& dims) {
  uint64_t bits = static_cast<uint64_t>(ferry::dtype_bits(type));
  for (int64_t d : dims) {
    if (d < 0) return invalid_argument("a dim is {}, wanted 0 or more", d);
    if (__builtin_mul_overflow(bits, static_cast<uint64_t>(d), &bits)) {
      return ferry::limit_exceeded("the size of {} overflows", dims.to_string());
    }
  }
  return static_cast<size_t>(bits / 8 + (bits % 8 != 0 ? 1 : 0));
}

struct RunCall {
  ferry::NamedValues inputs;
  std::vector<std::string> names;
};

ferry::Result<RunCall> read_call(const char* const* input_names, const ferry_tensor* const* inputs,
                                 size_t input_count, const char* const* output_names,
                                 ferry_tensor** outputs, size_t output_count) {
  RunCall call;
  if (input_count > 0) {
    FERRY_RETURN_IF_ERROR(need(input_names, "input_names"));
    FERRY_RETURN_IF_ERROR(need(inputs, "inputs"));
  }
  for (size_t i = 0; i < input_count; ++i) {
    if (input_names[i] == nullptr) return invalid_argument("input_names[{}] is NULL", i);
    if (inputs[i] == nullptr) return invalid_argument("input '{}' is NULL", input_names[i]);
    if (!call.inputs.emplace(input_names[i], inputs[i]->tensor).second) {
      return invalid_argument("input '{}' is given twice", input_names[i]);
    }
  }
  if (output_count > 0) {
    FERRY_RETURN_IF_ERROR(need(output_names, "output_names"));
    FERRY_RETURN_IF_ERROR(need(outputs, "outputs"));
  }
  for (size_t i = 0; i < output_count; ++i) {
    if (output_names[i] == nullptr) return invalid_argument("output_names[{}] is NULL", i);
    if (std::find(call.names.begin(), call.names.end(), output_names[i]) != call.names.end()) {
      return invalid_argument("output '{}' is asked for twice", output_names[i]);
    }
    call.names.emplace_back(output_names[i]);
  }
  return call;
}

// True when the names are the model's outputs in order: the plan that exists already.
bool are_model_outputs(const ferry::Session& session, const std::vector<std::string>& names) {
  const auto& outputs = session.outputs();
  return outputs.size() == names.size() &&
         std::equal(names.begin(), names.end(), outputs.begin(),
                    [](const std::string& n, const ferry::ValueInfo& v) { return n == v.name; });
}

// Inputs in model order; a none where the caller gave nothing.
std::vector<ferry::Value> in_order(const ferry::Session& session, const ferry::NamedValues& given) {
  std::vector<ferry::Value> values;
  for (const ferry::ValueInfo& v : session.inputs()) {
    const auto it = given.find(v.name);
    values.push_back(it == given.end() ? ferry::Value() : it->second);
  }
  return values;
}

bool all_known(const ferry::Session& session, const ferry::NamedValues& given) {
  size_t known = 0;
  for (const ferry::ValueInfo& v : session.inputs()) {
    const bool has = given.contains(v.name);
    if (!has && !v.optional) return false;
    known += has ? 1 : 0;
  }
  return known == given.size();
}

// The results in the order of call.names. Tensors in `outputs` are written in place where the
// engine can, which is when they are the model's own outputs.
ferry::Result<std::vector<ferry::Value>> run_call(const ferry::Session& session,
                                                  const RunCall& call, ferry_tensor** outputs,
                                                  const ferry::RunOptions& options) {
  std::vector<ferry::Value> results;
  if (are_model_outputs(session, call.names) && all_known(session, call.inputs)) {
    for (size_t i = 0; i < call.names.size(); ++i) {
      results.push_back(outputs[i] != nullptr ? ferry::Value(outputs[i]->tensor) : ferry::Value());
    }
    FERRY_RETURN_IF_ERROR(session.run(in_order(session, call.inputs), results, options));
    return results;
  }
  FERRY_ASSIGN_OR_RETURN(ferry::NamedValues named, session.run(call.inputs, call.names, options));
  for (const std::string& name : call.names) results.push_back(std::move(named[name]));
  return results;
}

Status copy_into(const std::string& name, const ferry::Tensor& result, ferry::Tensor& given) {
  if (given.dtype() != result.dtype() || !(given.dims() == result.dims())) {
    return ferry::shape_mismatch("output '{}' is {}, the tensor given for it is {}", name,
                                 result.describe(), given.describe());
  }
  if (given.raw() == result.raw()) return {};
  if (given.dtype() == ferry::DType::kString) {
    std::copy_n(result.data<std::string>(), result.count(), given.data<std::string>());
  } else if (result.size_bytes() > 0) {
    std::memcpy(given.raw(), result.raw(), result.size_bytes());
  }
  return {};
}

Status deliver(const RunCall& call, std::vector<ferry::Value>& results, ferry_tensor** outputs) {
  std::vector<std::unique_ptr<ferry_tensor>> made(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    if (!results[i].is_tensor()) {
      return ferry::unsupported_type("output '{}' is {}, which the C interface does not carry",
                                     call.names[i], results[i].describe());
    }
    if (outputs[i] != nullptr) {
      FERRY_RETURN_IF_ERROR(copy_into(call.names[i], results[i].tensor(), outputs[i]->tensor));
    } else {
      made[i] = std::make_unique<ferry_tensor>(ferry_tensor{std::move(results[i].tensor())});
    }
  }
  for (size_t i = 0; i < made.size(); ++i) {
    if (made[i]) outputs[i] = made[i].release();
  }
  return {};
}

// An undefined one for NULL.
const ferry::Tensor& tensor_of(const ferry_tensor* tensor) {
  static const ferry::Tensor none;
  return tensor == nullptr ? none : tensor->tensor;
}

Status check_string(const ferry_tensor* tensor, int64_t index) {
  FERRY_RETURN_IF_ERROR(need(tensor, "tensor"));
  if (tensor->tensor.dtype() != ferry::DType::kString) {
    return invalid_argument("{} holds no strings", tensor->tensor.describe());
  }
  if (index < 0 || index >= tensor->tensor.count()) {
    return invalid_argument("{} has no element {}", tensor->tensor.describe(), index);
  }
  return {};
}

}  // namespace

const char* ferry_version(void) { return ferry::version(); }

ferry_code ferry_status_code(const ferry_status* status) {
  return status == nullptr ? FERRY_OK : static_cast<ferry_code>(status->status.code());
}

const char* ferry_status_message(const ferry_status* status) {
  return status == nullptr ? "Ok" : status->text.c_str();
}

void ferry_status_free(ferry_status* status) {
  if (status != no_memory()) delete status;
}

ferry_status* ferry_model_load(const char* path, const ferry_load_options* options,
                               ferry_model** model) {
  return guarded([&]() -> Status {
    FERRY_RETURN_IF_ERROR(need(path, "path"));
    FERRY_RETURN_IF_ERROR(need(model, "model"));
    FERRY_ASSIGN_OR_RETURN(const ferry::LoadOptions o, load_options(options));
    return finish_load(ferry::Model::load(path, o), model);
  });
}

ferry_status* ferry_model_load_memory(const void* data, size_t size_bytes,
                                      const ferry_load_options* options, ferry_model** model) {
  return guarded([&]() -> Status {
    FERRY_RETURN_IF_ERROR(need(data, "data"));
    FERRY_RETURN_IF_ERROR(need(model, "model"));
    FERRY_ASSIGN_OR_RETURN(const ferry::LoadOptions o, load_options(options));
    const std::span bytes(static_cast<const std::byte*>(data), size_bytes);
    return finish_load(ferry::Model::from_memory(bytes, o), model);
  });
}

void ferry_model_free(ferry_model* model) { delete model; }

size_t ferry_model_input_count(const ferry_model* model) {
  return model == nullptr ? 0 : model->inputs.size();
}
size_t ferry_model_output_count(const ferry_model* model) {
  return model == nullptr ? 0 : model->outputs.size();
}

ferry_status* ferry_model_input(const ferry_model* model, size_t index, ferry_value_info* info) {
  return guarded([&]() -> Status {
    FERRY_RETURN_IF_ERROR(need(model, "model"));
    return fill_info(model->inputs, index, "input", info);
  });
}

ferry_status* ferry_model_output(const ferry_model* model, size_t index, ferry_value_info* info) {
  return guarded([&]() -> Status {
    FERRY_RETURN_IF_ERROR(need(model, "model"));
    return fill_info(model->outputs, index, "output", info);
  });
}

ferry_status* ferry_tensor_create(ferry_dtype dtype, const int64_t* dims, size_t rank,
                                  ferry_tensor** tensor) {
  return guarded([&]() -> Status {
    FERRY_RETURN_IF_ERROR(need(tensor, "tensor"));
    FERRY_ASSIGN_OR_RETURN(const ferry::Dims d, dims_of(dtype, dims, rank));
    const auto type = static_cast<ferry::DType>(dtype);
    FERRY_ASSIGN_OR_RETURN(ferry::Tensor made, ferry::Tensor::allocate(type, d));
    if (type != ferry::DType::kString && made.size_bytes() > 0) {
      std::memset(made.raw(), 0, made.size_bytes());
    }
    *tensor = new ferry_tensor{std::move(made)};
    return {};
  });
}

ferry_status* ferry_tensor_borrow(ferry_dtype dtype, const int64_t* dims, size_t rank, void* data,
                                  size_t size_bytes, ferry_tensor** tensor) {
  return guarded([&]() -> Status {
    FERRY_RETURN_IF_ERROR(need(tensor, "tensor"));
    FERRY_ASSIGN_OR_RETURN(const ferry::Dims d, dims_of(dtype, dims, rank));
    const auto type = static_cast<ferry::DType>(dtype);
    if (type == ferry::DType::kString) {
      return invalid_argument("strings cannot be borrowed; use ferry_tensor_create");
    }
    FERRY_ASSIGN_OR_RETURN(const size_t bytes, bytes_of(type, d));
    if (size_bytes < bytes) {
      return invalid_argument("{}{} takes {} bytes, size_bytes is {}", ferry::dtype_name(type),
                              d.to_string(), bytes, size_bytes);
    }
    if (bytes > 0) FERRY_RETURN_IF_ERROR(need(data, "data"));
    *tensor = new ferry_tensor{ferry::Tensor::borrow(type, d, data)};
    return {};
  });
}

void ferry_tensor_free(ferry_tensor* tensor) { delete tensor; }

ferry_dtype ferry_tensor_dtype(const ferry_tensor* tensor) {
  return static_cast<ferry_dtype>(tensor_of(tensor).dtype());
}
size_t ferry_tensor_rank(const ferry_tensor* tensor) { return tensor_of(tensor).rank(); }
const int64_t* ferry_tensor_dims(const ferry_tensor* tensor) {
  return tensor == nullptr ? nullptr : tensor->tensor.dims().begin();
}
int64_t ferry_tensor_count(const ferry_tensor* tensor) { return tensor_of(tensor).count(); }

size_t ferry_tensor_size_bytes(const ferry_tensor* tensor) {
  const ferry::Tensor& t = tensor_of(tensor);
  return t.dtype() == ferry::DType::kString ? 0 : t.size_bytes();
}

void* ferry_tensor_data(ferry_tensor* tensor) {
  return const_cast<void*>(ferry_tensor_const_data(tensor));
}

const void* ferry_tensor_const_data(const ferry_tensor* tensor) {
  const ferry::Tensor& t = tensor_of(tensor);
  return t.dtype() == ferry::DType::kString ? nullptr : t.raw();
}

ferry_status* ferry_tensor_string(const ferry_tensor* tensor, int64_t index, const char** text,
                                  size_t* size_bytes) {
  return guarded([&]() -> Status {
    FERRY_RETURN_IF_ERROR(check_string(tensor, index));
    FERRY_RETURN_IF_ERROR(need(text, "text"));
    const std::string& s = tensor->tensor.data<std::string>()[index];
    *text = s.c_str();
    if (size_bytes != nullptr) *size_bytes = s.size();
    return {};
  });
}

ferry_status* ferry_tensor_set_string(ferry_tensor* tensor, int64_t index, const char* text,
                                      size_t size_bytes) {
  return guarded([&]() -> Status {
    FERRY_RETURN_IF_ERROR(check_string(tensor, index));
    if (size_bytes > 0) FERRY_RETURN_IF_ERROR(need(text, "text"));
    tensor->tensor.data<std::string>()[index].assign(size_bytes > 0 ? text : "", size_bytes);
    return {};
  });
}

ferry_status* ferry_session_create(const ferry_model* model, const ferry_session_options* options,
                                   ferry_session** session) {
  return guarded([&]() -> Status {
    FERRY_RETURN_IF_ERROR(need(model, "model"));
    FERRY_RETURN_IF_ERROR(need(session, "session"));
    ferry_session_options o{};
    FERRY_RETURN_IF_ERROR(read_options(options, o));
    ferry::SessionOptions chosen;
    chosen.threads = o.threads;
    chosen.accuracy = o.exact != 0 ? ferry::Accuracy::kExact : ferry::Accuracy::kFast;
    chosen.prefer = o.prefer_memory != 0 ? ferry::Prefer::kMemory : ferry::Prefer::kSpeed;
    chosen.optimize = o.no_optimize == 0;
    chosen.reference_kernels = o.reference_kernels != 0;
    chosen.memory_limit_bytes = o.memory_limit_bytes;
    if (o.max_fold_bytes_per_value != 0) {
      chosen.max_fold_bytes_per_value = o.max_fold_bytes_per_value;
    }
    chosen.max_fold_bytes = o.max_fold_bytes;
    if (o.isa != nullptr) chosen.isa = o.isa;
    if (o.tuning_ms != 0) chosen.tuning_ms = std::max(o.tuning_ms, 0);
    if (o.cache != nullptr) chosen.cache = o.cache;
    chosen.cache_limit_bytes = o.cache_limit_bytes;
    chosen.verify_cache = o.verify_cache != 0;
    FERRY_ASSIGN_OR_RETURN(ferry::Session made, ferry::Session::create(model->model, chosen));
    *session = new ferry_session{std::move(made)};
    return {};
  });
}

ferry_status* ferry_cancel_create(ferry_cancel** cancel) {
  return guarded([&]() -> Status {
    FERRY_RETURN_IF_ERROR(need(cancel, "cancel"));
    *cancel = new ferry_cancel;
    return {};
  });
}

void ferry_cancel_set(ferry_cancel* cancel) {
  if (cancel != nullptr) cancel->flag = true;
}
void ferry_cancel_free(ferry_cancel* cancel) { delete cancel; }

void ferry_session_free(ferry_session* session) { delete session; }

ferry_status* ferry_session_run(ferry_session* session, const char* const* input_names,
                                const ferry_tensor* const* inputs, size_t input_count,
                                const char* const* output_names, ferry_tensor** outputs,
                                size_t output_count, const ferry_run_options* options) {
  return guarded([&]() -> Status {
    FERRY_RETURN_IF_ERROR(need(session, "session"));
    ferry_run_options o{};
    FERRY_RETURN_IF_ERROR(read_options(options, o));
    FERRY_ASSIGN_OR_RETURN(const RunCall call, read_call(input_names, inputs, input_count,
                                                         output_names, outputs, output_count));
    ferry::RunOptions run_options;
    if (o.cancel != nullptr) run_options.cancel = &o.cancel->flag;
    run_options.timeout = std::chrono::nanoseconds(o.timeout_ns);
    FERRY_ASSIGN_OR_RETURN(std::vector<ferry::Value> results,
                           run_call(session->session, call, outputs, run_options));
    return deliver(call, results, outputs);
  });
}
