#include "base/version.h"

namespace tidemark {

std::string_view library_version() noexcept { return TIDEMARK_VERSION; }

}  // namespace tidemark
