// Which study each DICOM file belongs to, read from as little of each file as possible.
#include "dicom_listing.hpp"

#include "dicom_dataset.hpp"
#include "dicom_meta.hpp"

#include <gdcmReader.h>

#include <exception>
#include <new>

namespace cordlesion::io {

ListedFile list_file(const std::filesystem::path& file) {
  const gdcm::Tag sop_class(0x0008, 0x0016);
  const gdcm::Tag study(0x0020, 0x000d);
  const DicomMeta meta = read_dicom_meta(file);
  if (!meta.plausible) {
    return {};
  }
  gdcm::Reader reader;
  reader.SetFileName(file.c_str());
  try {
    if (!(is_deflated(meta.transfer_syntax) ? reader.Read()
                                            : reader.ReadSelectedTags({sop_class, study}))) {
      return {};
    }
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return {};
  }
  const gdcm::DataSet& data = reader.GetFile().GetDataSet();
  if (data.Size() == 0 && reader.GetFile().GetHeader().Size() == 0) {
    return {};
  }
  return {is_not_an_image(text_of(data, sop_class)) ? ListedFile::Kind::not_an_image
                                                    : ListedFile::Kind::image,
          text_of(data, study),
          {}};
}

Error reader_crashed(Stage stage, const std::string& name, const std::string& assertion) {
  const std::string detail = assertion.empty() ? "" : " (assertion " + assertion + ")";
  return case_error(stage, "reader_crashed",
                    name + ": the reading library stopped on this file" + detail,
                    "the file is malformed: export or copy it again, or take it out of the folder");
}

} // namespace cordlesion::io
