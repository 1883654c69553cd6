// The manifest of a model package, read from its JSON text and checked key by key.
#include "manifest.hpp"

#include "cordlesion/core/error.hpp"
#include "cordlesion/inference/channels.hpp"
#include "json_field.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace cordlesion::inference {
namespace {

constexpr std::int64_t smallest_input_size = 16;
constexpr std::int64_t largest_input_size = 4096;
constexpr std::size_t most_channels = 16;

nlohmann::json parse_json(const std::string& text, const std::string& source) {
  if (text.find('\0') != std::string::npos) { // the parser would take it for the end of the text
    throw models_error("manifest_not_json", source + ": expected JSON, found a NUL byte",
                       "Restore the file or export the package again.");
  }
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw models_error("manifest_not_json",
                       source + ": expected JSON, found something else (" + error.what() + ")",
                       "Restore the file or export the package again.");
  }
}

int read_schema_version(const JsonField& field, const std::string& source) {
  const auto version = static_cast<int>(field.integer(1, 1'000'000));
  if (version > newest_schema_version) {
    throw models_error("manifest_schema_newer",
                       source + ": field `schema_version`: expected at most " +
                           std::to_string(newest_schema_version) + ", found " +
                           std::to_string(version),
                       "The package was made for a newer cordlesion; install that version or "
                       "export the package for this one.");
  }
  return version;
}

/// A plain name: a package must not reach outside its folder.
std::string read_file_name(const JsonField& field) {
  std::string name = field.text();
  const bool plain = name != "." && name.find("..") == std::string::npos &&
                     name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
  if (!plain) {
    field.refuse("a file name without path separators or `..`");
  }
  return name;
}

std::string read_sha256(const JsonField& field) {
  std::string digest = field.text();
  const bool hexadecimal =
      digest.size() == 64 && std::all_of(digest.begin(), digest.end(), [](unsigned char digit) {
        return std::isxdigit(digit) != 0;
      });
  if (!hexadecimal) {
    field.refuse("64 hexadecimal digits");
  }
  std::transform(digest.begin(), digest.end(), digest.begin(),
                 [](unsigned char digit) { return static_cast<char>(std::tolower(digit)); });
  return digest;
}

NetworkFile read_file(const JsonField& field) {
  return {.file = read_file_name(field.member("file")),
          .sha256 = read_sha256(field.member("sha256"))};
}

Fit read_fit(const JsonField& field) {
  const std::string name = field.text();
  if (name == "letterbox") {
    return Fit::letterbox;
  }
  if (name != "stretch") {
    field.refuse("`letterbox` or `stretch`");
  }
  return Fit::stretch;
}

std::string read_aggregation(const JsonField& field) {
  std::string name = field.text();
  if (name != "mean") {
    field.refuse("`mean`");
  }
  return name;
}

ChannelRole read_channel(const JsonField& field, const std::string& source) {
  const std::string name = field.text();
  const auto role = channel_role_from_string(name);
  if (!role) {
    field.refuse("one of t2, t2_in_mask, t2_near_mask, mask, zero");
  }
  if (!is_served(*role)) {
    throw models_error("channel_role_unsupported",
                       source + ": expected channels from the T2 scan and its mask, found `" +
                           name + "`: contrast-enhanced T1 is not supported by this version",
                       "Use a package whose classifiers need T2 only.");
  }
  return *role;
}

std::vector<ChannelRole> read_channels(const JsonField& field, const std::string& source) {
  const auto elements = field.elements();
  if (elements.empty() || elements.size() > most_channels) {
    field.refuse("a list of 1 to " + std::to_string(most_channels) + " channel roles");
  }
  std::vector<ChannelRole> channels;
  channels.reserve(elements.size());
  for (const JsonField& element : elements) {
    channels.push_back(read_channel(element, source));
  }
  return channels;
}

void require_classes(const JsonField& field, Node node) {
  const NodeClasses expected = classes_of(node);
  const auto found = field.elements();
  if (found.size() != 2 || found[0].text() != expected.first ||
      found[1].text() != expected.second) {
    field.refuse("[\"" + std::string(expected.first) + "\",\"" + std::string(expected.second) +
                 "\"] in this order");
  }
}

ClassifierSpec read_classifier(const JsonField& field, Node node, const std::string& source) {
  require_classes(field.member("classes"), node);
  return {.file = read_file(field),
          .channels = read_channels(field.member("channels"), source),
          .threshold = field.member("threshold").number(0, 1),
          .threshold_source = field.member("threshold_source").text()};
}

Normalisation read_normalisation(const JsonField& field) {
  const JsonField clip_sd = field.member("clip_sd");
  const double value = clip_sd.number(0);
  if (value <= 0) {
    clip_sd.refuse("a number greater than 0");
  }
  return {.clip_sd = value};
}

} // namespace

Manifest parse_manifest(const std::string& text, const std::string& source) {
  const nlohmann::json document = parse_json(text, source);
  const JsonField root(document, source);
  Manifest manifest;
  // First, so that a newer package is called newer and not faulty.
  manifest.schema_version = read_schema_version(root.member("schema_version"), source);
  manifest.name = root.member("name").text();
  manifest.version = root.member("version").text();
  manifest.licence = root.member("licence").text();
  manifest.trained = root.member("trained").flag();
  manifest.trained_on = root.member("trained_on").text();
  manifest.intended_use = root.member("intended_use").text();
  manifest.input_size = static_cast<std::size_t>(
      root.member("input_size").integer(smallest_input_size, largest_input_size));
  manifest.fit = read_fit(root.member("fit"));
  manifest.normalisation = read_normalisation(root.member("normalisation"));
  manifest.aggregation = read_aggregation(root.member("aggregation"));
  manifest.min_lesion_mm3 = root.member("min_lesion_mm3").number(0);
  manifest.bf16_agrees = root.member("bf16_agrees").flag();
  const JsonField segmenter = root.member("segmenter");
  manifest.segmenter = {.file = read_file(segmenter),
                        .threshold = segmenter.member("threshold").number(0, 1)};
  const JsonField classifiers = root.member("classifiers");
  for (const Node node : all_nodes) {
    manifest.classifiers[node] =
        read_classifier(classifiers.member(std::string(to_string(node))), node, source);
  }
  const JsonField golden = root.member("golden");
  manifest.golden = read_file(golden);
  manifest.golden_tolerance = golden.member("tolerance").number(0);
  return manifest;
}

} // namespace cordlesion::inference
