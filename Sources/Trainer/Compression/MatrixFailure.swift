import Kernels
import TensorTrain

extension HealError {
    /// What went wrong with one matrix, by its name, and what can be done about it.
    static func matrix(_ name: String, _ error: any Error) -> HealError {
        if let error = error as? HealError, error.description.hasPrefix(name) { return error }
        let way = error is TensorTrainError ? ". To leave the matrix dense, add \"\(name)\" to compression.skip" : ""
        return HealError(.model, "\(name): \(error)\(way)")
    }
}

extension DecompositionOutcome {
    /// Throws where a core or an error is not a finite number: such a matrix would spoil the model in silence.
    func requireFinite() throws(HealError) {
        let values = [result.relativeError, result.fit?.error, result.fit?.heldError, result.fit?.weightedError].compactMap { $0 }
        if values.allSatisfy(\.isFinite), cores.allSatisfy({ Float.firstNotFinite($0.floats()) == nil }) { return }
        throw HealError(
            .model,
            "\(result.name): its cores hold numbers that are not finite; the matrix, or what it is given, is too large for single precision. "
                + "Scale the model's weights, or add \"\(result.name)\" to compression.skip")
    }
}
