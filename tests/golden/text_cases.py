"""Inputs of the text golden files; make_text_golden.py renders them with the reference libraries."""

TOKENIZER_TEXTS = {
    "empty": "",
    "ascii": "".join(map(chr, range(128))),
    "latin1": "".join(map(chr, range(256))),
    "latin1 apart": " ".join(map(chr, range(256))),
    "every utf-8 lead byte": "\u007f\u0080\u07ff\u0800\uffff\U00010000\U0010ffff" +
    "".join(chr(c) for c in range(0x100, 0x110000, 0x1d41) if not 0xd800 <= c < 0xe000),
    "sentence": "The quick brown fox didn't jump over 13 lazy dogs; it's they'll WE'VE I'm you'd.",
    "emoji": "\U0001f600\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466!",
    "zwj and flags": "\U0001f3f3\ufe0f\u200d\U0001f308 \U0001f1e9\U0001f1ea\U0001f1ef\U0001f1f5\U0001f1fa "
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f 1\ufe0f\u20e3",
    "cjk": "\u4f60\u597d\uff0c\u4e16\u754c\u3002\u65e5\u672c\u8a9e\u306e\u30c6\u30b9\u30c8 "
    "\ud55c\uad6d\uc5b4 \U00020000\U0002a6d6",
    "combining": "e\u0301 \u00e9 n\u0303o\u0308 \u1ea5 a\u0302\u0301 Z\u0351\u036b\u0343\u0321 \u212b \ufb01 \u1100\u1161\u11a8",
    "right to left": "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u200fabc\u200e \u202eabc\u202c 123 \u0661\u0662",
    "indic": "\u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22 \u0b95\u0bcd\u0bb7",
    "special in text": "<|im_start|>user\nHi<|im_end|>\n<|endoftext|><tool_call>{}</tool_call>x<|im_end|",
    "special glued": "a<|im_end|>b <|im_end|> c<|im_start|><|im_start|>",
    "white space": "  \t\t \n\n\n \r\n \u00a0\u2003\u3000x" + " " * 130 + "y" + "\n" * 65 + "\t" * 33,
    "only blanks": "     ",
    "trailing blanks": "word   \n  ",
    "numbers": "0 12 345 6789 1,234.5 \u00bd \u00b2 \u0664 \u2167 1e-10",
    "code": "def f(x):\n    return {\"a\": [x ** 2, -1]}  # done\n\nfor(i=0;i<10;++i){}",
    "punctuation": "!!! ... ?! -- \u2014 \u201cquoted\u201d \u00abx\u00bb $5 #1 @me a/b\\c ~`^",
    "controls": "a\u0000b\u0001\u001b[31m\u007f\u0085\u2028\u2029\ufeff\ufffe\uffff\ufffd",
    "private and unassigned": "\ue000\U000f0000\u0378\U000e0001",
    "long word": "a" * 700,
    "long repeat": "typo tpyo " * 80,
}

MESSAGES = {
    "user": [{"role": "user", "content": "Hello, world"}],
    "system": [
        {"role": "system", "content": "Be brief.\nBe kind."},
        {"role": "user", "content": "  2 + 2?  "},
        {"role": "assistant", "content": "4"},
        {"role": "user", "content": "Thanks \U0001f600 \u00e9 <b>&'\"</b>"},
    ],
    "final": [
        {"role": "user", "content": "Name a colour."},
        {"role": "assistant", "content": "The colour is "},
    ],
    "blocks": [
        {"role": "user", "content": [{"type": "text", "text": "What is this?"},
                                     {"type": "image", "url": "x.png"},
                                     {"type": "text", "text": "And that? "}]},
    ],
    "tool use": [
        {"role": "user", "content": "Weather in K\u00f6ln?"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function": {
                "name": "weather",
                "arguments": {"city": "K\u00f6ln", "days": 3, "exact": 1.0, "tiny": 1e-7,
                              "huge": 1e22, "big": 123456789012345678901234567890,
                              "flags": [True, False, None], "empty": {}, "none": []}}}]},
        {"role": "tool", "name": "weather", "tool_call_id": "c1",
         "content": "{\"temp\": 21.5}"},
        {"role": "assistant", "content": "<think>\nwarm\n</think>\n\nIt is 21.5 degrees."},
        {"role": "user", "content": "\nAnd tomorrow?\n"},
    ],
    "bad order": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}],
}

