// `cordlesion predict`: the main job.
#include "command.hpp"
#include "cordlesion/app/run_predict.hpp"
#include "default_models.hpp"
#include "input_options.hpp"
#include "number_checks.hpp"

#include <charconv>
#include <iostream>
#include <memory>

namespace cordlesion::cli {
namespace {

constexpr const char* description =
    "Segment and classify every case under the inputs; one JSON report and one NIfTI mask per case";

constexpr const char* footer = R"(
Writes OUT/run.json, results.tsv, lesions.tsv, failures.tsv, and for each case
OUT/<case_id>/report.json and lesion_mask.nii.gz (uint8, exactly the source grid).

Examples:
  cordlesion predict study/ -o out
  cordlesion predict cohort/ t2.nii.gz -o out --shard 2/4
  cordlesion predict cohort/ -o corrected --masks out     classify again after correcting out/*/lesion_mask.nii.gz
  cordlesion predict bids/ -o out --threshold tumor_vs_demyelination=0.4 --abstain-margin 0.1

Method: Zhuo, Zhang et al., Radiology: Artificial Intelligence 2022;4(6):e210292,
doi 10.1148/ryai.210292. Research use only.)";

/// The options as typed, before they are understood.
struct Arguments {
  InputOptions input;
  std::string output;
  std::string models;
  std::string device = "auto";
  std::string precision = "auto";
  std::string engine = "auto";
  std::string masks;
  std::vector<std::string> thresholds;
  std::string shard = "1/1";
  double min_lesion_mm3 = -1;
  bool resume = false;
  bool overwrite = false;
  app::PredictOptions options;
};

std::size_t parse_count(std::string_view text) {
  std::size_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size() ? value : 0;
}

app::Shard parse_shard(const std::string& text) {
  const std::size_t slash = text.find('/');
  app::Shard shard{0, 0};
  if (slash != std::string::npos) {
    shard = {parse_count(std::string_view(text).substr(0, slash)),
             parse_count(std::string_view(text).substr(slash + 1))};
  }
  if (shard.index == 0 || shard.index > shard.count) {
    throw usage_error("--shard " + text + ": expected I/N with 1 <= I <= N",
                      "For example --shard 2/4 for the second of four parts.");
  }
  return shard;
}

std::map<Node, double> parse_thresholds(const std::vector<std::string>& texts) {
  std::map<Node, double> thresholds;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    const auto node = node_from_string(std::string_view(text).substr(0, equals));
    double value = -1;
    if (equals != std::string::npos) {
      const char* end = text.data() + text.size();
      const auto [stop, failure] = std::from_chars(text.data() + equals + 1, end, value);
      value = failure == std::errc() && stop == end ? value : -1;
    }
    if (!node || !(value >= 0 && value <= 1)) {
      throw usage_error("--threshold " + text + ": expected NODE=P with P from 0 to 1",
                        "Nodes: tumor_vs_demyelination, astrocytoma_vs_ependymoma, ms_vs_nmosd.");
    }
    thresholds[*node] = value;
  }
  return thresholds;
}

void require_separate_output(const app::PredictOptions& options) {
  if (options.output.empty()) {
    throw usage_error("the output folder has an empty name", "Name a folder with -o.");
  }
  for (const std::filesystem::path& input : options.find.inputs) {
    std::error_code missing;
    if (std::filesystem::equivalent(input, options.output, missing)) {
      throw usage_error("the output folder " + options.output.string() + " is also the input",
                        "Choose another folder with -o; it may lie inside the input.");
    }
  }
}

inference::Precision parse_precision(const std::string& text) {
  if (text == "fp32") {
    return inference::Precision::fp32;
  }
  return text == "bf16" ? inference::Precision::bf16 : inference::Precision::automatic;
}

void add_model_options(CLI::App& command, Arguments& arguments) {
  app::PredictOptions& options = arguments.options;
  command.add_option("--models", arguments.models, "Model package [the installed one]")
      ->type_name("DIR");
  command.add_flag("--allow-unverified-models", options.allow_unverified_models,
                   "Accept network files whose SHA-256 differs from the manifest's");
  command.add_option("--device", arguments.device, "auto, cpu, cuda or cuda:N")
      ->capture_default_str();
  command.add_option("--precision", arguments.precision, "Arithmetic of the networks")
      ->check(CLI::IsMember({"auto", "fp32", "bf16"}))
      ->capture_default_str();
  command
      .add_option("--engine", arguments.engine,
                  "auto: compiled for the CPU where that is possible; torchscript: as it is")
      ->check(CLI::IsMember({"auto", "torchscript"}))
      ->capture_default_str();
  command
      .add_option("--threads", options.threads,
                  "Threads [what affinity, cgroup and SLURM_CPUS_PER_TASK allow]")
      ->check(CLI::Range(1, 1024));
}

void add_method_options(CLI::App& command, Arguments& arguments) {
  app::PredictOptions& options = arguments.options;
  command
      .add_option("--masks", arguments.masks,
                  "Classify from corrected masks, <case_id>.nii.gz or a former output folder; no "
                  "segmentation")
      ->type_name("DIR|FILE");
  command.add_flag("--all-nodes", options.all_nodes,
                   "Evaluate all three classifiers, also off the path");
  command
      .add_option("--threshold", arguments.thresholds,
                  "Probability from which a node decides for its second class; repeatable")
      ->type_name("NODE=P");
  command
      .add_option("--abstain-margin", options.abstain_margin,
                  "Indeterminate if a probability is nearer than this to its threshold")
      ->check(number_between(0, 1))
      ->capture_default_str();
  command
      .add_option("--min-lesion-mm3", arguments.min_lesion_mm3,
                  "Smallest lesion that counts [the package's]")
      ->type_name("V")
      ->check(number_between(0, 1e9));
  command.add_flag("--save-probability", options.save_probability,
                   "Write lesion_probability.nii.gz as well");
}

void add_run_options(CLI::App& command, Arguments& arguments) {
  app::PredictOptions& options = arguments.options;
  auto* resume = command.add_flag("--resume", arguments.resume,
                                  "Keep what an earlier run completed with the same input, models "
                                  "and options");
  command.add_flag("--overwrite", arguments.overwrite, "Replace earlier results")->excludes(resume);
  command
      .add_option("--shard", arguments.shard,
                  "Only part I of N of the cases; each part into its own OUT")
      ->type_name("I/N");
  command.add_flag("--fail-fast", options.fail_fast, "Stop after the first failed case");
  command.add_flag("--dry-run", options.dry_run,
                   "Show the cases and the series that would be used; write nothing");
  add_load_timeout_option(command, options.limits);
}

app::PredictOptions understood(const Arguments& arguments, const GlobalOptions& global) {
  app::PredictOptions options = arguments.options;
  options.find = find_request(arguments.input);
  options.load = load_options(arguments.input);
  options.output = arguments.output;
  require_separate_output(options);
  options.models =
      arguments.models.empty() ? default_models() : std::filesystem::path(arguments.models);
  options.network = {.device = arguments.device,
                     .precision = parse_precision(arguments.precision),
                     .engine = arguments.engine == "auto" ? inference::Engine::automatic
                                                          : inference::Engine::script};
  if (!arguments.masks.empty()) {
    options.corrected_masks = arguments.masks;
  }
  options.thresholds = parse_thresholds(arguments.thresholds);
  options.shard = parse_shard(arguments.shard);
  if (arguments.min_lesion_mm3 >= 0) {
    options.min_lesion_mm3 = arguments.min_lesion_mm3;
  }
  if (arguments.resume) {
    options.existing = app::Existing::resume;
  } else if (arguments.overwrite) {
    options.existing = app::Existing::overwrite;
  }
  const bool plain = global.progress == "none" || global.quiet || global.log_format == "json";
  options.progress = plain ? app::ProgressStyle::none : app::ProgressStyle::automatic;
  return options;
}

} // namespace

RunCommand add_predict(CLI::App& app, const GlobalOptions& global) {
  CLI::App& command = *app.add_subcommand("predict", description);
  command.footer(footer);
  auto arguments = std::make_shared<Arguments>();
  add_input_options(command, arguments->input);
  command.add_option("-o,--output", arguments->output, "Output folder, created if missing")
      ->required()
      ->type_name("OUT");
  add_model_options(command, *arguments);
  add_method_options(command, *arguments);
  add_run_options(command, *arguments);
  return
      [arguments, &global] { return app::run_predict(understood(*arguments, global), std::cout); };
}

} // namespace cordlesion::cli
