// From folders, files and lists to cases.
#include "test_files.hpp"

#include <sys/stat.h>

#include <algorithm>

using namespace cordlesion;
using namespace cordlesion::io;
using namespace cordlesion::io::test;

namespace {

std::vector<std::string> ids_of(const FoundCases& found) {
  std::vector<std::string> ids;
  for (const CaseInput& input : found.cases) {
    ids.push_back(input.case_id);
  }
  return ids;
}

std::vector<std::string> ids_in(const fs::path& input) {
  CaseLoader loader;
  return ids_of(loader.find({{input}, {}, {}}));
}

Change study(const std::string& uid) {
  return [=](DicomFile& file, int) { file.text({0x0020, 0x000d}, "UI", uid); };
}

void write_volume(const fs::path& path) {
  NiftiFile(8, 20, 20).save(path);
}

using Ids = std::vector<std::string>;

} // namespace

TEST(SafeCaseId, KeepsToItsAlphabet) {
  EXPECT_EQ(safe_case_id("sub-01_T2.a"), "sub-01_T2.a");
  EXPECT_EQ(safe_case_id("../../etc/pass wd"), "_.._etc_pass_wd");
  EXPECT_EQ(safe_case_id("Müller"), "M__ller");
  EXPECT_EQ(safe_case_id("..."), "case");
  EXPECT_EQ(safe_case_id(""), "case");
  EXPECT_EQ(safe_case_id(std::string("a\0b", 3)), "a_b");
  EXPECT_LE(safe_case_id(std::string(500, 'x')).size(), 120U);
  EXPECT_NE(safe_case_id(std::string(500, 'x')), safe_case_id(std::string(501, 'x')));
}

TEST(FindCases, NamesVolumesByTheirPathBelowTheInput) {
  TempFolder folder;
  write_volume(folder / "a/t2.nii");
  write_volume(folder / "b/t2.nii");
  write_volume(folder / "top.nii");
  EXPECT_EQ(ids_in(folder.path()), (Ids{"a_t2", "b_t2", "top"}));
  EXPECT_EQ(ids_in(folder / "a/t2.nii"), Ids{"t2"});
}

TEST(FindCases, NamesAStudyByTheDeepestFolderOfItsFiles) {
  TempFolder folder;
  write_series(folder / "cohort/p1/t1", 3, study("1.1"));
  write_series(folder / "cohort/p1/t2", 3, study("1.1"));
  write_series(folder / "cohort/p2", 3, study("1.2"));
  EXPECT_EQ(ids_in(folder / "cohort"), (Ids{"p1", "p2"}));
  EXPECT_EQ(ids_in(folder / "cohort/p2"), Ids{"p2"});
}

TEST(FindCases, TellsStudiesOfOneFolderApart) {
  TempFolder folder;
  write_series(folder / "mixed", 3, study("1.1"), "a");
  write_series(folder / "mixed", 3, study("1.2"), "b");
  CaseLoader loader;
  const FoundCases found = loader.find({{folder / "mixed"}, {}, {}});
  ASSERT_EQ(found.cases.size(), 2U);
  for (const CaseInput& input : found.cases) {
    EXPECT_EQ(input.case_id.size(), std::string("mixed-01234567").size());
    EXPECT_EQ(input.files.size(), 3U);
  }
}

TEST(FindCases, TakesDicomFilesGivenByNameTogether) {
  TempFolder folder;
  write_series(folder / "case", 4);
  CaseLoader loader;
  FindRequest request;
  for (const auto& entry : fs::directory_iterator(folder / "case")) {
    request.inputs.push_back(entry.path());
  }
  EXPECT_EQ(ids_of(loader.find(request)), Ids{"case"});
  EXPECT_EQ(ids_in(folder / "case/slice0.dcm"), Ids{"slice0"});
}

TEST(FindCases, SkipsAndCountsWhatIsNoImage) {
  TempFolder folder;
  write_series(folder / "case", 3);
  write_bytes(folder / "case/notes.txt", "text");
  write_bytes(folder / "case/.DS_Store", "x");
  DicomFile report;
  report.text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.88.11");
  report.text({0x0020, 0x000d}, "UI", "1.2.3.10");
  report.save(folder / "case/report.dcm");
  CaseLoader loader;
  const FoundCases found = loader.find({{folder / "case"}, {}, {}});
  ASSERT_EQ(found.cases.size(), 1U);
  EXPECT_EQ(found.cases[0].files.size(), 3U);
  EXPECT_EQ(found.skipped_files, 3U);
  EXPECT_EQ(found.cases[0].skipped_files, 3U);
}