TOOLS = [
    {"type": "function", "function": {
        "name": "weather", "description": "Weather \u2014 of a 'city' & \"more\" </b>\n\u2028",
        "parameters": {"type": "object", "required": ["city"], "properties": {
            "city": {"type": "string", "description": "Stadt\t\u007f\u0001"},
            "days": {"type": "integer", "default": 3, "minimum": -1},
            "tags": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
            "scale": {"type": ["number", "null"], "default": 1.0}}}}},
    {"type": "function", "function": {"name": "now", "parameters": {}}},
]

CHAT_TEMPLATES = {
    "tags and blanks": """{% for message in messages %}
    {%- if loop.first %}
<first>
    {% endif %}
    {% if message.role == 'user' %}
  U: {{ message.content }}
    {% elif message['role'] == "assistant" -%}
  A: {{ message['content'] | trim }}
    {%- else +%}
  O: {{ message.role | upper }}
    {%+ endif %}
{# a comment #}
  {#- another -#}
{% endfor %}
{{ bos_token }}{{ eos_token }}

""",
    "system prompt": """{%- if messages and messages[0]['role'] == 'system' -%}
{%- set system_message = messages[0]['content'] | trim + '\\n\\n' -%}
{%- set messages = messages[1:] -%}
{%- else -%}{%- set system_message = '' -%}{%- endif -%}
{%- for message in messages -%}
{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
{{ raise_exception('Conversation roles must alternate ' + message.role + '!') }}
{%- endif -%}
{%- if loop.index0 == 0 -%}{{ system_message }}{%- endif -%}
{{ '<start>' + message['role'] + '\\n' + (message['content'] if message['content'] is string else message['content'] | map(attribute='type') | join(',')) | trim + '<end>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start>model\\n' }}{%- endif -%}""",
    "tools": """{%- macro render(tool, depth=0) -%}
{{ '  ' * depth }}{{ tool.name }}({% for k, v in tool.parameters.properties.items() if tool.parameters.properties -%}
{{ k }}: {{ v.type if v.type is string else v.type | join('|') }}{{ '' if k in tool.parameters.required else '?' }}
{%- if v.default is defined %} = {{ v.default }}{% endif %}
{%- if 'items' in v %} of {{ v['items'].type }}{% endif %}{{ ', ' if not loop.last }}
{%- endfor %})
{%- endmacro -%}
{%- if tools %}
# Tools
{%- for tool in tools %}
{{ tool | tojson }}
{{ tool | tojson(indent=2) }}
{{ tool.function | tojson(separators=(',', ':'), sort_keys=true) }}
{{ tool | tojson(ensure_ascii=true) }}
{%- if tool.function.parameters %}
{{ render(tool.function, 1) }}
{%- endif %}
{%- endfor %}
{%- endif %}
{%- for m in messages %}
{%- if m.tool_calls is defined and m.tool_calls %}
{%- for call in m.tool_calls %}
{%- set f = call.function %}
<tool_call>
{"name": "{{ f.name }}", "arguments": {{ f.arguments if f.arguments is string else f.arguments | tojson }}}
{%- for key, value in f.arguments | items %}
<{{ key }}>{{ value }}|{{ value | tojson if value is mapping or (value is sequence and value is not string) else value | string }}</{{ key }}>
{%- endfor %}
</tool_call>
{%- endfor %}
{%- elif m.role == 'tool' %}
<{{ m.name }}>{{ m.content }}</{{ m.name }}>
{%- else %}
{{ m.role }}: {{ m.content }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}<assistant>{% endif %}""",
    "loop controls": """{%- for message in messages %}
{%- if message.role == 'system' %}{% continue %}{% endif %}
{%- if loop.index > 3 %}{% break %}{% endif %}
{{ loop.index }}/{{ loop.length }} {{ loop.revindex }} {{ loop.first }} {{ loop.last }} {{ loop.previtem.role }} {{ loop.nextitem.role | default('none') }} {{ loop.cycle('a', 'b') }}
{%- else %}no messages
{%- endfor %}""",
    "namespace": """{%- set ns = namespace(last=-1, found=false, text='') %}
{%- for message in messages[::-1] %}
{%- set index = (messages | length - 1) - loop.index0 %}
{%- if not ns.found and message.role == 'user' and message.content is string and not (message.content.startswith('<r>') and message.content.endswith('</r>')) %}
{%- set ns.found = true %}{%- set ns.last = index %}
{%- endif %}
{%- set ns.text = ns.text ~ message.role[0] ~ index %}
{%- endfor %}
{{- ns.last }} {{ ns.found }} {{ ns.text }}
{%- for message in messages %}
{%- set content = message.content if message.content is string else '' %}
{%- if '</think>' in content %}
{%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
{%- set content = content.split('</think>')[-1].lstrip('\\n') %}
{{ 'R=' ~ reasoning ~ ';C=' ~ content }}
{%- endif %}
{%- if loop.index0 > ns.last %}later{% endif %}
{%- endfor %}""",
    "call blocks": """{% macro wrap(role, end='<end>') %}<{{ role }}>{{ caller() }}{{ end }}{% endmacro %}
{% for m in messages %}
{% call wrap(m.role) %}{{ m.content }}{% endcall %}
{% set block %}[{{ m.role | capitalize }}]{% endset %}
{{ block }}{% filter upper %}{{ m.role }}{% endfilter %}
{% endfor %}
{% with a = 1, b = 'x' %}{{ a }}{{ b }}{% endwith %}
{% raw %}{{ not rendered }}{% generation %}{% endraw %}
""",
    "generation": """{% for m in messages %}
{% if m.role == 'assistant' %}
{% set kept = 'outer' %}
A{% generation %}{{ m.content }}{% set kept = 'inner' %}{% endgeneration %}.{{ kept }}
  {%- generation -%}  {{ m.content }}  {%- endgeneration -%}
B {% generation -%} {{ m.content }} {%- endgeneration %} C
{%- generation %}

{{ m.content }}
{% endgeneration -%}
{% else %}
{{ m.content }}
{% endif %}
{% endfor %}""",
    "clock": """{{ strftime_now('%d %b %Y') }}|{{ strftime_now("%Y-%m-%d %H:%M:%S") }}|{{ strftime_now('%A %B %-d, %j %U %W %V %G %u %w %I %p %y %f %% %e') }}
{%- set now = strftime_now('%c %x %X %D %F %T %R %r %h %C %k %l %Z %z') %}|{{ now }}""",
    "raise": "{% if messages[0].role != 'system' %}\n{{ raise_exception('System message first: ' ~ messages[0].role) }}{% endif %}ok",
    "content blocks": """{% for m in messages %}{% if m.content is string %}{{ m.content }}{% elif m.content is iterable %}{% for item in m.content %}{% if item['type'] == 'text' %}{{ item.text | trim }}{% elif item.type == 'image' %}<image>{% endif %}{% endfor %}{% endif %}
{% endfor %}{{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | map(attribute='role') | unique | join(', ') }} {{ (messages | last).role }} {{ messages | rejectattr('role', 'in', ['user', 'tool']) | map(attribute='role') | list }}""",
}

