// Runs a KeyedCoProcess: the first input is the operator itself, the second a receiver of its own. Keys of both lie in the
// same key groups, so they share states and timers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "tidemark/co_process.h"
#include "tidemark/detail/operators/guard.h"
#include "tidemark/detail/operators/keyed_function.h"

namespace tidemark::detail {

template <class F, class FirstKey, class SecondKey>
class KeyedCoProcessOperator final : public KeyedFunctionOperator<F, FirstKey> {
  using Base = KeyedFunctionOperator<F, FirstKey>;
  using Record = typename F::Second;

 public:
  using Make = std::function<std::unique_ptr<F>(Declare&)>;

  KeyedCoProcessOperator(const Make& make, FirstKey first_key, SecondKey second_key) : Base{std::move(first_key)}, second_key_{std::move(second_key)} {
    Declare declare{this->backend(), this->side_outputs()};
    this->set_function(make(declare));
  }

  BatchReceiver& input(std::uint32_t index) override { return index == 0 ? static_cast<BatchReceiver&>(*this) : second_; }

  std::uint64_t late_dropped() const override {
    if constexpr (requires(const F& function) { function.late_dropped(); }) {
      return this->function().late_dropped();
    } else {
      return 0;
    }
  }

 private:
  class Second final : public BatchReceiver {
   public:
    explicit Second(KeyedCoProcessOperator& op) : op_{op} {}
    void receive(Batch& batch) override { op_.receive_second(batch); }

   private:
    KeyedCoProcessOperator& op_;
  };

  void receive_second(Batch& in) {
    this->template handle<Record>(in, second_key_, second_guard_, [](F& function, const Record& record, auto& context, auto& out) {
      function.F::process_second(record, context, out);
    });
  }

  SecondKey second_key_;
  Second second_{*this};
  RecordGuard second_guard_;
};

}  // namespace tidemark::detail
