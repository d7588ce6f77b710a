// map, filter and flat_map: operators without state. In is the input record's type, F the user's callable, copied to each
// subtask and called inline.
#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "tidemark/detail/operators/guard.h"
#include "tidemark/detail/operators/side_outputs.h"
#include "tidemark/detail/task/operator.h"
#include "tidemark/out.h"

namespace tidemark::detail {

/// What an operator with one main output shares: the output and the name under which its failures are reported.
template <class OutT>
class SingleOutputOperator : public Operator {
 public:
  using Output = OutT;

  Out<OutT>& out() { return out_; }
  void open(OperatorContext& context) override { name_ = context.name; }
  std::uint64_t records_out() const override { return out_.emitted(); }

 protected:
  Out<OutT> out_;
  OperatorName name_;
};

template <class In, class F>
class MapOperator final : public SingleOutputOperator<std::decay_t<std::invoke_result_t<F&, const In&>>> {
  using OutT = std::decay_t<std::invoke_result_t<F&, const In&>>;

 public:
  explicit MapOperator(F f) : f_{std::move(f)} {}

  void receive(Batch& in) override {
    auto& out = this->out_;
    out.set_stable_text(stable_text_of(in));
    const In* values = static_cast<TypedBatch<In>&>(in).values();
    TypedBatch<OutT>& to = out.batch();
    OutT* results = to.values();
    const std::uint32_t size = in.size();
    std::uint32_t i = 0;
    try {
      for (; i < size; ++i) {
        new (results + i) OutT(std::invoke(f_, values[i]));
        to.own_text(results[i], out.stable_text());
      }
    } catch (...) {
      out.adopt_size(i);
      this->guard_.fail(this->name_, values[i], in.timestamps()[i], i);
    }
    std::copy_n(in.timestamps(), size, to.timestamps());
    out.adopt_size(size);
    this->guard_.count(size);
    out.flush();
  }

 private:
  F f_;
  RecordGuard guard_;
};

template <class T, class F>
class FilterOperator final : public SingleOutputOperator<T> {
 public:
  explicit FilterOperator(F f) : f_{std::move(f)} {}

  void receive(Batch& in) override {
    auto& batch = static_cast<TypedBatch<T>&>(in);
    if constexpr (std::is_trivially_copyable_v<T> && sizeof(T) <= 64) {
      if (in.exclusive()) {
        compact(batch);
        return;
      }
    }
    copy(batch);
  }

 private:
  // In place and without a branch: a mispredicted one costs more than copying a small record.
  void compact(TypedBatch<T>& batch) {
    T* values = batch.values();
    std::int64_t* timestamps = batch.timestamps();
    const std::uint32_t size = batch.size();
    std::uint32_t kept = 0;
    std::uint32_t i = 0;
    try {
      for (; i < size; ++i) {
        const bool keep = std::invoke(f_, std::as_const(values[i]));
        values[kept] = values[i];
        timestamps[kept] = timestamps[i];
        kept += keep;
      }
    } catch (...) {
      guard_.fail(this->name_, values[i], timestamps[i], i);
    }
    guard_.count(size);
    batch.set_size(kept);
    this->out_.forward(batch);
  }

  void copy(const TypedBatch<T>& batch) {
    auto& out = this->out_;
    out.set_stable_text(stable_text_of(batch));
    const T* values = batch.values();
    std::uint32_t i = 0;
    try {
      for (; i < batch.size(); ++i) {
        if (!std::invoke(f_, values[i])) continue;
        out.set_timestamp(batch.timestamps()[i]);
        out.emit(values[i]);
      }
    } catch (...) {
      guard_.fail(this->name_, values[i], batch.timestamps()[i], i);
    }
    guard_.count(batch.size());
    out.flush();
  }

  F f_;
  RecordGuard guard_;
};

/// F(const In&, Out<OutT>&).
template <class In, class OutT, class F>
class FlatMapOperator final : public SingleOutputOperator<OutT> {
 public:
  explicit FlatMapOperator(F f) : f_{std::move(f)} {}

  void receive(Batch& in) override {
    auto& out = this->out_;
    out.set_stable_text(stable_text_of(in));
    const In* values = static_cast<TypedBatch<In>&>(in).values();
    std::uint32_t i = 0;
    try {
      for (; i < in.size(); ++i) {
        out.set_timestamp(in.timestamps()[i]);
        std::invoke(f_, values[i], out);
      }
    } catch (...) {
      guard_.fail(this->name_, values[i], in.timestamps()[i], i);
    }
    guard_.count(in.size());
    out.flush();
  }

 private:
  F f_;
  RecordGuard guard_;
};

}  // namespace tidemark::detail
