// Of builds with AddressSanitizer alone: what LeakSanitizer must not report of these tests.

extern "C" {
const char* __asan_default_options();
const char* __lsan_default_suppressions();

// libobjc has no frame pointers: the frames below are found without them only.
const char* __asan_default_options() { return "fast_unwind_on_malloc=0"; }

// GCC's Objective-C runtime keeps the classes and methods that libraries register in tables that
// hide their pointers; GNUstep does not free a list of methods that it asks for, nor what its
// classes make when the first message is sent, which is for the system's version. Objects of ours
// are made below none of these.
const char* __lsan_default_suppressions() {
  return "leak:__objc_exec_class\n"
         "leak:class_addMethod\n"
         "leak:class_copyMethodList\n"
         "leak:anemone::coreml::system_version\n";
}
}
