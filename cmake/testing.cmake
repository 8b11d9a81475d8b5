include(GoogleTest)

# anemone_test(<target> SOURCES … DEPS … [LABELS …]): every TEST becomes one ctest case.
# Tests find the fixtures in ANEMONE_SHARED, by default the folder `shared` beside the repository.
function(anemone_test target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS;LABELS")
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE anemone_flags ${arg_DEPS} GTest::gmock GTest::gtest_main)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE
    ANEMONE_SOURCE_DIR="${PROJECT_SOURCE_DIR}" ANEMONE_BINARY_DIR="${PROJECT_BINARY_DIR}")
  # What a test computes lies in the libraries: its own code compiles in two thirds of the time so.
  target_compile_options(${target} PRIVATE -Og)
  gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT 600 SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]" LABELS "${arg_LABELS}")
endfunction()
