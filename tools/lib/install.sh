# Sourced by tools/test and tools/quickstart: the Debian 12 packages that Tidemark needs, and how they get onto a machine.
#
# install_packages installs only what is missing. A person at a terminal is asked first; a script must say --yes (or run
# as root with CI=true), else it is told which command to run.

build_packages=(
  g++ cmake ninja-build pkg-config ccache
  libfmt-dev libspdlog-dev libcli11-dev libyaml-cpp-dev nlohmann-json3-dev
  libsimdjson-dev libfast-float-dev libzstd-dev zlib1g-dev libxxhash-dev libcpp-httplib-dev librocksdb-dev
  libasio-dev libssl-dev librdkafka-dev
  tzdata  # windows of local days
)
test_packages=(
  libgtest-dev libgmock-dev python3 valgrind
  openjdk-17-jre-headless curl python3-pip  # tools/testbed, and the command flink: tools/flink_client_test
)
fuzz_packages=(clang-19 libclang-rt-19-dev llvm-19)  # llvm-19: names in the reports

missing_packages() {
  local package
  for package in "$@"; do
    if [[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]]; then echo "$package"; fi
  done
}

may_install() {
  local yes=$1 answer
  if [[ $yes == yes ]]; then return 0; fi
  if [[ -t 0 ]]; then
    read -r -p "Install them with apt-get now? [Y/n] " answer
    [[ -z $answer || $answer == [yY]* ]]
    return
  fi
  [[ $(id -u) == 0 && ${CI:-} == true ]]
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "Installing packages needs root, and there is no sudo: run this as root first: $*" >&2
    return 1
  fi
}

# install_packages yes|no PACKAGE...
install_packages() {
  local yes=$1 missing
  shift
  if ! command -v dpkg-query >/dev/null; then
    echo "This is no Debian: install what these packages hold, then build by hand as CONTRIBUTING.md tells: $*" >&2
    return 1
  fi
  mapfile -t missing < <(missing_packages "$@")
  if [[ ${#missing[@]} == 0 ]]; then return 0; fi
  echo "Missing packages: ${missing[*]}"
  if ! may_install "$yes"; then
    echo "Nothing was installed. Run this again with --yes, or install them yourself:" >&2
    echo "  sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    return 1
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}
