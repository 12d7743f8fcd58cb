// swift-tools-version: 5.9
// The library for iOS and macOS. `scripts/xcframework.sh` builds GanDanFFI.xcframework and writes Sources/GanDan/Generated;
// both are made, not kept in git.
import PackageDescription

let package = Package(
    name: "GanDan",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [.library(name: "GanDan", targets: ["GanDan"])],
    targets: [
        .binaryTarget(name: "GanDanFFI", path: "GanDanFFI.xcframework"),
        .target(
            name: "GanDan",
            dependencies: ["GanDanFFI"],
            // What the core asks of the system: randomness, certificates, the network's settings.
            linkerSettings: [.linkedFramework("Security"), .linkedFramework("SystemConfiguration")]
        ),
        .testTarget(name: "GanDanTests", dependencies: ["GanDan"]),
    ]
)
