# Compiles kernels once per instruction set: src/kernels/vec.h says how such a file is made.

set(FERRY_ISA_LEVELS scalar)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  list(APPEND FERRY_ISA_LEVELS avx2 avx512)
endif()
# Kernels are optimised in every build type. GCC's tree vectoriser would duplicate what is already written in vectors.
set(FERRY_ISA_FLAGS -ffp-contract=off -fno-math-errno -fno-trapping-math -fno-tree-vectorize)
if(FERRY_SANITIZE)
  # Each access of an unrolled tile would be checked by code of its own: minutes of compilation per file.
  list(APPEND FERRY_ISA_FLAGS -O1 -DFERRY_NO_UNROLL)
else()
  list(APPEND FERRY_ISA_FLAGS -O3)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Its own AVX-512 headers initialise "undefined" vectors with themselves (GCC bug 105593).
  list(APPEND FERRY_ISA_FLAGS -Wno-uninitialized -Wno-maybe-uninitialized)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT FERRY_SANITIZE)
  # A short loop takes up to 1.35 times as long where it happens to lie across the blocks that a processor decodes.
  set(FERRY_ALIGNED_LOOPS -falign-functions=64 -falign-loops=32)
  list(APPEND FERRY_ISA_FLAGS ${FERRY_ALIGNED_LOOPS})
endif()
set(FERRY_ISA_FLAGS_scalar "")
if("avx2" IN_LIST FERRY_ISA_LEVELS AND NOT FERRY_SANITIZE)
  # Few processors are left for it.
  set(FERRY_ISA_FLAGS_scalar -Os)
endif()
set(FERRY_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c)
set(FERRY_ISA_FLAGS_avx512 -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mf16c)

# Adds `files` to `target` once per instruction set.
function(ferry_isa_sources target)
  set(level 0)
  foreach(isa IN LISTS FERRY_ISA_LEVELS)
    add_library(${target}_${isa} OBJECT ${ARGN})
    target_link_libraries(${target}_${isa} PRIVATE ferry_options ferry_base)
    target_compile_options(${target}_${isa} PRIVATE ${FERRY_ISA_FLAGS} ${FERRY_ISA_FLAGS_${isa}})
    target_compile_definitions(${target}_${isa} PRIVATE FERRY_ISA=${isa} FERRY_ISA_LEVEL=${level})
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_${isa}>)
    math(EXPR level "${level} + 1")
    # Sanitizers add functions of their own to every object.
    if(FERRY_BUILD_TESTS AND NOT FERRY_SANITIZE)
      add_test(NAME isa_symbols_${target}_${isa}
        COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} -DISA=${isa} "-DOBJECTS=$<TARGET_OBJECTS:${target}_${isa}>"
          -P ${PROJECT_SOURCE_DIR}/cmake/CheckIsaSymbols.cmake)
    endif()
  endforeach()
endfunction()
