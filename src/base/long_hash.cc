#include "base/long_hash.h"

#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

namespace tidemark {

// On x86 the header above makes it the library's function that looks at the processor.
std::uint64_t hash_long(std::string_view bytes) noexcept { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace tidemark
