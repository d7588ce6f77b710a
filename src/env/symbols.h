// The names of functions of this process, by addresses in them: from the symbol tables of its executable and its libraries, which are
// read when the first address of each is asked for.
//
// One owner, any thread; not in a signal's handler. A table that can't be read gives no names.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tidemark {

class Symbols {
 public:
  Symbols();
  ~Symbols();
  Symbols(const Symbols&) = delete;
  Symbols& operator=(const Symbols&) = delete;

  /// "tidemark::Task::step() (my_job+0x1a2b3c)": the function, as far as it is known, and the place, as addr2line takes it.
  std::string describe(std::uintptr_t address);

 private:
  class Module;
  std::vector<std::unique_ptr<Module>> modules_;
};

}  // namespace tidemark
