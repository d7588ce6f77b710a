#include "tidemark/detail/state/key_cursor.h"

#include "tidemark/error.h"

namespace tidemark::detail {

void fail_without_key() {
  throw Error{ErrorCode::kInvalidArgument,
              "a state of keys was used where there is no key, such as in open() or process_broadcast(): use it in process() and in timers; what holds for all "
              "keys belongs into a BroadcastState"};
}

}  // namespace tidemark::detail
