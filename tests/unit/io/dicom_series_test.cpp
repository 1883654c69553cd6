// DICOM series made by the test: every fault of geometry, order and pixels.
#include "test_files.hpp"

#include <algorithm>
#include <set>

using namespace cordlesion;
using namespace cordlesion::io;
using namespace cordlesion::io::test;

namespace {

std::string failure_code(const Change& change, int slices = 6) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", slices, change);
  return error_from([&] { load_only(loader, folder / "case"); }).code();
}

LoadedCase loaded(const Change& change, int slices = 6) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", slices, change);
  return load_only(loader, folder / "case");
}

void set_position(DicomFile& file, const std::string& text) {
  file.text({0x0020, 0x0032}, "DS", text);
}

} // namespace

TEST(DicomSeries, BecomesAGridFromPositionsAlone) {
  const LoadedCase loaded_case = loaded({});
  const Grid& grid = loaded_case.image.grid();
  EXPECT_EQ(grid.size, (Index3{test_columns, test_rows, 6}));
  EXPECT_EQ(grid.spacing_mm, (Vec3{0.5, 0.75, 4}));
  // The normal of (0,1,0) and (0,0,-1) points to the right: slice 0 is the leftmost.
  EXPECT_EQ(grid.direction[2], (Vec3{-1, 0, 0}));
  EXPECT_EQ(grid.origin_mm, (Vec3{0, -100, 150}));
  EXPECT_EQ(loaded_case.image.voxels().front(), test_pixel(5, 0));
  EXPECT_EQ(loaded_case.image.voxels().back(), test_pixel(0, test_rows * test_columns - 1));
  EXPECT_EQ(loaded_case.format, "dicom");
  ASSERT_TRUE(loaded_case.series.has_value());
  EXPECT_EQ(loaded_case.series->weighting, "T2");
  EXPECT_TRUE(loaded_case.series->description.empty());
}

TEST(DicomSeries, IsSortedWhateverTheFileNames) {
  CaseLoader loader;
  TempFolder folder;
  const int order[] = {3, 0, 5, 1, 4, 2};
  for (int i = 0; i < 6; ++i) {
    sagittal_slice(order[i]).save(folder / std::to_string(i));
  }
  const LoadedCase mixed = load_only(loader, folder.path());
  EXPECT_EQ(mixed.image.voxels(), loaded({}).image.voxels());
}

TEST(DicomSeries, WithAMissingSliceFails) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", 6);
  fs::remove(folder / "case/slice2.dcm");
  const Error error = error_from([&] { load_only(loader, folder / "case"); });
  EXPECT_EQ(error.code(), "slice_gap");
  EXPECT_NE(std::string(error.what()).find("slice1.dcm"), std::string::npos);
  EXPECT_NE(std::string(error.what()).find("1 slice(s) missing"), std::string::npos);
}

TEST(DicomSeries, ToleratesUnevennessBelowTheLimit) {
  const auto shifted = [](double mm) {
    return [mm](DicomFile& file, int k) {
      set_position(file, std::to_string(-20 + 4 * k + (k == 3 ? mm : 0)) + "\\-100\\150");
    };
  };
  EXPECT_EQ(loaded(shifted(0.05)).image.grid().size[2], 6U);
  EXPECT_EQ(failure_code(shifted(0.3)), "slice_gap");
}

TEST(DicomSeries, WithAShearedStackFails) {
  EXPECT_EQ(failure_code([](DicomFile& file, int k) {
              std::string position = std::to_string(-20 + 4 * k);
              position.append("\\").append(std::to_string(-100 + k)).append("\\150");
              set_position(file, position);
            }),
            "sheared_stack");
}

TEST(DicomSeries, WithAllSlicesAtOnePositionFails) {
  EXPECT_EQ(failure_code([](DicomFile& file, int) { set_position(file, "0\\-100\\150"); }),
            "slices_at_one_position");
}

TEST(DicomSeries, WithTwoSlicesFails) {
  EXPECT_EQ(failure_code({}, 2), "too_few_slices");
}

TEST(DicomSeries, DropsASliceThatIsThereTwice) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", 6);
  fs::copy_file(folder / "case/slice3.dcm", folder / "case/copy.dcm");
  const LoadedCase once = load_only(loader, folder / "case");
  EXPECT_EQ(once.image.grid().size[2], 6U);
  EXPECT_TRUE(has_warning(once.warnings, "duplicate_slice"));
}

TEST(DicomSeries, WithTwoDifferentSlicesAtOnePositionFails) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", 6);
  DicomFile other = sagittal_slice(3);
  other.bytes({0x7fe0, 0x0010}, "OW", std::string(test_rows * test_columns * 2, '\1'));
  other.save(folder / "case/other.dcm");
  EXPECT_EQ(error_from([&] { load_only(loader, folder / "case"); }).code(), "duplicate_slice");
}