# Expressions rendered as "{{ expression }}" in both dialects; a failure is part of the golden.
EXPRESSIONS = """
none
true
[1, 2.0, 'a', "it's", none, true, {'k': [1]}]
(1,)
(1, 'b')
{'a': 1, 'b': {'c': 'd"e'}}
f
floats
ints
text
quotes
unicode
1 / 2
4 / 2
7 // 2
-7 // 2
7 % 3
-7 % 3
2 ** 10
2 ** -1
1.5 + 1
3 * 'ab'
[1] + [2, 3]
'a' ~ 1 ~ 2.0 ~ none ~ true
'a' + 'b'
1 < 2 < 3
not missing
missing
missing | default('d')
missing | length
missing | list
missing | join(',')
missing | upper
missing is defined
missing is none
missing == none
missing.attribute
nothing.attribute
nothing is none
nothing | default('d')
nothing | default('d', true)
d.key
d['key']
d.nokey
d.items() | list
d.keys() | list
d.values() | list
d.get('key')
d.get('nokey')
d.get('nokey', 'x')
d | length
d | list
d | items | list
d | dictsort
'key' in d
'b' in 'abc'
2 in [1, 2]
'x' not in 'abc'
list[0]
list[-1]
list[10]
list[1:3]
list[::-1]
list[::2]
text[0]
text[-3:]
text[::-1]
list | first
list | last
list | join(' ')
list | join
[1, 2.5, none, true, [1]] | join('|')
list | map('upper') | join(',')
list | map('length') | list
list | reverse | list
list | sort
list | sort(reverse=true)
list | select('equalto', 'b') | list
list | reject('equalto', 'b') | list
list.index('b')
list.index('zz')
list.count('b')
ints | sum
ints | min
ints | max
ints | map('string') | join('+')
list | batch(2) | list
list | length
'  x '.strip()
'xxaxx'.strip('x')
'xxaxx'.lstrip('x')
'xxaxx'.rstrip('x')
'\\x1fa\\x1c'.strip()
' a b  c '.split()
' a b  c '.split(none, 1)
' a b  c '.rsplit(none, 1)
'a,b,c'.split(',')
'a,b,c'.split(',', 1)
'a,b,c'.rsplit(',', 1)
'a,b,c'.split(sep=',', maxsplit=1)
''.split()
''.split(',')
'a b'.split('')
'a\\nb\\r\\nc\\rd'.splitlines()
'a\\nb\\n'.splitlines(true)
'abcabc'.find('c')
'abcabc'.find('c', 3)
'abcabc'.find('z')
'abcabc'.rfind('c')
'abcabc'.index('b')
'abcabc'.index('z')
'abcabc'.count('bc')
'abcabc'.replace('b', 'X')
'abcabc'.replace('b', 'X', 1)
'abc'.startswith('a')
'abc'.startswith(('x', 'a'))
'abc'.endswith('bc')
'prefix-x'.removeprefix('prefix-')
'x.txt'.removesuffix('.txt')
'a-b-c'.partition('-')
'a-b-c'.rpartition('-')
'abc'.partition('-')
'aBc'.swapcase()
'-42'.zfill(5)
'42'.zfill(5)
'ab'.center(5, '*')
'abc'.center(6, '*')
'ab'.ljust(4) ~ '|'
'ab'.rjust(4) ~ '|'
'hello wORLD'.capitalize()
"they're bill's friends".title()
'straße'.upper()
'ΑΣ'.lower()
'Straße'.casefold()
'12'.isdigit()
'²'.isdigit()
'²'.isdecimal()
'½'.isnumeric()
'ab1'.isalnum()
'ab'.isalpha()
' \\t'.isspace()
'AB'.isupper()
'ab'.islower()
''.isdigit()
'{} and {}'.format(1, 'b')
'{0}-{name}'.format(1, name='n')
'%s is %d' | format('a', 3)
'%.2f' | format(3.14159)
', '.join(list)
'hello world' | title
'hello wORLD' | capitalize
'ABC' | lower
'abc' | replace('b', 'x')
'abc' | first
'abc' | list
'abc' | reverse
'  x ' | trim
'xxaxx' | trim('x')
'12' | int
'12.7' | int
'abc' | int
'abc' | int(5)
' 7 ' | int
'1_000' | int
'0x1f' | int(base=16)
3.9 | int
-3.9 | int
true | int
'3.5' | float
'abc' | float
2.5 | round
3.14159 | round(2)
-3 | abs
42 | string
1.0 | string
none | string
[1, 'a'] | string
'<a href="x">' | e
'a\\nb' | indent
'a\\n\\nb' | indent(2, true)
text is string
list is string
list is iterable
text is iterable
d is mapping
list is sequence
text is sequence
d is sequence
1 is number
1.0 is float
1 is integer
true is integer
true is boolean
true is number
none is none
2 is even
2 is divisibleby 2
1 == 1.0
'a' < 'b'
true and 'x'
none or 'y'
'yes' if missing else 'no'
'yes' if false
range(3) | list
range(10, 0, -3) | list
dict(a=1, b='x')
d | tojson
nested | tojson
nested | tojson(indent=2)
floats | tojson
unicode | tojson
'</script>&\\'' | tojson
(1, 2) | tojson
missing | tojson
'\\d+\\.\\s'
'tab\\there \\x41\\u00e9'
"double \\"quoted\\""
big
big + 1
-big
1e3
1e16
1e-5
0.1 + 0.2
100 * 1.1
1_000
[[1, 2], [3, 4]] | map('first') | list
users | map(attribute='name') | list
users | selectattr('age', 'gt', 30) | map(attribute='name') | list
users | sort(attribute='age') | map(attribute='name') | join(' ')
users | sum(attribute='age')
users | map(attribute='missing', default='-') | list
undefined_function()
text | undefined_filter
text is undefined_test
1 / 0
'a' + 1
list['x']
text.nomethod()
""".strip("\n").split("\n")

