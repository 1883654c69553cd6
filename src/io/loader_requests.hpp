// What the program asks of the loading process, as bytes and back.
#pragma once

#include "cordlesion/io/case_input.hpp"
#include "cordlesion/io/case_loader.hpp"
#include "dicom_listing.hpp"
#include "search_inputs.hpp"
#include "worker_process.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cordlesion::io {

std::string search_request(const FindRequest& request);
std::string load_request(const CaseInput& input, const LoadOptions& options);
std::string describe_request(const std::vector<CaseInput>& cases, const LoadOptions& options);
std::string digest_request(const std::vector<CaseInput>& cases);
std::string volume_request(const std::filesystem::path& file, const std::filesystem::path& root,
                           const VolumeChoice& choice);
std::string listing_request(const std::vector<std::filesystem::path>& files);

/// The worker's side: carries a request out. A failure of the case is part of the reply.
void carry_out(const std::string& request, Reply& reply);

/// The program's side: the result, or the worker's Error thrown.
SearchedInputs searched_inputs_of(std::string_view reply);
LoadedCase loaded_case_of(std::string_view reply);
LoadedVolume volume_of(std::string_view reply);
/// The answer on each case of a describe or digest request, as many as the worker came to.
std::vector<std::string> answers_of(std::string_view reply);
CaseDescription description_of(std::string_view answer);
/// None if the case could not be read.
std::optional<std::string> digest_of_answer(std::string_view answer);
/// As many files as the worker came to.
std::vector<ListedFile> listing_of(std::string_view reply);

} // namespace cordlesion::io
