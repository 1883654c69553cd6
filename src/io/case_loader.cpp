// Listing and loading of cases in a separate process, so that no file can end the program.
#include "cordlesion/io/case_loader.hpp"

#include "cordlesion/core/digest.hpp"
#include "find_cases.hpp"
#include "loader_requests.hpp"
#include "number_text.hpp"
#include "relative_name.hpp"
#include "worker_process.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace cordlesion::io {
namespace {

constexpr std::size_t files_per_listing = 512;
/// Starting a worker takes milliseconds: longer than reading the header of a small file.
constexpr std::size_t cases_per_worker = 16;
/// A header that takes longer, or more memory, is broken: both are far beyond any real one.
constexpr double seconds_per_header = 10;
constexpr std::size_t memory_per_header = std::size_t{1} << 28;

/// The error of a case whose worker did not come to an answer.
Error error_of_end(const WorkResult& result, const LoaderLimits& limits) {
  const std::string name = result.file().empty() ? "the case" : result.file();
  if (result.end() == WorkerEnd::timed_out) {
    return case_error(
        Stage::read, "reader_timeout",
        name + ": reading the case took longer than " + number_text(limits.seconds_per_case, 3) +
            " s",
        "check the disk or network share, or allow more time with --load-timeout; predict "
        "goes on with --resume");
  }
  if (result.end() == WorkerEnd::out_of_memory) {
    return case_error(Stage::read, "reader_out_of_memory",
                      name + ": reading needs more memory than the loading process may take",
                      "check the size that the file's header announces, and the limits of this job "
                      "(ulimit -a)");
  }
  return reader_crashed(Stage::read, name, result.assertion());
}

template <typename Parse>
auto parsed(const WorkResult& result, const LoaderLimits& limits, Parse&& parse) {
  if (result.end() != WorkerEnd::done) {
    throw error_of_end(result, limits);
  }
  try {
    return parse(result.bytes());
  } catch (const Error&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw Error(ExitCode::internal_error, Stage::read, "loader_reply", error.what());
  }
}

/// What the inputs hold. A disk that stalls, or a name that ends the worker, ends the run: which
/// cases there are is not known then.
/// A second without a new file is granted whatever the limit of a case.
SearchedInputs search(WorkerServer& server, const FindRequest& request, LoaderLimits limits) {
  limits.seconds_per_case = std::max(limits.seconds_per_case, 1.0);
  const WorkResult result = server.start(search_request(request), limits).wait();
  if (result.end() == WorkerEnd::done) {
    return searched_inputs_of(result.bytes());
  }
  const Error end = error_of_end(result, limits);
  throw Error(ExitCode::no_input, Stage::find, end.code(),
              "the search for cases stopped: " + std::string(end.what()), end.hint());
}

/// Lists files in batches; a file that ends the worker is marked, and the next batch starts after
/// it.
std::vector<ListedFile> list_files(WorkerServer& server,
                                   const std::vector<std::filesystem::path>& files,
                                   const LoaderLimits& limits) {
  const LoaderLimits for_headers{std::min(limits.seconds_per_case, seconds_per_header),
                                 std::min(limits.memory_bytes, memory_per_header)};
  std::vector<ListedFile> listed;
  while (listed.size() < files.size()) {
    const auto begin = files.begin() + static_cast<std::ptrdiff_t>(listed.size());
    const std::size_t count = std::min(files_per_listing, files.size() - listed.size());
    const WorkResult result =
        server
            .start(listing_request({begin, begin + static_cast<std::ptrdiff_t>(count)}),
                   for_headers)
            .wait();
    std::vector<ListedFile> batch = listing_of(result.bytes());
    if (batch.size() < count) {
      const bool slow = result.end() == WorkerEnd::timed_out;
      batch.push_back(
          {slow ? ListedFile::Kind::timed_out : ListedFile::Kind::crashed, {}, result.assertion()});
    }
    std::move(batch.begin(), batch.end(), std::back_inserter(listed));
  }
  return listed;
}

/// What workers do. OpenSSL sets itself up at its first use, for longer than a small file takes to
/// read: here, before the server is forked, instead of in every worker.
Job prepared_job() {
  sha256_of_text("");
  return carry_out;
}

/// As many cases from `begin` on as one worker is given: none if that case is known to fail.
std::vector<CaseInput> batch_from(const std::vector<CaseInput>& cases, std::size_t begin) {
  std::vector<CaseInput> batch;
  for (std::size_t i = begin; i < cases.size() && batch.size() < cases_per_worker; ++i) {
    if (cases[i].failure) {
      break;
    }
    batch.push_back(cases[i]);
  }
  return batch;
}

/// Carries a request out on each case, several to a worker, and calls `take(index, answer)` or
/// `fail(index, error)` for each in order. A case that ends its worker fails, and the next worker
/// begins after it.
template <typename Request, typename Take, typename Fail>
void ask_of_each(WorkerServer& server, const std::vector<CaseInput>& cases,
                 const LoaderLimits& limits, Request&& request, Take&& take, Fail&& fail) {
  std::size_t done = 0;
  while (done < cases.size()) {
    const std::vector<CaseInput> batch = batch_from(cases, done);
    if (batch.empty()) {
      fail(done, *cases[done].failure);
      ++done;
      continue;
    }
    const std::size_t end = done + batch.size();
    const WorkResult result = server.start(request(batch), limits).wait();
    for (const std::string& answer : answers_of(result.bytes())) {
      take(done++, answer);
    }
    if (done < end) {
      fail(done++, error_of_end(result, limits));
    }
  }
}

/// Waits for work that was started; it is under way no more, whatever comes of it.
WorkResult result_of(std::optional<PendingWork>& pending) {
  if (!pending) {
    throw std::logic_error("nothing is being loaded");
  }
  return std::move(*std::exchange(pending, std::nullopt)).wait();
}

} // namespace

