// Runs a KeyedProcess.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "tidemark/detail/operators/keyed_function.h"
#include "tidemark/functions.h"

namespace tidemark::detail {

template <class F, class KeyFn>
class KeyedProcessOperator final : public KeyedFunctionOperator<F, KeyFn> {
 public:
  using Make = std::function<std::unique_ptr<F>(Declare&)>;

  KeyedProcessOperator(const Make& make, KeyFn key) : KeyedFunctionOperator<F, KeyFn>{std::move(key)} {
    Declare declare{this->backend(), this->side_outputs()};
    this->set_function(make(declare));
  }
};

}  // namespace tidemark::detail
