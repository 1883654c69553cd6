// Tables and run.json of a run.
#include "run.hpp"

#include "cordlesion/app/interrupt.hpp"
#include "cordlesion/inference/runtime.hpp"
#include "cordlesion/io/atomic_file.hpp"
#include "cordlesion/io/volume_writer.hpp"
#include "cordlesion/report/run_record.hpp"

namespace cordlesion::app {
namespace {

std::map<std::string, std::size_t> counts_of(const Run& run, std::size_t cases) {
  std::map<std::string, std::size_t> counts{
      {"cases", cases}, {"ok", 0}, {"no_lesion", 0}, {"failed", 0}, {"resumed", run.resumed}};
  for (const report::CaseRows& row : run.rows) {
    ++counts[row.status];
  }
  return counts;
}

report::RunRecord record_of(const Run& run, std::size_t cases, const std::vector<Warning>& warnings,
                            double elapsed_ms) {
  const Shard& shard = run.options.shard;
  report::RunRecord record{.options = result_options(run.options),
                           .versions = {{"libtorch", inference::torch_version()},
                                        {"itk", io::itk_version()},
                                        {"cpu_capability", inference::cpu_capability()}},
                           .models = run.models,
                           .device = run.networks.device(),
                           .precision = run.networks.precision(),
                           .threads = run.options.threads,
                           .counts = counts_of(run, cases),
                           .timing_ms = {{"total", elapsed_ms}},
                           .warnings = warnings,
                           .interrupted = interrupted()};
  record.options["shard"] = std::to_string(shard.index) + "/" + std::to_string(shard.count);
  return record;
}

} // namespace

void write_tables(const Run& run, std::size_t cases, const std::vector<Warning>& warnings,
                  double elapsed_ms) {
  const report::Tables tables = report::tables_of(run.rows);
  const std::filesystem::path& folder = run.output.path();
  io::write_file_atomically(folder / "results.tsv", tables.results);
  io::write_file_atomically(folder / "lesions.tsv", tables.lesions);
  io::write_file_atomically(folder / "failures.tsv", tables.failures);
  io::write_file_atomically(folder / "run.json",
                            report::to_json(record_of(run, cases, warnings, elapsed_ms)));
}

} // namespace cordlesion::app
