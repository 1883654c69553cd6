// Headers of text lines, as NRRD and MetaImage files begin with.
#include "text_header.hpp"

#include "letter_case.hpp"
#include "volume_limits.hpp"

#include <charconv>
#include <fstream>
#include <sstream>
#include <system_error>

namespace cordlesion::io {
namespace {

constexpr std::size_t longest_header = std::size_t{1} << 20;

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string::npos
             ? ""
             : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

Error bad_header(const std::string& message) {
  return case_error(Stage::read, "bad_header", message, "export or copy the file again");
}

/// Of a key given twice, ITK takes the last, others the first.
void add_field(const std::string& line, const std::string& separator, const std::string& name,
               TextHeader& header) {
  const std::size_t at = line.find(separator);
  if (at == std::string::npos || line.starts_with('#') || line.substr(at).starts_with(":=")) {
    return; // ":=" is a pair of the user's own in NRRD
  }
  const std::string key = trimmed(line.substr(0, at));
  if (!header.fields.emplace(separator == ":" ? lower(key) : key, trimmed(line.substr(at + 1)))
           .second) {
    throw bad_header(name + ": the header gives a key twice"); // which one may be anything
  }
}

template <typename IsEnd>
TextHeader read_header(const std::filesystem::path& file, const std::string& name,
                       const std::string& separator, IsEnd&& is_end) {
  std::ifstream in(file, std::ios::binary);
  TextHeader header;
  std::string line;
  std::uint64_t read = 0;
  bool ended = false;
  while (!ended && read < longest_header && std::getline(in, line)) {
    read += line.size() + (in.eof() ? 0 : 1);
    add_field(line, separator, name, header);
    ended = is_end(line);
  }
  if (header.fields.empty()) {
    throw bad_header(name + ": the header cannot be read");
  }
  header.data_start = read;
  return header;
}

} // namespace

std::string TextHeader::value(const std::string& key) const {
  const auto found = fields.find(key);
  return found != fields.end() ? found->second : "";
}

std::vector<std::string> TextHeader::words(const std::string& key) const {
  std::istringstream in(value(key));
  std::vector<std::string> words;
  for (std::string word; in >> word;) {
    words.push_back(word);
  }
  return words;
}

TextHeader read_nrrd_header(const std::filesystem::path& file, const std::string& name) {
  return read_header(file, name, ":",
                     [](const std::string& line) { return trimmed(line).empty(); });
}

TextHeader read_metaimage_header(const std::filesystem::path& file, const std::string& name) {
  return read_header(file, name, "=", [](const std::string& line) {
    return trimmed(line).starts_with("ElementDataFile");
  });
}

void require_millimetres(const std::vector<std::string>& units, const std::string& name) {
  for (const std::string& unit : units) {
    if (unit != "mm" && unit != "\"mm\"") {
      throw case_error(Stage::read, "bad_units",
                       name + ": lengths in another unit than mm, which is expected",
                       "write the image with its lengths in mm");
    }
  }
}

std::array<std::size_t, 3> require_sizes(const std::vector<std::string>& words,
                                         const std::string& name) {
  std::array<std::int64_t, 3> sizes{};
  bool good = words.size() == 3;
  for (std::size_t axis = 0; good && axis < 3; ++axis) {
    const std::string& word = words[axis];
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), sizes[axis]);
    good = error == std::errc{} && end == word.data() + word.size() && sizes[axis] > 0;
  }
  if (!good) {
    throw case_error(Stage::read, words.size() > 3 ? "several_volumes" : "bad_dimensions",
                     name + ": " + std::to_string(words.size()) +
                         " sizes, three positive ones expected",
                     "extract one 3-D volume");
  }
  require_size_within_limit(sizes, name);
  return {static_cast<std::size_t>(sizes[0]), static_cast<std::size_t>(sizes[1]),
          static_cast<std::size_t>(sizes[2])};
}

std::filesystem::path beside(const std::filesystem::path& header, const std::string& data_file,
                             const std::string& name) {
  const std::filesystem::path given = std::filesystem::path(data_file).lexically_normal();
  std::filesystem::path file = header.parent_path() / given;
  std::error_code error;
  const bool plain =
      given.filename() == given && data_file.find('%') == std::string::npos; // % : a pattern
  if (!plain || !std::filesystem::is_regular_file(file, error)) {
    throw case_error(Stage::read, "data_file",
                     name + ": the voxels are not in one file beside the header",
                     "convert the image to one .nii.gz file");
  }
  return file;
}

} // namespace cordlesion::io
