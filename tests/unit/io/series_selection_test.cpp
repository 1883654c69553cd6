// The choice of the sagittal T2 among the series of a study.
#include "test_files.hpp"

using namespace cordlesion;
using namespace cordlesion::io;
using namespace cordlesion::io::test;

namespace {

Change series(const std::string& uid, const Change& change = {}) {
  return [=](DicomFile& file, int k) {
    file.text({0x0020, 0x000e}, "UI", uid);
    if (change) {
      change(file, k);
    }
  };
}

Change timing(const std::string& tr, const std::string& te, const std::string& sequence = "SE",
              const std::string& ti = "") {
  return [=](DicomFile& file, int) {
    file.text({0x0018, 0x0080}, "DS", tr);
    file.text({0x0018, 0x0081}, "DS", te);
    file.text({0x0018, 0x0020}, "CS", sequence);
    if (!ti.empty()) {
      file.text({0x0018, 0x0082}, "DS", ti);
    }
  };
}

/// Decision on a series with these changes.
SeriesCandidate decision(const Change& change, const LoadOptions& options = {}) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", 4, change);
  return loader.describe(loader.find({{folder / "case"}, {}, {}}).cases.front(), options)
      .candidates.front();
}

} // namespace

TEST(SeriesSelection, KnowsTheWeightingFromTheTiming) {
  const std::vector<std::pair<std::string, Change>> sequences{
      {"T2", timing("3000", "100")},
      {"T2", timing("1500", "120")},
      {"T2", timing("3000", "100", "SE", "0")},
      {"T1", timing("500", "12")},
      {"PD", timing("2500", "20")},
      {"STIR", timing("4000", "60", "IR", "160")},
      {"STIR", timing("4000", "60", "SE", "160")},
      {"FLAIR", timing("9000", "110", "IR\\SE", "2500")},
      {"T1", timing("2000", "3", "GR\\IR", "900")},
      {"T2*", timing("600", "15", "GR")},
      {"T1", timing("8", "3", "GR")},
      {"diffusion", timing("4000", "80", "EP\\SE")}};
  for (const auto& [kind, change] : sequences) {
    const SeriesCandidate candidate = decision(change);
    EXPECT_EQ(candidate.info.weighting, kind) << candidate.reason;
    EXPECT_EQ(candidate.accepted, kind == "T2") << candidate.reason;
    EXPECT_NE(candidate.reason.find("TE "), std::string::npos);
  }
}

TEST(SeriesSelection, JudgesByPhysicsBeforeTheName) {
  const auto misnamed = [](DicomFile& file, int k) {
    timing("500", "12")(file, k);
    file.text({0x0008, 0x103e}, "LO", "T2 SAG");
  };
  EXPECT_FALSE(decision(misnamed).accepted);
}

TEST(SeriesSelection, FallsBackOnTheNameWithoutTiming) {
  const auto named = [](const std::string& name) {
    return [=](DicomFile& file, int) {
      file.erase({0x0018, 0x0080});
      file.erase({0x0018, 0x0081});
      file.text({0x0008, 0x103e}, "LO", name);
    };
  };
  EXPECT_TRUE(decision(named("T2 TSE SAG")).accepted);
  EXPECT_FALSE(decision(named("STIR T2 SAG")).accepted);
  EXPECT_FALSE(decision(named("survey")).accepted);
  EXPECT_EQ(decision(named("T2 TSE SAG")).reason.find("TSE"), std::string::npos);
}

