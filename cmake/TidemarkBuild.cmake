# How a room becomes a library and its tests, and how the rooms become libtidemark.

set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

# Profile-guided optimization: built to `generate`, programs count in TIDEMARK_PGO_DIR what they execute; built again in the
# same folder to `use` it, the compiler knows what is hot. tools/pgo does both.
set(TIDEMARK_PGO "" CACHE STRING "generate or use a profile, or empty")
set(TIDEMARK_PGO_DIR ${CMAKE_BINARY_DIR}/profile CACHE PATH "where the profile lies")
if(TIDEMARK_PGO STREQUAL "generate")
  add_compile_options(-fprofile-generate=${TIDEMARK_PGO_DIR} -fprofile-update=prefer-atomic)
  add_link_options(-fprofile-generate=${TIDEMARK_PGO_DIR})
elseif(TIDEMARK_PGO STREQUAL "use")
  if(NOT EXISTS ${TIDEMARK_PGO_DIR})
    message(FATAL_ERROR "There is no profile in '${TIDEMARK_PGO_DIR}': tools/pgo makes one and builds by it")
  endif()
  # Partial: what the training never ran is compiled as without a profile, and not for size.
  add_compile_options(-fprofile-use=${TIDEMARK_PGO_DIR} -fprofile-partial-training -fprofile-correction -Wno-missing-profile)
elseif(TIDEMARK_PGO)
  message(FATAL_ERROR "TIDEMARK_PGO is '${TIDEMARK_PGO}': it must be generate, use or empty")
endif()

find_program(TIDEMARK_CCACHE ccache)
if(TIDEMARK_CCACHE AND NOT TIDEMARK_PGO)
  # A clone elsewhere finds the same objects; the sloppiness is what ccache asks for with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros ${TIDEMARK_CCACHE})
endif()

