import Foundation

/// A process by itself: nothing travels.
package struct Alone: Communicator {
    package init() {}

    package var rank: Int { 0 }
    package var size: Int { 1 }
    package var localSize: Int { 1 }
    package func gather(_ values: [Double]) -> [[Double]] { [values] }
    package func broadcast(_ bytes: UnsafeMutableRawBufferPointer) {}
    package func startSum(_ values: UnsafeMutableBufferPointer<Float>) {}
    package func progress() {}
    package func finishSums() {}
    package func leave() {}
    package func abort(_ status: Int32) -> Never { exit(status) }
}
