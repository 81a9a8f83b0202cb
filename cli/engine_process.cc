// SPDX-License-Identifier: Apache-2.0
#include "engine_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>

#include "interruption.h"
#include "verb.h"

namespace ferry::cli {
namespace {

// Converting and compiling a large model may take minutes; a run of one may not.
constexpr double kReadySeconds = 600, kAnswerSeconds = 120;

using Clock = std::chrono::steady_clock;

std::string how_it_ended(pid_t process) {
  int status = 0;
  if (waitpid(process, &status, 0) != process) return "its process ended";
  if (WIFSIGNALED(status)) return fmt::format("its process died of signal {}", WTERMSIG(status));
  return fmt::format("its process ended with code {}", WEXITSTATUS(status));
}

}  // namespace

EngineProcess::EngineProcess(std::string name, const std::function<void()>& body)
    : name_(std::move(name)) {
  // An engine that dies is an error, not the end of this process.
  std::signal(SIGPIPE, SIG_IGN);
  int to[2], from[2];
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
    fail(Code::kIoError, "no pipes left");
  std::fflush(nullptr);
  process_ = fork();
  if (process_ == 0) {
    setpgid(0, 0);
    Interruption::reset();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    body();
    std::fflush(nullptr);
    _exit(0);
  }
  close(to[0]);
  close(from[1]);
  to_ = to[1];
  from_ = from[0];
  if (process_ < 0) fail(Code::kIoError, "no new process could be made");
  setpgid(process_, process_);
}

EngineProcess::~EngineProcess() { stop(); }

// With what it started: compilers, converters.
void EngineProcess::signal_group(int signal) const { kill(-process_, signal); }

Json EngineProcess::ready() {
  Json answer = read_line(kReadySeconds);
  signal_group(SIGSTOP);
  return answer;
}

Json EngineProcess::ask(const std::string& line) {
  signal_group(SIGCONT);
  const std::string text = line + "\n";
  if (write(to_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    fail(Code::kInternal, "{}: its process ended", name_);
  }
  Json answer = read_line(kAnswerSeconds);
  signal_group(SIGSTOP);
  return answer;
}

std::vector<double> EngineProcess::run(size_t count) {
  auto seconds = ask(std::to_string(count + 1)).get<std::vector<double>>();
  seconds.erase(seconds.begin());
  return seconds;
}

Json EngineProcess::memory() { return ask("memory"); }

Json EngineProcess::read_line(double patience_seconds) {
  const auto start = Clock::now();
  for (;;) {
    Interruption::check();
    if (const size_t end = buffered_.find('\n'); end != std::string::npos) {
      Json answer = Json::parse(buffered_.substr(0, end), nullptr, false);
      buffered_.erase(0, end + 1);
      if (answer.is_discarded()) fail(Code::kInternal, "{}: its answer is no JSON", name_);
      return answer;
    }
    const double left =
        patience_seconds - std::chrono::duration<double>(Clock::now() - start).count();
    pollfd wait = {from_, POLLIN, 0};
    if (left <= 0) {
      stop();
      fail(Code::kDeadlineExceeded, "{}: no answer within {} s", name_, patience_seconds);
    }
    // Not for longer: a signal may have come before the call.
    constexpr int kLookAgainMs = 200;
    if (poll(&wait, 1, kLookAgainMs) <= 0) continue;
    char chunk[4096];
    const ssize_t n = read(from_, chunk, sizeof chunk);
    if (n <= 0) {
      const std::string how = how_it_ended(process_);
      process_ = -1;
      stop();
      fail(Code::kInternal, "{}: {}", name_, how);
    }
    buffered_.append(chunk, static_cast<size_t>(n));
  }
}

void EngineProcess::stop() {
  if (process_ > 0) {
    signal_group(SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  if (to_ >= 0) close(to_);
  if (from_ >= 0) close(from_);
  to_ = from_ = -1;
  process_ = -1;
}

}  // namespace ferry::cli
