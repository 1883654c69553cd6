// What the decoders of compressed pixels print: in a worker of the loading process, standard error
// is a file that can be read again.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace cordlesion::io {

/// A message of a decoder that it goes on after.
struct DecoderMessage {
  std::string text;
  bool pixels_lost = false; ///< the decoder made up pixels that it did not find
};

/// The first message of a JPEG or JPEG 2000 decoder in what a worker printed. Any other line is
/// left out, for it may hold values of the header or a path.
std::optional<DecoderMessage> first_decoder_message(std::string_view printed);

/// Listens to the decoders from its construction on.
class DecoderOutput {
 public:
  DecoderOutput();
  /// None outside a worker.
  std::optional<DecoderMessage> first_message() const;

 private:
  off_t start_;
};

} // namespace cordlesion::io
