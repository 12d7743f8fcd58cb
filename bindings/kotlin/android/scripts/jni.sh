#!/usr/bin/env bash
# The native library for the four ABIs of Android, and the Kotlin that calls it. Needs the NDK (ANDROID_NDK_HOME) and
#   cargo install cargo-ndk
#   rustup target add aarch64-linux-android armv7-linux-androideabi x86_64-linux-android i686-linux-android
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../../.."
out="target/bindings/jniLibs"
rm -rf "$out"
# 16 KB pages: Google Play wants them from Android 15 on. Packed addresses and C made for size, as `cargo xtask bench
# bindings` measures it.
export CFLAGS="${CFLAGS:-} -Os -fno-asynchronous-unwind-tables -fno-unwind-tables -ffunction-sections -fdata-sections"
RUSTFLAGS="${RUSTFLAGS:-} -C link-arg=-Wl,-z,max-page-size=16384 -C link-arg=-Wl,--pack-dyn-relocs=android" \
  cargo ndk -t arm64-v8a -t armeabi-v7a -t x86_64 -t x86 --platform 26 -o "$out" \
  build --locked --profile phone -p gandan-ffi
# From a library that the app carries, so that both are of one build.
cargo run --locked -p gandan-bindgen -- generate --language kotlin --out-dir target/bindings/kotlin \
  target/aarch64-linux-android/phone/libgandan_ffi.so
"${ANDROID_NDK_HOME:?}"/toolchains/llvm/prebuilt/*/bin/llvm-strip "$out"/*/libgandan_ffi.so
