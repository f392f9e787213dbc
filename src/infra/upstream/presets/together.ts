import type { ChatPreset } from '#infra/upstream/profile.ts'

/** Together AI; `models` must say which of its models to ask for. */
export const together: ChatPreset = {
  title: 'Together AI',
  dialect: 'openai',
  baseUrl: 'https://api.together.xyz/v1',
  credential: { env: 'TOGETHER_API_KEY', header: 'bearer' },
  quirks: { topK: true, thinkTags: true },
}
