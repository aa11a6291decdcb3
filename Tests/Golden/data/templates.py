"""Chat templates as Jinja: the stock text (or its equivalent in our words) and, for the mask, the same with generation markers."""

# {G} and {E} become the generation markers, or nothing.
_chatml = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n'}}"
    "{% if message['role'] == 'assistant' %}{G}{{ message['content'] + '<|im_end|>' }}{E}"
    "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\\n' }}{% endfor %}"
)
_default = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nDEFAULT<|im_end|>\\n' }}{% endif %}"
)
_stock_chatml = (
    "{% for message in messages %}FIRST{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
_stock_first = (
    "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nDEFAULT<|im_end|>\n' }}{% endif %}"
)
_smollm2 = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
_qwen25 = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."

_qwen_tool = """
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- message.content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}"""

_qwen25_head = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] }}
    {%- else %}
        {{- 'DEFAULT' }}
    {%- endif %}
    {{- "\\n\\n# Tools\\n\\n</tools>\\n\\n<tool_call></tool_call><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nDEFAULT<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
"""
_qwen25_stock = _qwen25_head + """{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {{- '\\n<tool_call>\\n' }}{{- '}\\n</tool_call>' }}
        {{- '<|im_end|>\\n' }}""" + _qwen_tool
_qwen25_marked = _qwen25_head + """{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role + '\\n' }}{% generation %}{{- message.content + '<|im_end|>' }}{% endgeneration %}{{- '\\n' }}""" + _qwen_tool

_qwen3_head = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is defined and message.reasoning_content is not none %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in message.content %}
                {%- set content = message.content.split('</think>')[-1].lstrip('\\n') %}
                {%- set reasoning_content = message.content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
"""
_qwen3_stock = _qwen3_head + """        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning_content) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}""" + _qwen_tool
_qwen3_marked = _qwen3_head + """        {{- '<|im_start|>' + message.role + '\\n' }}{% generation %}
        {%- if loop.index0 > ns.last_query_index and (loop.last or reasoning_content) %}
            {{- '<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- content }}
        {%- endif %}
        {{- '<|im_end|>' }}{% endgeneration %}{{- '\\n' }}""" + _qwen_tool

_alternate = (
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
)
_llama2 = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}"
    "{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
    "{% for message in loop_messages %}" + _alternate +
    "{% if loop.index0 == 0 and system_message != false %}"
    "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{G}{{ ' '  + content.strip() + ' ' + eos_token }}{E}{% endif %}{% endfor %}"
)
_llama3_message = (
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}{% if message['role'] == 'assistant' %}"
    "{G}{{ message['content'] | trim + '<|eot_id|>' }}{E}{% else %}{{ message['content'] | trim + '<|eot_id|>' }}{% endif %}"
)
_llama3_stock_message = "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>'"
_llama31_head = (
    "{{- bos_token }}{% if not date_string is defined %}{% set date_string = \"26 Jul 2024\" %}{% endif %}"
    "{% if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content']|trim %}{% set messages = messages[1:] %}"
    "{% else %}{% set system_message = \"\" %}{% endif %}"
    "{{- \"<|start_header_id|>system<|end_header_id|>\\n\\n\" }}{{- \"Cutting Knowledge Date: December 2023\\n\" }}"
    "{{- \"Today Date: \" + date_string + \"\\n\\n\" }}{{- system_message }}{{- \"<|eot_id|>\" }}"
)
_mistral_old = (
    "{{ bos_token }}{% for message in messages %}" + _alternate +
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{G}{{ message['content'] + eos_token}}{E}TAIL"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
_mistral_new = """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if (message["role"] == "user") != (loop.index0 % 2 == 0) %}
        {{- raise_exception("conversation roles must alternate") }}
    {%- endif %}
    {%- if message["role"] == "user" %}
        {%- if WHERE and system_message is defined %}
            {{- "OPEN" + system_message + "\\n\\n" + message["content"] + "CLOSE" }}
        {%- else %}
            {{- "OPEN" + message["content"] + "CLOSE" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {G}{{- ANSWER + eos_token}}{E}
    {%- endif %}
{%- endfor %}"""
_zephyr = (
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\nANSWER\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
)
_alpaca = (
    "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}{% set messages = messages[1:] %}"
    "{% elif messages[0]['context'] %}{{ 'Below is an instruction that describes a task, paired with an input that provides further context."
    " Write a response that appropriately completes the request.' }}"
    "{% else %}{{ 'Below is an instruction that describes a task. Write a response that appropriately completes the request.' }}{% endif %}"
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ '\\n\\n### Instruction:\\n' + message['content'] }}"
    "{% if message['context'] %}{{ '\\n\\n### Input:\\n' + message['context'] }}{% endif %}"
    "{% else %}{{ '\\n\\n### Response:\\n' }}{G}{{ message['content'] + eos_token }}{E}{% endif %}{% endfor %}"
)
_plain = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{G}{{ message['content'] + eos_token }}{E}"
    "{% if not loop.last %}{{ '\\n' }}{% endif %}{% else %}{{ message['content'] + '\\n' }}{% endif %}{% endfor %}"
)


