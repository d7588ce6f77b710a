# Compiles wrong_jobs.cc, which must fail and say all that it says it does.
#
#   cmake -D CXX=<compiler> -D INCLUDE=<folder of the public headers> -P build_errors_test.cmake

set(source ${CMAKE_CURRENT_LIST_DIR}/wrong_jobs.cc)
execute_process(COMMAND ${CXX} -std=c++20 -fsyntax-only -I ${INCLUDE} ${source}
  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "${source} compiles, and should not")
endif()

file(STRINGS ${source} expected REGEX "// says: ")
foreach(line IN LISTS expected)
  string(REGEX REPLACE "^ *// says: " "" message "${line}")
  string(FIND "${output}" "${message}" at)
  if(at EQUAL -1)
    list(APPEND missing "${message}")
  endif()
endforeach()
if(missing)
  list(JOIN missing "\n  " missing)
  message(FATAL_ERROR "The compiler does not say\n  ${missing}\nbut\n${output}")
endif()
