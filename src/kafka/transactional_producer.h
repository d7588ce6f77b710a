// A producer that owns a transactional id: once it has taken it over, no other producer that had the id before can commit anything. One thread at
// a time. Throws Error; after that it is of no use any more, and what it has open is aborted by the next one of its id, or by the brokers
// when the transaction has timed out.
#pragma once

#include <cstdint>
#include <string>

#include "kafka/producer.h"
#include "tidemark/time.h"

namespace tidemark::detail {

class TransactionalProducer {
 public:
  /// `timeout`: of its transactions. Begins to take the id over, in the background.
  TransactionalProducer(const KafkaConnection& connection, std::string id, Duration timeout);

  const std::string& id() const { return id_; }
  /// Returns when the id is ours, and whatever it had open is aborted, or committed where that was decided before. Before all else.
  void take_over();
  rd_kafka_t* get() const { return producer_.get(); }

  void begin();
  void produce(const OutgoingMessage& message, const std::string& topic) { producer_.produce(message, topic); }
  /// All that was produced has arrived; the group's offset of partition 0 of the topic is part of the transaction.
  void end_with_offset(const std::string& group, const std::string& topic, std::int64_t offset);
  void commit();

 private:
  void check(rd_kafka_error_t* error, const char* doing) const;

  std::string id_;
  int timeout_ms_;
  bool is_ours_ = false;
  KafkaProducer producer_;
};

}  // namespace tidemark::detail
