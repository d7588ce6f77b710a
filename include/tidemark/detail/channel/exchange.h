// The typed writers of exchanges: by key, to one target, in turn, at random, as the user says, or to all.
//
// key_by hashes once and ships the hash as a column. Records are copied into the target's batch and their text into its
// arena, so that a batch on its way depends on nothing of its sender. At most 1 MiB of batches is being filled at a time
// (targets x batch), so that scattering stays in the cache: more targets mean smaller batches.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidemark/detail/channel/edge_writer.h"
#include "tidemark/detail/codec/json_encode.h"
#include "tidemark/detail/codec/key.h"
#include "tidemark/detail/model/batch.h"
#include "tidemark/detail/model/key_group.h"

namespace tidemark::detail {

template <class T>
constexpr std::uint32_t batch_capacity(std::uint32_t targets) {
  const std::size_t record_bytes = sizeof(T) + 2 * sizeof(std::int64_t);
  const std::size_t fitting = (std::size_t{1} << 20) / (record_bytes * std::max(targets, 1u));
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(fitting, 64, Batch::kCapacity));
}

template <class T>
class TypedEdgeWriter : public EdgeWriter {
 public:
  explicit TypedEdgeWriter(std::vector<SendingEnd*> edges)
      : EdgeWriter{std::move(edges)}, capacity_{batch_capacity<T>(targets())} {}

 protected:
  TypedBatch<T>& open_batch(std::uint32_t target) {
    Batch* batch = current(target);
    return static_cast<TypedBatch<T>&>(batch != nullptr ? *batch : *acquire(target));
  }
  /// Appends and ships a full batch.
  void append(std::uint32_t target, const T& value, std::int64_t timestamp) {
    TypedBatch<T>& batch = open_batch(target);
    batch.append(value, timestamp);
    if (batch.size() == batch.capacity()) ship(target);
  }
  std::unique_ptr<Batch> make_batch() override { return std::make_unique<TypedBatch<T>>(std::min(capacity_, batch_limit())); }

 private:
  std::uint32_t capacity_;
};

/// Every record to the subtask that owns its key's group.
template <class T, class KeyFn>
class KeyByWriter final : public TypedEdgeWriter<T> {
 public:
  using Key = std::decay_t<std::invoke_result_t<const KeyFn&, const T&>>;

  KeyByWriter(std::vector<SendingEnd*> edges, KeyFn key, std::uint32_t max_parallelism)
      : TypedEdgeWriter<T>{std::move(edges)}, key_{std::move(key)}, max_parallelism_{max_parallelism} {
    for (std::uint32_t group = 0; group < max_parallelism; ++group) {
      target_of_group_.push_back(static_cast<std::uint16_t>(subtask_of(group, this->targets(), max_parallelism)));
    }
  }

  void receive(Batch& in) override {
    auto& batch = static_cast<TypedBatch<T>&>(in);
    this->count_records(batch.size());
    if (this->targets() == 1) {
      to_single(batch);
    } else {
      scatter(batch);
    }
  }

 protected:
  std::unique_ptr<Batch> make_batch() override {
    std::unique_ptr<Batch> batch = TypedEdgeWriter<T>::make_batch();
    batch->set_has_hashes(true);
    return batch;
  }

 private:
  std::uint64_t hash_of(const T& value) const { return hash_key<Key>(std::invoke(key_, value)); }

  void to_single(const TypedBatch<T>& in) {
    const T* values = in.values();
    const std::int64_t* timestamps = in.timestamps();
    for (std::uint32_t i = 0; i < in.size();) {
      TypedBatch<T>& to = this->open_batch(0);
      std::uint32_t size = to.size();
      const std::uint32_t end = std::min(in.size(), i + (to.capacity() - size));
      T* to_values = to.values();
      std::int64_t* to_timestamps = to.timestamps();
      std::uint64_t* to_hashes = to.hashes();
      try {
        for (; i < end; ++i, ++size) {
          to_hashes[size] = hash_of(values[i]);
          new (to_values + size) T(values[i]);
          to.own_text(to_values[size], {});
          to_timestamps[size] = timestamps[i];
        }
      } catch (...) {
        to.set_size(size);
        fail_at(values[i]);
      }
      to.set_size(size);
      if (size == to.capacity()) this->ship(0);
    }
  }

