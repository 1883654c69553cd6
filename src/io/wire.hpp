// How requests and replies are put into bytes between the program and its loading process.
#pragma once

#include "cordlesion/core/error.hpp"
#include "cordlesion/io/case_loader.hpp"
#include "search_inputs.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace cordlesion::io {

template <typename T>
concept Plain = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// Appends values to a byte string. Both ends are the same program on the same machine, so numbers
/// go over as they lie in memory. A struct is written through its `fields(archive, value)`.
class WireWriter {
 public:
  template <Plain T> void operator()(const T& value) { append(&value, sizeof value); }
  void operator()(const std::string& text) {
    (*this)(std::uint64_t{text.size()});
    append(text.data(), text.size());
  }
  void operator()(const std::filesystem::path& path) { (*this)(path.native()); }
  template <typename T> void operator()(const std::vector<T>& values) {
    (*this)(std::uint64_t{values.size()});
    for (const T& value : values) {
      (*this)(value);
    }
  }
  template <typename K, typename T> void operator()(const std::map<K, T>& values) {
    (*this)(std::uint64_t{values.size()});
    for (const auto& [key, value] : values) {
      (*this)(key);
      (*this)(value);
    }
  }
  template <typename T, std::size_t n> void operator()(const std::array<T, n>& values) {
    for (const T& value : values) {
      (*this)(value);
    }
  }
  template <typename T> void operator()(const std::optional<T>& value) {
    (*this)(value.has_value());
    if (value) {
      (*this)(*value);
    }
  }
  template <typename T>
  requires(!Plain<T>) void operator()(const T& value) {
    fields(*this, const_cast<T&>(value)); // `fields` serves both directions; writing alters nothing
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void append(const void* data, std::size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
  }
  std::string bytes_;
};

/// Takes values out of a byte string in the order they were written. Throws std::runtime_error if
/// it ends early, for the writer may have died half-way.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  template <Plain T> void operator()(T& value) {
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
  }
  void operator()(std::string& text) { text = take(count()); }
  void operator()(std::filesystem::path& path) { path = std::filesystem::path(take(count())); }
  template <typename T> void operator()(std::vector<T>& values) {
    const std::size_t size = count();
    values.clear();
    for (std::size_t i = 0; i < size; ++i) {
      (*this)(values.emplace_back());
    }
  }
  template <typename K, typename T> void operator()(std::map<K, T>& values) {
    const std::size_t size = count();
    values.clear();
    for (std::size_t i = 0; i < size; ++i) {
      K key;
      (*this)(key);
      (*this)(values[key]);
    }
  }
  template <typename T, std::size_t n> void operator()(std::array<T, n>& values) {
    for (T& value : values) {
      (*this)(value);
    }
  }
  template <typename T> void operator()(std::optional<T>& value) {
    bool present = false;
    (*this)(present);
    if (present) {
      (*this)(value.emplace());
    } else {
      value.reset();
    }
  }
  template <typename T>
  requires(!Plain<T>) void operator()(T& value) { fields(*this, value); }

  std::string_view rest() const { return rest_; }

 private:
  std::size_t count() {
    std::uint64_t size = 0;
    (*this)(size);
    return size;
  }
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      throw std::runtime_error("message from the loading process ends early");
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view rest_;
};

template <typename Archive, typename A, typename B> void fields(Archive& a, std::pair<A, B>& v) {
  a(v.first);
  a(v.second);
}

template <typename Archive> void fields(Archive& a, Warning& v) {
  a(v.code);
  a(v.message);
}

template <typename Archive> void fields(Archive& a, Grid& v) {
  a(v.size);
  a(v.spacing_mm);
  a(v.origin_mm);
  a(v.direction);
}

template <typename Archive> void fields(Archive& a, SeriesInfo& v) {
  a(v.uid_digest);
  a(v.description);
  a(v.modality);
  a(v.image_type);
  a(v.scanning_sequence);
  a(v.sequence_variant);
  a(v.repetition_time_ms);
  a(v.echo_time_ms);
  a(v.inversion_time_ms);
  a(v.b_value);
  a(v.contrast_agent);
  a(v.transfer_syntax);
  a(v.files);
  a(v.grid);
  a(v.readable);
  a(v.sagittal_angle_deg);
  a(v.weighting);
}

template <typename Archive> void fields(Archive& a, SeriesCandidate& v) {
  a(v.info);
  a(v.accepted);
  a(v.chosen);
  a(v.score);
  a(v.reason);
}

template <typename Archive> void fields(Archive& a, VolumeChoice& v) {
  a(v.orientation);
  a(v.volume);
}

template <typename Archive> void fields(Archive& a, LoadOptions& v) {
  a(v.series_uid);
  a(v.fail_on_ambiguity);
  a(v.assume_sagittal_t2);
  a(v.allow_gaps);
  a(v.include_identifiers);
  a(v.volume_choice);
}

/// Only what a worker needs of a case: it neither knows about masks nor about failures.
template <typename Archive> void fields(Archive& a, CaseInput& v) {
  a(v.case_id);
  a(v.format);
  a(v.root);
  a(v.files);
}

template <typename Archive> void fields(Archive& a, FindRequest& v) {
  a(v.inputs);
  a(v.case_list);
  a(v.excluded);
}

template <typename Archive> void fields(Archive& a, ListedCase& v) {
  a(v.case_id);
  a(v.image);
  a(v.mask);
  a(v.extra_columns);
  a(v.where);
}

template <typename Archive> void fields(Archive& a, WalkedFiles& v) {
  a(v.volumes);
  a(v.dicom);
  a(v.broken);
  a(v.skipped);
  a(v.warnings);
}

/// What the search of an input finds; the studies are listed later.
template <typename Archive> void fields(Archive& a, CaseSource& v) {
  a(v.root);
  a(v.of_single_files);
  a(v.listed);
  a(v.files);
  a(v.bids_images);
}

template <typename Archive> void fields(Archive& a, SearchedInputs& v) {
  a(v.sources);
  a(v.warnings);
}

/// An Error as plain data: it has no state that could be filled in afterwards.
struct ErrorParts {
  ExitCode exit_code = ExitCode::internal_error;
  Stage stage = Stage::read;
  std::string code;
  std::string message;
  std::string hint;
};

template <typename Archive> void fields(Archive& a, ErrorParts& v) {
  a(v.exit_code);
  a(v.stage);
  a(v.code);
  a(v.message);
  a(v.hint);
}

inline ErrorParts parts_of(const Error& error) {
  return {error.exit_code(), error.stage(), error.code(), error.what(), error.hint()};
}
inline Error error_of(const ErrorParts& parts) {
  return {parts.exit_code, parts.stage, parts.code, parts.message, parts.hint};
}

} // namespace cordlesion::io
