import Basics
import Models
import TensorTrain

/// `mpo.json` of an `mpo` export: which matrices are MPOs and how their cores contract. docs/exports.md has the schema.
struct MPOManifest {
    static let fileName = "mpo.json"
    static let weightsName = "mpo.safetensors"
    static let format = "heal-mpo"
    /// Version 1 had whole cores and no pivots; it is still read.
    static let version = 2
    static let contraction =
        "M.weight[(o1..oN), (i1..iN)] = sum over r1..r(N-1) of cores.0[0, o1, i1, r1] cores.1[r1, o2, i2, r2] .. cores.(N-1)[r(N-1), oN, iN, 0]: "
        + "every core has the axes [left bond, out, in, right bond], and rows and columns count with their first factor slowest; of a core with pivots, read as a "
        + "matrix [left bond, (out in right bond)], the pivots are the columns of the unit matrix in their order, and what is stored are the other columns"

    var layouts: [String: MPOLayout]
    /// Of each core but the first, by the matrix; none where cores are stored whole.
    var pivots: [String: [[Int]]]

    func json(dtype: ExportDType, parameters: Int) -> JSONValue {
        func list(_ numbers: [Int]) -> JSONValue { .array(numbers.map { .int($0) }) }
        let saved = layouts.values.reduce(0) { $0 + $1.denseCount - $1.parameterCount }
        return [
            "format": .string(Self.format), "version": .int(Self.version), "weights": .string(Self.weightsName),
            "dtype": .string(dtype.huggingFaceName), "contraction": .string(Self.contraction),
            "parameters": .int(parameters), "dense_parameters": .int(parameters + saved),
            "modules": .object(
                Dictionary(
                    uniqueKeysWithValues: layouts.map { name, layout in
                        let module: JSONValue = [
                            "out_factors": list(layout.outFactors), "in_factors": list(layout.inFactors), "bonds": list(layout.bonds),
                            "parameters": .int(layout.parameterCount), "dense_parameters": .int(layout.denseCount),
                            "pivots": .array((pivots[name] ?? []).map(list)),
                        ]
                        return (name, module)
                    })),
        ]
    }

    init(layouts: [String: MPOLayout], pivots: [String: [[Int]]]) { (self.layouts, self.pivots) = (layouts, pivots) }

    /// Reads and checks the file of an export's directory. What it says of weights is compared with them by `MPOExport.open`.
    init(directory: String) throws {
        let file = directory + "/" + Self.fileName
        func wrong(_ place: String, _ message: String) -> HealError { HealError(.model, "\(file): \(place): \(message)") }
        let root = try JSONValue.read(file)
        guard root["format"]?.string == Self.format else { throw wrong("format", "must be \"\(Self.format)\"; this is not the manifest of an mpo export") }
        guard let version = root["version"]?.int, (1...Self.version).contains(version) else {
            throw wrong("version", "is \(root["version"]?.text() ?? "missing"), but this program reads versions 1 to \(Self.version); use the program that wrote it")
        }
        guard root["weights"]?.string == Self.weightsName else { throw wrong("weights", "must be \"\(Self.weightsName)\"") }
        guard let modules = root["modules"]?.object else { throw wrong("modules", "must be an object from module names to their factors and bonds") }
        (layouts, pivots) = ([:], [:])
        for (name, module) in modules {
            let place = "modules.\(name)"
            func integers(_ value: JSONValue?, _ key: String) throws -> [Int] {
                guard let list = value?.array, list.allSatisfy({ $0.int != nil }) else { throw wrong("\(place).\(key)", "must be an array of whole numbers") }
                return list.map { $0.int! }
            }
            func integers(_ key: String) throws -> [Int] { try integers(module[key], key) }
            let layout: MPOLayout
            do {
                layout = try MPOLayout(outFactors: try integers("out_factors"), inFactors: try integers("in_factors"), bonds: try integers("bonds"))
            } catch let error as TensorTrainError {
                throw wrong(place, error.description)
            }
            layouts[name] = layout
            let parameters = version == 1 ? layout.coreTotal : layout.parameterCount
            for (key, count) in [("parameters", parameters), ("dense_parameters", layout.denseCount)] where module[key]?.int != count {
                throw wrong("\(place).\(key)", "is \(module[key]?.text() ?? "missing"), but factors and bonds make it \(count)")
            }
            if version == 1 { continue }
            guard let lists = module["pivots"]?.array else { throw wrong("\(place).pivots", "must be an array with a list for each core but the first") }
            pivots[name] = try lists.enumerated().map { try integers($1, "pivots[\($0)]") }
            let wanted = layout.hasFreeGauge ? layout.cores - 1 : 0
            guard lists.count == wanted else { throw wrong("\(place).pivots", "has \(lists.count) lists, but factors and bonds want \(wanted)") }
            for (k, list) in pivots[name]!.enumerated() {
                let bond = layout.bonds[k + 1], columns = layout.coreCount(k + 1) / bond
                guard list.count == bond, zip(list, list.dropFirst()).allSatisfy({ $0 < $1 }), list.first! >= 0, list.last! < columns else {
                    throw wrong("\(place).pivots[\(k)]", "must be \(bond) rising numbers below \(columns)")
                }
            }
        }
    }
}
