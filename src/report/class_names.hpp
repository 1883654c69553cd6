// Classes and outcomes as readers know them.
#pragma once

#include "cordlesion/core/cascade.hpp"

#include <map>
#include <string>
#include <string_view>

namespace cordlesion::report {

/// Within a sentence: `ms` becomes MS, `no_lesion` becomes no lesion, and so on.
inline std::string name_in_text(std::string_view name) {
  static const std::map<std::string_view, std::string> names{
      {"tumor", "tumour"}, {"ms", "MS"}, {"nmosd", "NMOSD"}, {"no_lesion", "no lesion"}};
  const auto found = names.find(name);
  return found == names.end() ? std::string(name) : found->second;
}

/// At the beginning of a line, with a capital.
inline std::string display_name(std::string_view name) {
  std::string text = name_in_text(name);
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') {
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  }
  return text;
}

/// `Tumour vs demyelination` and so on.
inline std::string node_title(Node node) {
  const NodeClasses classes = classes_of(node);
  return display_name(classes.first) + " vs " + name_in_text(classes.second);
}

} // namespace cordlesion::report
