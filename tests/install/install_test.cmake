# Installs the build into an empty prefix, then builds and runs against it: a project that `tidemark new` makes, once by
# find_package and once by pkg-config, and the consumer, which has the job of README.md and tests functions with the kit.
# Nothing of the source tree is on their path.
#
#   cmake -D BUILD=<build folder> -D WORK=<scratch folder> -D CXX=<compiler> -D KAFKA=<ON or OFF> -P install_test.cmake

# What it prints is left in `output`.
function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${status}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(build project folder)
  run(${CMAKE_COMMAND} -S ${project} -B ${folder} -G Ninja -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_PREFIX_PATH=${WORK}/prefix)
  run(${CMAKE_COMMAND} --build ${folder})
endfunction()

# 300 clicks on three pages in five minutes.
function(check_clicks)
  run(${ARGN})
  string(REGEX MATCHALL "\"key\":\"[^\"]+\",\"value\":[0-9]+" rows "${output}")
  list(LENGTH rows count)
  if(NOT count EQUAL 15)
    message(FATAL_ERROR "${ARGN}: not 15 rows, but\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)

run(${WORK}/prefix/bin/tidemark new clicks)
run(bash -n ${WORK}/prefix/share/bash-completion/completions/tidemark)
build(${WORK}/clicks ${WORK}/clicks/build)
check_clicks(${WORK}/clicks/build/clicks)

build(${CMAKE_CURRENT_LIST_DIR}/consumer ${WORK}/build)
run(${WORK}/build/kit)

file(READ ${CMAKE_CURRENT_LIST_DIR}/consumer/readme.cc job)
string(FIND "${job}" "\n" end_of_comment)
string(SUBSTRING "${job}" ${end_of_comment} -1 job)
file(READ ${CMAKE_CURRENT_LIST_DIR}/../../README.md readme)
string(FIND "${readme}" "```cpp${job}```" place)
if(place EQUAL -1)
  message(FATAL_ERROR "README.md: its job is another one than tests/install/consumer/readme.cc")
endif()
run(${WORK}/build/readme --help)
if(KAFKA)
  run(${WORK}/build/kafka --plan)
endif()

file(GLOB_RECURSE pc ${WORK}/prefix/tidemark.pc)
get_filename_component(pc_dir "${pc}" DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${pc_dir})
run(sh -c "${CXX} -std=c++20 -o '${WORK}/by_pkg_config' '${WORK}/clicks/main.cc' $(pkg-config --cflags --libs tidemark)")
check_clicks(${WORK}/by_pkg_config)
if(KAFKA)
  run(sh -c "${CXX} -std=c++20 -o '${WORK}/kafka_by_pkg_config' '${CMAKE_CURRENT_LIST_DIR}/consumer/kafka.cc' $(pkg-config --cflags --libs tidemark-kafka)")
  run(${WORK}/kafka_by_pkg_config --plan)
endif()