TEST(SeriesSelection, RejectsWhatIsNoMrSlice) {
  const std::vector<std::pair<std::string, Change>> others{
      {"modality CT",
       [](DicomFile& f, int) {
         f.text({0x0008, 0x0060}, "CS", "CT");
       }},
      {"secondary capture",
       [](DicomFile& f, int) {
         f.text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.7");
       }},
      {"burned",
       [](DicomFile& f, int) {
         f.text({0x0028, 0x0301}, "CS", "YES");
       }},
      {"ADC",
       [](DicomFile& f, int) {
         f.text({0x0008, 0x0008}, "CS", "DERIVED\\PRIMARY\\ADC");
       }},
      {"LOCALIZER",
       [](DicomFile& f, int) {
         f.text({0x0008, 0x0008}, "CS", "ORIGINAL\\PRIMARY\\LOCALIZER");
       }},
      {"PALETTE",
       [](DicomFile& f, int) {
         f.text({0x0028, 0x0004}, "CS", "PALETTE COLOR");
       }},
      {"colour", [](DicomFile& f, int) {
         f.us({0x0028, 0x0002}, 3);
         f.text({0x0028, 0x0004}, "CS", "RGB");
       }}};
  LoadOptions options;
  options.assume_sagittal_t2 = true; // overrides the weighting alone
  for (const auto& [reason, change] : others) {
    const SeriesCandidate candidate = decision(change, options);
    EXPECT_FALSE(candidate.accepted);
    EXPECT_NE(candidate.reason.find(reason), std::string::npos) << candidate.reason;
  }
}

TEST(SeriesSelection, DoesNotMindDerivedSecondaryAlone) {
  EXPECT_TRUE(decision([](DicomFile& f, int) {
                f.text({0x0008, 0x0008}, "CS", "DERIVED\\SECONDARY\\OTHER\\AI");
              }).accepted);
}

TEST(SeriesSelection, TakesNoForAContrastAgentAsNone) {
  for (const char* text : {"off", "No", "NONE", ""}) {
    EXPECT_FALSE(decision([&](DicomFile& f, int) {
                   f.text({0x0018, 0x0010}, "LO", text);
                 }).info.contrast_agent);
  }
  EXPECT_TRUE(decision([](DicomFile& f, int) {
                f.text({0x0018, 0x0010}, "LO", "Gadovist");
              }).info.contrast_agent);
}

TEST(SeriesSelection, RejectsAxialAcquisitionsEvenIfAssumed) {
  LoadOptions options;
  options.assume_sagittal_t2 = true;
  const SeriesCandidate axial = decision(
      [](DicomFile& f, int k) {
        f.text({0x0020, 0x0037}, "DS", "1\\0\\0\\0\\1\\0");
        f.text({0x0020, 0x0032}, "DS", "0\\0\\" + std::to_string(4 * k));
      },
      options);
  EXPECT_FALSE(axial.accepted);
  EXPECT_NEAR(axial.info.sagittal_angle_deg, 90, 1e-6);
  EXPECT_NE(axial.reason.find("90 degrees"), std::string::npos);
}

TEST(SeriesSelection, AcceptsANearIsotropicVolumeOfAnyOrientation) {
  EXPECT_TRUE(decision([](DicomFile& f, int k) {
                f.text({0x0020, 0x0037}, "DS", "1\\0\\0\\0\\1\\0");
                f.text({0x0020, 0x0032}, "DS", "0\\0\\" + std::to_string(0.9 * k));
              }).accepted);
}

TEST(SeriesSelection, AssumesT2WhereAsked) {
  LoadOptions options;
  options.assume_sagittal_t2 = true;
  EXPECT_TRUE(decision(timing("500", "12"), options).accepted);
}

TEST(SeriesSelection, PicksTheT2AmongOthersAndSaysWhy) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", 4, series("1.2.1", timing("500", "12")), "t1_");
  write_series(folder / "case", 4, series("1.2.2", timing("3000", "100")), "t2_");
  write_series(folder / "case", 4, series("1.2.3", timing("4000", "60", "IR", "160")), "stir_");
  const LoadedCase chosen = load_only(loader, folder / "case");
  ASSERT_EQ(chosen.candidates.size(), 3U);
  for (const SeriesCandidate& candidate : chosen.candidates) {
    EXPECT_EQ(candidate.chosen, candidate.info.weighting == "T2");
    EXPECT_FALSE(candidate.reason.empty());
  }
  EXPECT_EQ(chosen.series->repetition_time_ms, 3000);
}

