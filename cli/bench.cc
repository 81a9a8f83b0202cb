#include "verb.h"
namespace ferry::cli {
void add_bench(CLI::App&, int&) {}
}
