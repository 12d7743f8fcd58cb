#!/usr/bin/env bash
# GanDanFFI.xcframework for iPhones, simulators and Macs, and the Swift that calls it. Needs a Mac with Xcode 15 and
#   rustup target add aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios aarch64-apple-darwin
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

out="target/bindings/xcframework"
rm -rf "$out" && mkdir -p "$out/headers"

# Only what Swift calls stays visible: another SQLite in the app (its own, another library's) then never meets ours.
hide() { # TARGET SDK ARCH MINIMUM
  local archive="target/$1/phone/libgandan_ffi.a" folder="$out/$1" version
  mkdir -p "$folder"
  version="$(xcrun --sdk "$2" --show-sdk-version)"
  xcrun nm -gjU "$archive" 2>/dev/null | grep -E '^_(uniffi_|ffi_|UNIFFI_META)' | sort -u > "$folder/exports"
  xcrun --sdk "$2" ld -r -arch "$3" -platform_version "$5" "$4" "$version" \
    -force_load "$archive" -exported_symbols_list "$folder/exports" -o "$folder/gandan.o"
  xcrun libtool -static -o "$folder/libgandan_ffi.a" "$folder/gandan.o"
  ! xcrun nm -gjU "$folder/libgandan_ffi.a" | grep -q '^_sqlite3_' || { echo "SQLite shows in $1" >&2; exit 1; }
}

build() { # TARGET SDK ARCH MINIMUM PLATFORM
  cargo rustc --locked --profile phone -p gandan-ffi --target "$1" --crate-type staticlib
  hide "$@"
}

build aarch64-apple-ios iphoneos arm64 15.0 ios
build aarch64-apple-ios-sim iphonesimulator arm64 15.0 ios-simulator
build x86_64-apple-ios iphonesimulator x86_64 15.0 ios-simulator
build aarch64-apple-darwin macosx arm64 12.0 macos
mkdir -p "$out/simulator"
xcrun lipo -create "$out/aarch64-apple-ios-sim/libgandan_ffi.a" "$out/x86_64-apple-ios/libgandan_ffi.a" \
  -output "$out/simulator/libgandan_ffi.a"

# From the archive that the app links, so that both are of one build.
cargo run --locked -p gandan-bindgen -- generate --language swift --out-dir "$out/generated" \
  target/aarch64-apple-ios/phone/libgandan_ffi.a
cp "$out/generated/GanDanFFI.h" "$out/headers/"
cp "$out/generated/GanDanFFI.modulemap" "$out/headers/module.modulemap"
mkdir -p bindings/swift/Sources/GanDan/Generated
cp "$out"/generated/*.swift bindings/swift/Sources/GanDan/Generated/

rm -rf bindings/swift/GanDanFFI.xcframework
xcodebuild -create-xcframework \
  -library "$out/aarch64-apple-ios/libgandan_ffi.a" -headers "$out/headers" \
  -library "$out/simulator/libgandan_ffi.a" -headers "$out/headers" \
  -library "$out/aarch64-apple-darwin/libgandan_ffi.a" -headers "$out/headers" \
  -output bindings/swift/GanDanFFI.xcframework
