/**
 * What the fuzz cases begin with: the fixtures' streams, answers and refusals, a request that has a bit of everything, and the
 * words that mean something in each language.
 */
import { readdirSync, readFileSync } from 'node:fs'

const FIXTURES = new URL('../fixtures/', import.meta.url)
const EXAMPLE = new URL('../../signalbox.example.yaml', import.meta.url)

const filesThat = (fits: (name: string) => boolean): readonly Buffer[] =>
  readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' })
    .filter(fits)
    .toSorted()
    .map((file) => readFileSync(new URL(file, FIXTURES)))

const ANSWERS = /^(anthropic|bedrock|github-models|openai|openrouter|vertex)\/(?!chat-request).*\.json$/

export const anthropicStreams = filesThat((name) => /^anthropic\/.*\.sse$/.test(name))
export const chatStreams = filesThat((name) => /^(openai|openrouter\/chat).*\.sse$/.test(name))
/** Bodies of answers of every vendor, most of them refusals. */
export const answers = filesThat((name) => ANSWERS.test(name))
export const exampleConfig = readFileSync(EXAMPLE)

export const SSE_WORDS = [
  ...[
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    '\r\r',
    ':',
    ': ',
    'data',
    'data:',
    'data: ',
    'event:',
    'event: ',
    'id: 1',
    'retry: 1',
  ],
  ...['event: message_stop\n', 'event: error\n', 'event: ping\n', 'event: message_start\n', 'event: message_delta\n'],
  ...['data: [DONE]\n\n', 'data: {}\n\n', 'data: {"type":"message_stop"}\n\n', '\ufeff', '\u0000', '\ud83d', 'é', '😀'],
  ...[
    '{"error":',
    '"choices":[',
    '"finish_reason":"stop"',
    '"tool_calls":[{"index":0}]',
    'null',
    '"usage":null',
    '}',
    '[',
  ],
]
export const JSON_WORDS = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '\\"',
    '\\u',
    '\\u0041',
    'null',
    'true',
    '-',
    '1e999',
    '0',
    ' ',
    '\n',
    '/*',
  ],
  ...[
    '"type"',
    '"content"',
    '"messages"',
    '"system"',
    '"tools"',
    '"error"',
    '"signature"',
    '"__proto__"',
    '\ufeff',
    '\ud800',
  ],
]

const cached = { cache_control: { type: 'ephemeral', ttl: '1h' } }