# What a sandbox refuses; lm-evaluation-harness has none, we refuse it in both.
CHAT_EXPRESSIONS = ["list.append('z')", "d.update({'x': 1})", "d.pop('key')"]

EXPRESSION_CONTEXT = {
    "f": 1.5,
    "floats": [1.0, 0.1, 1e16, 1e-5, 123456789.125, 1e22, 5e-324, -0.0, 100.0, 1e15],
    "ints": [3, 1, 2],
    "text": "Hello World",
    "quotes": ["it's", 'say "hi"', "both ' and \"", "back\\slash", "new\nline\ttab\r"],
    "unicode": ["\u00e9", "\U0001f600", "\u200b", "\u00a0", "\u2028", "\u007f", "\u0000", "\u0085",
                "\ue000", "\U000e0001", "\u3000", "\u4f60"],
    "d": {"key": "value", "items": [1, 2], "n": 1},
    "list": ["a", "b", "c", "B"],
    "nothing": None,
    "nested": {"z": [1, {"b": None, "a": True}], "a": 1.0, "e": {}, "l": [], "t": "x\"\\/\n\u2028"},
    "big": 123456789012345678901234567890,
    "users": [{"name": "Ann", "age": 31, "city": "Y"}, {"name": "Bob", "age": 25, "city": "X"},
              {"name": "Cy", "age": 40, "city": "Y"}],
}

