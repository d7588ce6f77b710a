// The typed writers of exchanges: by key, to one target, in turn, or to all.
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
  explicit TypedEdgeWriter(std::vector<Edge*> edges)
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

  KeyByWriter(std::vector<Edge*> edges, KeyFn key, std::uint32_t max_parallelism)
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

/// Batch by batch to the targets in turn; with one target, a plain hand-over.
template <class T>
class RebalanceWriter final : public TypedEdgeWriter<T> {
 public:
  using TypedEdgeWriter<T>::TypedEdgeWriter;

  void receive(Batch& in) override {
    auto& batch = static_cast<TypedBatch<T>&>(in);
    this->count_records(batch.size());
    for (std::uint32_t i = 0; i < batch.size(); ++i) this->append(next_, batch.values()[i], batch.timestamps()[i]);
    next_ = (next_ + 1) % this->targets();
  }

 private:
  std::uint32_t next_ = 0;
};

}  // namespace tidemark::detail
