/// The named templates as Jinja, in our own words: what checkpoints and exports carry, so that other programs write the same.
extension ChatTemplate.Name {
    /// The source. `alpaca` and `plain` do not write the bos token themselves; `ChatTemplate.jinja(addsBos:)` puts it in front for them.
    package var jinja: String {
        switch self {
        case .chatml: Self.chatmlSource
        case .llama2: Self.llama2Source
        case .llama3: Self.llama3Source
        case .mistral: Self.mistralSource
        case .zephyr: Self.zephyrSource
        case .alpaca: Self.alpacaSource
        case .plain: Self.plainSource
        }
    }

    /// The source as a model carries it whose tokenizer puts a bos token before a text, or does not.
    package func jinja(addsBos: Bool) -> String {
        addsBos && (self == .alpaca || self == .plain) ? "{{- bos_token }}" + jinja : jinja
    }

    /// The named template that `source` is, written by this program.
    static func written(_ source: String) -> Self? {
        allCases.first { source == $0.jinja || source == $0.jinja(addsBos: true) }
    }

    private static let chatmlSource = """
        {%- for message in messages %}
        {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
        """

    private static let alternation = """
        {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('user and assistant must take turns, the user first') }}
        {%- endif %}
        """

    private static let systemApart = """
        {%- set rest = messages %}
        {%- if messages and messages[0]['role'] == 'system' %}
        {%- set system = messages[0]['content'] %}
        {%- set rest = messages[1:] %}
        {%- endif %}
        """

    private static let llama2Source = systemApart + """
        {%- for message in rest %}
        \(alternation)
        {%- if message['role'] == 'user' %}
        {%- set text = message['content'] %}
        {%- if loop.first and system is defined %}{%- set text = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + text %}{%- endif %}
        {{- bos_token + '[INST] ' + text.strip() + ' [/INST]' }}
        {%- else %}
        {{- ' ' + message['content'].strip() + ' ' + eos_token }}
        {%- endif %}
        {%- endfor %}
        """

    private static let llama3Source = """
        {{- bos_token }}
        {%- for message in messages %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'].strip() + '<|eot_id|>' }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}
        """

    private static let mistralSource = systemApart + """
        {{- bos_token }}
        {%- for message in rest %}
        \(alternation)
        {%- if message['role'] == 'user' %}
        {{- ' [INST] ' }}{% if loop.first and system is defined %}{{- system + '\\n\\n' }}{% endif %}{{- message['content'] + ' [/INST]' }}
        {%- else %}
        {{- ' ' + message['content'] + eos_token }}
        {%- endif %}
        {%- endfor %}
        """

    private static let zephyrSource = """
        {%- for message in messages %}
        {%- if message['role'] == 'tool' %}{{- raise_exception('there is no place for the answer of a tool') }}{%- endif %}
        {{- '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{- '<|assistant|>\\n' }}{%- endif %}
        """

    private static let alpacaSource = systemApart + """
        {%- if system is defined %}{{- system }}
        {%- elif rest and rest[0]['context'] %}{{- '\(AlpacaTemplate.preambleWithInput)' }}
        {%- else %}{{- '\(AlpacaTemplate.preamble)' }}{%- endif %}
        {%- for message in rest %}
        {%- if message['role'] == 'assistant' %}
        {{- '\\n\\n### Response:\\n' + message['content'] + eos_token }}
        {%- elif message['role'] == 'user' %}
        {{- '\\n\\n### Instruction:\\n' + message['content'] }}
        {%- if message['context'] %}{{- '\\n\\n### Input:\\n' + message['context'] }}{%- endif %}
        {%- else %}{{- raise_exception('there is no place for a turn of ' + message['role']) }}{%- endif %}
        {%- endfor %}
        {%- if add_generation_prompt %}{{- '\\n\\n### Response:\\n' }}{%- endif %}
        """

    private static let plainSource = """
        {%- for message in messages %}
        {%- if message['role'] == 'assistant' %}{{- message['content'] + eos_token }}{% if not loop.last %}{{- '\\n' }}{% endif %}
        {%- else %}{{- message['content'] + '\\n' }}{%- endif %}
        {%- endfor %}
        """
}