TEST(DicomSeries, WithoutValidPlacementFails) {
  const std::vector<std::pair<std::string, Change>> faults{
      {"bad_position",
       [](DicomFile& f, int k) {
         if (k == 2) {
           f.erase({0x0020, 0x0032});
         }
       }},
      {"bad_position",
       [](DicomFile& f, int k) {
         if (k == 0) {
           set_position(f, "a\\b\\c");
         }
       }},
      {"bad_position",
       [](DicomFile& f, int k) {
         if (k == 5) {
           set_position(f, "nan\\0\\0");
         }
       }},
      {"bad_orientation",
       [](DicomFile& f, int) {
         f.erase({0x0020, 0x0037});
       }},
      {"bad_orientation",
       [](DicomFile& f, int) {
         f.text({0x0020, 0x0037}, "DS", "0\\1\\0\\0\\1\\0");
       }},
      {"bad_orientation",
       [](DicomFile& f, int) {
         f.text({0x0020, 0x0037}, "DS", "0\\0\\0\\0\\0\\0");
       }},
      {"bad_spacing",
       [](DicomFile& f, int) {
         f.erase({0x0028, 0x0030});
       }},
      {"bad_spacing",
       [](DicomFile& f, int) {
         f.text({0x0028, 0x0030}, "DS", "0\\0.5");
       }},
      {"bad_spacing", [](DicomFile& f, int) {
         f.text({0x0028, 0x0030}, "DS", "-1\\0.5");
       }}};
  for (const auto& [code, change] : faults) {
    EXPECT_EQ(failure_code(change), code);
  }
}

TEST(DicomSeries, WithSlicesOfDifferentSizeFails) {
  const auto smaller = [](DicomFile& file, int k) {
    if (k == 1) {
      file.us({0x0028, 0x0010}, test_rows / 2);
      file.bytes({0x7fe0, 0x0010}, "OW", std::string(test_rows * test_columns, '\1'));
    }
  };
  EXPECT_EQ(failure_code(smaller), "slice_size_differs");
  EXPECT_EQ(failure_code([](DicomFile& f, int k) {
              f.text({0x0028, 0x0030}, "DS", k == 1 ? "0.8\\0.5" : "0.75\\0.5");
            }),
            "slice_size_differs");
}

TEST(DicomSeries, WithImpossiblePixelsFails) {
  const std::vector<std::pair<std::string, Change>> faults{
      {"bad_bits",
       [](DicomFile& f, int) {
         f.us({0x0028, 0x0101}, 20);
       }},
      {"bad_bits",
       [](DicomFile& f, int) {
         f.us({0x0028, 0x0100}, 12);
       }},
      {"bad_bits",
       [](DicomFile& f, int) {
         f.us({0x0028, 0x0101}, 0);
       }},
      {"bad_bits",
       [](DicomFile& f, int) {
         f.us({0x0028, 0x0102}, 16);
       }},
      {"bad_dimensions",
       [](DicomFile& f, int) {
         f.us({0x0028, 0x0010}, 0);
       }},
      {"rescale_slope",
       [](DicomFile& f, int k) {
         if (k == 4) {
           f.text({0x0028, 0x1053}, "DS", "0");
         }
       }},
      {"rescale_slope",
       [](DicomFile& f, int) {
         f.text({0x0028, 0x1053}, "DS", "nan");
       }},
      {"pixel_data_short",
       [](DicomFile& f, int k) {
         if (k == 3) {
           f.bytes({0x7fe0, 0x0010}, "OW", std::string(100, '\0'));
         }
       }},
      {"pixel_data_missing",
       [](DicomFile& f, int k) {
         if (k == 3) {
           f.erase({0x7fe0, 0x0010});
         }
       }},
      {"too_large", [](DicomFile& f, int) {
         f.us({0x0028, 0x0010}, 65535);
         f.us({0x0028, 0x0011}, 65535);
       }}};
  for (const auto& [code, change] : faults) {
    EXPECT_EQ(failure_code(change), code);
  }
}

TEST(DicomSeries, WithATruncatedFileFailsNamingIt) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", 6);
  const fs::path file = folder / "case/slice4.dcm";
  fs::resize_file(file, fs::file_size(file) - 300);
  const Error error = error_from([&] { load_only(loader, folder / "case"); });
  EXPECT_EQ(error.code(), "pixel_data_short");
  EXPECT_NE(std::string(error.what()).find("slice4.dcm"), std::string::npos);
}