TEST(FindCases, FailsTheCaseOfABrokenFileButNotTheOthers) {
  TempFolder folder;
  write_series(folder / "in/good", 3, study("1.1"));
  write_series(folder / "in/bad", 3, study("1.2"));
  write_bytes(folder / "in/bad/broken.dcm", std::string(128, '\0') + "DICM");
  write_bytes(folder / "in/empty/slice.dcm", "");
  CaseLoader loader;
  const FoundCases found = loader.find({{folder / "in"}, {}, {}});
  ASSERT_EQ(ids_of(found), (Ids{"bad", "empty", "good"}));
  ASSERT_TRUE(found.cases[0].failure.has_value());
  EXPECT_NE(std::string(found.cases[0].failure->what()).find("bad/broken.dcm"), std::string::npos);
  EXPECT_TRUE(found.cases[1].failure.has_value());
  EXPECT_FALSE(found.cases[2].failure.has_value());
  EXPECT_EQ(error_from([&] { loader.load(found.cases[1], {}); }).code(), "dicom_unreadable");
  EXPECT_EQ(loader.load(found.cases[2], {}).image.grid().size[2], 3U);
}

TEST(FindCases, TakesAnEmptyFileAmongSlicesForABrokenSlice) {
  TempFolder folder;
  for (int k = 0; k < 4; ++k) {
    sagittal_slice(k).save(folder / std::to_string(k));
  }
  write_bytes(folder / "4", "");
  CaseLoader loader;
  EXPECT_TRUE(loader.find({{folder.path()}, {}, {}}).cases.front().failure.has_value());
}

TEST(FindCases, KnowsABrokenSliceByItsNeighbours) {
  const std::string trash(3000, '\xff');
  const auto fails = [&](const std::vector<std::string>& slices, const std::string& other,
                         const std::string& content) {
    TempFolder folder;
    for (std::size_t k = 0; k < slices.size(); ++k) {
      sagittal_slice(static_cast<int>(k)).save(folder / slices[k]);
    }
    write_bytes(folder / other, content);
    CaseLoader loader;
    const FoundCases found = loader.find({{folder.path()}, {}, {}});
    return found.cases.size() == 1 && found.cases.front().failure.has_value();
  };
  const std::vector<std::string> numbered{"IM0001", "IM0002", "IM0003"};
  EXPECT_TRUE(fails(numbered, "IM0004", trash));
  EXPECT_TRUE(fails(numbered, "IM10", std::string(100, '\0')));
  EXPECT_TRUE(fails(numbered, "IM0004.gz", "\x1f\x8b"));
  EXPECT_TRUE(fails({"1.2.840.1", "1.2.840.22", "1.2.840.333"}, "1.2.3.840.4", trash));
  EXPECT_TRUE(fails({"a.1.mr", "a.2.mr", "a.3.mr"}, "a.4.mr", trash));
  const std::vector<std::string> hashed{"a3f9c2", "77b0de", "0c41aa"};
  const auto size = fs::file_size([&] {
    static TempFolder folder;
    sagittal_slice(0).save(folder / "slice");
    return folder / "slice";
  }());
  EXPECT_TRUE(fails(hashed, "b81f90", std::string(size, '\0')));
  EXPECT_FALSE(fails(hashed, "b81f90", "a note"));
  EXPECT_FALSE(fails(hashed, "readme", std::string(size, 'x')));
  for (const char* name : {"README", "IM0001.jpg", "IM0004.txt", "report1", "Thumbs.db", "VERSION2",
                           "DICOMDIR", "IM0001.json", "backup2019.tar.gz"}) {
    EXPECT_FALSE(fails(numbered, name, trash)) << name;
  }
}

