extension Array where Element: BitwiseCopyable {
    /// `withUnsafeBytes` that keeps the type of the error.
    package func withRawBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try withUnsafeBufferPointer { (buffer) throws(StorageError) in try body(UnsafeRawBufferPointer(buffer)) }
    }
}
