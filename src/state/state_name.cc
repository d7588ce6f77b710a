#include "state/state_name.h"

#include <fmt/format.h>

#include "tidemark/detail/codec/type.h"
#include "tidemark/error.h"

namespace tidemark::detail {

void check_state_name(const std::string& name, bool taken) {
  if (!is_valid_name(name)) {
    throw Error{ErrorCode::kInvalidArgument,
                fmt::format("a state can't be named '{}': use 1 to 128 letters, digits, '.', '_' and '-'", name)};
  }
  if (taken) {
    throw Error{ErrorCode::kInvalidArgument,
                fmt::format("two states of one operator are named '{}' (one may be the operator's own): rename yours", name)};
  }
}

}  // namespace tidemark::detail
