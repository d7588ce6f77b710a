#include "env/symbols.h"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "env/descriptor.h"

namespace tidemark {
namespace {

constexpr std::size_t kLongestName = 240;  // names of templates have no end
constexpr const char* kExecutable = "/proc/self/exe";

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> readable{abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free};
  std::string text = status == 0 ? readable.get() : name;
  if (text.size() > kLongestName) text = text.substr(0, kLongestName) + "...";
  return text;
}

std::string file_name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// A file in memory; empty if it can't be read.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat info {};
    if (file.get() < 0 || ::fstat(file.get(), &info) != 0 || info.st_size <= 0) return;
    void* const at = ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (at != MAP_FAILED) bytes_ = {static_cast<const char*>(at), static_cast<std::size_t>(info.st_size)};
  }
  ~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /// `count` of T at `offset`; none where the file is shorter, or has them where no T may be.
  template <class T>
  std::span<const T> array(std::uint64_t offset, std::uint64_t count) const {
    if (offset > bytes_.size() || count > (bytes_.size() - offset) / sizeof(T) || offset % alignof(T) != 0) return {};
    return {reinterpret_cast<const T*>(bytes_.data() + offset), static_cast<std::size_t>(count)};
  }

 private:
  std::span<const char> bytes_;
};

}  // namespace

/// The executable, or a library.
class Symbols::Module {
 public:
  explicit Module(const dl_phdr_info& info) : path_{info.dlpi_name}, base_{info.dlpi_addr} {
    for (const ElfW(Phdr) & part : std::span{info.dlpi_phdr, info.dlpi_phnum}) {
      if (part.p_type != PT_LOAD) continue;
      const std::uintptr_t begin = base_ + part.p_vaddr;
      ranges_.emplace_back(begin, begin + part.p_memsz);
    }
    if (path_.empty()) path_ = kExecutable;
  }

  bool contains(std::uintptr_t address) const {
    return std::ranges::any_of(ranges_, [&](const auto& range) { return address >= range.first && address < range.second; });
  }

  std::string describe(std::uintptr_t address) {
    if (!std::exchange(is_read_, true)) read();
    const std::uintptr_t place = address - base_;
    const std::string name = path_ == kExecutable ? program_invocation_short_name : file_name_of(path_);
    const Function* const function = function_at(place);
    return fmt::format("{} ({}+{:#x})", function == nullptr ? "?" : demangled(function->name.data()), name, place);
  }

 private:
  struct Function {
    std::uintptr_t begin;
    std::uintptr_t end;
    std::string_view name;  // with its zero behind it
  };

  void read() {
    file_ = std::make_unique<MappedFile>(path_);
    const auto header = file_->array<ElfW(Ehdr)>(0, 1);
    if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0 || header[0].e_shentsize != sizeof(ElfW(Shdr))) return;
    const auto sections = file_->array<ElfW(Shdr)>(header[0].e_shoff, header[0].e_shnum);
    for (const std::uint32_t table : {SHT_SYMTAB, SHT_DYNSYM}) {  // the second is what is left where the first was stripped
      for (const ElfW(Shdr) & section : sections) {
        if (functions_.empty() && section.sh_type == table && section.sh_link < sections.size()) add(section, sections[section.sh_link]);
      }
    }
    std::ranges::sort(functions_, {}, &Function::begin);
  }

  void add(const ElfW(Shdr) & table, const ElfW(Shdr) & texts) {
    const auto names = file_->array<char>(texts.sh_offset, texts.sh_size);
    if (names.empty() || names.back() != '\0') return;
    for (const ElfW(Sym) & symbol : file_->array<ElfW(Sym)>(table.sh_offset, table.sh_size / sizeof(ElfW(Sym)))) {
      if ((symbol.st_info & 0xf) != STT_FUNC || symbol.st_value == 0 || symbol.st_name >= names.size()) continue;
      functions_.push_back({symbol.st_value, symbol.st_value + symbol.st_size, names.data() + symbol.st_name});
    }
  }

  const Function* function_at(std::uintptr_t place) const {
    const auto behind = std::ranges::upper_bound(functions_, place, {}, &Function::begin);
    if (behind == functions_.begin()) return nullptr;
    const Function& function = *std::prev(behind);
    return place < function.end ? &function : nullptr;
  }

  std::string path_;
  std::uintptr_t base_;
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> ranges_;
  bool is_read_ = false;
  std::unique_ptr<MappedFile> file_;
  std::vector<Function> functions_;  // by their beginnings
};

Symbols::Symbols() {
  const auto add = [](dl_phdr_info* info, std::size_t, void* modules) {
    static_cast<std::vector<std::unique_ptr<Module>>*>(modules)->push_back(std::make_unique<Module>(*info));
    return 0;
  };
  ::dl_iterate_phdr(add, &modules_);
}

Symbols::~Symbols() = default;

std::string Symbols::describe(std::uintptr_t address) {
  for (const auto& module : modules_) {
    if (module->contains(address)) return module->describe(address);
  }
  return fmt::format("? ({:#x})", address);
}

}  // namespace tidemark
