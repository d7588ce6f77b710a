// Where declared states become tables: a backend at run time, a list of descriptors in a plan.
#pragma once

#include <memory>
#include <string>

#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/state/cow_domain.h"
#include "tidemark/detail/state/table.h"

namespace tidemark::detail {

class OperatorStates;
class TtlClock;

class StateBinder {
 public:
  virtual ~StateBinder() = default;

  /// The table of a state, made by `make` and owned by the binder; null in a plan. Throws Error for a name that is taken or
  /// that no state may have.
  virtual Table* bind(StateDescriptor descriptor, std::unique_ptr<Table> (*make)(CowDomain&)) = 0;

  /// The operator's KeyCursor<K>; null in a plan.
  virtual const void* cursor() const = 0;
  /// Canonical JSON of the operator's key type.
  virtual const std::string& key_schema() const = 0;

  /// What states with a time to live go by; null in a plan.
  virtual TtlClock* ttl_clock() { return nullptr; }

  /// Of a function that may have state without a key; null for the others.
  virtual OperatorStates* operator_states() { return nullptr; }
};

}  // namespace tidemark::detail