TEST(FindCases, NeitherFollowsLoopsNorOpensPipes) {
  TempFolder folder;
  write_series(folder / "in/case", 4);
  fs::create_directory_symlink("..", folder / "in/case/loop");
  fs::create_symlink("nowhere", folder / "in/case/dangling");
  fs::create_symlink("slice1.dcm", folder / "in/case/again.dcm");
  ASSERT_EQ(::mkfifo((folder / "in/case/pipe").c_str(), 0600), 0);
  CaseLoader loader;
  const FoundCases found = loader.find({{folder / "in"}, {}, {}});
  ASSERT_EQ(ids_of(found), Ids{"case"});
  EXPECT_EQ(found.cases[0].files.size(), 4U);
  EXPECT_TRUE(has_warning(found.warnings, "dangling_link"));
  EXPECT_TRUE(has_warning(found.warnings, "special_file"));
}

TEST(FindCases, NamesWhatIsTheSameFileAsAnother) {
  TempFolder folder;
  write_volume(folder / "a/t2.nii");
  fs::create_directories(folder / "b");
  fs::create_hard_link(folder / "a/t2.nii", folder / "b/t2.nii");
  CaseLoader loader;
  const FoundCases found = loader.find({{folder.path()}, {}, {}});
  EXPECT_EQ(found.cases.size(), 1U);
  ASSERT_TRUE(has_warning(found.warnings, "same_file"));
  EXPECT_NE(found.warnings[0].message.find("a/t2.nii"), std::string::npos);
  EXPECT_NE(found.warnings[0].message.find("b/t2.nii"), std::string::npos);
}

TEST(FindCases, KnowsSlicesByTheirContentWhateverTheirNames) {
  TempFolder folder;
  for (int k = 0; k < 3; ++k) {
    sagittal_slice(k).save(folder / ("in/" + std::to_string(k) + ".nii"));
  }
  CaseLoader loader;
  const FoundCases found = loader.find({{folder / "in"}, {}, {}});
  ASSERT_EQ(ids_of(found), Ids{"in"});
  EXPECT_EQ(found.cases[0].format, CaseInput::Format::dicom);
  EXPECT_EQ(found.cases[0].files.size(), 3U);
}

TEST(FindCases, LeavesTheOutputFolderAlone) {
  TempFolder folder;
  write_volume(folder / "t2.nii");
  write_bytes(folder / "out/.cordlesion.lock", "");
  write_volume(folder / "out/t2/lesion_mask.nii.gz");
  CaseLoader loader;
  EXPECT_EQ(ids_of(loader.find({{folder.path()}, {}, folder / "out"})), Ids{"t2"});
}

TEST(FindCases, RefusesAnOutputFolderWhoseImagesWouldBeLeftOut) {
  TempFolder folder;
  write_volume(folder / "coh/p1/t2.nii");
  write_volume(folder / "coh/p2/study/t2.nii");
  write_bytes(folder / "coh/notes/today.txt", "mine");
  fs::create_directories(folder / "elsewhere");
  fs::create_directory_symlink(folder / "coh/p2", folder / "elsewhere/linked");
  CaseLoader loader;
  const auto error = [&](const fs::path& input, const fs::path& output) {
    return error_from([&] { loader.find({{folder / input}, {}, folder / output}); });
  };
  for (const auto& output : {"coh/p2", "coh/p2/study", "elsewhere/linked"}) {
    EXPECT_EQ(error("coh", output).exit_code(), ExitCode::usage) << output;
  }
  EXPECT_NE(std::string(error("coh", "coh/p2").what()).find("folder p2 inside"), std::string::npos);
  EXPECT_EQ(error("elsewhere", "coh/p2").exit_code(), ExitCode::usage);
  for (const auto& output : {"coh/notes", "coh/new", "elsewhere"}) {
    EXPECT_EQ(loader.find({{folder / "coh"}, {}, folder / output}).cases.size(), 2U) << output;
  }
}

TEST(FindCases, SearchesAFolderOfImagesInWhichARunWasKilled) {
  TempFolder folder;
  write_bytes(folder / "p1/.cordlesion.lock", "");
  write_bytes(folder / "p1/.cordlesion-1-1.nii.gz", "half");
  write_volume(folder / "p1/t2.nii");
  write_volume(folder / "p1/case/lesion_mask.nii.gz");
  write_volume(folder / "p2/t2.nii");
  CaseLoader loader;
  EXPECT_EQ(ids_of(loader.find({{folder.path()}, {}, {}})), (Ids{"p1_t2", "p2_t2"}));
}

