import type { AnthropicPreset, ChatPreset } from '#infra/upstream/profile.ts'

const SHARED = {
  baseUrl: 'https://openrouter.ai/api/v1',
  credential: { env: 'OPENROUTER_API_KEY', header: 'bearer' },
  naming: 'openrouter',
  priceFeed: true,
} as const

const chat: ChatPreset = {
  ...SHARED,
  title: 'OpenRouter, chat completions',
  dialect: 'openai',
  paths: { call: '/chat/completions', models: '/models' },
  quirks: { fileParts: true, reasoning: 'openrouter', topK: true, userField: 'user' },
}

/** OpenRouter's Anthropic format; chat completions where a model needs it (providers 4). */
export const openrouter: AnthropicPreset = {
  ...SHARED,
  title: 'OpenRouter',
  dialect: 'anthropic',
  paths: { call: '/messages', models: '/models' },
  betaHeader: 'x-anthropic-beta',
  lacks: ['source:file'],
  chat,
  notes: [
    'Claude is asked through its Anthropic format, byte for byte. Models of `chatModels` are asked through chat completions, where a model misbehaves in the other.',
    'To keep Claude at Anthropic behind it: `extraBody: { provider: { order: [anthropic] } }`. In the European Union: `baseUrl: https://eu.openrouter.ai/api/v1`.',
  ],
}