struct CaseLoader::Impl {
  LoaderLimits limits;
  WorkerServer server;
  std::optional<PendingWork> loading;
  std::optional<PendingWork> loading_volume;
  std::optional<Error> failure; ///< of the case that was "started" although it is known to fail

  explicit Impl(const LoaderLimits& given) : limits(given), server(prepared_job()) {}
};

CaseLoader::CaseLoader(const LoaderLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}

CaseLoader::~CaseLoader() = default;

FoundCases CaseLoader::find(const FindRequest& request) {
  return find_cases(search(impl_->server, request, impl_->limits),
                    [this](const std::vector<std::filesystem::path>& files) {
                      return list_files(impl_->server, files, impl_->limits);
                    });
}

void CaseLoader::start(const CaseInput& input, const LoadOptions& options) {
  if (impl_->loading || impl_->failure) {
    throw std::logic_error("a case is being loaded already");
  }
  if (input.failure) {
    impl_->failure = input.failure;
  } else {
    impl_->loading = impl_->server.start(load_request(input, options), impl_->limits);
  }
}

LoadedCase CaseLoader::finish() {
  if (impl_->failure) {
    const Error failure = *std::exchange(impl_->failure, std::nullopt);
    throw failure;
  }
  return parsed(result_of(impl_->loading), impl_->limits, loaded_case_of);
}

LoadedCase CaseLoader::load(const CaseInput& input, const LoadOptions& options) {
  start(input, options);
  return finish();
}

void CaseLoader::describe(const std::vector<CaseInput>& cases, const LoadOptions& options,
                          const std::function<void(std::size_t, CaseDescription)>& take) {
  const auto fail = [&](std::size_t i, const Error& error) {
    take(i, {.candidates = {}, .warnings = {}, .failure = error});
  };
  ask_of_each(
      impl_->server, cases, impl_->limits,
      [&](const std::vector<CaseInput>& batch) { return describe_request(batch, options); },
      [&](std::size_t i, const std::string& answer) { take(i, description_of(answer)); }, fail);
}

CaseDescription CaseLoader::describe(const CaseInput& input, const LoadOptions& options) {
  CaseDescription only;
  describe(std::vector<CaseInput>{input}, options,
           [&](std::size_t, CaseDescription description) { only = std::move(description); });
  return only;
}

void CaseLoader::digest(const std::vector<CaseInput>& cases,
                        const std::function<void(std::size_t, std::optional<std::string>)>& take) {
  ask_of_each(
      impl_->server, cases, impl_->limits, digest_request,
      [&](std::size_t i, const std::string& answer) { take(i, digest_of_answer(answer)); },
      [&](std::size_t i, const Error&) { take(i, std::nullopt); });
}

void CaseLoader::start_volume(const std::filesystem::path& file, const std::filesystem::path& root,
                              const VolumeChoice& choice) {
  impl_->loading_volume = impl_->server.start(volume_request(file, root, choice), impl_->limits);
}

LoadedVolume CaseLoader::finish_volume() {
  return parsed(result_of(impl_->loading_volume), impl_->limits, volume_of);
}

Image CaseLoader::load_volume(const std::filesystem::path& file, const std::filesystem::path& root,
                              const VolumeChoice& choice) {
  start_volume(file, root, choice);
  return finish_volume().image;
}

} // namespace cordlesion::io
