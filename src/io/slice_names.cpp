// How the DICOM slices of a folder are called, to know a file that should be one of them.
#include "slice_names.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>

namespace cordlesion::io {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t fewest_slices = 2;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The name with each number, and each UID, as one '#'.
std::string form_of(const std::string& name) {
  std::string form;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool in_number = !form.empty() && form.back() == '#';
    const bool joins = name[i] == '.' && i + 1 < name.size() && is_digit(name[i + 1]);
    if (!is_digit(name[i]) && !(in_number && joins)) {
      form += name[i];
    } else if (!in_number) {
      form += '#';
    }
  }
  return form;
}

bool is_bare(const std::string& name) {
  return name.find('.') == std::string::npos && std::any_of(name.begin(), name.end(), is_digit);
}

std::uintmax_t size_of(const fs::path& file) {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(file, error);
  return error ? 0 : bytes;
}

} // namespace

void SliceNames::add(const fs::path& slice) {
  const std::string name = slice.filename().string();
  ++forms_[form_of(name)];
  if (is_bare(name)) {
    const std::uintmax_t bytes = size_of(slice);
    Sizes& sizes = bare_names_[name.size()];
    sizes.smallest = sizes.files == 0 ? bytes : std::min(sizes.smallest, bytes);
    sizes.largest = std::max(sizes.largest, bytes);
    ++sizes.files;
  }
}

bool SliceNames::match(const fs::path& file) const {
  const bool packed = file.extension() == ".gz";
  const std::string name = (packed ? file.stem() : file.filename()).string();
  const std::string form = form_of(name);
  const auto alike = forms_.find(form);
  if (alike != forms_.end() && alike->second >= fewest_slices &&
      form.find('#') != std::string::npos) {
    return true;
  }
  const auto bare = is_bare(name) ? bare_names_.find(name.size()) : bare_names_.end();
  if (bare == bare_names_.end() || bare->second.files < fewest_slices) {
    return false;
  }
  const std::uintmax_t bytes = size_of(file);
  return packed || (bytes >= bare->second.smallest / 2 && bytes / 2 <= bare->second.largest);
}

} // namespace cordlesion::io
