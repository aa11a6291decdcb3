import Basics

/// A run's configuration as TensorBoard's plugins "hparams" and "text" take it: what `SummaryWriter.add_hparams` and `add_text` of PyTorch write.
///
/// The messages are those of `tensorboard/plugins/hparams/api.proto` and `plugin_data.proto`, and `google.protobuf.Value`.
enum HyperparameterEvents {
    /// Metrics that runs are compared by.
    private static let metrics = ["eval/loss", "eval/perplexity", "train/loss"]

    typealias Value = (tag: String, content: [UInt8])

    /// The values at the beginning of a session.
    static func beginning(_ configuration: JSON, time: Double) -> [Value] {
        let leaves = leaves(configuration)
        return [("_hparams_/experiment", experiment(leaves)), ("_hparams_/session_start_info", start(leaves, time: time))]
    }

    /// - Parameter time: when the session ended.
    static func end(time: Double) -> Value {
        var data = ProtocolBuffer()
        data.add(field: 4) {  // session_end_info
            $0.add(field: 1, integer: 1)  // status: success
            $0.add(field: 2, double: time)
        }
        return ("_hparams_/session_end_info", data.bytes)
    }

    /// The configuration as a block of code in Markdown.
    static func text(_ configuration: JSON) -> String {
        configuration.text(indented: true).split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 }.joined(separator: "\n")
    }

    private static func experiment(_ leaves: [(key: String, value: JSON)]) -> [UInt8] {
        var data = ProtocolBuffer()
        data.add(field: 2) { experiment in
            for leaf in leaves {
                experiment.add(field: 4) {  // hparam_infos
                    $0.add(field: 1, text: leaf.key)
                    $0.add(field: 4, integer: type(leaf.value))
                }
            }
            for metric in metrics { experiment.add(field: 5) { $0.add(field: 1) { $0.add(field: 2, text: metric) } } }
        }
        return data.bytes
    }

    private static func start(_ leaves: [(key: String, value: JSON)], time: Double) -> [UInt8] {
        var data = ProtocolBuffer()
        data.add(field: 3) { session in
            for leaf in leaves {
                session.add(field: 1) { entry in  // hparams
                    entry.add(field: 1, text: leaf.key)
                    entry.add(field: 2) { add(leaf.value, to: &$0) }
                }
            }
            session.add(field: 5, double: time)
        }
        return data.bytes
    }

    /// 1 text, 2 true or false, 3 a number.
    private static func type(_ value: JSON) -> Int {
        switch value.value {
        case .bool: 2
        case .integer, .number: 3
        default: 1
        }
    }

    private static func add(_ value: JSON, to buffer: inout ProtocolBuffer) {
        switch value.value {
        case .bool(let bool): buffer.add(field: 4, bool: bool)
        case .integer(let integer): buffer.add(field: 2, double: Double(integer))
        case .number(let number): buffer.add(field: 2, double: number)
        case .string(let text): buffer.add(field: 3, text: text)
        default: buffer.add(field: 3, text: value.text())
        }
    }

    /// Keys that have a value, dotted, in alphabetical order; lists are one value.
    private static func leaves(_ configuration: JSON) -> [(key: String, value: JSON)] {
        var leaves: [(key: String, value: JSON)] = []
        func walk(_ json: JSON, _ path: String) {
            if let members = json.members {
                for member in members { walk(member.value, path.isEmpty ? member.key : "\(path).\(member.key)") }
            } else if !json.value.isNull, path != "description" {
                leaves.append((path, json))
            }
        }
        walk(configuration, "")
        return leaves.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }
}
