# Fails when an object file compiled for one instruction set defines a weak function outside its namespace: the linker
# may keep that copy for the whole program, which then crashes on older processors.
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${NM} --defined-only -C ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]* [WuVi] [^\n]*" weak "${symbols}")
  foreach(line IN LISTS weak)
    if(NOT line MATCHES "ferry::${ISA}::" AND NOT line MATCHES "DW\\.ref\\.|asan|ubsan|tsan|__cov|__clang_call")
      message(SEND_ERROR "${object}: weak symbol outside ferry::${ISA}: ${line}")
    endif()
  endforeach()
endforeach()
