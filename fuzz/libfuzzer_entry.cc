// What libFuzzer calls: the one target that is linked in.
#include <cstddef>
#include <cstdint>

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const tidemark::fuzz::Target target = tidemark::fuzz::targets().begin()->second;
  target({reinterpret_cast<const char*>(data), size});
  return 0;
}
