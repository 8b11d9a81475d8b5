# The Rust static library behind bridge/include/anemone_bridge.h, built by cargo with its lock file.
find_program(CARGO_PROGRAM cargo REQUIRED)
set(ANEMONE_BRIDGE_TARGET_DIR "$ENV{ANEMONE_BRIDGE_TARGET_DIR}" CACHE PATH
  "Where cargo builds (default: in the build tree); may be shared by build trees")
if(NOT ANEMONE_BRIDGE_TARGET_DIR)
  set(ANEMONE_BRIDGE_TARGET_DIR ${PROJECT_SOURCE_DIR}/build/bridge)
endif()
set(bridge_library ${ANEMONE_BRIDGE_TARGET_DIR}/release/libanemone_bridge.a)
file(GLOB_RECURSE bridge_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bridge/src/*.rs)
add_custom_command(
  OUTPUT ${bridge_library}
  COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${ANEMONE_BRIDGE_TARGET_DIR}
          ${CARGO_PROGRAM} build --release --locked
          --manifest-path ${PROJECT_SOURCE_DIR}/bridge/Cargo.toml
  DEPENDS ${PROJECT_SOURCE_DIR}/bridge/Cargo.toml ${PROJECT_SOURCE_DIR}/bridge/Cargo.lock
          ${bridge_sources}
  COMMENT "Building the Rust bridge: minutes the first time; C++ is compiled beside it, and shown when it ends"
  USES_TERMINAL VERBATIM)
add_custom_target(bridge_build DEPENDS ${bridge_library})
add_library(anemone_bridge STATIC IMPORTED GLOBAL)
set_target_properties(anemone_bridge PROPERTIES IMPORTED_LOCATION ${bridge_library})
target_include_directories(anemone_bridge SYSTEM INTERFACE ${PROJECT_SOURCE_DIR}/bridge/include)
target_link_libraries(anemone_bridge INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
add_dependencies(anemone_bridge bridge_build)