# Flags that every target of this repository gets and no consumer does.
add_library(tidemark_private_flags INTERFACE)
target_compile_features(tidemark_private_flags INTERFACE cxx_std_23)
target_compile_options(tidemark_private_flags INTERFACE -Wall -Wextra -Wnon-virtual-dtor -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 reports every optimized move of a std::variant or std::expected.
  target_compile_options(tidemark_private_flags INTERFACE -Wno-maybe-uninitialized)
endif()

# Rooms whose tests have more than one thread: the thread sanitizer can find something in these alone.
set(TIDEMARK_THREADED_ROOMS base env event_time channel control agent state task worker coordinator api rest)

set(TIDEMARK_SANITIZE "" CACHE STRING "address (with undefined), thread, or empty")
if(TIDEMARK_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # With these g++ takes more than twice as long. The address sanitizer finds a null or dead pointer as well, and the fuzz
    # targets, which read what others wrote, are built by clang with all of them.
    add_compile_options(-fno-sanitize=null,vptr,object-size,alignment)
  endif()
elseif(TIDEMARK_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(TIDEMARK_SANITIZE)
  message(FATAL_ERROR "TIDEMARK_SANITIZE is '${TIDEMARK_SANITIZE}': it must be address, thread or empty")
endif()

if(TIDEMARK_SANITIZE)
  add_compile_definitions(XXH_NO_INLINE_HINTS=1)  # with -Og not all that xxhash forces can be inlined
endif()

if(TIDEMARK_INSTRUMENTS)
  add_compile_definitions(TIDEMARK_INSTRUMENTS)
endif()

set_property(GLOBAL PROPERTY TIDEMARK_ROOMS "")

# Of the tests and their precompiled headers alike. The library that they test is built as it is shipped; a third of the
# time goes into optimizing the tests themselves.
add_library(tidemark_test_flags INTERFACE)
target_compile_options(tidemark_test_flags INTERFACE $<$<CONFIG:Release>:-Og>)
target_compile_definitions(tidemark_test_flags INTERFACE $<$<CONFIG:Release>:XXH_NO_INLINE_HINTS=1>)  # as above
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(tidemark_test_flags INTERFACE -fpch-preprocess)  # ccache asks for it
endif()

# What tests include, compiled once: of all, and of those whose sources are whole jobs. It is a fifth of their time.
function(tidemark_test_headers target)
  cmake_parse_arguments(ARG "" "" "LIBS;HEADERS" ${ARGN})
  if(TARGET ${target})
    return()
  endif()
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/${target}.cc CONTENT "")
  add_library(${target} OBJECT ${PROJECT_BINARY_DIR}/${target}.cc)
  target_link_libraries(${target} PRIVATE tidemark_private_flags tidemark_test_flags GTest::gmock GTest::gtest Threads::Threads ${ARG_LIBS})
  target_precompile_headers(${target} PRIVATE <gmock/gmock.h> <gtest/gtest.h> <algorithm> <chrono> <filesystem>
    <functional> <map> <memory> <optional> <random> <ranges> <set> <string> <thread> <unordered_map> <variant> <vector> ${ARG_HEADERS})
endfunction()

# tidemark_test(NAME sources... [JOBS] LIBS ...): a program of gtest cases, each a test of ctest named NAME/Suite.Case. Cases
# of one program share its temporary files, so that ctest never runs two of them at once. JOBS: its sources are whole jobs.
function(tidemark_test name)
  cmake_parse_arguments(ARG "JOBS" "" "LIBS" ${ARGN})
  add_executable(${name}_test ${ARG_UNPARSED_ARGUMENTS})
  if(ARG_JOBS)
    set(headers tidemark_job_test_headers)
    tidemark_test_headers(${headers} LIBS tidemark HEADERS <tidemark/tidemark.h> <tidemark/testing.h>)
  else()
    set(headers tidemark_test_headers)
    tidemark_test_headers(${headers})
  endif()
  target_precompile_headers(${name}_test REUSE_FROM ${headers})
  if(TIDEMARK_SANITIZE STREQUAL "thread")
    target_sources(${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/tests/thread_sanitizer.cc)
  endif()
  target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name}_test PRIVATE ${ARG_LIBS} tidemark_private_flags tidemark_test_flags GTest::gmock GTest::gtest_main Threads::Threads)
  set(limit_s 300)
  if(TIDEMARK_SANITIZE)
    set(limit_s 1500)  # what takes seconds takes minutes, on a slow machine
  endif()
  gtest_discover_tests(${name}_test TEST_PREFIX ${name}/ DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTIES RESOURCE_LOCK ${name} TIMEOUT ${limit_s})
endfunction()

# tidemark_room(NAME LIBS ...): src/NAME/*.cc as an object library, src/NAME/*_test.cc as the program NAME_test; a main.cc
# belongs to neither.
function(tidemark_room name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(sources)
    add_library(tidemark_${name} OBJECT ${sources})
    target_include_directories(tidemark_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(tidemark_${name} PUBLIC ${ARG_LIBS} PkgConfig::xxhash Threads::Threads PRIVATE tidemark_private_flags)
    set_property(GLOBAL APPEND PROPERTY TIDEMARK_ROOMS ${name})
  endif()
  if(TIDEMARK_SANITIZE STREQUAL "thread" AND NOT name IN_LIST TIDEMARK_THREADED_ROOMS)
    return()
  endif()
  if(tests AND TIDEMARK_TESTS)
    get_property(rooms GLOBAL PROPERTY TIDEMARK_ROOMS)
    list(TRANSFORM rooms PREPEND tidemark_)
    tidemark_test(${name} ${tests} LIBS ${rooms} PkgConfig::xxhash)
  endif()
endfunction()

# The static library: every room's objects in one archive, third-party libraries as its link interface. Header-only ones
# stay inside the rooms: a consumer needs them neither to compile nor to link.
function(tidemark_library)
  get_property(rooms GLOBAL PROPERTY TIDEMARK_ROOMS)
  list(TRANSFORM rooms REPLACE "(.+)" "$<TARGET_OBJECTS:tidemark_\\1>" OUTPUT_VARIABLE objects)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/*.h)
  add_library(tidemark STATIC ${objects})
  add_library(tidemark::tidemark ALIAS tidemark)
  target_sources(tidemark PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${headers})
  target_compile_features(tidemark PUBLIC cxx_std_20)
  target_link_libraries(tidemark PUBLIC Threads::Threads PkgConfig::xxhash
    PRIVATE fmt::fmt PkgConfig::spdlog yaml-cpp simdjson::simdjson PkgConfig::zstd PkgConfig::zlib PkgConfig::httplib PkgConfig::rocksdb
      PkgConfig::openssl)
  # The target tidemark_verify_interface_header_sets compiles each installed header alone, as C++20.
  set_target_properties(tidemark PROPERTIES LINKER_LANGUAGE CXX VERIFY_INTERFACE_HEADER_SETS ON)
endfunction()

# tidemark_connector(NAME LIBS...): the room NAME as a library of its own, tidemark::NAME, so that only the jobs that use it are linked
# with its client library.
function(tidemark_connector name)
  add_library(tidemark_${name}_connector STATIC $<TARGET_OBJECTS:tidemark_${name}>)
  add_library(tidemark::${name} ALIAS tidemark_${name}_connector)
  set_target_properties(tidemark_${name}_connector PROPERTIES LINKER_LANGUAGE CXX OUTPUT_NAME tidemark_${name} EXPORT_NAME ${name})
  target_link_libraries(tidemark_${name}_connector PUBLIC tidemark PRIVATE ${ARGN})
endfunction()

# The program `tidemark`: the rooms rest and cli on top of the library.
function(tidemark_command)
  add_executable(tidemark_command ${PROJECT_SOURCE_DIR}/src/cli/main.cc)
  set_target_properties(tidemark_command PROPERTIES OUTPUT_NAME tidemark)
  target_link_libraries(tidemark_command PRIVATE tidemark_cli tidemark_rest tidemark tidemark_private_flags)
  if(NOT CMAKE_CROSSCOMPILING)
    # What completes its words in a shell, for the package.
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/completion)
    foreach(shell bash zsh fish)
      add_custom_command(TARGET tidemark_command POST_BUILD VERBATIM
        COMMAND sh -c "\"$1\" completion ${shell} > \"$2\"" sh $<TARGET_FILE:tidemark_command> ${PROJECT_BINARY_DIR}/completion/${shell})
    endforeach()
  endif()
endfunction()