TEST(FindCases, TakesNoResultsOfEarlierRunsForImages) {
  TempFolder folder;
  write_volume(folder / "t2.nii");
  write_bytes(folder / "killed/.cordlesion.lock", "");
  write_volume(folder / "killed/t2/lesion_mask.nii.gz");
  write_bytes(folder / "copied/t2/report.json", "{}");
  write_volume(folder / "copied/t2/lesion_mask.nii.gz");
  write_volume(folder / "copied/t2/lesion_probability.nii.gz");
  write_volume(folder / "mine/lesion_mask.nii.gz");
  CaseLoader loader;
  const FoundCases found = loader.find({{folder.path()}, {}, {}});
  EXPECT_EQ(ids_of(found), (Ids{"mine_lesion_mask", "t2"}));
  EXPECT_EQ(std::count_if(found.warnings.begin(), found.warnings.end(),
                          [](const Warning& w) { return w.code == "earlier_results"; }),
            3);
}

TEST(FindCases, RefusesInputsWithoutImages) {
  TempFolder folder;
  CaseLoader loader;
  const auto error = [&](const fs::path& input) {
    return error_from([&] { loader.find({{input}, {}, {}}); });
  };
  EXPECT_EQ(error(folder.path()).exit_code(), ExitCode::no_input);
  write_bytes(folder / "a.txt", "text");
  EXPECT_EQ(error(folder.path()).exit_code(), ExitCode::no_input);
  EXPECT_EQ(error(folder / "a.txt").exit_code(), ExitCode::no_input);
  EXPECT_EQ(error(folder / "missing").exit_code(), ExitCode::usage);
}

TEST(FindCases, RefusesTwoCasesOfOneName) {
  TempFolder folder;
  write_volume(folder / "a/t2.nii");
  write_volume(folder / "b/t2.nii");
  CaseLoader loader;
  const Error error = error_from([&] {
    loader.find({{folder / "a/t2.nii", folder / "b/t2.nii"}, {}, {}});
  });
  EXPECT_EQ(error.exit_code(), ExitCode::usage);
  EXPECT_NE(std::string(error.what()).find("a/t2.nii"), std::string::npos);
  EXPECT_NE(std::string(error.what()).find("b/t2.nii"), std::string::npos);
}

TEST(Bids, TakesTheT2wImagesUnderAnatAlone) {
  TempFolder folder;
  write_bytes(folder / "dataset_description.json", "{}");
  write_volume(folder / "sub-01/anat/sub-01_T2w.nii");
  write_volume(folder / "sub-01/anat/sub-01_T1w.nii");
  write_volume(folder / "sub-02/ses-02/anat/sub-02_ses-02_acq-sag_T2w.nii");
  write_volume(folder / "derivatives/x/sub-01/anat/sub-01_T2w.nii");
  EXPECT_EQ(ids_in(folder.path()), (Ids{"sub-01", "sub-02_ses-02_acq-sag"}));
  fs::remove(folder / "dataset_description.json");
  EXPECT_EQ(ids_in(folder.path()), (Ids{"sub-01", "sub-02_ses-02_acq-sag"}));
}

TEST(Bids, KeepsCasesBesideAnUndescribedDataSet) {
  TempFolder folder;
  write_volume(folder / "sub-01/anat/sub-01_T2w.nii");
  write_volume(folder / "sub-01/anat/sub-01_T1w.nii");
  write_volume(folder / "extra/t2.nii");
  write_series(folder / "P17", 3);
  write_series(folder / "sub-02/dicom", 3, study("1.2"));
  EXPECT_EQ(ids_in(folder.path()), (Ids{"P17", "extra_t2", "sub-01", "sub-02_dicom"}));
}

