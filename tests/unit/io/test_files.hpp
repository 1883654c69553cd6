// Files made by the tests: temporary folders, DICOM and NIfTI files written byte by byte.
#pragma once

#include "cordlesion/core/error.hpp"
#include "cordlesion/io/case_loader.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace cordlesion::io::test {

namespace fs = std::filesystem;

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (fs::temp_directory_path() / "cordlesion_io_XXXXXX").string();
    path_ = fs::canonical(::mkdtemp(pattern.data()));
  }
  ~TempFolder() { fs::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const fs::path& path() const { return path_; }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

inline void write_bytes(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string read_bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

inline fs::path shared_data() {
  return CORDLESION_SHARED_DATA;
}

#define REQUIRE_SHARED_DATA(relative)                                                              \
  if (!std::filesystem::exists(cordlesion::io::test::shared_data() / (relative)))                  \
  GTEST_SKIP() << "the shared data folder is not here"

template <typename T> std::string raw(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

template <typename T> std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

using TagId = std::pair<std::uint16_t, std::uint16_t>;

/// A DICOM file in Explicit VR Little Endian whose elements a test can change or take away.
class DicomFile {
 public:
  void text(TagId tag, const std::string& vr, std::string value) {
    if (value.size() % 2 != 0) {
      value += vr == "UI" ? '\0' : ' ';
    }
    elements_[tag] = {vr, std::move(value)};
  }
  void us(TagId tag, std::uint16_t value) { elements_[tag] = {"US", raw(value)}; }
  void fd(TagId tag, double value) { elements_[tag] = {"FD", raw(value)}; }
  void bytes(TagId tag, const std::string& vr, std::string value) {
    elements_[tag] = {vr, std::move(value)};
  }
  void sequence(TagId tag, const std::vector<DicomFile>& items) {
    std::string value;
    for (const DicomFile& item : items) {
      const std::string content = item.dataset();
      value += raw<std::uint16_t>(0xFFFE) + raw<std::uint16_t>(0xE000) +
               raw(static_cast<std::uint32_t>(content.size())) + content;
    }
    elements_[tag] = {"SQ", value};
  }
  void erase(TagId tag) { elements_.erase(tag); }

  std::string transfer_syntax = "1.2.840.10008.1.2.1";

  std::string dataset() const {
    std::string out;
    for (const auto& [tag, element] : elements_) {
      out += encoded(tag, element);
    }
    return out;
  }

  void save(const fs::path& path, bool preamble = true) const {
    if (!preamble) {
      write_bytes(path, dataset());
      return;
    }
    const auto padded = [](std::string uid) { return uid.size() % 2 != 0 ? uid + '\0' : uid; };
    const std::string meta =
        encoded({0x0002, 0x0002}, {"UI", padded("1.2.840.10008.5.1.4.1.1.4")}) +
        encoded({0x0002, 0x0003}, {"UI", padded("1.2.3")}) +
        encoded({0x0002, 0x0010}, {"UI", padded(transfer_syntax)});
    write_bytes(
        path, std::string(128, '\0') + "DICM" +
                  encoded({0x0002, 0x0000}, {"UL", raw(static_cast<std::uint32_t>(meta.size()))}) +
                  meta + dataset());
  }

 private:
  struct Element {
    std::string vr;
    std::string value;
  };

  static std::string encoded(TagId tag, const Element& element) {
    std::string out = raw(tag.first) + raw(tag.second) + element.vr;
    const bool long_form =
        element.vr == "OB" || element.vr == "OW" || element.vr == "SQ" || element.vr == "UN";
    if (long_form) {
      out.append(2, '\0').append(raw(static_cast<std::uint32_t>(element.value.size())));
    } else {
      out.append(raw(static_cast<std::uint16_t>(element.value.size())));
    }
    return out + element.value;
  }

  std::map<TagId, Element> elements_;
};

inline constexpr std::uint16_t test_rows = 32;
inline constexpr std::uint16_t test_columns = 24;

/// Pixel (row, column) of slice k of a test series.
inline std::uint16_t test_pixel(int k, std::size_t i) {
  return static_cast<std::uint16_t>(100 * (k + 1) + i % 97);
}

/// Slice k of a sagittal T2 series: 4 mm apart, 0.5 x 0.75 mm pixels, from right to left.
inline DicomFile sagittal_slice(int k) {
  DicomFile file;
  file.text({0x0008, 0x0008}, "CS", "ORIGINAL\\PRIMARY\\M");
  file.text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.4");
  file.text({0x0008, 0x0018}, "UI", "1.2.3.4." + std::to_string(k));
  file.text({0x0008, 0x0060}, "CS", "MR");
  file.text({0x0008, 0x103e}, "LO", "t2_tse_sag");
  file.text({0x0010, 0x0010}, "PN", "Secret^Name");
  file.text({0x0010, 0x0020}, "LO", "ID-4711");
  file.text({0x0018, 0x0020}, "CS", "SE");
  file.text({0x0018, 0x0080}, "DS", "3000");
  file.text({0x0018, 0x0081}, "DS", "100");
  file.text({0x0020, 0x000d}, "UI", "1.2.3.10");
  file.text({0x0020, 0x000e}, "UI", "1.2.3.20");
  file.text({0x0020, 0x0013}, "IS", std::to_string(k + 1));
  file.text({0x0020, 0x0032}, "DS", std::to_string(-20 + 4 * k) + "\\-100\\150");
  file.text({0x0020, 0x0037}, "DS", "0\\1\\0\\0\\0\\-1");
  file.us({0x0028, 0x0002}, 1);
  file.text({0x0028, 0x0004}, "CS", "MONOCHROME2");
  file.us({0x0028, 0x0010}, test_rows);
  file.us({0x0028, 0x0011}, test_columns);
  file.text({0x0028, 0x0030}, "DS", "0.75\\0.5");
  file.us({0x0028, 0x0100}, 16);
  file.us({0x0028, 0x0101}, 12);
  file.us({0x0028, 0x0102}, 11);
  file.us({0x0028, 0x0103}, 0);
  std::vector<std::uint16_t> pixels;
  for (std::size_t i = 0; i < test_rows * test_columns; ++i) {
    pixels.push_back(test_pixel(k, i));
  }
  file.bytes({0x7fe0, 0x0010}, "OW", raw(pixels));
  return file;
}

using Change = std::function<void(DicomFile& file, int k)>;

/// Writes `count` slices, each changed by `change`.
inline void write_series(const fs::path& folder, int count, const Change& change = {},
                         const std::string& prefix = "slice") {
  for (int k = 0; k < count; ++k) {
    DicomFile file = sagittal_slice(k);
    if (change) {
      change(file, k);
    }
    file.save(folder / (prefix + std::to_string(k) + ".dcm"));
  }
}

/// A NIfTI-1 file's header with sagittal-friendly sform and qform; every field can be set by
/// offset.
class NiftiFile {
 public:
  NiftiFile(std::int16_t x, std::int16_t y, std::int16_t z) : header_(352, '\0') {
    set<std::int32_t>(0, 348);
    const std::int16_t dim[8] = {3, x, y, z, 1, 1, 1, 1};
    std::memcpy(header_.data() + 40, dim, sizeof dim);
    set<std::int16_t>(70, 4);
    set<std::int16_t>(72, 16);
    const float pixdim[8] = {1, 3, 1, 1, 0, 0, 0, 0};
    std::memcpy(header_.data() + 76, pixdim, sizeof pixdim);
    set<float>(108, 352);
    set<std::int16_t>(252, 1);
    set<std::int16_t>(254, 1);
    const float sform[12] = {3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    std::memcpy(header_.data() + 280, sform, sizeof sform);
    header_.replace(344, 4, std::string("n+1\0", 4));
    std::vector<std::int16_t> values;
    for (int i = 0; i < x * y * z; ++i) {
      values.push_back(static_cast<std::int16_t>(i % 1000));
    }
    voxels = raw(values);
  }

  template <typename T> void set(std::size_t offset, T value) {
    std::memcpy(header_.data() + offset, &value, sizeof value);
  }
  std::string bytes() const { return header_ + voxels; }
  void save(const fs::path& path) const { write_bytes(path, bytes()); }

  std::string voxels;

 private:
  std::string header_;
};

/// Finds the single case of an input and loads it.
inline LoadedCase load_only(CaseLoader& loader, const fs::path& input,
                            const LoadOptions& options = {}) {
  const FoundCases found = loader.find({{input}, {}, {}});
  if (found.cases.size() != 1) {
    throw std::runtime_error(std::to_string(found.cases.size()) + " cases found, 1 expected");
  }
  return loader.load(found.cases.front(), options);
}

/// The Error that `run` throws; fails the test if it throws none.
template <typename Run> Error error_from(Run&& run) {
  try {
    run();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error was thrown";
  return case_error(Stage::read, "none", "none");
}

inline bool has_warning(const std::vector<Warning>& warnings, const std::string& code) {
  for (const Warning& warning : warnings) {
    if (warning.code == code) {
      return true;
    }
  }
  return false;
}

} // namespace cordlesion::io::test
