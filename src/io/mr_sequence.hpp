// Which sequence an image is of, in the words of classic and enhanced images and of scanners.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace gdcm {
class DataSet;
}

namespace cordlesion::io {

/// The b-value in s/mm2 from the private elements of Siemens and GE.
std::optional<double> private_b_value(const gdcm::DataSet& data);

/// ScanningSequence, or what enhanced images say in its place; EP also if the name of the pulse
/// sequence says so.
std::vector<std::string> scanning_sequence_of(const gdcm::DataSet& data);

} // namespace cordlesion::io