TASK_TEMPLATES = {
    "piqa": ("Question: {{goal}}\nAnswer:", {"goal": "How do I open a jar?"}),
    "arc": ("Question: {{question}}\nAnswer:", {"question": "Which {{is}} it?"}),
    "choices": ("{{choices.text}}", {"choices": {"text": ["a", "it's", "\"q\" 'r'"], "label": ["A", "B", "C"]}}),
    "answer index": ("{{choices.label.index(answerKey)}}", {"choices": {"text": ["a"], "label": ["A", "B"]}, "answerKey": "B"}),
    "mmlu": ("{{question.strip()}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}\nAnswer:",
             {"question": "  What? \n", "choices": ["1", "2", "3", "4"]}),
    "set and loop": ("{% set letters = ['A', 'B'] %}{% for c in choices %}{{ letters[loop.index0] }}. {{ c }}\n{% endfor %}\n",
                     {"choices": ["x", "y"]}),
    "boolq": ("{{passage}}\nQuestion: {{question}}?\nAnswer:", {"passage": "P -- q.", "question": "is it"}),
    "trailing newline": ("line\n\n", {}),
    "crlf": ("a\r\nb\rc\n", {}),
    "block newlines": ("{% if true %}\n  x\n{% endif %}\n  {% if true %}y{% endif %}\n", {}),
    "lambada": ("{{text.split(' ')[:-1] | join(' ')}}|{{' '+text.split(' ')[-1]}}", {"text": "the cat sat on  the mat"}),
    "regex": ("{{ text | regex_replace('\\\\s+', ' ') }}|{{ text | regex_replace('(\\\\w)(\\\\w)', '\\\\2\\\\1', 2) }}|{{ text | regex_replace('(?P<a>b+)', '<\\\\g<a>>') }}",
              {"text": "abb  c\t\nbd"}),
    "regex lookahead": ("{{ text | regex_replace('a(?=b)', 'X') }}|{{ text | regex_replace('^', '> ') }}|{{ text | regex_replace('', '-') }}",
                        {"text": "ab ac"}),
    "strict": ("{{ missing }}", {}),
    "strict if": ("{% if missing %}x{% endif %}", {}),
    "strict attribute": ("{{ doc.nokey }}", {"doc": {}}),
    "strict default": ("{{ missing | default('ok') }}", {}),
    "winogrande": ("{% set i = sentence.index('_') %}{{ sentence[:i] }}[{{ sentence[i+1:] }}]", {"sentence": "The _ is h\u00e9re"}),
    "number list": ("{{[0, 1.5, 'x']}}{{n}}{{f}}{{b}}{{none}}", {"n": 3, "f": 2.0, "b": True}),
    "syntax error": ("{% if %}", {}),
    "unclosed": ("{{ a", {}),
    "map in expression": ("{{[wrong|capitalize, right | trim]}}", {"wrong": "not", "right": " ok "}),
    "dict target": ("{{ {0: 'no', 1: 'yes'}[label] }}", {"label": 1}),
    "conditional": ("{{ ['False', 'True'][label] if label in [0, 1] else '?' }}", {"label": 2}),
    "lists": ("{{ (options | list)[answer] }} {{ options | length }} {{ options.index('b') }}", {"options": ["a", "b"], "answer": 1}),
    "tojson": ("{{ doc | tojson }}", {"doc": {"z": "<\u00e9>", "a": [1.0, None, True]}}),
    "whitespace control": ("a  {%- if true -%}  b  {%- endif -%}  c {{- 'd' -}} e", {}),
    "unicode": ("{{ text.capitalize() }} {{ text | upper }} {{ text[::-1] }}", {"text": "\u00e9t\u00e9 \u4f60\u597d \U0001f600"}),
}
