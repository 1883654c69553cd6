// Opening a package: the manifest is obeyed only if every field and every file is in order.
#include "cordlesion/inference/model_package.hpp"
#include "package_files.hpp"

namespace cordlesion::inference {
namespace {

/// A package whose files are not networks: opening must not look into them.
struct Package {
  TemporaryFolder folder;
  nlohmann::json manifest = valid_manifest();

  Package() {
    for (const nlohmann::json* entry : file_entries(manifest)) {
      const auto name = (*entry)["file"].get<std::string>();
      write_text(folder.path() / name, "content of " + name);
    }
    write_manifest(folder.path(), manifest);
    manifest = nlohmann::json::parse(std::ifstream(folder.path() / "manifest.json"));
  }

  void save() const { write_text(folder.path() / "manifest.json", manifest.dump()); }
  ModelPackage open(bool allow_unverified = false) const {
    return open_model_package(folder.path(), allow_unverified);
  }
};

TEST(ModelPackage, ReadsEveryFieldOfTheManifest) {
  Package package;
  package.manifest["trained"] = true;
  package.manifest["fit"] = "stretch";
  package.manifest["normalisation"]["clip_sd"] = 4.0;
  package.manifest["min_lesion_mm3"] = 12.5;
  package.manifest["bf16_agrees"] = true;
  package.manifest["segmenter"]["threshold"] = 0.25;
  package.manifest["classifiers"]["ms_vs_nmosd"]["threshold"] = 0.75;
  package.manifest["classifiers"]["ms_vs_nmosd"]["channels"] = {"t2", "mask"};
  package.save();
  const ModelPackage opened = package.open();
  const Manifest& manifest = opened.manifest;
  EXPECT_EQ(opened.folder, package.folder.path());
  EXPECT_TRUE(opened.verified);
  EXPECT_EQ(manifest.schema_version, 1);
  EXPECT_EQ(manifest.name, "tiny");
  EXPECT_EQ(manifest.version, "1");
  EXPECT_EQ(manifest.licence, "Apache-2.0");
  EXPECT_EQ(manifest.trained_on, "nothing");
  EXPECT_EQ(manifest.intended_use, "unit tests");
  EXPECT_TRUE(manifest.trained);
  EXPECT_EQ(manifest.input_size, 32U);
  EXPECT_EQ(manifest.fit, Fit::stretch);
  EXPECT_EQ(manifest.normalisation.clip_sd, 4.0);
  EXPECT_EQ(manifest.aggregation, "mean");
  EXPECT_EQ(manifest.min_lesion_mm3, 12.5);
  EXPECT_TRUE(manifest.bf16_agrees);
  EXPECT_EQ(manifest.segmenter.file.file, "segmenter.pt");
  EXPECT_EQ(manifest.segmenter.threshold, 0.25);
  EXPECT_EQ(manifest.golden.file, "golden.pt");
  EXPECT_EQ(manifest.golden_tolerance, 1e-3);
  ASSERT_EQ(manifest.classifiers.size(), 3U);
  const ClassifierSpec& last = manifest.classifiers.at(Node::ms_vs_nmosd);
  EXPECT_EQ(last.channels, (std::vector<ChannelRole>{ChannelRole::t2, ChannelRole::mask}));
  EXPECT_EQ(last.threshold, 0.75);
  EXPECT_EQ(last.threshold_source, "fixed at 0.5");
  EXPECT_EQ(opened.sha256.size(), 6U); // the five files and the manifest
  EXPECT_EQ(opened.sha256.at("segmenter.pt"), sha256_of_text("content of segmenter.pt"));
}

TEST(ModelPackage, IgnoresKeysItDoesNotKnow) {
  Package package;
  package.manifest["note"] = "extra";
  package.manifest["classifiers"]["ms_vs_nmosd"]["note"] = 7;
  package.save();
  EXPECT_NO_THROW(package.open());
}

struct Mutation {
  std::string pointer; ///< JSON pointer of the field
  std::string value;   ///< JSON text, empty removes the field
  std::string code;
  std::string piece; ///< of the message
};

std::ostream& operator<<(std::ostream& stream, const Mutation& mutation) {
  return stream << mutation.pointer << " = " << mutation.value;
}

class ManifestMutation : public testing::TestWithParam<Mutation> {};

TEST_P(ManifestMutation, IsRefusedByName) {
  const Mutation& mutation = GetParam();
  Package package;
  const nlohmann::json::json_pointer pointer(mutation.pointer);
  if (mutation.value.empty()) {
    package.manifest[pointer.parent_pointer()].erase(pointer.back());
  } else {
    package.manifest[pointer] = nlohmann::json::parse(mutation.value);
  }
  package.save();
  // The manifest is refused whether or not hashes matter.
  for (const bool allow_unverified : {false, true}) {
    expect_models_error(error_of([&] { package.open(allow_unverified); }), mutation.code,
                        mutation.piece);
  }
}

std::vector<Mutation> mutations() {
  const std::string invalid = "manifest_invalid";
  const std::string node = "/classifiers/astrocytoma_vs_ependymoma";
  const std::string node_field = "`classifiers.astrocytoma_vs_ependymoma";
  std::vector<Mutation> table{
      {"/schema_version", "2", "manifest_schema_newer", "expected at most 1, found 2"},
      {"/schema_version", "0", invalid, "`schema_version`: expected a whole number"},
      {"/schema_version", "\"1\"", invalid, "`schema_version`: expected a whole number"},
      {"/schema_version", "1.5", invalid, "`schema_version`: expected a whole number"},
      {"/name", "\"\"", invalid, "`name`: expected a text that is not empty"},
      {"/licence", "3", invalid, "`licence`: expected a text that is not empty, found 3"},
      {"/trained", "\"yes\"", invalid, "`trained`: expected true or false, found \"yes\""},
      {"/input_size", "0", invalid, "`input_size`: expected a whole number from 16 to 4096"},
      {"/input_size", "-256", invalid, "`input_size`"},
      {"/input_size", "18446744073709551615", invalid, "`input_size`"},
      {"/input_size", "256.5", invalid, "`input_size`"},
      {"/fit", "\"crop\"", invalid, "`fit`: expected `letterbox` or `stretch`, found \"crop\""},
      {"/normalisation", "5", invalid, "`normalisation`: expected an object"},
      {"/normalisation/clip_sd", "0", invalid,
       "`normalisation.clip_sd`: expected a number greater"},
      {"/aggregation", "\"max\"", invalid, "`aggregation`: expected `mean`"},
      {"/min_lesion_mm3", "-1", invalid, "`min_lesion_mm3`: expected a number of at least 0"},
      {"/bf16_agrees", "1", invalid, "`bf16_agrees`"},
      {"/segmenter/threshold", "1.5", invalid,
       "`segmenter.threshold`: expected a number from 0 to 1"},
      {"/segmenter/file", "\"../segmenter.pt\"", invalid, "`segmenter.file`: expected a file name"},
      {"/segmenter/file", "\"/etc/passwd\"", invalid, "`segmenter.file`"},
      {"/segmenter/file", "\"a\\\\b.pt\"", invalid, "`segmenter.file`"},
      {"/segmenter/file", "\"..\"", invalid, "`segmenter.file`"},
      {"/segmenter/file", "\"a\\u0000b\"", invalid, "`segmenter.file`"},
      {"/segmenter/file", "\"other.pt\"", "model_file_missing", "other.pt: named in manifest.json"},
      {"/segmenter/sha256", "\"12ab\"", invalid, "`segmenter.sha256`: expected 64 hexadecimal"},
      {"/golden/tolerance", "-1e-3", invalid, "`golden.tolerance`"},
      {"/classifiers", "[]", invalid, "`classifiers`: expected an object"},
      {node + "/threshold", "-0.1", invalid, node_field + ".threshold`"},
      {node + "/classes", R"(["ependymoma","astrocytoma"])", invalid,
       R"(expected ["astrocytoma","ependymoma"] in this order, found ["ependymoma","astrocytoma"])"},
      {node + "/classes", R"(["astrocytoma"])", invalid, node_field + ".classes`"},
      {node + "/channels", "[]", invalid, node_field + ".channels`: expected a list of 1 to 16"},
      {node + "/channels", R"(["t2","flair"])", invalid,
       node_field + ".channels[1]`: expected one of"},
      {node + "/channels", R"("t2")", invalid, node_field + ".channels`: expected a list"},
      {node + "/channels", R"(["t1c_in_mask"])", "channel_role_unsupported", "`t1c_in_mask`"},
      {node + "/channels", R"(["t1c","t2"])", "channel_role_unsupported", "T1"},
  };
  for (const std::string required : {"schema_version",
                                     "name",
                                     "version",
                                     "licence",
                                     "trained",
                                     "trained_on",
                                     "intended_use",
                                     "input_size",
                                     "fit",
                                     "normalisation",
                                     "normalisation/clip_sd",
                                     "aggregation",
                                     "min_lesion_mm3",
                                     "bf16_agrees",
                                     "segmenter",
                                     "segmenter/file",
                                     "segmenter/sha256",
                                     "segmenter/threshold",
                                     "classifiers",
                                     "classifiers/ms_vs_nmosd",
                                     "classifiers/ms_vs_nmosd/file",
                                     "classifiers/ms_vs_nmosd/sha256",
                                     "classifiers/ms_vs_nmosd/channels",
                                     "classifiers/ms_vs_nmosd/classes",
                                     "classifiers/ms_vs_nmosd/threshold",
                                     "classifiers/ms_vs_nmosd/threshold_source",
                                     "golden",
                                     "golden/file",
                                     "golden/sha256",
                                     "golden/tolerance"}) {
    std::string field = required;
    std::replace(field.begin(), field.end(), '/', '.');
    table.push_back({"/" + required, "", invalid, "field `" + field + "` is missing"});
  }
  return table;
}

INSTANTIATE_TEST_SUITE_P(Table, ManifestMutation, testing::ValuesIn(mutations()));

TEST(ModelPackage, RefusesAManifestThatIsNoJson) {
  Package package;
  for (const std::string text : {"", "{", "\xff\xfe", "{\"schema_version\": 1e999}"}) {
    write_text(package.folder.path() / "manifest.json", text);
    expect_models_error(error_of([&] { package.open(); }), "manifest_not_json", "manifest.json");
  }
  write_text(package.folder.path() / "manifest.json", "[1]");
  expect_models_error(error_of([&] { package.open(); }), "manifest_invalid", "expected an object");
}

TEST(ModelPackage, SaysHowToGetAPackageWhereThereIsNone) {
  const TemporaryFolder empty;
  for (const auto& [folder, code] : {std::pair{empty.path() / "none", "models_folder_missing"},
                                     std::pair{empty.path(), "manifest_missing"}}) {
    const Error error = error_of([&] { open_model_package(folder, false); });
    expect_models_error(error, code, folder.string());
    EXPECT_NE(error.hint().find("export.py --untrained"), std::string::npos);
  }
}

TEST(ModelPackage, RefusesAnAlteredFileUnlessUnverifiedIsAllowed) {
  for (const std::string file : {"segmenter.pt", "tumor_vs_demyelination.pt",
                                 "astrocytoma_vs_ependymoma.pt", "ms_vs_nmosd.pt", "golden.pt"}) {
    const Package package;
    write_text(package.folder.path() / file, "altered");
    const Error error = error_of([&] { package.open(); });
    expect_models_error(error, "model_hash_mismatch", file);
    EXPECT_NE(std::string(error.what()).find(sha256_of_text("altered")), std::string::npos);
    const ModelPackage opened = package.open(true);
    EXPECT_FALSE(opened.verified);
    EXPECT_EQ(opened.sha256.at(file), sha256_of_text("altered"));
  }
}

TEST(ModelPackage, AcceptsUpperCaseDigests) {
  Package package;
  auto& digest = package.manifest["segmenter"]["sha256"].get_ref<std::string&>();
  std::transform(digest.begin(), digest.end(), digest.begin(), ::toupper);
  package.save();
  EXPECT_TRUE(package.open().verified);
}

} // namespace
} // namespace cordlesion::inference
