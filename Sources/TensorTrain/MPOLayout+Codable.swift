/// Stored as `out_factors`, `in_factors` and `bonds`; reading checks them as building does.
extension MPOLayout: Codable {
    private enum CodingKeys: String, CodingKey {
        case outFactors = "out_factors"
        case inFactors = "in_factors"
        case bonds
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        do {
            try self.init(
                outFactors: container.decode([Int].self, forKey: .outFactors),
                inFactors: container.decode([Int].self, forKey: .inFactors),
                bonds: container.decode([Int].self, forKey: .bonds))
        } catch let error as TensorTrainError {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: error.description, underlyingError: error))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(outFactors, forKey: .outFactors)
        try container.encode(inFactors, forKey: .inFactors)
        try container.encode(bonds, forKey: .bonds)
    }
}
