/// A sample token by token, for a person to look at.
package struct SamplePreview: Sendable {
    /// One token: the bytes of the rendered text it stands for, and whether it is trained.
    package struct Piece: Sendable, Equatable {
        package var token: Int32
        /// May be part of a character only; pieces joined are the text.
        package var bytes: [UInt8]
        package var trained: Bool
        /// Whether the token lies past the length limit.
        package var cutOff: Bool
    }

    /// `file:line`.
    package var place: String
    package var format: DataFormat
    package var pieces: [Piece]
    package var skipped: SkipReason?

    /// Stretches of text of one kind, as a terminal would colour them.
    package var runs: [(text: String, trained: Bool, cutOff: Bool)] {
        var runs: [(bytes: [UInt8], trained: Bool, cutOff: Bool)] = []
        for piece in pieces {
            if let last = runs.last, last.trained == piece.trained, last.cutOff == piece.cutOff {
                runs[runs.count - 1].bytes += piece.bytes
            } else {
                runs.append((piece.bytes, piece.trained, piece.cutOff))
            }
        }
        return runs.map { (String(decoding: $0.bytes, as: UTF8.self), $0.trained, $0.cutOff) }
    }
}

extension Dataset {
    /// The samples of the first `count` draws of training.
    package func preview(_ count: Int) throws(DataError) -> [SamplePreview] {
        var previews: [SamplePreview] = []
        for draw in 0..<min(count, mixture.drawsPerEpoch) { previews.append(try preview(row(ofDraw: draw))) }
        return previews
    }

    /// One row as a sample. A bad row throws `file:line: reason`.
    package func preview(_ id: RowID) throws(DataError) -> SamplePreview {
        do {
            let conversation = try conversation(id)
            let encoded = try encoder.encode(conversation)
            var preview = SamplePreview(place: place(of: id), format: sources[id.file].format, pieces: encoded.pieces(limit: encoder.maxLength))
            if case .skipped(let reason) = try encoder.outcome(of: conversation) { preview.skipped = reason }
            return preview
        } catch let error as DataError {
            throw error
        } catch {
            throw DataError(.badRow, at: place(of: id), "\(error)")
        }
    }
}

extension EncodedText {
    fileprivate func pieces(limit: Int) -> [SamplePreview.Piece] {
        tokens.indices.map { index in
            let start = Int(offsets[index])
            let isBos = hasBos && index == 0
            let end = isBos ? start : index + 1 < tokens.count ? Int(offsets[index + 1]) : rendered.bytes.count
            return SamplePreview.Piece(
                token: tokens[index], bytes: Array(rendered.bytes[start..<max(start, end)]), trained: trained[index], cutOff: index >= limit)
        }
    }
}