TEST(Bids, WarnsOfSubjectsAndNamesWithoutImage) {
  TempFolder folder;
  write_bytes(folder / "dataset_description.json", "{}");
  write_volume(folder / "sub-01/anat/sub-01_T2w.nii");
  fs::create_directories(folder / "sub-02/anat");
  fs::create_symlink(".git/annex/x", folder / "sub-02/anat/sub-02_T2w.nii.gz");
  fs::create_directories(folder / "sub-03/anat");
  ASSERT_EQ(::mkfifo((folder / "sub-03/anat/sub-03_T2w.nii").c_str(), 0600), 0);
  write_series(folder / "sub-04", 3);
  CaseLoader loader;
  const FoundCases found = loader.find({{folder.path()}, {}, {}});
  EXPECT_EQ(ids_of(found), Ids{"sub-01"});
  std::vector<std::string> messages;
  for (const Warning& warning : found.warnings) {
    messages.push_back(warning.code + " " + warning.message.substr(0, warning.message.find(':')));
  }
  std::sort(messages.begin(), messages.end());
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[0].substr(0, 27), "bids_without_t2w 3 subjects");
  EXPECT_EQ(messages[1], "dangling_link sub-02/anat/sub-02_T2w.nii.gz");
  EXPECT_EQ(messages[2], "special_file sub-03/anat/sub-03_T2w.nii");
}

TEST(CaseList, NamesCasesImagesAndMasks) {
  TempFolder folder;
  write_volume(folder / "data/x.nii");
  write_volume(folder / "data/mask.nii");
  write_series(folder / "data/study", 4);
  write_bytes(folder / "list.tsv", "\xEF\xBB\xBF"
                                   "case_id\timage\tmask\tt1c\r\n"
                                   "one\tdata/x.nii\tdata/mask.nii\tignored\r\n\n"
                                   "two\tdata/study\t\t\n");
  CaseLoader loader;
  const FoundCases found = loader.find({{}, folder / "list.tsv", {}});
  ASSERT_EQ(ids_of(found), (Ids{"one", "two"}));
  EXPECT_EQ(found.cases[0].mask, folder / "data/mask.nii");
  EXPECT_FALSE(found.cases[1].mask.has_value());
  EXPECT_EQ(found.cases[1].format, CaseInput::Format::dicom);
  EXPECT_TRUE(has_warning(found.warnings, "t1c_ignored"));
}

TEST(CaseList, FailsOnlyTheCaseOfARowThatHoldsSeveral) {
  TempFolder folder;
  write_volume(folder / "x.nii");
  write_series(folder / "two", 3, study("1.1"), "a");
  write_series(folder / "two", 3, study("1.2"), "b");
  write_series(folder / "stray/t2", 3);
  write_bytes(folder / "stray/scout/slice.dcm", "");
  write_bytes(folder / "list.tsv", "case_id\timage\na\tx.nii\nb\ttwo\nc\tstray\n");
  CaseLoader loader;
  const FoundCases found = loader.find({{}, folder / "list.tsv", {}});
  ASSERT_EQ(ids_of(found), (Ids{"a", "b", "c"}));
  EXPECT_FALSE(found.cases[0].failure.has_value());
  EXPECT_EQ(found.cases[1].failure.value().code(), "several_cases");
  EXPECT_EQ(found.cases[2].failure.value().code(), "dicom_unreadable");
}

TEST(CaseList, NamesTheLineOfAMistake) {
  TempFolder folder;
  write_volume(folder / "x.nii");
  const std::vector<std::pair<std::string, std::string>> mistakes{
      {"list.tsv:1", "case_id\tpicture\n"},
      {"list.tsv:2", "case_id\timage\na\tmissing.nii\n"},
      {"list.tsv:3", "case_id\timage\na\tx.nii\na\tx.nii\n"},
      {"list.tsv:2", "case_id\timage\n../a\tx.nii\n"},
      {"list.tsv:2", "case_id\timage\na\tx.nii\tmore\n"},
      {"list.tsv:2", "case_id\timage\tmask\na\tx.nii\tno.nii\n"}};
  CaseLoader loader;
  for (const auto& [where, content] : mistakes) {
    write_bytes(folder / "list.tsv", content);
    const Error error = error_from([&] { loader.find({{}, folder / "list.tsv", {}}); });
    EXPECT_EQ(error.exit_code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find(where), std::string::npos) << error.what();
  }
}

TEST(CaseList, KeepsARowWithoutReadableImageAsAFailedCase) {
  TempFolder folder;
  write_bytes(folder / "nothing/a.txt", "text");
  write_bytes(folder / "list.tsv", "case_id\timage\na\tnothing\n");
  CaseLoader loader;
  const FoundCases found = loader.find({{}, folder / "list.tsv", {}});
  ASSERT_EQ(ids_of(found), Ids{"a"});
  EXPECT_EQ(found.cases[0].failure->code(), "nothing_readable");
}
