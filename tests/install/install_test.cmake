# Installs the build into an empty prefix, then builds and runs the consumer against it, once by find_package and once by
# pkg-config. Nothing of the source tree is on the consumer's path.
#
#   cmake -D BUILD=<build folder> -D WORK=<scratch folder> -D CXX=<compiler> -P install_test.cmake

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${status}:\n${output}")
  endif()
endfunction()

set(consumer ${CMAKE_CURRENT_LIST_DIR}/consumer)
file(REMOVE_RECURSE ${WORK})

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} -S ${consumer} -B ${WORK}/build -G Ninja
  -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_PREFIX_PATH=${WORK}/prefix -D CMAKE_BUILD_TYPE=Release)
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
run(${WORK}/build/kit)

file(GLOB_RECURSE pc ${WORK}/prefix/tidemark.pc)
get_filename_component(pc_dir "${pc}" DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${pc_dir})
run(sh -c "${CXX} -std=c++20 -o '${WORK}/by_pkg_config' '${consumer}/main.cc' $(pkg-config --cflags --libs tidemark)")
run(${WORK}/by_pkg_config)
