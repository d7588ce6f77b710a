// Random numbers as the kernel gives them: whoever knows some of them can't tell others. For tokens and ids; for all else a seeded
// generator is faster. Any thread.
#pragma once

#include <cstdint>

#include "env/env.h"

namespace tidemark {

class KernelRandom final : public Random {
 public:
  std::uint64_t next() override;
};

}  // namespace tidemark
