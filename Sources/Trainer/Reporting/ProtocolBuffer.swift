/// Writes the wire format of protocol buffers: the few field types that TensorBoard's events need.
///
/// With fields added in the order of their numbers the bytes are those of Google's libraries.
struct ProtocolBuffer {
    private(set) var bytes: [UInt8] = []

    mutating func add(field: Int, double value: Double) {
        tag(field, wireType: 1)
        append(littleEndian: value.bitPattern)
    }

    mutating func add(field: Int, float value: Float) {
        tag(field, wireType: 5)
        append(littleEndian: value.bitPattern)
    }

    /// A zero is not written: it is what readers take for a field that is not there.
    mutating func add(field: Int, integer value: Int) {
        if value == 0 { return }
        tag(field, wireType: 0)
        variable(UInt64(bitPattern: Int64(value)))
    }

    /// Written also where it is false: one of several alternatives.
    mutating func add(field: Int, bool: Bool) {
        tag(field, wireType: 0)
        variable(bool ? 1 : 0)
    }

    mutating func add(field: Int, bytes content: [UInt8]) {
        tag(field, wireType: 2)
        variable(UInt64(content.count))
        bytes += content
    }

    mutating func add(field: Int, text: String) {
        tag(field, wireType: 2)
        variable(UInt64(text.utf8.count))
        bytes += text.utf8
    }

    mutating func add(field: Int, message: (inout ProtocolBuffer) -> Void) {
        var inner = ProtocolBuffer()
        message(&inner)
        tag(field, wireType: 2)
        variable(UInt64(inner.bytes.count))
        bytes += inner.bytes
    }

    private mutating func tag(_ field: Int, wireType: Int) { variable(UInt64(field << 3 | wireType)) }

    private mutating func variable(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func append(littleEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
}
