#include "env/allocator.h"

#include <malloc.h>

namespace tidemark {

void keep_freed_memory() {
#if defined(__GLIBC__)
  ::mallopt(M_TOP_PAD, 4 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
#endif
}

}  // namespace tidemark
