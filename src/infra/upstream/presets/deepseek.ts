import type { AnthropicPreset, ChatPreset } from '#infra/upstream/profile.ts'

const MODELS = {
  'claude-fable-*': 'deepseek-v4-pro',
  'claude-opus-*': 'deepseek-v4-pro',
  'claude-sonnet-*': 'deepseek-v4-pro',
  'claude-haiku-*': 'deepseek-flash',
}
const CREDENTIAL = { env: 'DEEPSEEK_API_KEY' } as const

/** DeepSeek in the Anthropic format; it would take Claude's names for its own (providers 5.4). */
export const deepseekAnthropic: AnthropicPreset = {
  title: 'DeepSeek',
  dialect: 'anthropic',
  baseUrl: 'https://api.deepseek.com/anthropic',
  credential: { ...CREDENTIAL, header: 'x-api-key' },
  paths: { call: '/v1/messages' },
  models: MODELS,
  lacks: ['only:server-tools', 'source:url', 'source:file'],
  foreignThinking: true,
  notes: ['Prefer this to the chat dialect: nothing is translated.'],
}

/** DeepSeek in the chat dialect: it wants its reasoning back during a tool loop. */
export const deepseek: ChatPreset = {
  title: 'DeepSeek',
  dialect: 'openai',
  baseUrl: 'https://api.deepseek.com/v1',
  credential: { ...CREDENTIAL, header: 'bearer' },
  models: MODELS,
  quirks: {
    noImages: true,
    reasoning: 'thinking',
    echoReasoning: true,
    jsonObjectOnly: true,
    maxTools: 128,
    schema: 'plain',
  },
}
