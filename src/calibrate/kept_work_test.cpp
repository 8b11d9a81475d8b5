// What a calibration keeps in OUT.partial, for how long, and what it leaves alone.

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "calibrate/calibrate_test.h"

namespace anemone::calibrate {
namespace {

TEST_F(Calibrated, GoesOnWhereItWasKilled) {
  ASSERT_TRUE(compress("whole", "lut3:g16", tuning(2)).ok());
  constexpr uint64_t kDone = 9;
  const pid_t child = fork();
  if (child == 0) {
    Options options = tuning(2);
    options.progress = [](const Progress& now) {
      if (now.stage == "round" && now.done == kDone) std::raise(SIGKILL);
      return true;
    };
    (void)compress("out", "lut3:g16", options);
    std::_Exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_FALSE(fs::exists(folder_ / "out"));
  uint64_t first = 0;
  bool is_first = true;
  Options options = tuning(2);
  std::string lines;
  options.log = [&](LogLevel, std::string_view line) { lines += std::string(line) + "\n"; };
  options.progress = [&](const Progress& now) {
    if (now.stage == "round" && is_first) {
      first = now.done;
      is_first = false;
    }
    return true;
  };
  const auto report = compress("out", "lut3:g16", options);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(first, kDone) << "what was rounded is not rounded again";
  EXPECT_NE(lines.find("out.partial is of an earlier run"), std::string::npos) << lines;
  EXPECT_NE(lines.find("\n9 of "), std::string::npos) << lines;
  EXPECT_EQ(contents_of(folder_ / "out"), contents_of(folder_ / "whole"));
  EXPECT_FALSE(fs::exists(folder_ / "out.partial"));
}

TEST_F(Calibrated, WhatAnInterruptionLeavesIsNamed) {
  const auto stopped_at = [&](std::string_view stage) {
    Options options = tuning(2);
    options.progress = [&](const Progress& now) { return now.stage != stage || now.done < 3; };
    ConvertOptions convert{.context = 128, .quantize = "ffn=lut4"};
    convert.progress = options.progress;
    const auto report = calibrate::convert(test::source_folder() / "models/anemone-tiny",
                                           folder_ / "out", convert, options);
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, ErrorCode::interrupted);
    return report.error().hint;
  };
  EXPECT_EQ(stopped_at("save"), "");
  EXPECT_FALSE(fs::exists(folder_ / "out.partial")) << "nothing was done";
  EXPECT_NE(stopped_at("round").find("out.partial keeps what is done: the same command goes on"),
            std::string::npos);
  EXPECT_TRUE(fs::exists(folder_ / "out.partial"));
}

/// What was rounded is what the next try goes on from, whatever the last step says.
TEST_F(Calibrated, AnErrorBehindTheRoundingKeepsWhatIsRounded) {
  for (const bool converts : {false, true}) {
    const std::string out = converts ? "converted" : "compressed";
    Options options = tuning(2);
    options.progress = [&](const Progress& now) {
      if (now.stage == "round") fs::create_directories(folder_ / out / "of_another_run");
      return true;
    };
    const auto error =
        converts ? calibrate::convert(test::source_folder() / "models/anemone-tiny", folder_ / out,
                                      {.context = 128, .quantize = "ffn=int8"}, options)
                       .error()
                 : compress(out, "ffn=int8", options).error();
    EXPECT_EQ(error.code, ErrorCode::invalid_argument) << error.to_string();
    EXPECT_NE(error.hint.find(".partial keeps what is done"), std::string::npos) << error.hint;
    const fs::path partial = folder_ / (out + ".partial");
    ASSERT_TRUE(fs::exists(partial / "weights"));
    EXPECT_FALSE(fs::is_empty(partial / "weights"));
    EXPECT_FALSE(fs::exists(partial / "dense"));
    fs::remove_all(folder_ / out);
    options.progress = [](const Progress& now) {
      EXPECT_NE(now.stage, "round");
      return true;
    };
    const auto again =
        converts ? calibrate::convert(test::source_folder() / "models/anemone-tiny", folder_ / out,
                                      {.context = 128, .quantize = "ffn=int8"}, options)
                       .ok()
                 : compress(out, "ffn=int8", options).ok();
    EXPECT_TRUE(again);
    EXPECT_FALSE(fs::exists(partial));
  }
}

TEST_F(Calibrated, OneCalibrationAtATimeWorksAtAPlace) {
  bool tried = false;
  Options options = tuning(2);
  options.progress = [&](const Progress& now) {
    if (now.stage == "round" && now.done == 0) {
      tried = true;
      const auto second = compress("out", "ffn=int8", tuning(2));
      EXPECT_EQ(second.error().code, ErrorCode::invalid_argument);
      EXPECT_NE(second.error().message.find("another calibration is at work"), std::string::npos)
          << second.error().to_string();
    }
    return true;
  };
  EXPECT_TRUE(compress("out", "ffn=int8", options).ok());
  EXPECT_TRUE(tried);
}

/// Nothing was rounded yet, so nothing is kept, and the error says nothing of it.
TEST_F(Calibrated, AnInterruptionBeforeAnyWorkIsDoneKeepsNothing) {
  for (const int windows_done : {0, 1}) {
    Options options = tuning(2);
    options.progress = [&](const Progress& now) {
      if (windows_done == 0) return false;
      return now.stage != "calibrate" || now.done == 0;
    };
    const auto report = compress("out", "lut4", options);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, ErrorCode::interrupted);
    EXPECT_EQ(report.error().to_string().find("kept"), std::string::npos)
        << report.error().to_string();
    EXPECT_EQ(report.error().hint, "");
    EXPECT_FALSE(fs::exists(folder_ / "out.partial"));
  }
}

/// All that compressing without a text refuses before it reads weights.
TEST_F(Calibrated, CompressionChecksWhatItIsToldBeforeItWorks) {
  Options options = tuning(2);
  options.progress = [](const Progress& now) {
    ADD_FAILURE() << now.stage;
    return false;
  };
  const auto expect_refused = [&](const fs::path& model, const std::string& out, const char* why) {
    const auto report = calibrate::compress_model(
        model, folder_ / out, {.quantize = "ffn=int8", .overwrite = true}, options);
    ASSERT_FALSE(report.ok()) << why;
    EXPECT_EQ(report.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(report.error().to_string().find(why), std::string::npos)
        << report.error().to_string();
    EXPECT_FALSE(fs::exists(folder_ / (out + ".partial")));
  };
  expect_refused(dense(), "out.mlpackage", "is a folder, out.mlpackage is not");
  expect_refused(dense() / "chunk_01of01.mlpackage", "out", "is a package, out is not");
  fs::create_directory(folder_ / "bare");
  expect_refused(folder_ / "bare", "out", "there is no package in");
  fs::copy(dense(), folder_ / "earlier", fs::copy_options::recursive);
  fs::copy(dense(), folder_ / "linked", fs::copy_options::recursive);
  fs::create_symlink("../earlier/tokenizer.json", folder_ / "linked/more.json");
  expect_refused(folder_ / "linked", "earlier", "more.json lies in");
}

/// OUT.partial is used and removed where a calibration made it, and never else.
TEST_F(Calibrated, WhatOthersHavePutAtThePartialPlaceStays) {
  const fs::path partial = folder_ / "out.partial";
  const auto expect_refused = [&](const char* why) {
    const auto before = contents_of(folder_);
    for (const bool compresses : {true, false}) {
      const std::string error =
          compresses
              ? compress("out", "ffn=int8", tuning(1)).error().to_string()
              : calibrate::convert(test::source_folder() / "models/anemone-tiny", folder_ / "out",
                                   {.context = 128, .quantize = "ffn=int8"}, tuning(1))
                    .error()
                    .to_string();
      EXPECT_NE(error.find(why), std::string::npos) << error;
    }
    EXPECT_EQ(contents_of(folder_), before);
    EXPECT_FALSE(fs::exists(folder_ / "out"));
  };
  constexpr const char* kForeign = "no calibration made what is there";
  fs::create_directory(partial);
  expect_refused(kForeign);
  std::ofstream(partial / "precious") << "mine";
  expect_refused(kForeign);
  fs::remove_all(partial);
  fs::copy(dense(), partial, fs::copy_options::recursive);
  expect_refused(kForeign);
  fs::remove_all(partial);
  std::ofstream(partial) << "a file";
  expect_refused(kForeign);
  fs::remove(partial);
  fs::create_directory(folder_ / "target");
  std::ofstream(folder_ / "target/anemone-partial.json") << R"({"format": "anemone-partial"})";
  fs::create_directory_symlink("target", partial);
  expect_refused(kForeign);
  fs::remove(partial);
  fs::rename(folder_ / "target", partial);
  std::ofstream(partial / "notes") << "mine";
  expect_refused("'notes' in it was made by something else");
  fs::remove(partial / "notes");
  fs::create_directory(folder_ / "target");
  fs::create_directory_symlink("../target", partial / "weights");
  expect_refused("'weights' in it was made by something else");
}

}  // namespace
}  // namespace anemone::calibrate
