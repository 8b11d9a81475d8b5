# anemone_embed_tasks(<output.cpp>): writes the files of tasks/ as string literals (builtin_tasks.h).
function(anemone_embed_tasks output)
  set(root ${PROJECT_SOURCE_DIR}/tasks)
  file(GLOB_RECURSE names RELATIVE ${root} CONFIGURE_DEPENDS ${root}/*.yaml ${root}/*.jsonl)
  list(SORT names)
  set(entries)
  foreach(name IN LISTS names)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${root}/${name})
    file(READ ${root}/${name} text)
    string(APPEND entries "    {\"${name}\", R\"anemone(${text})anemone\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT [[
#include "eval/builtin_tasks.h"

namespace anemone::eval {

std::span<const BuiltinFile> builtin_files() {
  static constexpr BuiltinFile kFiles[] = {
@entries@  };
  return kFiles;
}

}  // namespace anemone::eval
]])
endfunction()
