// What the program asks of the loading process, as bytes and back.
#include "loader_requests.hpp"

#include "cordlesion/core/digest.hpp"
#include "load_case.hpp"
#include "wire.hpp"

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace cordlesion::io {
namespace {

enum class Request : std::uint8_t { search, load, describe, digest, volume, list };

template <typename... Values> std::string packed(Request kind, const Values&... values) {
  WireWriter out;
  out(kind);
  (out(values), ...);
  return out.bytes();
}

template <typename Archive> void case_fields(Archive& a, LoadedCase& loaded, Grid& grid) {
  a(loaded.format);
  a(loaded.digest);
  a(loaded.series);
  a(loaded.candidates);
  a(loaded.missing_slices);
  a(loaded.warnings);
  a(grid);
}

constexpr std::size_t voxel_alignment = 16;

/// Head, padding, voxels: the program copies the voxels straight out of the mapped reply.
void reply_image(const WireWriter& head, const Image& image, Reply& reply) {
  const std::uint64_t padded = (head.bytes().size() + sizeof(std::uint64_t) + voxel_alignment - 1) /
                               voxel_alignment * voxel_alignment;
  reply.append(&padded, sizeof padded);
  reply.append(head.bytes());
  const std::string padding(padded - sizeof padded - head.bytes().size(), '\0');
  reply.append(padding);
  reply.append(image.voxels().data(), image.voxels().size() * sizeof(float));
}

Image image_of(std::string_view reply, const Grid& grid) {
  std::uint64_t start = 0;
  WireReader in(reply);
  in(start);
  const std::size_t count = voxel_count(grid);
  if (start > reply.size() || reply.size() - start != count * sizeof(float)) {
    throw std::runtime_error("image from the loading process is incomplete");
  }
  const auto* first = reinterpret_cast<const float*>(reply.data() + start);
  return {grid, std::vector<float>(first, first + count)};
}

/// Throws the worker's Error, if that is what it answered.
void require_success(WireReader& in) {
  bool ok = false;
  in(ok);
  if (!ok) {
    ErrorParts parts;
    in(parts);
    throw error_of(parts);
  }
}

/// A reader behind the opening that all replies share: where an image starts, and whether the
/// worker succeeded. Throws its Error if it did not.
WireReader result_in(std::string_view reply) {
  WireReader in(reply);
  std::uint64_t start = 0;
  in(start);
  require_success(in);
  return in;
}

std::string bytes_of(const Error& error) {
  WireWriter head;
  head(std::uint64_t{0}); // where an image would say its start
  head(false);
  head(parts_of(error));
  return head.bytes();
}

/// The opening of an answer without an image, as result_in reads it.
WireWriter success_head() {
  WireWriter head;
  head(std::uint64_t{0});
  head(true);
  return head;
}

/// Answers on each case, each appended at once, so that a crash leaves those before it.
template <typename Answer>
void answer_each(const std::vector<CaseInput>& cases, Reply& reply, Answer&& answer) {
  for (const CaseInput& input : cases) {
    WireWriter record;
    try {
      WireWriter head = success_head();
      answer(input, head);
      record(head.bytes());
    } catch (const Error& error) {
      record(bytes_of(error));
    }
    reply.append(record.bytes());
  }
}

/// An empty record for each file looked at, so that the reply grows while the search gets on; then
/// the answer.
void carry_out_search(WireReader& in, const NoteFile& note, Reply& reply) {
  FindRequest request;
  in(request);
  const auto append = [&](const std::string& answer) {
    WireWriter record;
    record(answer);
    reply.append(record.bytes());
  };
  try {
    const SearchedInputs found = search_inputs(request, [&](const std::string& name) {
      note(name);
      append("");
    });
    WireWriter head = success_head();
    head(found);
    append(head.bytes());
  } catch (const Error& error) {
    append(bytes_of(error));
  }
}

void carry_out_load(WireReader& in, const NoteFile& note, Reply& reply) {
  CaseInput input;
  LoadOptions options;
  in(input);
  in(options);
  LoadedCase loaded = load_case(input, options, note);
  Grid grid = loaded.image.grid();
  WireWriter head;
  head(true);
  case_fields(head, loaded, grid);
  reply_image(head, loaded.image, reply);
}

void carry_out_describe(WireReader& in, const NoteFile& note, Reply& reply) {
  std::vector<CaseInput> cases;
  LoadOptions options;
  in(cases);
  in(options);
  answer_each(cases, reply, [&](const CaseInput& input, WireWriter& head) {
    const CaseDescription description = describe_case(input, options, note);
    head(description.candidates);
    head(description.warnings);
    head(description.failure.has_value());
    if (description.failure) {
      head(parts_of(*description.failure));
    }
  });
}

void carry_out_digest(WireReader& in, const NoteFile& note, Reply& reply) {
  std::vector<CaseInput> cases;
  in(cases);
  answer_each(cases, reply,
              [&](const CaseInput& input, WireWriter& head) { head(digest_case(input, note)); });
}

void carry_out_volume(WireReader& in, const NoteFile& note, Reply& reply) {
  std::filesystem::path file;
  std::filesystem::path root;
  in(file);
  VolumeChoice choice;
  in(root);
  in(choice);
  const Image image = load_mask(file, root, choice, note);
  WireWriter head;
  head(true);
  head(image.grid());
  head(sha256_of_file(file));
  reply_image(head, image, reply);
}

/// One record per file, each appended at once, so that a crash leaves those before it.
void carry_out_listing(WireReader& in, Reply& reply) {
  std::vector<std::filesystem::path> files;
  in(files);
  for (const auto& file : files) {
    const ListedFile listed = list_file(file);
    WireWriter record;
    record(listed.kind);
    record(listed.study_uid);
    reply.append(record.bytes());
  }
}

} // namespace

std::string search_request(const FindRequest& request) {
  return packed(Request::search, request);
}

std::string load_request(const CaseInput& input, const LoadOptions& options) {
  return packed(Request::load, input, options);
}

std::string describe_request(const std::vector<CaseInput>& cases, const LoadOptions& options) {
  return packed(Request::describe, cases, options);
}

std::string digest_request(const std::vector<CaseInput>& cases) {
  return packed(Request::digest, cases);
}

std::string volume_request(const std::filesystem::path& file, const std::filesystem::path& root,
                           const VolumeChoice& choice) {
  return packed(Request::volume, file, root, choice);
}

std::string listing_request(const std::vector<std::filesystem::path>& files) {
  return packed(Request::list, files);
}

void carry_out(const std::string& request, Reply& reply) {
  const NoteFile note = [&](const std::string& name) { reply.note_file(name); };
  WireReader in(request);
  Request kind{};
  in(kind);
  try {
    switch (kind) {
    case Request::search:
      return carry_out_search(in, note, reply);
    case Request::load:
      return carry_out_load(in, note, reply);
    case Request::describe:
      return carry_out_describe(in, note, reply);
    case Request::digest:
      return carry_out_digest(in, note, reply);
    case Request::volume:
      return carry_out_volume(in, note, reply);
    case Request::list:
      return carry_out_listing(in, reply);
    }
  } catch (const Error& error) {
    reply.append(bytes_of(error));
  }
}

SearchedInputs searched_inputs_of(std::string_view reply) {
  const std::string answer = answers_of(reply).back();
  WireReader in = result_in(answer);
  SearchedInputs found;
  in(found);
  return found;
}

LoadedCase loaded_case_of(std::string_view reply) {
  LoadedCase loaded;
  Grid grid;
  WireReader in = result_in(reply);
  case_fields(in, loaded, grid);
  loaded.image = image_of(reply, grid);
  return loaded;
}

std::vector<std::string> answers_of(std::string_view reply) {
  std::vector<std::string> answers;
  WireReader in(reply);
  try {
    while (!in.rest().empty()) {
      std::string answer;
      in(answer);
      answers.push_back(std::move(answer));
    }
  } catch (const std::runtime_error&) { // the last answer was cut off by the worker's end
  }
  return answers;
}

CaseDescription description_of(std::string_view answer) {
  WireReader in = result_in(answer);
  CaseDescription description;
  bool failed = false;
  in(description.candidates);
  in(description.warnings);
  in(failed);
  if (failed) {
    ErrorParts parts;
    in(parts);
    description.failure = error_of(parts);
  }
  return description;
}

std::optional<std::string> digest_of_answer(std::string_view answer) {
  try {
    WireReader in = result_in(answer);
    std::string digest;
    in(digest);
    return digest;
  } catch (const Error&) { // a file is gone or cannot be read
    return std::nullopt;
  }
}

LoadedVolume volume_of(std::string_view reply) {
  WireReader in = result_in(reply);
  Grid grid;
  std::string digest;
  in(grid);
  in(digest);
  return {image_of(reply, grid), std::move(digest)};
}

std::vector<ListedFile> listing_of(std::string_view reply) {
  std::vector<ListedFile> listed;
  WireReader in(reply);
  try {
    while (!in.rest().empty()) {
      ListedFile file;
      in(file.kind);
      in(file.study_uid);
      listed.push_back(std::move(file));
    }
  } catch (const std::runtime_error&) { // the last record was cut off by the worker's end
  }
  return listed;
}

} // namespace cordlesion::io
