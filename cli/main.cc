// SPDX-License-Identifier: Apache-2.0
// The command `ferry`.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <new>
#include <system_error>

#include "base/nearest.h"
#include "ferry/version.h"
#include "verb.h"

namespace {

constexpr const char* kFooter = R"(
examples:
  ferry check net.onnx                          is the model supported here?
  ferry info net.onnx                           what does it take, give and cost?
  ferry run net.onnx --image in.png -o out.png  run it on a picture
  ferry run net.onnx -i x=x.npy -o y.npz        run it on tensors
  ferry optimize net.onnx -o out.onnx           write it with less to compute
  ferry bench net.onnx --vs onnxruntime         how fast is it?

exit codes: 0 ok, 1 the model or an input is wrong, 2 the command line is wrong.
`ferry VERB --help` explains a verb.)";

std::string verb_of(const CLI::App& app) {
  for (const CLI::App* sub : app.get_subcommands()) return "ferry " + sub->get_name();
  return "ferry";
}

// "; did you mean '--threads'?" for the first word that is no option of the verb, or "".
std::string suggestion(const CLI::App& verb, const std::vector<std::string>& words) {
  std::vector<std::string> options;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  }
  for (const std::string& word : words) {
    if (word.starts_with("--")) return ferry::did_you_mean(word.substr(0, word.find('=')), options);
  }
  return "";
}

// CLI11 takes a word that is no verb for a missing one, and does not name it.
std::string message_of(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> words = app.remaining(true);
  for (const CLI::App* verb : app.get_subcommands()) {
    const bool unexpected = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
    return error.what() + (unexpected ? suggestion(*verb, words) : "");
  }
  std::string verbs;
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands(nullptr)) {
    names.push_back(verb->get_name());
    verbs += (verbs.empty() ? "" : ", ") + names.back();
  }
  if (words.empty()) return "a verb is missing; the verbs are " + verbs;
  const char* kind = words[0].starts_with("-") ? "option" : "verb";
  const std::string near = ferry::did_you_mean(words[0], names);
  return fmt::format("there is no {} '{}'{} {}", kind, words[0],
                     near.empty() ? "; the verbs are" : near + " The verbs are", verbs);
}

// The exit code, when all that was printed has gone where it should.
int finish(int code, const std::string& verb) {
  if (std::cout.flush() && std::fflush(stdout) == 0) return code;
  std::fprintf(stderr, "%s: IoError: standard output could not be written\n", verb.c_str());
  return ferry::cli::kExitError;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Ferry runs ONNX models on this machine.", "ferry");
  app.set_version_flag("--version", std::string("ferry ") + ferry::version());
  app.footer(kFooter);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  int code = ferry::cli::kExitOk;
  try {
    ferry::cli::add_run(app, code);
    ferry::cli::add_info(app, code);
    ferry::cli::add_check(app, code);
    ferry::cli::add_optimize(app, code);
    ferry::cli::add_bench(app, code);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error);
      return finish(ferry::cli::kExitOk, verb_of(app));
    }
    const std::string verb = verb_of(app);
    std::fprintf(stderr, "%s: %s\nTry '%s --help'.\n", verb.c_str(), message_of(app, error).c_str(),
                 verb.c_str());
    return ferry::cli::kExitUsage;
  } catch (const ferry::Error& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s: %s\n", verb_of(app).c_str(), error.status().to_string().c_str());
    return ferry::cli::kExitError;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: OutOfMemory: the machine's memory is used up\n",
                 verb_of(app).c_str());
    return ferry::cli::kExitError;
  } catch (const std::system_error& error) {
    // The results did not fit where they were printed to.
    std::fprintf(stderr, "%s: IoError: %s\n", verb_of(app).c_str(), error.what());
    return ferry::cli::kExitError;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: Internal: %s\n", verb_of(app).c_str(), error.what());
    return ferry::cli::kExitError;
  }
  return finish(code, verb_of(app));
}
