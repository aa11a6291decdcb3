// swift-tools-version: 6.2
import PackageDescription

// Every module is strict: Swift 6 language mode (complete concurrency checking) and no warnings.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

// The fused loops are always compiled optimised; a debug build of them would be unusably slow.
let fused: [CSetting] = [.unsafeFlags(["-O3", "-fno-math-errno"])]

let package = Package(
    name: "heal",
    products: [.executable(name: "heal", targets: ["heal"])],
    traits: [.trait(name: "MPI", description: "Train on several machines; needs Open MPI.")],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        // Libraries of the distribution, as Swift sees them.
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas"),
        .systemLibrary(name: "CHDF5", pkgConfig: "hdf5-serial"),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CMPI", pkgConfig: "ompi-c"),
        .target(name: "CShims", cSettings: fused, linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("m")]),

        // What every other module may use.
        .target(name: "Basics", dependencies: ["CShims"], swiftSettings: strict),

        // Numbers.
        .target(name: "Kernels", dependencies: ["Basics", "CShims", "COpenBLAS"], swiftSettings: strict),
        .target(name: "TensorTrain", dependencies: ["Kernels"], swiftSettings: strict),
        .target(name: "Autograd", dependencies: ["Kernels", "TensorTrain"], swiftSettings: strict),

        // The processes of a run; without the trait there is only one.
        .target(name: "Cluster", dependencies: [.target(name: "CMPI", condition: .when(traits: ["MPI"]))], swiftSettings: strict),

        // Files and data.
        .target(name: "Storage", dependencies: ["Basics", "CShims", "CHDF5", "CZlib"], swiftSettings: strict),
        .target(name: "HealData", dependencies: ["Basics", "CPCRE2", "CZlib"], path: "Sources/Data", swiftSettings: strict),

        // The product.
        .target(name: "Models", dependencies: ["Autograd", "Storage"], swiftSettings: strict),
        .target(
            name: "Trainer",
            dependencies: ["Cluster", "CShims", "Models", "HealData", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict),
        .executableTarget(
            name: "heal",
            dependencies: [
                "Cluster", "Trainer", .product(name: "ArgumentParser", package: "swift-argument-parser"), .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "Benchmarks",
            dependencies: ["Trainer", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Benchmarks", exclude: ["README.md", "alternate.py", "baseline.json", "healing", "tokenizers", "torch"], swiftSettings: strict),

        // Tests mirror the modules.
        .target(name: "TestSupport", dependencies: ["Autograd", "Models"], path: "Tests/Support", swiftSettings: strict),
        .testTarget(name: "BasicsTests", dependencies: ["Basics"], swiftSettings: strict),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "TensorTrainTests", dependencies: ["TensorTrain", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "AutogradTests", dependencies: ["Autograd", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "ClusterTests", dependencies: ["Cluster"], swiftSettings: strict),
        .testTarget(name: "StorageTests", dependencies: ["Storage", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "HealDataTests", dependencies: ["HealData", "Storage", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "ModelsTests", dependencies: ["Models", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "TrainerTests", dependencies: ["Cluster", "Trainer", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "FuzzTests", dependencies: ["Trainer", "HealData", "Models", "Storage"], swiftSettings: strict),
        .testTarget(name: "HealTests", dependencies: ["Trainer", "TestSupport"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
