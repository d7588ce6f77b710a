// Two sources one after the other: what has been, from files, and then what comes.
//
//   job.from(hybrid(read_files<Order>("archive/*.ndjson").event_time(&Order::at),
//                   own_source<Orders>(url).event_time(&Order::at, out_of_order_by(2s)))).uid("orders")
#pragma once

#include <memory>
#include <type_traits>

#include "tidemark/detail/connectors/argument_checks.h"
#include "tidemark/detail/connectors/hybrid_source.h"

namespace tidemark {

/// Reads `first` to its end, in all readers, and then `then`, which begins to find its splits at that moment. The watermark goes on where it
/// was. What `then` was told about time holds for both, but for the out-of-orderness, of which the larger one does.
template <class First, class Then>
SourceDescription<typename Then::Record> hybrid(const First& first, const Then& then) {
  using T = typename Then::Record;
  static_assert(std::is_same_v<typename First::Record, T>, "hybrid() takes two sources of the same type of records");
  const SourceDescription<T> one = first;
  const SourceDescription<T> other = then;
  detail::ArgumentChecks checks;
  if (one.problem()) checks.refuse(*one.problem());
  if (other.problem()) checks.refuse(*other.problem());
  checks.require(one.implementation().bounded(), "hybrid() reads its first source to the end, and this one has none");
  const auto bad_of_one = one.bad_records_output();
  const auto bad_of_other = other.bad_records_output();
  checks.require(!bad_of_one || !bad_of_other || *bad_of_one == *bad_of_other, "the sources of hybrid() have one side output of bad records: give them the same name");
  return SourceDescription<T>{std::make_shared<detail::HybridSourceImplementation<T>>(one, other), checks.problem()};
}

}  // namespace tidemark
