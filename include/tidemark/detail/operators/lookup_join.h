// The look-up join: async I/O that asks for the rows of a record's key, and makes a result of the record and each of them.
// Keys are asked for one by one; rows that the cache knows need no request.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/async_function.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/operators/join_kind.h"
#include "tidemark/detail/operators/lookup_cache.h"
#include "tidemark/detail/operators/owned_rows.h"
#include "tidemark/detail/state/operator_context.h"
#include "tidemark/out.h"

namespace tidemark::detail {

template <JoinKind kKind, class In, class KeyFn, class Asker, class F>
class LookupJoin {
  using Key = std::decay_t<std::invoke_result_t<const KeyFn&, const In&>>;
  static_assert(std::is_same_v<Key, typename Asker::Argument>);

 public:
  using Input = In;
  using Row = typename Asker::Row;
  using Output = typename JoinRow<kKind, In, Row, F>::Type;
  using Rows = std::shared_ptr<const OwnedRows<Row>>;

  struct Make {
    KeyFn key;
    LookupCachePolicy cache;
    typename Asker::Make asker;
    F f;
  };

  LookupJoin(Declare& declare, const Make& make) : key_{make.key}, cache_{make.cache}, asker_{declare, make.asker}, row_{make.f} {}

  void open(OperatorContext& context) {
    env_ = context.env;
    asker_.open(context);
  }
  bool has_room() { return asker_.has_room(); }
  Rows known(const In& record) { return cache_.find(encoded_key(record), steady_time_ns(*env_)); }
  void ask(const In& record, AsyncResult<Row> result) { asker_.ask(std::invoke(key_, record), std::move(result)); }
  std::vector<Row> timed_out(const In& record) { return asker_.timed_out(std::invoke(key_, record)); }
  std::vector<Row> failed(const In& record, const Error& error) { return asker_.failed(std::invoke(key_, record), error); }
  void learn(const In& record, const Rows& rows) { cache_.put(encoded_key(record), rows, steady_time_ns(*env_)); }

  void hand_on(const In& record, const std::vector<Row>& rows, Out<Output>& out) {
    for (const Row& row : rows) out.emit(row_(&record, &row));
    if constexpr (gives_alone(kKind, true)) {
      if (rows.empty()) out.emit(row_(&record, nullptr));
    }
  }

 private:
  std::string encoded_key(const In& record) const {
    ByteWriter encoded;
    KeyCodec<Key>::encode(std::invoke(key_, record), encoded);
    return encoded.take();
  }

  KeyFn key_;
  LookupCache<Row> cache_;
  Asker asker_;
  JoinRow<kKind, In, Row, F> row_;
  const Env* env_ = nullptr;
};

}  // namespace tidemark::detail