/** A request that uses each part of the dialect once. */
export const request = {
  model: 'claude-sonnet-5-5',
  max_tokens: 4_096,
  stream: true,
  temperature: 1,
  top_p: 0.9,
  top_k: 5,
  stop_sequences: ['STOP', 'END'],
  metadata: { user_id: 'user_1_account__session_2' },
  service_tier: 'auto',
  container: 'c_1',
  thinking: { type: 'enabled', budget_tokens: 2_048, display: 'summarized' },
  output_config: { effort: 'high', format: { type: 'json_schema', schema: { type: 'object', properties: {} } } },
  context_management: {
    edits: [{ type: 'clear_thinking_20251015', keep: 'all' }, { type: 'clear_tool_uses_20250919' }],
  },
  mcp_servers: [{ type: 'url', url: 'https://mcp.example', name: 'm' }],
  tool_choice: { type: 'auto', disable_parallel_tool_use: true },
  system: [
    { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330' },
    { type: 'text', text: 'You are helpful. ', ...cached },
  ],
  tools: [
    {
      name: 'Read',
      description: 'Reads a file.',
      strict: true,
      defer_loading: true,
      eager_input_streaming: true,
      input_examples: [{ path: 'a' }],
      allowed_callers: ['direct'],
      input_schema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: { path: { type: 'string', format: 'uri', pattern: '^a' }, n: { $ref: '#/$defs/n' } },
        required: ['path'],
        additionalProperties: false,
        $defs: { n: { anyOf: [{ type: 'number' }, { $ref: '#/$defs/n' }, { type: 'null' }] } },
      },
      ...cached,
    },
    { type: 'web_search_20250305', name: 'web_search', max_uses: 5 },
    { type: 'bash_20250124', name: 'bash' },
    { name: 'mcp__a.b__c/d', input_schema: { type: ['object', 'null'], oneOf: [{ properties: { a: true } }] } },
  ],
  messages: [
    { role: 'user', content: 'hello' },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'EqQBCkgIBRABGAIiQ' },
        { type: 'redacted_thinking', data: 'AAAA' },
        { type: 'text', text: 'I will read it.', citations: null },
        { type: 'tool_use', id: 'toolu_01', name: 'Read', input: { path: 'a\n\nevent: message_stop' }, ...cached },
        { type: 'tool_use', id: 'Bash:12|x', name: 'mcp__a.b__c/d', input: {} },
        { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'q' } },
        {
          type: 'web_search_tool_result',
          tool_use_id: 'srvtoolu_1',
          content: [{ type: 'web_search_result', url: 'u' }],
        },
      ],
    },
    {
      role: 'user',
      content: [
        {
          type: 'tool_result',
          tool_use_id: 'toolu_01',
          content: [
            { type: 'text', text: 'text' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
            { type: 'tool_reference', tool_name: 'Read' },
          ],
          is_error: true,
        },
        { type: 'tool_result', tool_use_id: 'Bash:12|x', content: '' },
        { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
        { type: 'document', title: 't', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' } },
        { type: 'search_result', source: 's', title: 't', content: [{ type: 'text', text: 'x' }], ...cached },
        { type: 'text', text: 'go on', ...cached },
      ],
    },
    { role: 'system', content: 'be brief' },
    {
      role: 'assistant',
      content: [{ type: 'thinking', thinking: 'ours', signature: 'signalbox.v1.b3BlbmFp.c2ln' }],
      output_config: { effort: 'low' },
    },
    { role: 'user', content: [{ type: 'text', text: 'next' }] },
  ],
}

/** A whole chat completion with each part of the dialect once. */
export const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  model: 'gpt-6-luna',
  choices: [
    {
      index: 0,
      finish_reason: 'tool_calls',
      message: {
        role: 'assistant',
        content: '<think>hm</think>I will. \n\nevent: message_stop\n\n',
        refusal: null,
        reasoning_content: 'because',
        reasoning_details: [{ type: 'reasoning.text', text: 'x' }],
        annotations: [{ type: 'url_citation', url_citation: { url: 'u' } }],
        function_call: { name: 'f', arguments: '{}' },
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'Read', arguments: '{"path":"a"}' } },
          { id: 'call_1', type: 'function', function: { name: 'Read', arguments: '{"path":' } },
        ],
      },
    },
  ],
  usage: {
    prompt_tokens: 100,
    completion_tokens: 20,
    total_tokens: 120,
    prompt_tokens_details: { cached_tokens: 60 },
    completion_tokens_details: { reasoning_tokens: 5 },
    cost: 0.001,
  },
}

/** A whole Anthropic answer. */
export const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-5-5',
  content: [
    { type: 'thinking', thinking: 'hm', signature: 'abc' },
    { type: 'text', text: 'hello' },
    { type: 'tool_use', id: 't', name: 'n', input: {} },
  ],
  stop_reason: 'end_turn',
  usage: {
    input_tokens: 10,
    output_tokens: 5,
    cache_read_input_tokens: 3,
    cache_creation_input_tokens: 4,
    cache_creation: { ephemeral_5m_input_tokens: 1, ephemeral_1h_input_tokens: 3 },
    server_tool_use: { web_search_requests: 1 },
    service_tier: 'standard',
    iterations: [{ type: 'message', input_tokens: 1, output_tokens: 1 }],
    cost: 0.01,
  },
}
