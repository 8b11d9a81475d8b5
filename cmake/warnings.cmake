# Flags of all own targets: C++20, warnings, sanitizers, hidden visibility. No fast-math: NaN and
# infinities mean something here. Contraction is off so that a product and a sum round as written;
# kernels ask for fused multiply-add where they want it.
add_library(anemone_flags INTERFACE)
target_compile_features(anemone_flags INTERFACE cxx_std_20)
target_compile_options(anemone_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough -Wno-missing-field-initializers
  -ffp-contract=off -fvisibility=hidden
  $<$<BOOL:${ANEMONE_WERROR}>:-Werror>)
if(ANEMONE_DEVELOPER OR ANEMONE_FUZZ)
  target_compile_options(anemone_flags INTERFACE -UNDEBUG)
  target_compile_definitions(anemone_flags INTERFACE _GLIBCXX_ASSERTIONS)
endif()
if(ANEMONE_SANITIZE)
  target_compile_options(anemone_flags INTERFACE
    -fsanitize=${ANEMONE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(anemone_flags INTERFACE -fsanitize=${ANEMONE_SANITIZE})
endif()
if(ANEMONE_FUZZ)
  target_compile_options(anemone_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
