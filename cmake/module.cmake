# anemone_module(<name> [DEPS modules and libraries] SOURCES … [TESTS …])
# A static library anemone_<name> of src/<name>; with ANEMONE_DEVELOPER its tests as test_<name>.
function(anemone_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPS;SOURCES;TESTS")
  add_library(anemone_${name} STATIC ${arg_SOURCES})
  target_include_directories(anemone_${name}
    PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(anemone_${name} PRIVATE anemone_flags)
  foreach(dependency IN LISTS arg_DEPS)
    target_link_libraries(anemone_${name} PUBLIC ${dependency})
  endforeach()
  if(ANEMONE_DEVELOPER AND arg_TESTS)
    anemone_test(test_${name} SOURCES ${arg_TESTS} DEPS anemone_${name})
  endif()
endfunction()

# anemone_read_list(<file> <macro> <out>): the names in lines `MACRO(name)` of an .inc list, which C++
# includes too. A change of the list runs CMake again.
function(anemone_read_list file macro out)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  file(STRINGS ${file} lines REGEX "^${macro}\\(")
  set(names)
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^${macro}\\(([a-z0-9_]+).*$" "\\1" item "${line}")
    list(APPEND names ${item})
  endforeach()
  set(${out} ${names} PARENT_SCOPE)
endfunction()
