import type { ChatPreset } from '#infra/upstream/profile.ts'

/** Groq: limits per minute are small, a request above them gets 413 (providers 5.3). */
export const groq: ChatPreset = {
  title: 'Groq',
  dialect: 'openai',
  requestsHeaderWindow: 'day',
  baseUrl: 'https://api.groq.com/openai/v1',
  credential: { env: 'GROQ_API_KEY', header: 'bearer' },
  models: {
    'claude-fable-*': 'openai/gpt-oss-120b',
    'claude-opus-*': 'openai/gpt-oss-120b',
    'claude-sonnet-*': 'openai/gpt-oss-120b',
    'claude-haiku-*': 'openai/gpt-oss-20b',
  },
  quirks: {
    maxTokensField: 'max_completion_tokens',
    maxOutputTokens: 65_536,
    maxTools: 128,
    noImages: true,
    schema: 'plain',
    reasoning: 'reasoning_effort',
    efforts: ['low', 'medium', 'high'],
    userField: 'user',
  },
  notes: ['Its limits per minute are small; a request above them is too large for it, and another provider is asked.'],
}