TEST(DicomSeries, AcceptsPaddedPixelsWithAWarning) {
  const std::size_t bytes = test_rows * test_columns * 2;
  const auto longer = [&](std::size_t extra) {
    return [=](DicomFile& f, int k) {
      std::string pixels(bytes + extra, static_cast<char>(k + 1));
      f.bytes({0x7fe0, 0x0010}, "OW", pixels);
    };
  };
  EXPECT_TRUE(has_warning(loaded(longer(128)).warnings, "pixel_data_long"));
  EXPECT_FALSE(has_warning(loaded(longer(0)).warnings, "pixel_data_long"));
}

TEST(DicomSeries, ExtendsSignsAndRescales) {
  const LoadedCase signed_case = loaded([](DicomFile& f, int k) {
    std::vector<std::uint16_t> pixels(test_rows * test_columns, static_cast<std::uint16_t>(k));
    pixels[0] = 0x0FFF; // -1 in 12 bits; the unused upper bits are 0
    f.us({0x0028, 0x0103}, 1);
    f.text({0x0028, 0x1053}, "DS", k == 5 ? "3" : "2");
    f.text({0x0028, 0x1052}, "DS", "-10");
    f.bytes({0x7fe0, 0x0010}, "OW", raw(pixels));
  });
  EXPECT_EQ(signed_case.image.voxels()[0], -13); // slice 5 comes first
  EXPECT_EQ(signed_case.image.voxels()[1], 5 * 3 - 10);
  EXPECT_EQ(signed_case.image.voxels().back(), -10);
}

TEST(DicomSeries, WarnsOfANegativeSlope) {
  EXPECT_TRUE(has_warning(loaded([](DicomFile& f, int) {
                            f.text({0x0028, 0x1053}, "DS", "-1");
                          }).warnings,
                          "negative_slope"));
}

TEST(DicomSeries, InvertsMonochrome1) {
  const LoadedCase plain = loaded({});
  const LoadedCase inverted = loaded([](DicomFile& f, int) {
    f.text({0x0028, 0x0004}, "CS", "MONOCHROME1");
  });
  EXPECT_TRUE(has_warning(inverted.warnings, "monochrome1"));
  const auto [low, high] =
      std::minmax_element(plain.image.voxels().begin(), plain.image.voxels().end());
  EXPECT_EQ(inverted.image.voxels()[7], *low + *high - plain.image.voxels()[7]);
}

TEST(DicomSeries, WithoutPreambleIsReadWithAWarning) {
  CaseLoader loader;
  TempFolder folder;
  for (int k = 0; k < 6; ++k) {
    sagittal_slice(k).save(folder / std::to_string(k), false);
  }
  const LoadedCase bare = load_only(loader, folder.path());
  EXPECT_TRUE(has_warning(bare.warnings, "no_preamble"));
  EXPECT_EQ(bare.image.voxels(), loaded({}).image.voxels());
}

TEST(DicomSeries, OfUnknownTransferSyntaxFailsNamingIt) {
  CaseLoader loader;
  TempFolder folder;
  write_series(folder / "case", 6,
               [](DicomFile& f, int) { f.transfer_syntax = "1.2.840.10008.1.2.777"; });
  const Error error = error_from([&] { load_only(loader, folder / "case"); });
  EXPECT_EQ(error.code(), "transfer_syntax_unknown");
  EXPECT_NE(std::string(error.what()).find("1.2.840.10008.1.2.777"), std::string::npos);
}

TEST(DicomSeries, WithAConstantImageFails) {
  EXPECT_EQ(failure_code([](DicomFile& f, int) {
              f.bytes({0x7fe0, 0x0010}, "OW", std::string(test_rows * test_columns * 2, '\3'));
            }),
            "constant_image");
}

TEST(DicomSeries, NamesNoPatientInAnyMessage) {
  const std::vector<Change> faults{[](DicomFile& f, int k) {
                                     if (k == 2) {
                                       f.erase({0x0020, 0x0032});
                                     }
                                   },
                                   [](DicomFile& f, int) {
                                     f.text({0x0018, 0x0081}, "DS", "10");
                                   }};
  for (const Change& change : faults) {
    CaseLoader loader;
    TempFolder folder;
    write_series(folder / "case", 6, change);
    const Error error = error_from([&] { load_only(loader, folder / "case"); });
    for (const char* secret : {"Secret", "4711", "1.2.3.20", "t2_tse_sag"}) {
      EXPECT_EQ(std::string(error.what()).find(secret), std::string::npos) << error.what();
    }
    EXPECT_EQ(std::string(error.what()).find(folder.path().string()), std::string::npos);
  }
}

