#include "env/temporary_folder.h"

#include <cstdlib>

namespace tidemark {

std::string temporary_folder() {
  const char* const folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

}  // namespace tidemark
