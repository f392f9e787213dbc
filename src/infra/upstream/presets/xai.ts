import type { ChatPreset } from '#infra/upstream/profile.ts'

/** xAI: reasoning tokens are not among its completion tokens. */
export const xai: ChatPreset = {
  title: 'xAI',
  dialect: 'openai',
  baseUrl: 'https://api.x.ai/v1',
  credential: { env: 'XAI_API_KEY', header: 'bearer' },
  models: { 'claude-*': 'grok-4.7' },
  quirks: { noStop: true, reasoningTokensApart: true, maxTools: 128, schema: 'plain' },
}