namespace {

/// One multi-frame file with the frames of a series in the given order.
DicomFile enhanced(const std::vector<int>& order,
                   const std::function<void(DicomFile&, int)>& change) {
  DicomFile file = sagittal_slice(0);
  for (const TagId& tag : {TagId{0x0020, 0x0032},
                           {0x0020, 0x0037},
                           {0x0028, 0x0030},
                           {0x0018, 0x0080},
                           {0x0018, 0x0081},
                           {0x0018, 0x0020}}) {
    file.erase(tag);
  }
  file.text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.4.1");
  file.text({0x0018, 0x9008}, "CS", "SPIN");
  file.text({0x0028, 0x0008}, "IS", std::to_string(order.size()));
  DicomFile orientation;
  orientation.text({0x0020, 0x0037}, "DS", "0\\1\\0\\0\\0\\-1");
  DicomFile measures;
  measures.text({0x0028, 0x0030}, "DS", "0.75\\0.5");
  DicomFile timing;
  timing.text({0x0018, 0x0080}, "DS", "3000");
  DicomFile shared;
  shared.sequence({0x0020, 0x9116}, {orientation});
  shared.sequence({0x0028, 0x9110}, {measures});
  shared.sequence({0x0018, 0x9112}, {timing});
  file.sequence({0x5200, 0x9229}, {shared});
  std::vector<DicomFile> frames;
  std::vector<std::uint16_t> pixels;
  for (const int k : order) {
    DicomFile position;
    position.text({0x0020, 0x0032}, "DS", std::to_string(-20 + 4 * k) + "\\-100\\150");
    DicomFile echo;
    echo.fd({0x0018, 0x9082}, 100);
    DicomFile content;
    content.text({0x0020, 0x9056}, "SH", "1");
    DicomFile frame;
    frame.sequence({0x0020, 0x9113}, {position});
    frame.sequence({0x0018, 0x9114}, {echo});
    frame.sequence({0x0020, 0x9111}, {content});
    if (change) {
      change(frame, static_cast<int>(frames.size()));
    }
    frames.push_back(frame);
    for (std::size_t i = 0; i < test_rows * test_columns; ++i) {
      pixels.push_back(test_pixel(k, i));
    }
  }
  file.sequence({0x5200, 0x9230}, frames);
  file.bytes({0x7fe0, 0x0010}, "OW", raw(pixels));
  return file;
}

} // namespace

TEST(EnhancedMultiFrame, IsSortedByPosition) {
  CaseLoader loader;
  TempFolder folder;
  enhanced({3, 0, 5, 1, 4, 2}, {}).save(folder / "case/multi.dcm");
  const LoadedCase multi = load_only(loader, folder / "case");
  EXPECT_EQ(multi.image.voxels(), loaded({}).image.voxels());
  EXPECT_EQ(multi.series->echo_time_ms, 100);
  EXPECT_EQ(multi.series->files, 1U);
}

TEST(EnhancedMultiFrame, IsSplitIntoStacks) {
  CaseLoader loader;
  TempFolder folder;
  enhanced({0, 1, 2, 3, 0, 1, 2, 3}, [](DicomFile& frame, int i) {
    DicomFile content;
    content.text({0x0020, 0x9056}, "SH", i < 4 ? "1" : "2");
    frame.sequence({0x0020, 0x9111}, {content});
  }).save(folder / "case/multi.dcm");
  const LoadedCase multi = load_only(loader, folder / "case");
  EXPECT_EQ(multi.candidates.size(), 2U);
  EXPECT_EQ(multi.image.grid().size[2], 4U);
  EXPECT_TRUE(has_warning(multi.warnings, "ambiguous_series"));
}

TEST(EnhancedMultiFrame, IsSplitIntoAcquisitionsOfAnyNumbers) {
  for (const auto& [first, second] : {std::pair{1, 2}, std::pair{9, 10}, std::pair{32, 13}}) {
    CaseLoader loader;
    TempFolder folder;
    enhanced({0, 1, 2, 3, 0, 1, 2, 3}, [&](DicomFile& frame, int i) {
      DicomFile content;
      content.us({0x0020, 0x9156}, static_cast<std::uint16_t>(i < 4 ? first : second));
      frame.sequence({0x0020, 0x9111}, {content});
    }).save(folder / "case/multi.dcm");
    const LoadedCase multi = load_only(loader, folder / "case");
    EXPECT_EQ(multi.candidates.size(), 2U) << first;
    EXPECT_TRUE(has_warning(multi.warnings, "ambiguous_series")) << first;
  }
}

TEST(EnhancedMultiFrame, WithAWrongNumberOfFramesFails) {
  CaseLoader loader;
  TempFolder folder;
  DicomFile file = enhanced({0, 1, 2, 3}, {});
  file.text({0x0028, 0x0008}, "IS", "100000");
  file.save(folder / "case/multi.dcm");
  EXPECT_EQ(error_from([&] { load_only(loader, folder / "case"); }).code(), "frame_count");
}
