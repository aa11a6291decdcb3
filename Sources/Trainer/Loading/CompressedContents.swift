import Models
import Storage
import TensorTrain

/// Whether the tensors of a compressed model are those that its configuration and its layouts ask for.
struct CompressedContents {
    let configuration: LlamaConfiguration
    let layouts: [String: MPOLayout]
    /// The shape in which core k of a module is stored, counted from zero.
    let coreShape: (_ module: String, _ k: Int) -> [Int]

    /// Everything that does not fit; no weight is read.
    func problems(in source: any WeightSource) throws -> [String] {
        var (problems, expected) = shapes()
        for (name, shape) in expected.sorted(by: { $0.key < $1.key }) {
            guard source.contains(name) else {
                problems.append("\(name): is missing")
                continue
            }
            let found = try source.shape(of: name), type = try source.elementType(of: name)
            if found != shape { problems.append("\(name): has the shape \(found), not \(shape)") }
            if type.codec == nil { problems.append("\(name): \(type.refusal)") }
        }
        for name in source.names where expected[name] == nil { problems.append("\(name): is in the weights, but neither the configuration nor the list of cores knows it") }
        return problems
    }

    /// The shape of every tensor, and what is wrong with the layouts.
    private func shapes() -> (problems: [String], expected: [String: [Int]]) {
        var problems: [String] = [], expected: [String: [Int]] = [:]
        let matrices = Dictionary(uniqueKeysWithValues: LlamaNames.matrixShapes(configuration).map { ($0.name, [$0.out, $0.in]) })
        for (name, shape) in configuration.expectedWeights() where ExportedTensors.compressedModule(name, layouts) == nil { expected[name] = shape }
        for (module, layout) in layouts.sorted(by: { $0.key < $1.key }) {
            guard let shape = matrices[module] else {
                problems.append("\(module): is no matrix of this model, but has cores")
                continue
            }
            if shape != [layout.rows, layout.columns] {
                problems.append("\(module): factors make it \(layout.rows) x \(layout.columns), but the configuration wants \(shape[0]) x \(shape[1])")
            }
            for k in 0..<layout.cores { expected[ModelWeights.coreName(module, k)] = coreShape(module, k) }
        }
        return (problems, expected)
    }
}
