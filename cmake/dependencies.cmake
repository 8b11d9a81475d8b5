# Every dependency, with its licence and why it is here. scripts/setup installs them.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

find_package(fmt REQUIRED)            # MIT; formatting (g++ 12 has no <format>)
find_package(yaml-cpp REQUIRED)       # MIT; meta.yaml, task files, configuration
find_package(nlohmann_json REQUIRED)  # MIT; small documents, JSON output
find_package(simdjson REQUIRED)       # Apache-2.0; reading large JSON
find_package(CLI11 REQUIRED)          # BSD-3-Clause; command line
find_package(FastFloat REQUIRED)      # MIT, Apache-2.0 or BSL-1.0; decimal numbers (Apple's std::from_chars reads none)
find_package(Boost 1.81 REQUIRED CONFIG)  # BSL-1.0; Beast and Asio, headers alone: HTTP for serve
find_package(SQLite3 REQUIRED)        # public domain; the answers of evaluations, on disk
find_package(ZLIB REQUIRED)           # Zlib; deflated .npz members, .gz data sets
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)  # MIT; task files: the scanner that PyYAML has
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)   # BSD-3-Clause; Python-like regular expressions
pkg_check_modules(LIBEDIT REQUIRED IMPORTED_TARGET libedit)    # BSD-3-Clause; lines and their history in chat; part of macOS
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)  # MIT; Unicode categories and normal forms

find_path(PROTOZERO_INCLUDE_DIR protozero/pbf_reader.hpp REQUIRED)  # BSD-2-Clause; protobuf wire format
add_library(protozero INTERFACE)
target_include_directories(protozero SYSTEM INTERFACE ${PROTOZERO_INCLUDE_DIR})

if(ANEMONE_DEVELOPER)
  find_package(GTest REQUIRED)  # BSD-3-Clause; tests
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
