// Scratch files in memory, for tests: they are counted, damaged and refused.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "tidemark/detail/base/scratch_files.h"
#include "tidemark/error.h"

namespace tidemark::detail {

class MemoryScratchFiles final : public ScratchFiles {
 public:
  std::unique_ptr<ScratchFile> create() override {
    if (refuses_) throw Error{ErrorCode::kResourceExhausted, "/scratch: no space left"};
    ++created_;
    return std::make_unique<File>(*this);
  }
  int created() const { return created_; }
  /// That have not gone yet.
  int living() const { return living_; }
  std::uint64_t bytes_read() const { return bytes_read_; }
  void refuse() { refuses_ = true; }
  /// Of what is appended from now on.
  void damage() { damages_ = true; }
  /// Reads are refused but for so many.
  void refuse_reads_after(std::uint64_t reads) { reads_left_ = reads; }
  void allow_reads() { reads_left_ = UINT64_MAX; }

 private:
  class File final : public ScratchFile {
   public:
    explicit File(MemoryScratchFiles& all) : all_{all} { ++all_.living_; }
    ~File() override { --all_.living_; }
    void append(std::string_view bytes) override {
      bytes_.append(bytes);
      if (all_.damages_) bytes_.back() ^= 1;
    }
    void seal() override {}
    void read(std::uint64_t offset, std::span<char> out) const override {
      if (all_.reads_left_ == 0) throw Error{ErrorCode::kIo, path_ + ": can't be read"};
      --all_.reads_left_;
      std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
      all_.bytes_read_ += out.size();
    }
    std::uint64_t size() const override { return bytes_.size(); }
    const std::string& path() const override { return path_; }

   private:
    MemoryScratchFiles& all_;
    std::string bytes_;
    std::string path_ = "/scratch/a-file";
  };

  std::atomic<int> created_{0};
  std::atomic<int> living_{0};
  std::atomic<std::uint64_t> bytes_read_{0};
  std::atomic<std::uint64_t> reads_left_{UINT64_MAX};
  bool refuses_ = false;
  bool damages_ = false;
};

}  // namespace tidemark::detail
