import Foundation

/// A few file descriptors held back, so that a checkpoint can still be saved when there are no others left.
final class SpareDescriptors {
    /// What a save has open at a time: the file, its directory, and whatever the libraries look into.
    private static let count = 4
    private var held: [Int32]

    init() { held = (0..<Self.count).map { _ in open("/dev/null", O_RDONLY | O_CLOEXEC) }.filter { $0 >= 0 } }

    func release() {
        for descriptor in held { close(descriptor) }
        held = []
    }

    deinit { release() }
}
