// How long entries of a state live. A state with a time to live has it in its type and gets it where it is declared:
//
//   ValueState<Session, Ttl> session_;                                             // in the class
//   explicit Sessions(Declare& declare) : session_{declare, "session", ttl(24h)} {}  // in its constructor
//
// An entry expires when nobody has written it for that long; an expired one is never seen again. In a list each element, in
// a map each entry expires for itself. Expired ones go from memory bit by bit while records come in, and never into a
// checkpoint.
//
// Time is the machine's wall clock in whole seconds, looked at once a batch: an entry lives at least as long as its time to
// live and about a second longer at most. A clock that is put back lets entries live longer; one that is put forward lets
// them die sooner.
//
// When a job is resumed, entries go by what it declares now: with another time to live since they were written, and where
// there was none before, as if they were written at that moment.
#pragma once

#include <cstdint>

#include "tidemark/time.h"

namespace tidemark {

/// What an entry's life begins anew with.
enum class TtlUpdate : std::uint8_t {
  kOnCreateAndWrite,  ///< with each write
  kOnReadAndWrite,    ///< with each read, too; but for reads in the first tenth of a life, which change nothing
};

class Ttl {
 public:
  /// Part of a second counts as a whole one. Throws Error for a life of nothing and for one of more than 136 years.
  explicit Ttl(Duration life, TtlUpdate update = TtlUpdate::kOnCreateAndWrite);

  std::uint32_t seconds() const { return seconds_; }
  TtlUpdate update() const { return update_; }

 private:
  std::uint32_t seconds_;
  TtlUpdate update_;
};

inline Ttl ttl(Duration life, TtlUpdate update = TtlUpdate::kOnCreateAndWrite) { return Ttl{life, update}; }

}  // namespace tidemark
