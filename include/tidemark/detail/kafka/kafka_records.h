// The part of the Kafka source that does not know the record's type: which partitions there are, their messages, and the values of
// messages decoded through the record's layout.
//
// A split is a partition, with the offset where it starts and maybe one where it ends; its position is the offset of the next message. One
// client in each reader has all of its partitions, each with a queue of its own, so that one that is ahead can wait while others are
// read. What the client fetches ahead is limited by bytes; where nobody takes it, it stops fetching.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tidemark/detail/codec/record_layout.h"
#include "tidemark/detail/connectors/split_enumerator_operator.h"
#include "tidemark/detail/kafka/kafka_options.h"
#include "tidemark/detail/task/operator.h"
#include "tidemark/kafka_message.h"
#include "tidemark/source.h"

namespace tidemark::detail {

MakeSplitEnumerator kafka_split_enumerator(KafkaSourceOptions options);

class KafkaRecords {
 public:
  explicit KafkaRecords(KafkaSourceOptions options);
  ~KafkaRecords();

  void start(const OperatorContext& context);
  void open(std::string_view split, std::string_view position);

  struct Fetched {
    std::uint32_t count = 0;  ///< of messages
    bool at_end = false;      ///< the partition has no more for now
    bool stopped = false;     ///< the split is read
  };
  /// Up to `most` messages of the open partition, if the client has them. They are valid until the next call.
  Fetched fetch(std::uint32_t most);
  KafkaMessage message(std::uint32_t index) const;

  /// The values of all of them as records: into values that are constructed and `stride` apart, as many as there are messages. Their
  /// texts point into the messages or lie in `arena`. Returns how many records there are.
  std::uint32_t decode(const RecordLayout& layout, void* values, std::size_t stride, Arena& arena, std::vector<BadRecord>& bad);
  /// The next record was made of this message.
  void accept(std::uint32_t index);
  /// This message is no record: throws Error, counts it, or puts it into `bad`, as on_error() says.
  void reject(std::uint32_t index, std::uint64_t column, std::string reason, std::vector<BadRecord>& bad);

  /// The times of the messages that records were made of, or none; the largest one.
  Timestamp stamp(std::int64_t* timestamps) const;
  /// "orders[3] offset 17" of a record of the last fetch.
  std::string place_of(std::uint32_t record) const;

  std::string position() const;
  void at_barrier(CheckpointId id);
  void checkpoint_completed(CheckpointId id);
  void checkpoint_aborted(CheckpointId id);
  bool settled();
  std::uint64_t skipped() const;
  std::uint64_t bytes_read() const;
  PendingInput pending_in(std::string_view split) const;

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace tidemark::detail
