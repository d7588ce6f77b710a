#include "control/job_control.h"

#include <fmt/format.h>

namespace tidemark {

std::string text_of(const SnapshotOrder& order) {
  return fmt::format("{}{} {} {}", static_cast<int>(order.what), order.is_full ? " full" : "", static_cast<int>(order.then), order.dir);
}

}  // namespace tidemark