TEST(SeriesSelection, FailsWithTheCandidatesListedIfNothingSuits) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", 4, series("1.2.1", timing("500", "12")));
  const Error error = error_from([&] { load_only(loader, folder / "case"); });
  EXPECT_EQ(error.code(), "no_sagittal_t2");
  EXPECT_EQ(error.stage(), Stage::select);
  EXPECT_NE(std::string(error.what()).find("TR 500 ms, TE 12 ms: T1, not T2"), std::string::npos);
}

TEST(SeriesSelection, SplitsEchoesAndTakesTheLateOne) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", 4, timing("3000", "60"), "early");
  write_series(folder / "case", 4, timing("3000", "110"), "late");
  const LoadedCase chosen = load_only(loader, folder / "case");
  EXPECT_EQ(chosen.candidates.size(), 2U);
  EXPECT_EQ(chosen.series->echo_time_ms, 110);
  EXPECT_FALSE(has_warning(chosen.warnings, "ambiguous_series"));
}

TEST(SeriesSelection, SplitsALocalizerOffTheSameSeries) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", 4);
  DicomFile localizer = sagittal_slice(0);
  localizer.text({0x0020, 0x0037}, "DS", "1\\0\\0\\0\\1\\0");
  localizer.save(folder / "case/localizer.dcm");
  EXPECT_EQ(load_only(loader, folder / "case").image.grid().size[2], 4U);
}

TEST(SeriesSelection, SplitsRepeatedAcquisitions) {
  CaseLoader loader;
  TempFolder folder;
  for (const char* number : {"1", "2"}) {
    write_series(
        folder / "case", 4,
        [&](DicomFile& file, int) {
          file.text({0x0020, 0x0012}, "IS", number);
        },
        number);
  }
  EXPECT_EQ(load_only(loader, folder / "case").candidates.size(), 2U);
}

TEST(SeriesSelection, WarnsOfEquallyGoodSeriesOrFailsIfAsked) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", 4, series("1.2.1"), "a");
  write_series(folder / "case", 6, series("1.2.2"), "b");
  const LoadedCase chosen = load_only(loader, folder / "case");
  EXPECT_EQ(chosen.image.grid().size[2], 6U);
  EXPECT_TRUE(has_warning(chosen.warnings, "ambiguous_series"));
  LoadOptions options;
  options.fail_on_ambiguity = true;
  EXPECT_EQ(error_from([&] { load_only(loader, folder / "case", options); }).code(),
            "ambiguous_series");
}

TEST(SeriesSelection, ObeysASeriesUidOrItsDigest) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", 4, series("1.2.1", timing("500", "12")), "t1_");
  write_series(folder / "case", 4, series("1.2.2"), "t2_");
  LoadOptions options;
  options.series_uid = "1.2.1";
  const LoadedCase by_uid = load_only(loader, folder / "case", options);
  EXPECT_EQ(by_uid.series->weighting, "T1");
  options.series_uid = by_uid.series->uid_digest;
  EXPECT_EQ(load_only(loader, folder / "case", options).series->weighting, "T1");
  options.series_uid = "1.2.9";
  EXPECT_EQ(error_from([&] { load_only(loader, folder / "case", options); }).code(),
            "series_not_found");
}

TEST(SeriesSelection, PrefersAReadableSeriesAndReportsTheBrokenOne) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", 4, series("1.2.1"), "a");
  write_series(folder / "case", 6, series("1.2.2"), "b");
  fs::remove(folder / "case/b2.dcm");
  const LoadedCase chosen = load_only(loader, folder / "case");
  EXPECT_EQ(chosen.image.grid().size[2], 4U);
  EXPECT_TRUE(has_warning(chosen.warnings, "series_unreadable"));
}

TEST(SeriesSelection, ShowsDescriptionsOnlyIfAskedAndAsUtf8) {
  const auto latin1 = [](DicomFile& file, int) {
    file.text({0x0008, 0x103e}, "LO",
              "T2 R\xFC"
              "cken");
  };
  LoadOptions options;
  EXPECT_EQ(decision(latin1, options).info.description, "");
  options.include_identifiers = true;
  EXPECT_EQ(decision(latin1, options).info.description, "T2 R\xC3\xBC"
                                                        "cken");
}