  void scatter(const TypedBatch<T>& in) {
    const T* values = in.values();
    const std::int64_t* timestamps = in.timestamps();
    const std::uint16_t* targets = target_of_group_.data();
    std::uint32_t i = 0;
    try {
      for (; i < in.size(); ++i) {
        const std::uint64_t hash = hash_of(values[i]);
        const std::uint32_t target = targets[key_group_of(hash, max_parallelism_)];
        TypedBatch<T>& to = this->open_batch(target);
        const std::uint32_t size = to.size();
        new (to.values() + size) T(values[i]);
        to.own_text(to.values()[size], {});
        to.timestamps()[size] = timestamps[i];
        to.hashes()[size] = hash;
        to.set_size(size + 1);
        if (size + 1 == to.capacity()) [[unlikely]] this->ship(target);
      }
    } catch (...) {
      fail_at(values[i]);
    }
  }

  [[noreturn, gnu::noinline, gnu::cold]] static void fail_at(const T& value) {
    std::string record;
    append_json(value, record);
    fail_key_function(record);
  }

  KeyFn key_;
  std::uint32_t max_parallelism_;
  std::vector<std::uint16_t> target_of_group_;
};

/// Every record to every target, each with a copy of its own.
template <class T>
class BroadcastWriter final : public TypedEdgeWriter<T> {
 public:
  using TypedEdgeWriter<T>::TypedEdgeWriter;

  void receive(Batch& in) override {
    const auto& batch = static_cast<const TypedBatch<T>&>(in);
    this->count_records(batch.size());
    for (std::uint32_t target = 0; target < this->targets(); ++target) {
      for (std::uint32_t i = 0; i < batch.size(); ++i) this->append(target, batch.values()[i], batch.timestamps()[i]);
    }
  }
};

/// Each batch in even parts to the targets in turn, so that what two of them got never differs by more than a record; with
/// one target, a plain hand-over.
template <class T>
class RebalanceWriter final : public TypedEdgeWriter<T> {
 public:
  using TypedEdgeWriter<T>::TypedEdgeWriter;

  // Not all producers begin with the same target.
  void open(const WriterPlace& place) override { next_ = place.subtask % this->targets(); }

  void receive(Batch& in) override {
    const auto& batch = static_cast<const TypedBatch<T>&>(in);
    this->count_records(batch.size());
    const std::uint32_t even = batch.size() / this->targets();
    const std::uint32_t with_one_more = batch.size() % this->targets();
    std::uint32_t begin = 0;
    for (std::uint32_t turn = 0; begin < batch.size(); ++turn) {
      const std::uint32_t end = begin + even + (turn < with_one_more ? 1 : 0);
      const std::uint32_t target = (next_ + turn) % this->targets();
      for (; begin < end; ++begin) this->append(target, batch.values()[begin], batch.timestamps()[begin]);
    }
    next_ = (next_ + with_one_more) % this->targets();
  }

 private:
  std::uint32_t next_ = 0;
};

/// Each record to a target picked at random.
template <class T>
class ShuffleWriter final : public TypedEdgeWriter<T> {
 public:
  using TypedEdgeWriter<T>::TypedEdgeWriter;

  void open(const WriterPlace& place) override { random_ = place.seed; }

  void receive(Batch& in) override {
    const auto& batch = static_cast<const TypedBatch<T>&>(in);
    this->count_records(batch.size());
    for (std::uint32_t i = 0; i < batch.size(); ++i) this->append(pick(), batch.values()[i], batch.timestamps()[i]);
  }

 private:
  // A linear congruential generator: its high bits are good enough to spread records.
  std::uint32_t pick() {
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>((random_ >> 32) * this->targets() >> 32);
  }

  std::uint64_t random_ = 0;
};

/// Each record to the target that function(key, targets) names.
template <class T, class F, class KeyFn>
class CustomWriter final : public TypedEdgeWriter<T> {
 public:
  CustomWriter(std::vector<SendingEnd*> edges, F function, KeyFn key)
      : TypedEdgeWriter<T>{std::move(edges)}, function_{std::move(function)}, key_{std::move(key)} {}

  void open(const WriterPlace& place) override { consumer_ = place.consumer; }

  void receive(Batch& in) override {
    const auto& batch = static_cast<const TypedBatch<T>&>(in);
    this->count_records(batch.size());
    std::uint32_t i = 0;
    try {
      for (; i < batch.size(); ++i) this->append(target_of(batch.values()[i]), batch.values()[i], batch.timestamps()[i]);
    } catch (...) {
      std::string record;
      append_json(batch.values()[i], record);
      fail_partition_function(consumer_, record);
    }
  }

 private:
  std::uint32_t target_of(const T& value) {
    const auto partition = static_cast<std::int64_t>(std::invoke(function_, std::invoke(key_, value), this->targets()));
    if (partition < 0 || partition >= this->targets()) [[unlikely]] refuse_partition(partition, this->targets());
    return static_cast<std::uint32_t>(partition);
  }

  F function_;
  KeyFn key_;
  std::string consumer_;
};

}  // namespace tidemark::detail
