# Objective-C++ for src/coreml. On Apple it is part of the program. Elsewhere it is compiled for its tests
# alone, by clang with GNUstep's Foundation against the stand-ins of tests/coreml_stand_in: GCC's own front
# end does not know today's Objective-C, and clang with GCC's runtime knows no ARC, so the sources do without.
#
# ANEMONE_OBJCXX: whether there is a compiler. anemone_objcxx: its flags, includes and libraries.
set(ANEMONE_OBJCXX OFF)
add_library(anemone_objcxx INTERFACE)
if(APPLE)
  enable_language(OBJCXX)
  set(ANEMONE_OBJCXX ON)
  target_compile_options(anemone_objcxx INTERFACE $<$<COMPILE_LANGUAGE:OBJCXX>:-fno-objc-arc>)
  target_link_libraries(anemone_objcxx INTERFACE "-framework CoreML" "-framework Foundation")
elseif(ANEMONE_DEVELOPER AND NOT ANEMONE_SANITIZE MATCHES "thread")
  find_program(ANEMONE_CLANG NAMES clang++-14 clang++-19 clang++-16 clang++-15 clang++)
  find_path(GNUSTEP_INCLUDE Foundation/Foundation.h PATH_SUFFIXES GNUstep)
  find_path(BLOCKS_INCLUDE Block.h)
  find_library(GNUSTEP_BASE gnustep-base)
  find_library(BLOCKS_RUNTIME BlocksRuntime)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=include
    OUTPUT_VARIABLE gcc_include OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libobjc.so
    OUTPUT_VARIABLE gcc_objc OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(ANEMONE_CLANG AND GNUSTEP_INCLUDE AND BLOCKS_INCLUDE AND GNUSTEP_BASE AND BLOCKS_RUNTIME
     AND EXISTS ${gcc_include}/objc/objc.h AND EXISTS ${gcc_objc})
    set(CMAKE_OBJCXX_COMPILER ${ANEMONE_CLANG})
    if(CCACHE_PROGRAM)
      set(CMAKE_OBJCXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
    endif()
    enable_language(OBJCXX)
    set(ANEMONE_OBJCXX ON)
    set(options -fobjc-runtime=gcc -fblocks -fexceptions -fobjc-exceptions
      -fconstant-string-class=NSConstantString -D_NATIVE_OBJC_EXCEPTIONS -DGNUSTEP
      -DGNUSTEP_BASE_LIBRARY=1 "SHELL:-idirafter ${gcc_include}")
    target_compile_options(anemone_objcxx INTERFACE "$<$<COMPILE_LANGUAGE:OBJCXX>:${options}>")
    target_include_directories(anemone_objcxx SYSTEM INTERFACE
      ${GNUSTEP_INCLUDE} ${PROJECT_SOURCE_DIR}/tests/coreml_stand_in)
    # The blocks runtime first: GNUstep's own functions of that name copy no block.
    target_link_libraries(anemone_objcxx INTERFACE ${BLOCKS_RUNTIME} ${GNUSTEP_BASE} ${gcc_objc})
  endif()
endif()
