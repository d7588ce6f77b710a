#include "config/yaml_options.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/nearest.h"
#include "config/yaml_documents.h"

namespace tidemark {
namespace {

std::vector<std::string> with_groups(const std::vector<std::string>& keys) {
  std::vector<std::string> names;
  for (const std::string& key : keys) {
    names.push_back(key);
    for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', dot + 1)) {
      names.push_back(key.substr(0, dot));
    }
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

// Walks a file's maps. Descends only below known groups, so anchors that hold themselves come to an end.
class YamlFile {
 public:
  YamlFile(const std::string& name, const OptionKeys& keys, const TakeOption& take) : name_{name}, keys_{keys}, take_{take} {}

  Result<> visit(const YAML::Node& map, const std::string& prefix) {
    for (const auto& entry : map) {
      const std::string here = where(entry.first);
      if (!entry.first.IsScalar()) return fail(ErrorCode::kInvalidArgument, here + ": expected a key");
      TIDEMARK_TRY(
          visit_entry(prefix.empty() ? entry.first.Scalar() : prefix + "." + entry.first.Scalar(), entry.second, here));
    }
    return {};
  }

  std::string where(const YAML::Node& node) const { return where(node.Mark()); }
  std::string where(const YAML::Mark& mark) const {
    return mark.is_null() ? name_ : fmt::format("{}:{}", name_, mark.line + 1);
  }

 private:
  Result<> visit_entry(const std::string& key, const YAML::Node& value, const std::string& here) {
    const bool group = keys_.has_group(key);
    if (value.IsMap() && group) return visit(value, key);
    if (value.IsNull() && group) return {};
    const bool known = keys_.has(key);
    if (!known && !group) return keys_.unknown(key, here);
    if (!known) return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}: expected options below it", here, key));
    if (!value.IsScalar()) return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}: expected one value", here, key));
    const auto [before, first] = seen_.emplace(key, here);
    if (!first) return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {} is already set at {}", here, key, before->second));
    return take_(key, value.Scalar(), here);
  }

  const std::string& name_;
  const OptionKeys& keys_;
  const TakeOption& take_;
  std::map<std::string, std::string> seen_;
};

}  // namespace

bool OptionKeys::has(std::string_view key) const { return std::ranges::find(keys_, key) != keys_.end(); }

bool OptionKeys::has_group(std::string_view prefix) const {
  return std::ranges::any_of(keys_, [&](const std::string& key) {
    return key.size() > prefix.size() && key.starts_with(prefix) && key[prefix.size()] == '.';
  });
}

std::unexpected<Error> OptionKeys::unknown(std::string_view key, std::string_view where) const {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: there is no option '{}'{}", where, key, did_you_mean(key, with_groups(keys_))));
}

Result<> read_yaml_options(const std::string& text, const std::string& name, const OptionKeys& keys, const TakeOption& take) {
  YamlFile file{name, keys, take};
  try {
    if (const std::size_t documents = count_yaml_documents(text); documents > 1) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected one YAML document, found {}", name, documents));
    }
    const YAML::Node root = YAML::Load(text);
    if (root.IsNull()) return {};
    if (!root.IsMap()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected lines of the form key: value", file.where(root)));
    }
    return file.visit(root, "");
  } catch (const YAML::Exception& exception) {
    return fail(ErrorCode::kParse, fmt::format("{}: not valid YAML: {}", file.where(exception.mark), exception.msg));
  }
}

}  // namespace tidemark
