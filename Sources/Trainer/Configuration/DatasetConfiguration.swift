import Basics
import HealData

/// One entry of `datasets`.
package struct DatasetConfiguration: SettingGroup {
    /// A JSONL file, a JSON array, or either with `.gz`.
    package var path = ""
    /// The shape of the rows; nil looks at the first ones.
    package var format: DataFormat?
    /// Which columns of the rows stand for the fields of the format, where they have other names.
    package var columns = ColumnNames()
    /// What the rows are for.
    package var split = DatasetFile.Split.train
    /// Share of the samples of an epoch, relative to the weights of the other files. Given for all files that are trained on or for none: then every
    /// row is seen once an epoch.
    package var weight: Double?

    package init() {}

    package static var settings: [Setting<DatasetConfiguration>] {
        [
            Setting("path", \.path) { $0.isEmpty ? "is empty; expected a file" : nil },
            Setting("format", \.format),
            Setting("columns", \.columns),
            Setting("split", \.split),
            Setting("weight", \.weight, .trajectory, .positive),
        ]
    }

    package mutating func finish(_ keys: GivenKeys, reader: inout ConfigurationReader) {
        if keys["path"] == nil { reader.report("\"path\" is missing: the file with the rows", key: keys.path, at: keys.position) }
    }

    /// Reports entries to draw from of which only some have a weight.
    static func checkWeights(_ datasets: [DatasetConfiguration], key: String, at position: JSON.Position, reader: inout ConfigurationReader) {
        let drawn = datasets.filter { $0.split == .train }
        if drawn.contains(where: { $0.weight == nil }), drawn.contains(where: { $0.weight != nil }) {
            reader.report("some entries have a \"weight\" and some have none; give one to each that is trained on, or to none", key: key, at: position)
        }
    }
}

extension DataFormat: SettingChoice {
    /// The names of the data sets do as well: "dolly", "openhermes", "ultrachat_200k".
    package static func named(_ name: String) -> DataFormat? { DataFormat(name: name) }
}

extension DatasetFile.Split: SettingChoice {}

/// The group `export`: what to write when the run is through.
package struct ExportConfiguration: SettingGroup {
    package var target = Target.hf
    package var dtype = DType.bf16
    /// A directory; nil means `export` in the output directory.
    package var path: String?

    package enum Target: String, SettingChoice {
        /// A dense Hugging Face directory, which stock tools load.
        case hf
        /// The cores as they are.
        case mpo
    }

    package enum DType: String, SettingChoice { case bf16, fp32 }

    package init() {}

    package static var settings: [Setting<ExportConfiguration>] {
        [
            Setting("to", \.target, .harmless),
            Setting("dtype", \.dtype, .harmless),
            Setting("path", \.path, .harmless) { $0?.isEmpty == true ? "is empty; expected a directory" : nil },
        ]
    }
}
