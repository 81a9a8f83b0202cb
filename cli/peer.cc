// SPDX-License-Identifier: Apache-2.0
#include "peer.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "npz.h"
#include "verb.h"

namespace ferry::cli {
namespace {

constexpr const char* kProgram = R"py(
import sys, time
out = sys.stdout
sys.stdout = sys.stderr
try:
    import numpy as np
    import onnxruntime as ort
except ImportError as error:
    print("missing", str(error).replace("\n", " "), file=out, flush=True)
    sys.exit(0)
try:
    model, threads, inputs, *names = sys.argv[1:]
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    start = time.perf_counter()
    session = ort.InferenceSession(model, options, ["CPUExecutionProvider"])
    loaded = time.perf_counter() - start
    with np.load(inputs) as file:
        feed = {name: file[f"i{index}"] for index, name in enumerate(names)}
    session.run(None, feed)
except Exception as error:
    print("failed", str(error).replace("\n", " "), file=out, flush=True)
    sys.exit(0)
print("ready", loaded, ort.__version__, file=out, flush=True)
for line in sys.stdin:
    seconds = []
    for _ in range(int(line)):
        start = time.perf_counter()
        session.run(None, feed)
        seconds.append(time.perf_counter() - start)
    print(*seconds, file=out, flush=True)
)py";

std::string interpreter(const std::string& python) {
  if (!python.empty()) return python;
  if (const char* named = std::getenv("FERRY_PYTHON"); named != nullptr && *named != '\0')
    return named;
  if (const char* venv = std::getenv("VIRTUAL_ENV"); venv != nullptr && *venv != '\0') {
    return std::string(venv) + "/bin/python";
  }
  return "python3";
}

}  // namespace

Peer::Peer(const std::string& python, const std::string& model, const NamedValues& inputs,
           int threads) {
  NamedTensors arrays;
  std::string folder = (std::filesystem::temp_directory_path() / "ferry_bench_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) fail(Code::kIoError, "{}: no temporary folder", folder);
  folder_ = folder;
  std::vector<std::string> arguments = {model, std::to_string(threads), folder + "/inputs.npz"};
  for (const auto& [name, value] : inputs) {
    if (!value.is_tensor())
      fail(Code::kUnsupportedType, "onnxruntime: input '{}' is no tensor", name);
    arrays.emplace_back(fmt::format("i{}", arrays.size()), value.tensor());
    arguments.push_back(name);
  }
  std::vector<std::string> notes;
  write_npz(arguments[2], arrays, notes);
  const std::string program = interpreter(python);
  start(program, arguments);
  std::istringstream line(read_line());
  std::string word, rest;
  line >> word;
  if (word != "ready") {
    std::getline(line, rest);
    stop();
    if (word == "failed") fail(Code::kInvalidArgument, "onnxruntime:{}", rest);
    fail(Code::kInvalidArgument,
         "onnxruntime is not importable by '{}'{}{}; pip install onnxruntime, "
         "or name an interpreter with --python",
         program, rest.empty() ? "" : ":", rest);
  }
  line >> load_seconds_ >> version_;
  kill(process_, SIGSTOP);
}

Peer::~Peer() { stop(); }

void Peer::start(const std::string& python, const std::vector<std::string>& arguments) {
  int to[2], from[2];
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
    fail(Code::kIoError, "no pipes left");
  std::vector<char*> words = {const_cast<char*>(python.c_str()), const_cast<char*>("-c"),
                              const_cast<char*>(kProgram)};
  for (const std::string& a : arguments) words.push_back(const_cast<char*>(a.c_str()));
  words.push_back(nullptr);
  process_ = fork();
  if (process_ == 0) {
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    execvp(words[0], words.data());
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  to_ = fdopen(to[1], "w");
  from_ = fdopen(from[0], "r");
  // A peer that dies is an error, not the end of this process.
  std::signal(SIGPIPE, SIG_IGN);
  if (process_ < 0) fail(Code::kIoError, "no new process could be made");
}

std::string Peer::read_line() {
  std::string line;
  for (int c = std::fgetc(from_); c != EOF && c != '\n'; c = std::fgetc(from_)) {
    line += static_cast<char>(c);
  }
  return line;
}

std::vector<double> Peer::run(size_t count) {
  kill(process_, SIGCONT);
  fmt::print(to_, "{}\n", count);
  std::fflush(to_);
  std::istringstream line(read_line());
  kill(process_, SIGSTOP);
  std::vector<double> seconds;
  for (double s = 0; line >> s;) seconds.push_back(s);
  if (seconds.size() != count) fail(Code::kInternal, "onnxruntime: its process ended");
  return seconds;
}

void Peer::stop() {
  if (to_ != nullptr) std::fclose(to_);
  if (process_ > 0) {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  if (from_ != nullptr) std::fclose(from_);
  to_ = from_ = nullptr;
  process_ = -1;
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  folder_.clear();
}

}  // namespace ferry::cli
