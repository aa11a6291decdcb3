import Models
import Storage
import TensorTrain

/// The tensors that a model's files must hold, by its configuration and the layouts of its compressed matrices.
struct StoredShapes {
    private(set) var expected: [String: [Int]] = [:]
    private var wrongLayouts: [String] = []

    /// - Parameter coreShape: what is stored of core k of a matrix; the whole core by default.
    init(_ configuration: LlamaConfiguration, _ layouts: [String: MPOLayout], coreShape: (String, Int, MPOLayout) -> [Int] = { $2.coreShape($1) }) {
        for (name, shape) in configuration.expectedWeights() where ExportedTensors.compressedModule(name, layouts) == nil { expected[name] = shape }
        let matrices = Dictionary(uniqueKeysWithValues: LlamaNames.matrixShapes(configuration).map { ($0.name, [$0.out, $0.in]) })
        for (module, layout) in layouts.sorted(by: { $0.key < $1.key }) {
            guard let shape = matrices[module] else {
                wrongLayouts.append("\(module): is no matrix of this model, but has cores")
                continue
            }
            if shape != [layout.rows, layout.columns] {
                wrongLayouts.append("\(module): factors make it \(layout.rows) x \(layout.columns), but the configuration wants \(shape[0]) x \(shape[1])")
            }
            for k in 0..<layout.cores { expected[ModelWeights.coreName(module, k)] = coreShape(module, k, layout) }
        }
    }

    /// Everything that contradicts, before memory is taken for any of it.
    func problems(in source: any WeightSource) throws -> [String] {
        var problems = wrongLayouts
        for (name, shape) in expected.sorted(by: { $0.key < $1.key }) {
            guard source.contains(name) else {
                problems.append("\(name): is missing")
                continue
            }
            let found = try source.shape(of: name), type = try source.elementType(of: name)
            if found != shape { problems.append("\(name): has the shape \(found), not \(shape)") }
            if type.codec == nil { problems.append("\(name): \(type.refusal)") }
        }
        return problems
    }
}