def _both(text):
    return text.replace("{G}", "").replace("{E}", ""), text.replace("{G}", "{% generation %}").replace("{E}", "{% endgeneration %}")


def _chat(default):
    stock = _stock_chatml.replace("FIRST", _stock_first if default else "").replace("DEFAULT", default)
    marked = ((_default if default else "") + _chatml).replace("DEFAULT", default)
    return stock, _both(marked)[1]


def _mistral(where, opening, closing, answer):
    text = _mistral_new.replace("WHERE", where).replace("OPEN", opening).replace("CLOSE", closing).replace("ANSWER", answer)
    return _both(text)


def _old(tail):
    return (
        _both(_mistral_old)[0].replace("eos_token}}TAIL", f"eos_token{tail}" + "}}"),
        _both(_mistral_old)[1].replace("TAIL", "{{ ' ' }}" if tail else ""),
    )


# name: (text to recognise or None, text with markers, options)
TEMPLATES = {
    "chatml": (*_chat(""), {}),
    "chatml-smollm2": (*_chat(_smollm2), {}),
    "chatml-qwen2.5": (_qwen25_stock.replace("DEFAULT", _qwen25), _qwen25_marked.replace("DEFAULT", _qwen25), {"tools": True}),
    "chatml-qwen3": (_qwen3_stock, _qwen3_marked, {"tools": True}),
    "llama2": (*_both(_llama2), {"alternates": True}),
    "llama3": (
        "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = " + _llama3_stock_message +
        " %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}",
        _both("{{ bos_token }}{% for message in messages %}" + _llama3_message + "{% endfor %}")[1], {"tools": True}),
    "llama3.1": (
        _llama31_head + "{% for message in messages %}{{ " + _llama3_stock_message + " }}{% endfor %}",
        _both(_llama31_head + "{% for message in messages %}" + _llama3_message + "{% endfor %}")[1], {}),
    "mistral-v0.1": (*_old(" + ' '"), {"alternates": True, "system": False}),
    "mistral-v0.2": (*_mistral("loop.first", " [INST] ", " [/INST]", '" " + message["content"]'), {"alternates": True}),
    "mistral-v0.3": (*_mistral("loop.last", "[INST] ", "[/INST]", '" " + message["content"]|trim'), {"alternates": True}),
    "mistral-nemo": (*_mistral("loop.last", "[INST]", "[/INST]", 'message["content"]'), {"alternates": True}),
    "zephyr": (
        _zephyr.replace("ANSWER", "{{ '<|assistant|>\n'  + message['content'] + eos_token }}"),
        _zephyr.replace("ANSWER", "{{ '<|assistant|>\n' }}{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}{{ '' }}"), {}),
    "alpaca": (None, _both(_alpaca)[1], {"context": True}),
    "plain": (None, _both(_plain)[1], {}),
}
